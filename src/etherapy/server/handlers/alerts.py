"""Alerts of urgent messages: for those who are called, and the truth of them for the sender (R-16)."""

from datetime import datetime, timedelta

from etherapy.binary import Id16
from etherapy.protocol.alerts import (
    Alert,
    AlertList,
    AlertQuery,
    AlertStatus,
    AlertStatusQuery,
    AlertStep,
    CloseAlert,
)
from etherapy.protocol.problems import NoSuchAlert, NoSuchMessage
from etherapy.rules.alert_words import Alerted, alert_lines
from etherapy.rules.explain import show_card
from etherapy.rules.languages import words_in
from etherapy.server.cards import card_of
from etherapy.server.facts import check_zone, fresh_facts
from etherapy.server.memory import rules_of
from etherapy.server.parts import Ctx
from etherapy.server.pseudonyms import pseudonym
from etherapy.store.database import Record


async def read_alerts(ctx: Ctx, query: AlertQuery) -> AlertList:
    """The alerts that were sent to the caller; with `wait`, when there is an open one, or in the end."""
    hub, practice = ctx.parts.hub, ctx.caller.practice
    mark = hub.mark
    me, found = await _alerts(ctx, ctx.now)
    if query.wait and all(one.acknowledged_at is not None for one in found):
        await ctx.wait(hub.wait(practice, me, mark), timedelta(seconds=query.wait))
        me, found = await _alerts(ctx, ctx.parts.clock.now())
    return AlertList(found)


async def _alerts(ctx: Ctx, now: datetime) -> tuple[bytes, list[Alert]]:
    me, told, rows = await ctx.parts.alerts.mine(ctx.caller, now)
    ctx.parts.hub.tell(ctx.caller.practice, told)
    return me, [_alert(row) for row in rows]


def _alert(row: Record) -> Alert:
    return Alert(
        alert=Id16(row["alert_id"]),
        step=row["step"],
        thread=pseudonym(row["thread_id"]),
        owner=row["owner_name"],
        sent_at=row["sent_at"],
        acknowledged_at=row["acked_at"],
        acknowledged_by=row["acked_name"] or "",
        closed_at=row["closed_at"],
        closing=row["closing"] or "",
    )


async def acknowledge_alert(ctx: Ctx, alert: bytes) -> None:
    """The caller has seen it: nobody else is called for this message from now on."""
    _told(ctx, *await ctx.parts.alerts.acknowledge(ctx.caller, ctx.now, alert))


async def close_alert(ctx: Ctx, alert: bytes, body: CloseAlert) -> None:
    """How it ended; to close is to have seen it."""
    task = ctx.parts.random(16)
    _told(ctx, *await ctx.parts.alerts.close(ctx.caller, ctx.now, alert, body.code, task))


def _told(ctx: Ctx, known: bool, told: list[bytes]) -> None:
    ctx.parts.hub.tell(ctx.caller.practice, told)  # what was due was sent, whoever asked
    if not known:
        raise NoSuchAlert()


async def read_alert_status(ctx: Ctx, thread: bytes, mid: bytes, query: AlertStatusQuery) -> AlertStatus:
    """What became of the alerts of an own message: only what is recorded, and the crisis card with it."""
    check_zone(query.zone)
    found = await ctx.parts.alerts.of_message(ctx.caller, ctx.now, thread, mid)
    if found is None:
        raise NoSuchMessage()
    told, message, rows = found
    ctx.parts.hub.tell(ctx.caller.practice, told)
    steps = [
        AlertStep(row["step"], row["name"], row["sent_at"], row["acked_at"] if row["acked_here"] else None)
        for row in rows
    ]
    if not message["urgent"]:
        return AlertStatus(steps, False, [], None, [])
    facts, account = await fresh_facts(ctx, thread)
    rules = rules_of(facts.rules)
    words = words_in(query.language)
    unanswered = any(row["alarmed_at"] is not None and row["acked_at"] is None for row in rows)
    alerted = [Alerted(step.name, step.sent_at, step.acknowledged_at) for step in steps]
    zone = query.zone or rules.timetable.zone_name
    lines = alert_lines(alerted, unanswered, message["accepted_at"], zone, words)
    if any(step.acknowledged_at is not None for step in steps):
        return AlertStatus(steps, unanswered, lines, None, [])
    card = card_of(facts, account, rules, ctx.now)
    return AlertStatus(steps, unanswered, lines, card, list(show_card(card, words)))
