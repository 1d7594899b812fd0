"""Alerts of urgent messages: typed callers. They are raised with the message, by accept_message."""

from collections.abc import Sequence
from datetime import datetime

from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record


class Alerts:
    """Sending, acknowledging and closing; nothing here reads a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fire(self, practice: bytes, now: datetime) -> list[bytes]:
        """Send what is due in a practice; the accounts to wake. See fire_alerts.sql."""
        return (await self._database.call_one("fire_alerts", practice, now))[0] or []

    async def mine(self, who: Asking, now: datetime) -> tuple[bytes, list[bytes], list[Record]]:
        """The caller, the accounts to wake, and the alerts that were sent to the caller; see
        read_alerts.sql."""
        first, *rows = await self._database.call_all("read_alerts", *opening(who, now))
        return first["me"], first["told"], rows

    async def acknowledge(self, who: Asking, now: datetime, alert: bytes) -> tuple[bool, list[bytes]]:
        """Whether the caller has such an alert, and the accounts to wake in any case. See
        acknowledge_alert.sql."""
        row = await self._database.call_one("acknowledge_alert", *opening(who, now), alert)
        return row["known"], row["told"] or []

    async def close(
        self, who: Asking, now: datetime, alert: bytes, code: str, task: bytes
    ) -> tuple[bool, list[bytes]]:
        """As `acknowledge`; `task` is the id of one that may follow. See close_alert.sql."""
        row = await self._database.call_one("close_alert", *opening(who, now), alert, code, task)
        return row["known"], row["told"] or []

    async def strangers(self, practice: bytes, accounts: Sequence[bytes]) -> set[bytes]:
        """Which of these accounts could not be called; see strangers_among.sql."""
        rows = await self._database.call_all("strangers_among", practice, list(accounts))
        return {row[0] for row in rows}

    async def of_message(
        self, who: Asking, now: datetime, thread: bytes, mid: bytes
    ) -> tuple[list[bytes], Record, list[Record]] | None:
        """The accounts to wake, the message, its steps; None: no such message of the caller's. See
        read_alert_status.sql."""
        rows = await self._database.call_all("read_alert_status", *opening(who, now), thread, mid)
        return (rows[0]["told"], rows[0], rows[1:]) if rows else None
