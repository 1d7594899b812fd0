"""What the processes used, from the system's own accounts, and what machine it was."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds so far."""

    server: float
    postgres: float

    def __sub__(self, before: "Used") -> "Used":
        return Used(self.server - before.server, self.postgres - before.postgres)


def used(server: int, postgres: int) -> Used:
    """CPU seconds of the server's process, and of PostgreSQL with all its processes, ended ones included."""
    whole = sum(_times(postgres)) + sum(sum(_times(child)[:2]) for child in _children(postgres))
    return Used(sum(_times(server)[:2]) / _TICKS, whole / _TICKS)


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def machine() -> dict[str, str | int]:
    """The machine as it may be published: no names, no paths."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.lower().startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _times(pid: int) -> tuple[int, int, int, int]:
    """utime, stime, and those of children that have ended and were waited for; in ticks."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # it ended, before or while it was read
        return (0, 0, 0, 0)
    return (int(fields[11]), int(fields[12]), int(fields[13]), int(fields[14]))


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
