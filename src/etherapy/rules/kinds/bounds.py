"""Bounds: what the practice allows at all, and how long a wait may be before people are warned of it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.decision import NOTHING, Decision
from etherapy.rules.rule import Case, Rule
from etherapy.rules.telling import Teller, wall_time
from etherapy.rules.windows import minute_of

Policy = Literal["hold", "hold_with_ack", "deliver_silent", "deliver_normal", "decline_keep_draft"]
"""What may happen to a message outside the hours (R-06)."""


class Bounds(Rule, frozen=True, kw_only=True, tag="bounds"):
    """The practice's limits on what all other layers say (R-23), and the wait that it holds to be too long.

    They are asked when rules are written and again when a sheet is read: each kind refuses in its `within`
    what lies outside. A wait to a reply longer than `longest_wait_days` is allowed, and marked `long_wait`.
    """

    layers: ClassVar[frozenset[str]] = frozenset({"practice"})
    words = {
        "en": {
            "longer_than_bound": "The wait is longer than the practice's bound.",
            "long_wait": "A wait of more than {days} is warned of.",
            "max_target": "A promised reply time is at most {days}.",
            "min_notice": "Changes to fewer hours, and new phases, are to be announced at least {days} "
            "before.",
            "max_exception": "A temporary exception lasts at most {days}.",
            "latest_outbound": "The therapist's messages go out before {time}.",
            "min_windows": "There are at least {windows} in a week.",
            "allowed_policies": "Outside the hours, the practice allows: {policies}.",
            "hold": "waiting until it opens",
            "hold_with_ack": "waiting until it opens, with an acknowledgement",
            "deliver_silent": "quiet delivery",
            "deliver_normal": "delivery at once",
            "decline_keep_draft": "not sending",
            "min_budget": "At least {messages} a week are allowed.",
            "no_open_early": "Held messages are not opened before their time.",
            "longest_closed": "Closed for more than {days} only with somebody who covers.",
        },
        "de": {
            "longer_than_bound": "Die Wartezeit ist länger als die Grenze der Praxis.",
            "long_wait": "Vor langen Wartezeiten wird gewarnt: mehr als {days}.",
            "max_target": "Höchste Antwortzeit, die zugesagt werden darf: {days}.",
            "min_notice": "Frist, mit der kürzere Zeiten und neue Phasen anzukündigen sind: {days}.",
            "max_exception": "Höchste Dauer einer befristeten Ausnahme: {days}.",
            "latest_outbound": "Nachrichten der Therapeutin oder des Therapeuten gehen vor {time} hinaus.",
            "min_windows": "Mindestens in jeder Woche: {windows}.",
            "allowed_policies": "Außerhalb der Zeiten erlaubt die Praxis: {policies}.",
            "hold": "Warten bis zur Öffnung",
            "hold_with_ack": "Warten bis zur Öffnung, mit Bestätigung",
            "deliver_silent": "stille Zustellung",
            "deliver_normal": "sofortige Zustellung",
            "decline_keep_draft": "nicht senden",
            "min_budget": "Mindestens in jeder Woche erlaubt: {messages}.",
            "no_open_early": "Zurückgehaltene Nachrichten werden nicht vor ihrer Zeit geöffnet.",
            "longest_closed": "Eine Vertretung ist nötig, wenn länger geschlossen ist als {days}.",
        },
    }

    longest_wait_days: Annotated[int, Meta(ge=1, le=400)] = 7
    max_target_days: Annotated[int, Meta(ge=1, le=400)] | None = None
    """A reply time may promise at most so many days; None: no bound."""
    min_notice_days: Annotated[int, Meta(ge=0, le=365)] = 7
    max_exception_days: Annotated[int, Meta(ge=1, le=400)] = 30
    latest_outbound: str = ""
    """HH:MM after which nothing of a therapist's goes out before the next day; empty: no bound."""
    min_windows_per_week: Annotated[int, Meta(ge=0, le=100)] = 0
    allowed_policies: tuple[Policy, ...] = ()
    """Empty: all."""
    min_budget_per_week: Annotated[int, Meta(ge=0, le=1000)] = 0
    """No budget may allow fewer messages in a week."""
    open_early: bool = True
    """Whether a therapist may open held messages early, with a reason."""
    longest_closed_days: Annotated[int, Meta(ge=1, le=400)] = 7
    """Longest closed time without somebody who covers."""

    def __post_init__(self) -> None:
        if self.latest_outbound and not minute_of(self.latest_outbound, "latest_outbound"):
            raise BadRule("latest_outbound", "no time of the day would be left", "name a later hour")
        if len(set(self.allowed_policies)) != len(self.allowed_policies):
            raise BadRule("allowed_policies", "a policy is named twice", "name each policy once")

    def weigh(self, case: Case) -> Decision:
        return Decision(longest_wait_days=self.longest_wait_days) if case.attempt.by_client else NOTHING

    def admit_exception(self, lasts: timedelta) -> None:
        """Refuse a temporary exception that lasts longer than the bound (rules.md 3.6)."""
        if lasts.days > self.max_exception_days:
            raise BadRule(
                "ends",
                f"the exception lasts {lasts.days} days, the practice's bound is {self.max_exception_days}",
                f"end it within {self.max_exception_days} days, or change the agreement",
            )

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        def days(code: str, n: int) -> str:
            return teller(code, days=teller.count(n, "day"))

        yield "longest_wait_days", days("long_wait", self.longest_wait_days)
        if self.max_target_days is not None:
            yield "max_target_days", days("max_target", self.max_target_days)
        yield "min_notice_days", days("min_notice", self.min_notice_days)
        yield "max_exception_days", days("max_exception", self.max_exception_days)
        if self.latest_outbound:
            yield "latest_outbound", teller("latest_outbound", time=wall_time(self.latest_outbound))
        if self.min_windows_per_week:
            windows = teller.count(self.min_windows_per_week, "window")
            yield "min_windows_per_week", teller("min_windows", windows=windows)
        if self.allowed_policies:
            listed = ", ".join(map(teller, self.allowed_policies))
            yield "allowed_policies", teller("allowed_policies", policies=listed)
        if self.min_budget_per_week:
            messages = teller.count(self.min_budget_per_week, "message")
            yield "min_budget_per_week", teller("min_budget", messages=messages)
        if not self.open_early:
            yield "open_early", teller("no_open_early")
        yield "longest_closed_days", days("longest_closed", self.longest_closed_days)
