"""When a device begins an epoch, and when it must not: on sight, never on sending (A-5)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etherapy.sdk import Profile, Session, recover
from etherapy.sdk.threads.causes import MAX_AGE_MS, MAX_PLACED, Standing, next_change
from etherapy.sdk.threads.committing import settle_epoch
from etherapy.sdk.transport import Transport, Unreachable
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.epoch import CommitReason, Role
from tests.sdk.conftest import MORNING, NIGHT, Pair
from tests.sdk.furnished import Practice
from tests.sdk.larger_world import LargerWorld
from tests.sdk.small_world import HOUR


class WatchedTransport(Transport):
    """A real connection that notes what is asked, in order; `breaking` do not get through."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.asked: list[str] = []
        self.breaking: set[str] = set()

    async def call(self, endpoint: Any, body: Any = None, /, **more: Any) -> Any:
        self.asked.append(endpoint.name)
        if endpoint.name in self.breaking:
            raise Unreachable("there is no network here")
        return await super().call(endpoint, body, **more)


async def open_watched(session: Session, practice: Practice) -> tuple[Session, WatchedTransport]:
    """The same device in another run of the app, watched."""
    await session.close()
    cable = WatchedTransport(practice.server.origin)
    again = await type(session).open(session.profile, clock=practice.server.clock, transport=cable)
    return again, cable


async def another_device(practice: Practice, pair: Pair) -> Session:
    origin, place = practice.server.origin, practice.practice_id
    found = await recover(origin, place, pair.code, Profile.in_memory(), clock=practice.server.clock)
    await practice.server.make_rounds()
    return found


# --- the pure part ------------------------------------------------------------------------------------------


def standing(world: LargerWorld, at: int | None = None, **changed: Any) -> Standing:
    people = world.people()
    log = world.log(world.vale)
    world.show(log, world.vale)
    assert log.epochs.newest is not None and log.epochs.charter is not None
    members = tuple((people[row.chain_id], row.role) for row in log.epochs.newest.core.roster)
    papers = world.papers.without(log.epochs.named())
    given: dict[str, Any] = {"papers": papers, "ends": log.epochs.ends, "at": at or world.at} | changed
    return Standing(log.epochs.newest, log.epochs.owner, members, charter=log.epochs.charter.core, **given)


def test_nothing_is_due_while_everything_is_as_the_roster_says():
    assert next_change(standing(LargerWorld()), {}) is None


def test_each_cause_has_its_reason():
    world = LargerWorld()
    world.anna.add()
    change = next_change(standing(world), {})
    assert change is not None and change.reason == CommitReason.DEVICE_ADDED
    world = LargerWorld()
    phone = world.anna.add()
    world.next(world.anna, CommitReason.DEVICE_ADDED)
    world.anna.revoke(phone)
    change = next_change(standing(world), {})
    assert change is not None and change.reason == CommitReason.DEVICE_REVOKED


def test_a_complete_consent_brings_somebody_in_and_an_incomplete_one_nobody():
    world = LargerWorld()
    lind = world.people()[world.lind.chain.chain_id]
    world.agree(world.vale)
    assert next_change(standing(world), {lind.chain.chain_id: lind}) is None
    name = world.agree(world.anna, world.vale)
    change = next_change(standing(world), {lind.chain.chain_id: lind})
    assert change is not None
    assert (change.reason, change.papers) == (CommitReason.USER_ADDED, (name,))


def test_a_consent_waits_for_its_beginning_and_is_nothing_after_its_end():
    world = LargerWorld()
    lind = world.people()[world.lind.chain.chain_id]
    world.agree(world.anna, world.vale, since=world.at + HOUR, until=world.at + 2 * HOUR)
    known = {lind.chain.chain_id: lind}
    assert next_change(standing(world), known) is None
    assert next_change(standing(world, world.at + HOUR), known) is not None
    assert next_change(standing(world, world.at + 2 * HOUR), known) is None


def test_a_new_client_waits_until_the_charter_is_signed():
    world = LargerWorld()
    lind = world.people()[world.lind.chain.chain_id]
    world.agree(world.anna, world.vale, role=Role.CLIENT)
    assert next_change(standing(world), {lind.chain.chain_id: lind}) is None
    world.sign_charter()
    assert next_change(standing(world), {lind.chain.chain_id: lind}) is not None


def test_who_goes_goes_first_and_their_word_is_named():
    """AT-97: a cover whose time is over is left out by whoever sees it."""
    world = LargerWorld()
    world.let_in(world.agree(world.anna, world.vale, role=Role.FAMILY), role=Role.FAMILY)
    word = world.leave(world.lind)
    world.anna.add()
    change = next_change(standing(world), {})
    assert change is not None
    assert (change.reason, change.papers) == (CommitReason.USER_REMOVED, (word,))
    assert world.lind.chain.chain_id not in {person.chain.chain_id for person, _ in change.members}
    world = LargerWorld()
    world.let_in(world.agree(world.anna, world.vale, until=world.at + HOUR))
    assert next_change(standing(world), {}) is None
    change = next_change(standing(world, world.at + HOUR), {})
    assert change is not None and change.reason == CommitReason.USER_REMOVED and change.papers == ()


def test_a_paper_that_an_epoch_named_is_used_up():
    world = LargerWorld()
    name = world.agree(world.anna, world.vale)
    world.let_in(name)
    world.let_go(world.lind)
    assert name not in standing(world).papers.consents
    assert next_change(standing(world), world.people()) is None


# --- against the real server --------------------------------------------------------------------------------


async def test_app_start_with_a_stale_roster_commits_with_and_without_a_draft(practice: Practice, pair: Pair):
    """AT-94: what is asked up to the commit is the same, whether or not something waits to be sent."""
    orders: list[list[str]] = []
    for draft in (False, True):
        if draft:
            pair.anna, cable = await open_watched(pair.anna, practice)
            cable.breaking = {"send_message"}
            with pytest.raises(Exception, match="may not have arrived"):
                await pair.anna.send(pair.thread, "A draft on this phone.")
        fresh = await recover_without_commit(practice, pair)
        pair.anna, cable = await open_watched(pair.anna, practice)
        news = await pair.anna.sync()
        assert [one.state for one in news.sent] == (["held"] if draft else [])
        assert "commit_epoch" in cable.asked
        before = cable.asked[: cable.asked.index("commit_epoch")]
        orders.append(
            [name for name in before if not name.startswith("prove_")]
        )  # these go by the log's growth
        newest = pair.anna.desk(pair.thread).log.epochs.newest
        assert newest is not None and newest.core.row_of(fresh.keys.device_id) is not None
        await fresh.close()
    assert orders[0] == orders[1]


async def recover_without_commit(practice: Practice, pair: Pair) -> Session:
    """A new device whose own epochs do not get through: somebody else has to begin them."""
    cable = WatchedTransport(practice.server.origin)
    cable.breaking = {"commit_epoch"}
    profile = Profile.in_memory()
    place = practice.practice_id
    with pytest.raises(Unreachable):
        await recover(
            practice.server.origin, place, pair.code, profile, clock=practice.server.clock, transport=cable
        )
    await practice.server.make_rounds()
    return Session(profile, Transport(practice.server.origin), practice.server.clock)


async def test_of_many_devices_that_see_one_change_one_commits_and_all_go_on(practice: Practice, pair: Pair):
    """AT-26, AT-95: losers of the race take the winner's epoch; nobody uploads more than twice."""
    await pair.vale.sync()
    devices = [pair.anna, pair.vale] + [await another_device(practice, pair) for _ in range(4)]
    lost = await another_device(practice, pair)
    for one in devices * 2:
        await one.sync()
    devices[2], cable = await open_watched(devices[2], practice)
    cable.breaking = {"commit_epoch"}
    with pytest.raises(Unreachable):
        await devices[2].devices.revoke(lost.keys.device_id)
    await lost.close()
    await practice.server.make_rounds()
    cables: list[WatchedTransport] = []
    pauses: list[list[float]] = [[] for _ in devices]
    for at, one in enumerate(devices):
        devices[at], cable = await open_watched(one, practice)
        cables.append(cable)

    async def at_once(one: Session, paused: list[float]) -> None:
        async def pause(seconds: float) -> None:
            paused.append(seconds)

        desk = one.desk(pair.thread)
        async with desk.lock:
            await desk.load()
            await settle_epoch(desk, age=0, pause=pause)

    await asyncio.gather(*(at_once(one, paused) for one, paused in zip(devices, pauses, strict=True)))
    uploads = [cable.asked.count("commit_epoch") for cable in cables]
    assert max(uploads) <= 2 and sum(uploads) >= 2  # several did see it at the same time
    assert max(sum(one) for one in pauses) <= 30
    commits = [one.desk(pair.thread).log.epochs.newest for one in devices]
    assert all(one is not None and one.core.row_of(lost.keys.device_id) is None for one in commits)
    heads = {one.desk(pair.thread).log.epochs.newest.commit_hash for one in devices}  # type: ignore[union-attr]
    assert len(heads) == 1
    for at, one in enumerate(devices):
        await one.send(pair.thread, f"Number {at}")
    for one in devices[2:]:
        await one.close()
    pair.anna, pair.vale = devices[0], devices[1]  # type: ignore[assignment]


async def test_an_epoch_that_served_long_is_replaced_by_the_therapist_in_open_hours_only(
    practice: Practice, pair: Pair
):
    """AT-93: a client's app makes no such epoch, by night or by day, with or without a send."""
    clock = practice.server.clock
    await clock.turn_to(MORNING)
    await pair.anna.send(pair.thread, "The epoch is used.")
    await pair.vale.sync()
    old = timedelta(milliseconds=MAX_AGE_MS)
    await clock.turn_to(NIGHT + old + timedelta(days=1))
    await practice.server.make_rounds()
    for one in (pair.anna, pair.vale):
        await one.sync()
        assert one.desk(pair.thread).log.epochs.newest.core.epoch == 0  # type: ignore[union-attr]
    await pair.anna.send(pair.thread, "At night, after a week.")
    await clock.turn_to(MORNING + old + timedelta(days=1))
    await practice.server.make_rounds()
    await pair.anna.sync()
    await pair.anna.send(pair.thread, "In the morning.")
    assert pair.anna.desk(pair.thread).log.epochs.newest.core.epoch == 0  # type: ignore[union-attr]
    await pair.vale.sync()
    newest = pair.vale.desk(pair.thread).log.epochs.newest
    assert newest is not None
    assert (newest.core.epoch, newest.core.reason) == (1, CommitReason.COUNT)
    assert (await pair.anna.sync()).findings == ()


async def test_two_hundred_messages_end_an_epoch_by_the_therapist_s_hand_alone(
    practice: Practice, pair: Pair
):
    """AT-93: by count, in open hours; a client's app makes none, by night or by day, sending or not."""
    clock = practice.server.clock
    await clock.turn_to(NIGHT)
    await pair.vale.sync()
    for number in range(MAX_PLACED):
        await pair.anna.send(pair.thread, f"{number}", urgent=True)
    asked: list[list[str]] = []
    for draft in (False, True):
        pair.anna, cable = await open_watched(pair.anna, practice)
        await pair.anna.sync()
        if draft:
            await pair.anna.send(pair.thread, "One more at night", urgent=True)
        await pair.anna.sync()
        assert "commit_epoch" not in cable.asked
        asked.append(cable.asked)
    assert [one for one in asked[1] if one == "send_message"] == ["send_message"]
    await pair.vale.sync()
    assert pair.vale.desk(pair.thread).log.epochs.newest.core.epoch == 0  # type: ignore[union-attr]
    await clock.turn_to(MORNING)
    await pair.anna.send(pair.thread, "In open hours")
    await pair.anna.sync()
    assert pair.anna.desk(pair.thread).log.epochs.newest.core.epoch == 0  # type: ignore[union-attr]
    await pair.vale.sync()
    newest = pair.vale.desk(pair.thread).log.epochs.newest
    assert newest is not None
    assert (newest.core.epoch, newest.core.reason) == (1, CommitReason.COUNT)


STEPS = st.lists(
    st.sampled_from(
        ["new device", "revoke", "therapist syncs", "therapist sends", "client syncs", "client sends"]
    ),
    min_size=2,
    max_size=7,
)


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(steps=STEPS)
async def test_who_has_seen_a_revocation_never_seals_into_an_epoch_from_before(
    practice: Practice, pair: Pair, steps: list[str]
):
    """AT-32, over interleavings: every message of a device that saw a device go is closed to that device."""
    sealed: list[tuple[bytes, set[bytes]]] = []
    extra: list[Session] = []

    async def say(one: Session) -> None:
        person = await one.people.look(pair.anna.chain, await one.now(), age=10**9)
        seen = {each.device_id for each in person.chain.devices.values() if not each.active}
        sent = await one.send(pair.thread, "Another one.", urgent=True)
        commit = one.desk(pair.thread).log.epochs.newest
        assert commit is not None and not seen & set(commit.core.device_ids())
        sealed.append((sent.mid, seen))

    for step in steps:
        match step:
            case "new device":
                extra.append(await another_device(practice, pair))
            case "revoke" if extra:
                lost = extra.pop()
                await pair.anna.devices.revoke(lost.keys.device_id)
                await practice.server.make_rounds()
                await lost.close()
            case "therapist syncs":
                await pair.vale.sync()
            case "therapist sends":
                if pair.thread not in pair.vale.profile.thread_ids():
                    await pair.vale.sync()
                await say(pair.vale)
            case "client syncs":
                await pair.anna.sync()
            case "client sends":
                await say(pair.anna)
    await pair.anna.sync()
    placed = {one.mid: one for one in await pair.anna.messages(pair.thread)}
    items = pair.anna.profile.items(pair.thread)
    epochs = pair.anna.desk(pair.thread).log.epochs
    for mid, seen in sealed:
        item = items[placed[mid].n - 1].item
        assert item is not None
        commit = epochs.of(parse_envelope(item).header.commit_hash)
        assert commit is not None and not seen & set(commit.core.device_ids())
    for one in extra:
        await one.close()
