"""A private PostgreSQL: made, started, attached to, revived and stopped."""

import asyncio
import atexit
import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from etherapy.postgres.account import Account, choose_account
from etherapy.postgres.binaries import Binaries, find_binaries
from etherapy.postgres.child import Child
from etherapy.postgres.cluster import (
    BOOTSTRAP,
    DATABASE,
    OPERATE,
    SERVE,
    check_major,
    clear_remains,
    running_pid,
)
from etherapy.postgres.faults import PostgresUnavailable
from etherapy.postgres.place import (
    clear_socket,
    forget_socket_dir,
    is_there,
    make_data_dir,
    make_socket_dir,
    settle_cluster,
)
from etherapy.postgres.settings import server_settings
from etherapy.postgres.state import Lock, State, read_state, write_state


class Postgres:
    """A PostgreSQL of our own whose files live in `data_dir`; blocking, no event loop needed.

    The first process to start it is its owner: PostgreSQL is its child and ends with it. Others attach and
    only use it; their `stop` does nothing. Use it as `with Postgres(path) as pg:` (or `async with`).

    `data_dir` is made when missing; the modes of its parents are never changed. `binaries` chooses another
    PostgreSQL than `find_binaries()`, `settings` overrides server settings for tests. `patience` is seconds
    to wait for a start, which covers the recovery after a crash. Raises PostgresUnavailable.
    """

    def __init__(
        self,
        data_dir: Path | str,
        *,
        binaries: Binaries | None = None,
        settings: dict[str, str] | None = None,
        patience: float = 120.0,
    ) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.owned = False
        self._wanted = binaries
        self._settings = settings or {}
        self._patience = patience
        self._child = Child(self._cluster, self.data_dir / "postgres.log")
        self._state: State | None = None
        self._account: Account | None = None
        self._starter = 0
        self._owner_lock = Lock(self.data_dir / "owner.lock")

    # What it is

    @property
    def serve_dsn(self) -> str:
        """How the server connects: no BYPASSRLS, no schema rights."""
        return self.dsn(SERVE)

    @property
    def operate_dsn(self) -> str:
        """How migrations, backup and restore connect: owner of the database, BYPASSRLS, no superuser."""
        return self.dsn(OPERATE)

    @property
    def bootstrap_dsn(self) -> str:
        """The superuser: for making further databases, and for tests. Nothing serves with it."""
        return self.dsn(BOOTSTRAP)

    def dsn(self, role: str, database: str = DATABASE) -> str:
        """The address of a database for a role, through the socket."""
        return f"postgresql://{role}@/{database}?host={quote(self._now.socket_dir, safe='')}"

    @property
    def bin_dir(self) -> Path:
        """Where the programs are that belong to this server: pg_dump, pg_restore, pgbench."""
        return Path(self._now.bin_dir)

    @property
    def version(self) -> str:
        """Of the server, such as `18.6`."""
        return self._now.version

    @property
    def way(self) -> str:
        """How it is run: `direct`, `drop`, `namespace` or `copy` (etherapy.postgres.account)."""
        return self._now.way

    @property
    def pid(self) -> int | None:
        """Of the running server; None while it is down."""
        return running_pid(self._cluster)

    # What it does

    def start(self) -> Self:
        """Make the cluster if needed and start it, or attach to the one that somebody else runs."""
        make_data_dir(self.data_dir)
        with self._start_lock.held(self._patience):
            if self._owner_lock.try_take():
                try:
                    self._become_owner()
                except BaseException:
                    self._owner_lock.release()
                    raise
            else:
                self._attach()
        return self

    def stop(self) -> None:
        """Stop it cleanly if we started it: sessions are ended, everything is written, the child reaped."""
        if not self.owned or os.getpid() != self._starter:
            return
        with self._start_lock.held(self._patience):
            self._child.end()
            forget_socket_dir(Path(self._now.socket_dir))
            self._state_file.unlink(missing_ok=True)
            self.owned = False
            self._owner_lock.release()
        atexit.unregister(self.stop)

    def kill(self) -> None:
        """Kill the server as a crash would and reap it. For crash tests; `revive` starts it again."""
        if self.owned:
            self._child.kill()
        elif (pid := self.pid) is not None:
            os.kill(pid, signal.SIGKILL)

    def revive(self) -> bool:
        """Start the server again if it died; whether it had. Cheap when all is well.

        Its owner does, and once the owner has ended, whoever is attached and comes first: a command that
        happened to start it must not take it from the server that uses it.
        """
        if not self.owned:
            return self._succeed()
        if not self._child.died:
            return False
        with self._start_lock.held(self._patience):
            self._launch()
        return True

    async def keep_alive(self, every: float = 0.2) -> None:
        """Revive the server whenever it dies, until cancelled; looks every `every` seconds."""
        while True:
            await asyncio.sleep(every)
            await asyncio.to_thread(self.revive)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.stop)

    # How

    @property
    def _now(self) -> State:
        if self._state is None:
            raise PostgresUnavailable("PostgreSQL has not been started")
        return self._state

    @property
    def _cluster(self) -> Path:
        return self.data_dir / "cluster"

    @property
    def _state_file(self) -> Path:
        return self.data_dir / "state.json"

    @property
    def _start_lock(self) -> Lock:
        return Lock(self.data_dir / "start.lock")

    def _become_owner(self) -> None:
        binaries = self._wanted or find_binaries()
        there = is_there(self._cluster)
        if there:
            check_major(self._cluster, binaries)
            clear_remains(self._cluster, self._patience)  # before its files change hands
        owner = self._cluster.stat().st_uid if there else None
        home = self._cluster.resolve().parent if there else self.data_dir
        account, binaries, home = choose_account(binaries, home, owner)
        settle_cluster(self._cluster, home, binaries, account)
        self._state = State(
            os.getpid(),
            binaries.major,
            binaries.version,
            str(binaries.bin_dir),
            str(make_socket_dir(home, account, self._state.socket_dir if self._state else None)),
            account.way,
        )
        self._account = account
        self._launch()
        write_state(self._state_file, self._state)
        self.owned, self._starter = True, os.getpid()
        atexit.register(self.stop)

    def _succeed(self) -> bool:
        """Become the owner in the place of one that has ended, on the same socket."""
        if self._state is None or not self._owner_lock.try_take():
            return False
        try:
            with self._start_lock.held(self._patience):
                self._become_owner()
        except BaseException:
            self._owner_lock.release()
            raise
        return True

    def _launch(self) -> None:
        command = [
            str(self.bin_dir / "postgres"),
            *("-D", str(self._cluster.resolve())),
            *server_settings(self._now.socket_dir, self._settings),
        ]
        clear_remains(self._cluster, self._patience)
        clear_socket(Path(self._now.socket_dir))
        if self._account is not None:
            self._child.launch(self._account, command, self._patience)

    def _attach(self) -> None:
        """Use what the owner runs. The start lock is ours, so the owner is neither starting nor stopping."""
        state = read_state(self._state_file)
        if state is None:
            raise PostgresUnavailable(
                f"another process holds {self.data_dir} but runs no PostgreSQL there; end it and try again"
            )
        if self._wanted is not None and self._wanted.major != state.major:
            raise PostgresUnavailable(
                f"another process runs PostgreSQL {state.version} in {self.data_dir}, "
                f"not {self._wanted.version}"
            )
        self._state = state
