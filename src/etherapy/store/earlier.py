"""Promises that move earlier, in the same transaction as what made it possible (decisions.md D-4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from etherapy.store.messages import DayRecord


@dataclass(frozen=True, slots=True)
class Earlier:
    """A held message whose promise moves earlier, with its columns as they are from now on."""

    account: bytes
    mid: bytes
    release_at: datetime
    reply_by: datetime | None
    ready_at: datetime | None
    counts_at: datetime | None
    window_at: datetime | None
    notice_at: datetime | None
    reader: bytes | None
    """The cover whose hours decided; None: the owner's did."""
    promise: bytes
    promise_hash: bytes
    day: DayRecord


def earlier_columns(found: Sequence[Earlier], now: datetime) -> tuple[object, ...]:
    """The arguments of move_earlier.sql after the instant, which the commands that call it take too."""
    return (
        [one.account for one in found],
        [one.mid for one in found],
        [one.release_at for one in found],
        [one.reply_by for one in found],
        [one.ready_at for one in found],
        [one.counts_at for one in found],
        [one.window_at for one in found],
        [one.notice_at for one in found],
        [one.reader for one in found],
        [one.promise for one in found],
        [one.promise_hash for one in found],
        now.date(),
        [one.day.record_id for one in found],
        [one.day.salt for one in found],
        [one.day.record for one in found],
    )
