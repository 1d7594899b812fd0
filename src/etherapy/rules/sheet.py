"""The rule sheet in words: what holds, who set it, when it is open, and how long an answer can take (M-79).

One pure function of resolved rules. A device computes it from the sheet it has verified; nobody has to
believe it.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import msgspec

from etherapy.rules.calendar import instant, zone
from etherapy.rules.entries import Entry
from etherapy.rules.kinds import kind_of
from etherapy.rules.kinds.absence import Absence
from etherapy.rules.kinds.response_target import ResponseTarget
from etherapy.rules.longest_wait import Wait, longest_wait
from etherapy.rules.moments import show_date, show_moment, show_span
from etherapy.rules.resolved import Rules
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller
from etherapy.rules.words import Words

SHOWN: timedelta = timedelta(weeks=4)
"""How far ahead openings are listed and waits are looked at."""
_DAY = timedelta(days=1)
_FIRST = (
    *("window.weekly", "window.exception", "absence", "holiday.calendar"),
    *("off_hours.policy", "response.target", "pause"),
)
Side = Literal["client", "therapist"]


class Sentence(msgspec.Struct, frozen=True):
    """What one field of a rule means, and who set it."""

    field: str
    text: str
    origin: str
    """Layer and version, such as `therapist/3`; `product` has none."""
    set_by: str
    """The same in words."""


class Section(msgspec.Struct, frozen=True):
    """What one rule says."""

    kind: str
    sentences: tuple[Sentence, ...]


class Opening(msgspec.Struct, frozen=True):
    """Open time without a gap; `end` None: no end in sight."""

    start: datetime
    end: datetime | None
    words: str


class Change(msgspec.Struct, frozen=True):
    """What holds from a date on that does not hold before."""

    begins: date
    title: str
    sections: tuple[Section, ...]


class SheetInWords(msgspec.Struct, frozen=True):
    """The answer to "what are my rules?"."""

    language: str
    zone: str
    """The zone of the schedule."""
    sections: tuple[Section, ...]
    """What holds now."""
    openings: tuple[Opening, ...]
    """Of the next four weeks."""
    longest_wait: Wait | None
    """Over the next four weeks; None: nothing can be sent."""
    wait: str
    """The longest wait as a sentence."""
    changes: tuple[Change, ...]
    """By date, all that are known."""


def rule_sheet(
    rules: Rules,
    at: datetime,
    zone_there: str,
    words: Words,
    side: Side = "client",
    whose: str = "whose_client",
) -> SheetInWords:
    """The rules as a member reads them, with the times of the schedule's zone and of `zone_there` (empty: of
    the schedule alone), where that member is; BadRule for an unknown zone. `whose` is the phrase for the
    latter: `whose_therapist` says "the client's time"."""
    show = _Shower(rules, at, zone_there or rules.timetable.zone_name, words, side, whose)
    until = at + SHOWN
    wait = longest_wait(rules, at, until)
    return SheetInWords(
        language=words.language,
        zone=rules.timetable.zone_name,
        sections=tuple(show.sections(rules.in_force(at).entries, show.today)),
        openings=tuple(show.openings(until)),
        longest_wait=wait,
        wait=show.wait(wait),
        changes=tuple(show.changes()),
    )


def sheet_lines(sheet: SheetInWords, words: Words) -> Iterator[str]:
    """A sheet as lines of text."""
    for section in sheet.sections:
        yield from _lines(section)
    yield ""
    yield words.say("sheet_openings" if sheet.openings else "sheet_no_openings")
    yield from (f"  {opening.words}" for opening in sheet.openings)
    if sheet.wait:
        yield sheet.wait
    for change in sheet.changes:
        yield ""
        yield change.title
        for section in change.sections:
            yield from (f"  {line}" for line in _lines(section))


def _place(entry: Entry) -> tuple[int, str]:
    """What people look for first; the rest by name, and rules of one kind as they stand."""
    kind = kind_of(entry.rule)
    return (_FIRST.index(kind) if kind in _FIRST else len(_FIRST)), kind


def _lines(section: Section) -> Iterator[str]:
    for sentence in section.sentences:
        yield f"{sentence.text}  [{sentence.set_by}]"


class _Shower:
    """Shows one set of rules to one reader at one instant."""

    def __init__(self, rules: Rules, at: datetime, there: str, words: Words, side: Side, whose: str) -> None:
        self._rules, self._at, self._there = rules, at.astimezone(UTC), there
        self._words, self._side = words, side
        self._here = rules.timetable.zone_name
        self._whose = words.say(whose)
        zone(there)  # refused at once
        self.today = rules.timetable.date_of(at)

    def __call__(self, at: datetime) -> str:
        return show_moment(at, self._here, self._there, self._whose, self._words, self._at)

    def sections(self, entries: Iterable[Entry], today: date) -> Iterator[Section]:
        """What these entries say, without what is over; covers last."""
        for entry in sorted(entries, key=_place):
            kind = kind_of(entry.rule)
            if entry.rule.is_past(today) or self._is_early(entry.rule, today):
                continue
            said = entry.rule.tell(Teller(self._words, kind, self))
            sentences = tuple(self._sentence(entry, field, text) for field, text in said)
            if sentences:
                yield Section(kind, sentences)
        for cover in self._rules.covers:
            if cover.until > self._at.timestamp() * 1000:
                since, until = self(instant(cover.since)), self(instant(cover.until))
                text = self._words.say("sheet_cover", name=cover.name, since=since, until=until)
                set_by = self._words.say("sheet_layer_cover")
                yield Section("cover", (Sentence("*", text, "thread", set_by),))

    def _is_early(self, rule: Rule, today: date) -> bool:
        """Whether clients are not to be told of it yet."""
        return self._side == "client" and isinstance(rule, Absence) and not rule.visible_on(today)

    def _sentence(self, entry: Entry, field: str, text: str) -> Sentence:
        origin = entry.origin.get(field, entry.origin.get("*", "product"))
        return Sentence(field, text, origin, self._set_by(origin.partition("/")[0], entry.ends))

    def _set_by(self, layer: str, ends: date | None) -> str:
        if layer == "exception" and ends is not None:
            last = show_date(ends - _DAY, self._words)
            return self._words.say("sheet_layer_exception_until", date=last)
        sided = f"sheet_layer_{layer}_{self._side}"
        return self._words.say(sided if sided in self._words.phrases else f"sheet_layer_{layer}")

    def openings(self, until: datetime) -> Iterator[Opening]:
        """Open time from now on that begins before `until`."""
        for start, end in self._rules.timetable.merged_from(self._at):
            if start >= until:
                return
            if end - start > SHOWN:
                yield Opening(start, None, self._words.say("span_from", start=self(start)))
            else:
                zones = self._here, self._there
                shown = show_span(start, end, *zones, self._whose, self._words, self._at)
                yield Opening(start, end, shown)

    def wait(self, wait: Wait | None) -> str:
        """The longest wait as a sentence; empty where nothing can be sent."""
        if wait is None:
            return ""
        if wait.reply_by is None:
            target = self._rules.the(ResponseTarget, wait.sent_at).target
            phrase = "sheet_wait_open_end" if target.promises else "sheet_no_wait"
            return self._words.say(phrase, sent=self(wait.sent_at))
        return self._words.say(
            "sheet_longest_wait",
            wait=self._lasting(wait.lasts),
            sent=self(wait.sent_at),
            reply=self(wait.reply_by),
        )

    def _lasting(self, time: timedelta) -> str:
        """Days and hours, rounded up to the hour: a wait is not said to be shorter than it is."""
        teller = Teller(self._words, "")
        days, hours = divmod(-(-time // timedelta(hours=1)), 24)
        parts = [(days, "day"), (hours, "hour")]
        return teller.listed(teller.count(n, unit) for n, unit in parts if n or (unit == "hour" and not days))

    def changes(self) -> Iterator[Change]:
        """For each date on which other rules come into force, what is then new."""
        timetable, before = self._rules.timetable, self._rules.in_force(self._at).entries
        for day in self._rules.changes_after(self._at):
            after = self._rules.in_force(timetable.midnight(day)).entries
            known = {section for section in self.sections(before, day) if section.kind != "cover"}
            fresh = [one for one in self.sections(after, day) if one.kind != "cover" and one not in known]
            new = tuple(filter(None, (_without(section, known) for section in fresh)))
            if new:
                title = self._words.say("sheet_change", date=show_date(day, self._words))
                yield Change(day, title, new)
            before = after


def _without(section: Section, known: set[Section]) -> Section | None:
    """What a section says that was not said before."""
    said = {one for other in known if other.kind == section.kind for one in other.sentences}
    new = tuple(one for one in section.sentences if one not in said)
    return Section(section.kind, new) if new else None
