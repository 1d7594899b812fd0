"""Another message in the place of one that waits: all or nothing, never later, known to nobody else (A-4)."""

import asyncio
from dataclasses import replace as altered
from datetime import timedelta
from pathlib import Path

import pytest

from etherapy.binary import B64, b64
from etherapy.crypto.messages import seal_message
from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.messages import SendMessage
from etherapy.rules.calendar import milliseconds
from etherapy.server.keys import ServerSecrets, rotate_keys
from etherapy.tep import linking, payload
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.recall import RecallMode, parse_recall
from etherapy.tep.receipts import verify_receipt
from etherapy.tep.statements import State, StatusReason
from tests.server.asking import Ask
from tests.server.chains import at_device, grow, with_device
from tests.server.clinic import MORNING, NIGHT, ORIGIN, Clinic
from tests.server.company import company_of
from tests.server.furnishing import Furnished
from tests.server.instead import asked, look, promise_of, replace, replacing, status_of, waiting
from tests.server.matrix import fingerprint
from tests.server.people import Sealed, Somebody, Talk, log_in, seal, send

MINUTE = timedelta(minutes=1)


@pytest.fixture
def me(clinic: Clinic) -> Somebody:
    return clinic.people["A.client"]


@pytest.fixture
def talk(clinic: Clinic) -> Talk:
    return clinic.talks["A.client"]


@pytest.fixture
def held(clinic: Clinic) -> Sealed:
    """Accepted at NIGHT, promised for MORNING."""
    return clinic.sent["A.client held"]


async def read(clinic: Clinic, talk: Talk) -> list[bytes]:
    """What the therapist reads, envelopes in order."""
    token = clinic.people[talk.therapist].token
    page = await clinic.line.call(endpoints.read_page, token=token, thread=talk.thread)
    return [bytes(one.item) for one in page.items if one.item is not None]


async def set_rules(clinic: Clinic, *rules: dict[str, object]) -> None:
    token = clinic.people["A.therapist"].token
    version = (await clinic.line.call(endpoints.read_own_rules, token=token)).version
    await clinic.line.call(endpoints.set_own_rules, SetRules(version, list(rules)), token=token)


def open_on(*days: str) -> dict[str, object]:
    windows = [{"days": list(days), "start": "09:00", "end": "17:00"}]
    return {"kind": "window.weekly", "zone": "America/New_York", "windows": windows}


async def test_the_promise_keeps_the_first_time_and_says_so(
    clinic: Clinic, me: Somebody, talk: Talk, held: Sealed
) -> None:
    """AT-89: counted_from stays, the times stay, the decision is honest about both."""
    first = promise_of((await look(clinic, me, talk, held)).receipt)
    await clinic.clock.turn_to(NIGHT + MINUTE)
    new = seal(talk, me, "better words")
    sent = await replace(clinic, me, talk, held, new)
    promise = promise_of(sent.receipt)
    assert promise.counted_from == first.accepted_at == milliseconds(NIGHT)
    assert (promise.accepted_at, promise.rev) == (milliseconds(NIGHT + MINUTE), 0)
    assert (promise.release_at, promise.reply_by) == (first.release_at, first.reply_by)
    assert (promise.mid, promise.item_hash) == (new.mid, new.item_hash)
    assert verify_receipt(sent.receipt, clinic.secrets.known.receipt_keys()) == promise
    assert sent.state.state == "held" and sent.decision.accepted_at == NIGHT + MINUTE
    assert "kept_first_time" in {reason.words for reason in sent.decision.because}
    assert any("takes the place of your earlier message" in line for line in sent.words.lines)


async def test_the_old_one_is_replaced_with_a_signed_status_and_the_new_one_waits(
    clinic: Clinic, me: Somebody, talk: Talk, held: Sealed
) -> None:
    body = replacing(me.keys.sign, talk.thread, held, new := seal(talk, me, "better words"), clinic.now)
    await clinic.line.call(endpoints.replace_message, body, token=me.token, thread=talk.thread)
    assert set(await waiting(clinic, me, talk)) == {new.mid}
    old = await look(clinic, me, talk, held)
    status = status_of(old.state.status)
    assert old.state.state == "replaced"
    assert (status.state, status.reason) == (State.REPLACED, StatusReason.SENDER)
    assert (status.mid, status.item_hash) == (held.mid, held.item_hash)
    assert status.cause == parse_recall(body.recall).recall_hash
    before = await read(clinic, talk)
    await clinic.clock.turn_to(MORNING)
    clinic.settle(await log_in(clinic.line, ORIGIN, clinic.people[talk.therapist]))
    assert await read(clinic, talk) == [*before, new.envelope]


async def test_the_same_again_gets_the_same_answer(
    clinic: Clinic, me: Somebody, talk: Talk, held: Sealed
) -> None:
    body = replacing(me.keys.sign, talk.thread, held, seal(talk, me, "better words"), clinic.now)
    first, *others = await asyncio.gather(*(asked(clinic, me, talk, body) for _ in range(4)))
    await clinic.clock.turn_to(NIGHT + MINUTE)
    late = await asked(clinic, me, talk, body)
    for again in (*others, late):
        assert (again.status, again.json()["receipt"]) == (200, first.json()["receipt"])
        assert again.json()["decision"] == first.json()["decision"]
    assert dict(late.headers)["Etherapy-Repeated"] == "true"
    found = await clinic.operate.fetch("SELECT state FROM message WHERE thread_id = $1", talk.thread)
    assert sorted(one["state"] for one in found) == [
        "held",
        "placed",
        "placed",
        "placed",
        "recalled",
        "replaced",
    ]


async def test_whoever_replaces_what_was_placed_meanwhile_gets_its_entry(
    clinic: Clinic, me: Somebody, talk: Talk, held: Sealed
) -> None:
    """AT-86, AT-88"""
    await clinic.clock.turn_to(MORNING)
    me = clinic.settle(await log_in(clinic.line, ORIGIN, me))
    body = replacing(me.keys.sign, talk.thread, held, seal(talk, me, "too late"), clinic.now)
    answer = await asked(clinic, me, talk, body)
    assert (answer.status, answer.problem) == (409, "already-placed")


async def test_a_replacement_with_another_header_is_refused_and_changes_nothing(
    clinic: Clinic, me: Somebody, talk: Talk, held: Sealed
) -> None:
    """AT-88, AT-104: another thread, another class, bytes or id of another message, not what was signed."""
    other_talk, key = clinic.talks["A.other_client"], me.keys.sign
    placed = clinic.sent["A.client placed"]
    good = seal(talk, me, "better words")
    letter = seal(talk, me, "a letter", service_class=4)
    foreign = seal(other_talk, clinic.people["A.other_client"], "elsewhere")
    of = clinic.now
    wrong = {
        "class": (replacing(key, talk.thread, held, letter, of), 422),
        "another thread in the envelope": (replacing(key, talk.thread, held, foreign, of), 422),
        "another thread in the recall": (
            replacing(key, talk.thread, held, good, of, thread=other_talk.thread),
            422,
        ),
        "bytes of an accepted message": (replacing(key, talk.thread, held, placed, of), 409),
        "not the bytes that were signed for": (
            replacing(key, talk.thread, held, good, of, new_item_hash=letter.item_hash),
            422,
        ),
        "not the old message": (replacing(key, talk.thread, held, good, of, item_hash=placed.item_hash), 404),
        "a message of nobody": (replacing(key, talk.thread, held, good, of, mid=bytes(16)), 404),
        "a message that is placed": (replacing(key, talk.thread, placed, good, of), 409),
        "one that was taken back": (
            replacing(key, talk.thread, clinic.sent["A.client recalled"], good, of),
            409,
        ),
        "a signature of somebody else": (
            replacing(clinic.people["A.other_client"].keys.sign, talk.thread, held, good, of),
            422,
        ),
    }
    before = await fingerprint(clinic.operate, me.practice)
    for why, (body, status) in wrong.items():
        answer = await asked(clinic, me, talk, body)
        assert answer.status == status, (why, answer)
        assert await fingerprint(clinic.operate, me.practice) == before, why
    assert (await asked(clinic, me, talk, replacing(key, talk.thread, held, good, of))).status == 200


async def test_a_recall_is_no_replacement_and_a_replacement_no_recall(
    clinic: Clinic, me: Somebody, talk: Talk, held: Sealed
) -> None:
    body = replacing(me.keys.sign, talk.thread, held, seal(talk, me, "better words"), clinic.now)
    endpoint = endpoints.recall_message
    ask = Ask(endpoint.method, endpoint.fill({"thread": talk.thread}), body={"recall": body.recall})
    answer = await clinic.line.ask(ask, me.token)
    assert (answer.status, answer.problem) == (422, "unverified")
    assert parse_recall(body.recall).recall.mode == RecallMode.REPLACE
    assert set(await waiting(clinic, me, talk)) == {held.mid}


async def test_narrower_hours_do_not_move_a_replacement_later(
    clinic: Clinic, me: Somebody, talk: Talk, held: Sealed
) -> None:
    """AT-89: the old time binds; a new message would wait until Wednesday."""
    await set_rules(clinic, open_on("wed"))
    sent = await replace(clinic, me, talk, held, seal(talk, me, "better words"))
    assert sent.decision.release_at == MORNING == sent.decision.recall_until
    assert promise_of(sent.receipt).release_at == milliseconds(MORNING)
    await clinic.clock.turn_to(MORNING)
    clinic.settle(await log_in(clinic.line, ORIGIN, clinic.people[talk.therapist]))
    assert promise_of(sent.receipt).item_hash == parse_envelope((await read(clinic, talk))[-1]).item_hash


async def test_an_urgent_replacement_is_placed_at_once_and_alone(
    clinic: Clinic, me: Somebody, talk: Talk, held: Sealed
) -> None:
    """AT-89: its own time alone; the reply time is the earlier of both."""
    beside = await clinic.say("A.client", "beside", talk)
    first = promise_of((await look(clinic, me, talk, held)).receipt)
    await clinic.clock.turn_to(NIGHT + MINUTE)
    urgent = seal(talk, me, "now, please", urgent=True)
    sent = await replace(clinic, me, talk, held, urgent)
    promise = promise_of(sent.receipt)
    assert (sent.state.state, sent.decision.code) == ("placed", "urgent")
    assert promise.counted_from == milliseconds(NIGHT) and promise.release_at == promise.accepted_at
    assert promise.reply_by <= first.reply_by
    still = await look(clinic, me, talk, beside)
    assert promise_of(still.receipt).release_at == milliseconds(MORNING) and still.state.promise is None


async def test_any_device_of_the_account_may_sign_also_the_recovery_device(
    clinic: Clinic, me: Somebody, talk: Talk, held: Sealed
) -> None:
    assert me.recovery is not None
    body = replacing(me.recovery.sign, talk.thread, held, seal(talk, me, "by the code"), clinic.now)
    assert (await asked(clinic, me, talk, body)).status == 200


async def test_a_revoked_device_signs_nothing_more_but_what_it_did_stays(
    clinic: Clinic, me: Somebody, talk: Talk, held: Sealed
) -> None:
    """Neither in mode 1 nor in mode 2; a repetition of what counted before gets its answer."""
    beside = await clinic.say("A.client", "beside", talk)
    me, lost = await with_device(clinic, me)
    done = replacing(lost.sign, talk.thread, held, seal(talk, me, "in time"), clinic.now)
    assert (first := await asked(clinic, me, talk, done)).status == 200
    late = replacing(lost.sign, talk.thread, beside, seal(talk, me, "too late"), clinic.now)
    revoke = linking.revoke_device(me.chain, me.keys.sign, lost.device_id, milliseconds(clinic.now))
    me = await grow(clinic, me, revoke)
    answer = await asked(clinic, me, talk, late)
    assert (answer.status, answer.json()["what"]) == (422, "device")
    assert (await asked(clinic, me, talk, done)).json()["receipt"] == first.json()["receipt"]
    assert beside.mid in await waiting(clinic, me, talk)


async def test_a_sibling_device_hands_in_what_another_sealed(
    clinic: Clinic, me: Somebody, talk: Talk, held: Sealed
) -> None:
    me, keys = await with_device(clinic, me)
    sibling = await at_device(clinic, me, keys)
    body = replacing(sibling.keys.sign, talk.thread, held, seal(talk, me, "by both"), clinic.now)
    assert (await asked(clinic, sibling, talk, body)).status == 200


async def test_a_message_returns_the_first_receipt_a_year_later_byte_for_byte(
    furnished: Furnished, tmp_path: Path
) -> None:
    """AT-103: after a re-promise, the placing, a year, and a rotation of the server's keys."""
    path, year = tmp_path / "keys" / "server.json", NIGHT + timedelta(days=365)
    secrets = ServerSecrets.create(path, ORIGIN, NIGHT, until=year + timedelta(days=1))
    async with altered(furnished, secrets=secrets).open(tmp_path) as clinic:
        me, talk = clinic.people["A.client"], clinic.talks["A.client"]
        message = seal(talk, me, "kept for good")
        first = await send(clinic.line, talk, me, message)
        early = {"days": ["mon"], "start": "07:00", "end": "17:00"}
        await set_rules(clinic, open_on("mon") | {"windows": [early]})
        revised = (await look(clinic, me, talk, message)).state.promise
        assert revised is not None and promise_of(revised).rev == 1
        await clinic.clock.turn_to(year)
        rotate_keys(path, year, overlap=timedelta(0))
        assert secrets.take_up(path)
        me = await log_in(clinic.line, ORIGIN, me)
        late = await send(clinic.line, talk, me, message)
        assert (late.receipt, late.decision) == (first.receipt, first.decision)
        assert (late.state.state, late.state.promise) == ("placed", revised)
        assert verify_receipt(late.receipt, secrets.known.receipt_keys()) == promise_of(first.receipt)
        answer = await clinic.line.ask(sending(talk, with_mid(talk, me, message.mid)), me.token)
        assert (answer.status, answer.problem) == (409, "mid-taken")


async def test_a_mid_is_free_until_a_message_is_accepted_under_it(
    clinic: Clinic, me: Somebody, talk: Talk
) -> None:
    """AT-102, AT-104: what comes under an old epoch is not stored; sealed again, the mid is taken once."""
    company = company_of(clinic)
    first = seal(talk, me, "under the old epoch")
    assert (await company.commit("A.therapist")).status == 201
    before = await fingerprint(clinic.operate, me.practice)
    refused = await clinic.line.ask(sending(talk, first.envelope), me.token)
    assert (refused.status, refused.problem) == (409, "stale-epoch")
    assert await fingerprint(clinic.operate, me.practice) == before
    again = with_mid(company.talk, me, first.mid)
    taken = await clinic.line.ask(sending(talk, again), me.token)
    assert taken.status == 200
    late = await clinic.line.ask(sending(talk, first.envelope), me.token)
    assert (late.status, late.problem) == (409, "mid-taken")
    assert late.json()["item_hash"] == b64(parse_envelope(again).item_hash)
    assert (await clinic.line.ask(sending(talk, again), me.token)).json()["receipt"] == taken.json()[
        "receipt"
    ]


async def test_what_is_refused_leaves_no_row_no_mid_and_no_leaf(
    clinic: Clinic, me: Somebody, talk: Talk
) -> None:
    """AT-104: by a wrong signature, into a closed thread."""
    good = seal(talk, me, "words")
    forged = good.envelope[:160] + bytes([good.envelope[160] ^ 1]) + good.envelope[161:]
    before = await fingerprint(clinic.operate, me.practice)
    assert (await clinic.line.ask(sending(talk, forged), me.token)).status == 422
    assert await fingerprint(clinic.operate, me.practice) == before
    await clinic.operate.execute("UPDATE thread SET is_open = false WHERE thread_id = $1", talk.thread)
    before = await fingerprint(clinic.operate, me.practice)
    answer = await clinic.line.ask(sending(talk, good.envelope), me.token)
    assert (answer.status, answer.problem) == (409, "thread-closed")
    assert await fingerprint(clinic.operate, me.practice) == before


def sending(talk: Talk, envelope: bytes) -> Ask:
    endpoint = endpoints.send_message
    return Ask(endpoint.method, endpoint.fill({"thread": talk.thread}), body=SendMessage(B64(envelope)))


def with_mid(talk: Talk, by: Somebody, mid: bytes) -> bytes:
    """Another message under a mid that is known."""
    said = payload.Payload(payload.Kind.TEXT, "the same words", 0, payload.View(0, bytes(32), 1, bytes(32)))
    return seal_message(said, secret=talk.secret, commit=talk.commit, key=by.keys.sign, mid=mid)
