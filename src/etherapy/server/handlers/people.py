"""Getting in: the server's keys, login by signed challenge, staff enrolment."""

import hmac
from datetime import timedelta
from hashlib import sha256
from typing import Final

from etherapy.binary import B64, Hash32, Id16, b64
from etherapy.protocol.people import (
    AskChallenge,
    Challenge,
    Enrol,
    Enrolled,
    Login,
    Person,
    ServerKeys,
    Session,
)
from etherapy.protocol.problems import DeviceRevoked, DeviceTaken, LoginFailed, NoSuchLink
from etherapy.rules.calendar import milliseconds
from etherapy.server.admission import audit_leaf, new_account, read_chain_upload
from etherapy.server.judging import expect
from etherapy.server.parts import Ctx
from etherapy.signing import SigningKey, verify
from etherapy.tep.invite import staff_accept_verifies
from etherapy.tep.login import challenge_bytes

CHALLENGE_LIFE_MS: Final = 60_000
CLOCKS_APART_MS: Final = 2_000
"""The node that asked may be ahead of the one that is answered, by what the self-check allows."""
_LIVES: Final = {"supervisor": timedelta(hours=1)}
"""Roles with a shorter session than a day: whoever audits many people is logged out soon (G16)."""
_NOBODY: Final = SigningKey(bytes(32)).public


async def read_server_keys(ctx: Ctx) -> ServerKeys:
    """The server's key chain; a device checks it against what its invitation pinned."""
    return ServerKeys([B64(link) for link in ctx.parts.secrets.links])


async def ask_challenge(ctx: Ctx, body: AskChallenge) -> Challenge:
    """Something to sign. Nothing is stored and nothing is looked up: the answer tells of no device."""
    ctx.spend("device", body.device, 1)
    at = milliseconds(ctx.now)
    seed = ctx.parts.random(16)
    return Challenge(ctx.origin, Hash32(seed + _seal(ctx, body.practice, body.device, seed, at)), at)


async def login(ctx: Ctx, body: Login) -> Session:
    """A session for a device that signed its challenge; each challenge opens one."""
    ctx.spend("device", body.device, 1)
    age = milliseconds(ctx.now) - body.time
    seed, seal = body.nonce[:16], body.nonce[16:]
    fresh = -CLOCKS_APART_MS <= age <= CHALLENGE_LIFE_MS
    ours = fresh and hmac.compare_digest(seal, _seal(ctx, body.practice, body.device, seed, body.time))
    device = await ctx.parts.people.device(body.practice, body.device)
    sign_pk = device["sign_pk"] if device else _NOBODY
    signed = fresh and verify(sign_pk, challenge_bytes(ctx.origin, body.nonce, body.time), body.signature)
    if not (ours and signed and device):
        await _tell_if_revoked(ctx, body, ours and device is None)
        raise LoginFailed()
    token = bytes(body.practice) + ctx.parts.random(32)
    expires_at = ctx.now + min(_LIVES.get(role, timedelta(days=1)) for role in device["roles"])
    token_hash = sha256(token).digest()
    if not await ctx.parts.people.open_session(
        body.practice, ctx.now, body.device, body.nonce, token_hash, expires_at
    ):
        raise LoginFailed()
    return Session(b64(token), expires_at)


async def _tell_if_revoked(ctx: Ctx, body: Login, asked_for: bool) -> None:
    """DeviceRevoked to whoever holds the key of a device that was taken out, so that it can wipe itself."""
    gone = await ctx.parts.people.ending(body.practice, body.device) if asked_for else None
    if gone and verify(gone["sign_pk"], challenge_bytes(ctx.origin, body.nonce, body.time), body.signature):
        raise DeviceRevoked([B64(link) for link in gone["links"]])


async def logout(ctx: Ctx) -> None:
    """End this session now, everywhere."""
    await ctx.parts.people.close_session(ctx.caller, ctx.now)


async def read_person(ctx: Ctx) -> Person:
    """Who the caller is in its practice."""
    row = await ctx.parts.people.person(ctx.caller, ctx.now)
    return Person(
        account=Id16(row["account_id"]),
        device=Id16(row["device_id"]),
        chain=Hash32(row["chain_id"]),
        chain_seq=row["chain_seq"],
        chain_head=Hash32(row["chain_head"]),
        roles=row["roles"],
        display_name=row["display_name"],
        practice_name=row["practice_name"],
    )


async def enrol_staff(ctx: Ctx, practice: bytes, lookup: bytes, body: Enrol) -> Enrolled:
    """Turn a one-use staff link into a person with a device chain (decisions.md D-33)."""
    link = await ctx.parts.people.staff_link(practice, lookup, ctx.now)
    place = await ctx.parts.people.practice(practice)
    if link is None or place is None:
        raise NoSuchLink()
    chain = read_chain_upload(body.links)
    expect(staff_accept_verifies(chain.chain_id, link["staff_pk"], body.signature), "staff_signature")
    person = new_account(
        ctx.parts.secrets, practice, place["generation"], chain, body.links, ctx.now, ctx.parts.random
    )
    audit = audit_leaf(
        ctx.parts.random,
        "staff.enrolled",
        account=person.account,
        roles=link["roles"],
        name=link["display_name"],
        at=ctx.now.isoformat(),
    )
    outcome = await ctx.parts.people.enrol_staff(practice, lookup, ctx.now, person, audit)
    if outcome == "spent":
        raise NoSuchLink()
    if outcome == "taken":
        raise DeviceTaken()
    ctx.parts.expect(practice, ctx.now)
    return Enrolled(Id16(person.account), [B64(link.link_promise) for link in person.links])


def _seal(ctx: Ctx, practice: bytes, device: bytes, seed: bytes, at: int) -> bytes:
    """What makes a nonce recognisable as ours without keeping it; any node of the installation can check
    it."""
    message = b"challenge\0" + practice + device + seed + at.to_bytes(8, "big")
    return hmac.digest(ctx.parts.secrets.pepper, message, "sha256")[:16]
