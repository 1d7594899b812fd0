"""Commands about urgent messages and tasks, against a real server: called, seen, closed, followed up."""

import json

from tests.cli.test_people import furnish, opens_on, say, stage

__all__ = ["opens_on", "say", "stage"]


def on_call(say, tmp_path, name: str) -> None:
    """Ruth is called when something urgent comes to Dr Vale."""
    account = say(f"ruth-{name}", "whoami")["account_hex"]
    assert account in say(f"ruth-{name}", "whoami", plain=True)
    steps = [{"callee": account, "name": "the supervisor on call", "wait_minutes": 15}]
    rules = tmp_path / "on_call.json"
    rules.write_text(json.dumps([{"kind": "urgent.channel", "steps": steps}]))
    say(f"vale-{name}", "rules", "set", str(rules))


def test_somebody_is_called_and_the_sender_is_told_the_truth(say, stage, opens_on, tmp_path):
    furnish(say, stage, opens_on, "Elm")
    on_call(say, tmp_path, "Elm")
    assert "No alert was sent to you" in say("ruth-Elm", "alerts", plain=True)
    sent = say("anna-Elm", "send", "I need somebody now.", "--urgent")
    mid = sent["mid"][:8]
    before = say("anna-Elm", "alerts", "of", mid)
    assert before["lines"][0].startswith("alert sent ") and before["lines"][-1] == "not yet acknowledged"
    assert "your local emergency number" in say("anna-Elm", "alerts", "of", mid, plain=True)
    assert "noch nicht bestätigt" in say("anna-Elm", "alerts", "of", mid, "--language", "de", plain=True)

    [alert] = say("ruth-Elm", "alerts")
    assert say("ruth-Elm", "alerts", "list") == [alert]
    listed = say("ruth-Elm", "alerts", plain=True)
    assert "a client of Vale" in listed and "not yet acknowledged" in listed
    assert "Anna" not in listed and "somebody now" not in listed
    name = listed.split()[0]
    assert alert["alert"].startswith(name)
    assert "no alert of yours" in say("ruth-Elm", "alerts", "ack", "zz", status=1)
    assert "no alert of yours" in say("vale-Elm", "alerts", "ack", name, status=1)
    say("ruth-Elm", "alerts", "ack", name)
    after = say("anna-Elm", "alerts", "of", mid)
    assert after["lines"][-1].startswith("the supervisor on call has seen the alert ")
    assert after["card"] is None
    say("ruth-Elm", "alerts", "close", name, "contacted")
    assert "contacted" in say("ruth-Elm", "alerts", plain=True)


def test_the_therapist_follows_up_and_closes_the_task_with_a_code(say, stage, opens_on, tmp_path):
    furnish(say, stage, opens_on, "Ash")
    assert "Nothing is to be done" in say("vale-Ash", "tasks", plain=True)
    say("anna-Ash", "send", "Please call.", "--urgent")
    [task] = say("vale-Ash", "tasks", "list")
    assert task["kind"] == "urgent_follow_up" and task["thread"]
    words = say("elsewhere", "tasks", "--profile", "vale-Ash", plain=True)
    assert task["task"].startswith(words.split()[0])
    assert "Follow up an urgent message" in words and "Please call" not in words
    [seen] = say("ruth-Ash", "supervise", "tasks")
    assert (seen["whose"], seen["kind"]) == ("Vale", "urgent_follow_up")
    assert "Vale: urgent follow up" in say("ruth-Ash", "supervise", "tasks", plain=True)
    name = words.split()[0]
    assert "is no code" in say("vale-Ash", "tasks", "close", name, "Called her!", status=2)
    say("vale-Ash", "tasks", "close", name, "contacted")
    assert say("vale-Ash", "tasks", "list") == []
    assert "no task of yours" in say("vale-Ash", "tasks", "close", name, "contacted", status=1)


def test_an_ordinary_message_has_no_alerts(say, stage, opens_on):
    furnish(say, stage, opens_on, "Fir")
    sent = say("anna-Fir", "send", "It can wait.")
    assert "not marked urgent" in say("anna-Fir", "alerts", "of", sent["mid"][:8], plain=True)
    assert say("vale-Fir", "tasks", "list") == []
