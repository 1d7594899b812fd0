"""The server is lost at night and restored from the evening's backup (tep_amendments.md A-8)."""

import shutil
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from etherapy.postgres.backup import restore
from etherapy.sdk.faults import LinkLost, NotSentYet
from etherapy.sdk.findings import Kind
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.session import Session
from etherapy.sdk.verifying.message import SentMessage
from etherapy.server.operate.backup import DUMP, make_backup
from etherapy.server.operate.restoring import restore_backup
from etherapy.store.migrate import migrate
from etherapy.tep.placing import Reason
from tests.journeys.conftest import VALE, Story, furnish
from tests.journeys.restorable import EVENING, House, house

HOUR = timedelta(hours=1)
TOMORROW = EVENING + 15 * HOUR + timedelta(minutes=1)
"""Tuesday 09:01 in New York."""


class Night:
    """What happened before and after the backup at 20:00, told to both sides; then the server is gone."""

    waiting: SentMessage
    """Accepted at 22:00, still held."""
    story: Story

    def __init__(self, tmp_path, postgres, scratch) -> None:
        self.tmp_path, self.scratch = tmp_path, scratch
        self.house: House = house(tmp_path, postgres)
        self.backup = tmp_path / "backup"

    async def live(self, stack: AsyncExitStack, people: AsyncExitStack) -> None:
        first = await self.scratch()
        site = await self.house.set_up(self.tmp_path / "first", first)
        server = await stack.enter_async_context(self.house.serve(site, first))
        self.story = story = await furnish(server, people, VALE)
        client, therapist, thread = story.client, story.therapist, story.thread
        self.known = await client.send(thread, "written before the backup")
        await story.turn_to(EVENING + 2 * HOUR)
        await server.make_rounds()
        await client.sync()
        await therapist.sync()
        await make_backup(site, self.backup, self.house.vault)
        await self.live_on(story)
        await server.make_rounds()
        await client.check_logs()

    async def live_on(self, story: Story) -> None:
        """What only the devices will remember."""
        client, therapist, thread = story.client, story.therapist, story.thread
        await story.turn_to(EVENING + 3 * HOUR)
        await therapist.send(thread, "placed at nine in the evening")
        await client.sync()
        await story.turn_to(EVENING + 4 * HOUR)
        self.waiting = await client.send(thread, "written at ten")
        self.unknown = await client.send(thread, "taken back, and never seen again by the server")
        await story.turn_to(EVENING + 4 * HOUR + timedelta(minutes=30))
        await client.recall(thread, self.known.mid)
        await client.recall(thread, self.unknown.mid)
        await client.sync()
        await therapist.sync()
        assert self.texts(client) == self.texts(therapist) == ["placed at nine in the evening"]

    def texts(self, session) -> list[str]:
        return [one.text for one in session.desk(self.story.thread).log.messages]


@pytest.fixture
async def people():
    async with AsyncExitStack() as found:
        yield found


class NightOfKeys(Night):
    """After the backup the therapist's key is renewed: a link, an epoch, and messages under it are lost."""

    async def live_on(self, story: Story) -> None:
        client, therapist, thread = story.client, story.therapist, story.thread
        await story.turn_to(EVENING + 3 * HOUR)
        await therapist.devices.rotate()
        await client.sync()
        await client.send(thread, "urgent, in the new epoch", urgent=True)
        await therapist.sync()
        await therapist.send(thread, "answered at once")
        self.waiting = await client.send(thread, "waits in the new epoch")
        await client.sync()
        await therapist.sync()
        newest = client.desk(thread).log.epochs.newest
        assert newest is not None and newest.core.epoch == 1
        self.commit = newest.commit_hash


@pytest.fixture(params=[Night])
async def night(request, tmp_path, postgres, scratch, people) -> Night:
    found: Night = request.param(tmp_path, postgres, scratch)
    async with AsyncExitStack() as stack:
        await found.live(stack, people)
    await found.house.clock.turn_to(EVENING + 5 * HOUR)
    shutil.rmtree(tmp_path / "first")
    return found


async def test_at_107_everything_comes_back_with_its_old_times(night: Night):
    """AT-107, AT-59: a held message, a placed one, and two that were taken back."""
    story, store = night.story, await night.scratch()
    site = night.house.site(night.tmp_path / "second", store)
    restored = await restore_backup(site, night.backup, night.house.vault)
    assert list(restored.generations) == [story.practice]
    client, therapist, thread = story.client, story.therapist, story.thread
    async with night.house.serve(site, store) as server:
        for session in (client, therapist):
            news = await session.sync()
            assert Kind.RESTORED in {one.kind for one in news.findings}
            assert not [one for one in news.findings if one.grave]
        await server.make_rounds()
        for session in (therapist, client):
            await session.sync()
        (back,) = await therapist.messages(thread)
        assert (back.text, back.reason) == ("placed at nine in the evening", Reason.HEALED)
        assert [one.text for one in await client.messages(thread)] == [back.text]
        (held,) = await client.waiting(thread)
        assert held.mid == night.waiting.mid and held.text == "written at ten"
        times = ("accepted_at", "counted_from", "release_at", "reply_by")
        for name in times:
            assert getattr(held.promise, name) == getattr(night.waiting.promise, name), name
        assert not client.findings and not therapist.findings

        await night.house.clock.turn_to(TOMORROW)
        news = await therapist.sync()
        assert [one.text for one in news.messages] == ["written at ten"]
        assert not [one for one in news.findings if one.grave]
        news = await client.sync()
        assert not [one for one in news.findings if one.grave] and not await client.waiting(thread)
        await server.make_rounds()
        assert not await client.check_logs() and not await therapist.check_logs()
        assert not client.findings and not therapist.findings
        reply = await therapist.send(thread, "good morning")
        assert reply.state == "placed"
        assert [one.text for one in (await client.sync()).messages] == ["good morning"]


async def test_at_18_a_server_that_went_back_without_a_word_is_not_believed(night: Night):
    """AT-18, AT-59: the same backup, put up without the statement."""
    story, store = night.story, await night.scratch()
    data = night.tmp_path / "second"
    site = night.house.site(data, store)
    (data / "keys").mkdir(parents=True, mode=0o700)
    shutil.copy(night.house.vault, site.keys_file)
    restore(site.operate_dsn, site.programs(), night.backup / DUMP)
    await migrate(site.operate_dsn)
    client, thread = story.client, story.thread
    async with night.house.serve(site, store):
        client.login.forget()
        client.profile.kept.cursor = 0
        await client.sync()
        assert Kind.ROLLBACK in {one.kind for one in client.findings}
        (view,) = await client.threads()
        assert view.halted is not None and view.halted.kind == Kind.ROLLBACK
        assert night.texts(client) == ["placed at nine in the evening"]
        assert client.desk(thread).state.lost == []


async def test_at_107_a_program_that_dies_while_it_sets_aside_accuses_nobody(night: Night, monkeypatch):
    """AT-107, AT-18: what was set aside is written before it is taken out of what is kept."""
    story, store = night.story, await night.scratch()
    site = night.house.site(night.tmp_path / "second", store)
    await restore_backup(site, night.backup, night.house.vault)
    client, therapist, thread = story.client, story.therapist, story.thread

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    async with night.house.serve(site, store) as server:
        with monkeypatch.context() as patched:
            patched.setattr(Profile, "keep_only", die)
            with pytest.raises(KeyboardInterrupt):
                await client.sync()
        async with await Session.open(client.profile) as again:
            for _ in range(2):
                await again.sync()
                await therapist.sync()
                await server.make_rounds()
            assert night.texts(again) == night.texts(therapist) == ["placed at nine in the evening"]
            assert [one.text for one in await again.waiting(thread)] == ["written at ten"]
            assert not again.findings and again.desk(thread).halted is None


@pytest.mark.parametrize("night", [NightOfKeys], indirect=True)
@pytest.mark.parametrize("first", ["client", "therapist"])
async def test_at_107_a_lost_key_and_its_epoch_come_back_before_what_is_sealed_under_it(
    night: NightOfKeys, first: str
):
    """AT-107, AT-59: whoever opens the app first."""
    story, store = night.story, await night.scratch()
    site = night.house.site(night.tmp_path / "second", store)
    await restore_backup(site, night.backup, night.house.vault)
    client, therapist, thread = story.client, story.therapist, story.thread
    order = [client, therapist] if first == "client" else [therapist, client]
    async with night.house.serve(site, store) as server:
        for session in [*order, *order]:
            await session.sync()
            await server.make_rounds()
        for session in order:
            assert night.texts(session) == ["urgent, in the new epoch", "answered at once"]
            newest = session.desk(thread).log.epochs.newest
            assert newest is not None and newest.commit_hash == night.commit
            assert not session.findings and session.desk(thread).halted is None
        waiting = [one.text for one in await client.waiting(thread)]
        assert waiting == ["written before the backup", "waits in the new epoch"]
        await night.house.clock.turn_to(TOMORROW)
        await therapist.sync()
        assert night.texts(therapist)[-2:] == waiting
        assert (await therapist.send(thread, "good morning")).state == "placed"
        await client.sync()
        assert night.texts(client)[-1] == "good morning"
        await server.make_rounds()
        assert not await client.check_logs() and not await therapist.check_logs()
        assert not client.findings and not therapist.findings


async def test_what_is_sent_before_anything_was_read_waits_until_the_restore_is_settled(night: Night):
    """AT-107: nobody seals or is promised anything on positions that are given up."""
    story, store = night.story, await night.scratch()
    site = night.house.site(night.tmp_path / "second", store)
    await restore_backup(site, night.backup, night.house.vault)
    client, therapist, thread = story.client, story.therapist, story.thread
    async with night.house.serve(site, store) as server:
        with pytest.raises(NotSentYet):
            await therapist.send(thread, "first thing after the restore")
        news = await therapist.sync()
        assert [one.state for one in news.sent] == ["placed"]
        await server.make_rounds()
        await client.sync()
        assert sorted(night.texts(client)) == [
            "first thing after the restore",
            "placed at nine in the evening",
        ]
        assert not client.findings and not therapist.findings


@pytest.mark.parametrize("night", [NightOfKeys], indirect=True)
async def test_nothing_is_sealed_while_the_server_has_forgotten_a_change_of_devices(night: NightOfKeys):
    """AT-32, AT-59: an older head is never sealed to, whatever the server has lost."""
    story, store = night.story, await night.scratch()
    site = night.house.site(night.tmp_path / "second", store)
    await restore_backup(site, night.backup, night.house.vault)
    client, therapist, thread = story.client, story.therapist, story.thread
    async with night.house.serve(site, store) as server:
        await client.sync()
        with pytest.raises(LinkLost):
            await client.send(thread, "not under the old key")
        await therapist.sync()
        await server.make_rounds()
        await client.sync()
        assert (await client.send(thread, "under the renewed one")).state == "held"
        assert not client.findings and not therapist.findings
