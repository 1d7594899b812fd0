"""Rule sets by owner and layer: whose they are to set, what they reach, and what stands on them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from os import urandom

import pytest

from etherapy.store.database import Database
from etherapy.store.faults import Refused
from etherapy.store.rosters import Turnover
from etherapy.store.settings import MemberPart, NewSheet, RuleSets, SetKey
from tests.store.furnish import Room, Who, enrol, furnish, leaf, open_thread
from tests.store.test_membership import both, commit, epoch, sheet_for

NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)


@pytest.fixture
async def room(database: Database) -> Room:
    return await furnish(database, NIGHT - timedelta(hours=1))


def sheet(room: Room, r: int) -> NewSheet:
    parts = [MemberPart(one, urandom(16), one) for one in both(room)]
    return NewSheet(room.thread, r, urandom(150), urandom(32), b"{}", parts)


async def put(
    room: Room, who: Who, key: SetKey, follows: int = 0, sheets: Sequence[NewSheet] | None = None
) -> bool:
    r = (await room.facts(NIGHT, room.therapist)).rules_rev
    given = [sheet(room, r + 1)] if sheets is None else sheets
    return await RuleSets(room.database).set(who, NIGHT, key, follows, b"[1]", given, [], [], [], [leaf()])


def keys(room: Room) -> dict[str, SetKey]:
    owners = {
        "practice": room.practice,
        "therapist": room.therapist.account,
        "agreement": room.thread,
        "exception": room.thread,
        "client": room.client.account,
    }
    return {layer: (owner, layer) for layer, owner in owners.items()}


async def test_each_layer_counts_its_versions_by_itself_and_reaches_the_thread(room: Room) -> None:
    for layer, key in keys(room).items():
        who = room.client if layer == "client" else room.therapist
        assert await put(room, who, key), layer
        assert not await put(room, who, key), layer  # version 1 is in force
        assert await put(room, who, key, 1), layer
    assert (await room.facts(NIGHT)).rules_rev == 1 + 2 * 5
    row = await RuleSets(room.database).basis(room.therapist, NIGHT, room.thread, [room.client.account], [])
    named = list(zip(row["set_owners"], row["set_layers"], strict=True))
    assert named == list(keys(room).values())
    assert row["set_versions"] == [2] * 5 and row["set_rules"] == [b"[1]"] * 5


async def test_every_member_finds_their_own_part_in_the_sheet(room: Room) -> None:
    assert await put(room, room.therapist, keys(room)["agreement"])
    for who in (room.client, room.therapist):
        found = await room.threads.sheet(who, NIGHT, room.thread, 0)
        assert bytes(found["part"]) == who.account


@pytest.mark.parametrize("layer", ["agreement", "exception"])
async def test_nobody_sets_the_rules_of_a_thread_that_is_not_theirs(room: Room, layer: str) -> None:
    """A client in it, another therapist, and a thread that there is not are told alike."""
    other = await enrol(room.database, room.practice, NIGHT - timedelta(hours=1), "therapist")
    key = keys(room)[layer]
    for who, each in ((room.client, key), (other, key), (room.therapist, (urandom(16), layer))):
        with pytest.raises(Refused) as refused:
            await put(room, who, each)
        assert (refused.value.code, refused.value.detail) == ("ET404", "no_such_thread")


async def test_nobody_sets_what_is_another_person_s_alone(room: Room) -> None:
    found = keys(room)
    for who, key in (
        (room.client, found["therapist"]),
        (room.therapist, found["client"]),
        (room.therapist, (room.therapist.account, "client")),
        (room.client, (room.client.account, "therapist")),
    ):
        with pytest.raises(Refused) as refused:
            await put(room, who, key)
        assert refused.value.code == "ET403"


async def test_only_what_a_client_sets_alone_can_be_without_a_sheet(room: Room) -> None:
    for layer, key in keys(room).items():
        who = room.client if layer == "client" else room.therapist
        assert await put(room, who, key, sheets=[]) is (layer == "client"), layer
    assert (await room.facts(NIGHT)).rules_rev == 1


async def test_a_thread_that_was_opened_meanwhile_is_reached_too(room: Room) -> None:
    prepared = [sheet(room, 2)]
    await open_thread(room.database, room.practice, room.therapist, NIGHT)
    for layer in ("practice", "therapist"):
        assert not await put(room, room.therapist, keys(room)[layer], sheets=prepared)
    assert await put(room, room.therapist, keys(room)["agreement"], sheets=prepared)


@pytest.mark.parametrize("layer", ["practice", "therapist", "agreement", "exception", "client"])
async def test_people_do_not_change_on_rules_of_any_layer_that_have_changed(room: Room, layer: str) -> None:
    """The sheet of an epoch was made of these versions."""
    made_of = dict.fromkeys(keys(room).values(), 0)
    prepared = replace(sheet_for(room, both(room), r=2), made_of=made_of)
    who = room.client if layer == "client" else room.therapist
    assert await put(room, who, keys(room)[layer], sheets=None if layer != "client" else [])
    r = (await room.facts(NIGHT)).rules_rev
    prepared = replace(prepared, r=r + 1)
    then = Turnover(both(room), sheet=prepared, audit=leaf())
    assert await commit(room, await epoch(room, then)) == "look_again"
    fresh = replace(prepared, made_of={**made_of, keys(room)[layer]: 1})
    assert await commit(room, await epoch(room, replace(then, sheet=fresh))) == "placed"
