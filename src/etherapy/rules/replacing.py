"""The decision on a message that takes the place of one that waits or came back (tep_amendments.md A-4)."""

from msgspec.structs import replace

from etherapy.rules.decision import REPLACE, Decision, Reason

_KEPT = Reason(REPLACE, "counted_from", "kept_first_time", "product")


def take_place(old: Decision, fresh: Decision) -> Decision:
    """The times of the old message, or what the rules give now where that is earlier or the old time is past.

    `old` has the times of the newest promise. Nothing that was promised and lies ahead moves later, and it
    counts in budgets where the old one did; only an urgent message counts nowhere. Other words that are
    declined leave the old ones where they are.
    """
    if fresh.code == "declined":
        return fresh
    return _marked(_timed(old, fresh), None if fresh.code == "urgent" else old)


def _timed(old: Decision, fresh: Decision) -> Decision:
    at = fresh.accepted_at
    if at is None or old.release_at is None or old.release_at <= at:
        return fresh
    if fresh.release_at is None or old.release_at < fresh.release_at:
        return replace(
            old, code="held", accepted_at=at, recall_until=old.release_at, ack=False, ack_again_at=None
        )
    times = [time for time in (old.reply_by, fresh.reply_by) if time is not None]
    return replace(fresh, reply_by=min(times, default=None))


def _marked(decision: Decision, counted: Decision | None) -> Decision:
    counts_at = None if counted is None else counted.counts_at
    by = {field: reason for field, reason in decision.by.items() if field != "counts_at"}
    if counts_at is not None:
        by["counts_at"] = _KEPT
    return replace(
        decision,
        counts_at=counts_at,
        left=None,
        because=tuple(sorted({*decision.because, _KEPT})),
        by={field: by[field] for field in sorted(by)},
    )
