"""The server process: our own child, so that it can be waited for and never stays a zombie."""

import os
import signal
import subprocess
import time
from pathlib import Path

from etherapy.postgres.account import Account
from etherapy.postgres.cluster import is_ready
from etherapy.postgres.faults import PostgresUnavailable

_LOG_LIMIT = 4 << 20
_STILL_IN_USE = "shared memory block"
"""Of a killed server's children, which notice a moment later that they are alone."""


class Child:
    """One server process after another on the same cluster. What it says goes to `log`."""

    def __init__(self, cluster: Path, log: Path) -> None:
        self._cluster = cluster
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def died(self) -> bool:
        """Whether it was started and has ended without being asked to."""
        return self._process is not None and self._process.poll() is not None

    def launch(self, account: Account, command: list[str], patience: float) -> None:
        """Start it and wait until it accepts connections, the recovery after a crash included."""
        deadline = time.monotonic() + patience
        while not self._try_launch(account, command, deadline):
            time.sleep(0.05)

    def _try_launch(self, account: Account, command: list[str], deadline: float) -> bool:
        log = self._open_log()
        begins = os.fstat(log).st_size
        try:
            self._process = account.start(*command, stdin=subprocess.DEVNULL, stdout=log)
        finally:
            os.close(log)
        try:
            return self._wait_until_ready(self._process, begins, deadline)
        except BaseException:
            self.end(signal.SIGQUIT)
            raise

    def end(self, sign: signal.Signals = signal.SIGINT) -> None:
        """Ask it to stop with `sign`, then more firmly, and reap it."""
        process, self._process = self._process, None
        if process is None:
            return
        for order, patience in ((sign, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if process.poll() is None:
                process.send_signal(order)
            try:
                process.wait(patience)
                return
            except subprocess.TimeoutExpired:
                continue

    def kill(self) -> None:
        """End it as a crash would, and reap it; `died` is true afterwards."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _wait_until_ready(self, process: "subprocess.Popen[bytes]", begins: int, deadline: float) -> bool:
        """True when it is ready; False when the last one's children have to end first: try again."""
        while not is_ready(self._cluster, process.pid):
            late = time.monotonic() > deadline
            if process.poll() is not None:
                said = self._log_from(begins)
                if not late and _STILL_IN_USE in said:
                    return False
                raise PostgresUnavailable(f"PostgreSQL did not start:\n{said}")
            if late:
                raise PostgresUnavailable("PostgreSQL takes too long to be ready; its log says why")
            time.sleep(0.01)
        return True

    def _open_log(self) -> int:
        if self._log.exists() and self._log.stat().st_size > _LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".log.1"))
        return os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _log_from(self, begins: int) -> str:
        with self._log.open("rb") as file:
            file.seek(begins)
            return file.read(8000).decode(errors="replace").strip()
