"""Where profiles lie, and where texts come from."""

import io
import stat
import sys
from pathlib import Path

import click
import pytest

from etherapy.cli.codes import read_reason
from etherapy.cli.drafting import giving_back, read_secret, read_text
from etherapy.cli.profiles import profile_place
from etherapy.cli.saying import Refusal
from etherapy.protocol.problems import Declined
from etherapy.sdk.faults import NotSentYet


def test_profiles_lie_in_the_users_data_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("ETHERAPY_PROFILES", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert profile_place("anna") == tmp_path / "etherapy" / "profiles" / "anna"
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert profile_place("anna") == tmp_path / ".local" / "share" / "etherapy" / "profiles" / "anna"
    monkeypatch.setenv("ETHERAPY_PROFILES", "/somewhere")
    assert profile_place("anna") == Path("/somewhere/anna")


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc", "-x", "a" * 65, "a\0b"])
def test_a_profile_is_never_anywhere_else(name):
    with pytest.raises(Refusal, match="cannot be the name"):
        profile_place(name)


def test_a_text_comes_from_the_command_line_or_from_standard_input(monkeypatch):
    assert read_text(" hello ") == "hello"
    monkeypatch.setattr(sys, "stdin", io.StringIO("from\na pipe\n"))
    assert read_text(None) == "from\na pipe"
    monkeypatch.setattr(sys, "stdin", io.StringIO("dash\n"))
    assert read_text("-") == "dash"
    monkeypatch.setattr(sys, "stdin", io.StringIO("the code\nmore"))
    assert read_secret(None, "Code") == "the code"
    for nothing in ("", "  ", "\n"):
        with pytest.raises(Refusal, match="no text"):
            read_text(nothing)


def test_a_text_comes_from_the_editor_where_a_person_sits(monkeypatch, tmp_path):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    editor = tmp_path / "editor"
    editor.write_text(
        '#!/bin/sh\nprintf "written by hand\\n" > "$1.new"; cat "$1" >> "$1.new"; mv "$1.new" "$1"\n'
    )
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setenv("VISUAL", str(editor))
    assert read_text(None) == "written by hand"
    editor.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(Refusal, match="no text"):
        read_text(None)


@pytest.mark.parametrize("fault", [Declined, Refusal])
def test_what_was_typed_and_not_taken_is_shown_again(fault, capsys):
    with pytest.raises(fault), giving_back("a long letter", typed=True):
        raise fault.__new__(fault)
    assert "a long letter" in capsys.readouterr().err


def test_what_is_kept_elsewhere_is_not_shown_again(capsys):
    with pytest.raises(Refusal), giving_back("from a file", typed=False):
        raise Refusal("not sent")
    with pytest.raises(NotSentYet), giving_back("in the outbox", typed=True):
        raise NotSentYet.__new__(NotSentYet)
    assert capsys.readouterr().err == ""


def test_a_reason_is_a_code_or_nothing():
    context, parameter = click.Context(click.Command("send")), click.Option(["--now"])
    assert [read_reason(context, parameter, text) for text in ("", "Too late")] == ["", "too_late"]
    with pytest.raises(Refusal, match="no code"):
        read_reason(context, parameter, "no good!")
