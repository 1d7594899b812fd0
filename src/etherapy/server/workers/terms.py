"""Memberships that end by themselves: a cover goes home at the agreed hour (tep_amendments.md A-6)."""

from collections.abc import Callable
from datetime import datetime
from itertools import groupby

from etherapy.server.admission import audit_leaf
from etherapy.server.keys import ServerSecrets
from etherapy.server.signed_answers import sign_status
from etherapy.store.database import Record
from etherapy.store.due import Due
from etherapy.tep.statements import State, StatusReason


class Terms:
    """Nothing is shown after the hour in any case; this marks it, gives back what the cover had waiting, and
    tells the others, whose apps make the epoch without them."""

    def __init__(self, due: Due, secrets: ServerSecrets, random: Callable[[int], bytes]) -> None:
        self._due = due
        self._secrets = secrets
        self._random = random

    async def tick(self, practice: bytes, now: datetime) -> list[bytes]:
        """End what has run out in a practice; the accounts told. What changes meanwhile waits for the next
        round."""
        told: list[bytes] = []
        rows = await self._due.lapsed(practice, now)
        for _, group in groupby(rows, key=lambda row: (row["thread_id"], row["account_id"])):
            told += await self._end(practice, list(group), now)
        return told

    async def _end(self, practice: bytes, rows: list[Record], now: datetime) -> list[bytes]:
        one, held = rows[0], [row for row in rows if row["mid"] is not None]
        audit = audit_leaf(
            self._random,
            "membership.ended",
            thread=one["thread_id"],
            account=one["account_id"],
            at=one["until"].isoformat(),
        )
        return await self._due.end_membership(
            practice,
            now,
            one["thread_id"],
            one["account_id"],
            [row["mid"] for row in held],
            [self._status(row, now) for row in held],
            audit,
        )

    def _status(self, row: Record, now: datetime) -> bytes:
        """What its sender gets for an item that goes back: the consent that ended is the cause."""
        return sign_status(
            self._secrets,
            State.RETURNED,
            StatusReason.USER_REMOVED,
            row["generation"],
            row["thread_id"],
            row["mid"],
            row["item_hash"],
            row["consent_hash"],
            now,
        )
