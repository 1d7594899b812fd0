"""Words: both parties read the same times, no automatic text pretends to be a person."""

import re
from datetime import timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules import BadRule, Decision, Facts
from etherapy.rules.crisis import CARDS, GENERIC, card_for
from etherapy.rules.explain import (
    Parties,
    acknowledge,
    explain_reasons,
    explain_to_client,
    explain_to_therapist,
    preview,
    show_card,
)
from etherapy.rules.languages import ENGLISH, GERMAN
from etherapy.rules.moments import show_moment
from tests.rules.test_languages import BANNED, FIRST_PERSON
from tests.rules.world import (
    HART,
    NIGHT_LINE,
    VALE,
    VALE_HOURS,
    client_sends,
    policy,
    rules_of,
    target,
    utc,
    weekly,
)

NIGHT = "2026-06-02T03:40"
NOOR = Parties("Dr Vale", "America/Chicago")
TIMES = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ [A-Z][a-z]{2}(?: \d{4})?|\d+:\d\d|UTC[+-][\d:]+")


def test_the_client_reads_both_zones_and_until_when_it_can_be_taken_back():
    lines = explain_to_client(client_sends(VALE, NIGHT), VALE, NOOR)
    assert lines == (
        "Dr Vale is not reading now. Dr Vale will have this Tue 2 Jun, 9:00 Eastern (8:00 your time).",
        "Dr Vale plans to answer by Wed 3 Jun, 17:00 Eastern (16:00 your time).",
        "You can take it back until Tue 2 Jun, 9:00 Eastern (8:00 your time).",
    )


def test_the_therapist_reads_what_the_client_was_told():
    lines = explain_to_therapist(client_sends(VALE, NIGHT), VALE, NOOR)
    assert lines[0] == "Held for you until Tue 2 Jun, 9:00 Eastern (8:00 the client's time)."
    assert lines[1].endswith("answer by Wed 3 Jun, 17:00 Eastern (16:00 the client's time).")


def test_an_acknowledgement_is_visibly_automatic():
    text = acknowledge(client_sends(VALE, NIGHT), VALE, NOOR, region="US")
    assert text.startswith("Automatic message, not written by a person.\n")
    assert "Nobody is reading now." in text
    assert "Tue 2 Jun, 9:00 Eastern (8:00 your time)" in text
    assert "Messages are not for emergencies." in text
    assert "988" in text
    assert not FIRST_PERSON["en"].search(text)


def test_an_acknowledgement_needs_no_more_than_a_promise():
    class Promise(NamedTuple):
        accepted_at: object
        release_at: object
        reply_by: object

    decision = client_sends(VALE, NIGHT)
    promise = Promise(decision.accepted_at, decision.release_at, decision.reply_by)
    assert acknowledge(promise, VALE, NOOR) == acknowledge(decision, VALE, NOOR)  # type: ignore[arg-type]


@pytest.mark.parametrize("at", ["2026-06-02T15:00", "2026-06-06T15:00"])
def test_what_is_not_held_is_not_acknowledged(at):
    rules = rules_of(VALE_HOURS, policy("deliver_normal"))
    with pytest.raises(ValueError):
        acknowledge(client_sends(rules, at), rules, NOOR)


def test_a_preview_carries_emergency_text_and_the_card_of_where_the_client_is():
    rules = rules_of(
        VALE_HOURS, practice=({"kind": "emergency", "region": "US", "text": "Call 555-0100 at night."},)
    )
    shown = preview(client_sends(rules, NIGHT), rules, NOOR, region="JP")
    assert shown.emergency == "Call 555-0100 at night."
    assert shown.card.region == "JP"
    assert preview(client_sends(rules, NIGHT), rules, NOOR).card.region == "US"
    assert shown.lines == explain_to_client(client_sends(rules, NIGHT), rules, NOOR)


def test_a_long_wait_is_said():
    lines = preview(client_sends(HART, "2026-12-23T12:05"), HART, Parties("Ms Hart", "Europe/London")).lines
    assert lines[-1] == "This is a long wait: more than 7 days."
    assert any("Mon 4 Jan 2027, 12:00 London." in line for line in lines)


def test_a_firm_target_is_worded_as_one():
    rules = rules_of(VALE_HOURS, {"kind": "response.target", "firm": True})
    assert any(
        "An answer from Dr Vale is due by" in x
        for x in explain_to_client(client_sends(rules, NIGHT), rules, NOOR)
    )


def test_urgent_at_night_says_that_nobody_is_expected_to_see_it():
    lines = explain_to_client(client_sends(VALE, NIGHT, urgent=True), VALE, NOOR)
    assert (
        "Nobody is expected to see it before Tue 2 Jun, 9:00 Eastern (8:00 your time)." in lines[0] + lines[1]
    )


def test_no_opening_is_no_silence():
    rules = rules_of(weekly("America/New_York"))
    lines = explain_to_client(client_sends(rules, NIGHT), rules, NOOR)
    assert lines[0].startswith("No opening is known within 400 days")


def test_an_unknown_zone_of_the_client_is_refused():
    with pytest.raises(BadRule):
        explain_to_client(client_sends(VALE, NIGHT), VALE, Parties("Dr Vale", "Moon/Tranquility"))


# --- moments ---


def show(at: str, here: str, there: str, seen: str | None = None) -> str:
    return show_moment(utc(at), here, there, "your time", ENGLISH, utc(seen or at))


def test_one_wall_is_shown_once():
    assert show("2026-06-02T13:00", "America/New_York", "America/Toronto") == "Tue 2 Jun, 9:00 Eastern"


def test_another_date_is_shown_with_its_weekday():
    shown = show("2026-06-02T13:00", "America/New_York", "Asia/Tokyo")
    assert shown == "Tue 2 Jun, 9:00 Eastern (22:00 your time)"
    shown = show("2026-06-02T21:00", "America/New_York", "Asia/Tokyo")
    assert shown == "Tue 2 Jun, 17:00 Eastern (Wed 3 Jun, 6:00 your time)"


def test_the_repeated_hour_is_told_apart_by_its_offset():
    first = show("2026-11-01T05:30", "America/New_York", "America/New_York")
    second = show("2026-11-01T06:30", "America/New_York", "America/New_York")
    assert first == "Sun 1 Nov, 1:30 Eastern (UTC-4)"
    assert second == "Sun 1 Nov, 1:30 Eastern (UTC-5)"
    assert show("2026-11-03T06:30", "America/New_York", "America/New_York") == "Tue 3 Nov, 1:30 Eastern"


def test_the_offset_is_shown_in_the_zone_where_it_changes():
    shown = show("2026-04-04T15:15", "Asia/Tokyo", "Australia/Lord_Howe")
    assert shown == "Sun 5 Apr, 0:15 Tokyo (1:45 (UTC+10:30) your time)"


def test_a_year_is_shown_when_it_is_another():
    assert (
        show("2027-01-04T12:00", "Europe/London", "Europe/London", "2026-12-23T12:05")
        == "Mon 4 Jan 2027, 12:00 London"
    )


def test_seconds_are_dropped_and_never_added():
    assert show("2026-06-02T13:00:59.999", "Etc/UTC", "Etc/UTC") == "Tue 2 Jun, 13:00 UTC"


# --- both sides, whatever is decided ---

ALL_RULES = [
    VALE,
    HART,
    NIGHT_LINE,
    rules_of(VALE_HOURS, policy("deliver_normal"), target("wall_hours", n=24)),
    rules_of(VALE_HOURS, target("none"), policy("hold")),
    rules_of(weekly("Europe/Madrid", (["sun"], "02:30", "03:30")), target("window_minutes", n=1000)),
    rules_of(weekly("America/New_York")),
]


@given(
    st.sampled_from(ALL_RULES),
    st.integers(0, 366 * 1440),
    st.booleans(),
    st.sampled_from([1, 3]),
    st.sampled_from(
        ["America/Chicago", "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
    ),
)
def test_client_and_therapist_read_the_same_times(rules, minutes, urgent, service_class, zone):
    at = (utc("2026-06-01T00:00") + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M")
    decision = client_sends(rules, at, Facts(), urgent=urgent, service_class=service_class)
    parties = Parties("Dr Vale", zone)
    client, therapist = (
        explain_to_client(decision, rules, parties),
        explain_to_therapist(decision, rules, parties),
    )
    assert times_in(client) == times_in(therapist)
    assert bool(times_in(client)) == any(
        (decision.closed_until and decision.code != "at_once", *_times(decision, rules))
    )
    for line in (*client, *therapist):
        assert not FIRST_PERSON["en"].search(line)
        assert not BANNED["en"].search(line)
    assert len(explain_reasons(decision)) == len(decision.because)
    assert shown_in_german(explain_to_client, decision, rules, parties) == shown_in_german(
        explain_to_therapist, decision, rules, parties
    )


GERMAN_TIMES = re.compile(r"(?:Mo|Di|Mi|Do|Fr|Sa|So) \d+\. \w+\.?(?: \d{4})?|\d+:\d\d|UTC[+-][\d:]+")


def shown_in_german(explain, decision: Decision, rules, parties) -> list[str]:
    lines = explain(decision, rules, parties, GERMAN)
    assert not any(FIRST_PERSON["de"].search(line) or BANNED["de"].search(line) for line in lines)
    return [moment for line in lines for moment in GERMAN_TIMES.findall(line)]


def _times(decision: Decision, rules) -> tuple[object, ...]:
    outside = any(r.words == "deliver_normal" for r in decision.because) and decision.closed_until
    return decision.reply_by, decision.recall_until, outside


def times_in(lines: tuple[str, ...]) -> list[str]:
    return [moment for line in lines for moment in TIMES.findall(line)]


# --- crisis cards ---


def test_988_stands_first_in_the_united_states():
    first = CARDS["US"].lines[0]
    assert first.name.startswith("988")
    assert "988" in first.how.partition("(")[0]
    assert CARDS["US"].emergency == "911"


def test_nothing_pretends_to_be_verified():
    for card in (*CARDS.values(), GENERIC):
        assert card.verified_on is None
        assert "These numbers have not been verified by the practice." in show_card(card)


def test_the_card_follows_the_client_and_falls_back_to_one_without_numbers():
    assert card_for("JP", "US").region == "JP"
    assert card_for(None, "US").region == "US"
    assert card_for("", "us").region == "US"
    assert card_for("UK").region == "GB"
    assert card_for("AT").region == "EU"
    assert card_for("DE").region == "DE"
    assert card_for("XX", "US") is GENERIC
    assert card_for(None, None) is GENERIC
    assert not any(re.search(r"\d", line.how) for line in GENERIC.lines)
    assert len({card.card_id for card in CARDS.values()}) == len(CARDS)
