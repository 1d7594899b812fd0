"""Commands on one's own devices against a real server: link, approve, revoke, rotate, codes, the end."""

import io
import re
import subprocess
import sys

import pytest

from etherapy.cli.demo.stage import Stage
from tests.cli.test_people import furnish, opens_on, say, stage

__all__ = ["opens_on", "say", "stage"]


@pytest.fixture
def place(say, stage, opens_on, request):
    """A furnished practice of its own: how its profiles are called, its id, the client's recovery code."""
    name = f"Dev{abs(hash(request.node.name)) % 10_000_000}"
    practice, code = furnish(say, stage, opens_on, name)
    return name, practice, code


def begin_linking(stage: Stage, place, profile: str, *more: str) -> tuple["subprocess.Popen[str]", str]:
    """A new device in a process of its own, and the code that it shows."""
    name, practice, _ = place
    asking = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "etherapy",
            "device",
            "link",
            stage.settings.origin,
            practice,
            *more,
            "--json",
        ],
        env=stage.environment | {"ETHERAPY_PROFILE": f"{profile}-{name}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert asking.stderr is not None
    for line in asking.stderr:
        if found := re.fullmatch(r"\s*((?:\w{4}-){4}\w{4})\s*", line):
            return asking, found[1]
    raise AssertionError(asking.wait())


def test_a_new_phone_is_let_in_by_its_code_and_reads_everything(say, stage, place):
    name, _, _ = place
    say(f"anna-{name}", "send", "Before the new phone.", "--urgent")
    asking, code = begin_linking(stage, place, "phone", "--class", "phone")
    assert asking.stdin is not None
    asking.stdin.write("y\n")
    asking.stdin.flush()
    done = say(f"anna-{name}", "device", "approve", code, "--yes")
    told, beside = asking.communicate(timeout=60)
    assert asking.returncode == 0
    assert '"history": true' in told
    assert "Notice" not in beside  # closed until the history came, and it came
    assert [one["text"] for one in say(f"phone-{name}", "read")] == ["Before the new phone."]
    devices = say(f"phone-{name}", "device", "list")
    assert [(one["class"], one["this"], one["active"]) for one in devices] == [
        ("cli", False, True), ("recovery", False, True), ("phone", True, True),
    ]  # fmt: skip
    assert devices[2]["device"] == done["device"]
    shown = say(f"phone-{name}", "device", "list", plain=True)
    assert "phone  (this one)" in shown
    assert "recovery code" in shown
    say(f"phone-{name}", "send", "Waiting on the phone.")
    gone = say(f"anna-{name}", "device", "revoke", done["device"][:6], "--yes", plain=True)
    assert "1 message that it had waiting: kept" in gone
    assert [one["text"] for one in say(f"anna-{name}", "waiting")] == ["Waiting on the phone."]
    assert "taken out by your command line" in say(f"phone-{name}", "read", status=1)
    assert "taken out" in say(f"anna-{name}", "device", "list", plain=True)


def test_a_wrong_code_says_what_to_do_next(say, place):
    name, _, _ = place
    assert "characters" in say(f"anna-{name}", "device", "approve", "7F3K", "--yes", status=1)
    told = say(f"anna-{name}", "device", "approve", "7F3K-7F3K-7F3K-7F3K-7F3K", "--yes", status=1)
    assert "start again on the new device" in told
    assert "none of your devices" in say(f"anna-{name}", "device", "revoke", "ffffffffff", "--yes", status=1)


def test_a_device_that_knows_the_passphrase_waits_and_is_refused(say, stage, place, monkeypatch):
    name, _, _ = place
    profile = f"anna-{name}"
    monkeypatch.setattr("etherapy.cli.renewing.read_secret", lambda given, what, **_: "the long way home")
    assert "opens nothing by itself" in say(profile, "device", "passphrase", "Anna", plain=True)
    asking = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "etherapy",
            "device",
            "link",
            stage.settings.origin,
            place[1],
            "--name",
            "anna",
        ],
        env=stage.environment | {"ETHERAPY_PROFILE": f"thief-{name}"},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert asking.stdin is not None
    assert asking.stderr is not None
    asking.stdin.write("the long way home\n")
    asking.stdin.flush()
    assert any("Waiting" in line for line in iter(asking.stderr.readline, ""))
    assert "it knew your passphrase" in say(profile, "device", "list", plain=True)
    assert "change your passphrase" in say(profile, "device", "refuse", plain=True)
    assert "said no to this one" in asking.communicate(timeout=60)[1]
    assert asking.returncode == 1
    assert "no new device asks" in say(profile, "device", "refuse", status=1)
    assert "no passphrase any more" in say(profile, "device", "passphrase", "--drop", plain=True)


def test_keys_and_codes_are_renewed_in_words(say, place, monkeypatch):
    name, practice, code = place
    profile = f"anna-{name}"
    assert "old one is erased" in say(profile, "device", "rotate", plain=True)
    told = say(profile, "device", "new-code", plain=True)
    assert "Announced" in told
    assert "new recovery code can be had from" in say(profile, "device", "new-code", status=1)
    assert "will not complete it" in say(profile, "device", "new-code", "--cancel", plain=True)
    monkeypatch.setattr("etherapy.cli.renewing.read_secret", lambda given, what: code)
    fresh = say(profile, "device", "new-code", "--old-code")["recovery_code"]
    assert fresh != code
    origin = say(profile, "whoami")["origin"]
    told = say(f"late-{name}", "device", "recover", origin, practice, code, status=1)
    assert "replaced by a newer one" in told
    assert say(f"again-{name}", "device", "recover", origin, practice, fresh)["roles"] == ["client"]


def test_closing_the_account_warns_plainly_and_ends_everything(say, place, monkeypatch):
    name, _, _ = place
    profile = f"anna-{name}"
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    assert "nothing was done" in say(profile, "device", "close-account", status=1)
    assert "closed" in say(profile, "device", "close-account", "--yes", plain=True)
    assert "account" in say(profile, "read", status=1)
    assert "closed" in say(profile, "whoami", status=1)


def test_staff_without_threads_have_devices_too(say, place):
    name, _, _ = place
    devices = say(f"ruth-{name}", "device", "list")
    assert [one["class"] for one in devices] == ["cli", "recovery"]


def test_what_a_device_is_is_part_of_what_its_code_says(say, stage, place):
    """Another class is another request; otherwise a browser would come in as what it was called before."""
    asking, code = begin_linking(stage, place, "tablet", "--class", "phone")
    asking.kill()
    asking.wait()
    again, other = begin_linking(stage, place, "tablet", "--class", "phone")
    again.kill()
    again.wait()
    assert other == code
    browser, third = begin_linking(stage, place, "tablet", "--class", "browser")
    browser.kill()
    browser.wait()
    assert third != code


def test_recovering_shows_the_devices_that_are_still_in(say, stage, place):
    name, practice, code = place
    told = say(f"back-{name}", "recover", stage.settings.origin, practice, code, plain=True)
    assert "still in" in told and "command line" in told and "device revoke" in told
    assert code not in told
    gone = say(f"anna-{name}", "device", "list")
    assert [one["class"] for one in gone if one["active"]] == ["cli", "recovery", "cli"]


def test_a_passphrase_that_is_too_short_is_not_set(say, place, monkeypatch):
    name, _, _ = place
    monkeypatch.setattr("etherapy.cli.renewing.read_secret", lambda given, what, **_: "short")
    told = say(f"anna-{name}", "device", "passphrase", "Anna", status=2)
    assert "at least 12 characters" in told and "short" not in told


def test_where_nobody_can_be_asked_nothing_is_done(say, place, monkeypatch):
    name, _, _ = place
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    told = say(f"anna-{name}", "device", "close-account", status=1)
    assert "nothing was done" in told and "--yes" in told
    assert say(f"anna-{name}", "whoami")["roles"] == ["client"]
