"""Crisis cards: the right one for a place, and what is not verified says so (clinic.md 4.3, D-34)."""

from datetime import date

import pytest
from msgspec.structs import replace

from etherapy.rules import crisis
from etherapy.rules.crisis import CARDS, GENERIC, Card, Check, card_for, checked_cards, stale, trusted
from etherapy.rules.explain import show_card
from etherapy.rules.languages import LANGUAGES

TODAY = date(2026, 6, 1)


@pytest.fixture
def verified():
    """The card of the US was verified on 1 March 2026 by this process's installation."""
    crisis.adopt([Check("US", 1, date(2026, 3, 1), "Ola Berg", "called 988")])
    yield
    crisis.adopt([])


def test_the_line_named_first_in_the_us_is_988_by_call_text_and_chat():
    first = CARDS["US"].lines[0]
    assert "988" in first.name and first.channels == ("call", "text", "chat")
    assert CARDS["US"].emergency == "911"


def test_no_card_claims_that_somebody_verified_it_or_knows_hours_that_nobody_told_us():
    for card in (*CARDS.values(), GENERIC):
        assert card.verified_on is None and card.source and stale(card, TODAY)
        assert all(line.hours == "" and line.languages == () for line in card.lines)


def test_a_verified_card_says_when_in_each_language(verified):
    for words in LANGUAGES.values():
        shown, unverified = show_card(card_for("US"), words), show_card(card_for("CA"), words)
        assert "2026" in shown[-1] and shown[-1] != unverified[-1]
        assert "2026" not in unverified[-1]


def test_a_verification_counts_for_its_own_card_and_the_common_one_for_no_country(verified):
    crisis.adopt([Check("EU", 1, TODAY, "Ola Berg", "called")])
    assert card_for("AT").verified_on == TODAY
    assert card_for("DE").verified_on is card_for("US").verified_on is card_for("XX").verified_on is None


def test_a_verification_of_other_numbers_or_of_no_card_counts_for_nothing():
    checks = [Check("US", 2, TODAY, "Ola", "called"), Check("XX", 1, TODAY, "Ola", "called")]
    assert all(card.verified_on is None for card in checked_cards(checks))


def test_a_card_from_elsewhere_brings_its_date_and_never_another_number(verified):
    sent = card_for("US")
    crisis.adopt([])
    assert trusted(sent) == sent and trusted(sent).verified_on == date(2026, 3, 1)
    for forged in (
        replace(sent, emergency="900"),
        replace(sent, lines=sent.lines[1:]),
        replace(sent, version=2),
    ):
        assert trusted(forged) == CARDS["US"]


@pytest.mark.parametrize(("days", "needs"), [(0, False), (180, False), (181, True)])
def test_a_verification_older_than_its_term_is_stale(days, needs):
    card = Card("x", "US", (), "911", verified_on=date.fromordinal(TODAY.toordinal() - days))
    assert stale(card, TODAY) is needs


def test_where_somebody_says_to_be_wins_over_the_practices_own_country():
    assert card_for("JP", "US").region == "JP"
    assert card_for("", "us").region == card_for(None, "US").region == "US"
    assert card_for("XX", "US") == GENERIC


def test_no_number_of_a_crisis_line_stands_outside_the_registry():
    from pathlib import Path

    import etherapy

    numbers = ("741741", "116 123", "85258", "0800 111", "13 11 14", "14416", "0120-783")
    source = Path(etherapy.__file__).parent
    for path in source.rglob("*.py"):
        if path.name != "crisis.py":
            text = path.read_text("utf-8")
            assert not [number for number in numbers if number in text], path


@pytest.mark.parametrize("card", CARDS.values(), ids=lambda card: card.region)
def test_a_card_says_how_to_reach_help_in_the_language_of_whoever_reads(card):
    english, german = (show_card(card, LANGUAGES[language]) for language in ("en", "de"))
    for line, said_in_english, said_in_german in zip(card.lines, english, german, strict=False):
        assert said_in_english == f"{line.name}: {line.how}."
        spoken = said_in_german.removeprefix(f"{line.name}: ").split()
        assert not {"call", "text", "chat", "or", "to", "connects", "states"} & set(spoken)
