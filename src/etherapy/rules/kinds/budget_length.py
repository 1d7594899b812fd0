"""The budget of length: how long a message may be, and how much may be written in a period."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.budget_periods import (
    MOST_HOURS,
    Meter,
    Per,
    check_hours,
    counted_from,
    counting,
    first_room,
    periods_of,
    reach,
    room_in_all,
)
from etherapy.rules.calendar import instant, milliseconds, zone
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.kinds.acknowledgement import acknowledge_over
from etherapy.rules.rule import Case, Counted, Rule, ServiceClassName
from etherapy.rules.telling import Teller
from etherapy.rules.windows import Weekday

Bytes = Annotated[int, Meta(ge=256, le=16_777_216)]
Number = Annotated[int, Meta(ge=1, le=1_000_000)]


class BudgetLength(Rule, frozen=True, kw_only=True, tag="budget.length"):
    """How long a client's message may be, and how much they may write in a period (R-11).

    The server cannot count words: it compares the padded size of the ciphertext, in bytes. Words are for the
    client's devices, which show how many are left.
    """

    personal: ClassVar[bool] = True
    words = {
        "en": {
            "message_too_long": "The message is longer than agreed; a shorter one can be sent.",
            "counts_double": "The message is longer than agreed, so it counts as two.",
            "long_flagged": "The message is longer than agreed, and is delivered all the same.",
            "length_counted": "It counts in the agreed length.",
            "length_deferred": "The agreed length is used, so it waits for the next period with room.",
            "length_exhausted": "The agreed length for this period is used.",
            "length_flagged": "It is more than the agreed length, and is delivered all the same.",
            "message_words": "A message has at most {words}.",
            "period_words_day": "At most {words} a day altogether.",
            "period_words_week": "At most {words} a week altogether.",
            "period_words_month": "At most {words} a month altogether.",
            "period_words_hours": "At most {words} altogether in any {hours}.",
            "message_bytes": "Encrypted, a message takes at most {bytes} bytes.",
            "period_bytes_day": "Encrypted, the messages of a day take at most {bytes} bytes.",
            "period_bytes_week": "Encrypted, the messages of a week take at most {bytes} bytes.",
            "period_bytes_month": "Encrypted, the messages of a month take at most {bytes} bytes.",
            "period_bytes_hours": "Encrypted, the messages of any {hours} take at most {bytes} bytes.",
            "over_decline_keep_draft": "A longer message is not sent; the draft is kept on the device.",
            "over_count_double": "A longer message counts as two.",
            "over_accept_and_flag": "A longer message is delivered all the same; the client is told so.",
            "period_over_decline_keep_draft": "More than that altogether is not sent; the draft is kept.",
            "period_over_defer_to_next_period": "More than that altogether waits for the next period.",
            "period_over_accept_and_flag": "More than that altogether is delivered; the client is told so.",
        },
        "de": {
            "message_too_long": "Die Nachricht ist länger als vereinbart. Eine kürzere kann gesendet werden.",
            "counts_double": "Die Nachricht ist länger als vereinbart und zählt deshalb doppelt.",
            "long_flagged": "Die Nachricht ist länger als vereinbart. Sie wird trotzdem zugestellt.",
            "length_counted": "Sie zählt zur vereinbarten Länge.",
            "length_deferred": "Die vereinbarte Länge ist erreicht. Sie wartet auf den nächsten Zeitraum, in "
            "dem Platz ist.",
            "length_exhausted": "Die vereinbarte Länge für diesen Zeitraum ist erreicht.",
            "length_flagged": "Sie ist mehr als die vereinbarte Länge. Sie wird trotzdem zugestellt.",
            "message_words": "Eine Nachricht hat höchstens {words}.",
            "period_words_day": "Höchstens {words} am Tag insgesamt.",
            "period_words_week": "Höchstens {words} in der Woche insgesamt.",
            "period_words_month": "Höchstens {words} im Monat insgesamt.",
            "period_words_hours": "Höchstens {words} insgesamt in einem Zeitraum dieser Länge: {hours}.",
            "message_bytes": "Verschlüsselt hat eine Nachricht höchstens {bytes} Byte.",
            "period_bytes_day": "Verschlüsselt haben die Nachrichten eines Tages höchstens {bytes} Byte.",
            "period_bytes_week": "Verschlüsselt haben die Nachrichten einer Woche höchstens {bytes} Byte.",
            "period_bytes_month": "Verschlüsselt haben die Nachrichten eines Monats höchstens {bytes} Byte.",
            "period_bytes_hours": "Verschlüsselt haben die Nachrichten in einem Zeitraum dieser Länge "
            "höchstens {bytes} Byte: {hours}.",
            "over_decline_keep_draft": "Eine längere Nachricht wird nicht gesendet. Der Entwurf bleibt auf "
            "dem Gerät.",
            "over_count_double": "Eine längere Nachricht zählt doppelt.",
            "over_accept_and_flag": "Eine längere Nachricht wird trotzdem zugestellt. Das wird der Klientin "
            "oder dem Klienten gesagt.",
            "period_over_decline_keep_draft": "Was insgesamt darüber ist, wird nicht gesendet. Der Entwurf "
            "bleibt auf dem Gerät.",
            "period_over_defer_to_next_period": "Was insgesamt darüber ist, wartet auf den nächsten "
            "Zeitraum.",
            "period_over_accept_and_flag": "Was insgesamt darüber ist, wird trotzdem zugestellt. Das wird "
            "der Klientin oder dem Klienten gesagt.",
        },
    }

    message_bytes: Bytes | None = None
    """The padded ciphertext of one message has at most so many bytes; None: no limit but that of the form."""
    over: Literal["decline_keep_draft", "count_double", "accept_and_flag"] = "decline_keep_draft"
    """What happens to a longer one; `count_double`: it counts as two in `budget.count`."""
    period_bytes: Bytes | None = None
    per: Per = "week"
    hours: Annotated[int, Meta(ge=1, le=MOST_HOURS)] | None = None
    week_starts: Weekday = "mon"
    zone: str = ""
    """Of the periods; empty: the schedule's."""
    period_over: Literal["decline_keep_draft", "defer_to_next_period", "accept_and_flag"] = (
        "defer_to_next_period"
    )
    message_words: Number | None = None
    """For devices: at most so many words in a message."""
    period_words: Number | None = None
    """For devices: at most so many words in a period."""
    exempt: tuple[ServiceClassName, ...] = ()

    def __post_init__(self) -> None:
        if self.zone:
            zone(self.zone)

    def check(self) -> None:
        check_hours(self.per, self.hours)
        if self.message_bytes and self.period_bytes and self.message_bytes > self.period_bytes:
            mend = "let a period have room for one message at least"
            raise BadRule("period_bytes", "less than one message may have", mend)

    def lookback(self) -> timedelta:
        return timedelta() if self.period_bytes is None else reach(self.per, self.hours)

    def doubles(self, row: Counted) -> bool:
        """Whether a message counts as two."""
        return (
            self.over == "count_double" and self.message_bytes is not None and row.size > self.message_bytes
        )

    def limit(self, case: Case) -> Decision:
        attempt = case.attempt
        if not attempt.by_client or attempt.kind in self.exempt:
            return NOTHING
        return self._of_period(case)

    def weigh(self, case: Case) -> Decision:
        """How long it is counts for other words in place of what waits as well, not for what was accepted."""
        attempt = case.attempt
        settled = attempt.urgent or attempt.accepted_before
        if settled or not attempt.by_client or attempt.kind in self.exempt:
            return NOTHING
        return self._of_message(attempt.size)

    def _of_message(self, size: int) -> Decision:
        if self.message_bytes is None or size <= self.message_bytes:
            return NOTHING
        if self.over == "decline_keep_draft":
            return because(Reason("budget.length", "message_bytes", "message_too_long"), code="declined")
        code = "counts_double" if self.over == "count_double" else "long_flagged"
        return because(Reason("budget.length", "over", code))

    def _of_period(self, case: Case) -> Decision:
        meters, at = self._meters(case), milliseconds(case.attempt.at)
        if not meters:
            return NOTHING
        ready = instant(room_in_all(case))
        if first_room(meters, case.attempt.size, at) == at:
            return because(Reason("budget.length", "period_bytes", "length_counted"), counts_at=ready)
        if self.period_over == "decline_keep_draft":
            exhausted = Reason("budget.length", "period_bytes", "length_exhausted")
            return because(exhausted, code="declined", retry_from=ready)
        if self.period_over == "accept_and_flag":
            flagged = because(Reason("budget.length", "period_over", "length_flagged"), counts_at=ready)
            return flagged | acknowledge_over(case)
        deferred = Reason("budget.length", "period_over", "length_deferred")
        return because(deferred, counts_at=ready, not_before=ready) | acknowledge_over(case)

    def room(self, case: Case, at: int) -> int:
        """The first instant from `at` on at which the period has room; `budget_periods.Budget`."""
        attempt = case.attempt
        if self.period_over == "accept_and_flag" or not attempt.by_client or attempt.kind in self.exempt:
            return at
        return first_room(self._meters(case), attempt.size, at)

    def _meters(self, case: Case) -> list[Meter]:
        if self.period_bytes is None:
            return []
        place = self.zone or case.timetable.zone_name
        uses = [(counted_from(row), row.size) for row in counting(case, self.exempt)]
        periods = periods_of(self.per, self.hours, place, self.week_starts)
        return [Meter(self.period_bytes, periods, uses)]

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        hours = teller.count(self.hours or 0, "hour")
        if self.message_words is not None:
            yield "message_words", teller("message_words", words=teller.count(self.message_words, "word"))
        if self.message_bytes is not None:
            yield "message_bytes", teller("message_bytes", bytes=str(self.message_bytes))
            yield "over", teller(f"over_{self.over}")
        if self.period_words is not None:
            words = teller.count(self.period_words, "word")
            yield "period_words", teller(f"period_words_{self.per}", words=words, hours=hours)
        if self.period_bytes is not None:
            much = str(self.period_bytes)
            yield "period_bytes", teller(f"period_bytes_{self.per}", bytes=much, hours=hours)
            yield "period_over", teller(f"period_over_{self.period_over}")
