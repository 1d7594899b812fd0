"""One line of what `etherapy doctor` says."""

from typing import Literal

import msgspec

State = Literal["ok", "warn", "fail"]


class Line(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    state: State
    words: str
    mend: str = ""


def halves(line: str) -> tuple[str, str]:
    """What is wrong, and the mend that follows the first semicolon or colon."""
    for mark in ("; ", ": "):
        problem, found, mend = line.partition(mark)
        if found:
            return problem, mend
    return line, ""
