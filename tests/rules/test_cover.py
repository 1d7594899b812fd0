"""Somebody covers: the earlier of two promises, never one outside the cover's time (S-8, A-6)."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules import Attempt, BadRule, Cover, Decision, Facts, Rules, decide
from etherapy.rules.calendar import milliseconds
from etherapy.rules.canonical import canonical_json
from etherapy.rules.explain import (
    Parties,
    acknowledge,
    explain_reasons,
    explain_to_client,
    explain_to_therapist,
)
from etherapy.rules.replacing import take_place
from tests.rules.world import (
    HART,
    NIGHT_LINE,
    US_HOLIDAYS,
    VALE,
    VALE_HOURS,
    client_sends,
    policy,
    rules_of,
    target,
    utc,
    weekly,
    words_of,
)

CLOSED = [
    {"kind": "window.exception", "date": f"2026-08-{day}", "effect": "closed", "label": "away"}
    for day in range(10, 24)
]
VALE_TARGET = target("business_days", n=1, at="end_of_last_segment")
AWAY = rules_of(VALE_HOURS, US_HOLIDAYS, VALE_TARGET, policy("hold_with_ack"), *CLOSED)
LIND = rules_of(
    weekly("America/Chicago", (["mon", "tue", "wed", "thu"], "10:00", "15:00")),
    VALE_TARGET,
    policy("hold_with_ack"),
)
BACK = utc("2026-08-24T04:00")
"""24 August, midnight in New York: from then on Dr Lind reads nothing."""


def covered(
    rules: Rules, by: Rules, since: datetime, until: datetime, who: str = "1d" * 16, name: str = "Dr Lind"
) -> Rules:
    """Rules of somebody in whose place another reads for a time."""
    return rules.covered_by(
        [*rules.covers, Cover(who, name, milliseconds(since), milliseconds(until), by.entries)]
    )


COVERED = covered(AWAY, LIND, utc("2026-08-07T16:00"), BACK)


def test_s8_who_consented_is_read_by_the_cover_on_monday_morning():
    decision = client_sends(COVERED, "2026-08-15T15:00")
    assert (decision.code, decision.release_at) == ("held", utc("2026-08-17T15:00"))
    assert decision.recall_until == decision.closed_until == utc("2026-08-17T15:00")
    assert decision.reply_by == utc("2026-08-18T20:00")
    assert (decision.long_wait, decision.zone) == (False, "America/Chicago")
    assert decision.cover is not None
    assert (decision.cover.place, decision.cover.label) == ("1d" * 16, "Dr Lind")


def test_s8_who_did_not_waits_for_the_therapist():
    decision = client_sends(AWAY, "2026-08-15T15:00")
    assert (decision.release_at, decision.reply_by) == (utc("2026-08-24T13:00"), utc("2026-08-25T21:00"))
    assert decision.long_wait is True
    assert decision.cover is None


def test_s8_a_late_consent_brings_the_message_to_the_cover_at_once():
    old = client_sends(AWAY, "2026-08-15T15:00")
    late = covered(AWAY, LIND, utc("2026-08-18T17:00"), BACK)
    new = take_place(old, client_sends(late, "2026-08-18T17:00"))
    assert (new.code, new.accepted_at, new.release_at) == (
        "at_once",
        utc("2026-08-18T17:00"),
        utc("2026-08-18T17:00"),
    )
    assert new.reply_by == utc("2026-08-19T20:00")
    assert new.cover is not None
    assert "kept_first_time" in words_of(new)


def test_s8_after_the_cover_everything_is_the_therapist_s_again():
    decision = client_sends(COVERED, "2026-08-24T04:00")
    assert decision == client_sends(AWAY, "2026-08-24T04:00")
    assert decision.release_at == utc("2026-08-24T13:00")


def test_a_cover_promises_no_answer_after_its_time():
    """Thursday 20 August, inside Dr Lind's hours: the answer would be due on the Monday after."""
    decision = client_sends(COVERED, "2026-08-20T16:00")
    assert decision == client_sends(AWAY, "2026-08-20T16:00")
    no_answer = client_sends(COVERED, "2026-08-20T16:00", service_class=3)
    assert (no_answer.code, no_answer.cover is not None) == ("at_once", True)


def test_before_its_time_a_cover_promises_nothing():
    later = covered(AWAY, LIND, utc("2026-08-17T15:00:01"), BACK)
    assert client_sends(later, "2026-08-15T15:00") == client_sends(AWAY, "2026-08-15T15:00")
    just = covered(AWAY, LIND, utc("2026-08-17T15:00"), BACK)
    assert client_sends(just, "2026-08-15T15:00").cover is not None


def test_where_both_read_at_once_it_is_the_owner_s():
    both = covered(VALE, VALE, utc("2026-06-01T00:00"), utc("2026-09-01T00:00"))
    assert client_sends(both, "2026-06-02T15:00") == client_sends(VALE, "2026-06-02T15:00")
    assert client_sends(both, "2026-06-02T03:40") == client_sends(VALE, "2026-06-02T03:40")


def test_an_urgent_message_names_who_looks_first():
    """It is nobody's to hold; the hour that is named is that of whoever opens first."""
    decision = client_sends(COVERED, "2026-08-15T07:00", urgent=True)
    assert (decision.code, decision.release_at) == ("urgent", utc("2026-08-15T07:00"))
    assert decision.closed_until == utc("2026-08-17T15:00")
    assert decision.cover is not None
    alone = client_sends(COVERED, "2026-08-22T07:00", urgent=True)  # Dr Lind opens only after the end
    assert (alone.closed_until, alone.cover) == (utc("2026-08-24T13:00"), None)


def test_of_two_covers_the_earlier_one_is_named():
    two = covered(COVERED, NIGHT_LINE, utc("2026-08-01T00:00"), BACK, "2e" * 16, "the night line")
    decision = client_sends(two, "2026-08-15T15:00")
    assert decision.release_at == utc("2026-08-16T02:00")  # Saturday 22:00 in New York
    assert decision.cover is not None and decision.cover.label == "the night line"


def test_the_therapist_s_own_messages_have_no_cover():
    attempt = Attempt(utc("2026-08-15T15:00"), by_client=False)
    assert decide(COVERED, attempt, Facts()) == decide(AWAY, attempt, Facts())


# --- a cover never worsens anything ---

_INSTANTS = st.integers(0, 76 * 86_400_000).map(
    lambda ms: utc("2026-07-01T00:00") + timedelta(milliseconds=ms)
)
_SOMEBODY = st.sampled_from([VALE, HART, NIGHT_LINE, AWAY, LIND])


@given(
    own=_SOMEBODY,
    theirs=_SOMEBODY,
    at=_INSTANTS,
    since=_INSTANTS,
    days=st.integers(1, 40),
    urgent=st.booleans(),
    service_class=st.sampled_from([1, 3]),
)
def test_a_cover_never_makes_a_release_later_and_promises_nothing_outside_its_time(
    own: Rules, theirs: Rules, at: datetime, since: datetime, days: int, urgent: bool, service_class: int
) -> None:
    until = since + timedelta(days=days)
    attempt = Attempt(at, by_client=True, service_class=service_class, urgent=urgent)
    alone = decide(own, attempt, Facts())
    decision = decide(covered(own, theirs, since, until), attempt, Facts())
    if decision.cover is None:
        assert decision == alone
        return
    assert decision.release_at is not None
    assert alone.release_at is None or decision.release_at <= alone.release_at
    assert since <= decision.release_at < until
    for promised in (decision.closed_until, decision.recall_until):
        assert promised is None or promised < until
    assert decision.reply_by is None or decision.reply_by <= until


@given(own=_SOMEBODY, theirs=_SOMEBODY, sent=_INSTANTS, hours=st.integers(0, 1000))
def test_a_replacement_never_moves_a_promise_later(
    own: Rules, theirs: Rules, sent: datetime, hours: int
) -> None:
    """AT-89: what was promised and lies ahead is kept or comes earlier."""
    now = sent + timedelta(hours=hours)
    old = decide(own, Attempt(sent, by_client=True), Facts())
    fresh = decide(theirs, Attempt(now, by_client=True), Facts())
    new = take_place(old, fresh)
    assert new.accepted_at == now
    assert new.release_at is None or new.release_at >= now
    if old.release_at is not None and old.release_at > now:
        assert new.release_at is not None and new.release_at <= old.release_at
        assert old.reply_by is None or (new.reply_by is not None and new.reply_by <= old.reply_by)
    else:
        assert (new.release_at, new.reply_by) == (fresh.release_at, fresh.reply_by)
    assert (new.recall_until is not None) == (new.code == "held")
    assert "kept_first_time" in words_of(new)


# --- words ---

PARTIES = Parties("Dr Vale", "America/New_York")


def test_the_client_is_told_who_covers_and_when():
    lines = explain_to_client(client_sends(COVERED, "2026-08-15T15:00"), COVERED, PARTIES)
    assert lines[:3] == (
        "Dr Lind covers for Dr Vale now.",
        "Dr Lind is not reading now. Dr Lind will have this Mon 17 Aug, 10:00 Central (11:00 your time).",
        "Dr Lind plans to answer by Tue 18 Aug, 15:00 Central (16:00 your time).",
    )


def test_the_therapist_reads_the_same_times_and_whose_they_are():
    lines = explain_to_therapist(client_sends(COVERED, "2026-08-15T15:00"), COVERED, PARTIES)
    assert lines[0] == "Covered by Dr Lind: the times are those of Dr Lind."
    assert lines[1].startswith("Held for Dr Lind until Mon 17 Aug, 10:00 Central")
    assert "Dr Lind plans to answer by Tue 18 Aug, 15:00 Central" in lines[2]


def test_the_reasons_name_the_cover():
    decision = client_sends(COVERED, "2026-08-15T15:00")
    assert "Dr Lind covers, and reads earlier." in {words for words, _ in explain_reasons(decision)}


def test_the_acknowledgement_names_the_cover():
    decision = client_sends(COVERED, "2026-08-15T15:00")
    said = acknowledge(decision, COVERED, PARTIES, decision=decision)
    assert "Dr Lind will have it Mon 17 Aug, 10:00 Central" in said
    assert "Dr Vale" not in said


def test_a_decision_by_a_cover_who_has_gone_still_names_that_cover():
    lines = explain_to_client(client_sends(COVERED, "2026-08-15T15:00"), AWAY, PARTIES)
    assert lines[0] == "Dr Lind covers for Dr Vale now."
    assert "Dr Lind will have this Mon 17 Aug, 11:00 Eastern" in lines[1]


def test_the_client_is_told_that_the_first_time_is_kept():
    old = client_sends(VALE, "2026-06-02T03:40")
    new = take_place(old, client_sends(VALE, "2026-06-02T04:00"))
    assert (new.code, new.release_at, new.ack) == ("held", old.release_at, True)
    assert (
        "It takes the place of your earlier message and counts from when that was sent."
        in explain_to_client(new, VALE, PARTIES)
    )


# --- one meaning, one canonical form ---


def test_rules_without_covers_are_written_as_before():
    assert b"covers" not in VALE.canonical()
    assert VALE.covered_by([]).canonical() == VALE.canonical()


def test_rules_with_covers_come_back_from_their_bytes_and_decide_the_same():
    again = Rules.from_canonical(COVERED.canonical())
    assert again == COVERED and again.covers == COVERED.covers
    assert client_sends(again, "2026-08-15T15:00") == client_sends(COVERED, "2026-08-15T15:00")


def test_the_order_in_which_covers_are_given_does_not_matter():
    two = covered(COVERED, NIGHT_LINE, utc("2026-08-01T00:00"), BACK, "2e" * 16, "the night line")
    assert two.covered_by(reversed(two.covers)).canonical() == two.canonical()


@pytest.mark.parametrize(
    "change",
    [
        lambda sheet: sheet | {"covers": []},
        lambda sheet: sheet | {"covers": [sheet["covers"][0] | {"until": sheet["covers"][0]["since"]}]},
        lambda sheet: sheet | {"covers": [sheet["covers"][0] | {"extra": 1}]},
        lambda sheet: (
            sheet
            | {"covers": [sheet["covers"][0] | {"since": 2**53 - 2, "until": 2**53 - 1}, *sheet["covers"]]}
        ),
    ],
)
def test_covers_in_another_form_are_refused(change):
    import json

    sheet = change(json.loads(COVERED.canonical()))
    with pytest.raises(BadRule):
        Rules.from_canonical(canonical_json(sheet))


def test_the_closed_dates_are_those_of_the_scenario():
    assert AWAY.timetable.segments_of(date(2026, 8, 23)) == ()
    assert isinstance(client_sends(AWAY, "2026-08-09T15:00"), Decision)
