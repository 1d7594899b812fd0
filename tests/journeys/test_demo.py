"""The demo tells its story with real parts, says so in one line of JSON, and leaves nothing behind."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer

import pytest

SOURCE = Path(__file__).parents[2] / "src"
NAMES = ["practice", "preview", "send", "quiet", "morning", "reply", "read", "supervision", "search"]
NAMES += ["receipt", "evening"]


def start(*arguments: str) -> "subprocess.Popen[str]":
    """The demo as a process of its own, as a person starts it."""
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-m", "etherapy", "demo", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def processes_in(place: Path) -> list[str]:
    """Command lines of processes that have to do with a directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(place) in command:
            found.append(command)
    return found


def wait_for_line(process: "subprocess.Popen[str]", text: str) -> list[str]:
    """What the demo says up to the line with this text; it is ended when it does not say so in a minute."""
    assert process.stdout is not None
    said: list[str] = []
    watchdog = Timer(60, process.kill)
    watchdog.start()
    try:
        for line in process.stdout:
            said.append(line.rstrip("\n"))
            if text in line:
                return said
    finally:
        watchdog.cancel()
    pytest.fail("the demo ended before it said so:\n" + "\n".join(said[-30:]))


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory for a stage, below one that other accounts may pass."""
    above = Path(tempfile.mkdtemp(prefix="etherapy-test-"))
    above.chmod(0o711)
    yield above / "demo"
    shutil.rmtree(above, ignore_errors=True)


def test_the_story_holds_and_everything_is_stopped(place):
    process = start("--check", "--data", str(place))
    out, _ = process.communicate(timeout=180)
    lines = out.strip().splitlines()
    document = json.loads(lines[-1])
    assert process.returncode == 0, out
    assert list(document) == ["ok", "steps", "release_at", "reply_by", "leak_hits", "seconds"]
    assert document["ok"] is True and document["leak_hits"] == 0
    assert [step["name"] for step in document["steps"]] == NAMES
    assert all(step["ok"] and step["seconds"] >= 0 for step in document["steps"])
    release, reply = (
        datetime.strptime(document[name], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        for name in ("release_at", "reply_by")
    )
    assert (
        release.weekday() == 1 and release.hour in (13, 14) and release.minute == 0
    )  # Tuesday, 9:00 Eastern
    assert reply - release == timedelta(days=1, hours=8)  # Wednesday, 17:00
    assert out.count("Automatic message") == 1 and "9:00 Eastern (8:00" in out
    assert "synthetic" in out
    assert processes_in(place) == []


def test_a_person_goes_on_playing_with_their_own_words(place):
    process = start("--data", str(place))
    try:
        wait_for_line(process, "Ctrl-C here")
        said = wait_for_line(process, "Every command says")
        commands = {
            Path(shlex.split(line)[0]).name: shlex.split(line)[0] for line in said if line.startswith("    /")
        }
        assert set(commands) == {"client", "therapist", "supervisor", "operator"}

        def play(role: str, *arguments: str) -> str:
            return subprocess.run(
                [commands[role], *arguments], capture_output=True, text=True, check=True, timeout=60
            ).stdout

        play("client", "send", "Tonight I wrote this myself.")
        assert "Nobody waits" in play("therapist", "inbox")
        turn = next(line for line in said if "clock turn --to" in line)
        play("operator", *shlex.split(turn)[1:])
        deadline = time.monotonic() + 10
        while "1 message" not in (seen := play("therapist", "inbox")) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert "1 message" in seen
        assert "Tonight I wrote this myself." in play("therapist", "read")
        play("therapist", "reply", "And I read it.")
        assert "And I read it." in play("client", "read")
        assert "message.placed" in play("supervisor", "supervise", "decisions")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert processes_in(place) == []


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_the_middle_it_still_stops_what_it_started(place, sign):
    process = start("--check", "--data", str(place))
    wait_for_line(process, "A server of its own is up")
    assert processes_in(place)
    process.send_signal(sign)
    out, _ = process.communicate(timeout=60)
    document = json.loads(out.strip().splitlines()[-1])
    assert process.returncode != 0 and document["ok"] is False
    assert processes_in(place) == []


def test_a_server_that_cannot_start_is_told_and_not_waited_for(place, monkeypatch):
    monkeypatch.setenv("AIOHTTP_NO_EXTENSIONS", "1")
    process = start("--check", "--data", str(place))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "did not start" in out
    document = json.loads(out.strip().splitlines()[-1])
    assert document["ok"] is False and [step["ok"] for step in document["steps"]] == [False]
    assert re.search("HTTP parser", out)


def test_a_directory_that_is_not_empty_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    process = start("--check", "--data", str(tmp_path))
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "not empty" in out
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]
