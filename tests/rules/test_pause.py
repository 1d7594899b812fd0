"""Pauses, the kinds of message that are agreed, and that nothing urgent is touched by any limit."""

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from etherapy.rules import Attempt, BadRule, Facts, Layer, Rules, decide, resolve
from etherapy.rules.kinds import KINDS
from etherapy.rules.kinds.media import Media
from etherapy.rules.kinds.message_kinds import MessageKinds
from etherapy.rules.languages import LANGUAGES
from etherapy.rules.rule import Counted, Rule
from etherapy.rules.sheet import rule_sheet, sheet_lines
from etherapy.rules.telling import Teller
from tests.rules.policies import documents
from tests.rules.world import VALE_HOURS, client_sends, rules_of, utc

PAUSE = {"kind": "pause", "by": "client", "since": "2026-06-01T00:00:00Z", "until": "2026-06-08T00:00:00Z"}
INSIDE = "2026-06-02T15:00"  # Tuesday 11:00 in New York, inside the hours


def paused(*pauses: dict, layer: str = "client", **policy) -> Rules:
    written = [VALE_HOURS, {"kind": "off_hours.policy", **policy}]
    return resolve([Layer("therapist", written), Layer(layer, pauses)])


def test_in_a_pause_a_draft_is_kept_until_it_ends():
    decision = client_sends(paused(PAUSE), INSIDE)
    assert (decision.code, decision.retry_from) == ("declined", utc("2026-06-08T00:00"))
    reason = decision.by["code"]
    assert (reason.kind, reason.words, reason.origin) == ("pause", "paused", "client")


def test_a_pause_lasts_from_its_beginning_to_before_its_end():
    rules = paused(PAUSE)
    assert client_sends(rules, "2026-05-31T23:59:59").code != "declined"
    assert client_sends(rules, "2026-06-01T00:00").code == "declined"
    assert client_sends(rules, "2026-06-07T23:59:59").code == "declined"
    assert client_sends(rules, "2026-06-08T00:00").code != "declined"


def test_a_pause_without_an_end_lasts_until_it_is_taken_away():
    decision = client_sends(paused(PAUSE | {"until": None}), "2027-06-01T15:00")
    assert (decision.code, decision.retry_from) == ("declined", None)


def test_several_pauses_stand_beside_each_other_and_the_latest_end_counts():
    later = PAUSE | {"since": "2026-06-02T00:00:00Z", "until": "2026-06-10T00:00:00Z"}
    assert client_sends(paused(PAUSE, later), INSIDE).retry_from == utc("2026-06-10T00:00")
    with pytest.raises(BadRule):
        paused(PAUSE, PAUSE)


def test_in_a_pause_urgent_messages_and_the_therapist_write():
    rules = paused(PAUSE)
    assert client_sends(rules, INSIDE, urgent=True).code == "urgent"
    assert decide(rules, Attempt(utc(INSIDE), by_client=False, role="therapist"), Facts()).code == "at_once"


def test_a_pause_shows_the_other_way_where_one_is_agreed():
    decision = client_sends(paused(PAUSE, other_route="call the office"), INSIDE)
    assert decision.by["code"].label == "call the office"


def test_what_was_taken_before_a_pause_keeps_its_promise():
    decision = client_sends(paused(PAUSE), "2026-06-02T03:40", ready_at=utc("2026-06-02T03:40"))
    assert (decision.code, decision.release_at) == ("held", utc("2026-06-02T13:00"))


def test_a_pause_is_no_rule_of_a_practice_or_a_therapist():
    for layer in ("practice", "therapist"):
        with pytest.raises(BadRule) as refused:
            Layer(layer, [PAUSE])
        assert "layer cannot say it" in refused.value.problem


def test_a_pause_by_exception_has_a_reason_and_an_end():
    for fields, field in (({}, "reason"), ({"reason": "illness", "until": None}, "until")):
        with pytest.raises(BadRule) as refused:
            paused(PAUSE | fields, layer="exception")
        assert refused.value.field == f"pause.{field}"
    assert client_sends(paused(PAUSE | {"reason": "illness"}, layer="exception"), INSIDE).code == "declined"
    assert client_sends(paused(PAUSE | {"until": None}, layer="agreement"), INSIDE).code == "declined"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"until": "2026-06-01T00:00:00Z"}, "pause.until"),
        ({"since": "2026-06-01T00:00:00"}, "pause.since"),
        ({"since": "2026-06-01T00:00:00+02:00"}, "pause.since"),
        ({"by": "partner"}, "pause.by"),
    ],
)
def test_what_makes_no_pause_is_refused_by_its_field(fields, field):
    with pytest.raises(BadRule) as refused:
        paused(PAUSE | fields)
    assert refused.value.field == field


# --- kinds of message, media ---


def test_a_kind_that_is_not_agreed_is_declined_for_its_side_alone():
    rules = rules_of(VALE_HOURS, {"kind": "kinds", "client": ["logistics"], "therapist": ["message"]})
    declined = client_sends(rules, INSIDE)
    assert (declined.code, declined.by["code"].words) == ("declined", "kind_not_allowed")
    assert client_sends(rules, INSIDE, service_class=2).code == "at_once"
    assert client_sends(rules, INSIDE, urgent=True).code == "urgent"
    letter = Attempt(utc(INSIDE), by_client=False, role="therapist", service_class=4)
    assert decide(rules, letter, Facts()).code == "declined"


def test_no_reply_time_is_promised_to_kinds_that_want_none():
    rules = rules_of(VALE_HOURS, {"kind": "kinds", "no_reply": ["letter"]})
    decision = client_sends(rules, INSIDE, service_class=4)
    assert (decision.code, decision.reply_by) == ("at_once", None)
    assert client_sends(rules, INSIDE).reply_by is not None


def test_a_kind_named_twice_is_refused():
    with pytest.raises(BadRule) as refused:
        rules_of(VALE_HOURS, {"kind": "kinds", "client": ["letter", "letter"]})
    assert refused.value.field == "kinds.client"


def test_a_device_offers_what_is_agreed():
    assert MessageKinds().offers("media")
    assert not MessageKinds(device_kinds=("text",)).offers("media")
    assert Media().allows("video", 10**9)
    assert not Media(enabled=False).allows("image", 1)
    agreed = Media(enabled=True, types=("image",), most_bytes=1000, most_seconds=60, per_week=2)
    assert agreed.allows("image", 1000, sent_this_week=1)
    for refused in (("audio", 1, 1, 0), ("image", 1001, 0, 0), ("image", 1, 61, 0), ("image", 1, 0, 2)):
        assert not agreed.allows(*refused)


# --- all kinds ---

EVERY_LIMIT = (
    {"kind": "budget.count", "limits": [{"n": 1, "per": "week"}], "over": "decline_keep_draft"},
    {"kind": "budget.length", "message_bytes": 256, "period_bytes": 256},
    {"kind": "budget.exchange", "exchanges": 1, "package_from": "2025-01-01", "valid_days": 1},
    {"kind": "pacing", "min_interval_minutes": 600, "recall_minutes": 60},
    {"kind": "pacing.escalation", "most": 1},
    {"kind": "kinds", "client": ["logistics"]},
    {"kind": "off_hours.policy", "policy": "decline_keep_draft", "other_route": "call the office"},
    PAUSE | {"until": None},
)
OWN_KINDS = sorted({str(document["kind"]) for document in EVERY_LIMIT} | {"ack", "media"})


@pytest.mark.parametrize("at", ["2026-06-02T03:40", INSIDE])
def test_nothing_urgent_is_touched_by_any_limit(at):
    rules = resolve([Layer("therapist", [VALE_HOURS]), Layer("agreement", EVERY_LIMIT)])
    facts = Facts(sent=(Counted(utc("2026-06-01T20:00"), utc("2026-06-01T20:00"), size=5000),), turn=1)
    assert client_sends(rules, at, facts, size=5000).code == "declined"
    decision = client_sends(rules, at, facts, size=5000, urgent=True)
    assert (decision.code, decision.release_at, decision.accepted_at) == ("urgent", utc(at), utc(at))
    assert (decision.not_before, decision.counts_at, decision.left) == (None, None, None)
    assert (decision.retry_from, decision.notice_at, decision.recall_until) == (None, None, None)
    of_limits = {str(document["kind"]) for document in EVERY_LIMIT} - {"off_hours.policy"}
    assert of_limits.isdisjoint(reason.kind for reason in decision.because)


@pytest.mark.parametrize("kind", [name for name, kind in KINDS.items() if kind.limit is not Rule.limit])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_a_kind_that_limits_says_what_is_urgent_goes_at_once(kind, data):
    layer = next(one for one in ("agreement", "therapist", "client") if one in KINDS[kind].layers)
    document = data.draw(documents(kind, layer))
    try:
        rules = resolve([Layer("practice", [VALE_HOURS]), Layer(layer, [document])])
    except BadRule:
        reject()
    sent = tuple(Counted(utc(at), utc(at), size=5000) for at in ("2026-06-01T14:00", "2026-06-01T20:00"))
    decision = client_sends(rules, INSIDE, Facts(sent=sent, turn=1), size=5000, urgent=True)
    assert (decision.code, decision.release_at, decision.accepted_at) == ("urgent", utc(INSIDE), utc(INSIDE))
    assert (decision.not_before, decision.counts_at, decision.left) == (None, None, None)
    assert (decision.retry_from, decision.recall_until) == (None, None)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("document", [*EVERY_LIMIT, PAUSE | {"post_event": True, "reading": False}])
def test_every_field_that_is_set_is_said(document, language):
    rules = resolve([Layer("therapist", [VALE_HOURS]), Layer("agreement", [document])])
    (rule,) = [entry.rule for entry in rules.entries if entry.rule.__struct_config__.tag == document["kind"]]
    kind = str(document["kind"])
    told = dict(rule.tell(Teller(LANGUAGES[language], kind)))
    assert all(sentence.strip() and "{" not in sentence for sentence in told.values())
    assert set(document) - {"kind", "by", "package_from", "valid_days"} <= set(told)


@pytest.mark.parametrize(
    "kind", [one for one in OWN_KINDS if one not in ("pause", "ack", "off_hours.policy")]
)
def test_a_kind_of_which_nothing_was_said_says_nothing(kind):
    rule = KINDS[kind]()
    assert list(rule.tell(Teller(LANGUAGES["en"], kind))) == []


def test_the_sheet_names_a_pause_on_the_walls_of_whoever_reads():
    sheet = rule_sheet(paused(PAUSE), utc(INSIDE), "America/Chicago", LANGUAGES["en"])
    lines = list(sheet_lines(sheet, LANGUAGES["en"]))
    assert "It ends Sun 7 Jun, 20:00 Eastern (19:00 your time).  [set by you]" in lines
    assert not any("UTC" in line for line in lines)
