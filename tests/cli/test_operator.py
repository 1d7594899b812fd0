"""The operator's commands, run as a person would run them, on a real installation."""

import io
import json
import socket
import stat
import sys
from pathlib import Path

import msgspec
import pytest

from etherapy.cli.main import run
from etherapy.tep.invite import parse_link_text

GOLDEN = Path(__file__).parents[1] / "golden" / "windows.json"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A synthetic installation that the commands of this file share; its PostgreSQL is started by each."""
    place = tmp_path_factory.mktemp("operator")
    for directory in (place, place.parent, place.parent.parent):
        directory.chmod(directory.stat().st_mode | stat.S_IXOTH)
    assert run(["setup", "--synthetic", "--data", str(place / "data")]) == 0
    assert run(["practice", "create", "Elm", "--zone", "America/New_York", "--region", "US",
                "--data", str(place / "data")]) == 0  # fmt: skip
    return place / "data"


def document(capsys, *arguments: str, status: int = 0):
    """What a command says with --json."""
    capsys.readouterr()
    assert run([*arguments, "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_practice_and_a_staff_link_are_two_commands(data, capsys):
    found = document(capsys, "practice", "list", "--data", str(data))
    assert [(one["name"], one["zone"], one["region"]) for one in found] == [("Elm", "America/New_York", "US")]
    said = document(
        capsys,
        "practice",
        "staff-link",
        "Elm",
        "--role",
        "therapist",
        "--name",
        "Dr Vale",
        "--data",
        str(data),
    )
    place, fragment = said["link"].split("#")
    assert place == f"http://127.0.0.1:8440/s/{found[0]['practice_id']}"
    assert parse_link_text(fragment).staff


def test_the_secret_of_a_staff_link_is_never_stored(data, capsys, tmp_path):
    said = document(
        capsys, "practice", "staff-link", "Elm", "--role", "supervisor", "--name", "Ruth", "--data", str(data)
    )
    secret = parse_link_text(said["link"]).secret
    assert run(["backup", str(tmp_path / "backup"), "--data", str(data)]) == 0
    for path in (*(tmp_path / "backup").iterdir(), *(data / "keys").iterdir()):
        assert secret not in path.read_bytes() and secret.hex().encode() not in path.read_bytes()


def test_the_clock_is_shown_on_any_wall_and_turned_forward(data, capsys):
    before = document(capsys, "clock", "show", "--data", str(data))
    assert before["synthetic"] is True
    after = document(capsys, "clock", "turn", "--by", "1d2h", "--data", str(data))
    assert after["offset_seconds"] - before["offset_seconds"] == 26 * 3600
    assert run(["clock", "turn", "--to", "2020-01-01T00:00", "--data", str(data)]) == 1
    assert "forward only" in capsys.readouterr().err
    assert run(["clock", "show", "--zone", "America/Chicago", "--data", str(data)]) == 0
    assert "(America/Chicago)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["clock", "turn"], 2, "--to or --by"),
        (["clock", "turn", "--by", "soon"], 2, "no duration"),
        (["clock", "turn", "--to", "yesterday"], 2, "no time"),
        (["clock", "turn", "--to", "2031-03-09T02:30", "--zone", "America/New_York"], 1, "does not exist"),
        (["clock", "show", "--zone", "Mars/Olympus"], 1, "no such time zone"),
        (["practice", "create", "Oak"], 2, "--zone"),
        (["practice", "create", "Oak", "--zone", "America/NewYork"], 1, "no such time zone"),
        (["practice", "staff-link", "Oak", "--role", "therapist", "--name", "X"], 1, "no practice Oak"),
        (["practice", "staff-link", "Elm", "--role", "client", "--name", "X"], 2, "client"),
        (["setup"], 0, ""),
        (["restore", "nowhere"], 1, "no backup"),
        (["no-such-command"], 2, "no-such-command"),
    ],
)
def test_a_slip_gets_one_clear_line(data, capsys, arguments, status, told):
    where = [] if arguments == ["no-such-command"] else ["--data", str(data)]
    assert run([*arguments, *where]) == status
    error = capsys.readouterr().err
    assert told.lower() in error.lower() and "Traceback" not in error


def test_a_wrong_setting_is_named_and_not_a_crash(capsys, monkeypatch):
    monkeypatch.setenv("ETHERAPY_LISTEN", "0.0.0.0:80")
    assert run(["doctor"]) == 1
    assert "listen" in capsys.readouterr().err.lower()


def test_an_option_is_held_to_what_a_setting_is(data, capsys):
    assert run(["serve", "--check", "--data", str(data), "--listen", "0.0.0.0:8442"]) == 1
    assert "--listen: would speak plain HTTP beyond this machine" in capsys.readouterr().err
    assert run(["setup", "--data", str(data), "--origin", "therapy.example"]) == 1
    assert "--origin: not an origin" in capsys.readouterr().err


def test_a_place_that_cannot_be_made_is_named(capsys):
    assert run(["serve", "--check", "--data", "/proc/nowhere"]) == 1
    assert "/proc/nowhere/postgres cannot be written" in capsys.readouterr().err


def test_a_backup_is_restored_into_a_new_place(data, capsys, open_place):
    vault, backup = open_place / "server.json", open_place / "backup"
    assert run(["backup", str(backup), "--keys", str(vault), "--data", str(data)]) == 0
    assert run(["restore", str(backup), "--keys", str(vault), "--data", str(open_place / "new")]) == 0
    said = capsys.readouterr().out
    assert "log in again" in said and "everything in it adds up" in said
    assert document(capsys, "practice", "list", "--data", str(open_place / "new")) == document(
        capsys, "practice", "list", "--data", str(data)
    )
    assert run(["restore", str(backup), "--keys", str(vault), "--data", str(data)]) == 1


def test_doctor_ends_with_status_one_only_when_something_fails(data, capsys):
    lines = document(capsys, "doctor", "--data", str(data))
    assert {line["state"] for line in lines} <= {"ok", "warn"}
    (data / "keys" / "server.json").chmod(0o644)
    try:
        assert run(["doctor", "--data", str(data)]) == 1
        assert "chmod 600" in capsys.readouterr().out
    finally:
        (data / "keys" / "server.json").chmod(0o600)


def test_a_server_could_serve_from_it(data, capsys):
    assert run(["serve", "--check", "--data", str(data), "--listen", "127.0.0.1:8442"]) == 0
    assert "could serve" in capsys.readouterr().out


def test_the_api_describes_itself(capsys):
    assert run(["openapi"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["openapi"].startswith("3.1") and described["paths"]


def test_crisis_cards_say_that_nobody_has_verified_them(capsys):
    cards = document(capsys, "crisis", "list", "--region", "us")
    assert cards[0]["region"] == "US" and cards[0]["verified_on"] is None
    assert run(["crisis", "list"]) == 0
    told = capsys.readouterr()
    assert "NOT VERIFIED" in told.out and "Warning" in told.err
    assert run(["crisis", "list", "--region", "XX"]) == 1


def test_a_crisis_card_that_somebody_verified_is_shown_with_its_date(capsys, data):
    verify = ("crisis", "verify", "us", "--by", "Ola Berg", "--source", "called 988", "--data", str(data))
    recorded = document(capsys, *verify)
    assert (recorded["region"], recorded["by"], recorded["source"]) == ("US", "Ola Berg", "called 988")
    shown = document(capsys, "crisis", "list", "--region", "us", "--data", str(data))
    assert shown[0]["verified_on"] == recorded["on"]
    (kept,) = document(capsys, "crisis", "history", "--data", str(data))
    assert kept == recorded
    for wrong in (("XX", "--by", "Ola"), ("US", "--by", "Ola", "--on", "2999-01-01")):
        assert run(["crisis", "verify", *wrong, "--source", "called", "--data", str(data)]) == 1
    assert "still to come" in capsys.readouterr().err


def test_cases_are_answered_from_a_file_and_from_standard_input(capsysbinary, monkeypatch, tmp_path):
    assert run(["rules", "evaluate", str(GOLDEN)]) == 0
    answered = msgspec.json.decode(capsysbinary.readouterr().out)
    assert list(answered) == ["results"] and all("id" in one for one in answered["results"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOLDEN.read_bytes())))
    assert run(["rules", "evaluate", "-"]) == 0
    assert msgspec.json.decode(capsysbinary.readouterr().out) == answered


@pytest.mark.parametrize("text", [b"", b"not json", b"[]", b'{"cases": 1}', b"\xff"])
def test_a_file_that_is_no_document_of_cases_ends_with_status_two(capsys, tmp_path, text):
    path = tmp_path / "cases.json"
    path.write_bytes(text)
    assert run(["rules", "evaluate", str(path)]) == 2
    told = capsys.readouterr()
    assert told.out == "" and len(told.err.strip().splitlines()) == 1
    assert run(["rules", "evaluate", str(tmp_path / "missing.json")]) == 2


def test_help_is_there_for_every_command(capsys):
    from etherapy.cli.main import etherapy

    for name, command in etherapy.commands.items():
        assert run([name, "--help"]) == 0
        assert command.help


def test_a_taken_port_is_one_clear_line(data, capfd):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        assert run(["serve", "--data", str(data), "--listen", where, "--health-listen", "127.0.0.1:0"]) == 1
    error = capfd.readouterr().err
    assert where in error and "Traceback" not in error
