"""One example of every format of TEP/1, and how a reader judges it.

What is signed is judged with its signature: then a changed bit must be refused. What is only named by its
hash must at least never have two spellings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from etherapy.crypto.grants import make_grant
from etherapy.signing import SigningKey
from etherapy.tep import (
    chain,
    charter,
    consent,
    envelope,
    epoch,
    epoch_rules,
    grant,
    invite,
    leaving,
    links,
    payload,
    placing,
    recall,
    receipts,
    restore,
    rulesheet,
    serverkeys,
    statements,
)
from etherapy.tep.malformed import Malformed
from etherapy.tep.signed import pack_signed, parse_signed
from tests.tep import vectors
from tests.tep.world import NOW, PRACTICE, THREAD, Dice, Server, person, server, settled

KEY = SigningKey(Dice("formats")(32))


@dataclass(frozen=True)
class Format:
    """`judge` reads the bytes and refuses (Malformed) what was not signed so. `readers` are the functions of
    `etherapy.tep` that it goes through. `core` says how the CBOR inside is read; None for fixed layouts."""

    whole: bytes
    judge: Callable[[bytes], Any]
    readers: tuple[Callable[..., Any], ...]
    signed: bool = True
    cbor: bool = True
    core: Callable[[bytes], Any] | None = None
    optional: frozenset[int] = frozenset()


def holds(verdict: bool) -> None:
    """A signature that does not verify refuses as a format does."""
    if not verdict:
        raise Malformed("signature", "does not verify")


@cache
def formats() -> dict[str, Format]:
    """All of them."""
    return (
        chain_formats()
        | thread_formats()
        | joining_formats()
        | server_formats()
        | membership_formats()
        | unsigned_formats()
    )


def chain_formats() -> dict[str, Format]:
    someone = person("someone")
    begun = chain.Chain.begin(someone.links[0])
    readers = (links.parse_link, links.parse_link_core)
    return {
        "genesis": Format(someone.links[0], chain.Chain.begin, readers, core=links.parse_link_core),
        "link": Format(someone.links[1], begun.add, readers, core=links.parse_link_core),
    }


def thread_formats() -> dict[str, Format]:
    made = settled()
    client = made.client.keys.sign

    def judged_commit(data: bytes) -> epoch.Commit:
        commit = epoch.parse_commit(data)
        epoch_rules.check_roster(commit, made.chains())
        return commit

    def judged_envelope(data: bytes) -> envelope.Envelope:
        found = envelope.parse_envelope(data)
        holds(envelope.envelope_verifies(found, client.public))
        return found

    def judged_recall(data: bytes) -> recall.SignedRecall:
        found = recall.parse_recall(data)
        holds(recall.recall_verifies(found, client.public))
        return found

    asked = recall.Recall(2, THREAD, bytes(16), bytes(16), bytes(32), b"n" * 32, NOW)
    return {
        "commit": Format(
            made.commits[0].pack(),
            judged_commit,
            (epoch.parse_commit, epoch.parse_commit_core, epoch.parse_sealed),
            core=epoch.parse_commit_core,
        ),
        "envelope": Format(
            made.message("short"),
            judged_envelope,
            (envelope.parse_envelope, envelope.parse_header),
            cbor=False,
        ),
        "recall": Format(
            recall.sign_recall(asked, client),
            judged_recall,
            (recall.parse_recall, recall.Recall.unpack),
            cbor=False,
        ),
    }


def joining_formats() -> dict[str, Format]:
    offered, answered = (bytes.fromhex(vectors.invite_file()[0][name]) for name in ("bytes", "accept_bytes"))
    therapist, client = person("therapist").keys.sign.public, person("client").keys.sign.public
    known = invite.parse_invite(offered)

    def judged_invite(data: bytes) -> invite.SignedInvite:
        found = invite.parse_invite(data)
        holds(invite.invite_verifies(found, therapist))
        return found

    def judged_accept(data: bytes) -> invite.SignedAccept:
        found = invite.parse_accept(data)
        holds(invite.accept_verifies(found, client, known))
        return found

    return {
        "invite": Format(offered, judged_invite, (invite.parse_invite,), core=invite_core),
        "accept": Format(answered, judged_accept, (invite.parse_accept,), core=accept_core),
    }


def invite_core(data: bytes) -> Any:
    return invite.parse_invite(pack_signed(data, [bytes(64)]))


def accept_core(data: bytes) -> Any:
    return invite.parse_accept(pack_signed(data, [bytes(64), bytes(64)]))


def server_formats() -> dict[str, Format]:
    made = server()
    dates = {made.key_id: (made.receipts.public, NOW - 1000, NOW + 10**9)}
    first, more = made.links[0], rotated(made)
    fresh = SigningKey(Dice("restore")(32))
    statement = restore.RestoreStatement(PRACTICE, 7, 3, NOW, Dice("root")(32))
    whole = restore.sign_restore(statement, fresh)

    def judged_restore(data: bytes) -> restore.SignedRestore:
        found = restore.parse_restore(data)
        restore.check_restore(found, {b"k" * 8: (fresh.public, 0, NOW + 1)}, PRACTICE)
        return found

    stated = {
        f"receipt of a {type(one).__name__}": Format(
            receipts.sign_receipt(
                one, made.receipts, made.key_id, 2 if type(one) is not statements.Head else 0
            ),
            lambda data: receipts.verify_receipt(data, dates),
            (receipts.parse_receipt, type(one).unpack),
            cbor=False,
        )
        for one in every_statement(made)
    }
    return stated | {
        "first server link": Format(first, lambda data: serverkeys.verify_server_chain([data]), ()),
        "server link": Format(more, lambda data: serverkeys.verify_server_chain([first, data]), ()),
        "restore statement": Format(whole, judged_restore, (restore.parse_restore,), core=restore_core),
    }


def restore_core(data: bytes) -> Any:
    return restore.parse_restore(pack_signed(data, [bytes(64)]))


def rotated(made: Server) -> bytes:
    """The next link of a server, with another receipt key."""
    key = serverkeys.ServerKey.of(KEY.public, serverkeys.Use.RECEIPTS, NOW, NOW + 10**10)
    return serverkeys.next_server_link(made.keys, made.root, [*made.keys.keys.values(), key])


def every_statement(made: Server) -> list[Any]:
    """One of each kind that receipts are made of."""
    dice, kid = Dice("statements"), made.key_id
    mid, item = dice(16), dice(32)
    times = (NOW, NOW, NOW + 9000, NOW + 99_000)
    return [
        statements.Promise(2, 0, 1, THREAD, mid, item, 7, 3, 2, dice(32), *times, kid),
        statements.Head(1, THREAD, 9, dice(32), NOW, kid),
        statements.Status(3, 1, 1, THREAD, mid, item, dice(32), NOW, kid),
        statements.LinkPromise(1, 1, PRACTICE, dice(32), NOW, NOW + 600_000, kid),
    ]


def membership_formats() -> dict[str, Format]:
    made, dice = settled(), Dice("membership")
    leaver, keys = made.client.chain, made.client.keys
    terms = consent.Consent(THREAD, dice(32), 3, False, NOW, NOW + 10**9, dice(16), made.home)
    core = terms.pack()
    signers = [made.client, made.therapist]
    agreed = consent.pack_signed_consent(core, [consent.sign_consent(core, one.keys.sign) for one in signers])
    gone = leaving.Leave(THREAD, leaver.chain_id, keys.device_id, NOW, dice(16), made.home)
    to = made.therapist.chain.devices[made.therapist.keys.device_id]
    given = make_grant(THREAD, keys, to, {0: dice(32), 300: dice(32)}, dice)

    def judged_consent(data: bytes) -> consent.Consent:
        found, signed = consent.parse_signed_consent(data)
        chains = [one.chain for one in signers]
        pairs = zip(chains, signed.signatures, strict=False)
        signatures = {one.chain_id: sig for one, sig in pairs}
        where = {"thread": THREAD, "home": made.home}
        consent.check_consent(signed.core, signatures, **where, signers=chains, at=NOW)
        return found

    def judged_leave(data: bytes) -> leaving.SignedLeave:
        found = leaving.parse_leave(data)
        holds(leaving.leave_verifies(found, leaver))
        return found

    def judged_grant(data: bytes) -> grant.SignedGrant:
        found = grant.parse_grant(data)
        holds(grant.grant_verifies(found, keys.sign.public))
        return found

    def leave_core(data: bytes) -> Any:
        return leaving.parse_leave(pack_signed(data, [bytes(64)]))

    def grant_core(data: bytes) -> Any:
        blob = grant.parse_grant(given).blob
        return grant.pack_grant(data, blob, keys.sign)

    return {
        "consent": Format(
            agreed,
            judged_consent,
            (consent.parse_signed_consent, consent.parse_consent, parse_signed),
            core=consent.parse_consent,
        ),
        "leave": Format(
            leaving.sign_leave(gone, keys.sign), judged_leave, (leaving.parse_leave,), core=leave_core
        ),
        "grant": Format(given, judged_grant, (grant.parse_grant,), core=grant_core),
    }


def unsigned_formats() -> dict[str, Format]:
    sheet = rulesheet.RuleSheet(THREAD, 1, bytes(32), NOW, bytes(32), ((bytes(32), bytes(32)),)).pack()
    entry = placing.Entry(placing.ItemType.ENVELOPE, placing.Reason.DUE, 1, 1, NOW, bytes(32), b"p" * 32)
    said = bytes.fromhex(vectors.payload_file()[1]["bytes"])
    whole = restore.sign_restore(restore.RestoreStatement(PRACTICE, 7, 3, NOW, bytes(32)), KEY)
    mark = restore.pack_mark(whole, 2, 5, [bytes(32), b"p" * 32])
    secrets = grant.pack_secrets({0: bytes(32), 1000: b"s" * 32})
    return {
        "charter": Format(
            vectors.the_charter(), charter.parse_charter, (charter.parse_charter,), signed=False
        ),
        "rule sheet": Format(sheet, rulesheet.parse_sheet, (rulesheet.parse_sheet,), signed=False),
        "payload": Format(
            said, payload.parse_payload, (payload.parse_payload,), signed=False, optional=frozenset({5})
        ),
        "entry": Format(
            entry.pack(), placing.Entry.unpack, (placing.Entry.unpack,), signed=False, cbor=False
        ),
        "generation mark": Format(mark, restore.parse_mark, (restore.parse_mark,), signed=False),
        "granted secrets": Format(secrets, grant.parse_secrets, (grant.parse_secrets,), signed=False),
    }


def packed(found: Any) -> bytes:
    """The bytes of an unsigned record that was read."""
    if isinstance(found, restore.Mark):
        return restore.pack_mark(found.signed.whole, found.index, found.size, found.path)
    if isinstance(found, dict):
        return grant.pack_secrets(found)
    written: bytes = found.pack()
    return written
