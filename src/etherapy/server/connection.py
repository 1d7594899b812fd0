"""One connection: deadlines and sizes that the HTTP library does not keep by itself (guarantees.md 2.3, 4.4).

The library closes a silent connection only by its keep-alive time, reads any number of header bytes,
queues pipelined requests and answers broken ones as plain text. Here a header has a deadline and a size,
one request is in the air at a time, and whatever is wrong is a problem document.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

from aiohttp import http_exceptions, web
from aiohttp.web_protocol import RequestHandler

from etherapy.protocol.door import AddressTooLong, BadRequest, HeadersTooLarge
from etherapy.protocol.problem import Problem, Unexpected
from etherapy.server.answers import Answer
from etherapy.server.settings import Settings

MAX_ADDRESS = 4096
MAX_HEADER = 16 * 1024
MAX_HEADERS = 64
_LINGER = 1.0
"""Seconds for which a refused body is read on, so that the client sees the answer and not a reset."""

_SILENT = logging.Logger("etherapy.connection", logging.CRITICAL + 1)
"""The library's own log lines hold exception texts and addresses; the door writes the one line itself."""

Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Broken = Callable[[Problem, BaseException | None], Answer]
"""Makes the answer to what could not be read as a request, and tells telemetry."""


class Listener(web.Server):
    """Makes a `Connection` for each that is accepted; beyond `settings.max_connections` they are closed."""

    def __init__(self, serve: Serve, broken: Broken, settings: Settings) -> None:
        super().__init__(cast(Any, serve))
        self.settings = settings
        self.broken = broken

    def __call__(self) -> RequestHandler:
        return Connection(self, self._loop)


class Connection(RequestHandler):
    """The protocol object of one connection."""

    __slots__ = ("_broken", "_deadline", "_header_bytes", "_settings", "ending")

    def __init__(self, listener: Listener, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            listener,
            loop=loop,
            keepalive_timeout=listener.settings.keep_alive,
            logger=_SILENT,
            access_log=cast(logging.Logger, None),
            max_line_size=MAX_ADDRESS,
            max_headers=MAX_HEADERS,
            max_field_size=MAX_HEADER,
            lingering_time=_LINGER,
            auto_decompress=False,
        )
        self._settings = listener.settings
        self._broken = listener.broken
        self._deadline: asyncio.TimerHandle | None = None
        self._header_bytes = 0
        self.ending: asyncio.Event | None = None
        """Set when the client goes away, if the request being served asked to know."""

    @property
    def closing(self) -> bool:
        """Whether the connection ends after the request being served."""
        return self._close or self._force_close

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the header's clock at once: a silent connection is a slow header."""
        super().connection_made(transport)
        manager = cast(Listener, self._manager)
        if len(manager.connections) > self._settings.max_connections:
            cast(asyncio.Transport, transport).abort()
            return
        _give_up_on_deaf_peers(transport, self._settings.answer_deadline)
        self._expect_header()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Tell a waiting request that nobody listens any more; one that acts runs to its end."""
        self._header_arrived()
        if self.ending is not None:
            self.ending.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count header bytes, and refuse to take a second request while one is being served."""
        serving = self._current_request
        if data and serving is not None and serving.content.is_eof():
            self.close()  # without data the library only asks itself to go on
            return
        idle = self._waiter is not None and not self._messages
        super().data_received(data)
        while len(self._messages) > 1:
            self._messages.pop()
            self.close()
        if self._messages or self._current_request is not None:
            self._header_arrived()
        elif idle:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER + MAX_ADDRESS:
                self._refuse(HeadersTooLarge())
            elif self._deadline is None:
                self._expect_header()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write the answer; a client that does not take it is cut off."""
        try:
            async with asyncio.timeout(self._settings.answer_deadline):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            if self.transport is not None:
                self.transport.abort()
            return resp, True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The library could not read a request: say so as everything else is said."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        answer = self._broken(Unexpected() if status >= 500 else _why(exc), exc if status >= 500 else None)
        answer.force_close()
        return answer

    def _refuse(self, problem: Problem) -> None:
        """Answer without a request, and close."""
        answer = self._broken(problem, None)
        transport = cast(asyncio.Transport, self.transport)
        lines = [f"HTTP/1.1 {answer.status} {answer.reason}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        body = cast(bytes, answer.body)
        lines += [f"Content-Length: {len(body)}", "", ""]
        transport.write("\r\n".join(lines).encode("ascii") + body)
        self._header_arrived()
        self.force_close()

    def _expect_header(self) -> None:
        self._deadline = self._loop.call_later(self._settings.header_deadline, self._too_slow)

    def _header_arrived(self) -> None:
        self._header_bytes = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self.transport is not None:
            self.transport.abort()


def _why(error: BaseException | None) -> Problem:
    """The problem behind a parser's complaint; its text is never passed on, for it repeats the input."""
    if isinstance(error, http_exceptions.LineTooLong):
        return AddressTooLong() if error.args[1] == MAX_ADDRESS else HeadersTooLarge()
    if isinstance(error, http_exceptions.BadHttpMessage) and error.message == "Too many headers received":
        return HeadersTooLarge()
    return BadRequest()


def _give_up_on_deaf_peers(transport: asyncio.BaseTransport, seconds: float) -> None:
    """Where the system can, let it drop a peer that takes nothing of what was sent for so long."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    found = transport.get_extra_info("socket")
    if option is not None and found is not None and found.family in (socket.AF_INET, socket.AF_INET6):
        found.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))
