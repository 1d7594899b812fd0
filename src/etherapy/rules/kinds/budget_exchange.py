"""The budget of exchanges: a package of so many turns, each with the answer to it."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.budget_periods import asked, counting
from etherapy.rules.calendar import day_bounds, zone
from etherapy.rules.decision import NOTHING, Decision, Reason, because
from etherapy.rules.kinds.acknowledgement import acknowledge_over
from etherapy.rules.rule import Case, Counted, Rule, ServiceClassName
from etherapy.rules.telling import Teller

_MARGIN_DAYS = 2


class BudgetExchange(Rule, frozen=True, kw_only=True, tag="budget.exchange"):
    """A package of exchanges (R-12): an exchange is a turn of the client with the answer to it.

    A further message in a turn that has begun costs nothing more, unless it is the first long one of the
    turn and those count double. Before its first date a package says nothing; after its last it declines.
    """

    personal: ClassVar[bool] = True
    words = {
        "en": {
            "exchange_begun": "It begins one of the agreed exchanges.",
            "same_exchange": "It belongs to an exchange that has begun.",
            "exchange_double": "It is longer than agreed, so this exchange counts as two.",
            "message_too_long": "The message is longer than agreed; a shorter one can be sent.",
            "long_flagged": "The message is longer than agreed, and is delivered all the same.",
            "package_used_up": "The agreed exchanges are used.",
            "package_needs_two": "A message of this length counts as two exchanges, and one is left.",
            "package_expired": "The time of the agreed exchanges is over.",
            "package_flagged": "It is more than the agreed exchanges, and is delivered all the same.",
            "exchanges": "The package has {count}: from {first}, before {end}.",
            "oversize": "A message of more than {bytes} bytes, encrypted, is long.",
            "oversize_count_double": "With a long message, an exchange counts as two.",
            "oversize_decline_keep_draft": "A long message is not sent; the draft is kept on the device.",
            "oversize_accept_and_flag": "A long message is delivered all the same; the client is told so.",
            "over_decline_keep_draft": "After that, messages are not sent; the draft is kept on the device.",
            "over_accept_and_flag": "More exchanges are delivered all the same; the client is told so.",
        },
        "de": {
            "exchange_begun": "Sie beginnt einen der vereinbarten Briefwechsel.",
            "same_exchange": "Sie gehört zu einem begonnenen Briefwechsel.",
            "exchange_double": "Sie ist länger als vereinbart; dieser Briefwechsel zählt doppelt.",
            "message_too_long": "Die Nachricht ist länger als vereinbart. Eine kürzere kann gesendet werden.",
            "long_flagged": "Die Nachricht ist länger als vereinbart. Sie wird trotzdem zugestellt.",
            "package_used_up": "Die vereinbarte Zahl von Briefwechseln ist erreicht.",
            "package_needs_two": "Eine Nachricht dieser Länge zählt als zwei Briefwechsel; einer ist übrig.",
            "package_expired": "Die Zeit der vereinbarten Briefwechsel ist vorbei.",
            "package_flagged": "Es sind mehr Briefwechsel als vereinbart. Sie wird trotzdem zugestellt.",
            "exchanges": "Umfang des Pakets: {count}, ab {first} und vor {end}.",
            "oversize": "Eine Nachricht mit mehr als {bytes} Byte, verschlüsselt, ist lang.",
            "oversize_count_double": "Mit einer langen Nachricht zählt ein Briefwechsel doppelt.",
            "oversize_decline_keep_draft": "Eine lange Nachricht wird nicht gesendet. Der Entwurf bleibt auf "
            "dem Gerät.",
            "oversize_accept_and_flag": "Eine lange Nachricht wird trotzdem zugestellt. Das wird der "
            "Klientin oder dem Klienten gesagt.",
            "over_decline_keep_draft": "Danach werden Nachrichten nicht gesendet. Der Entwurf bleibt auf dem "
            "Gerät.",
            "over_accept_and_flag": "Was darüber ist, wird trotzdem zugestellt. Das wird der Klientin oder "
            "dem Klienten gesagt.",
        },
    }

    exchanges: Annotated[int, Meta(ge=1, le=1000)] | None = None
    """None: there is no package."""
    package_from: date | None = None
    """Its first date."""
    valid_days: Annotated[int, Meta(ge=1, le=1100)] = 366
    zone: str = ""
    """Of these dates; empty: the schedule's."""
    oversize_bytes: Annotated[int, Meta(ge=256, le=16_777_216)] | None = None
    """Beyond so many bytes of padded ciphertext a message is long."""
    oversize: Literal["count_double", "decline_keep_draft", "accept_and_flag"] = "count_double"
    over: Literal["decline_keep_draft", "accept_and_flag"] = "decline_keep_draft"
    exempt: tuple[ServiceClassName, ...] = ()

    def __post_init__(self) -> None:
        if self.zone:
            zone(self.zone)

    def check(self) -> None:
        if self.exchanges is not None and self.package_from is None:
            raise BadRule("package_from", "the package has no first date", "name the date on which it begins")

    def lookback(self) -> timedelta:
        return timedelta() if self.exchanges is None else timedelta(days=self.valid_days + _MARGIN_DAYS)

    def limit(self, case: Case) -> Decision:
        attempt = case.attempt
        if self.exchanges is None or not attempt.by_client or attempt.kind in self.exempt:
            return NOTHING
        begins, ends = self._lasts(case)
        if attempt.at < begins:
            return NOTHING
        if attempt.at >= ends:
            return self._beyond("package_expired", "valid_days", case)
        long = self.oversize_bytes is not None and attempt.size > self.oversize_bytes
        if long and self.oversize == "decline_keep_draft":
            return because(Reason("budget.exchange", "oversize", "message_too_long"), code="declined")
        rows = [row for row in counting(case, self.exempt) if row.at >= begins]
        used = self._cost(rows)
        cost = self._cost([*rows, asked(case)]) - used
        if used + cost > self.exchanges and cost:
            code = "package_needs_two" if used < self.exchanges else "package_used_up"
            return self._beyond(code, "exchanges", case)
        left = max(0, self.exchanges - used - cost)
        said = because(self._counted(rows, case), left=left, counts_at=attempt.at)
        if not long:
            return said
        code = "exchange_double" if self.oversize == "count_double" else "long_flagged"
        return said | because(Reason("budget.exchange", "oversize", code))

    def _counted(self, rows: Iterable[Counted], case: Case) -> Reason:
        begun = any(row.turn == case.facts.turn for row in rows)
        return Reason("budget.exchange", "exchanges", "same_exchange" if begun else "exchange_begun")

    def _beyond(self, code: str, field: str, case: Case) -> Decision:
        """What happens to a message for which the package has nothing left."""
        if self.over == "decline_keep_draft":
            return because(Reason("budget.exchange", field, code), code="declined", left=0)
        flagged = Reason("budget.exchange", "over", "package_flagged")
        return because(flagged, left=0, counts_at=case.attempt.at) | acknowledge_over(case)

    def _lasts(self, case: Case) -> tuple[datetime, datetime]:
        """When the package begins and ends."""
        assert self.package_from is not None  # `check` saw to it
        name = self.zone or case.timetable.zone_name
        last = self.package_from + timedelta(days=self.valid_days - 1)
        return day_bounds(name, self.package_from)[0], day_bounds(name, last)[1]

    def _cost(self, rows: Iterable[Counted]) -> int:
        """How many exchanges these messages use: one a turn, two where one of them is long."""
        costs: dict[int, int] = {}
        most = self.oversize_bytes if self.oversize == "count_double" else None
        for row in rows:
            cost = 2 if most is not None and row.size > most else 1
            costs[row.turn] = max(cost, costs.get(row.turn, 0))
        return sum(costs.values())

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if self.exchanges is None or self.package_from is None:
            return
        end = self.package_from + timedelta(days=self.valid_days)
        count = teller.count(self.exchanges, "exchange")
        said = teller("exchanges", count=count, first=teller.date(self.package_from), end=teller.date(end))
        yield "exchanges", said
        if self.oversize_bytes is not None:
            yield "oversize_bytes", teller("oversize", bytes=str(self.oversize_bytes))
            yield "oversize", teller(f"oversize_{self.oversize}")
        yield "over", teller(f"over_{self.over}")
