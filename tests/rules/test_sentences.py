"""The sentences of every fate of a message, for whoever reads them: times agree, limits are the sender's."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules import Attempt, Decision, Facts, Layer, Reason, Rules, decide, resolve
from etherapy.rules.calendar import milliseconds
from etherapy.rules.decision import because
from etherapy.rules.explain import (
    Parties,
    acknowledge,
    explain_to_client,
    explain_to_therapist,
    preview,
)
from etherapy.rules.languages import ENGLISH, GERMAN, LANGUAGES
from etherapy.rules.resolved import Cover
from etherapy.rules.rule import Counted
from tests.rules.world import VALE_HOURS, client_sends, policy, rules_of, target, utc, weekly

NIGHT = "2026-06-02T03:40"
DAY = "2026-06-02T15:00"
NOOR = Parties("Dr Vale", "America/Chicago")
OWN = Parties("", "America/Chicago", by_client=False)
TIME = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d+ [A-Z][a-z]{2}(?: \d{4})?, \d+:\d\d")
BUDGET = {
    "kind": "budget.count",
    "limits": [{"n": 2, "per": "week"}],
    "over": "defer_to_next_period",
}
OVER = {**BUDGET, "over": "decline_keep_draft"}


def twice(at: str) -> Facts:
    """Two messages were sent shortly before."""
    before = [utc(at) - timedelta(hours=hours) for hours in (3, 2)]
    return Facts(sent=tuple(Counted(one, one, 1, 256) for one in before))


def test_quiet_delivery_says_when_somebody_usually_reads():
    rules = rules_of(VALE_HOURS, policy("deliver_silent"))
    decision = client_sends(rules, NIGHT)
    assert explain_to_client(decision, rules, NOOR)[:2] == (
        "Delivered quietly: Dr Vale is not told of it now.",
        "Dr Vale usually reads again from Tue 2 Jun, 9:00 Eastern (8:00 your time).",
    )
    assert explain_to_therapist(decision, rules, NOOR)[:2] == (
        "Delivered quietly, in your inbox without a notice.",
        "Your next hours begin Tue 2 Jun, 9:00 Eastern (8:00 the client's time).",
    )


def test_what_is_declined_says_that_the_draft_is_kept_why_and_from_when_it_can_be_sent():
    rules = rules_of(
        VALE_HOURS,
        {**policy("decline_keep_draft"), "other_route": "Call the practice: 555-0100."},
        practice=({"kind": "emergency", "region": "US"},),
    )
    decision = client_sends(rules, NIGHT)
    assert decision.code == "declined"
    shown = preview(decision, rules, NOOR)
    assert shown.lines[0] == "Not sent. Your draft is kept on this device."
    assert shown.lines[-1] == "You can send from Tue 2 Jun, 9:00 Eastern (8:00 your time)."
    assert shown.retry_from == "Tue 2 Jun, 9:00 Eastern (8:00 your time)"
    assert len(shown.lines) == 3
    assert shown.card.region == "US"
    assert shown.emergency
    assert explain_to_therapist(decision, rules, NOOR) == ("Not sent.",)


def test_a_message_beyond_the_budget_says_what_keeps_it_back_and_until_when():
    rules = rules_of(VALE_HOURS, BUDGET)
    decision = client_sends(rules, DAY, twice(DAY))
    lines = explain_to_client(decision, rules, NOOR)
    assert lines[0] == ENGLISH.phrases[f"budget.count.{decision.by['not_before'].words}"]
    assert lines[1] == "Dr Vale will have this Mon 8 Jun, 9:00 Eastern (8:00 your time)."
    assert not any("not reading" in line for line in lines)
    assert explain_to_therapist(decision, rules, NOOR)[0].startswith("Held for you until Mon 8 Jun, 9:00")


def test_what_is_left_is_counted():
    rules = rules_of(VALE_HOURS, BUDGET)
    left = [
        explain_to_client(client_sends(rules, DAY, Facts(sent=twice(DAY).sent[:n])), rules, NOOR)
        for n in (0, 1)
    ]
    assert "Left after this one: 1 message." in left[0]
    assert "Left after this one: none." in left[1]
    assert preview(client_sends(rules, DAY), rules, NOOR).left == 1


def test_a_declined_budget_names_the_reason_and_the_next_period():
    rules = rules_of(VALE_HOURS, OVER)
    decision = client_sends(rules, DAY, twice(DAY))
    shown = preview(decision, rules, NOOR)
    assert decision.code == "declined"
    assert "Mon 8 Jun" in shown.lines[-1]
    assert shown.lines[-1].startswith("You can send from ")
    assert shown.left == 0 or shown.left is None


def test_of_limits_the_therapist_is_told_nothing():
    rules = rules_of(
        VALE_HOURS, {**BUDGET, "over": "accept_and_flag"}, {"kind": "pacing", "recall_minutes": 30}
    )
    free = rules_of(VALE_HOURS)
    decision, plain = client_sends(rules, NIGHT, twice(NIGHT)), client_sends(free, NIGHT)
    assert decision.left is not None
    assert explain_to_therapist(decision, rules, NOOR) == explain_to_therapist(plain, free, NOOR)


def test_urgent_without_anybody_on_call_shows_the_card_first():
    rules = rules_of(VALE_HOURS, {"kind": "urgent.channel", "confirm_card": True})
    decision = client_sends(rules, NIGHT, urgent=True)
    assert decision.card_first
    assert explain_to_client(decision, rules, NOOR)[:2] == (
        "Marked urgent, and nobody is alerted by it. Please read the crisis card first.",
        "Nobody is expected to see it before Tue 2 Jun, 9:00 Eastern (8:00 your time).",
    )


def test_urgent_with_somebody_on_call_does_not_say_that_nobody_sees_it():
    step = {"callee": "ab" * 16, "name": "Dr Bell", "channel": "phone", "wait_minutes": 15}
    rules = rules_of(VALE_HOURS, {"kind": "urgent.channel", "steps": [step]})
    lines = " ".join(explain_to_client(client_sends(rules, NIGHT, urgent=True), rules, NOOR))
    assert "Nobody is expected" not in lines
    assert "reaches the inbox of Dr Vale at once" in lines


def test_an_offer_of_cover_is_a_warning():
    absence = {
        "kind": "absence",
        "away_from": "2026-08-10",
        "back_on": "2026-08-24",
        "cover": "ab" * 16,
        "cover_name": "Dr Lind",
    }
    rules = rules_of(VALE_HOURS, absence)
    shown = preview(client_sends(rules, "2026-08-11T15:00"), rules, NOOR)
    assert any("Dr Lind" in line for line in shown.warnings)
    assert shown.lines[-len(shown.warnings) :] == shown.warnings


# --- the therapist's own messages ---


def therapist_sends(rules: Rules, at: str, facts: Facts | None = None, **attempt) -> Decision:
    return decide(rules, Attempt(utc(at), by_client=False, role="therapist", **attempt), facts or Facts())


QUIET = {
    "kind": "therapist.outbound",
    "quiet_start": "20:00",
    "quiet_end": "07:00",
    "override": "reason_required",
}


def test_a_message_written_in_quiet_hours_says_when_it_goes_out_and_how_long_it_can_be_changed():
    rules = rules_of(VALE_HOURS, QUIET)
    shown = preview(therapist_sends(rules, NIGHT), rules, OWN)
    assert shown.lines[0] == ENGLISH.phrases["therapist.outbound.quiet_hours"]
    assert shown.lines[1] == "This goes out Tue 2 Jun, 7:00 Eastern (6:00 the client's time)."
    assert shown.lines[2] == (
        "You can change it or take it back until Tue 2 Jun, 7:00 Eastern (6:00 the client's time)."
    )
    assert (shown.reply_by, shown.reads_at) == ("", "")
    assert preview(therapist_sends(rules, DAY), rules, OWN).lines == ("This goes to your client at once.",)


def test_sending_at_night_nevertheless_is_a_warning():
    rules = rules_of(VALE_HOURS, QUIET)
    shown = preview(therapist_sends(rules, NIGHT, at_once_because="safety"), rules, OWN)
    assert shown.lines[0] == "This goes to your client at once."
    assert shown.warnings


def test_time_to_think_that_would_break_a_promise_is_a_warning():
    rules = rules_of(VALE_HOURS, {"kind": "pacing", "reflection_hours": 24})
    facts = Facts(turn_reply_by=utc("2026-06-02T21:00"))
    shown = preview(therapist_sends(rules, DAY, facts), rules, OWN)
    assert any("promised reply time" in line for line in shown.warnings)


def test_a_client_learns_when_a_message_of_the_therapist_came_and_no_more():
    rules = rules_of(VALE_HOURS, QUIET)
    theirs = Parties("Dr Vale", "America/Chicago", by_client=False)
    assert explain_to_client(therapist_sends(rules, NIGHT), rules, theirs) == (
        "This message reached your inbox Tue 2 Jun, 7:00 Eastern (6:00 your time).",
    )


# --- the acknowledgement ---


@pytest.mark.parametrize("words", LANGUAGES.values(), ids=LANGUAGES)
def test_an_acknowledgement_leaves_out_what_the_rule_leaves_out(words):
    def text(**fields: bool) -> str:
        rules = rules_of(VALE_HOURS, {"kind": "ack", **fields})
        return acknowledge(client_sends(rules, NIGHT), rules, NOOR, region="US", words=words)

    assert words.phrases["ack_title"] in text()
    assert "9:00" in text()
    assert "988" in text()
    assert "9:00" not in text(includes_times=False)
    assert "988" not in text(includes_card=False)
    assert words.phrases["emergency.default"] in text(includes_card=False, includes_times=False)


def test_what_is_placed_at_once_is_acknowledged_where_the_rule_asks_for_it():
    rules = rules_of(VALE_HOURS, {"kind": "ack", "on": ["always"]})
    decision = client_sends(rules, DAY)
    assert decision.ack
    text = acknowledge(decision, rules, NOOR, decision=decision)
    assert "Your message is in the inbox of Dr Vale." in text
    assert "Nobody is reading now" not in text


def test_a_preview_is_whole_in_german():
    rules = rules_of(VALE_HOURS, BUDGET)
    shown = preview(client_sends(rules, NIGHT), rules, NOOR, "DE", GERMAN)
    assert shown.language == "de"
    assert shown.lines[0] == (
        "Dr Vale liest jetzt nicht. Die Nachricht liegt Dr Vale vor: "
        "Di 2. Juni, 9:00 Uhr (New York; nach Ihrer Zeit 8:00 Uhr)."
    )
    assert shown.release_at == "Di 2. Juni, 9:00 Uhr (New York; nach Ihrer Zeit 8:00 Uhr)"
    assert shown.card_lines[-1] == "Diese Nummern hat die Praxis nicht geprüft."
    assert shown.emergency.startswith("Nachrichten sind nicht für Notfälle")
    assert len(shown.reasons) == len(client_sends(rules, NIGHT).because)


# --- whatever is decided ---

instants = st.integers(0, 60 * 24 * 90).map(
    lambda minutes: utc("2026-06-01T00:00") + timedelta(minutes=minutes)
)
maybe = st.one_of(st.none(), instants)
CODES = ("at_once", "silent", "held", "no_future_window", "declined", "urgent")
REASONS = [
    Reason("off_hours.policy", "policy", "deliver_normal"),
    Reason("off_hours.policy", "policy", "hold_with_ack"),
    Reason("budget.count", "limits", "budget_exhausted"),
    Reason("replace", "counted_from", "kept_first_time", "product"),
    Reason("absence", "*", "cover_offered", label="Dr Lind"),
    Reason("response.target", "target", "runs_through_closed"),
    Reason("urgent.channel", "steps", "on_call"),
]
KNOWN = [one for one in REASONS if f"{one.kind}.{one.words}" in ENGLISH.phrases]
PLAIN = rules_of(VALE_HOURS, target("business_days", n=1))


@given(
    st.sampled_from(CODES),
    st.lists(st.sampled_from(KNOWN), unique=True),
    st.tuples(instants, maybe, maybe, maybe, maybe, maybe),
    st.booleans(),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 5)),
    st.sampled_from(sorted(LANGUAGES)),
)
def test_every_time_that_one_side_reads_the_other_reads_too_or_it_is_the_senders_alone(
    code, reasons, times, card_first, long_wait, left, language
):
    accepted_at, release_at, reply_by, closed_until, not_before, retry_from = times
    decision = Decision(
        code=code,
        accepted_at=accepted_at,
        release_at=release_at or (accepted_at if code == "held" else None),
        reply_by=reply_by,
        recall_until=(release_at or accepted_at) if code == "held" else None,
        closed_until=closed_until,
        not_before=not_before,
        retry_from=retry_from,
        left=left,
        card_first=card_first,
        long_wait=long_wait,
        because=tuple(sorted(reasons)),
        by=dict.fromkeys(("code", "not_before"), reasons[0]) if reasons else {},
    )
    words = LANGUAGES[language]
    client = explain_to_client(decision, PLAIN, NOOR, words)
    therapist = explain_to_therapist(decision, PLAIN, NOOR, words)
    withheld = preview(decision, PLAIN, NOOR, words=words).retry_from if code == "declined" else ""
    retry = words.say("client_retry", retry=withheld)
    told = [shown(line) for line in client if line != retry]
    assert [time for times in told for time in times] == [time for line in therapist for time in shown(line)]
    assert client
    assert therapist
    assert not any(line in therapist for line in client if "budget" in line.lower())


def shown(line: str) -> list[str]:
    return re.findall(r"\d+:\d\d", line)


def test_a_kept_cover_is_named_to_both():
    rules = resolve([Layer("therapist", [weekly("America/New_York")])])
    by = rules_of(VALE_HOURS)
    until = milliseconds(utc("2026-08-01T00:00"))
    rules = rules.covered_by([Cover("1d" * 16, "Dr Lind", 0, until, by.entries)])
    decision = client_sends(rules, NIGHT)
    assert explain_to_client(decision, rules, NOOR)[0] == "Dr Lind covers for Dr Vale now."
    assert explain_to_therapist(decision, rules, NOOR)[0].startswith("Covered by Dr Lind")
    assert because(Reason("cover", "*", "cover")).because
