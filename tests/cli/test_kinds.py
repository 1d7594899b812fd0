"""Commands for what is no plain text, and for what was found, against a real server."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from etherapy.cli.main import run
from etherapy.cli.profiles import profile_place
from etherapy.cli.showing import printable, show_findings, show_message
from etherapy.sdk.finding_kinds import Kind
from etherapy.sdk.findings import Finding
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.verifying.message import Message
from etherapy.tep.kinds import SafetyPlan
from tests.cli.test_people import furnish, say, stage

__all__ = ["say", "stage"]

ALWAYS = """[{"kind": "window.weekly", "zone": "America/New_York", "windows": [
 {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "24:00"}]}]"""


@pytest.fixture(scope="module")
def people() -> set[str]:
    """Practices that were furnished already."""
    return set()


@pytest.fixture
def anna(say, stage, people):
    """Anna and her therapist, whose door is always open."""
    if "Birch" not in people:
        furnish(say, stage, "", "Birch", ALWAYS)
        people.add("Birch")
    say("vale-Birch", "read")
    return "anna-Birch"


def test_a_letter_is_sent_answered_edited_and_taken_back(say, anna):
    letter = say(anna, "send", "Dear Dr Vale", "--letter", "--subject", "The summer")
    assert letter["state"] == "placed"
    say("vale-Birch", "send", "Thank you.", "--reply-to", letter["mid"][:10])
    say("vale-Birch", "react", letter["mid"], "👍")
    say(anna, "edit", letter["mid"][:10], "Dear Dr Vale, and all")
    first, answer = say("vale-Birch", "read")[-2:]
    assert (first["text"], first["subject"], first["kind"]) == ("Dear Dr Vale, and all", "The summer", "text")
    assert [one["text"] for one in first["history"]] == ["Dear Dr Vale"]
    assert first["reactions"] == [{"sign": "👍", "mine": True, "role": 2}]
    assert answer["reply_to"] == letter["mid"]
    shown = say("vale-Birch", "read", plain=True)
    assert "(letter)" in shown and "(edited" in shown and "The summer" in shown and "👍 me" in shown
    assert f"> answers {letter['mid'][:8]}" in shown
    say(anna, "retract", letter["mid"][:10])
    assert say("vale-Birch", "read")[-2]["taken_back_at"] is not None
    assert "taken back by its author" in say("vale-Birch", "read", plain=True)


def test_only_authors_change_what_they_wrote(say, anna):
    sent = say(anna, "send", "Mine alone.")
    assert "no message of yours" in say("vale-Birch", "edit", sent["mid"], "x", status=1)
    assert "either a sign" in say("vale-Birch", "react", sent["mid"], status=2)
    assert "only a letter has a subject" in say(anna, "send", "x", "--subject", "y", status=2)


def test_an_appointment_goes_to_and_fro(say, anna):
    made = say(
        "vale-Birch", "appointment", "propose", "2027-06-08 10:00", "--zone", "America/New_York",
        "--place", "Room 4",
    )  # fmt: skip
    assert made["state"] == "placed"
    assert say(anna, "appointment", "accept", made["mid"], "--note", "Gladly.")["state"] == "placed"
    found = next(one for one in say(anna, "read") if one["mid"] == made["mid"])
    assert found["appointment"]["state"] == "accepted"
    assert found["appointment"]["start"] == "2027-06-08T14:00:00Z"
    shown = say(anna, "read", plain=True)
    assert "= accepted; on your wall it is Tue 8 Jun 2027, 09:00" in shown
    assert "me: accepted" in shown
    say("vale-Birch", "appointment", "cancel", made["mid"])
    assert "cancelled" in say(anna, "appointment", "accept", made["mid"], status=1)
    assert "is not a time" in say(anna, "appointment", "propose", "tomorrow", status=2)
    spring = say(anna, "appointment", "propose", "2027-03-14 02:30", "--zone", "America/New_York", status=2)
    assert "put forward" in spring


def test_a_plan_is_shared_from_options_and_from_a_file_and_shown(say, anna, monkeypatch):
    assert say(anna, "plan", "show") is None
    say(anna, "plan", "share", "--signs", "I stop answering", "--coping", "Walk", "--coping", "Call Mira")
    found = say("vale-Birch", "plan", "show")
    assert (found["version"], found["coping"]) == (1, ["Walk", "Call Mira"])
    typed = "# Warning signs that a crisis may be coming\n- I stop answering\n\n# coping\nWalk\n"
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    say("vale-Birch", "plan", "share")
    found = say(anna, "plan", "show")
    assert (found["version"], found["coping"], found["signs"]) == (2, ["Walk"], ["I stop answering"])
    assert "What I can do by myself:" in say(anna, "plan", "show", plain=True)
    for wrong in ("no step\n", "# nonsense\nx\n", ""):
        monkeypatch.setattr("sys.stdin", io.StringIO(wrong))
        assert say(anna, "plan", "share", status=1)


def test_whoever_is_elsewhere_says_so_and_is_shown_the_card_of_that_place(say, anna):
    there = say(anna, "crisis", "here", "jp", "--zone", "Asia/Tokyo")
    assert (there["card"]["region"], there["card"]["emergency"]) == ("JP", "119 or 110")
    (kept,) = [
        one for one in say(anna, "rules", "show", "--layer", "own")["rules"] if one["kind"] == "region"
    ]
    assert (kept["country"], kept["zone"]) == ("JP", "Asia/Tokyo")
    assert say(anna, "crisis", "card", "gb")["card"]["emergency"] == "999"
    assert "not a country" in say(anna, "crisis", "card", "Britain", status=2)
    assert "region" in say(anna, "crisis", "here", "Britain", status=1)


def test_a_check_in_is_offered_by_the_rules_of_the_thread(say, anna):
    offered = say(anna, "check-in", "phq-9", "--when")
    assert (offered["now"], offered["why"]) == (True, "offered")
    assert "can be filled in now" in say(anna, "check-in", "phq-9", "--when", plain=True)


def test_a_check_in_is_numbers(say, anna):
    say(anna, "check-in", "phq-9", "--answer", "2=0", "--answer", "1=3", "--score", "total=3")
    found = say("vale-Birch", "read")[-1]
    assert found["kind"] == "check_in" and "answers: 1: 3, 2: 0" in found["text"]
    assert "is not an answer" in say(anna, "check-in", "phq-9", "--answer", "one=two", status=2)


def test_what_was_found_is_shown_with_its_meaning_its_mend_and_its_proof(say, anna, tmp_path):
    assert say(anna, "findings") == []
    assert "Whatever was checked holds" in say(anna, "findings", plain=True)
    plant(anna)
    (found,) = say(anna, "findings", "--export", str(tmp_path / "proofs"))
    assert found["grave"] and found["kind"] == "late" and found["mend"] == Kind.LATE.mend
    written = json.loads(Path(found["file"]).read_text())
    assert written["proof"] == {"receipt": "cHJvb2Y"}
    shown = say(anna, "findings", plain=True)
    for words in ("ALARM: it came late", Kind.LATE.cause, Kind.LATE.mend, "proof: receipt", "--export"):
        assert words in shown


def test_findings_are_shown_while_the_server_is_away(stage, say, anna, monkeypatch):
    plant(anna)
    kept = Profile.open(profile_place(anna))
    origin, kept.identity.origin = kept.identity.origin, "http://127.0.0.1:9"
    kept.save()
    kept.close()
    try:
        assert [one["kind"] for one in say(anna, "findings")] == ["late"]
    finally:
        kept = Profile.open(profile_place(anna))
        kept.identity.origin = origin
        kept.save()
        kept.close()


def plant(profile: str) -> None:
    """An alarm in the profile, as a server that breaks its word leaves it there."""
    with Profile.open(profile_place(profile)) as kept:
        finding = Finding(kind=Kind.LATE, words="it came late", proof={"receipt": b"proof"})
        if finding not in kept.kept.alarms:
            kept.kept.alarms.append(finding)
            kept.save()


def test_what_a_text_could_do_to_a_terminal_is_taken_out():
    assert printable("a\x1b[2Jb\u202ec\x07\r\nd\te") == "a\ufffd[2Jb\ufffdc\ufffd\nd    e"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (Kind.GONE, "a gap"),
        (Kind.UNREADABLE, "cannot be opened"),
        (Kind.BEFORE_JOINING, "before you belonged"),
        (Kind.BAD_PROMISE, "not to be taken for a message"),
    ],
)
def test_what_cannot_be_shown_says_why_and_what_to_do(kind: Kind, shown: str):
    """AT-57: a missing item is shown as a gap in its place, with its cause and its mend."""
    finding = Finding(kind=kind, words="why", proof={}, n=7)
    message = Message(bytes(16), 7, datetime(2026, 6, 2, 13, tzinfo=UTC), "refused", findings=(finding,))
    lines = list(show_message(message, "UTC"))
    assert lines[1:3] == ["      ! why", f"        {kind.mend}"]
    assert shown in lines[3]


def test_every_finding_says_what_to_do():
    for kind in Kind:
        assert kind.cause and kind.mend, kind
        shown = list(show_findings([Finding(kind=kind, words="x")]))
        assert len(shown) == 2 and shown[1].strip() == kind.mend


def test_steps_have_an_option_each(say, anna):
    shown = say(anna, "plan", "share", "--help", plain=True)
    assert all(f"--{name}" in shown for name in SafetyPlan.step_names())


def test_findings_of_one_kind_say_once_what_to_do():
    alike = [Finding(kind=Kind.DEVICES, words=words) for words in ("first", "second")]
    lines = list(show_findings([*alike, Finding(kind=Kind.LATE, words="late")]))
    assert lines == [
        "ALARM: late", f"  {Kind.LATE.mend}", "Notice: first", "Notice: second", f"  {Kind.DEVICES.mend}",
    ]  # fmt: skip


def test_an_alarm_is_told_whole_once_and_remembered_in_one_line(say, anna, capsys):
    """What is shown in full before every answer is soon read by nobody."""
    plant(anna)
    say(anna, "waiting")
    run(["waiting"])
    told = capsys.readouterr().err
    assert "1 earlier ALARM kept on this device: etherapy findings" in told
    assert Kind.LATE.mend not in told
