"""How the story is told: steps with their times, words of the people in it, and one document at the end."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from textwrap import wrap
from typing import Any

import click
import msgspec

from etherapy.rules.calendar import zone

WIDTH = 92


class DidNotHold(Exception):
    """Something in the story is not as it must be."""


class Telling:
    """Tells the story on standard output, and remembers how each step went."""

    def __init__(self, total: int) -> None:
        self.steps: list[dict[str, Any]] = []
        self.facts: dict[str, Any] = {"release_at": None, "reply_by": None, "leak_hits": None}
        self._total = total
        self._begun = time.monotonic()

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[None]:
        """One step; what is raised inside makes it one that did not hold."""
        number = f"{len(self.steps) + 1}/{self._total}"
        click.echo()
        click.echo(click.style(f"{number:>5}  {title}", bold=True))
        begun, ok = time.monotonic(), False
        try:
            yield
            ok = True
        finally:
            seconds = round(time.monotonic() - begun, 3)
            self.steps.append({"name": name, "ok": ok, "seconds": seconds})

    def say(self, *lines: str) -> None:
        """What the story-teller says."""
        for line in lines:
            for part in wrap(line, WIDTH - 7) or [""]:
                click.echo(f"       {part}")

    def quote(self, who: str, text: str | Iterable[str]) -> None:
        """What somebody in the story sees or says."""
        lines = text.splitlines() if isinstance(text, str) else list(text)
        click.echo(click.style(f"       {who}", fg="cyan"))
        for line in lines:
            for part in wrap(line, WIDTH - 9) or [""]:
                click.echo(f"       │ {part}")

    def expect(self, holds: bool, what: str) -> None:
        """Say that something holds; DidNotHold if it does not."""
        if not holds:
            click.echo(click.style(f"       ✗ {what}", fg="red"))
            raise DidNotHold(what)
        click.echo(click.style("       ✓ ", fg="green") + what)

    @property
    def held(self) -> bool:
        """Whether every step was told and held."""
        return len(self.steps) == self._total and all(step["ok"] for step in self.steps)

    def finish(self) -> str:
        """The document about it, one line of JSON."""
        seconds = round(time.monotonic() - self._begun, 3)
        document = {"ok": self.held, "steps": self.steps, **self.facts, "seconds": seconds}
        return msgspec.json.encode(document).decode()


def on_wall(at: datetime, name: str) -> str:
    """An instant as a clock in that zone shows it."""
    place = zone(name)
    return f"{at.astimezone(place):%a %d %b %Y, %H:%M} in {name.rpartition('/')[2].replace('_', ' ')}"


def as_written(at: datetime | None) -> str | None:
    """An instant as the document at the end has it."""
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"


def flush() -> None:
    """Have everything that was said read."""
    sys.stdout.flush()
