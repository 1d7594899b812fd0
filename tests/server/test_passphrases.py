"""A passphrase ties a waiting device to an account, and opens nothing (tep.md §5.11)."""

import asyncio
from dataclasses import replace
from os import urandom
from pathlib import Path

from etherapy.binary import Hash32, Id16, b64
from etherapy.crypto.passphrase import PINNED, Parameters, derive_auth
from etherapy.protocol import endpoints
from etherapy.protocol.door import Unavailable
from etherapy.protocol.pairing import AskSalt, SetPassphrase
from etherapy.server.passphrases import DERIVATION, Hashing
from etherapy.server.settings import Settings
from tests.server import newcomers
from tests.server.asking import Answer, Ask, shape
from tests.server.clinic import ORIGIN, Clinic
from tests.server.furnishing import Furnished
from tests.server.newcomers import Newcomer, pending, try_passphrase


async def salt(clinic: Clinic, name: str, practice: bytes | None = None) -> Answer:
    path = endpoints.ask_salt.fill({"practice": practice or clinic.practices["A"]})
    return await clinic.line.ask(Ask("POST", path, body=AskSalt(name)))


async def test_the_whole_way_from_a_passphrase_to_a_linked_device(clinic: Clinic) -> None:
    who, said = clinic.people["A.client"], "correct horse"
    drawn = urandom(16)
    auth = derive_auth(said, drawn, ORIGIN, "Robin")
    body = SetPassphrase("Robin", Id16(drawn), Hash32(auth))
    await clinic.line.call(endpoints.set_passphrase, body, token=who.token)
    new = await newcomers.wait(clinic, who)
    asked = (await salt(clinic, " robin ")).json()
    given = Id16.read(asked["salt"])
    assert Parameters(asked["memory_kib"], asked["passes"], asked["lanes"]) == PINNED
    again = derive_auth(said, given, ORIGIN, " robin ")
    assert (await try_passphrase(clinic, who, body, new, name=" robin ", auth=again)).status == 201
    listed = await clinic.line.call(endpoints.read_link_requests, token=who.token)
    [request] = listed.requests
    assert (bytes(request.lookup), request.by_passphrase) == (new.lookup, True)
    offer = new.offer(who, clinic.now)
    await clinic.line.call(endpoints.offer_link, offer, token=who.token, lookup=new.lookup)
    await newcomers.complete(clinic, who, new, new.agree(offer.core, offer.signature))
    assert not (await clinic.line.call(endpoints.read_link_requests, token=who.token)).requests


async def test_a_name_that_nobody_has_is_answered_like_one_with_another_passphrase(clinic: Clinic) -> None:
    """AT-65: the same bytes, the same statements, the same slow hash."""
    who = clinic.people["A.client"]
    known, new = await newcomers.set_passphrase(clinic, who), await newcomers.wait(clinic, who)
    hashing, heard = clinic.application.parts.hashing, []
    for name in (known.name, "nobody of this name"):
        runs = hashing.runs
        answer = await try_passphrase(clinic, who, known, new, name=name, auth=urandom(32))
        heard.append((answer, hashing.runs - runs))
    assert heard[0] == heard[1]
    assert (heard[0][0].status, heard[0][0].problem, heard[0][1]) == (401, "login-failed", 1)
    far = await try_passphrase(clinic, clinic.people["B.client"], known, new)
    nowhere = await try_passphrase(clinic, replace(who, practice=urandom(16)), known, new)
    assert far == nowhere == heard[0][0]


async def test_every_name_has_a_salt_and_keeps_it(
    clinic: Clinic, furnished: Furnished, tmp_path: Path
) -> None:
    """AT-65: a salt of nobody is stable, also from another process, and looks like any other."""
    known = await newcomers.set_passphrase(clinic, clinic.people["A.client"])
    real, fake = await salt(clinic, known.name), await salt(clinic, "Nobody")
    assert real.json()["salt"] == b64(known.salt)
    assert (fake.status, fake.headers, shape(fake.json())) == (real.status, real.headers, shape(real.json()))
    assert len(fake.body) == len(real.body)
    async with furnished.open(tmp_path / "another") as another:
        assert (await salt(another, " NOBODY")).body == fake.body
    others = [await salt(clinic, "somebody"), await salt(clinic, "Nobody", clinic.practices["B"])]
    assert len({answer.body for answer in (fake, *others)}) == 3
    assert (await salt(clinic, "Nobody", urandom(16))).status == 200


async def test_limits_tell_no_name_from_another(furnished: Furnished, tmp_path: Path) -> None:
    """AT-65."""
    async with furnished.open(tmp_path, settings=Settings(limits=True)) as clinic:
        who = clinic.people["A.client"]
        known, new = await newcomers.set_passphrase(clinic, who), await newcomers.wait(clinic, who)
        heard: list[list[int]] = []
        for name in (known.name, "nobody"):
            heard.append([])
            for _ in range(8):
                answer = await try_passphrase(clinic, who, known, new, name=name, auth=urandom(32))
                heard[-1].append(answer.status)
        assert heard[0] == heard[1]
        assert set(heard[0]) == {401, 429}


async def test_the_right_passphrase_for_a_request_that_is_not_there_says_so(clinic: Clinic) -> None:
    who, other = clinic.people["A.client"], clinic.people["A.other_client"]
    known = await newcomers.set_passphrase(clinic, who)
    taken, _ = await newcomers.offered(clinic, other)
    for new in (Newcomer(), taken):
        answer = await try_passphrase(clinic, who, known, new)
        assert (answer.status, answer.problem) == (404, "no-such-request")


async def test_a_name_belongs_to_one_person_of_a_practice(clinic: Clinic) -> None:
    who, other, far = (clinic.people[name] for name in ("A.client", "A.other_client", "B.client"))
    await newcomers.set_passphrase(clinic, who, "Ｒobin  ")
    body = SetPassphrase("robin", Id16(urandom(16)), Hash32(urandom(32)))
    taken = await clinic.line.ask(Ask("PUT", "/passphrase", body=body), other.token)
    assert (taken.status, taken.problem) == (409, "name-taken")
    assert (await clinic.line.ask(Ask("PUT", "/passphrase", body=body), far.token)).status == 204
    assert (await clinic.line.ask(Ask("PUT", "/passphrase", body=body), who.token)).status == 204
    blank = SetPassphrase(" \t", body.salt, body.auth)
    assert (await clinic.line.ask(Ask("PUT", "/passphrase", body=blank), who.token)).json()["what"] == "name"


async def test_a_passphrase_that_was_dropped_opens_nothing(clinic: Clinic) -> None:
    who = clinic.people["A.client"]
    new, session = await pending(clinic, who)
    for _ in range(2):
        await clinic.line.call(endpoints.drop_passphrase, token=who.token)
    assert (await clinic.line.ask(Ask("GET", "/person"), session.token)).status == 401
    body = SetPassphrase(who.name, Id16(bytes(16)), Hash32(bytes(32)))
    assert (await try_passphrase(clinic, who, body, new)).problem == "login-failed"


async def test_what_is_stored_is_a_slow_hash_and_a_folded_name(clinic: Clinic) -> None:
    known = await newcomers.set_passphrase(clinic, clinic.people["A.client"], "Robin  Vale")
    found = await clinic.operate.fetchrow("SELECT name, verifier FROM passphrase")
    assert found is not None
    assert found["name"] == "robin vale"
    assert found["verifier"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert known.auth.hex() not in found["verifier"]
    assert (PINNED.memory_kib, PINNED.passes, PINNED.lanes) == DERIVATION


async def test_nothing_slow_is_done_for_whoever_has_no_session(clinic: Clinic) -> None:
    """Tokens cost nothing to make up: each in a bucket of its own, they would fill the queue for all."""
    _, session = await pending(clinic, clinic.people["A.client"])
    runs = clinic.application.parts.hashing.runs
    body = SetPassphrase("robin", Id16(urandom(16)), Hash32(urandom(32)))
    made_up = b64(clinic.practices["A"] + urandom(32))
    for token, status in ((made_up, 401), (session.token, 403)):
        assert (await clinic.line.ask(Ask("PUT", "/passphrase", body=body), token)).status == status
    assert clinic.application.parts.hashing.runs == runs


async def test_a_flood_of_passphrases_waits_in_a_queue_that_ends() -> None:
    hashing = Hashing(at_once=1, queue=2)
    work = [asyncio.ensure_future(hashing.verifier(urandom(32))) for _ in range(5)]
    done = await asyncio.gather(*work, return_exceptions=True)
    assert [isinstance(one, Unavailable) for one in done] == [False, False, False, True, True]
    assert await hashing.matches(await hashing.verifier(bytes(32)), bytes(32))
    assert not await hashing.matches(None, bytes(32))
