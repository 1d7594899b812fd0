"""Whoever is out when a call has its turn gets nothing by it, and nothing of theirs comes in (A-5, A-6)."""

from datetime import UTC, datetime, timedelta
from os import urandom

import pytest

from etherapy.store.database import Database
from etherapy.store.faults import Refused
from etherapy.store.healing import Healing, Lost, LostMessage
from etherapy.store.membership import Membership, SealedGrant
from etherapy.store.rosters import Turnover
from tests.postgres_fixture import Store
from tests.store.furnish import Room, furnish, leaf
from tests.store.test_locks import THREAD, holding
from tests.store.test_membership import both, commit, epoch, sheet_for

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = NIGHT + timedelta(hours=9)


@pytest.fixture
async def room(database: Database) -> Room:
    return await furnish(database, NIGHT - timedelta(hours=1))


async def leave(room: Room) -> str:
    said = await Membership(room.database).leave(
        room.client, NIGHT, room.thread, urandom(32), urandom(200), [], [], leaf()
    )
    return said.outcome


async def test_a_page_is_not_read_by_whoever_was_left_out_while_it_waited(store: Store, room: Room) -> None:
    """AT-98: it would show what was placed after them."""
    await room.send(NIGHT - timedelta(minutes=1), release_at=NIGHT)
    sheet = sheet_for(room, [room.therapist.account])
    without = await epoch(room, Turnover(both(room), sheet=sheet, audit=leaf()), [room.therapist])
    async with holding(store, THREAD, room.thread) as turnstile:
        going = await turnstile.queue(commit(room, without))
        reading = await turnstile.queue(room.threads.page(room.client, NIGHT, room.thread, 0, 100))
    assert await going == "placed"
    with pytest.raises(Refused):
        await reading


async def test_what_was_lost_of_somebody_who_left_does_not_come_back(store: Store, room: Room) -> None:
    """Their device has a seat until the next epoch; what waited went back to them."""
    async with holding(store, THREAD, room.thread) as turnstile:
        leaving = await turnstile.queue(leave(room))
        healing = await turnstile.queue(
            Healing(room.database).message(room.therapist, NIGHT, lost_message(room))
        )
    assert await leaving == "left"
    row = await healing
    assert (row["outcome"], row["state"]) == ("no_seat", None)
    assert await room.threads.waiting(room.client, NIGHT, room.thread) == []


def lost_message(room: Room) -> LostMessage:
    """A message of the client's that waited until the morning."""
    lost = Lost(
        thread=room.thread,
        account=room.client.account,
        device=room.client.device,
        mid=urandom(16),
        item_hash=urandom(32),
        epoch=0,
        by_client=True,
        accepted_at=NIGHT,
        counted_from=NIGHT,
        release_at=MORNING,
        reply_by=None,
        decision=b"{}",
        question=b"{}",
        leaf_id=urandom(16),
        leaf_salt=urandom(32),
    )
    return LostMessage(
        lost=lost,
        envelope=urandom(400),
        urgent=False,
        expects_reply=True,
        service_class=1,
        size=272,
        window_at=MORNING,
        promise=urandom(259),
        promise_now=urandom(259),
        promise_hash=urandom(32),
    )


async def test_whoever_left_while_it_waited_gives_no_history(store: Store, room: Room) -> None:
    devices = (await room.facts(NIGHT)).devices
    sign_pk = devices[room.client.device][1]
    grant = SealedGrant(room.client.device, sign_pk, room.therapist.device, urandom(32), urandom(300))
    giving = Membership(room.database).give_history(room.client, NIGHT, room.thread, [grant])
    async with holding(store, THREAD, room.thread) as turnstile:
        leaving = await turnstile.queue(leave(room))
        given = await turnstile.queue(giving)
    assert await leaving == "left"
    with pytest.raises(Refused):
        await given
