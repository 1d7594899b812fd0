"""What staff are called to and asked to do: alerts of urgent messages, and tasks. No thread, no key."""

from etherapy.binary import Id16
from etherapy.protocol import endpoints
from etherapy.protocol.alerts import Alert, AlertQuery, CloseAlert
from etherapy.protocol.tasks import CloseTask, Task
from etherapy.sdk.connection import Connection


class Duties(Connection):
    """A device of somebody of the staff, in whichever role.

    async with await Duties.open(profile) as me:
        for alert in await me.alerts(): print(alert.owner, alert.sent_at)
    """

    async def alerts(self, wait: int = 0) -> list[Alert]:
        """The alerts that were sent to oneself, newest first; with `wait` (seconds), as soon as one is open.

        for alert in await me.alerts(wait=50): ...
        """
        answer = await self.transport.call(endpoints.read_alerts, query=AlertQuery(wait))
        return answer.alerts

    async def acknowledge(self, alert: Id16 | bytes) -> None:
        """Say that one has seen it: nobody else is called, and the client is told so. NoSuchAlert.

        await me.acknowledge(alert.alert)
        """
        await self.transport.call(endpoints.acknowledge_alert, alert=alert)

    async def close_alert(self, alert: Id16 | bytes, code: str) -> None:
        """Say by a code how it ended, such as `contacted` or `false_alarm`."""
        await self.transport.call(endpoints.close_alert, CloseAlert(code), alert=alert)

    async def tasks(self) -> list[Task]:
        """What is to be done, in the order in which it is due.

        for task in await me.tasks(): print(task.kind, task.due_at)
        """
        return (await self.transport.call(endpoints.read_tasks)).tasks

    async def close_task(self, task: Id16 | bytes, code: str) -> None:
        """Say by a code how it was done, such as `contacted` or `covered`. NoSuchTask."""
        await self.transport.call(endpoints.close_task, CloseTask(code), task=task)
