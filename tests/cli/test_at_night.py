"""A therapist who writes outside their own sending times is told why it waits, and can send it now."""

import json

from etherapy.cli.main import run
from tests.cli.test_people import furnish, opens_on, say, stage

__all__ = ["opens_on", "say", "stage"]


def test_a_scheduled_reply_says_why_and_can_go_now_for_a_reason(say, stage, opens_on, tmp_path):
    furnish(say, stage, opens_on, "Yew")
    rules = tmp_path / "own_hours.json"
    rules.write_text(json.dumps([{"kind": "therapist.outbound", "own_hours_only": True}]))
    say("vale-Yew", "rules", "set", str(rules))

    told = say("vale-Yew", "reply", "Good night.", plain=True)
    assert told.startswith("It was finished outside the hours in which the therapist's messages go out.\n")
    assert "Held as " in told and "client's time" not in told  # this machine's wall is not the client's
    assert "client's time" not in say("vale-Yew", "preview", "Good night.", plain=True)

    [scheduled] = say("vale-Yew", "waiting")
    assert "is no code" in say("vale-Yew", "replace", scheduled["mid"], "--now", "no!", status=2)
    assert "leave one" in say(
        "vale-Yew", "replace", scheduled["mid"], "--now", "safety", "--urgent", status=2
    )
    assert say("vale-Yew", "replace", scheduled["mid"], "--now", "safety")["state"] == "placed"
    assert [one["text"] for one in say("anna-Yew", "read")] == ["Good night."]


def test_setting_rules_says_what_holds_no_longer(say, stage, opens_on, tmp_path, capsys):
    furnish(say, stage, opens_on, "Fir")
    quiet, none = tmp_path / "quiet.json", tmp_path / "none.json"
    quiet.write_text(json.dumps([{"kind": "therapist.outbound", "own_hours_only": True}]))
    none.write_text("[]")
    say("vale-Fir", "rules", "set", str(quiet))
    capsys.readouterr()
    assert run(["rules", "set", str(none)]) == 0
    assert "No longer set after this: therapist.outbound." in capsys.readouterr().err
