"""A supervisor asks everything there is and learns of no content, key, size or client (G10, D-17)."""

import json
from collections.abc import Iterator
from typing import Any

from etherapy.binary import unb64
from etherapy.store.connection import Connection
from etherapy.tep.envelope import parse_envelope
from tests.server.asking import Answer, Ask
from tests.server.asks import WHOLE_TABLE, Made, make
from tests.server.clinic import WORDS, Clinic
from tests.server.matrix import plant, tables_of_practices

SHOWN = {
    "log_leaf": {"data", "salt", "record"},
    "log": {"root", "checkpoint"},
    "log_node": {"hash"},
    "rule_set": {"rules"},
    "message": {"leaf_salt"},
    "account": {"chain_id", "chain_head"},
    "thread": {"rules_hash"},
    "practice": {"home"},
}
"""Columns of bytes that those who audit may see: logs, rules, pseudonyms and hashes that are in their leaves.

Of everything else, in whatever table, nothing may be seen.
"""
_HIDDEN = """
SELECT a.attname::text AS name FROM pg_attribute a
 WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
   AND a.atttypid = 'bytea'::regtype
"""


async def hidden_values(operate: Connection, practice: bytes, own: set[bytes]) -> dict[bytes, str]:
    """Everything a supervisor may not see, with the column it is in."""
    found: dict[bytes, str] = {}
    for table in await tables_of_practices(operate):
        for row in await operate.fetch(_HIDDEN, table):
            if row["name"] not in SHOWN.get(table, ()):
                column = row["name"]
                rows = await operate.fetch(
                    f"SELECT {column} AS v FROM {table} WHERE practice_id = $1", practice
                )
                found |= {one["v"]: f"{table}.{column}" for one in rows if one["v"] and len(one["v"]) >= 16}
    return {value: where for value, where in found.items() if value not in own}


def texts_of(value: Any) -> Iterator[str]:
    """Every text anywhere in a JSON value, keys included."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from texts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts_of(inner)
    else:
        yield str(value)


def readings_of(answer: Answer) -> list[bytes]:
    """An answer's bytes, and what its texts become when decoded: once, and once more inside records."""
    found = [answer.body, *(value.encode() for pair in answer.headers for value in pair)]
    for depth in range(3):
        for data in list(found):
            try:
                value = json.loads(data)
            except ValueError:
                continue
            for text in texts_of(value):
                for decode in (unb64, bytes.fromhex):
                    try:
                        found.append(decode(text))
                    except ValueError:
                        continue
        found = list(dict.fromkeys(found)) if depth else found
    return found


def numbers_of(readings: list[bytes]) -> set[int]:
    """Every whole number that stands anywhere in JSON."""
    found: set[int] = set()
    for data in readings:
        try:
            value = json.loads(data)
        except ValueError:
            continue
        found |= {int(text) for text in texts_of(value) if text.isdecimal()}
    return found


async def everything(clinic: Clinic, caller: str) -> dict[str, Answer]:
    """What a person is answered on every route, with everything it can be asked about."""
    who, found = clinic.people[caller], {}
    for name in sorted(WHOLE_TABLE):
        if name != "logout":
            made: Made = await make(clinic, name, clinic.people[caller])
            found[name] = await clinic.line.ask(made.ask, who.token)
            if found[name].status < 300:
                made.then()
    for query in ("start=0&limit=500", "start=3"):
        found[f"decisions {query}"] = await clinic.line.ask(
            Ask("GET", "/supervision/decisions", query), who.token
        )
    for log in ("keys", "audit"):
        for place in ("checkpoint", "leaves", "inclusion?index=0&size=2", "consistency?old=1&new=3"):
            path, _, query = place.partition("?")
            found[f"{log} {place}"] = await clinic.line.ask(
                Ask("GET", f"/logs/{log}/{path}", query), who.token
            )
    for client in ("A.client", "A.far_client"):
        talk, chain = clinic.talks[client], clinic.people[client].chain
        for query in ("", "after=0&limit=100"):
            found[f"page {client} {query}"] = await clinic.line.ask(
                Ask("GET", WHOLE_TABLE["read_page"].fill({"thread": talk.thread}), query), who.token
            )
        path = WHOLE_TABLE["read_chain"].fill({"chain": chain.chain_id})
        found[f"chain {client}"] = await clinic.line.ask(Ask("GET", path), who.token)
    return found


async def leaks(clinic: Clinic, caller: str = "A.supervisor") -> list[tuple[str, str]]:
    """Which routes show what they must not, and from which column."""
    who = clinic.people[caller]
    own = {who.keys.sign.public, *who.links, who.chain.head}
    hidden = await hidden_values(clinic.operate, clinic.practices["A"], own)
    sizes = {len(sealed.envelope) for sealed in clinic.sent.values()}
    sizes |= {parse_envelope(sealed.envelope).header.ct_len for sealed in clinic.sent.values()}
    found = []
    for name, answer in (await everything(clinic, caller)).items():
        readings = readings_of(answer)
        if name in INVITING:
            continue
        found += [
            (name, where) for value, where in hidden.items() if any(value in reading for reading in readings)
        ]
        found += [(name, "a size") for _ in sizes & numbers_of(readings)]
        found += [(name, "the words") for reading in readings if WORDS.encode() in reading]
    return found


INVITING = frozenset(
    {
        "read_invitation",
        "join",
        "enrol_staff",
        "read_chain",
        "add_link",
        "ask_link",
        "read_link_progress",
        "complete_link",
        "read_link_request",
        "read_link_requests",
        "read_server_keys",
        "read_crisis_card",
        "openapi",
        "login",
    }
)
"""Open to whoever holds a link, or about oneself only: here a supervisor is nobody special."""


async def test_a_supervisor_sees_no_content_no_key_and_no_size(clinic: Clinic) -> None:
    """AT-61."""
    await clinic.make_rounds()
    assert not await leaks(clinic)


async def test_a_supervisor_sees_decisions_under_pseudonyms(clinic: Clinic) -> None:
    """What is left is worth having: rules in force, and a record for each message that was placed."""
    who = clinic.people["A.supervisor"]
    await clinic.make_rounds()
    settings = (await clinic.line.ask(Ask("GET", "/supervision/settings"), who.token)).json()
    assert [one["name"] for one in settings["settings"]] == ["Harbour A"]
    said = (await clinic.line.ask(Ask("GET", "/supervision/decisions", "limit=500"), who.token)).json()
    records = [json.loads(unb64(one["record"])) for one in said["records"] if one["record"]]
    placed = [record for record in records if record.get("act") == "message.placed"]
    assert len(placed) == len(
        [name for name in clinic.sent if name[0] == "A" and ("placed" in name or "answered" in name)]
    )
    assert {record["decision"]["code"] for record in placed} <= {"urgent", "at_once"}


async def test_what_waits_is_in_no_record(clinic: Clinic) -> None:
    who = clinic.people["A.supervisor"]
    await clinic.make_rounds()
    held = {clinic.sent[name].mid for name in clinic.sent if name.endswith(("held", "recalled"))}
    for answer in (await everything(clinic, who.name)).values():
        assert not [mid for mid in held for reading in readings_of(answer) if mid in reading]


async def test_a_key_in_an_answer_would_be_found(clinic: Clinic) -> None:
    """The control: settings that show a device's key, decisions that show how long a message is."""
    await plant(
        clinic.operate,
        "read_settings",
        "r.rules, r.author",
        """convert_to(jsonb_build_array(jsonb_build_object(
               'key', (SELECT jsonb_agg(encode(d.sign_pk, 'hex')) FROM device d)))::text,
               'UTF8'), r.author""",
    )
    assert ("read_settings", "device.sign_pk") in await leaks(clinic)
    await plant(
        clinic.operate,
        "read_decisions",
        "f.record,",
        """convert_to(jsonb_build_object('n', (SELECT max(octet_length(m.envelope)) FROM message m))::text,
               'UTF8'),""",
    )
    assert ("read_decisions", "a size") in await leaks(clinic)
