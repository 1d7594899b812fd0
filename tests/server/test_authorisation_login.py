"""Login tells nothing but yes or no: not who exists, not what was wrong (G15, tep.md test 11 and 65)."""

import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import msgspec

from etherapy.binary import B64, Hash32, Id16
from etherapy.protocol import endpoints
from etherapy.protocol.people import AskChallenge, Login
from etherapy.server.settings import Settings
from etherapy.tep.login import challenge_bytes
from tests.server.asking import Answer, Ask, shape
from tests.server.clinic import ORIGIN, Clinic
from tests.server.furnishing import Furnished
from tests.server.matrix import fingerprint, plant
from tests.server.people import challenged

LOGIN, CHALLENGE = endpoints.login.path, endpoints.ask_challenge.path
Wrong = Callable[[Clinic], Awaitable[Login]]
WRONG: dict[str, Wrong] = {}


async def right(clinic: Clinic, name: str = "A.client") -> Login:
    return await challenged(clinic.line, ORIGIN, clinic.people[name])


async def signed(clinic: Clinic, name: str, origin: str = ORIGIN, **changed: object) -> Login:
    """A login that is changed and then signed as it stands."""
    body = msgspec.structs.replace(await right(clinic, name), **changed)
    signature = clinic.people[name].keys.sign.sign(challenge_bytes(origin, body.nonce, body.time))
    return msgspec.structs.replace(body, signature=B64(signature))


def wrong(reason: str) -> Callable[[Wrong], Wrong]:
    def keep(maker: Wrong) -> Wrong:
        WRONG[reason] = maker
        return maker

    return keep


@wrong("unknown device")
async def _unknown_device(clinic: Clinic) -> Login:
    stranger = AskChallenge(Id16(clinic.practices["A"]), Id16(os.urandom(16)))
    found = await clinic.line.call(endpoints.ask_challenge, stranger)
    signature = clinic.people["A.client"].keys.sign.sign(challenge_bytes(ORIGIN, found.nonce, found.time))
    return Login(stranger.practice, stranger.device, found.nonce, found.time, B64(signature))


@wrong("unknown practice")
async def _unknown_practice(clinic: Clinic) -> Login:
    return msgspec.structs.replace(await right(clinic), practice=Id16(os.urandom(16)))


@wrong("device of another practice")
async def _of_another_practice(clinic: Clinic) -> Login:
    return msgspec.structs.replace(await right(clinic), practice=Id16(clinic.practices["B"]))


@wrong("revoked device")
async def _revoked(clinic: Clinic) -> Login:
    return await right(clinic, "A.gone_client")


@wrong("wrong signature")
async def _wrong_signature(clinic: Clinic) -> Login:
    body = await right(clinic)
    return msgspec.structs.replace(body, signature=B64(bytes([body.signature[0] ^ 1]) + body.signature[1:]))


@wrong("no signature")
async def _no_signature(clinic: Clinic) -> Login:
    return msgspec.structs.replace(await right(clinic), signature=B64(b""))


@wrong("signature by another device")
async def _by_another(clinic: Clinic) -> Login:
    body = await signed(clinic, "A.other_client")
    return msgspec.structs.replace(body, device=Id16(clinic.people["A.client"].keys.device_id))


@wrong("signed for another origin")
async def _other_origin(clinic: Clinic) -> Login:
    return await signed(clinic, "A.client", "https://therapy.example.net")


@wrong("stale challenge")
async def _stale(clinic: Clinic) -> Login:
    body = await right(clinic)
    await clinic.clock.turn_by(timedelta(seconds=61))
    return body


@wrong("challenge from ahead")
async def _ahead(clinic: Clinic) -> Login:
    body = await right(clinic)
    return await signed(clinic, "A.client", nonce=body.nonce, time=body.time + 1000)


@wrong("challenge made up")
async def _made_up(clinic: Clinic) -> Login:
    return await signed(clinic, "A.client", nonce=Hash32(os.urandom(32)))


@wrong("challenge for another device")
async def _for_another(clinic: Clinic) -> Login:
    other = await right(clinic, "A.other_client")
    return await signed(clinic, "A.client", nonce=other.nonce, time=other.time)


@wrong("time beyond all bounds")
async def _beyond(clinic: Clinic) -> Login:
    return msgspec.structs.replace(await right(clinic), time=2**63)


@wrong("time before all bounds")
async def _before(clinic: Clinic) -> Login:
    return msgspec.structs.replace(await right(clinic), time=-(2**62))


@wrong("replayed challenge")
async def _replayed(clinic: Clinic) -> Login:
    body = await right(clinic)
    assert (await clinic.line.ask(Ask("POST", LOGIN, body=body))).status == 201
    return body


@wrong("replayed after logging out")
async def _replayed_late(clinic: Clinic) -> Login:
    body = await right(clinic)
    session = await clinic.line.call(endpoints.login, body)
    await clinic.line.call(endpoints.logout, token=session.token)
    return body


async def test_whatever_is_wrong_the_answer_is_the_same(clinic: Clinic) -> None:
    """AT-11: another origin, older than a minute, replayed; AT-65."""
    answers: dict[str, Answer] = {}
    for reason, maker in WRONG.items():
        body = await maker(clinic)
        before = await fingerprint(clinic.operate, clinic.practices["A"])
        answers[reason] = await clinic.line.ask(Ask("POST", LOGIN, body=body))
        assert await fingerprint(clinic.operate, clinic.practices["A"]) == before, reason
    # whoever holds the key of a device that was taken out is told so; nobody else learns of it (see below)
    assert answers.pop("revoked device").problem == "device-revoked"
    assert {reason: (answer.status, answer.problem) for reason, answer in answers.items()} == dict.fromkeys(
        answers, (401, "login-failed")
    )
    assert len(set(answers.values())) == 1
    assert (await clinic.line.ask(Ask("POST", LOGIN, body=await right(clinic)))).status == 201


async def test_a_revoked_device_is_told_so_by_its_own_key_alone(clinic: Clinic) -> None:
    body = await signed(clinic, "A.gone_client")
    stranger = clinic.people["A.client"].keys.sign
    wrong = stranger.sign(challenge_bytes(ORIGIN, body.nonce, body.time))
    for signature in (wrong, bytes(64)):
        other = msgspec.structs.replace(body, signature=B64(signature))
        answer = await clinic.line.ask(Ask("POST", LOGIN, body=other))
        unknown = await clinic.line.ask(Ask("POST", LOGIN, body=await WRONG["unknown device"](clinic)))
        assert (answer.problem, answer) == ("login-failed", unknown)


async def test_a_challenge_has_one_shape_for_every_device(clinic: Clinic) -> None:
    practice, known = Id16(clinic.practices["A"]), clinic.people["A.client"].keys.device_id
    gone = clinic.people["A.gone_client"].keys.device_id
    asked = [(practice, known), (practice, gone), (practice, os.urandom(16)), (Id16(os.urandom(16)), known)]
    answers = [
        await clinic.line.ask(Ask("POST", CHALLENGE, body=AskChallenge(place, Id16(device))))
        for place, device in asked
    ]
    assert {(answer.status, answer.headers) for answer in answers} == {(200, answers[0].headers)}
    shapes = [(shape(answer.json()), len(answer.body)) for answer in answers]
    assert all(one == shapes[0] for one in shapes)


async def test_limits_tell_no_device_from_another(furnished: Furnished, tmp_path: Path) -> None:
    """A known device is refused after as many tries as one that does not exist (G15)."""
    async with furnished.open(tmp_path, settings=Settings(limits=True, limit_device=1.0)) as clinic:
        practice = Id16(clinic.practices["A"])
        devices = [
            clinic.people["A.client"].keys.device_id,
            clinic.people["A.gone_client"].keys.device_id,
            os.urandom(16),
        ]
        heard = []
        for device in devices:
            body = Login(practice, Id16(device), Hash32(bytes(32)), 0, B64(bytes(64)))
            heard.append([await clinic.line.ask(Ask("POST", LOGIN, body=body)) for _ in range(25)])
        assert heard[0] == heard[1] == heard[2]
        assert {answer.status for answer in heard[0]} == {401, 429}


async def test_an_answer_that_tells_of_devices_would_be_noticed(clinic: Clinic) -> None:
    """The control: a session opened for a revoked device makes one answer another."""
    await plant(clinic.operate, "find_device", "AND d.revoked_at IS NULL", "")
    await plant(clinic.operate, "open_session", "AND d.revoked_at IS NULL", "")
    answer = await clinic.line.ask(Ask("POST", LOGIN, body=await right(clinic, "A.gone_client")))
    assert answer.status == 201
