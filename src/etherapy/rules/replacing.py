"""The decision on a message that takes the place of one that waits or came back (tep_amendments.md A-4)."""

from msgspec.structs import replace

from etherapy.rules.decision import REPLACE, Decision, Reason

_KEPT = Reason(REPLACE, "counted_from", "kept_first_time", "product")


def take_place(old: Decision, fresh: Decision) -> Decision:
    """The times of the old message, or what the rules give now where that is earlier or the old time is past.

    `old` has the times of the newest promise. Nothing that was promised and lies ahead moves later.
    """
    at = fresh.accepted_at
    if at is None or old.release_at is None or old.release_at <= at:
        return _marked(fresh)
    if fresh.release_at is None or old.release_at < fresh.release_at:
        return _marked(replace(old, code="held", accepted_at=at, recall_until=old.release_at, ack=False))
    times = [time for time in (old.reply_by, fresh.reply_by) if time is not None]
    return _marked(replace(fresh, reply_by=min(times, default=None)))


def _marked(decision: Decision) -> Decision:
    return replace(decision, because=tuple(sorted({*decision.because, _KEPT})))
