"""The commands by which people come and go, on the rows themselves: all or nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from os import urandom

import pytest

from etherapy.store.database import Database, Record
from etherapy.store.due import Due
from etherapy.store.faults import Refused
from etherapy.store.membership import MOST_CONSENTS, Membership
from etherapy.store.rosters import NewEpoch, NewMember, Turnover
from etherapy.store.settings import MemberPart, NewSheet
from tests.postgres_fixture import Store
from tests.store.furnish import Room, Who, enrol, furnish, leaf
from tests.store.test_locks import THREAD, add_link, holding

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = NIGHT + timedelta(hours=9)


@pytest.fixture
async def room(database: Database) -> Room:
    return await furnish(database, NIGHT - timedelta(hours=1))


def sheet_for(room: Room, accounts: Sequence[bytes], r: int = 2) -> NewSheet:
    parts = [MemberPart(one, urandom(16), b"{}") for one in accounts]
    return NewSheet(room.thread, r, urandom(150), urandom(32), b"{}", parts)


async def epoch(room: Room, turnover: Turnover, seats: Sequence[Who] = ()) -> NewEpoch:
    """A commit that follows the newest one, sealed to the first devices of `seats`."""
    roster = await Membership(room.database).roster(room.client, NIGHT, room.thread, 0)
    there = seats or (room.client, room.therapist)
    heads = [await head_of(room, one) for one in there]
    return NewEpoch(
        epoch=roster.epoch + 1,
        suite=1,
        prev=roster.commit_hash,
        commit=urandom(3000),
        commit_hash=urandom(32),
        heads=dict(zip([one.account for one in there], heads, strict=True)),
        seats=[one.device for one in there],
        turnover=turnover,
    )


async def head_of(room: Room, who: Who) -> bytes:
    head: bytes = (await person_of(room, who))["chain_head"]
    return head


async def person_of(room: Room, who: Who) -> Record:
    rows = await room.database.call_all("read_person", who.practice, who.token_hash, sorted(who.roles), NIGHT)
    return rows[0]


async def commit(room: Room, new: NewEpoch, by: Who | None = None, now: datetime = NIGHT) -> str:
    row = await Membership(room.database).commit(by or room.therapist, now, room.thread, new)
    return row.outcome


def both(room: Room) -> list[bytes]:
    return [room.client.account, room.therapist.account]


async def cover(room: Room, until: datetime | None = None, start_n: int = 2) -> Who:
    """A colleague whom an epoch brings in."""
    who = await enrol(room.database, room.practice, NIGHT - timedelta(hours=1), "therapist")
    come = NewMember(who.account, 3, start_n, until, urandom(32))
    sheet = sheet_for(room, [*both(room), who.account])
    then = Turnover(both(room), [come.consent_hash], [come], sheet=sheet, audit=leaf())
    assert await commit(room, await epoch(room, then, [room.client, room.therapist, who])) == "placed"
    return who


async def test_an_epoch_is_not_begun_on_people_who_have_changed(room: Room) -> None:
    for present in ([room.client.account], [*both(room), urandom(16)], []):
        assert await commit(room, await epoch(room, Turnover(present))) == "look_again"
    assert await commit(room, await epoch(room, Turnover(both(room)))) == "placed"


async def test_an_epoch_is_not_begun_while_something_else_waits_than_was_signed_for(room: Room) -> None:
    """The rule sheet of the same command is taken back as well."""
    message, _ = await room.send(NIGHT, release_at=MORNING)
    sheet = sheet_for(room, [room.therapist.account])
    then = Turnover(both(room), sheet=sheet, audit=leaf())
    assert await commit(room, await epoch(room, then, [room.therapist])) == "look_again"
    assert (await room.facts(NIGHT)).rules_rev == 1
    ready = replace(then, mids=[message.mid], statuses=[urandom(187)])
    assert await commit(room, await epoch(room, ready, [room.therapist])) == "placed"
    with pytest.raises(Refused):
        await room.facts(NIGHT)
    assert (await room.facts(NIGHT, room.therapist)).rules_rev == 2


async def test_an_epoch_is_not_begun_on_rules_that_have_changed(room: Room) -> None:
    """What goes back is held again: nothing of the command stays."""
    message, _ = await room.send(NIGHT, release_at=MORNING)
    then = Turnover(
        both(room),
        mids=[message.mid],
        statuses=[urandom(187)],
        sheet=sheet_for(room, [room.therapist.account], r=7),
        audit=leaf(),
    )
    assert await commit(room, await epoch(room, then, [room.therapist])) == "look_again"
    assert [row["mid"] for row in await room.threads.waiting(room.client, NIGHT, room.thread)] == [
        message.mid
    ]


async def test_a_newcomer_whose_chain_grows_meanwhile_is_looked_at_again(store: Store, room: Room) -> None:
    who = await enrol(room.database, room.practice, NIGHT - timedelta(hours=1), "therapist")
    come = NewMember(who.account, 3, 2, None, urandom(32))
    sheet = sheet_for(room, [*both(room), who.account])
    then = Turnover(both(room), [come.consent_hash], [come], sheet=sheet, audit=leaf())
    new = await epoch(room, then, [room.client, room.therapist, who])
    account = "SELECT FROM account WHERE account_id = $1 FOR NO KEY UPDATE"
    async with holding(store, account, who.account) as turnstile:
        adding = await turnstile.queue(add_link(room, who))
        committing = await turnstile.queue(commit(room, new))
    assert (await adding, await committing) == ("added", "moved")


async def test_two_epochs_a_link_and_the_worker_do_not_wait_for_each_other_in_a_circle(
    store: Store, database: Database, room: Room
) -> None:
    await room.send(NIGHT - timedelta(minutes=1), release_at=NIGHT)
    first, second = [await epoch(room, Turnover(both(room))) for _ in range(2)]
    async with holding(store, THREAD, room.thread) as turnstile:
        one = await turnstile.queue(commit(room, first))
        release = await turnstile.queue(Due(database).release(room.practice, NIGHT))
        two = await turnstile.queue(commit(room, second, room.client))
        adding = await turnstile.queue(add_link(room, room.client))
    await release
    assert (await one, await two, await adding) == ("placed", "stale_epoch", "added")


async def test_a_leaver_and_a_commit_that_keeps_them_do_not_both_have_their_way(
    store: Store, room: Room
) -> None:
    membership = Membership(room.database)
    new = await epoch(room, Turnover(both(room)))
    async with holding(store, THREAD, room.thread) as turnstile:
        leaving = await turnstile.queue(
            membership.leave(room.client, NIGHT, room.thread, urandom(32), urandom(200), [], [], leaf())
        )
        committing = await turnstile.queue(commit(room, new))
    assert ((await leaving).outcome, await committing) == ("left", "look_again")


async def propose(room: Room, who: Who, newcomer: bytes, name: bytes) -> str:
    """A signature under a consent for this chain."""
    said = await Membership(room.database).sign_consent(
        who, NIGHT, room.thread, name, urandom(100), newcomer, 3, urandom(64)
    )
    return said.outcome


async def test_whoever_left_while_their_consent_waited_has_not_signed_it(store: Store, room: Room) -> None:
    who, name = (
        await enrol(room.database, room.practice, NIGHT - timedelta(hours=1), "therapist"),
        urandom(32),
    )
    chain = await person_of(room, who)
    assert await propose(room, room.therapist, chain["chain_id"], name) == "signed"
    leaving = Membership(room.database).leave(
        room.client, NIGHT, room.thread, urandom(32), urandom(200), [], [], leaf()
    )
    async with holding(store, THREAD, room.thread) as turnstile:
        left = await turnstile.queue(leaving)
        signing = await turnstile.queue(propose(room, room.client, chain["chain_id"], name))
    assert (await left).outcome == "left"
    with pytest.raises(Refused):
        await signing


async def test_consents_that_were_carried_out_do_not_use_up_a_thread(room: Room, store: Store) -> None:
    """A thread of years has had more covers than may be proposed at once."""
    who = await enrol(room.database, room.practice, NIGHT - timedelta(hours=1), "therapist")
    chain = await person_of(room, who)
    names = [urandom(32) for _ in range(MOST_CONSENTS + 1)]
    for name in names[:-1]:
        assert await propose(room, room.therapist, chain["chain_id"], name) == "signed"
    assert await propose(room, room.therapist, chain["chain_id"], names[-1]) == "too_many"
    assert await commit(room, await epoch(room, Turnover(both(room), names[:1]))) == "placed"
    assert await propose(room, room.therapist, chain["chain_id"], names[-1]) == "signed"


async def test_whose_time_is_over_is_marked_once_and_only_then(room: Room) -> None:
    who, until = await cover(room, MORNING), MORNING
    due = Due(room.database)
    assert await due.lapsed(room.practice, until - timedelta(milliseconds=1)) == []
    [row] = await due.lapsed(room.practice, until)
    assert (row["account_id"], row["mid"]) == (who.account, None)

    async def end(at: datetime) -> set[bytes]:
        return set(await due.end_membership(room.practice, at, room.thread, who.account, [], [], leaf()))

    assert await end(until - timedelta(milliseconds=1)) == set()
    assert await end(until) == set(both(room))
    assert await end(until) == set()
    assert await due.lapsed(room.practice, until) == []


async def test_the_worker_comes_again_when_somebodys_time_is_over(room: Room) -> None:
    until = NIGHT + timedelta(minutes=2)
    await cover(room, until)
    _, again = await Due(room.database).release(room.practice, NIGHT)
    assert again == until


async def test_feeds_are_not_told_of_what_somebody_has_no_part_in_any_more(room: Room) -> None:
    """Not even before the worker has marked it: nobody is woken by a thread that is not theirs."""
    await room.send(NIGHT, release_at=MORNING)
    who = await cover(room, MORNING)
    told, _ = await Due(room.database).release(room.practice, MORNING)
    assert set(told) == set(both(room)) and who.account not in told


async def test_the_newest_epoch_ends_with_the_first_of_those_who_are_there_for_a_time(
    store: Store, room: Room
) -> None:
    await cover(room, MORNING)
    async with room.database.connection() as connection:
        await connection.execute(f"SELECT set_config('app.practice', '{room.practice.hex()}', false)")
        sql = "SELECT roster_ends_at FROM thread WHERE thread_id = $1"
        assert await connection.fetchval(sql, room.thread) == MORNING
