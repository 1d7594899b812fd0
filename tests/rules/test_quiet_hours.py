"""Hours of rest: when the therapist's messages go out, and when either side is told of anything."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.rules import Attempt, BadRule, Decision, Facts, Layer, Rules, decide, resolve
from etherapy.rules.kinds.client_quiet_hours import ClientQuietHours
from etherapy.rules.kinds.therapist_outbound import TherapistOutbound
from etherapy.rules.timetable import Timetable
from etherapy.rules.windows import WeekWindow
from tests.rules.world import VALE_HOURS, policy, rules_of, utc, weekly, words_of

NIGHT = {"kind": "therapist.outbound", "quiet_start": "20:00", "quiet_end": "08:00"}
NEW_YORK = Timetable("America/New_York")


def vale(*besides: dict, **outbound: object) -> Rules:
    """Dr Vale with quiet hours 20:00 to 08:00, and what else of outbound is set."""
    return rules_of(VALE_HOURS, NIGHT | outbound, *besides)


def therapist_sends(rules: Rules, at: str, facts: Facts | None = None, **attempt: object) -> Decision:
    said = Attempt(utc(at), by_client=False, role="therapist", **attempt)  # type: ignore[arg-type]
    return decide(rules, said, facts or Facts())


# --- S-13 -----------------------------------------------------------------------------------------


def test_a_reply_finished_at_night_goes_out_when_the_own_hours_begin():
    decision = therapist_sends(vale(own_hours_only=True), "2026-06-03T03:10")
    assert decision.code == "held"
    assert decision.release_at == decision.recall_until == decision.not_before == utc("2026-06-03T13:00")
    assert "quiet_hours" in words_of(decision)
    assert decision.by["release_at"].kind == "therapist.outbound"


def test_sending_now_at_night_needs_a_reason_and_is_recorded_with_it():
    rules = vale(own_hours_only=True)
    for reason in ("", "now"):
        held = therapist_sends(rules, "2026-06-03T03:10", at_once_because=reason)
        assert held.release_at == utc("2026-06-03T13:00")
    assert "reason_needed" in words_of(held)
    sent = therapist_sends(rules, "2026-06-03T03:10", at_once_because="acute_worry")
    assert (sent.code, sent.release_at) == ("at_once", utc("2026-06-03T03:10"))
    (action,) = [reason for reason in sent.because if reason.words == "night_action"]
    assert (action.label, action.kind, action.origin) == ("acute_worry", "therapist.outbound", "product")
    assert sent.by["release_at"] == action


def test_an_override_may_be_free_or_forbidden():
    free, never = vale(override="free"), vale(override="forbid")
    assert therapist_sends(free, "2026-06-03T03:10", at_once_because="now").code == "at_once"
    assert therapist_sends(free, "2026-06-03T03:10").release_at == utc("2026-06-03T12:00")
    held = therapist_sends(never, "2026-06-03T03:10", at_once_because="acute_worry")
    assert held.release_at == utc("2026-06-03T12:00")
    assert "override_forbidden" in words_of(held)


def test_an_answer_to_an_urgent_turn_is_never_kept_back_nor_called_a_night_action():
    decision = therapist_sends(vale(override="forbid"), "2026-06-03T03:10", Facts(turn_urgent=True))
    assert decision.code == "at_once"
    assert "night_action" not in words_of(decision)


def test_a_reason_in_allowed_hours_is_not_recorded_as_a_night_action():
    decision = therapist_sends(vale(), "2026-06-03T15:00", at_once_because="acute_worry")
    assert "night_action" not in words_of(decision)


def test_what_a_client_or_a_colleague_writes_is_not_kept_back_by_the_therapists_rest():
    colleague = Attempt(utc("2026-06-03T03:10"), by_client=False, role="colleague")
    assert decide(vale(), colleague, Facts()).code == "at_once"
    client = Attempt(utc("2026-06-03T03:10"), by_client=True)
    assert decide(vale(policy("deliver_normal")), client, Facts()).release_at == client.at


def test_the_weekend_is_waited_for_where_only_own_hours_count():
    friday_evening = therapist_sends(vale(own_hours_only=True), "2026-06-05T21:00")
    assert friday_evening.release_at == utc("2026-06-08T13:00")
    assert "outbound_hours" in words_of(friday_evening)
    assert therapist_sends(vale(), "2026-06-05T21:00").code == "at_once"


def test_extra_outbound_windows_open_besides_the_own_hours():
    saturday = {"days": ["sat"], "start": "07:00", "end": "11:00"}
    rules = vale(own_hours_only=True, windows=[saturday])
    assert therapist_sends(rules, "2026-06-05T21:00").release_at == utc("2026-06-06T12:00")
    assert therapist_sends(vale(windows=[saturday]), "2026-06-08T15:00").release_at == utc("2026-06-13T12:00")


def test_outbound_hours_that_never_come_keep_nothing_back_but_quiet_hours_do():
    never_open = weekly("America/New_York")
    rules = rules_of(never_open, NIGHT | {"own_hours_only": True})
    assert therapist_sends(rules, "2026-06-03T15:00").code == "at_once"
    assert therapist_sends(rules, "2026-06-03T03:10").release_at == utc("2026-06-03T12:00")


def test_opening_hours_that_all_lie_in_quiet_hours_keep_nothing_back_for_ever():
    rules = rules_of(
        weekly("America/New_York", (["sat"], "22:00", "03:00")), NIGHT | {"own_hours_only": True}
    )
    assert therapist_sends(rules, "2026-06-03T03:10").release_at == utc("2026-06-03T12:00")


# --- the practice's latest hour --------------------------------------------------------------------


def bounded(*therapist: dict) -> Rules:
    return rules_of(VALE_HOURS, *therapist, practice=({"kind": "bounds", "latest_outbound": "19:00"},))


def test_the_practices_latest_hour_holds_also_where_a_therapist_has_said_nothing():
    decision = therapist_sends(bounded(), "2026-06-05T23:30")  # 19:30 on a Friday
    assert decision.release_at == utc("2026-06-08T13:00")
    assert "latest_outbound" in words_of(decision)
    assert therapist_sends(bounded(), "2026-06-05T22:59").code == "at_once"


def test_after_the_latest_hour_the_quiet_hours_say_when_it_goes_on():
    quiet = NIGHT | {"quiet_start": "18:30", "quiet_end": "07:00"}
    assert therapist_sends(bounded(quiet), "2026-06-05T23:30").release_at == utc("2026-06-06T11:00")


@pytest.mark.parametrize(
    "outbound",
    [
        {"quiet_start": "20:00", "quiet_end": "08:00"},
        {"quiet_start": "01:00", "quiet_end": "08:00"},
        {"windows": [{"days": ["mon"], "start": "18:00", "end": "19:30"}]},
        {"windows": [{"days": ["mon"], "start": "18:00", "end": "02:00"}]},
    ],
)
def test_outbound_hours_beyond_the_practices_latest_hour_are_refused_with_the_mend(outbound):
    with pytest.raises(BadRule) as refusal:
        bounded({"kind": "therapist.outbound"} | outbound)
    assert refusal.value.field.startswith("therapist.outbound.")
    assert "bound" in refusal.value.problem and "19:00" in f"{refusal.value.problem} {refusal.value.mend}"


# --- clocks that are turned ------------------------------------------------------------------------


def test_the_end_of_quiet_hours_that_occurs_twice_means_the_second_pass():
    rule = TherapistOutbound(quiet_start="20:00", quiet_end="01:30")
    for asked in ("2026-11-01T05:29", "2026-11-01T05:31", "2026-11-01T06:29"):  # 1:29, 1:31, again 1:29
        assert rule.told_from(utc(asked), NEW_YORK) == utc("2026-11-01T06:30")
    assert rule.told_from(utc("2026-11-01T06:30"), NEW_YORK) == utc("2026-11-01T06:30")


def test_the_end_of_quiet_hours_that_the_wall_skips_is_the_first_instant_after_the_gap():
    rule = TherapistOutbound(quiet_start="20:00", quiet_end="02:30")
    assert rule.told_from(utc("2026-03-08T06:00"), NEW_YORK) == utc("2026-03-08T07:00")


@given(
    start=st.integers(0, 1439),
    length=st.integers(1, 1439),
    offset=st.integers(0, 400 * 1440),
    zone=st.sampled_from(["America/New_York", "Europe/London", "Australia/Lord_Howe", "Asia/Kolkata"]),
)
def test_quiet_hours_end_when_a_slow_walk_by_the_wall_says_so(start, length, offset, zone):
    end = (start + length) % 1440
    wall = {name: f"{minute // 60:02d}:{minute % 60:02d}" for name, minute in (("a", start), ("b", end))}
    rule = TherapistOutbound(quiet_start=wall["a"], quiet_end=wall["b"])
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=offset)
    told = rule.told_from(at, Timetable(zone))
    assert at <= told <= at + timedelta(days=1, hours=1)
    if _even(at, zone):
        minute = at
        while _quiet_on_the_wall(minute, zone, start, end):
            minute += timedelta(minutes=1)
        assert told == minute


def _even(at: datetime, zone: str) -> bool:
    """No change of the clock within two days."""
    place = ZoneInfo(zone)
    return len({(at + timedelta(hours=h)).astimezone(place).utcoffset() for h in range(-48, 49)}) == 1


def _quiet_on_the_wall(at: datetime, zone: str, start: int, end: int) -> bool:
    local = at.astimezone(ZoneInfo(zone))
    now = local.hour * 60 + local.minute
    return start <= now < end if start < end else now >= start or now < end


# --- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outbound", "field"),
    [
        ({"quiet_start": "20:00"}, "therapist.outbound.quiet_end"),
        ({"quiet_end": "20:00"}, "therapist.outbound.quiet_start"),
        ({"quiet_start": "20:00", "quiet_end": "20:00"}, "therapist.outbound.quiet_end"),
        ({"quiet_start": "00:00", "quiet_end": "24:00"}, "therapist.outbound.quiet_end"),
        ({"quiet_start": "8pm", "quiet_end": "08:00"}, "therapist.outbound.quiet_start"),
    ],
)
def test_quiet_hours_that_cannot_be_are_refused(outbound, field):
    with pytest.raises(BadRule) as refusal:
        rules_of(VALE_HOURS, {"kind": "therapist.outbound"} | outbound)
    assert refusal.value.field == field


# --- the therapist is told -------------------------------------------------------------------------


def test_the_therapist_is_told_of_nothing_in_quiet_hours_though_it_is_delivered():
    rules = vale(policy("deliver_normal"))
    night = decide(rules, Attempt(utc("2026-06-03T03:10"), by_client=True), Facts())
    assert night.release_at == utc("2026-06-03T03:10")
    assert night.notice_at == utc("2026-06-03T12:00")
    day = decide(rules, Attempt(utc("2026-06-03T15:00"), by_client=True), Facts())
    assert day.notice_at is None


# --- the client's own ------------------------------------------------------------------------------


def test_a_clients_quiet_hours_move_with_the_device_unless_they_name_a_zone():
    moving = ClientQuietHours(start="22:00", end="07:00")
    staying = ClientQuietHours(zone="America/New_York", start="22:00", end="07:00")
    at = utc("2026-06-01T14:00")  # 23:00 in Tokyo, 10:00 in New York
    assert moving.told_from(at, "Asia/Tokyo") == utc("2026-06-01T22:00")
    assert moving.told_from(at, "America/New_York") == at == staying.told_from(at, "Asia/Tokyo")


def test_nothing_is_told_in_covert_periods_and_rests_that_touch_are_one():
    rule = ClientQuietHours(
        start="22:00", end="07:00", covert=(WeekWindow(("mon",), "07:00", "08:30"),), zone="Europe/Berlin"
    )
    assert rule.told_from(utc("2026-06-01T03:00"), "") == utc("2026-06-01T06:30")  # a Monday, 5:00
    assert rule.is_covert(utc("2026-06-01T05:30"), "")
    assert not rule.is_covert(utc("2026-06-01T03:00"), "")


def test_the_end_of_a_clients_rest_is_protected_from_the_second_pass_as_well():
    rule = ClientQuietHours(start="22:00", end="01:30")
    assert rule.told_from(utc("2026-11-01T05:40"), "America/New_York") == utc("2026-11-01T06:30")


@pytest.mark.parametrize(
    "document",
    [
        {"start": "22:00"},
        {"zone": "Mars/Base", "start": "22:00", "end": "07:00"},
        {
            "covert": [
                {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "24:00"}
            ]
        },
        {
            "start": "20:00",
            "end": "08:00",
            "covert": [
                {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "08:00", "end": "20:00"}
            ],
        },
    ],
)
def test_a_clients_quiet_hours_that_cannot_be_are_refused(document):
    with pytest.raises(BadRule) as refusal:
        Layer("client", [{"kind": "client.quiet_hours"} | document])
    assert refusal.value.field.startswith("client.quiet_hours.")


def test_a_clients_quiet_hours_are_in_no_rule_sheet_and_nobody_elses_to_set():
    client = Layer("client", [{"kind": "client.quiet_hours", "start": "22:00", "end": "07:00"}])

    with_them = resolve([Layer("therapist", [VALE_HOURS]), client])
    assert with_them == rules_of(VALE_HOURS)
    assert b"client.quiet_hours" not in with_them.canonical()
    with pytest.raises(BadRule, match="therapist layer cannot say it"):
        rules_of(VALE_HOURS, {"kind": "client.quiet_hours", "start": "22:00", "end": "07:00"})
