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
    joined = say("ben-Oak", "join", link, plain=True)
    assert "have still to agree" in joined and "etherapy threads" in joined and "etherapy send" not in joined
    [seen] = say("ben-Oak", "threads")
    assert seen["messages"] == 0 and seen["standing"] == "awaited"
    assert "not in it yet" in say("ben-Oak", "threads", plain=True)
    assert "not in this thread yet" in say("ben-Oak", "thread", "who", status=1)
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
    assert "over for this device" in say("ben-Oak", "threads", plain=True)
    assert "no part in this thread" in say("ben-Oak", "thread", "who", status=1)
    say("anna-Oak", "threads")
    everybody = say("vale-Oak", "thread", "who")
    assert [one["standing"] for one in everybody].count("present") == 2
    assert [one["standing"] for one in everybody if one["person"] == waits["person"]] == ["left"]


def test_in_a_couple_s_thread_it_is_shown_who_wrote_and_whose_devices_read(say, stage, opens_on):
    """S-18."""
    furnish(say, stage, opens_on, "Yew")
    say("anna-Yew", "send", "From Anna.", "--urgent")
    assert "the client" in say("vale-Yew", "read", plain=True)
    say("ben-Yew", "join", say("vale-Yew", "thread", "invite")["link"])
    [waits] = [one for one in say("vale-Yew", "thread", "who") if one["standing"] == "waiting"]
    person = waits["person"][:8]
    say("vale-Yew", "thread", "admit", person, "--name", "Ben")
    [question] = say("anna-Yew", "thread", "consent")
    told = say("anna-Yew", "thread", "consent", question["question"][:8], "--yes", plain=True)
    assert f"All have agreed: client {person[:6]} is in." in told
    say("anna-Yew", "thread", "name", person, "My Ben")
    say("ben-Yew", "send", "From Ben.", "--urgent")
    read = say("vale-Yew", "read", plain=True)
    assert read.index("Anna") < read.index("From Anna.") < read.index("  Ben") < read.index("From Ben.")
    assert "My Ben" in say("anna-Yew", "read", plain=True)
    assert [one["author"] for one in say("vale-Yew", "read")][-1] == waits["person"]

    shown = say("vale-Yew", "thread", "who", "--devices", plain=True)
    [ben] = [one for one in say("vale-Yew", "thread", "who") if one["name"] == "Ben"]
    assert ben["device_ids"][0][:8] in shown and len(ben["device_ids"]) == ben["devices"] == 2
    assert "--devices" in say("vale-Yew", "thread", "exclude-device", "ffff", "--yes", status=1)


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
    mixed = say("vale-Ash", "thread", "cover", "Dr Lind", "--until", "2099-01-01", "--history", status=2)
    assert "never reads" in mixed
    over = say("vale-Ash", "thread", "cover", "Dr Lind", "--until", "2020-01-01", status=1)
    assert "ends before it begins" in over and "defect" not in over
    until = (now(stage) + timedelta(days=30)).date()
    assert not say("vale-Ash", "thread", "cover", "Dr Lind", "--until", str(until))["complete"]
    [question] = say("anna-Ash", "thread", "consent")
    assert question["name"] == "Dr Lind" and question["until"].startswith(str(until))
    assert say("anna-Ash", "thread", "consent", question["question"], "--yes")["complete"]
    assert "until" in say("lind-Ash", "thread", "who", plain=True)
    assert say("lind-Ash", "send", "I am here.")["state"] in ("placed", "held")
    assert "Dr Lind" in say("anna-Ash", "read", plain=True)


def test_a_cover_that_begins_later_is_said_to_begin_later(say, stage, opens_on):
    """A-6: all have agreed, and nobody is in before the time."""
    furnish(say, stage, opens_on, "Elder")
    link = say("operator", "practice", "staff-link", "Elder", "--role", "therapist", "--name", "Dr Lind")
    say("lind-Elder", "enrol", link["link"])
    begin, until = (str((now(stage) + timedelta(days=days)).date()) for days in (2, 9))
    say("vale-Elder", "thread", "cover", "Dr Lind", "--from", begin, "--until", until)
    [question] = say("anna-Elder", "thread", "consent")
    assert "UTC" not in question["words"]
    agreed = say("anna-Elder", "thread", "consent", question["question"], "--yes")
    assert agreed["complete"] and agreed["begins"].startswith(begin)
    assert "all have agreed" in say("vale-Elder", "thread", "consent", plain=True)
    assert say("lind-Elder", "threads") == []
    assert "cover for you" in say("vale-Elder", "thread", "leave", "--yes", status=1)


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
