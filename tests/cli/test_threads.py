"""Commands about who is in a thread, against a real server: a partner, a cover, a correction, leaving."""

import asyncio
from datetime import datetime, time, timedelta

from etherapy.rules.calendar import zone
from tests.cli.test_people import furnish, now, opens_on, say, stage

__all__ = ["opens_on", "say", "stage"]


def test_a_partner_is_invited_agreed_to_recognised_and_given_the_history(say, stage, opens_on):
    furnish(say, stage, opens_on, "Oak")
    say("anna-Oak", "send", "Before the partner.", "--urgent")
    link = say("vale-Oak", "thread", "invite", "--as", "client")["link"]
    say("ben-Oak", "join", link)
    assert say("ben-Oak", "threads")[0]["messages"] == 0
    [waits] = [one for one in say("vale-Oak", "thread", "who") if one["standing"] == "waiting"]
    assert not say("vale-Oak", "thread", "admit", waits["person"][:8], "--history")["complete"]
    assert "agree" in say("ben-Oak", "send", "Too early.", status=1)

    [question] = say("anna-Oak", "thread", "consent")
    assert question["mine"] and "May " in question["words"] and question["missing"] == ["you"]
    assert "to say yes: etherapy thread consent" in say("anna-Oak", "thread", "consent", plain=True)
    assert say("anna-Oak", "thread", "consent", question["question"][:8], "--yes")["complete"]
    assert say("anna-Oak", "thread", "consent") == []
    assert [one["text"] for one in say("ben-Oak", "read")] == [None]
    assert "not sure" in say("vale-Oak", "thread", "grant-history", waits["person"][:8], status=1)
    said = say("vale-Oak", "thread", "confirm", waits["person"][:8], "--yes")
    assert len(said["digits"].replace(" ", "")) == 60
    assert say("vale-Oak", "thread", "grant-history", waits["person"][:8])["grants"] > 0
    assert [one["text"] for one in say("ben-Oak", "read")] == ["Before the partner."]

    everybody = say("anna-Oak", "thread", "who")
    assert sorted(one["role"] for one in everybody) == ["client", "client", "therapist"]
    assert "you" in say("anna-Oak", "thread", "who", plain=True)
    assert "another therapist" not in say("vale-Oak", "thread", "remove", "nobody", "--yes", status=1)
    assert say("ben-Oak", "thread", "leave", "--yes")["left"]
    assert "no part" in say("ben-Oak", "send", "One more.", status=1)
    say("anna-Oak", "threads")
    present = [one for one in say("vale-Oak", "thread", "who") if one["standing"] == "present"]
    assert len(present) == 2


def test_a_colleague_covers_for_a_time_by_name(say, stage, opens_on):
    furnish(say, stage, opens_on, "Ash")
    link = say("operator", "practice", "staff-link", "Ash", "--role", "therapist", "--name", "Dr Lind")[
        "link"
    ]
    say("lind-Ash", "enrol", link)
    assert "therapists of your practice: Dr Lind" in say(
        "vale-Ash", "thread", "cover", "Dr Lindt", "--until", "2099-01-01", status=1
    )
    say("vale-Ash", "thread", "cover", "Dr Lind", status=2)
    until = (now(stage) + timedelta(days=30)).date()
    assert not say("vale-Ash", "thread", "cover", "Dr Lind", "--until", str(until))["complete"]
    [question] = say("anna-Ash", "thread", "consent")
    assert question["name"] == "Dr Lind" and question["until"].startswith(str(until))
    assert say("anna-Ash", "thread", "consent", question["question"], "--yes")["complete"]
    assert "until" in say("lind-Ash", "thread", "who", plain=True)
    assert say("lind-Ash", "send", "I am here.")["state"] in ("placed", "held")


def test_a_waiting_text_is_corrected_or_sent_urgently(say, stage, opens_on):
    furnish(say, stage, opens_on, "Fir")
    first = say("anna-Fir", "send", "In anger.")
    other = say("anna-Fir", "send", "This is urgent after all.")
    better = say("anna-Fir", "replace", first["mid"][:8], "In calm.")
    assert better["state"] == "held" and better["release_at"] == first["release_at"]
    assert {one["text"] for one in say("anna-Fir", "waiting")} == {"In calm.", "This is urgent after all."}
    assert say("anna-Fir", "replace", other["mid"][:8], "--urgent")["state"] == "placed"
    asyncio.run(stage.turn(datetime.combine(opens_on, time(0), zone("America/New_York"))))
    read = [one["text"] for one in say("vale-Fir", "read")]
    assert sorted(read) == ["In calm.", "This is urgent after all."]
