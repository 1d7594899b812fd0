"""Commands about urgent messages: for those who are called, and the truth of it for the sender (R-16)."""

from collections.abc import Iterator

import click
from msgspec.structs import asdict

from etherapy.cli.codes import CODE
from etherapy.cli.ids import choose
from etherapy.cli.profiles import profiled, typed
from etherapy.cli.saying import ListingGroup, say
from etherapy.cli.showing import show_time
from etherapy.cli.speaking import act_in, choose_message, in_language, in_thread, on_wall, run, speaking
from etherapy.protocol.alerts import Alert, AlertStatus
from etherapy.sdk.duties import Duties
from etherapy.sdk.session import Session


@click.group("alerts", cls=ListingGroup)
def alerts() -> None:
    """Alerts of urgent messages: those sent to you, and what became of your own message's."""


@alerts.command("list")
@on_wall
@profiled
def listing(zone: str, profile: str) -> None:
    """The alerts that were sent to you, newest first."""
    found = run(_alerts(profile))
    lines = [line for one in found for line in _shown(one, zone, profile)]
    say(
        lines or ["No alert was sent to you in the last four weeks."],
        [asdict(one) | {"alert": one.alert.hex()} for one in found],
    )


async def _alerts(profile: str) -> list[Alert]:
    async with speaking(profile, Duties) as me:
        return await me.alerts()


def _shown(alert: Alert, zone: str, profile: str) -> Iterator[str]:
    name = alert.alert.hex()[:8]
    yield f"{name}  {show_time(alert.sent_at, zone)}  a client of {alert.owner} (thread {alert.thread})"
    if alert.acknowledged_at is None:
        yield f"          not yet acknowledged: {typed(f'alerts ack {name}', profile)}"
    else:
        at = show_time(alert.acknowledged_at, zone)
        yield f"          seen by {alert.acknowledged_by or 'somebody'} {at}"
    if alert.closed_at is not None:
        yield f"          closed {show_time(alert.closed_at, zone)}: {alert.closing.replace('_', ' ')}"


@alerts.command("ack")
@click.argument("alert")
@profiled
def acknowledging(alert: str, profile: str) -> None:
    """You have seen ALERT (the beginning of its id): nobody else is called, and the client is told."""

    async def work() -> Alert:
        async with speaking(profile, Duties) as me:
            one = _choose(await me.alerts(), alert)
            await me.acknowledge(one.alert)
            return one

    one = run(work())
    say(
        [
            "Acknowledged: nobody else is called, and the client is told that you have seen the alert.",
            f"Say how it ended: {typed(f'alerts close {one.alert.hex()[:8]} CODE', profile)}",
        ],
        {"alert": one.alert.hex()},
    )


@alerts.command("close")
@click.argument("alert")
@CODE
@profiled
def closing(alert: str, code: str, profile: str) -> None:
    """How ALERT ended: CODE is yours to choose, such as contacted, not_reached, handed_over, false_alarm."""

    async def work() -> Alert:
        async with speaking(profile, Duties) as me:
            one = _choose(await me.alerts(), alert)
            await me.close_alert(one.alert, code)
            return one

    one = run(work())
    say("Closed.", {"alert": one.alert.hex(), "code": code})


@alerts.command("of")
@click.argument("message")
@in_language
@in_thread
@on_wall
@profiled
def of_message(message: str, language: str, thread: str | None, zone: str, profile: str) -> None:
    """What became of the alerts of your urgent MESSAGE (the beginning of its id): only what is recorded."""

    async def act(me: Session, chosen: bytes) -> AlertStatus:
        me.language = language
        return await me.alert_status(chosen, await choose_message(me, chosen, message))

    found = act_in(profile, zone, thread, Session, act)
    say([*found.lines, *found.card_lines] or ["This message is not marked urgent."], found)


def _choose(found: list[Alert], wanted: str) -> Alert:
    return choose(found, lambda one: one.alert, wanted, "alert of yours", "`etherapy alerts`")


COMMANDS = (alerts,)
