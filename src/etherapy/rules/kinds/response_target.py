"""The response target: by when a reply is due. The exact algorithms are in docs/rules.md 5."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import instant, milliseconds
from etherapy.rules.decision import NOTHING, Decision, Reason
from etherapy.rules.kinds.bounds import Bounds
from etherapy.rules.kinds.message_kinds import MessageKinds
from etherapy.rules.kinds.participants import Participants
from etherapy.rules.readings import refuse_ambiguous
from etherapy.rules.rule import Case, Rule, ServiceClassName
from etherapy.rules.target_words import TARGET_WORDS, tell_target
from etherapy.rules.targets import BusinessDays, Target
from etherapy.rules.telling import Teller
from etherapy.rules.timetable import HORIZON_MS

OwnerRole = Literal["therapist", "prescriber", "listener", "trainee"]


class Longer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for longer messages."""

    above_bytes: Annotated[int, Meta(ge=1, le=1_000_000)]
    """Of the padded ciphertext, all that the server sees of a message's length."""
    target: Target


class ResponseTarget(Rule, frozen=True, kw_only=True, tag="response.target"):
    """By when a client's message is to be answered (R-05).

    Counted from the next opening, which is the release of a held message and where nothing is held the
    first moment at which somebody reads; `wall_hours` and `cutoff_table` count from acceptance. Of several
    targets the one that says more of the message holds: `by_kind`, `by_role`, `longer`, then `target`.
    """

    words = TARGET_WORDS

    target: Target = BusinessDays(n=1)
    firm: bool = False
    """Whether the time is a commitment or a plan: a matter of wording."""
    longer: tuple[Longer, ...] = ()
    """From the shortest to the longest; the last that a message exceeds holds."""
    by_kind: dict[ServiceClassName, Target] = {}
    """Also of kinds to which otherwise no reply is promised: `no_reply`, and what `kinds` names."""
    by_role: dict[OwnerRole, Target] = {}
    """By what the person who answers is (`participants.owner_role`)."""

    @classmethod
    def refuse(cls, document: Mapping[str, Any]) -> None:
        refuse_ambiguous(_written(document))

    def check(self) -> None:
        if self.firm and not any(target.promises for target in self.targets().values()):
            raise BadRule("firm", "there is no target that could be firm", "set a target, or firm to false")
        lengths = [one.above_bytes for one in self.longer]
        if lengths != sorted(set(lengths)):
            raise BadRule("longer", "not from the shortest to the longest", "order it by above_bytes")

    def within(self, bounds: Bounds) -> None:
        most = bounds.max_target_days
        for path, target in self.targets().items():
            if most is not None and target.days > most:
                problem = f"promises a reply within {target.days} days, and the practice allows {most}"
                raise BadRule(path, problem, "name a shorter target")

    def targets(self) -> dict[str, Target]:
        """All of its targets, by the path at which they stand."""
        found = {"target": self.target}
        found |= {f"longer[{number}].target": one.target for number, one in enumerate(self.longer)}
        found |= {f"by_kind.{name}": target for name, target in self.by_kind.items()}
        return found | {f"by_role.{name}": target for name, target in self.by_role.items()}

    def weigh(self, case: Case) -> Decision:
        attempt = case.attempt
        if not attempt.by_client:
            return NOTHING
        field, target = self._of(case)
        if field != "by_kind" and not case.the(MessageKinds).expects_reply(attempt):
            return _say("target", "no_reply_expected")
        if not target.promises:
            return _say(field, _count_of(target))
        begun = milliseconds(case.ready_at)
        due = target.due(begun, case.timetable.next_open_ms(begun), case.timetable)
        if due is None or due - milliseconds(attempt.at) > HORIZON_MS:
            return _say(field, "beyond_horizon")
        return _say(field, _count_of(target), instant(due))

    def _of(self, case: Case) -> tuple[str, Target]:
        """The target that holds for a message, and the field that names it."""
        role = case.the(Participants).owner_role
        if case.attempt.kind in self.by_kind:
            return "by_kind", self.by_kind[case.attempt.kind]
        if role in self.by_role:
            return "by_role", self.by_role[role]
        exceeded = [one.target for one in self.longer if case.attempt.size > one.above_bytes]
        return ("longer", exceeded[-1]) if exceeded else ("target", self.target)

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        yield "target", tell_target(teller, self.target, self.firm)
        for one in self.longer:
            said = tell_target(teller, one.target, self.firm)
            yield "longer", teller("for_longer", size=str(one.above_bytes), said=said)
        for kind, target in sorted(self.by_kind.items()):
            said = tell_target(teller, target, self.firm)
            yield "by_kind", teller("for_kind", kind=teller(f"kind_{kind}"), said=said)
        for role, target in sorted(self.by_role.items()):
            said = tell_target(teller, target, self.firm)
            yield "by_role", teller("for_role", role=teller(f"role_{role}"), said=said)


def _count_of(target: Target) -> str:
    return str(target.__struct_config__.tag)


def _say(field: str, words: str, reply_by: datetime | None = None) -> Decision:
    reason = Reason("response.target", field, words)
    by = {} if reply_by is None else {"reply_by": reason}
    return Decision(reply_by=reply_by, because=(reason,), by=by)


def _written(document: Mapping[str, Any]) -> dict[str, object]:
    """What stands where a target belongs, by its path, in a document that is not yet known to be a rule."""
    found = {"target": document["target"]} if "target" in document else {}
    longer = document.get("longer")
    for number, one in enumerate(longer if isinstance(longer, list) else []):
        if isinstance(one, Mapping) and "target" in one:
            found[f"longer[{number}].target"] = one["target"]
    for field in ("by_kind", "by_role"):
        of_field = document.get(field)
        if isinstance(of_field, Mapping):
            names = (name for name in of_field if isinstance(name, str) and name.isidentifier())
            found |= {f"{field}.{name}": of_field[name] for name in names}
    return found
