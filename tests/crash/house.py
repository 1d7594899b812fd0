"""A server as a process of its own, on a data directory of its own, to be killed and started again.

It owns its PostgreSQL, as `etherapy serve` does for anybody. Whatever runs the crash test is only its
neighbour: it reads the files that lie there, and never starts the database itself.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from etherapy.crypto.invitation import new_link_secret, staff_keys
from etherapy.postgres.cluster import OPERATE, SERVE, running_pid
from etherapy.postgres.state import read_state
from etherapy.server.operate.installation import read_installation
from etherapy.server.operate.practices import LinkOffer, create_practice, create_staff_link
from etherapy.server.operate.site import CLUSTER, Site
from etherapy.server.operate.turning import turn_clock
from tests.crash.people import Person, enrol
from tests.crash.place import Place

_POLL = 0.02
_PATIENCE = 60.0


class House:
    """One installation made for trying out. `latest()` is what its clock shows at most."""

    def __init__(
        self, data: Path, listen: str, health_listen: str, settings: dict[str, str] | None = None
    ) -> None:
        self.data = data
        self.origin = f"http://{listen}"
        self._health = f"http://{health_listen}"
        self._settings = {"LISTEN": listen, "HEALTH_LISTEN": health_listen, "ORIGIN": self.origin} | (
            settings or {}
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._offset = timedelta(0)

    # The server

    @property
    def log(self) -> Path:
        return self.data.parent / "server.log"

    @property
    def pid(self) -> int:
        """Of the server's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def postgres_pid(self) -> int | None:
        """Of PostgreSQL's first process; None while it is down."""
        return running_pid(self.data / CLUSTER / "cluster")

    def start(self) -> None:
        """Start the server; `ready` waits for it."""
        environment = {name: text for name, text in os.environ.items() if not name.startswith("ETHERAPY_")}
        for name, text in {"DATA": str(self.data), "LOG_REQUESTS": "false", **self._settings}.items():
            environment[f"ETHERAPY_{name}"] = text
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "etherapy", "serve", "--synthetic"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    async def ready(self) -> None:
        """Return when it says that it can serve; RuntimeError with its last words if it does not."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        async with aiohttp.ClientSession() as session:
            while not await self._is_ready(session):
                ended = self._process is None or self._process.poll() is not None
                if ended or asyncio.get_running_loop().time() > deadline:
                    raise RuntimeError(f"the server does not serve:\n{self.log.read_text()[-3000:]}")
                await asyncio.sleep(_POLL)

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        with suppress(aiohttp.ClientError, TimeoutError):
            async with session.get(f"{self._health}/ready", timeout=aiohttp.ClientTimeout(5)) as answer:
                return answer.status == 200
        return False

    def kill(self) -> None:
        """kill -9 of the server; its PostgreSQL is left behind."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_postgres(self) -> None:
        """kill -9 of PostgreSQL's first process; the others notice and end."""
        if (pid := self.postgres_pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_backend(self, choose: Any) -> None:
        """kill -9 of one of PostgreSQL's other processes: it cuts off all sessions and recovers by itself."""
        children = [pid for pid in _children(self.postgres_pid or 0) if pid]
        if children:
            with suppress(ProcessLookupError):
                os.kill(choose(children), signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to stop, wait, and answer its exit status."""
        assert self._process is not None
        self._process.terminate()
        return await asyncio.to_thread(self._process.wait, _PATIENCE)

    def end(self) -> None:
        """Leave nothing running, whatever happened."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        if (pid := self.postgres_pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT)

    # The database and the clock

    def dsn(self, role: str) -> str:
        """How to reach its database; only while the server runs."""
        state = read_state(self.data / CLUSTER / "state.json")
        assert state is not None
        return f"postgresql://{role}@/etherapy?host={quote(state.socket_dir, safe='')}"

    @property
    def bin_dir(self) -> Path:
        """Where PostgreSQL's programs are."""
        state = read_state(self.data / CLUSTER / "state.json")
        assert state is not None
        return Path(state.bin_dir)

    def site(self) -> Site:
        """The place as the operator's commands see it."""
        return Site(self.data, self.dsn(SERVE), self.dsn(OPERATE), None, None)

    def latest(self) -> datetime:
        """No clock of this installation shows more than this."""
        return datetime.now(UTC) + self._offset

    async def turn(self, by: timedelta) -> None:
        """Turn the clock. When that fails half-way it may have been turned or not: `latest` supposes so."""
        self._offset += by
        reading = await turn_clock(self.site(), by=by)
        self._offset = reading.offset

    # Its people

    async def furnish(self, name: str, rules: Sequence[dict[str, Any]]) -> Place:
        """A practice with these rules."""
        site = self.site()
        practice = await create_practice(
            site, await read_installation(site), name=name, zone="America/New_York", rules=rules
        )
        return await Place.find(self.origin, practice.practice_id, self.latest)

    async def therapist(self, place: Place) -> Person:
        """A therapist who enrolled with a staff link."""
        site, link = self.site(), staff_keys(new_link_secret())
        offer = LinkOffer(link.lookup_id, link.signing.public)
        await create_staff_link(
            site, await read_installation(site), place.practice, offer, ["therapist"], "Dr Vale"
        )
        return await enrol(place, link.lookup_id, link.signing)


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def free_address() -> str:
    """An address on loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
