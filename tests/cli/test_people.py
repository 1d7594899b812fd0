"""People's commands against a real server: in by a link, write, hold, take back, read, recover, check."""

import asyncio
import io
import json
import signal
import subprocess
import sys
import tempfile
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from etherapy.cli.demo.stage import Stage, set_stage
from etherapy.cli.main import run
from etherapy.rules.calendar import zone
from etherapy.server.operate.turning import read_clock


@pytest.fixture(scope="module")
def stage():
    """A served installation with a practice whose hours begin tomorrow: whatever is sent now is held."""
    with set_stage(None) as found:
        asyncio.run(found.start())
        yield found


@pytest.fixture
def say(stage, monkeypatch, capsys):
    """Run a command as somebody and read its document: `say("anna", "send", "text")`."""
    for name, value in stage.environment.items():
        if name.startswith("ETHERAPY_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("TZ", "America/Chicago")

    def command(profile: str, *arguments: str, status: int = 0, plain: bool = False):
        monkeypatch.setenv("ETHERAPY_PROFILE", profile)
        capsys.readouterr()
        assert run([*arguments, *([] if plain else ["--json"])]) == status
        told = capsys.readouterr()
        if status:
            return told.err
        return told.out if plain else json.loads(told.out)

    return command


RULES = """[
 {"kind": "window.weekly", "zone": "America/New_York", "windows": []},
 {"kind": "window.exception", "date": "%s", "effect": "add", "windows": [{"start": "00:00", "end": "24:00"}]}
]"""


LONG = '[{"kind": "response.target", "target": {"count": "business_days", "n": 5}}]'


def now(stage: Stage):
    async def act():
        async with stage.site() as site:
            return (await read_clock(site)).now

    return asyncio.run(act())


@pytest.fixture(scope="module")
def opens_on(stage):
    """The one date on which anybody reads: three days from now."""
    return (now(stage) + timedelta(days=3)).date()


def furnish(say, stage, opens_on, name: str, law: str = RULES) -> tuple[str, str]:
    """A practice, a therapist, a supervisor, a client; the practice's id and the client's recovery code."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as rules:
        rules.write(law.replace("%s", str(opens_on)))
        rules.flush()
        made = say(
            "operator", "practice", "create", name, "--zone", "America/New_York", "--rules", rules.name
        )
    for role, profile in (("therapist", "vale"), ("supervisor", "ruth")):
        link = say("operator", "practice", "staff-link", name, "--role", role, "--name", profile.title())[
            "link"
        ]
        say(f"{profile}-{name}", "enrol", link)
    invited = say(f"vale-{name}", "invite", "--note", "Anna")
    joined = say(f"anna-{name}", "join", invited["link"])
    return made["practice_id"], joined["recovery_code"]


def test_a_message_is_held_taken_back_read_and_answered(say, stage, opens_on, tmp_path):
    practice, code = furnish(say, stage, opens_on, "Elm")
    previewed = say("anna-Elm", "preview", "What if?")
    assert previewed["decision"]["code"] == "held"
    first, second = say("anna-Elm", "send", "First words."), say("anna-Elm", "send", "Second words.")
    assert first["state"] == "held" and first["acknowledgement"] and not second["acknowledgement"]
    assert [one["text"] for one in say("anna-Elm", "waiting")] == ["First words.", "Second words."]
    assert say("anna-Elm", "recall", first["mid"][:8])["state"] == "recalled"
    assert say("vale-Elm", "inbox") == [] and say("vale-Elm", "read") == []
    assert "accepted_at" in say("anna-Elm", "explain", second["mid"])
    assert say("anna-Elm", "rules", "show")["format"]

    asyncio.run(stage.turn(datetime.combine(opens_on, time(0), zone("America/New_York"))))
    assert [one["count"] for one in say("vale-Elm", "inbox")] == [1]
    assert [one["text"] for one in say("vale-Elm", "read")] == ["Second words."]
    assert say("vale-Elm", "reply", "An answer.")["state"] == "placed"
    assert [one["text"] for one in say("anna-Elm", "read")] == ["Second words.", "An answer."]
    assert "too late" in say("anna-Elm", "recall", second["mid"], status=1)
    assert len(say("vale-Elm", "notices")) == 1

    receipt = tmp_path / "receipt.json"
    say("anna-Elm", "receipt", "export", second["mid"], "-o", str(receipt))
    assert say("anyone", "receipt", "verify", str(receipt))["mid"] == second["mid"]
    receipt.write_bytes(receipt.read_bytes().replace(b'"receipt": "A', b'"receipt": "B'))
    assert "does not hold" in say("anyone", "receipt", "verify", str(receipt), status=1)

    recovered = say("again-Elm", "recover", stage.origin, practice, code)
    assert recovered["roles"] == ["client"]
    assert [one["text"] for one in say("again-Elm", "read")] == ["Second words.", "An answer."]
    assert say("again-Elm", "send", "From a fresh device.")["state"] in ("held", "placed")
    assert [one["act"] for one in say("ruth-Elm", "supervise", "decisions")].count("practice.created") == 1
    assert say("ruth-Elm", "supervise", "settings")[0]["name"] == "Elm"


def test_slips_of_people_are_one_clear_line(say, stage, opens_on, monkeypatch):
    practice, code = furnish(say, stage, opens_on, "Oak")
    assert "no profile" in say("nobody", "send", "hello", status=1)
    assert "no text" in say("anna-Oak", "send", "  ", status=1)
    assert "no thread begins" in say("anna-Oak", "send", "hello", "--thread", "ffff", status=1)
    assert "no message of yours" in say("anna-Oak", "recall", "ffff", status=1)
    assert "another role" in say("anna-Oak", "inbox", status=1)
    assert "keeps no rules" in say("ruth-Oak", "rules", "show", status=1)
    whole = f"{stage.origin}/j/{practice}#2.{'A' * 43}.{'A' * 22}"
    assert "belongs to somebody" in say("anna-Oak", "join", whole, status=1)
    assert "damaged" in say("new-Oak", "join", f"{stage.origin}/j/{practice}#2.x.y", status=1)
    elsewhere = f"http://127.0.0.1:9/s/{practice}#3.{'A' * 43}.{'A' * 22}"
    assert "cannot be reached" in say("new-Oak", "enrol", elsewhere, status=1)
    assert "28 characters" in say("new-Oak", "recover", stage.origin, practice, code[:-1], status=1)
    wrong = say("new-Oak", "recover", stage.origin, practice, "0000-" * 6 + "0000", status=1)
    assert "Traceback" not in wrong


def test_rules_are_set_by_whom_they_belong_to(say, stage, opens_on, tmp_path):
    furnish(say, stage, opens_on, "Ash")
    rules = tmp_path / "rules.json"
    rules.write_text(LONG)
    tried = say("vale-Ash", "rules", "set", str(rules), "--try")
    assert (tried["version"], tried["threads"], len(tried["examples"])) == (1, 1, 2)
    assert say("vale-Ash", "rules", "show")["rules"] == []
    assert say("vale-Ash", "rules", "set", str(rules))["threads"] == 1
    shown = say("vale-Ash", "rules", "show")
    assert shown["rules"] == json.loads(LONG)
    assert "would be version 2" in say("vale-Ash", "rules", "set", str(rules), "--try", plain=True)
    assert "5 days after the release" in say("anna-Ash", "rules", "show", plain=True)
    german = say("anna-Ash", "rules", "show", "--language", "de", plain=True)
    assert "Voreinstellung des Produkts" in german and "Die Zeiten der nächsten vier Wochen:" in german
    rules.write_text(json.dumps(shown))
    assert say("vale-Ash", "rules", "set", str(rules))["version"] == 2
    rules.write_text('[{"kind": "free_lunch"}]')
    assert "free_lunch" not in say("vale-Ash", "rules", "set", str(rules), status=1)
    rules.write_text("no rules")
    assert "no rule file" in say("vale-Ash", "rules", "set", str(rules), status=2)
    rules.write_text('[{"kind": "review", "every_weeks": 7, "every_weeks": 70}]')
    assert "'every_weeks' twice" in say("vale-Ash", "rules", "set", str(rules), status=2)
    assert say("vale-Ash", "rules", "show")["version"] == 2


def test_rules_of_one_thread_are_set_by_its_therapist_and_a_client_s_own_by_the_client(
    say, stage, opens_on, tmp_path
):
    furnish(say, stage, opens_on, "Rowan")
    rules = tmp_path / "rules.json"
    rules.write_text(LONG)
    assert say("vale-Rowan", "rules", "set", str(rules), "--layer", "agreement", "--yes")["version"] == 1
    assert say("vale-Rowan", "rules", "show", "--layer", "agreement")["rules"] == json.loads(LONG)
    assert say("vale-Rowan", "rules", "show", "--layer", "exception") == {"version": 0, "rules": []}
    refused = say("vale-Rowan", "rules", "set", str(rules), "--layer", "exception", status=1)
    assert "an exception needs a reason" in refused
    assert "only a therapist" in say(
        "anna-Rowan", "rules", "set", str(rules), "--layer", "agreement", status=1
    )
    assert "the client layer cannot say it" in say("anna-Rowan", "rules", "set", str(rules), status=1)
    rules.write_text('[{"kind": "client.quiet_hours", "start": "22:00", "end": "08:00"}]')
    assert say("anna-Rowan", "rules", "set", str(rules))["version"] == 1
    assert "22" in say("anna-Rowan", "rules", "show", "--layer", "own", plain=True)


def test_a_code_and_a_text_can_come_from_standard_input(say, stage, opens_on, monkeypatch):
    furnish(say, stage, opens_on, "Fir")
    monkeypatch.setattr(sys, "stdin", io.StringIO("piped\nwords\n"))
    assert say("anna-Fir", "send", "-")["state"] in ("held", "placed")


def test_the_recovery_code_is_given_with_care(say, stage, opens_on, capsys):
    furnish(say, stage, opens_on, "Yew")
    link = say("vale-Yew", "invite")["link"]
    told = say("ben-Yew", "join", link, plain=True)
    assert "someone who might look for it" in told and "shown this once" in told
    profile = Path(stage.profiles) / "ben-Yew"
    code = next(line.strip() for line in told.splitlines() if line.strip().count("-") == 6)
    assert not any(code.encode() in each.read_bytes() for each in profile.iterdir())
    assert profile.stat().st_mode & 0o777 == 0o700
    assert all(each.stat().st_mode & 0o777 == 0o600 for each in profile.iterdir())
    assert "█" in say("vale-Yew", "invite", "--qr", plain=True)


def test_people_are_told_in_words_that_can_be_used_further(say, stage, opens_on, monkeypatch):
    elsewhen = f"{opens_on + timedelta(days=2):%a}".lower()  # not today, whichever day it is by now
    law = (
        '[{"kind": "window.weekly", "zone": "America/New_York",'
        ' "windows": [{"days": ["%s"], "start": "12:00", "end": "13:00"}]}]'
    )
    furnish(say, stage, elsewhen, "Bay", law)
    monkeypatch.setenv("ETHERAPY_PROGRAM", "/of/the/demo")
    told = say("anna-Bay", "send", "At night.", plain=True)
    mid = told.partition("/of/the/demo recall ")[2].strip()
    assert len(mid) == 8 and "emergencies" in told
    assert say("anna-Bay", "waiting", plain=True).startswith(f"{mid}  held until")
    assert "emergencies" not in say("vale-Bay", "send", "To a client.", plain=True)
    assert "sent outside the agreed hours" in say("anna-Bay", "explain", mid, plain=True)
    from_vale = say("anna-Bay", "read", plain=True).partition("  ")[0]
    assert "Accepted" in say("anna-Bay", "explain", from_vale, plain=True)
    assert "no message" in say("vale-Bay", "explain", mid, status=1)  # held: not even that it exists
    assert run(["recall", mid, "--profile", "anna-Bay"]) == 0


def test_decisions_are_shown_in_words_and_whole_as_json(say, stage, opens_on):
    furnish(say, stage, opens_on, "Elk")
    say("anna-Elk", "send", "Urgently.", "--urgent")
    placed: list[dict[str, Any]] = []
    while not placed:  # the server's own worker takes records into the log
        placed = [one for one in say("ruth-Elk", "supervise", "decisions") if one["act"] == "message.placed"]
    assert placed[0]["facts"]["decision"]["code"] == "urgent"
    shown = say("ruth-Elk", "supervise", "decisions", plain=True)
    assert "reason:        urgent" in shown and "Urgent messages are never held." in shown
    assert "tzdata" not in shown and "{" not in shown


def test_others_commands_go_on_while_somebody_follows(say, stage, opens_on):
    furnish(say, stage, opens_on, "Fig")
    say("vale-Fig", "send", "Before.")
    watching = subprocess.Popen(
        [sys.executable, "-m", "etherapy", "follow"],
        env=stage.environment | {"ETHERAPY_PROFILE": "vale-Fig"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert watching.stdout is not None
        say("anna-Fig", "send", "First.", "--urgent")
        first = [watching.stdout.readline() for _ in range(2)]
        assert "URGENT" in first[0] and first[1].strip() == "First."
        assert [one["text"] for one in say("vale-Fig", "read")] == ["Before.", "First."]
        say("vale-Fig", "reply", "Second.")
        second = [watching.stdout.readline() for _ in range(2)]
        assert "me" in second[0] and second[1].strip() == "Second."
    finally:
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130


def test_a_server_that_is_up_is_no_taken_port(say, stage):
    lines = say("operator", "doctor", plain=True)
    assert f"etherapy serves on {stage.settings.listen}" in lines
    assert f"etherapy serves on {stage.settings.health_listen}" in lines
