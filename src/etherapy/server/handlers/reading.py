"""Reading: everything that is placed, in order; whoever waits is woken."""

from datetime import UTC, datetime, timedelta

from etherapy.binary import B64, Id16
from etherapy.protocol.invitations import Joining
from etherapy.protocol.threads import (
    Changes,
    Inbox,
    InboxQuery,
    Item,
    NoticeQuery,
    Notices,
    Page,
    PageQuery,
    Sheet,
    SheetQuery,
    SyncQuery,
    ThreadChange,
    Turn,
)
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.resolved import Rules
from etherapy.server.facts import check_zone
from etherapy.server.notices import REACH, notices_of
from etherapy.server.parts import Ctx
from etherapy.server.sheets import Authored, read_sets
from etherapy.server.signed_answers import entry_bytes, sign_head
from etherapy.store.threads import Change

_LONG_AGO = datetime(1970, 2, 1, tzinfo=UTC)


async def read_changes(ctx: Ctx, query: SyncQuery) -> Changes:
    """Threads with something new since a cursor. With `wait`, nothing new is answered when there is, or
    in the end."""
    hub, practice = ctx.parts.hub, ctx.caller.practice
    mark = hub.mark
    account, found = await _changes(ctx, query, ctx.now)
    if not found and query.wait:
        await ctx.wait(hub.wait(practice, account, mark), timedelta(seconds=query.wait))
        account, found = await _changes(ctx, query, ctx.parts.clock.now())
    cursor = found[-1].cursor if found else query.after
    return Changes([ThreadChange(Id16(one.thread), one.role, one.last_n) for one in found], cursor)


async def _changes(ctx: Ctx, query: SyncQuery, now: datetime) -> tuple[bytes, list[Change]]:
    account, found, told = await ctx.parts.threads.changes(ctx.caller, now, query.after, query.limit)
    ctx.parts.hub.tell(ctx.caller.practice, told)
    return account, found


async def read_page(ctx: Ctx, thread: bytes, query: PageQuery) -> Page:
    """Placed positions after a position, each with its Entry, and the signed Head of the last one."""
    rows, end = await ctx.parts.threads.page(ctx.caller, ctx.now, thread, query.after, query.limit)
    items = [
        Item(
            entry=B64(entry_bytes(row.placed, row.item_type)),
            item=None if row.item is None else B64(row.item),
            promise=None if row.promise is None else B64(row.promise),
        )
        for row in rows
    ]
    if rows:
        last = rows[-1].placed
        head = sign_head(ctx.parts.secrets, thread, last.generation, last.n, last.t, last.placed_at)
    else:
        head = sign_head(ctx.parts.secrets, thread, end.generation, end.n, end.t, end.placed_at)
    return Page(items, head, end.n)


async def read_inbox(ctx: Ctx, query: InboxQuery) -> Inbox:
    """The batch of turns that wait for an answer: urgent, then the nearest promise, then the oldest."""
    rows = await ctx.parts.threads.inbox(ctx.caller, ctx.now, query.limit)
    return Inbox(
        [
            Turn(
                Id16(r["thread_id"]),
                r["open_count"],
                r["open_since"],
                r["reply_by"],
                r["urgent"],
                r["last_n"],
            )
            for r in rows
        ]
    )


async def read_notices(ctx: Ctx, query: NoticeQuery) -> Notices:
    """What the caller was to be told: a therapist once for each opening, a client once for each thread and
    quiet stretch, never a word of content."""
    check_zone(query.zone)
    # within bounds: the edges of the calendar cannot be brought to UTC
    since = min(max(query.since or _LONG_AGO, _LONG_AGO), ctx.now + timedelta(days=1))
    rows = await ctx.parts.threads.notices(ctx.caller, ctx.now, since.astimezone(UTC), REACH)
    told = any(row["thread_id"] is None for row in rows)
    rules = await _own_rules(ctx) if told else None
    return Notices(notices_of(rows, since, ctx.now, query.zone or "UTC", rules))


async def _own_rules(ctx: Ctx) -> Rules | None:
    """A therapist's own rules with the practice's; None: by the law of this release they are none."""
    row = await ctx.parts.rule_sets.read(ctx.caller, ctx.now, "own")
    try:
        return Authored(ctx.caller.practice, row["account_id"], read_sets(row)).rules()
    except BadRule:
        return None


async def read_joining(ctx: Ctx, thread: bytes) -> Joining:
    """The invitation and the answer that epoch 0 of a thread names."""
    row = await ctx.parts.threads.joining(ctx.caller, ctx.now, thread)
    return Joining(B64(row["invite"]), B64(row["accept"]), row["owner_name"])


async def read_sheet(ctx: Ctx, thread: bytes, query: SheetQuery) -> Sheet:
    """A rule sheet of a thread, with the resolved rules byte for byte."""
    row = await ctx.parts.threads.sheet(ctx.caller, ctx.now, thread, query.r)
    return Sheet(row["r"], B64(row["sheet"]), B64(row["shared"]), Id16(row["salt"]), B64(row["part"]))
