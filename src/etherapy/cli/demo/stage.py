"""What the story is played on: a directory, free ports, and the real server as a process of its own."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path

import etherapy
from etherapy.binary import Id16
from etherapy.cli.saying import Refusal
from etherapy.protocol.endpoints import ask_challenge, read_server_keys
from etherapy.protocol.people import AskChallenge
from etherapy.rules.calendar import instant
from etherapy.sdk.transport import Transport, Unreachable
from etherapy.server.operate.site import Site, open_site
from etherapy.server.operate.turning import turn_clock
from etherapy.server.settings import Settings

_PATIENCE = 90.0
"""Seconds to wait for the server, which makes its database first."""


class Stage:
    """A synthetic installation that is being served. `settings` name it, `environment` tells commands."""

    def __init__(self, place: Path) -> None:
        first, second = _free_ports()
        self.place = place
        self.profiles = place / "profiles"
        self.settings = Settings(
            data=place / "data",
            listen=f"127.0.0.1:{first}",
            health_listen=f"127.0.0.1:{second}",
            origin=f"http://127.0.0.1:{first}",
        )
        self.log = place / "server.log"
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def origin(self) -> str:
        """Where the server is."""
        return self.settings.origin

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to know to be about this stage, and nothing of another installation."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ETHERAPY_")}
        here = str(Path(etherapy.__file__).parents[1])
        return kept | {
            "ETHERAPY_DATA": str(self.settings.data),
            "ETHERAPY_LISTEN": self.settings.listen,
            "ETHERAPY_HEALTH_LISTEN": self.settings.health_listen,
            "ETHERAPY_ORIGIN": self.origin,
            "ETHERAPY_PROFILES": str(self.profiles),
            "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])),
        }

    async def start(self) -> None:
        """Start the server and wait until it answers."""
        self._launch()
        deadline = time.monotonic() + _PATIENCE
        async with Transport(self.origin, attempts=1, time_out=2.0) as transport:
            while True:
                try:
                    await transport.call(read_server_keys)
                    return
                except Unreachable:
                    self._check_alive(time.monotonic() < deadline)
                    await asyncio.sleep(0.05)

    def _launch(self) -> None:
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "etherapy", "serve", "--synthetic"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,  # a Ctrl-C is for us; the server is stopped after its users
            )

    def stop(self) -> None:
        """Stop the server; its PostgreSQL ends with it."""
        server, self._server = self._server, None
        if server is None:
            return
        for sign, patience in ((signal.SIGTERM, 30.0), (signal.SIGKILL, 10.0)):
            if server.poll() is None:
                server.send_signal(sign)
            try:
                server.wait(patience)
                return
            except subprocess.TimeoutExpired:
                continue

    def wait(self) -> int:
        """Wait for the server's own end."""
        return self._server.wait() if self._server is not None else 0

    @property
    def running(self) -> bool:
        """Whether the server is up."""
        return self._server is not None and self._server.poll() is None

    @asynccontextmanager
    async def site(self) -> AsyncIterator[Site]:
        """The place as the operator has it, beside the running server."""
        async with open_site(self.settings) as site:
            yield site

    async def turn(self, to: datetime) -> None:
        """Turn the clock, and come back when the server goes by it: a challenge for nobody tells its time."""
        async with self.site() as site:
            await turn_clock(site, to=to)
        ask = AskChallenge(Id16(bytes(16)), Id16(bytes(16)))
        async with Transport(self.origin) as transport, asyncio.timeout(_PATIENCE):
            while instant((await transport.call(ask_challenge, ask)).time) < to:  # noqa: ASYNC110 - no event crosses
                await asyncio.sleep(0.1)

    def _check_alive(self, in_time: bool) -> None:
        if self.running and in_time:
            return
        tail = self.log.read_text(errors="replace").strip().splitlines()[-6:]
        raise Refusal("the server did not start", "\n  ".join(tail) or "it said nothing")


@contextmanager
def set_stage(data: Path | None) -> Iterator[Stage]:
    """A stage in a directory of its own, cleared away afterwards; or in `data`, which is new, and stays."""
    place = data.absolute() if data is not None else Path(tempfile.mkdtemp(prefix="etherapy-demo-"))
    if data is not None:
        if place.exists() and any(place.iterdir()):
            raise Refusal(f"{place} is not empty", "name a new directory: the story begins from nothing")
        place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o711 if os.geteuid() == 0 else 0o700)  # root's PostgreSQL runs as somebody else
    stage = Stage(place)
    try:
        yield stage
    finally:
        stage.stop()
        if data is None:
            shutil.rmtree(place, ignore_errors=True)


def _free_ports() -> tuple[int, int]:
    """Two ports that nobody listens on now."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]
