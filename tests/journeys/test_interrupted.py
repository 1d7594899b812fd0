"""A program that dies at a write of its profile goes on from there: nothing is lost, nothing comes twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta

import pytest

from etherapy.sdk.entering.enrolling import join
from etherapy.sdk.entering.linking import link_device
from etherapy.sdk.entering.recovering import recover
from etherapy.sdk.faults import LinkEnded
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.session import Session
from tests.conftest import RunningServer
from tests.journeys.conftest import VALE, Story, furnish
from tests.journeys.dying import Died, DyingShelf, dying

MONDAY = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NIGHT = timedelta(hours=16)
MORNING = timedelta(days=1, hours=1)  # Tuesday, 09:00 in New York
STOPS = (0, 1, 2, 4, 7, 11, 17, 25)
"""After how many writes somebody's program dies."""


class Again:
    """One story after another, in each of which somebody's program dies one write later."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self.left = 0
        self.over = False
        self._week = 0
        self._monday = MONDAY

    async def stories(self) -> AsyncIterator[Story]:
        for stop in STOPS:
            if self.over:
                break
            self.left, self.over = stop, True
            self._monday = MONDAY + timedelta(weeks=self._week)
            self._week += 1
            await self._server.clock.turn_to(self._monday)
            async with AsyncExitStack() as stack:
                yield await furnish(self._server, stack, VALE)

    async def turn_to(self, hour: timedelta) -> None:
        """The night, or the morning, of this story's week."""
        for later in (timedelta(0), timedelta(hours=1)):  # in winter the windows open an hour later
            await self._server.clock.turn_to(self._monday + hour + later)
            await self._server.make_rounds()

    async def until_it_dies(
        self, profile: Profile | None, work: Callable[[Profile], Awaitable[object]]
    ) -> Profile:
        """Do the work in a program that dies; the profile as the next run of the program finds it."""
        mortal, shelf = dying(profile, self.left)
        try:
            await work(mortal)
        except Died:
            self.over = False
        return Profile(DyingShelf(shelf.files))


@pytest.fixture
def again(server: RunningServer) -> Again:
    return Again(server)


async def texts(session: Session, thread: bytes) -> list[str | None]:
    return [one.text for one in await session.messages(thread)]


async def test_at_88_a_correction(again: Again):
    """AT-88: exactly one of both texts is read."""
    async for story in again.stories():
        await again.turn_to(NIGHT)
        sent = await story.client.send(story.thread, "Once.")

        async def change(profile: Profile, story: Story = story, mid: bytes = sent.mid) -> None:
            async with await Session.open(profile) as me:
                await me.replace(story.thread, mid, "Once and for all.")

        profile = await again.until_it_dies(story.client.profile, change)
        async with await Session.open(profile) as me:
            await me.sync()
            await again.turn_to(MORNING)
            await story.server.make_rounds()
            await story.therapist.sync()
            await me.sync()
            assert await texts(story.therapist, story.thread) in (["Once."], ["Once and for all."])
            assert me.findings == () and story.therapist.findings == ()
            item = [one for one in me.desk(story.thread).state.own.values() if one.state == "placed"]
            assert len(item) == 1
            assert all(
                one.state in ("placed", "replaced") for one in me.desk(story.thread).state.own.values()
            )


async def test_at_92_a_revocation_with_something_waiting(again: Again):
    """AT-92: what the lost device had waiting arrives, once, with its time."""
    async for story in again.stories():
        await again.turn_to(NIGHT)
        sent = await story.client.send(story.thread, "From the phone that is lost.")
        lost = story.client.keys.device_id
        fresh = await recover(story.server.origin, story.practice, story.code, Profile.in_memory())
        await story.server.make_rounds()
        await fresh.sync()
        await fresh.close()

        async def revoke(profile: Profile, lost: bytes = lost) -> None:
            async with await Session.open(profile) as me:
                await me.devices.revoke(lost)

        profile = await again.until_it_dies(fresh.profile, revoke)
        async with await Session.open(profile) as me:
            await me.sync()
            await me.devices.revoke(lost)
            await story.server.make_rounds()
            await again.turn_to(MORNING)
            await story.server.make_rounds()
            await story.therapist.sync()
            assert await texts(story.therapist, story.thread) == ["From the phone that is lost."]
            [shown] = await story.therapist.messages(story.thread)
            assert shown.promise is not None and shown.promise.counted_from == sent.promise.accepted_at
            await me.sync()
            assert me.findings == () and story.therapist.findings == ()
            assert await texts(me, story.thread) == ["From the phone that is lost."]


async def test_a_rotation(again: Again):
    """No key is erased while something may still come that was sealed to it."""
    async for story in again.stories():
        await again.turn_to(MORNING)

        async def rotate(profile: Profile) -> None:
            async with await Session.open(profile) as me:
                await me.devices.rotate()

        profile = await again.until_it_dies(story.client.profile, rotate)
        await story.therapist.sync()
        await story.therapist.send(story.thread, "Meanwhile.")
        async with await Session.open(profile) as me:
            await me.sync()
            await story.therapist.sync()
            await story.therapist.send(story.thread, "Afterwards.")
            await me.sync()
            assert await texts(me, story.thread) == ["Meanwhile.", "Afterwards."]
            assert not me.profile.identity.next_keys
            assert me.findings == () and story.therapist.findings == ()
            await me.send(story.thread, "Good.")
        await story.therapist.sync()
        assert (await texts(story.therapist, story.thread))[-1] == "Good."


async def test_joining_a_thread(again: Again):
    async for story in again.stories():
        link = await story.therapist.invite("Another")

        async def come(profile: Profile, text: str = link.text) -> None:
            await join(text, profile)

        came = await again.until_it_dies(None, come)
        if came.enrolled:
            async with await Session.open(came) as me:
                await me.sync()
                [thread] = came.thread_ids()
        else:
            me, thread, code = await join(link.text, came)
            assert code
        async with await Session.open(came) as me:
            await me.sync()
            await again.turn_to(MORNING)
            await me.send(thread, "Here.")
            await story.therapist.sync()
            assert await texts(story.therapist, thread) == ["Here."]
            assert me.findings == () and story.therapist.findings == ()


async def test_linking_on_both_sides(again: Again):
    """Whichever side dies: one more device, with all of the history, and nothing secret doubled."""
    for side in ("new", "old"):
        again.over = False
        async for story in again.stories():
            await again.turn_to(MORNING)
            await story.client.send(story.thread, "Before.")
            await story.client.close()
            if side == "new":
                async with await Session.open(story.client.profile) as old:
                    tasks: list[asyncio.Task[object]] = []

                    async def begin(
                        profile: Profile,
                        story: Story = story,
                        old: Session = old,
                        tasks: list[asyncio.Task[object]] = tasks,
                    ) -> None:
                        new = await link_device(story.server.origin, story.practice, profile)
                        tasks.append(asyncio.create_task(old.devices.approve(new.text)))
                        await new.wait(Session)

                    profile = await again.until_it_dies(None, begin)
                    if not profile.enrolled:
                        new = await link_device(story.server.origin, story.practice, profile)
                        for task in tasks:
                            task.cancel()
                        waiting = asyncio.create_task(new.wait(Session))
                        with suppress(LinkEnded):
                            await old.devices.approve(new.text)
                        await (await waiting).close()
                    await asyncio.gather(*tasks, return_exceptions=True)
                    await old.sync()
            else:
                new = await link_device(story.server.origin, story.practice, Profile.in_memory())
                waiting = asyncio.create_task(new.wait(Session))

                async def agree(profile: Profile, text: str = new.text) -> None:
                    async with await Session.open(profile) as me:
                        await me.devices.approve(text)

                resumed = await again.until_it_dies(story.client.profile, agree)
                async with await Session.open(resumed) as old:
                    await old.sync()
                    if not waiting.done() and new.profile.kept.linking is not None:
                        with suppress(LinkEnded):
                            await old.devices.approve(new.text)
                    await (await waiting).close()
                    await old.sync()
                    profile = new.profile
            async with await Session.open(profile) as phone:
                await story.server.make_rounds()
                await phone.sync()
                assert await phone.await_history()
                assert await texts(phone, story.thread) == ["Before."]
                assert phone.findings == ()
                await phone.send(story.thread, "From the new one.")
                await story.therapist.sync()
                assert await texts(story.therapist, story.thread) == ["Before.", "From the new one."]
                assert story.therapist.findings == ()


async def test_recovering(again: Again):
    async for story in again.stories():
        await again.turn_to(MORNING)
        await story.client.send(story.thread, "Before.")

        async def come_back(profile: Profile, story: Story = story) -> None:
            await (await recover(story.server.origin, story.practice, story.code, profile)).close()

        profile = await again.until_it_dies(None, come_back)
        if not profile.enrolled:
            await come_back(profile)
        async with await Session.open(profile) as me:
            await me.sync()
            await story.server.make_rounds()
            await me.sync()
            assert await texts(me, story.thread) == ["Before."]
            await me.send(story.thread, "After.")
            await story.therapist.sync()
            assert await texts(story.therapist, story.thread) == ["Before.", "After."]
            assert me.findings == () and story.therapist.findings == ()
            assert len([one for one in await me.devices.list() if one.active]) == 3


async def test_another_recovery_code(again: Again):
    """The code that was shown in the end opens everything; the old one nothing."""
    async for story in again.stories():
        await again.turn_to(MORNING)
        await story.client.send(story.thread, "Before.")
        codes: list[str | None] = []

        async def renew(profile: Profile, story: Story = story, codes: list[str | None] = codes) -> None:
            async with await Session.open(profile) as me:
                codes.append((await me.devices.replace_recovery(story.code)).code)

        profile = await again.until_it_dies(story.client.profile, renew)
        if not codes:
            await renew(profile)
        assert codes[-1] is not None
        async with await recover(story.server.origin, story.practice, codes[-1], Profile.in_memory()) as me:
            await story.server.make_rounds()
            await me.sync()
            assert await texts(me, story.thread) == ["Before."]
            assert me.findings == ()
