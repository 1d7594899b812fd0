"""The two listeners, their start and their graceful stop (guarantees.md G18, 4.4)."""

import asyncio
import errno
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import structlog
from aiohttp import http_parser

from etherapy.server.addresses import read_address
from etherapy.server.connection import Listener, Serve
from etherapy.server.health import Health, Ready, always_ready
from etherapy.server.http import Door
from etherapy.server.settings import Settings
from etherapy.server.telemetry import tell_loop_fault

_BACKLOG = 512
_LAST_WORDS = 1.0
"""Seconds for answers that are made but not yet written when the time to stop is over."""


class CannotListen(Exception):
    """A listener could not be opened; the text is one line that says why and what to do."""


class Service:
    """A door behind its public listener, and beside it the listener for whoever watches over it.

    `/ready` and `/metrics` are on the health listener only. `run` serves until SIGTERM or SIGINT.
    """

    def __init__(self, door: Door[Any], settings: Settings, ready: Ready = always_ready) -> None:
        self._door = door
        self._settings = settings
        self._health = Health(door.telemetry, ready, self._gauges)
        self._open: list[tuple[asyncio.Server, Listener]] = []
        self.public = ""
        """Where the public listener is, as `host:port` or `unix:/path`, once started."""
        self.health = ""

    @property
    def connections(self) -> int:
        """Open connections of both listeners."""
        return sum(len(listener.connections) for _, listener in self._open)

    @property
    def under_way(self) -> int:
        """Requests being served now."""
        return self._door.under_way

    @property
    def stopping(self) -> bool:
        """Whether the server has been told to stop."""
        return self._door.stopping

    def _gauges(self) -> dict[str, float]:
        return {"requests_under_way": self._door.under_way, "open_connections": self.connections}

    async def start(self) -> None:
        """Open both listeners; CannotListen if one of them cannot be."""
        require_fast_parser()
        context = _tls(self._settings)
        door, settings = self._door, self._settings
        try:
            self.public = await self._listen(settings.listen, door.serve, context)
            self.health = await self._listen(settings.health_listen, self._health.serve, None)
        except CannotListen:
            await self._close()
            raise

    async def stop(self) -> bool:
        """Accept nothing more, finish what is under way; False if something had to be cut off."""
        for server, _ in self._open:
            server.close()
        finished = await self._door.stop()
        await self._close()
        return finished

    async def run(self) -> None:
        """Serve until told to stop by a signal."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(tell_loop_fault)
        told: asyncio.Future[str] = loop.create_future()
        signals = (signal.SIGTERM, signal.SIGINT)
        for each in signals:
            loop.add_signal_handler(each, _tell_once, told, each.name)
        log = structlog.get_logger()
        try:
            await self.start()
            log.info("serving", listen=self.public, health_listen=self.health)
            log.info("stopping", signal=await told)
            if not await self.stop():
                log.warning("stopped with requests under way", count=self._door.under_way)
        finally:
            for each in signals:
                loop.remove_signal_handler(each)

    async def _listen(self, place: str, serve: Serve, context: ssl.SSLContext | None) -> str:
        listener = Listener(serve, self._door.broken, self._settings)
        loop = asyncio.get_running_loop()
        address = read_address(place)
        timeout = self._settings.header_deadline if context else None
        try:
            if isinstance(address, str):
                _remove_stale_socket(Path(address))
                server = await loop.create_unix_server(listener, address, backlog=_BACKLOG)
                self._open.append((server, listener))
                return place
            if address is None:
                raise CannotListen(f"{place} is not an address to listen on")
            server = await loop.create_server(
                listener, *address, ssl=context, backlog=_BACKLOG, ssl_handshake_timeout=timeout
            )  # fmt: skip
        except OSError as error:
            raise CannotListen(_why_not(place, error)) from None
        self._open.append((server, listener))
        host, port = server.sockets[0].getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def _close(self) -> None:
        for server, _ in self._open:
            server.close()
        await asyncio.gather(*(listener.shutdown(_LAST_WORDS) for _, listener in self._open))
        self._open.clear()


def _tell_once(told: asyncio.Future[str], name: str) -> None:
    if not told.done():
        told.set_result(name)


def require_fast_parser() -> None:
    """CannotListen unless the HTTP parser is the compiled one: the other was open to smuggling (2.2)."""
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise CannotListen(
            "the compiled HTTP parser of aiohttp is missing: install its wheel, and unset "
            "AIOHTTP_NO_EXTENSIONS"
        )


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise CannotListen(
            f"the TLS certificate or key cannot be used ({type(error).__name__}): check tls_certificate and "
            "tls_key, and that this user may read both"
        ) from None
    return context


def _remove_stale_socket(path: Path) -> None:
    """A socket file outlives a killed server; one that still answers is another program's."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(str(path)) == 0:
            raise OSError(errno.EADDRINUSE, "in use")
    path.unlink()


def _why_not(place: str, error: OSError) -> str:
    reasons = {
        "EADDRINUSE": "another program listens there; stop it, or choose another address",
        "EADDRNOTAVAIL": "this machine does not have that address",
        "EACCES": "this user may not open it; choose a port from 1024 on, or another path",
        "ENOENT": "the directory of the socket does not exist",
    }
    reason = reasons.get(errno.errorcode.get(error.errno or 0, ""), type(error).__name__)
    return f"cannot listen on {place}: {reason}"
