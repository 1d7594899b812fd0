"""Passphrases: good for a pending device and nothing more (tep.md §5.11).

Whoever knows one may tie a waiting device to its account; only a link that an active device signs makes it
one of the account's. Nothing here is reset by mail, since nothing here opens anything.
"""

from hashlib import sha256
from typing import Final

from etherapy.binary import Id16, b64
from etherapy.protocol.pairing import AskSalt, PassphraseLogin, PendingSession, Salt, SetPassphrase
from etherapy.protocol.problems import DeviceWaiting, LoginFailed, NameTaken, NoSuchRequest
from etherapy.server.admission import audit_leaf
from etherapy.server.judging import expect
from etherapy.server.parts import Ctx
from etherapy.server.passphrases import DERIVATION, salt_of_nobody
from etherapy.store.people import AuditLeaf
from etherapy.tep.login import folded

_TRIAL_COST: Final = 5
"""Passphrases are guessed at; devices sign. So a name has fewer trials than a device has log-ins."""


async def set_passphrase(ctx: Ctx, body: SetPassphrase) -> None:
    """Set or change the caller's name and passphrase. A device that waits by the old one is refused."""
    name = folded(body.name)
    expect(bool(name), "name")
    audit = await _audit(ctx, "passphrase.set")  # asks who it is, before anything slow is done for them
    verifier = await ctx.parts.hashing.verifier(body.auth)
    outcome = await ctx.parts.passphrases.set(ctx.caller, ctx.now, name, body.salt, verifier, audit)
    if outcome != "set":
        raise NameTaken()


async def drop_passphrase(ctx: Ctx) -> None:
    """Do without a passphrase. Dropping none is fine."""
    await ctx.parts.passphrases.drop(ctx.caller, ctx.now, await _audit(ctx, "passphrase.dropped"))


async def _audit(ctx: Ctx, act: str) -> AuditLeaf:
    me = await ctx.parts.people.person(ctx.caller, ctx.now)
    return audit_leaf(ctx.parts.random, act, account=me["account_id"], at=ctx.now.isoformat())


async def ask_salt(ctx: Ctx, practice: bytes, body: AskSalt) -> Salt:
    """What a device needs to derive from a passphrase. Every name has a salt, whoever has it or not."""
    name = folded(body.name)
    ctx.spend("device", _bucket(practice, name), 1)
    row = await ctx.parts.passphrases.find(practice, name)
    salt = salt_of_nobody(ctx.parts.secrets.pepper, practice, name) if row is None else row["salt"]
    return Salt(Id16(salt), *DERIVATION)


async def passphrase_login(ctx: Ctx, practice: bytes, body: PassphraseLogin) -> PendingSession:
    """Tie a waiting device to the account behind a name and passphrase. An active device must still agree."""
    name = folded(body.name)
    ctx.spend("device", _bucket(practice, name), _TRIAL_COST)
    row = await ctx.parts.passphrases.find(practice, name)
    fits = await ctx.parts.hashing.matches(None if row is None else row["verifier"], body.auth)
    if row is None or not fits:
        raise LoginFailed()
    token = bytes(practice) + ctx.parts.random(32)
    outcome, until = await ctx.parts.passphrases.open_pending(
        practice, ctx.now, body.lookup, row["account_id"], row["verifier"], sha256(token).digest()
    )
    if outcome == "waiting":
        raise DeviceWaiting()
    if until is None:
        raise NoSuchRequest()
    ctx.parts.hub.tell(practice, [row["account_id"]])
    return PendingSession(b64(token), until)


def _bucket(practice: bytes, name: str) -> bytes:
    """Under which key trials of a name are counted, whether or not anybody has it."""
    return sha256(practice + name.encode()).digest()[:16]
