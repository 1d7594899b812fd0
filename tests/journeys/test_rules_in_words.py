"""What are my rules? A device answers from the sheet that it verified, and a thin one asks the server."""

from datetime import UTC, datetime

from etherapy.protocol import endpoints
from etherapy.protocol.rule_words import RuleWordsQuery
from etherapy.rules.languages import GERMAN
from etherapy.rules.sheet import sheet_lines
from tests.journeys.conftest import Story

NIGHT = datetime(2026, 6, 2, 2, 40, tzinfo=UTC)


async def test_a_device_and_the_server_say_the_same_of_the_rules_of_a_thread(story: Story) -> None:
    await story.turn_to(NIGHT)
    for me in (story.client, story.therapist):
        me.zone = "Asia/Tokyo"
        for language in ("en", "de"):
            own = await me.rules_in_words(story.thread, language, at=NIGHT)
            query = RuleWordsQuery("Asia/Tokyo", language)
            told = await me.transport.call(endpoints.read_rule_words, query=query, thread=story.thread)
            assert own == told
            assert own.language == language


async def test_who_set_a_value_is_named_for_either_side(story: Story) -> None:
    await story.therapist.set_rules([{"kind": "off_hours.policy", "policy": "hold"}])
    for me, set_by in ((story.client, "set by the therapist"), (story.therapist, "set by the therapist")):
        sheet = await me.rules_in_words(story.thread)
        said = {one.text: one.set_by for section in sheet.sections for one in section.sentences}
        assert said["Messages outside the hours wait for the next opening."] == set_by


async def test_a_sheet_can_be_read_in_german_from_beginning_to_end(story: Story) -> None:
    await story.turn_to(NIGHT)
    sheet = await story.client.rules_in_words(story.thread, "de")
    lines = list(sheet_lines(sheet, GERMAN))
    assert "Die Zeiten der nächsten vier Wochen:" in lines
    assert any("längste Wartezeit" in line for line in lines)
    assert not any(" the " in line for line in lines)
