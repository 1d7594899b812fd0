"""How a thread begins for its reader: by epoch 0, or by the epoch that brought the reader in (A-5, A-10).

Pure. Everything later is judged from the epoch before it; these two must stand by themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from etherapy.sdk.verifying.rosters import known_consents
from etherapy.sdk.verifying.spine import Pin
from etherapy.signing import verify
from etherapy.tep.chain import Chain
from etherapy.tep.charter import charter_hash, charter_signed_bytes, parse_charter
from etherapy.tep.consent import Consent, check_consent
from etherapy.tep.epoch import Commit, CommitCore, Role
from etherapy.tep.epoch_rules import check_roster
from etherapy.tep.invite import SignedAccept, SignedInvite
from etherapy.tep.joining import check_joining
from etherapy.tep.malformed import Malformed
from etherapy.tep.membership import Papers
from etherapy.tep.placing import Entry
from etherapy.tep.roster import CLIENT_SIDE
from etherapy.tep.signed import Signed


@dataclass(frozen=True, slots=True)
class Began:
    """What epoch 0 names: the therapist's invitation and the client's answer."""

    invite: SignedInvite
    accept: SignedAccept


def check_began(
    commit: Commit, entry: Entry, charter: Signed, chains: Mapping[bytes, Chain], began: Began | None
) -> bytes:
    """The owner of a thread that begins with this epoch 0; Malformed."""
    if began is None:
        raise Malformed("joining", "commit: the invitation behind it was not shown")
    therapist = _only(commit.core, chains, Role.THERAPIST)
    check_joining(
        commit,
        invite=began.invite,
        accept=began.accept,
        charter=charter,
        therapist=therapist,
        client=_only(commit.core, chains, began.invite.invite.role),
        now=entry.placed_at,
    )
    return therapist.chain_id


def check_brought_in(
    commit: Commit,
    entry: Entry,
    charter: Signed,
    chains: Mapping[bytes, Chain],
    papers: Papers,
    reader: bytes,
    start: Pin,
) -> bytes:
    """The owner of a thread, by the epoch that brings `reader` in without its history; Malformed.

    The epoch before it is not shown to the reader. So the consent must be signed by everybody in the new
    roster who had to, and a device left out before that is taken for left out.
    """
    core = commit.core
    owner = parse_charter(charter.core).owner
    if core.view != (start.n, start.t):
        raise Malformed("view", "commit: brings its reader in at another place than the one shown")
    if owner not in chains or core.user(reader) is None:
        raise Malformed("roster", "commit: without the thread's owner, or without its reader")
    if charter_hash(charter.core) != core.charter_hash or not _signed_by_owner(charter, chains[owner]):
        raise Malformed("charter", "commit: names a charter that its owner did not sign")
    own = _consent_to(core, papers, reader)
    newcomers = {one.newcomer for one in papers.named(core.consents).values()}
    clients = [one.chain_id for one in core.roster if one.role == Role.CLIENT]
    signers = [chains[one] for one in (*clients, owner) if one not in newcomers and one in chains]
    check_consent(
        *papers.consents[own],
        thread=core.thread,
        home=core.home,
        signers=signers,
        at=entry.placed_at,
    )
    check_roster(commit, chains, before=core, owner=owner)
    _expect_known_devices(core, chains)
    expect_answered(core, charter, papers, chains[reader])
    _expect_terms(
        core, known_consents(core, papers, papers.named(core.consents), chains, owner, entry.placed_at), owner
    )
    return owner


def _expect_terms(core: CommitCore, known: Mapping[bytes, Consent], owner: bytes) -> None:
    """Staff who are there already came by a consent as well: without it nobody knew when their time ends."""
    came = {one.newcomer for one in known.values()}
    staff = {row.chain_id for row in core.roster if row.role in (Role.THERAPIST, Role.CO_THERAPIST)}
    if not staff - {owner} <= came:
        raise Malformed("consent", "commit: with a colleague whose consent is not shown")


def expect_answered(core: CommitCore, charter: Signed, papers: Papers, reader: Chain) -> None:
    """Malformed unless a reader who came in by an invitation has signed this charter.

    It names thread and owner: the one thing about a thread that was there before that nobody else can say to
    a client or to family, whoever says that they belong to it.
    """
    row = core.user(reader.chain_id)
    if row is None or row.role not in CLIENT_SIDE:
        return  # staff come in without being asked
    message, sig = charter_signed_bytes(charter.core), papers.charter_signatures.get(reader.chain_id, b"")
    if not any(verify(device.sign_pk, message, sig) for device in reader.devices.values()):
        raise Malformed("charter", "commit: brings its reader under a charter that they did not sign")


def _consent_to(core: CommitCore, papers: Papers, reader: bytes) -> bytes:
    """The hash of the consent by which this reader comes in, with the role that the roster has."""
    row = core.user(reader)
    for name, one in papers.named(core.consents).items():
        if one.newcomer == reader and row is not None and one.role == row.role:
            return name
    raise Malformed("consent", "commit: brings its reader in without a consent")


def _signed_by_owner(charter: Signed, owner: Chain) -> bool:
    """Any device of the owner, past or present: the charter may be older than all that are active."""
    message, sig = charter_signed_bytes(charter.core), charter.signatures[0]
    return any(verify(device.sign_pk, message, sig) for device in owner.devices.values())


def _expect_known_devices(core: CommitCore, chains: Mapping[bytes, Chain]) -> None:
    for row in core.roster:
        active = {one.device_id: one.hpke_hash for one in chains[row.chain_id].active()}
        recovery = {one.device_id for one in chains[row.chain_id].recovery()}
        if not (set(row.devices) <= set(active.items()) and recovery <= set(row.device_ids())):
            raise Malformed("roster", "roster: a device that its user's chain does not have, or no recovery")


def _only(core: CommitCore, chains: Mapping[bytes, Chain], role: int) -> Chain:
    found = [chains[row.chain_id] for row in core.roster if row.role == role and row.chain_id in chains]
    if len(found) != 1:
        raise Malformed("roster", "commit: not exactly one user of a role")
    return found[0]
