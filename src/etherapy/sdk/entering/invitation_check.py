"""What a joining device verifies before it seals anything (A-8, A-10): all of it hangs on the link's hash."""

from dataclasses import dataclass

from etherapy.crypto.invitation import LinkKeys
from etherapy.merkle.checkpoint import CheckpointRefused
from etherapy.merkle.proof import verify_consistency
from etherapy.merkle.tree import empty_root
from etherapy.protocol.invitations import Invitation
from etherapy.sdk.connection import Connection
from etherapy.sdk.faults import Refuted, WrongServer
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.links import WayIn
from etherapy.sdk.verifying.person import known_links
from etherapy.sdk.watching.log_copy import read_note
from etherapy.tep.chain import Chain
from etherapy.tep.charter import charter_hash, charter_in_force, parse_charter
from etherapy.tep.invite import SignedInvite, parse_invite
from etherapy.tep.joining import check_invite
from etherapy.tep.malformed import Malformed
from etherapy.tep.roster import CLIENT_SIDE
from etherapy.tep.serverkeys import ServerKeys, home
from etherapy.tep.signed import Signed


@dataclass(frozen=True, slots=True)
class Checked:
    """An invitation that holds, with the chain of the therapist who signed it."""

    invite: SignedInvite
    therapist: Chain


async def check_invitation(
    link: Connection, way: WayIn, keys: LinkKeys, server: ServerKeys, answer: Invitation
) -> Checked:
    """Refuted or WrongServer unless the link pins everything that was answered."""
    try:
        invite = parse_invite(answer.invite)
        _check_pinned(invite, way, keys, server)
        person = link.people.learn(
            invite.invite.therapist, known_links(bytes(answer.therapist_account), answer.therapist_chain)
        )
        check_invite(invite, person.chain, await link.now())
        _check_charter(invite, person.chain, answer)
        _check_log(invite, server, way.practice, answer)
    except (Malformed, CheckpointRefused) as bad:
        proof = {"invite": bytes(answer.invite), "charter": bytes(answer.charter)}
        words = f"the invitation does not hold: {bad}"
        raise Refuted(Finding(kind=Kind.BAD_CHARTER, words=words, proof=proof)) from None
    return Checked(invite, person.chain)


def _check_pinned(invite: SignedInvite, way: WayIn, keys: LinkKeys, server: ServerKeys) -> None:
    terms = invite.invite
    if terms.server_id != server.server_id:
        raise WrongServer("the invitation is for another server than the one that answers")
    if invite.invite_hash != way.pinned:
        raise Malformed("pinned", "it is not the one that your link names")
    if terms.practice != way.practice or terms.invite_pk != keys.signing.public:
        raise Malformed("pinned", "it is for another practice, or another link")
    if terms.role not in CLIENT_SIDE:
        raise Malformed("role", "it is neither for a client nor for family")


def _check_charter(invite: SignedInvite, therapist: Chain, answer: Invitation) -> None:
    terms, found = invite.invite, parse_charter(answer.charter)
    if charter_hash(answer.charter) != terms.charter_hash:
        raise Malformed("charter", "its charter is another one")
    wanted = (home(terms.server_id, terms.practice), terms.thread, terms.therapist)
    if (found.home, found.thread, found.owner) != wanted:
        raise Malformed("charter", "its charter is for another thread")
    signed = Signed(bytes(answer.charter), (bytes(answer.charter_signature),), b"")
    if not charter_in_force(signed, [therapist]):
        raise Malformed("charter", "the therapist did not sign its charter")


def _check_log(invite: SignedInvite, server: ServerKeys, practice: bytes, answer: Invitation) -> None:
    """The keys log has grown from what the therapist saw when inviting."""
    terms, size, root = invite.invite, answer.keys.size, bytes(answer.keys.root)
    if size or answer.keys.note:
        checkpoint = read_note(answer.keys.note, server, practice, "keys")
        if (checkpoint.size, checkpoint.root) != (size, root):
            raise Malformed("keys", "the log of devices has another checkpoint than was shown")
    old = terms.keys_root if terms.keys_size else empty_root()
    nodes = [bytes(node) for node in answer.keys_consistency.nodes]
    if not verify_consistency(terms.keys_size, old, size, root, nodes):
        raise Malformed("keys", "the log of devices is not the one that your therapist saw")
