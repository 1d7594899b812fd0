"""Somebody who came later lives with what went on before: people who left, came again, or were left out."""

from datetime import UTC, datetime

from etherapy.sdk.session import Session
from tests.journeys.conftest import Story
from tests.journeys.test_people import let_in, partner, texts

MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)


async def everybody_writes(story: Story, *people: Session) -> None:
    """Each sends, all read it, nobody finds anything wrong."""
    everybody = (story.client, story.therapist, *people)
    for one in everybody:
        for reader in everybody:
            await reader.sync()
        words = f"this is {one.chain.hex()[:8]}"
        assert (await one.send(story.thread, words)).state == "placed"
        for reader in everybody:
            await reader.sync()
            assert texts(await reader.messages(story.thread))[-1:] == [words]
    assert [one.findings for one in everybody] == [()] * len(everybody)


async def test_a_latecomer_does_not_bring_back_who_was_left_out(story: Story) -> None:
    """A consent that was used before they came is used, though no epoch that they know names it."""
    await story.turn_to(MORNING)
    ada, paul = await partner(story, "family"), await partner(story, "family")
    for one in (ada, paul):
        await let_in(story, one)
    await ada.sync()
    await story.therapist.remove(story.thread, ada.chain)
    await paul.sync()
    await everybody_writes(story, paul)


async def test_a_latecomer_does_not_take_out_who_left_once_and_came_again(story: Story) -> None:
    await story.turn_to(MORNING)
    ada = await partner(story, "family")
    await let_in(story, ada)
    await ada.leave(story.thread)
    await story.client.sync()
    await let_in(story, ada)
    paul = await partner(story)
    await let_in(story, paul)
    await ada.sync()
    await everybody_writes(story, paul, ada)


async def test_who_comes_again_goes_by_the_papers_of_now(story: Story) -> None:
    """What their program kept from the first time, the others' papers and their own Leave, is over."""
    await story.turn_to(MORNING)
    ada, paul = await partner(story, "family"), await partner(story)
    for one in (ada, paul):
        await let_in(story, one)
    await ada.sync()
    await paul.leave(story.thread)
    for one in (story.client, ada):
        await one.sync()
    await ada.leave(story.thread)
    await story.client.sync()
    for one in (ada, paul):
        await let_in(story, one)
    await ada.sync()
    await everybody_writes(story, paul, ada)
