"""The longest wait for an answer, over all minutes at which a client's message can be sent: exact, by looking
only at the minutes at which it can be longest.

Between two turning points the time of the answer stands still or moves with the message, so a wait is longest
at the first minute from one on. Turning points are the beginnings and ends of open time, the wall times that
rules name, midnights, beginnings and ends of covers, and where counted time no longer fits before an end.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any, Final

import msgspec

from etherapy.rules.calendar import (
    DAY_MINUTES,
    MINUTE_MS,
    first_instant,
    instant,
    last_instant,
    milliseconds,
    wall_minute,
    zone,
)
from etherapy.rules.canonical import canonical_json
from etherapy.rules.judgement import decide
from etherapy.rules.kinds.pacing import Pacing
from etherapy.rules.resolved import Rules
from etherapy.rules.rule import Attempt, Facts, Rule
from etherapy.rules.timetable import Segment, Timetable

_SIZE = 256
_WALL_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")
_INSTANT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}.*(Z|[+-]\d{2}:\d{2})")


class Wait(msgspec.Struct, frozen=True):
    """A message, and until when its sender waits for the answer."""

    sent_at: datetime
    reply_by: datetime | None
    """None: no time of an answer can be named."""

    @property
    def lasts(self) -> timedelta:
        """How long; the longest there is where no end can be named."""
        return timedelta.max if self.reply_by is None else self.reply_by - self.sent_at


def longest_wait(rules: Rules, since: datetime, until: datetime) -> Wait | None:
    """The first of the longest waits for an answer to an ordinary message of a client that is sent at a whole
    minute from `since` to before `until`; None where nothing can be sent.

    Nobody has written before: what budgets keep back besides is told when it happens.
    """
    longest: Wait | None = None
    for ms in _minutes(rules, milliseconds(since), milliseconds(until)):
        at = instant(ms)
        decision = decide(rules, Attempt(at, by_client=True, size=_SIZE), Facts())
        if decision.code == "declined":
            continue
        wait = Wait(at, decision.reply_by)
        if longest is None or wait.lasts > longest.lasts:
            longest = wait
    return longest


def _minutes(rules: Rules, since: int, until: int) -> list[int]:
    """The whole minutes at which a wait can be longest, in order."""
    ends = [cover.until for cover in rules.covers]
    points = {since, *ends, *(cover.since for cover in rules.covers)}
    for one in (rules, *rules.covering.values()):
        points.update(_turning_points(one, since, until, ends))
    minutes = {-(-point // MINUTE_MS) * MINUTE_MS for point in points}
    return sorted(minute for minute in minutes if since <= minute < until)


def _turning_points(rules: Rules, since: int, until: int, ends: Sequence[int]) -> Iterator[int]:
    """Where the time of an answer may jump; with a time to take messages back also so long before.

    `ends`: of covers. Who covers promises no answer beyond the end of it.
    """
    documents = [_document(entry.rule) for entry in rules.entries]
    others = [_document(e.rule) for e in rules.entries if type(e.rule).shape is Rule.shape]
    texts = {text for document in others for text in _texts(document)}
    latest = until + DAY_MINUTES * MINUTE_MS
    points = [
        *_of_segments(rules.timetable, since, latest, _counted(documents, "window_minutes", MINUTE_MS), ends),
        *_of_walls(rules.timetable.zone_name, since, latest, texts),
        *(milliseconds(datetime.fromisoformat(text)) for text in texts if _INSTANT.fullmatch(text)),
        *(end - n + MINUTE_MS for n in _counted(documents, "wall_hours", 60 * MINUTE_MS) for end in ends),
    ]
    for early in {0, *(rule.recall_minutes for rule in rules.each(Pacing))}:
        yield from (point - early * MINUTE_MS for point in points)


def _document(rule: Rule) -> Any:
    return json.loads(canonical_json(msgspec.to_builtins(rule)))


def _of_walls(zone_name: str, since: int, until: int, texts: Iterable[str]) -> Iterator[int]:
    """Midnights, and each wall time that a rule names with the minute after it, on each date; both passes
    where there are two."""
    place = zone(zone_name)
    found = [match for match in map(_WALL_TIME.fullmatch, texts) if match]
    named = {int(match[1]) * 60 + int(match[2]) for match in found}
    minutes = {0, *named, *(minute + 1 for minute in named)}
    for ordinal in range(instant(since).toordinal() - 2, instant(until).toordinal() + 3):
        for minute in minutes:
            yield first_instant(place, wall_minute(ordinal, minute))
            yield last_instant(place, wall_minute(ordinal, minute))


def _of_segments(
    timetable: Timetable, since: int, until: int, counts: set[int], ends: Sequence[int]
) -> Iterator[int]:
    """Beginnings and ends of open time; and the first minute from which counted open time no longer fits
    before such an end, or before one of `ends`."""
    segments: list[Segment] = []
    for start, end in timetable.merged_ms(since):
        if start >= until and _length(segments, until) >= max(counts, default=0):
            break
        segments.append((max(start, since), end))
    yield from (edge for segment in segments for edge in segment)
    if not counts or not segments:
        return
    passed = list(accumulate((end - start for start, end in segments), initial=0))
    totals = {*passed, *(_length(segments, since, end) for end in ends)}
    for total in (total - n for n in counts for total in totals if total >= n):
        place = min(max(bisect_right(passed, total) - 1, 0), len(segments) - 1)
        yield segments[place][0] + total - passed[place] + MINUTE_MS


def _length(segments: Iterable[Segment], since: int, until: int | None = None) -> int:
    """Open time of these segments from an instant on, to another."""
    cut = ((max(start, since), end if until is None else min(end, until)) for start, end in segments)
    return sum(end - start for start, end in cut if end > start)


def _counted(document: Any, count: str, unit: int) -> set[int]:
    """Every number of that count by which a reply may be due, wherever it stands in rules, in ms."""
    match document:
        case {"count": str(name), "n": int(n)} if name == count:
            return {n * unit}
        case dict():
            return {n for value in document.values() for n in _counted(value, count, unit)}
        case list():
            return {n for value in document for n in _counted(value, count, unit)}
    return set()


def _texts(document: Any) -> Iterator[str]:
    """Every text in a rule."""
    match document:
        case str():
            yield document
        case dict():
            for value in document.values():
                yield from _texts(value)
        case list():
            for value in document:
                yield from _texts(value)
