"""Bad input gets a clear problem, changes nothing, and never makes a 5xx (issue 2 item 8; G26)."""

import json
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etherapy.binary import B64, b64
from etherapy.crypto.epochs import new_epoch
from etherapy.postgres import Postgres, find_binaries
from etherapy.postgres.databases import create_database
from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.messages import AskPreview, Recall, SendMessage
from etherapy.protocol.people import AddLink
from etherapy.protocol.strict_json import write_json
from etherapy.protocol.threads import Commit
from etherapy.server.keys import ServerSecrets
from etherapy.store.migrate import migrate
from etherapy.tep import epoch as tep
from etherapy.tep.chain import Chain
from etherapy.tep.placing import thread_start
from tests.postgres_fixture import store_named, wanted_major
from tests.server.asking import Answer, Ask
from tests.server.asks import WHOLE_TABLE, make
from tests.server.clinic import NIGHT, ORIGIN, Clinic, recall_of, running
from tests.server.expectations import ROWS
from tests.server.furnishing import Furnished
from tests.server.garbage import TRICKY, spoiled, spoiled_path
from tests.server.matrix import fingerprint, plant
from tests.server.people import seal

EACH_ENDPOINT = 60
"""Examples of garbage for each endpoint."""


@pytest.fixture(scope="module")
async def clinic(furnished: Furnished, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Clinic]:
    async with furnished.open(tmp_path_factory.mktemp("bad")) as found:
        yield found


@dataclass(frozen=True, slots=True)
class Bad:
    """What is sent by whom, and which problem it is."""

    caller: str
    ask: Ask
    status: int
    problem: str
    members: dict[str, str]


def flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def send(clinic: Clinic, envelope: bytes, zone: str = "") -> Ask:
    path = endpoints.send_message.fill({"thread": clinic.talks["A.client"].thread})
    return Ask("POST", path, body=SendMessage(B64(envelope), zone))


def rules(*documents: dict[str, Any]) -> Ask:
    return Ask("PUT", "/rules", body=SetRules(0, list(documents)))


def week(start: str, end: str, **more: str) -> dict[str, Any]:
    return {"kind": "window.weekly", "windows": [{"days": ["mon"], "start": start, "end": end}], **more}


def commit(
    clinic: Clinic, *, without_recovery: bool = False, stranger: bool = False, alone: bool = False
) -> Ask:
    """The next epoch of `A.client`'s thread with a roster that is wrong."""
    talk = clinic.talks["A.client"]
    therapist, client = clinic.people[talk.therapist], clinic.people["A.client"]
    chain = Chain.begin(client.links[0]) if without_recovery else client.chain
    members = [(therapist.chain, tep.Role.THERAPIST), (chain, tep.Role.CLIENT)]
    if stranger:
        members.append((clinic.people["A.other_client"].chain, tep.Role.FAMILY))
    if alone:
        members = members[:1]
    whole, _ = new_epoch(
        members,
        therapist.keys,
        thread=talk.thread,
        epoch=1,
        reason=tep.CommitReason.REQUEST,
        charter_hash=talk.charter_hash,
        view=(0, thread_start(talk.thread, talk.home)),
        home=talk.home,
        prev=talk.commit.commit_hash,
    )
    return Ask("POST", endpoints.commit_epoch.fill({"thread": talk.thread}), body=Commit(B64(whole)))


def cases(clinic: Clinic) -> dict[str, Bad]:
    """Every named case of bad input, against a clinic at rest."""
    talk, who = clinic.talks["A.client"], clinic.people["A.client"]
    good = seal(talk, who, "good").envelope
    preview = endpoints.preview.fill({"thread": talk.thread})
    recalls = endpoints.recall_message.fill({"thread": talk.thread})
    recall = recall_of(who, talk.thread, clinic.sent["A.client held"], clinic.now)
    wire = write_json(SendMessage(B64(good)))
    path = send(clinic, good).path

    def bad(ask: Ask, status: int, problem: str, caller: str = "A.client", **members: str) -> Bad:
        return Bad(caller, ask, status, problem, members)

    therapist = "A.therapist"
    return {
        "unknown zone in rules": bad(
            rules(week("09:00", "17:00", zone="Mars/Olympus")), 422, "bad-rules", therapist
        ),
        "no zone but a path": bad(
            rules(week("09:00", "17:00", zone="../../etc/passwd")), 422, "bad-rules", therapist
        ),
        "unknown zone in a preview": bad(
            Ask("POST", preview, body=AskPreview(zone="Mars/Olympus")), 422, "bad-rules", field="zone"
        ),
        "unknown zone in a send": bad(send(clinic, good, "Mars/Olympus"), 422, "bad-rules", field="zone"),
        "a window that ends when it starts": bad(rules(week("09:00", "09:00")), 422, "bad-rules", therapist),
        "a wall time that is none": bad(rules(week("09:00", "25:00")), 422, "bad-rules", therapist),
        "an unknown kind of rule": bad(
            rules({"kind": "window.lunar"}), 422, "bad-rules", therapist, field="kind"
        ),
        "an envelope cut short": bad(send(clinic, good[:-1]), 400, "bad-format"),
        "an envelope with a byte behind": bad(send(clinic, good + b"\0"), 400, "bad-format"),
        "no envelope": bad(send(clinic, b""), 400, "bad-format"),
        "an envelope of another version": bad(send(clinic, flip(good, 0)), 400, "bad-format", what="version"),
        "a reserved bit": bad(send(clinic, flip(good, 6)), 400, "bad-format", what="reserved"),
        "a nonce that was changed": bad(send(clinic, flip(good, 70)), 422, "unverified", what="signature"),
        "a ciphertext that was changed": bad(
            send(clinic, flip(good, 300)), 422, "unverified", what="signature"
        ),
        "a signature that was changed": bad(
            send(clinic, flip(good, 160)), 422, "unverified", what="signature"
        ),
        "an urgency that was put on": bad(send(clinic, flip(good, 5)), 422, "unverified", what="signature"),
        "a recall cut short": bad(Ask("POST", recalls, body=Recall(B64(recall[:-1]))), 400, "bad-format"),
        "a recall that was changed": bad(
            Ask("POST", recalls, body=Recall(B64(flip(recall, 127)))), 422, "unverified", what="signature"
        ),
        "a link that is none": bad(Ask("POST", "/chain", body=AddLink(B64(b"\xa0"))), 400, "bad-format"),
        "a genesis as a further link": bad(
            Ask("POST", "/chain", body=AddLink(B64(who.links[0]))), 422, "unverified"
        ),
        "a commit that is none": bad(replace(commit(clinic), body=Commit(B64(b"\xa0"))), 400, "bad-format"),
        "a roster without the recovery device": bad(
            commit(clinic, without_recovery=True), 422, "unverified", therapist
        ),
        "a roster with a stranger": bad(commit(clinic, stranger=True), 422, "unverified", therapist),
        "a roster without the client": bad(commit(clinic, alone=True), 422, "unverified", therapist),
        "a commit by somebody else's device": bad(commit(clinic), 422, "unverified"),
        "a body that is too large": bad(
            Ask("POST", path, body=b'{"envelope":"' + b"A" * 262_200 + b'"}'), 413, "too-large"
        ),
        "a body too large for what is small": bad(
            Ask("POST", preview, body=b'{"zone":"' + b"A" * 65_600 + b'"}'), 413, "too-large"
        ),
        "a key twice": bad(
            Ask("POST", path, body=wire[:-1] + b',"zone":""}'), 400, "bad-json", fault="duplicate key"
        ),
        "an unknown field": bad(
            Ask("POST", path, body=wire[:-1] + b',"to":"x"}'), 422, "invalid", fault="unknown field"
        ),
        "a number for a text": bad(Ask("POST", preview, body=b'{"zone":1}'), 422, "invalid", at="$.zone"),
        "padding in a binary field": bad(Ask("POST", path, body=b'{"envelope":"AAA="}'), 422, "invalid"),
        "the other alphabet": bad(Ask("POST", path, body=b'{"envelope":"++//"}'), 422, "invalid"),
        "trailing bits": bad(Ask("POST", path, body=b'{"envelope":"AB"}'), 422, "invalid"),
        "no JSON": bad(Ask("POST", path, body=b"{"), 400, "bad-json"),
        "no UTF-8": bad(Ask("POST", path, body=b'{"zone":"\xff"}'), 400, "bad-json"),
        "a NUL in a text": bad(Ask("POST", preview, body=b'{"zone":"\\u0000"}'), 400, "bad-json"),
        "too deep": bad(
            Ask("PUT", "/rules", body=b'{"follows":0,"rules":' + b"[" * 20 + b"]" * 20 + b"}"),
            400,
            "bad-json",
            therapist,
        ),
        "a token in the query": bad(Ask("GET", "/person", "access_token=x"), 400, "misplaced-token"),
        "an unknown parameter": bad(Ask("GET", "/changes", "everything=1"), 422, "invalid"),
        "a page of none": bad(Ask("GET", "/changes", "limit=0"), 422, "invalid", at="$.limit"),
        "a page too large": bad(Ask("GET", "/changes", "limit=101"), 422, "invalid", at="$.limit"),
        "an id that cannot be one": bad(
            Ask("GET", f"/threads/{b64(talk.thread)}A/items"), 404, "no-such-place"
        ),
        "a log that there is not": bad(Ask("GET", "/logs/secrets/leaves"), 404, "no-such-log"),
        "stale rules": bad(Ask("PUT", "/rules", body=SetRules(7, [])), 409, "stale-version", therapist),
    }


async def test_each_named_case_gets_its_problem_and_changes_nothing(clinic: Clinic) -> None:
    before = await fingerprint(clinic.operate, clinic.practices["A"])
    for name, bad in cases(clinic).items():
        answer = await clinic.line.ask(bad.ask, clinic.people[bad.caller].token)
        assert (answer.status, answer.problem) == (bad.status, bad.problem), (name, answer)
        said = answer.json()
        assert said.items() >= bad.members.items(), (name, said)
        assert said["title"] and said["request_id"], name
        assert await fingerprint(clinic.operate, clinic.practices["A"]) == before, name


async def test_a_refusal_repeats_nothing_that_was_sent(clinic: Clinic) -> None:
    word = "Qx7planted"
    for ask in (
        Ask("POST", "/chain", body=json.dumps({"link": word, word: 1}).encode()),
        Ask("GET", "/changes", f"{word}={word}"),
        Ask("GET", f"/{word}/{word}"),
        rules({"kind": word}),
        rules(week(word, word)),
        rules(week("09:00", "17:00", zone=word)),
        Ask(
            "POST",
            endpoints.preview.fill({"thread": clinic.talks["A.client"].thread}),
            body=AskPreview(zone=word),
        ),
    ):
        answer = await clinic.line.ask(ask, clinic.people["A.therapist"].token)
        assert 400 <= answer.status < 500
        assert word.encode() not in answer.body, answer.body
        assert not [value for _, value in answer.headers if word in value]


async def test_a_compressed_body_is_refused_before_it_is_unpacked(clinic: Clinic) -> None:
    who = clinic.people["A.client"]
    body = zlib.compress(b"0" * 50_000_000)
    for coding in ("gzip", "deflate", "br", "identity"):
        ask = Ask("POST", send(clinic, b"").path, body=body)
        answer = await clinic.line.ask(ask, who.token, {"Content-Encoding": coding})
        assert (answer.status, answer.problem) == (415, "wrong-media")


@pytest.mark.parametrize("name", sorted(name for name, each in WHOLE_TABLE.items() if each.query is not None))
async def test_no_query_makes_a_fault(clinic: Clinic, name: str) -> None:
    endpoint = WHOLE_TABLE[name]
    caller = next(f"A.{role}" for role, status in ROWS[name].good.items() if status < 300)
    who = clinic.people[caller]
    asked = (await make(clinic, name, who)).ask
    fields = [one.name for one in msgspec.structs.fields(endpoint.query)]  # type: ignore[arg-type]  # chosen for having one
    for value in TRICKY:
        text = quote(value[:100] if isinstance(value, str) else json.dumps(value), safe="")
        for field in fields:
            others = "&".join(f"{each}=1" for each in fields if each != field and name.startswith("prove"))
            answer = await clinic.line.ask(
                replace(asked, query=f"{field}={text}" + (f"&{others}" if others else "")), who.token
            )
            assert answer.status < 500, (field, value, answer)


@pytest.fixture(scope="module")
async def goods(clinic: Clinic) -> dict[str, tuple[str, Ask, Any]]:
    """For each endpoint a caller who may, a good request, and its body as plain JSON."""
    found = {}
    for name in sorted(WHOLE_TABLE):
        caller = next(f"A.{role}" for role, status in ROWS[name].good.items() if status < 300)
        ask = (await make(clinic, name, clinic.people[caller])).ask
        found[name] = (caller, ask, None if ask.body is None else json.loads(write_json(ask.body)))
    return found


@pytest.mark.parametrize(
    "name", sorted(name for name, each in WHOLE_TABLE.items() if each.takes or each.parameters)
)
@settings(
    max_examples=EACH_ENDPOINT,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_no_garbage_makes_a_fault(
    clinic: Clinic, goods: dict[str, tuple[str, Ask, Any]], name: str, data: st.DataObject
) -> None:
    caller, ask, body = goods[name]
    if body is not None and (not WHOLE_TABLE[name].parameters or data.draw(st.integers(0, 3))):
        ask = replace(ask, body=json.dumps(data.draw(spoiled(body))).encode())
    else:
        ask = replace(ask, path=data.draw(spoiled_path(ask.path)))
    answer = await clinic.line.ask(ask, clinic.people[caller].token)
    assert answer.status < 500, (name, ask, answer)
    assert answer.status < 400 or answer.problem


async def test_a_fault_by_garbage_would_be_found(
    furnished: Furnished, tmp_path: Path, goods: dict[str, tuple[str, Ask, Any]]
) -> None:
    """The control: a function that fails on something rare makes a 5xx, with nothing of it in the answer."""
    async with furnished.open(tmp_path) as clinic:
        await plant(clinic.operate, "read_sync", "RETURN QUERY", "PERFORM 1 / (p_after - 7); RETURN QUERY")
        who = clinic.people["A.client"]
        heard: Callable[[str], Any] = lambda query: clinic.line.ask(Ask("GET", "/changes", query), who.token)  # noqa: E731
        assert (await heard("after=6")).status == 200
        broken: Answer = await heard("after=7")
        assert (broken.status, broken.problem) == (500, "unexpected")
        assert set(broken.json()) == {"type", "title", "status", "request_id"}


async def test_a_stopped_database_is_said_and_nothing_is_taken(open_place: Path, tmp_path: Path) -> None:
    """503 with a time to come back while it is away; the same server answers again when it is there."""
    server = Postgres(open_place / "data", binaries=find_binaries(wanted_major())).start()
    try:
        await create_database(server, "away")
        store = store_named(server, "away")
        await migrate(store.operate_dsn)
        secrets = ServerSecrets.create(tmp_path / "server.json", ORIGIN, NIGHT)
        async with running(store, tmp_path, secrets, NIGHT) as clinic:
            token = b64(bytes(48))
            asks = [Ask("GET", "/person"), Ask("GET", "/changes"), rules()]
            assert [(await clinic.line.ask(ask, token)).problem for ask in asks] == ["no-session"] * 3
            server.stop()
            for ask in asks:
                answer = await clinic.line.ask(ask, token)
                assert (answer.status, answer.problem) == (503, "unavailable")
                assert int(dict(answer.headers)["Retry-After"]) > 0
            assert (await clinic.line.ask(Ask("GET", "/live"))).status == 200
            server = Postgres(open_place / "data", binaries=find_binaries(wanted_major())).start()
            assert (await clinic.line.ask(asks[0], token)).problem == "no-session"
    finally:
        server.stop()
