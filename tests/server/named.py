"""The ids that a request names: one's own, another's, nobody's; and requests made of them."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import door
from etherapy.protocol.endpoint import Endpoint, Table, table
from etherapy.server.main import TABLE
from tests.server.asking import Ask
from tests.server.clinic import Clinic
from tests.server.people import (
    Somebody,
    Talk,
)

WHOLE_TABLE: Table = table({**TABLE, "live": door.live, "openapi": door.openapi})
"""Every route that the door serves."""


@dataclass(frozen=True, slots=True)
class Named:
    """The ids that a request names. `inner_thread` is the thread inside what is sealed or signed; None for
    `practice` and `lookup` is whatever is right."""

    thread: bytes
    inner_thread: bytes
    mid: bytes
    item_hash: bytes
    device: bytes
    commit_hash: bytes
    chain: bytes
    practice: bytes | None = None
    lookup: bytes | None = None
    home_practice: bytes | None = None
    new_device: DeviceKeys | None = None
    alert: bytes = b""
    task: bytes = b""


@dataclass(frozen=True, slots=True)
class Made:
    """A request, and what else is to be noted once it was answered as it should be."""

    ask: Ask
    then: Callable[[], object] = lambda: None


Maker = Callable[[Clinic, Somebody, Named], Awaitable[Made]]
MAKERS: dict[str, Maker] = {}


def talk_of(clinic: Clinic, who: Somebody) -> Talk:
    """The thread that somebody writes in; that of `A.client` for those who have none."""
    letter = who.name[0]
    if who.name in clinic.talks:
        return clinic.talks[who.name]
    return clinic.talks[
        f"{letter}.far_client" if who.name.endswith("other_therapist") else f"{letter}.client"
    ]


def own(clinic: Clinic, who: Somebody) -> Named:
    """What is one's own: for those without a thread, the client's (they may not reach it)."""
    talk = talk_of(clinic, who)
    wrote = {talk.client: f"{talk.client} placed", talk.therapist: f"{talk.therapist} answered {talk.client}"}
    message = clinic.sent[wrote.get(who.name, f"{talk.client} placed")]
    return Named(
        talk.thread,
        talk.thread,
        message.mid,
        message.item_hash,
        who.keys.device_id,
        talk.commit.commit_hash,
        who.chain.chain_id,
        alert=duty_of(who),
        task=duty_of(who),
    )


def of_another(clinic: Clinic, client: str) -> Named:
    """What belongs to another client: their thread, their message that waits, their device, their chain."""
    talk, whose, letter = clinic.talks[client], clinic.people[client], client[0]
    message = clinic.sent[f"{client} held"]
    return Named(
        talk.thread,
        talk.thread,
        message.mid,
        message.item_hash,
        whose.keys.device_id,
        talk.commit.commit_hash,
        whose.chain.chain_id,
        whose.practice,
        clinic.offers[f"{letter}.other_therapist"].lookup,
        whose.practice,
        whose.keys,
        alert=duty_of(clinic.people[talk.therapist]),
        task=duty_of(clinic.people[talk.therapist]),
    )


def of_nobody() -> Named:
    """Ids that exist nowhere."""
    thread, practice = os.urandom(16), os.urandom(16)
    return Named(
        thread,
        thread,
        os.urandom(16),
        os.urandom(32),
        os.urandom(16),
        os.urandom(32),
        os.urandom(32),
        practice,
        os.urandom(16),
        practice,
        DeviceKeys.generate(),
        os.urandom(16),
        os.urandom(16),
    )


def duty_of(who: Somebody) -> bytes:
    """The id of somebody's alert, and of their task; makers_of_duties puts them there."""
    return sha256(b"duty" + who.keys.device_id).digest()[:16]


def fill_in(
    endpoint: Endpoint[Any, Any], named: Named, body: Any = None, query: str = "", **path: Any
) -> Ask:
    known = {name: getattr(named, name, None) for name in endpoint.parameters}
    return Ask(endpoint.method, endpoint.fill({**known, **path}), query, body)


def maker(maker: Maker) -> Maker:
    MAKERS[getattr(maker, "__name__", "")] = maker
    return maker
