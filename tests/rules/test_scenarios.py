"""The scenarios with their exact times (S-1, S-2, S-3, S-5, S-12), as far as rules alone decide them."""

from etherapy.rules import Facts
from tests.rules.world import HART, NIGHT_LINE, VALE, client_sends, rules_of, utc, weekly, words_of


def test_s1_an_evening_message_waits_for_the_morning():
    decision = client_sends(VALE, "2026-06-02T03:40")
    assert decision.code == "held"
    assert decision.accepted_at == utc("2026-06-02T03:40")
    assert decision.release_at == decision.recall_until == decision.closed_until == utc("2026-06-02T13:00")
    assert decision.reply_by == utc("2026-06-03T21:00")
    assert decision.ack is True
    assert decision.long_wait is False
    assert decision.zone == "America/New_York"


def test_s1_a_second_message_of_the_night_is_not_acknowledged_again():
    first = client_sends(VALE, "2026-06-02T03:40")
    facts = Facts(turn_reply_by=first.reply_by, acked_until=first.closed_until)
    second = client_sends(VALE, "2026-06-02T04:05", facts)
    assert second.ack is False
    assert "acknowledged_before" in words_of(second)
    assert (second.release_at, second.reply_by) == (first.release_at, first.reply_by)


def test_s1_the_next_night_is_acknowledged_again():
    facts = Facts(acked_until=utc("2026-06-02T13:00"))
    assert client_sends(VALE, "2026-06-03T03:40", facts).ack is True


def test_s2_the_closing_second_is_outside_and_the_observed_holiday_is_closed():
    decision = client_sends(VALE, "2026-07-02T21:00:00")
    assert (decision.code, decision.release_at) == ("held", utc("2026-07-06T13:00"))
    assert decision.reply_by == utc("2026-07-07T21:00")


def test_s2_a_second_before_closing_is_inside():
    decision = client_sends(VALE, "2026-07-02T20:59:59")
    assert (decision.code, decision.release_at) == ("at_once", utc("2026-07-02T20:59:59"))
    assert decision.reply_by == utc("2026-07-06T21:00")
    assert decision.recall_until is None
    assert decision.ack is False
    assert decision.closed_until is None


def test_s2_a_millisecond_before_closing_is_inside():
    assert client_sends(VALE, "2026-07-02T20:59:59.999").code == "at_once"


def test_s2_the_reason_names_the_holiday():
    decision = client_sends(VALE, "2026-07-03T15:00")
    (closed,) = [reason for reason in decision.because if reason.words == "closed_date"]
    assert (closed.kind, closed.place) == ("holiday.calendar", "us-federal-2026")
    assert (closed.origin, closed.label) == ("therapist", "Independence Day (observed)")


def test_s3_christmas_is_a_long_wait():
    decision = client_sends(HART, "2026-12-23T12:05")
    assert decision.release_at == utc("2026-12-30T10:00")
    assert decision.reply_by == utc("2027-01-04T12:00")
    assert decision.long_wait is True
    assert "longer_than_bound" in words_of(decision)


def test_s5_a_window_that_starts_in_the_missing_hour_opens_after_it():
    rules = rules_of(weekly("Europe/London", (["sun"], "01:30", "03:00")))
    decision = client_sends(rules, "2026-03-28T23:50")
    assert decision.release_at == utc("2026-03-29T01:00")
    segments = rules.timetable.segments_of(utc("2026-03-29T00:00").date())
    assert segments == ((utc("2026-03-29T01:00"), utc("2026-03-29T02:00")),)


def test_s12_the_time_of_arrival_counts_and_not_that_of_writing():
    arrived = client_sends(VALE, "2026-10-08T21:04")
    assert (arrived.release_at, arrived.reply_by) == (utc("2026-10-09T13:00"), utc("2026-10-13T21:00"))
    composed = client_sends(VALE, "2026-10-08T20:58")
    assert composed.reply_by == utc("2026-10-09T21:00")


def test_the_night_line_counts_open_minutes_from_one_saturday_to_the_next():
    decision = client_sends(NIGHT_LINE, "2026-06-07T06:30")  # Sunday 02:30 in New York: half an hour is left
    assert decision.code == "at_once"
    assert decision.reply_by == utc("2026-06-14T03:30")


def test_the_night_line_in_the_night_of_the_repeated_hour_has_an_hour_more():
    decision = client_sends(
        NIGHT_LINE, "2026-11-01T05:30"
    )  # 01:30 for the first time; 03:00 is 2.5 hours away
    assert decision.reply_by == utc("2026-11-01T07:30")
    assert NIGHT_LINE.timetable.closes_at(utc("2026-11-01T05:30")) == utc("2026-11-01T08:00")
