"""The leak drill (S-23; G13, G23): planted words are in no log, no dump, no file, no answer, no number.

What a person writes, signs with, types or sends by mistake is planted, every kind of refusal is provoked,
and then all that the server and its database leave behind is searched in all the forms that bytes take.
"""

import io
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import structlog

from etherapy.binary import B64, b64
from etherapy.postgres import Postgres, find_binaries
from etherapy.protocol import endpoints
from etherapy.protocol.messages import AskPreview, SendMessage
from etherapy.server.settings import Settings
from etherapy.server.telemetry import Telemetry, configure
from etherapy.tep.envelope import parse_envelope
from tests.journeys.planted import forms_of, hits
from tests.postgres_fixture import wanted_major
from tests.server.asking import Ask
from tests.server.clinic import WORDS, Clinic
from tests.server.furnishing import Furnished
from tests.server.people import enrol, log_in, seal, send, somebody

WORD = "Canary7fQ2zebraHarbour"
"""In everything that is typed, sent by mistake or made up."""
TYPED = "Canary9kW4velvetOrchard"
"""In the text of a message alone."""


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the server tells its operator."""
    out, before = io.StringIO(), structlog.get_config()
    configure(out)
    yield out
    structlog.configure(**before)


@pytest.fixture
async def clinic(furnished: Furnished, tmp_path: Path, lines: io.StringIO) -> AsyncIterator[Clinic]:
    asked = Settings(limits=False, log_requests=True)
    async with furnished.open(tmp_path, telemetry=Telemetry(b"canaries"), settings=asked) as found:
        yield found


async def live(clinic: Clinic) -> None:
    """A message with the typed word, held, one placed, one taken back; a new person comes in."""
    talk, client = clinic.talks["A.client"], clinic.people["A.client"]
    await send(clinic.line, talk, client, seal(talk, client, f"waits: {TYPED}"))
    await send(clinic.line, talk, client, seal(talk, client, f"urgent: {TYPED}", urgent=True))
    message = seal(talk, client, f"taken back: {TYPED}")
    await send(clinic.line, talk, client, message)
    await clinic.take_back("A.client", talk, message)
    new = somebody("A.therapist_therapist", client.practice, clinic.now)
    await enrol(clinic.line, clinic.database, "https://therapy.example", new, clinic.now)
    await clinic.make_rounds()


async def provoke(clinic: Clinic) -> list[bytes]:
    """Every kind of refusal, with the word wherever a client can put one; what was answered."""
    token, talk = clinic.people["A.client"].token, clinic.talks["A.client"]
    thread = endpoints.send_message.fill({"thread": talk.thread})
    preview = endpoints.preview.fill({"thread": talk.thread})
    told = {
        "User-Agent": WORD,
        "X-Forwarded-For": WORD,
        "Cookie": f"a={WORD}",
        "Referer": f"https://{WORD}/",
        WORD: WORD,
    }
    planted = json.dumps({"envelope": b64(WORD.encode() * 9), "zone": WORD, WORD: WORD}).encode()
    asks = [
        Ask("GET", f"/{WORD}", f"{WORD}={WORD}"),
        Ask("GET", f"/threads/{WORD}/items"),
        Ask("GET", "/changes", f"after={WORD}"),
        Ask("GET", "/person", f"token={WORD}"),
        Ask("GET", f"/logs/{WORD}/leaves"),
        Ask("POST", thread, body=planted),
        Ask("POST", thread, body=WORD.encode()),
        Ask("POST", thread, body=SendMessage(B64(WORD.encode() * 40))),
        Ask("POST", preview, body=AskPreview(zone=WORD)),
        Ask("POST", "/chain", body=json.dumps({"link": b64(WORD.encode())}).encode()),
        Ask("PUT", "/rules", body=json.dumps({"follows": 0, "rules": [{"kind": WORD, WORD: WORD}]}).encode()),
        Ask(
            "POST", "/login", body=json.dumps({"practice": WORD, "device": WORD, "signature": WORD}).encode()
        ),
        Ask("DELETE", f"/threads/{WORD}"),
        Ask("OPTIONS", "/login"),
    ]
    found = []
    for ask in asks:
        for bearer in (token, None, WORD, WORD.ljust(64, "A")):
            headers = {**told, "Content-Type": "application/json" if "zone" not in ask.path else WORD}
            answer = await clinic.line.ask(ask, bearer, headers)
            assert answer.status >= 400, ask
            found += [answer.body, *(value.encode() for _, value in answer.headers)]
    for headers in ({"Accept": WORD}, {"Content-Encoding": WORD}, {"Expect": WORD}, {"Content-Type": WORD}):
        answer = await clinic.line.ask(Ask("POST", thread, body=planted), token, headers)
        found += [answer.body, *(value.encode() for _, value in answer.headers)]
    return found


async def metrics(clinic: Clinic) -> bytes:
    """What the health listener tells."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{clinic.service.health}/metrics") as answer,
    ):
        assert answer.status == 200
        return await answer.read()


def dumped(clinic: Clinic) -> bytes:
    """The whole database as text."""
    program = find_binaries(wanted_major()).program("pg_dump")
    done = subprocess.run([program, clinic.store.operate_dsn], capture_output=True, check=True)
    return done.stdout


def files_below(place: Path) -> dict[str, bytes]:
    """Every file below a directory, by its path."""
    return {str(path): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def database_log(postgres: Postgres) -> dict[str, bytes]:
    """What PostgreSQL itself wrote down in words."""
    found = {path.name: path.read_bytes() for path in postgres.data_dir.glob("postgres.log*")}
    assert found
    return found


def secret_bytes(clinic: Clinic) -> list[bytes]:
    """Keys and secrets that only people's devices hold: the server must not have them anywhere."""
    found = [piece for who in clinic.people.values() for piece in (who.keys.sign.seed, who.keys.hpke.seed)]
    return [
        *found,
        *(talk.secret for talk in clinic.talks.values()),
        *(offer.key.seed for offer in clinic.offers.values()),
    ]


async def test_nothing_that_was_written_is_anywhere_but_sealed(
    clinic: Clinic, lines: io.StringIO, tmp_path: Path
) -> None:
    """AT-64: the dump and the server's own files hold neither words nor keys that open them (S-23)."""
    await live(clinic)
    dump = dumped(clinic)
    places = {
        "dump": dump,
        "log": lines.getvalue().encode(),
        "metrics": await metrics(clinic),
        **files_below(tmp_path),
    }
    assert not hits([TYPED, WORDS, "dream about the harbour"], places)
    assert not hits(secret_bytes(clinic), places)
    sealed = clinic.sent["A.client held"].envelope
    assert sealed.hex().encode() in dump


async def test_tokens_are_nowhere(clinic: Clinic, lines: io.StringIO, tmp_path: Path) -> None:
    await live(clinic)
    fresh = await log_in(clinic.line, "https://therapy.example", clinic.people["A.therapist"])
    tokens = [fresh.token, *(who.token for who in clinic.people.values())]
    places = {
        "dump": dumped(clinic),
        "log": lines.getvalue().encode(),
        "metrics": await metrics(clinic),
        **files_below(tmp_path),
    }
    assert not hits(tokens, places)
    assert not hits([token[22:] for token in tokens], places), "nor their secret part alone"


async def test_no_refusal_keeps_or_repeats_what_was_sent(
    clinic: Clinic, lines: io.StringIO, postgres: Postgres, tmp_path: Path
) -> None:
    answers = await provoke(clinic)
    places = {
        "answers": b"\n".join(answers),
        "dump": dumped(clinic),
        "log": lines.getvalue().encode(),
        "metrics": await metrics(clinic),
        **files_below(tmp_path),
        **database_log(postgres),
    }
    assert not hits([WORD], places)
    assert len(lines.getvalue().splitlines()) > 50


async def test_a_log_line_names_nobody(clinic: Clinic, lines: io.StringIO) -> None:
    """No id of a person, thread, device or message, in any form; a practice only as a pseudonym (G23)."""
    await live(clinic)
    await provoke(clinic)
    ids = [
        piece
        for who in clinic.people.values()
        for piece in (who.practice, who.account, who.keys.device_id, who.chain.chain_id)
    ]
    ids += [talk.thread for talk in clinic.talks.values()]
    ids += [parse_envelope(sealed.envelope).header.mid for sealed in clinic.sent.values()]
    text = lines.getvalue()
    places = {"log": text.encode(), "metrics": await metrics(clinic)}
    assert not hits(ids, places)
    assert not hits([str(uuid) for uuid in map(_uuid, ids)], places)
    assert not re.search(
        r"127\.0\.0\.1|::1", text.replace(clinic.service.public, "").replace(clinic.service.health, "")
    )


def _uuid(data: bytes) -> str:
    text = data[:16].hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


async def test_a_fault_of_ours_tells_no_value(clinic: Clinic, lines: io.StringIO, postgres: Postgres) -> None:
    """A unique violation, whose text and detail hold the row, comes out as names of a fault and frames."""
    source = await clinic.operate.fetchval("SELECT pg_get_functiondef('read_person'::regproc)")
    await clinic.execute(
        source.replace(
            "RETURN QUERY",
            f"RAISE EXCEPTION '{WORD} %', me.account_id USING DETAIL = '{WORD}'; RETURN QUERY",
            1,
        )
    )
    who = clinic.people["A.client"]
    answer = await clinic.line.ask(Ask("GET", "/person"), who.token)
    assert answer.status == 500
    places = {"answer": answer.body, "log": lines.getvalue().encode(), **database_log(postgres)}
    assert not hits([WORD, who.account, _uuid(who.account)], places)
    told = [json.loads(line) for line in lines.getvalue().splitlines()][-1]
    assert told["status"] == 500 and told["error"].endswith("StoreFault") and told["frames"]


async def test_a_word_that_was_planted_on_purpose_is_found(
    clinic: Clinic, lines: io.StringIO, tmp_path: Path
) -> None:
    """The control: in each place that is searched, in each form that is looked for."""
    await live(clinic)
    (tmp_path / "stray").mkdir()
    for form, data in forms_of(WORD.encode()).items():
        (tmp_path / "stray" / form).write_bytes(os.urandom(64) + data + os.urandom(64))
    found = hits([WORD], files_below(tmp_path / "stray"))
    assert {hit.form for hit in found} >= set(forms_of(WORD.encode()))
    await clinic.operate.execute(
        "UPDATE practice SET name = $1 WHERE practice_id = $2", WORD, clinic.practices["A"]
    )
    await clinic.operate.execute(
        "UPDATE message SET envelope = $1 WHERE mid = $2", TYPED.encode(), clinic.sent["A.client held"].mid
    )
    structlog.get_logger().info("request", endpoint=WORD)
    where = {
        (hit.word, hit.where)
        for hit in hits([WORD, TYPED], {"dump": dumped(clinic), "log": lines.getvalue().encode()})
    }
    assert where == {(repr(WORD), "dump"), (repr(WORD), "log"), (repr(TYPED), "dump")}
