"""Nobody but its sender can notice a message that waits, was taken back or replaced, or came back (G5).

AT-78 and AT-79 of tep_amendments.md A-13.
"""

from collections.abc import AsyncIterator
from dataclasses import replace as altered
from datetime import timedelta
from pathlib import Path

import pytest

from etherapy.binary import B64
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.messages import AskPreview, SendMessage
from etherapy.protocol.people import AddLink
from etherapy.protocol.threads import Commit
from etherapy.rules.calendar import milliseconds
from etherapy.tep import linking
from etherapy.tep.epoch import CommitReason
from tests.server.asking import Ask
from tests.server.asks import WHOLE_TABLE, make, of_another
from tests.server.chains import adding
from tests.server.clinic import MORNING, NIGHT, ORIGIN, Clinic
from tests.server.company import company_of
from tests.server.furnishing import Furnished
from tests.server.instead import replace, waiting
from tests.server.matrix import plant
from tests.server.people import invitation, log_in, seal, send
from tests.server.twins import Twins, twins

OTHERS = ("A.therapist", "A.other_client", "A.other_therapist", "A.supervisor", "A.administrator")
"""Who might notice what `A.client` writes."""
QUERIES = {
    "read_page": ("", "after=0&limit=2", "after=4", "after=5&limit=100"),
    "read_changes": ("", "after=0&limit=1", "after=2", "after=100"),
    "read_decisions": ("", "start=0&limit=500"),
    "read_leaves": ("", "start=2&limit=1000"),
    "prove_inclusion": ("index=0&size=1", "index=1&size=4", "index=0&size=40"),
    "prove_consistency": ("old=1&new=2", "old=2&new=40"),
    "read_notices": ("", "since=2026-01-01T00:00:00Z"),
}
MADE_ON_DEMAND = frozenset({"read_link_request"})
"""What there is to read is made by asking for it, here in one of the two only."""


@pytest.fixture
async def both(furnished: Furnished, tmp_path: Path) -> AsyncIterator[Twins]:
    async with twins(furnished, tmp_path) as found:
        yield found


async def look_everywhere(both: Twins) -> None:
    """Everybody else reads whatever can be read, and asks about the one who writes and what was written."""
    for caller in OTHERS:
        asks: dict[Ask, None] = {}
        for name, endpoint in sorted(WHOLE_TABLE.items()):
            if endpoint.method == "GET" and endpoint.access and name not in MADE_ON_DEMAND:
                for named in (None, of_another(both.quiet, "A.client")):
                    path = (await make(both.quiet, name, both.quiet.people[caller], named)).ask.path
                    for each in {path, path.replace("/keys/", "/audit/")}:
                        asks |= {Ask("GET", each, query): None for query in QUERIES.get(name, ("",))}
        thread = both.quiet.talks["A.client"].thread
        for sealed in (sealed for name, sealed in both.secret.sent.items() if name.startswith("A.client")):
            for endpoint in (endpoints.read_message, endpoints.explain_message):
                asks[Ask("GET", endpoint.fill({"thread": thread, "mid": sealed.mid}))] = None
        for ask in asks:
            await both.ask(caller, ask)


async def live_on(both: Twins) -> None:
    """The therapist goes on working, in that thread and in others: every command, not reads alone."""
    thread = both.quiet.talks["A.client"].thread
    preview = endpoints.preview.fill({"thread": thread})
    for asked in (AskPreview(), AskPreview(urgent=True), AskPreview(service_class=3)):
        await both.ask("A.therapist", Ask("POST", preview, body=asked))
    send = endpoints.send_message.fill({"thread": thread})
    body = SendMessage(B64(both.letter("A.therapist", "an answer").envelope))
    assert (await both.ask("A.therapist", Ask("POST", send, body=body))).status == 200
    await both.ask("A.therapist", Ask("POST", send, body=body))
    offer = await both.quiet.prepare_offer("A.therapist")
    assert (await both.ask("A.therapist", Ask("POST", "/invitations", body=invitation(offer)))).status == 201
    commit = await make(both.quiet, "commit_epoch", both.quiet.people["A.therapist"])
    assert (await both.ask("A.therapist", commit.ask)).status == 201
    commit.then()
    both.secret.talks.update(both.quiet.talks)
    await look_everywhere(both)


async def hold(clinic: Clinic) -> None:
    await clinic.say("A.client", "secretly held", clinic.talks["A.client"])


async def hold_and_take_back(clinic: Clinic) -> None:
    talk = clinic.talks["A.client"]
    message = await clinic.say("A.client", "secretly taken back", talk)
    await clinic.take_back("A.client", talk, message)


async def hold_and_replace_and_take_back(clinic: Clinic) -> None:
    talk, me = clinic.talks["A.client"], clinic.people["A.client"]
    message = await clinic.say("A.client", "secretly replaced", talk)
    for text in ("other words", "and others again"):
        new = seal(talk, me, text)
        await replace(clinic, me, talk, message, new)
        message = new
    await clinic.take_back("A.client", talk, message)


async def grow(both: Twins, link: bytes) -> None:
    """The client's chain grows in both, by the same link."""
    answer = await both.ask("A.client", Ask("POST", endpoints.add_link.path, body=AddLink(B64(link))))
    assert answer.status == 201, answer
    for clinic in (both.quiet, both.secret):
        me = clinic.people["A.client"]
        clinic.settle(altered(me, links=(*me.links, link)))


async def commit(both: Twins, by: str, reason: int, *without: str) -> None:
    """The same commit in both."""
    company = company_of(both.quiet)
    whole, secret = await company.make(by, reason, roles=company.without(*without))
    answer = await both.ask(by, company.ask(endpoints.commit_epoch, Commit(B64(whole))))
    assert answer.status == 201, answer
    company.settle(whole, secret)
    both.secret.talks.update(both.quiet.talks)


async def never_noticed(both: Twins) -> None:
    """Now, when it would have been released, and days later, when the days have their leaves."""
    await look_everywhere(both)
    await both.turn_to(MORNING)
    await look_everywhere(both)
    assert not both.told_apart()
    await both.turn_to(MORNING + timedelta(days=3))
    await look_everywhere(both)
    readers = ("A.therapist", "A.other_client", "A.other_therapist")
    assert not [one for one in both.told_apart() if one.startswith(readers)]


async def test_a_message_that_waits_is_not_noticed(both: Twins) -> None:
    await both.hide(hold)
    await look_everywhere(both)
    await live_on(both)
    await both.hide(hold)
    await both.turn_to(NIGHT + timedelta(hours=6))
    await look_everywhere(both)
    await both.turn_to(MORNING - timedelta(seconds=1))
    await look_everywhere(both)
    assert not both.told_apart()
    assert len(both.heard) > 600
    assert {200} < {answer.status for _, _, answer, _ in both.heard} <= {200, 201, 403, 404}


async def test_when_it_is_released_it_is_noticed(both: Twins) -> None:
    """The control: what is asked would tell, were there something to tell."""
    await both.hide(hold)
    await both.turn_to(MORNING)
    await look_everywhere(both)
    told = both.told_apart()
    assert {one.partition(":")[0] for one in told} == {"A.therapist", "A.supervisor", "A.administrator"}
    for place in ("/items", "/inbox", "/changes"):
        assert any(place in one for one in told), place


async def test_a_message_taken_back_is_never_noticed_by_readers(both: Twins) -> None:
    await both.hide(hold_and_take_back)
    await look_everywhere(both)
    await live_on(both)
    await never_noticed(both)


async def test_a_message_that_was_replaced_is_never_noticed_by_readers(both: Twins) -> None:
    """AT-78"""
    await both.hide(hold_and_replace_and_take_back)
    await look_everywhere(both)
    await live_on(both)
    await never_noticed(both)


async def test_what_comes_back_to_somebody_who_is_left_out_is_never_noticed(both: Twins) -> None:
    """AT-78, AT-79: the commit that leaves them out is placed alike, whatever waits."""
    await both.hide(hold)
    await commit(both, "A.therapist", CommitReason.USER_REMOVED, "A.client")
    secret = both.secret
    found = await waiting(secret, secret.people["A.client"], secret.talks["A.client"])
    assert [one.state for one in found.values()] == ["returned", "returned"]
    await never_noticed(both)


async def test_what_comes_back_to_the_owner_of_a_lost_phone_is_never_noticed(both: Twins) -> None:
    """AT-78, AT-79: the link that revokes it is answered and seen alike."""
    phone, me = DeviceKeys.generate(), both.quiet.people["A.client"]
    await grow(both, adding(me, both.quiet.now, phone))
    await commit(both, "A.client", CommitReason.DEVICE_ADDED)

    async def hold_on_the_phone(clinic: Clinic) -> None:
        there = await log_in(clinic.line, ORIGIN, altered(clinic.people["A.client"], keys=phone))
        talk = clinic.talks["A.client"]
        await send(clinic.line, talk, there, seal(talk, there, "from the phone"))

    await both.hide(hold_on_the_phone)
    me = both.quiet.people["A.client"]
    at = milliseconds(both.quiet.now)
    await grow(both, linking.revoke_device(me.chain, me.keys.sign, phone.device_id, at))
    secret = both.secret
    found = await waiting(secret, secret.people["A.client"], secret.talks["A.client"])
    assert sorted(one.state for one in found.values()) == ["held", "returned"]
    await never_noticed(both)


@pytest.mark.parametrize(
    ("caller", "place"), [("A.therapist", "/rules"), ("A.administrator", "/practice/rules")]
)
async def test_new_rules_do_not_tell_what_waits(both: Twins, caller: str, place: str) -> None:
    """Also not when they bring it forward: it is noticed when it is released, not before."""
    await both.hide(hold)
    said = (await both.ask(caller, Ask("GET", place))).json()
    earlier = {"kind": "window.weekly", "windows": [{"days": ["mon"], "start": "07:00", "end": "17:00"}]}
    rules = [rule for rule in said["rules"] if rule["kind"] != "window.weekly"]
    if place == "/practice/rules":
        earlier["zone"] = "America/New_York"
    answer = await both.ask(caller, Ask("PUT", place, body=SetRules(said["version"], [earlier, *rules])))
    assert answer.status == 200
    await look_everywhere(both)
    await both.turn_to(MORNING - timedelta(hours=2, seconds=1))
    await look_everywhere(both)
    assert not both.told_apart()
    await both.turn_to(MORNING - timedelta(hours=2))
    await look_everywhere(both)
    assert any("/items" in one for one in both.told_apart())


async def test_a_count_of_what_waits_would_be_found(both: Twins) -> None:
    """The control by a planted defect: a page whose end counts held messages too."""
    counted = "(SELECT count(*) FROM message h WHERE h.thread_id = th.thread_id AND h.state = 'held')"
    await plant(
        both.secret.operate,
        "read_page",
        "SELECT th.last_n, th.last_t",
        f"SELECT th.last_n + {counted} - 1, th.last_t",
    )
    await look_everywhere(both)
    assert not both.told_apart()
    await both.hide(hold)
    await look_everywhere(both)
    assert {one.partition("?")[0].rpartition("/")[2] for one in both.told_apart()} == {"items"}


async def test_nobody_is_woken_by_a_message_that_waits(both: Twins) -> None:
    """Whoever holds a long poll sleeps on through sending and taking back; what is placed wakes them."""
    clinic, talk = both.secret, both.secret.talks["A.client"]
    hub = clinic.application.parts.hub
    before = hub.mark
    await both.hide(hold)
    await both.hide(hold_and_take_back)
    assert hub.mark == before
    await clinic.say("A.client", "for all to see", talk, urgent=True)
    assert hub.mark > before
