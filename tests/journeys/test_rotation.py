"""The server gets new keys while people write to each other (tep_amendments.md A-8)."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from etherapy.rules.calendar import milliseconds
from etherapy.sdk.faults import Refuted, WrongServer
from etherapy.sdk.findings import Kind
from etherapy.sdk.verifying.own_items import newest
from etherapy.sdk.verifying.promises import verify_bundle
from etherapy.server.keys import ServerSecrets
from etherapy.server.operate.rotating import rotate_server_keys
from etherapy.server.operate.site import Site
from etherapy.signing import SigningKey
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import sign_receipt, verify_receipt
from etherapy.tep.serverkeys import key_id, verify_server_chain
from tests.conftest import RunningServer
from tests.journeys.conftest import VALE, Story, furnish, installation
from tests.journeys.restorable import EVENING, house, take_up_keys


@dataclass
class Stage:
    """A story and the place of its server."""

    story: Story
    site: Site
    server: RunningServer

    async def rotate(self) -> SigningKey:
        """New keys, taken up by the running server; the old receipt key, as a thief would have it."""
        stolen = self.server.secrets.receipt
        await rotate_server_keys(self.site, installation(self.server))
        assert take_up_keys(self.server)
        return stolen


@pytest.fixture
async def stage(tmp_path, postgres, scratch):
    async with AsyncExitStack() as stack:
        made, store = house(tmp_path, postgres), await scratch()
        site = await made.set_up(tmp_path / "data", store)
        server = await stack.enter_async_context(made.serve(site, store))
        yield Stage(await furnish(server, stack, VALE), site, server)


async def test_at_105_a_device_takes_newer_keys_over_in_the_middle_of_a_session(stage: Stage):
    """AT-105"""
    story = stage.story
    client, therapist, thread = story.client, story.therapist, story.thread
    before = await client.send(thread, "under the old key")
    await stage.rotate()
    after = await client.send(thread, "under the new key")
    assert client.server.seq == 1 and len(client.profile.identity.server_links) == 2
    promises = [newest(client.desk(thread).state.own[one.mid]) for one in (before, after)]
    keys = [one.key_id for one in promises if one is not None]
    assert keys[0] != keys[1] == stage.server.secrets.receipt_id
    await stage.server.make_rounds()
    for session in (therapist, client):
        await session.sync()
        assert not await session.check_logs() and not session.findings
    assert therapist.server.seq == 1
    assert [one.text for one in await client.waiting(thread)] == ["under the old key", "under the new key"]
    await story.turn_to(EVENING + timedelta(days=9))
    await therapist.sync()
    read = await therapist.messages(thread)
    assert [one.text for one in read] == ["under the old key", "under the new key"]
    assert not [one for message in read for one in message.findings if one.grave]


async def test_at_105_old_receipts_stay_good_and_are_unproven_when_first_seen_long_after(stage: Stage):
    """AT-105"""
    story = stage.story
    sent = await story.client.send(story.thread, "keep this")
    await stage.rotate()
    await story.client.check_server()
    bundle = await story.client.export_receipt(story.thread, sent.mid)
    assert not verify_bundle(bundle, EVENING + timedelta(days=36)).unproven
    late = verify_bundle(bundle, EVENING + timedelta(days=38))
    assert late.unproven and late.accepted_at == EVENING
    assert not verify_bundle(bundle).unproven


async def test_at_105_a_stolen_old_key_signs_nothing_after_its_end(stage: Stage):
    """AT-105"""
    story = stage.story
    sent = await story.client.send(story.thread, "real")
    stolen = await stage.rotate()
    await story.client.check_server()
    promise = newest(story.client.desk(story.thread).state.own[sent.mid])
    assert promise is not None
    for days, holds in ((6, True), (8, False)):
        at = milliseconds(EVENING + timedelta(days=days))
        forged = replace(promise, accepted_at=at, counted_from=at, release_at=at)
        receipt = sign_receipt(forged, stolen, key_id(stolen.public))
        if holds:
            assert verify_receipt(receipt, story.client.receipt_keys) == forged
        else:
            with pytest.raises(Malformed, match="dates"):
                verify_receipt(receipt, story.client.receipt_keys)


async def test_at_105_keys_that_do_not_descend_from_the_pinned_ones_are_refused_in_a_session(
    stage: Stage, tmp_path
):
    """AT-105: a server whose root was replaced answers with receipts by keys of its own."""
    story = stage.story
    other = ServerSecrets.create(tmp_path / "other.json", stage.server.origin, EVENING)
    stage.server.secrets.__dict__.update(other.__dict__)
    with pytest.raises((WrongServer, Refuted)):
        await story.client.send(story.thread, "to whom?")
    assert Kind.SERVER_KEYS in {one.kind for one in story.client.findings}
    links = story.client.profile.identity.server_links
    assert verify_server_chain(links).server_id != other.server_id


async def test_rotations_follow_each_other(stage: Stage):
    story = stage.story
    for day in (1, 2, 3):
        await story.turn_to(EVENING + timedelta(days=day))
        await stage.rotate()
        await story.client.send(story.thread, f"day {day}")
    assert story.client.server.seq == 3 and not story.client.findings
    await stage.server.make_rounds()
    assert not await story.client.check_logs()
