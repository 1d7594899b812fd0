"""Rules in words over the wire: each member's own view, in two languages, and the next opening."""

import msgspec
import pytest

from etherapy.protocol import endpoints
from etherapy.protocol.endpoint import Endpoint
from etherapy.protocol.messages import AskPreview
from etherapy.protocol.rule_words import NextOpening, SheetInWords
from etherapy.rules.languages import ENGLISH, LANGUAGES
from etherapy.rules.sheet import rule_sheet
from etherapy.tep.epoch import Role
from tests.server.clinic import Clinic
from tests.server.company import Company
from tests.server.rule_sets import Keeper, rules

CLIENT, COLLEAGUE, THERAPIST, STRANGER = "A.client", "A.other_therapist", "A.therapist", "A.other_client"


async def words(company: Company, who: str, query: str = "") -> SheetInWords:
    found: SheetInWords = await company.call(who, endpoints.read_rule_words, query=query)
    return found


def texts(sheet: SheetInWords) -> dict[str, str]:
    """Sentence -> who set it."""
    return {one.text: one.set_by for section in sheet.sections for one in section.sentences}


async def test_the_server_says_what_a_device_computes_from_its_sheet(clinic: Clinic, thread: Company) -> None:
    found = await words(thread, CLIENT, "zone=Asia/Tokyo")
    own = rule_sheet(await rules(thread, CLIENT), clinic.now, "Asia/Tokyo", ENGLISH)
    assert found == own
    assert any("your time" in opening.words for opening in found.openings)


@pytest.mark.parametrize("language", sorted(LANGUAGES))
async def test_it_answers_in_the_language_that_is_asked_for(thread: Company, language: str) -> None:
    found = await words(thread, CLIENT, f"language={language}")
    assert found.language == language
    assert LANGUAGES[language].phrases["sheet_layer_product"] in texts(found).values()


async def test_what_is_agreed_with_one_member_is_read_by_nobody_else(clinic: Clinic, thread: Company) -> None:
    assert (await thread.bring_in(THERAPIST, COLLEAGUE, Role.CO_THERAPIST)).status == 201
    keeper = Keeper(clinic, THERAPIST, thread.talk.thread)
    before = {who: await words(thread, who) for who in (COLLEAGUE, THERAPIST)}
    budget = {
        "kind": "budget.count",
        "limits": [{"n": 3, "per": "week"}],
        "only_for": [thread.person(CLIENT).account.hex()],
    }
    await keeper.set("agreement", budget)
    mine = await words(thread, CLIENT)
    assert "agreed with you" in texts(mine).values()
    for who, sheet in before.items():
        assert (await words(thread, who)).sections == sheet.sections, who


async def test_the_next_opening_promises_no_more_than_a_preview(clinic: Clinic, thread: Company) -> None:
    found: NextOpening = await thread.call(CLIENT, endpoints.read_next_opening, query="zone=Asia/Tokyo")
    previewed = await thread.call(CLIENT, endpoints.preview, AskPreview())
    assert found.opens_at == previewed.decision.release_at
    assert not found.open_now
    assert found.reader in found.lines[0]
    assert found.reply_by is not None
    assert "your time" in found.lines[0]


@pytest.mark.parametrize("endpoint", [endpoints.read_rule_words, endpoints.read_next_opening])
async def test_a_zone_that_does_not_exist_is_refused_and_a_stranger_finds_no_thread(
    thread: Company, endpoint: Endpoint[None, msgspec.Struct]
) -> None:
    refused = await thread.clinic.line.ask(
        thread.ask(endpoint, query="zone=Moon/Tranquility"), thread.person(CLIENT).token
    )
    assert (refused.status, refused.problem) == (422, "bad-rules")
    strange = await thread.clinic.line.ask(thread.ask(endpoint), thread.person(STRANGER).token)
    assert (strange.status, strange.problem) == (404, "no-such-thread")
