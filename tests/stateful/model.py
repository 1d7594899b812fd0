"""What a thread must look like, computed apart from the server: the rules asked by hand, and plain lists."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec.structs import replace

from etherapy.rules import Attempt, Decision, Facts, Layer, Rules, decide, resolve
from etherapy.rules.replacing import take_place
from etherapy.rules.rule import NO_REPLY_EXPECTED, Counted

State = Literal["held", "placed", "recalled", "replaced"]


@dataclass
class Written:
    """One accepted message as the model knows it; `release_at` and `reply_by` as promised by now."""

    text: str
    by_client: bool
    service_class: int
    urgent: bool
    size: int
    decision: Decision
    order: int
    turn: int
    release_at: datetime | None
    reply_by: datetime | None
    state: State = "held"
    mid: bytes = b""
    first_promise: tuple[datetime | None, datetime | None] = (None, None)
    first_accepted_at: datetime | None = None
    """Of the message whose place it took, if it did."""

    @property
    def accepted_at(self) -> datetime:
        assert self.decision.accepted_at is not None
        return self.decision.accepted_at

    @property
    def counted_from(self) -> datetime:
        return self.first_accepted_at or self.accepted_at

    @property
    def live(self) -> bool:
        return self.state in ("held", "placed")

    @property
    def counted(self) -> Counted:
        return Counted(self.accepted_at, self.decision.counts_at, self.service_class, self.size, self.turn)


@dataclass
class Model:
    """A thread of one client and one therapist. Times are UTC."""

    owner: str
    layers: dict[str, list[dict[str, Any]]]
    written: list[Written] = field(default_factory=list)
    placed: list[Written] = field(default_factory=list)
    acked_until: datetime | None = None

    def rules(self) -> Rules:
        """The rules as they stand now."""
        layers = [Layer(name, documents) for name, documents in self.layers.items()]
        return resolve(layers, owner=self.owner)

    def facts(self, by_client: bool, urgent: bool, but: Written | None = None) -> Facts:
        """What a message that is sent now is judged on; `but`: as if that one had never been sent."""
        replies = [number for number, one in enumerate(self.placed) if not one.by_client]
        turn = self.placed[replies[-1] + 1 :] if replies else self.placed
        waiting = [one for one in turn if one.by_client and one.service_class != NO_REPLY_EXPECTED]
        due = [one.reply_by for one in waiting if one.reply_by is not None]
        own = [one for one in self.written if one.by_client is by_client and one.live]
        return Facts(
            turn_reply_by=min(due, default=None),
            acked_until=None if urgent or not by_client else self.acked_until,
            turn_urgent=any(one.urgent for one in waiting),
            turn=len(replies),
            sent=tuple(one.counted for one in own if one is not but),
            first_contact=by_client and not any(w.by_client and w.live for w in self.written if w is not but),
        )

    def decide(self, attempt: Attempt) -> Decision:
        """What the rules say of it now."""
        return decide(self.rules(), attempt, self.facts(attempt.by_client, attempt.urgent))

    def accept(
        self, text: str, attempt: Attempt, decision: Decision, first_accepted_at: datetime | None = None
    ) -> Written:
        """Take it as the server took it."""
        one = Written(
            text, attempt.by_client, attempt.service_class, attempt.urgent, attempt.size, decision,
            order=len(self.written), turn=self.facts(attempt.by_client, attempt.urgent).turn,
            release_at=decision.release_at, reply_by=decision.reply_by,
            first_promise=(decision.release_at, decision.reply_by), first_accepted_at=first_accepted_at,
        )  # fmt: skip
        self.written.append(one)
        if decision.ack and attempt.by_client:
            self.acked_until = decision.ack_again_at
        if decision.code in ("at_once", "silent", "urgent"):
            self._place(one)
        return one

    def release(self, now: datetime) -> list[Written]:
        """Place what is due, in the order of acceptance."""
        due = [w for w in self.written if w.state == "held" and w.release_at and w.release_at <= now]
        for one in sorted(due, key=lambda one: (one.counted_from, one.order)):
            self._place(one)
        return due

    def recall(self, one: Written, now: datetime) -> list[Written]:
        """Take a held one back; those it had kept waiting may move up. Answers those that did."""
        one.state = "recalled"
        return self._refund(one, now)

    def replacement(self, one: Written, attempt: Attempt) -> Decision:
        """What the rules say of other words in the place of a held message."""
        before = replace(one.decision, release_at=one.release_at, reply_by=one.reply_by)
        facts = replace(self.facts(attempt.by_client, attempt.urgent), sent=())
        kept = max(attempt.at, before.not_before or attempt.at)
        asked = replace(attempt, ready_at=kept if attempt.by_client else None)
        return take_place(before, decide(self.rules(), asked, facts))

    def put_in_place(self, one: Written, text: str, attempt: Attempt, decision: Decision) -> Written:
        """The new message; where it counts no more, others move up."""
        one.state = "replaced"
        if decision.counts_at != one.decision.counts_at:
            self._refund(one, attempt.at)
        return self.accept(text, attempt, decision, one.counted_from)

    def _refund(self, one: Written, now: datetime) -> list[Written]:
        moved = []
        for other in self.held():
            if other.by_client is one.by_client and other.decision.not_before is not None:
                attempt = Attempt(
                    now, other.by_client, other.service_class, size=other.size, accepted_before=True
                )
                fresh = decide(self.rules(), attempt, self.facts(other.by_client, False, but=other))
                if self._improve(other, fresh):
                    limits = {"not_before": fresh.not_before, "counts_at": fresh.counts_at}
                    other.decision = replace(other.decision, **limits)
                    moved.append(other)
        return moved

    def change_rules(self, name: str, documents: list[dict[str, Any]], now: datetime) -> list[Written]:
        """Other rules from now on; what waits may be promised earlier, never later. Answers what was."""
        self.layers[name] = documents
        moved = []
        for one in self.held():
            if not one.by_client:
                continue
            kept = one.decision.not_before
            ready_at = max(now, kept) if kept else now
            attempt = Attempt(
                now, True, one.service_class, size=one.size, ready_at=ready_at, accepted_before=True
            )
            if self._improve(one, decide(self.rules(), attempt, Facts())):
                moved.append(one)
        return moved

    def held(self) -> list[Written]:
        """What waits, oldest first."""
        return [one for one in self.written if one.state == "held"]

    def _improve(self, one: Written, fresh: Decision) -> bool:
        earlier = fresh.release_at is not None and (
            one.release_at is None or fresh.release_at < one.release_at
        )
        if earlier:
            one.release_at = fresh.release_at
            times = [time for time in (one.reply_by, fresh.reply_by) if time is not None]
            one.reply_by = min(times, default=None)
        return earlier

    def _place(self, one: Written) -> None:
        one.state = "placed"
        self.placed.append(one)


def next_edges(rules: Rules, now: datetime) -> list[datetime]:
    """The next instants at which something begins or ends, each with its neighbours a millisecond away."""
    tick = timedelta(milliseconds=1)
    opens, closes = rules.timetable.next_open(now), rules.timetable.closes_at(now)
    edges = [edge for edge in (opens, closes) if edge is not None]
    if closes is not None:
        later = rules.timetable.next_open(closes)
        edges += [later] if later is not None else []
    return sorted({edge + shift for edge in edges for shift in (-tick, timedelta(), tick)} - {now})
