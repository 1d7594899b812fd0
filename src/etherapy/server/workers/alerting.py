"""The escalation clock of urgent messages (R-16), for those who do not ask: reads send it as well."""

from datetime import datetime

from etherapy.server.hub import Hub
from etherapy.store.alerts import Alerts


class Alerting:
    """Sends the alerts of a practice that are due, and wakes those who are called and those who wait."""

    def __init__(self, alerts: Alerts, hub: Hub) -> None:
        self._alerts = alerts
        self._hub = hub

    async def tick(self, practice: bytes, now: datetime) -> None:
        """One practice. What another process sends at the same moment is sent once."""
        self._hub.tell(practice, await self._alerts.fire(practice, now))
