"""Chains, logs and server keys as a device believes them, and a supervisor's checks."""

from datetime import timedelta

import pytest

from etherapy.binary import B64, b64
from etherapy.clock import TestClock
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.people import AddLink
from etherapy.sdk import Profile, recover
from etherapy.sdk.faults import Refuted, WrongServer
from etherapy.sdk.findings import Kind, write_finding
from etherapy.sdk.keeping.kept import KnownLinks
from etherapy.sdk.transport import Transport
from etherapy.sdk.watching.people import People
from etherapy.tep.leaves import chain_link_leaf, leaf_hash, server_link_leaf
from etherapy.tep.linking import rotate_key
from etherapy.tep.receipts import sign_receipt
from etherapy.tep.statements import LinkPromise, LogName
from tests.sdk.conftest import MORNING, NIGHT, Pair
from tests.sdk.furnished import Practice
from tests.sdk.small_world import SmallWorld
from tests.tep.world import PRACTICE, Person


def links_of(world: SmallWorld, one: Person) -> KnownLinks:
    """A person's links with honest promises."""

    account = one.chain.chain_id[:16]
    promises = []
    for seq, name in enumerate(one.chain.hashes):
        leaf = leaf_hash(chain_link_leaf(account, one.chain.chain_id, seq, name))
        core = LinkPromise(LogName.KEYS, 1, PRACTICE, leaf, world.at, world.at + 1, world.host.key_id)
        promises.append(sign_receipt(core, world.host.receipts, world.host.key_id))
    return KnownLinks(
        account=account, links=list(one.links), promises=promises, indexes=[None] * len(promises)
    )


def people(world: SmallWorld) -> People:
    return People(Transport("http://127.0.0.1:1"), world.host.keys.receipt_keys(), PRACTICE, {})


def test_a_chain_may_grow():
    world = SmallWorld(seed="grow")
    known, chain = people(world), world.anna.chain.chain_id
    known.learn(chain, links_of(world, world.anna))
    world.anna.add()
    person = known.learn(chain, links_of(world, world.anna))
    assert person.chain.seq == 2
    short = person.at(1)
    assert short is not None
    assert short.seq == 1
    assert person.at(3) is None


def test_at_18_a_shorter_chain_than_seen_before_is_a_rollback():
    """AT-18."""
    world = SmallWorld(seed="short")
    known, chain = people(world), world.anna.chain.chain_id
    before = links_of(world, world.anna)
    world.anna.add()
    known.learn(chain, links_of(world, world.anna))
    with pytest.raises(Refuted) as refused:
        known.learn(chain, before)
    assert refused.value.finding.kind == Kind.ROLLBACK


def test_at_16_two_links_with_one_number_are_a_fork_and_both_are_kept_as_evidence():
    """AT-16."""
    world = SmallWorld(seed="fork")
    known, chain = people(world), world.anna.chain.chain_id
    links = list(world.anna.links)
    world.anna.add()
    known.learn(chain, links_of(world, world.anna))
    first = world.anna.links[2]
    world.anna.links = links
    world.anna.add()
    with pytest.raises(Refuted) as refused:
        known.learn(chain, links_of(world, world.anna))
    assert refused.value.finding.kind == Kind.FORK
    proof = refused.value.finding.proof
    assert (proof["known_2"], proof["seen_2"]) == (first, world.anna.links[2])


def test_a_link_without_the_servers_promise_to_log_it_is_refused():
    world = SmallWorld(seed="promise")
    shown = links_of(world, world.anna)
    shown.promises[1] = shown.promises[0]
    with pytest.raises(Refuted) as refused:
        people(world).learn(world.anna.chain.chain_id, shown)
    assert refused.value.finding.kind == Kind.CHAIN


async def test_links_are_proved_to_be_in_the_log(pair: Pair):
    assert await pair.vale.check_logs() == []
    known = pair.vale.profile.kept.chains[pair.vale.chain]
    assert known.proved == [0, 1]
    assert pair.vale.keys_log.copy.size >= 4


async def test_a_link_that_never_reaches_the_log_is_reported_with_its_promise(
    practice: Practice, clock: TestClock
):
    vale, _ = await practice.therapist()
    assert await vale.check_logs() == []
    await clock.turn_by(timedelta(minutes=9))
    await vale.login.renew("")
    assert await vale.check_logs() == []
    await clock.turn_by(timedelta(minutes=2))
    vale.login.forget()
    found = await vale.check_logs()
    assert [one.kind for one in found] == [Kind.UNSEQUENCED, Kind.UNSEQUENCED]
    assert set(found[0].proof) == {"link", "promise", "chain"}
    assert b64(found[0].proof["promise"]).encode() in write_finding(found[0])
    await vale.close()


async def test_at_69_a_log_that_was_rewritten_is_refused(pair: Pair, practice: Practice):
    """AT-69."""
    await pair.anna.check_logs()
    copy = pair.anna.profile.kept.keys_log
    copy.peaks[0] = bytes(32)
    copy.root = bytes(32)
    client, _, _ = await practice.client(pair.vale)
    await client.close()
    await practice.server.make_rounds()
    found = await pair.anna.check_logs()
    assert [one.kind for one in found] == [Kind.KEYS_FORK]
    assert found[0].proof["seen_before"] != found[0].proof["shown_now"]


async def test_at_70_another_root_seen_by_the_other_side_is_an_alarm_with_both_pieces(
    pair: Pair, clock: TestClock
):
    """AT-70."""
    await clock.turn_to(MORNING)
    await pair.anna.check_logs()
    pair.anna.keys_log.copy.root = bytes(32)
    await pair.anna.send(pair.thread, "what do you see?")
    news = await pair.vale.sync()
    assert [one.kind for one in news.findings] == [Kind.KEYS_FORK]
    assert set(news.findings[0].proof) == {"envelope", "checkpoint"}


async def test_at_21_a_leaf_in_ones_own_name_that_one_did_not_make_is_an_alarm(pair: Pair):
    """AT-21."""
    anna = pair.anna
    account = anna.profile.identity.account
    person = anna.people.person(anna.chain)
    assert person is not None
    mine = chain_link_leaf(account, anna.chain, 1, person.chain.head)
    assert anna.leaves.judge(mine) is None
    for forged in (
        chain_link_leaf(account, anna.chain, 1, bytes(32)),
        chain_link_leaf(account, bytes(32), 0, bytes(32)),
    ):
        found = anna.leaves.judge(forged)
        assert found is not None
        assert found.kind == Kind.OWN_LEAF
    other = anna.leaves.judge(server_link_leaf(anna.server.server_id, 0, bytes(32)))
    assert other is not None
    assert other.kind == Kind.SERVER_KEYS


async def test_at_105_a_server_with_other_keys_than_pinned_is_not_believed(pair: Pair):
    """AT-105."""
    other = SmallWorld(seed="another server").host
    pair.anna.server = other.keys
    with pytest.raises(WrongServer):
        await pair.anna.check_server()
    assert [one.kind for one in pair.anna.findings] == [Kind.SERVER_KEYS]


async def test_a_supervisor_sees_decisions_that_the_signed_log_bears_out_and_no_content(
    pair: Pair, practice: Practice, clock: TestClock
):
    await clock.turn_to(NIGHT)
    await pair.anna.send(pair.thread, "canary-2208")
    board = await practice.supervisor()
    acts = [one.act for one in await board.decisions()]
    assert "message.placed" not in acts
    await clock.turn_to(MORNING)
    await pair.vale.sync()
    await practice.server.make_rounds()
    records = await board.decisions()
    assert all(one.proved for one in records)
    assert [one.act for one in records].count("message.placed") == 1
    assert "canary" not in repr(records)
    assert {one.name for one in await board.settings()} == {"Vale & Co"}
    await board.close()


async def test_a_supervisor_notices_a_rewritten_audit_log(pair: Pair, practice: Practice):
    board = await practice.supervisor()
    await practice.server.make_rounds()
    log = await board.read_log()
    assert log.size > 0
    board.profile.kept.audit_log.root = bytes(32)
    with pytest.raises(Refuted) as refused:
        await board.decisions()
    assert refused.value.finding.kind == Kind.KEYS_FORK
    await board.close()


async def test_a_chain_that_ends_with_a_page_is_read_by_whoever_does_not_know_it(
    practice: Practice, pair: Pair
):
    """Fifty links: what the server has after them it calls no chain."""
    known = pair.anna.people.person(pair.anna.chain)
    assert known is not None
    chain = known.chain
    while chain.seq < 49:
        fresh_key = DeviceKeys.generate().hpke.public
        link = rotate_key(chain, pair.anna.keys.sign, fresh_key, pair.anna.device_time())
        await pair.anna.transport.call(endpoints.add_link, AddLink(B64(link)))
        chain = chain.add(link)
    origin, place = practice.server.origin, practice.practice_id
    fresh = await recover(origin, place, pair.code, Profile.in_memory(), clock=practice.server.clock)
    async with fresh:
        found = fresh.people.person(fresh.chain)
        assert found is not None and found.chain.hashes[:50] == chain.hashes
