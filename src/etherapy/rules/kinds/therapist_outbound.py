"""The therapist's own rest: when what they write goes out, and when they are told of anything."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import DAY_MINUTES, instant, milliseconds
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.quiet_hours import QuietWeek, quiet_until, quiet_week
from etherapy.rules.rule import Case, Rule
from etherapy.rules.telling import Teller
from etherapy.rules.timetable import HORIZON_MS, Timetable
from etherapy.rules.windows import WEEKDAYS, DayWindow, WeekWindow, joined, minute_of

NO_REASON = "now"
"""The `at_once_because` of somebody who gives no reason; only the override `free` takes it."""


class TherapistOutbound(Rule, frozen=True, kw_only=True, tag="therapist.outbound"):
    """When the therapist's messages go out, and quiet hours in which they are told of nothing (R-08).

    What is finished at another time is held until the next instant that is allowed, and can be taken back
    until then. Hours are those of the schedule's zone. Outbound hours that never come keep nothing back.
    The client's own quiet hours need no field here: notices always keep to them, and to hold a message for
    them would tell the therapist when they are.
    """

    layers: ClassVar[frozenset[str]] = frozenset({"practice", "therapist"})
    words = {
        "en": {
            "quiet_hours": "It was finished in the therapist's quiet hours.",
            "outbound_hours": "It was finished outside the hours in which the therapist's messages go out.",
            "latest_outbound": "It was finished after the practice's latest hour for messages.",
            "override_forbidden": "Sending at once in these hours is not allowed.",
            "reason_needed": "Sending at once in these hours needs a reason.",
            "told_later": "The therapist is told of it after their quiet hours.",
            "night_action": "The therapist chose to send it at once, outside their hours.",
            "night_action_label": "The therapist chose to send it at once, outside their hours: {label}.",
            "quiet": "Quiet hours of the therapist: {hours}. Nothing goes out then.",
            "own_hours": "Messages of the therapist go out during the opening hours.",
            "windows": "Messages of the therapist go out: {hours}.",
            "window": "{days} {hours}",
            "forbid": "What the therapist writes while nothing goes out is sent later; only answers to "
            "urgent messages go at once.",
            "reason_required": "What the therapist writes while nothing goes out is sent later; at once only "
            "for a reason, which is on record.",
            "free": "What the therapist writes while nothing goes out is sent later, unless the therapist "
            "sends it at once.",
        },
        "de": {
            "quiet_hours": "Sie wurde in den Ruhezeiten der Therapeutin oder des Therapeuten fertig.",
            "outbound_hours": "Sie wurde außerhalb der Zeiten fertig, in denen Nachrichten hinausgehen.",
            "latest_outbound": "Sie wurde nach der spätesten Sendezeit der Praxis fertig.",
            "override_forbidden": "Sofort zu senden ist zu diesen Zeiten nicht erlaubt.",
            "reason_needed": "Sofort zu senden braucht zu diesen Zeiten einen Grund.",
            "told_later": "Der Hinweis auf sie kommt nach den Ruhezeiten.",
            "night_action": "Sie wurde auf Wunsch sofort gesendet, außerhalb der eigenen Zeiten.",
            "night_action_label": "Sie wurde auf Wunsch sofort gesendet, außerhalb der eigenen Zeiten: "
            "{label}.",
            "quiet": "Ruhezeiten der Therapeutin oder des Therapeuten: {hours}. Dann geht nichts hinaus.",
            "own_hours": "Nachrichten der Therapeutin oder des Therapeuten gehen während der Öffnungszeiten "
            "hinaus.",
            "windows": "Nachrichten der Therapeutin oder des Therapeuten gehen hinaus: {hours}.",
            "window": "{days} {hours}",
            "forbid": "Was die Therapeutin oder der Therapeut schreibt, während nichts hinausgeht, wird "
            "später gesendet; nur Antworten auf Dringendes gehen sofort.",
            "reason_required": "Was die Therapeutin oder der Therapeut schreibt, während nichts hinausgeht, "
            "wird später gesendet; sofort nur aus einem Grund, der festgehalten wird.",
            "free": "Was die Therapeutin oder der Therapeut schreibt, während nichts hinausgeht, wird "
            "später gesendet, außer es wird anders gewählt.",
        },
    }

    quiet_start: str = ""
    """HH:MM; with `quiet_end` the hours of rest, each night. They may cross midnight."""
    quiet_end: str = ""
    own_hours_only: bool = False
    """Messages go out only while it is open."""
    windows: Annotated[tuple[WeekWindow, ...], Meta(max_length=100)] = ()
    """Messages go out only then; with `own_hours_only`: then as well."""
    override: Literal["forbid", "reason_required", "free"] = "reason_required"
    """Whether the therapist may send at once all the same."""

    def check(self) -> None:
        _quiet(self.quiet_start, self.quiet_end, "")

    def within(self, bounds: Bounds) -> None:
        latest = bounds.latest_outbound
        if not latest:
            return
        if self.quiet_start and _reaches(self.quiet_start, self.quiet_end, latest):
            raise BadRule(
                "quiet_start",
                f"quiet from {self.quiet_start} to {self.quiet_end} leaves time after the practice's bound, "
                f"{latest}",
                f"let them begin at {latest} or earlier, and last until midnight or longer",
            )
        for number, window in enumerate(self.windows):
            if window.span[1] > minute_of(latest, "latest_outbound"):
                raise BadRule(
                    f"windows[{number}].end",
                    f"messages go out until {window.end}, the practice's bound is {latest}",
                    f"end the window at {latest} or earlier",
                )

    def limit(self, case: Case) -> Decision:
        attempt = case.attempt
        if attempt.by_client or attempt.role == "colleague" or case.facts.turn_urgent:
            return NOTHING
        latest = case.the(Bounds).latest_outbound
        at = milliseconds(attempt.at)
        allowed = self._next(at, case.timetable, latest)
        if allowed == at:
            return NOTHING
        kept = self._kept_by(at, case.timetable, latest)
        if not attempt.at_once_because:
            return because(kept, not_before=instant(allowed))
        if self.override == "free" or (
            self.override == "reason_required" and attempt.at_once_because != NO_REASON
        ):
            label = "" if attempt.at_once_because == NO_REASON else attempt.at_once_because
            action = Reason("therapist.outbound", "override", "night_action", label=label)
            return Decision(because=(action,), by={"code": action, "release_at": action})
        why = "override_forbidden" if self.override == "forbid" else "reason_needed"
        return because(Reason("therapist.outbound", "override", why), kept, not_before=instant(allowed))

    def told_from(self, at: datetime, timetable: Timetable) -> datetime:
        """The first instant from `at` on at which the therapist may be told of something."""
        asked = milliseconds(at)
        told = quiet_until(_quiet(self.quiet_start, self.quiet_end, ""), timetable.zone_name, asked)
        return at if told == asked else instant(told)

    def goes_out_from(self, at: datetime, case: Case) -> datetime:
        """The first instant from `at` on at which a message of theirs goes out."""
        return instant(self._next(milliseconds(at), case.timetable, case.the(Bounds).latest_outbound))

    def _next(self, at: int, timetable: Timetable, latest: str) -> int:
        """The first instant from `at` on at which a message goes out.

        What the practice's latest hour stops goes out after the quiet hours; without any, when it opens.
        """
        quiet, last = _quiet(self.quiet_start, self.quiet_end, latest), at + HORIZON_MS
        candidate = at
        while candidate <= last:
            rested = quiet_until(quiet, timetable.zone_name, candidate)
            opens = self._outbound(rested, timetable)
            if rested > candidate and not self.quiet_start:
                opens = opens or timetable.next_open_ms(rested)
            if opens is None or opens == rested:
                return rested
            candidate = opens
        return quiet_until(quiet, timetable.zone_name, at)

    def _outbound(self, at: int, timetable: Timetable) -> int | None:
        """The next outbound time, quiet hours left aside; None: no hours are set, or none ever come."""
        found = [timetable.next_open_ms(at)] if self.own_hours_only else []
        if self.windows:
            found.append(_outbound_week(timetable.zone_name, self.windows).next_open_ms(at))
        return min((one for one in found if one is not None), default=None)

    def _kept_by(self, at: int, timetable: Timetable, latest: str) -> Reason:
        zone_name = timetable.zone_name
        if quiet_until(_quiet(self.quiet_start, self.quiet_end, ""), zone_name, at) > at:
            return Reason("therapist.outbound", "quiet_start", "quiet_hours")
        if self._outbound(at, timetable) in (None, at):
            return Reason("therapist.outbound", "quiet_end", "latest_outbound")
        field = "own_hours_only" if self.own_hours_only else "windows"
        return Reason("therapist.outbound", field, "outbound_hours")

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if self.quiet_start:
            hours = teller.hours(DayWindow(self.quiet_start, self.quiet_end))
            yield "quiet_start", teller("quiet", hours=hours)
        if self.own_hours_only:
            yield "own_hours_only", teller("own_hours")
        if self.windows:
            hours = "; ".join(
                teller(
                    "window", days=teller.days(one.days), hours=teller.hours(DayWindow(one.start, one.end))
                )
                for one in self.windows
            )
            yield "windows", teller("windows", hours=hours)
        if self.quiet_start or self.own_hours_only or self.windows:
            yield "override", teller(self.override)


@lru_cache(maxsize=1024)
def _quiet(start: str, end: str, latest: str) -> QuietWeek:
    """Quiet hours, and with the practice's latest hour what lies between it and them, or midnight."""
    try:
        week = quiet_week(start, end)
    except BadRule as bad:
        raise BadRule(f"quiet_{bad.field}", bad.problem, bad.mend) from None
    if not latest:
        return week
    until = DAY_MINUTES + minute_of(end, "quiet_end") if start and start > end else DAY_MINUTES
    evening = (minute_of(latest, "latest_outbound"), until)
    return tuple(joined((*spans, evening)) for spans in week)


@lru_cache(maxsize=1024)
def _outbound_week(zone_name: str, windows: tuple[WeekWindow, ...]) -> Timetable:
    by_day = [[one.span for one in windows if day in one.days] for day in WEEKDAYS]
    return Timetable(zone_name).with_weekly(zone_name, by_day)


def _reaches(start: str, end: str, latest: str) -> bool:
    """Whether quiet hours leave a time between the latest hour and midnight."""
    first, last = minute_of(start, "quiet_start"), minute_of(end, "quiet_end")
    return first > minute_of(latest, "latest_outbound") or first < last < DAY_MINUTES
