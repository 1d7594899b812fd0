"""A new device asks, an active one agrees, and only both together make a link (tep.md §5.9)."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from os import urandom
from typing import Any

import msgspec

from etherapy.binary import B64, Hash32, Id16
from etherapy.crypto.pairing import confirms
from etherapy.protocol import endpoints
from etherapy.tep.chain import verify_chain
from etherapy.tep.links import DeviceClass
from tests.server import newcomers
from tests.server.asking import Ask
from tests.server.clinic import ORIGIN, Clinic
from tests.server.newcomers import Newcomer, ask_for, finish, progress
from tests.server.people import log_in

QUARTER = timedelta(minutes=15)


async def test_a_device_is_linked_with_an_old_one_at_hand(clinic: Clinic) -> None:
    who = clinic.people["A.client"]
    new = await newcomers.wait(clinic, who)
    seen = await clinic.line.call(endpoints.read_link_request, token=who.token, lookup=new.lookup)
    assert (bytes(seen.sign_pk), bytes(seen.hpke_pk)) == (new.keys.sign.public, new.keys.hpke.public)
    assert (seen.device_class, seen.by_passphrase) == (DeviceClass.DESKTOP, False)
    offer = new.offer(who, clinic.now)
    await clinic.line.call(endpoints.offer_link, offer, token=who.token, lookup=new.lookup)
    found = (await progress(clinic, who, new)).offer
    assert found is not None
    assert confirms(found.confirmation, new.secret, found.core)
    assert [bytes(one.link) for one in found.chain] == list(who.links)
    link = new.agree(found.core, found.signature)
    assert verify_chain([*who.links, link]).devices[new.keys.device_id].active
    who = await newcomers.complete(clinic, who, new, link)
    assert (await progress(clinic, who, new)).state == "linked"
    assert (await log_in(clinic.line, ORIGIN, replace(who, keys=new.keys))).token


async def test_whoever_waits_is_woken_by_an_offer_and_by_a_refusal(clinic: Clinic) -> None:
    who = clinic.people["A.client"]
    for state in ("offered", "refused"):
        new = await newcomers.wait(clinic, who)
        path = endpoints.read_link_progress.fill({"practice": who.practice, "lookup": new.lookup})
        waiting = asyncio.ensure_future(clinic.line.ask(Ask("GET", path, "state=waiting&wait=25")))
        async with asyncio.timeout(5):
            await clinic.application.parts.hub.occupied.wait()
            if state == "offered":
                offer = new.offer(who, clinic.now)
                await clinic.line.call(endpoints.offer_link, offer, token=who.token, lookup=new.lookup)
            else:
                await clinic.line.call(endpoints.refuse_link, token=who.token, lookup=new.lookup)
            assert (await waiting).json()["state"] == state


async def test_lost_answers_cost_nothing(clinic: Clinic) -> None:
    who, new = clinic.people["A.client"], Newcomer()
    asked = [await clinic.line.ask(new.ask(who.practice)) for _ in range(2)]
    offer = new.offer(who, clinic.now)
    offers = [await ask_for(clinic, endpoints.offer_link, who, offer, lookup=new.lookup) for _ in range(2)]
    link = new.agree(offer.core, offer.signature)
    done = [await finish(clinic, who, new, link) for _ in range(2)]
    late = await ask_for(clinic, endpoints.offer_link, who, offer, lookup=new.lookup)
    assert [answer.status for answer in (*asked, *offers, *done, late)] == [201, 201, 204, 204, 201, 201, 204]
    assert asked[0].body == asked[1].body
    assert done[0].body == done[1].body
    assert [dict(answer.headers).get("Etherapy-Repeated") for answer in done] == [None, "true"]


async def test_completing_twice_at_once_is_one_link(clinic: Clinic) -> None:
    who = clinic.people["A.client"]
    new, link = await newcomers.offered(clinic, who)
    answers = await asyncio.gather(*(finish(clinic, who, new, link) for _ in range(3)))
    assert {(answer.status, answer.body) for answer in answers} == {(201, answers[0].body)}


async def test_a_request_lives_a_quarter_of_an_hour_and_then_never_was(clinic: Clinic) -> None:
    who = clinic.people["A.client"]
    new, link = await newcomers.offered(clinic, who)
    await clinic.clock.turn_to(clinic.now + QUARTER)
    unknown = Newcomer()
    for one in (new, unknown):
        place: dict[str, Any] = {"practice": who.practice, "lookup": one.lookup}
        heard = [
            await ask_for(clinic, endpoints.read_link_progress, None, **place),
            await finish(clinic, who, one, link),
            await ask_for(clinic, endpoints.read_link_request, who, lookup=one.lookup),
            await ask_for(clinic, endpoints.offer_link, who, one.offer(who, clinic.now), lookup=one.lookup),
            await ask_for(clinic, endpoints.refuse_link, who, lookup=one.lookup),
        ]
        assert [(answer.status, answer.problem) for answer in heard] == [(404, "no-such-request")] * 5
    assert (await clinic.line.ask(new.ask(who.practice))).status == 201  # the same keys may ask anew
    assert (await progress(clinic, who, new)).state == "waiting"


async def test_what_is_refused_stays_refused(clinic: Clinic) -> None:
    who = clinic.people["A.client"]
    new, link = await newcomers.offered(clinic, who)
    for _ in range(2):
        assert (await ask_for(clinic, endpoints.refuse_link, who, lookup=new.lookup)).status == 204
    assert (await progress(clinic, who, new)).state == "refused"
    assert (await finish(clinic, who, new, link)).problem == "no-such-request"
    offer = new.offer(who, clinic.now)
    assert (await ask_for(clinic, endpoints.offer_link, who, offer, lookup=new.lookup)).status == 404
    await clinic.line.ask(new.ask(who.practice))
    assert (await progress(clinic, who, new)).state == "refused"


async def test_another_persons_request_does_not_exist(clinic: Clinic) -> None:
    who, other = clinic.people["A.client"], clinic.people["A.therapist"]
    new, _ = await newcomers.offered(clinic, who)
    unknown = Newcomer()
    for endpoint, body in (
        (endpoints.read_link_request, None),
        (endpoints.offer_link, new.offer(other, clinic.now)),
        (endpoints.refuse_link, None),
    ):
        theirs = await ask_for(clinic, endpoint, other, body, lookup=new.lookup)
        nobodys = await ask_for(clinic, endpoint, other, body, lookup=unknown.lookup)
        assert (theirs.status, theirs) == (404, nobodys)
    far = clinic.people["B.client"]
    assert (await ask_for(clinic, endpoints.read_link_request, far, lookup=new.lookup)).status == 404


async def test_keys_that_nothing_could_be_sealed_to_may_not_even_ask(clinic: Clinic) -> None:
    """AT-96."""
    new = Newcomer().asking()
    for bad in (b"\xff\xff\xff" + new.hpke_pk[3:], new.hpke_pk[:1184] + bytes(32), new.hpke_pk[:-1]):
        body = msgspec.structs.replace(new, hpke_pk=B64(bad))
        answer = await ask_for(clinic, endpoints.ask_link, None, body, practice=clinic.practices["A"])
        assert (answer.status, answer.json()["what"]) == (400, "hpke_pk")


async def test_a_look_up_id_belongs_to_its_keys(clinic: Clinic) -> None:
    new, practice = Newcomer().asking(), clinic.practices["A"]
    for wrong in (
        msgspec.structs.replace(new, lookup=Id16(urandom(16))),
        msgspec.structs.replace(new, device_class=1),
        msgspec.structs.replace(new, sign_pk=Hash32(urandom(32))),
    ):
        answer = await ask_for(clinic, endpoints.ask_link, None, wrong, practice=practice)
        assert (answer.status, answer.json()["what"]) == (422, "lookup")


async def test_which_practices_there_are_is_told_to_nobody_who_asks(clinic: Clinic) -> None:
    new = Newcomer()
    known = await clinic.line.ask(new.ask(clinic.practices["B"]))
    unknown = await clinic.line.ask(new.ask(urandom(16)))
    assert (known.status, known) == (201, unknown)


async def test_a_practice_has_room_for_a_thousand_requests(clinic: Clinic) -> None:
    """AT-24: beyond them the door says so, and is open again when they are over."""
    practice = clinic.practices["A"]
    await clinic.operate.execute(
        "INSERT INTO device_request (practice_id, lookup_id, sign_pk, hpke_pk, class, asked_at, expires_at)"
        " SELECT $1::uuid, ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid, $2, $3, 2, $4, $5"
        " FROM generate_series(1, 1000) AS n",
        practice, bytes(32), bytes(1216), clinic.now, clinic.now + QUARTER,
    )  # fmt: skip
    full = await clinic.line.ask(Newcomer().ask(practice))
    assert (full.status, full.problem) == (503, "too-many-waiting")
    assert int(dict(full.headers)["Retry-After"]) > 0
    assert (await clinic.line.ask(Newcomer().ask(clinic.practices["B"]))).status == 201
    await clinic.clock.turn_to(clinic.now + QUARTER)
    for _ in range(11):
        assert (await clinic.line.ask(Newcomer().ask(practice))).status == 201
    left = await clinic.operate.fetchval(
        "SELECT count(*) FROM device_request WHERE practice_id = $1", practice
    )
    assert left == 11
