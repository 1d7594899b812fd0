"""The recovery code opens the whole history on a fresh device (A-15.7)."""

from datetime import UTC, datetime, timedelta

from etherapy.sdk.entering.recovering import recover
from etherapy.sdk.keeping.profile import Profile
from tests.journeys.conftest import Story

TEXT = "Held, and then the phone was gone"
NOON = datetime(2026, 6, 1, 16, 0, tzinfo=UTC)


async def test_at_51_the_code_alone_opens_everything_and_the_thread_goes_on(story: Story) -> None:
    """AT-51."""
    await story.turn_to(NOON)
    await story.client.send(story.thread, "Before the phone was lost")
    await story.therapist.sync()
    await story.therapist.send(story.thread, "An answer from before")
    fresh = await recover(story.server.origin, story.practice, story.code, Profile.in_memory())
    async with fresh as again:
        await again.sync()
        texts = [m.text for m in await again.messages(story.thread)]
        assert texts == ["Before the phone was lost", "An answer from before"]
        sent = await again.send(story.thread, "From the new phone")
        assert sent.state == "placed"
    news = await story.therapist.sync()
    assert [(m.text, m.standing) for m in news.messages if not m.mine] == [("From the new phone", "good")]
    await story.therapist.send(story.thread, "Good to have you back")
    old = await story.client.sync()
    assert "Good to have you back" in [m.text for m in old.messages]


async def test_what_waited_before_is_still_read_in_its_window(story: Story) -> None:
    night = datetime(2026, 6, 2, 3, 0, tzinfo=UTC)
    await story.turn_to(night)
    await story.client.send(story.thread, TEXT)
    fresh = await recover(story.server.origin, story.practice, story.code, Profile.in_memory())
    async with fresh as again:
        await again.sync()
        [waiting] = await again.waiting(story.thread)
        assert waiting.promise.release_at == datetime(2026, 6, 2, 13, 0, tzinfo=UTC)
        await story.turn_to(night + timedelta(hours=10))
        news = await story.therapist.sync()
        assert [(m.text, m.standing) for m in news.messages] == [
            ("Held, and then the phone was gone", "good")
        ]
        assert [m.text for m in (await again.sync()).messages] == [TEXT]
