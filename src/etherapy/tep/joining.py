"""Joining alone: when epoch 0 made by a client is valid without any therapist's device (A-10)."""

from etherapy.tep.chain import Chain
from etherapy.tep.charter import charter_hash, charter_in_force, parse_charter
from etherapy.tep.epoch import Commit, Role
from etherapy.tep.epoch_rules import check_roster
from etherapy.tep.invite import SignedAccept, SignedInvite, accept_verifies, invite_verifies
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import thread_start
from etherapy.tep.serverkeys import home
from etherapy.tep.signed import Signed


def check_invite(signed: SignedInvite, therapist: Chain, now: int) -> None:
    """Malformed (invite, expired) unless an active device of this therapist signed it and it is in time (ms).

    The therapist's chain may be longer than the invitation saw it, never shorter or another.
    """
    invite = signed.invite
    known = therapist.hashes[invite.therapist_seq : invite.therapist_seq + 1]
    if invite.therapist != therapist.chain_id or known != (invite.therapist_head,):
        raise Malformed("invite", "invite: the therapist's chain is not the one it names")
    if not any(invite_verifies(signed, device.sign_pk) for device in therapist.active()):
        raise Malformed("invite", "invite: not signed by an active device of the therapist")
    if now >= invite.expires_at:
        raise Malformed("expired", "invite: its time has passed")


def check_accept(accept: SignedAccept, invite: SignedInvite, client: Chain) -> None:
    """Malformed (accept) unless the client and whoever holds the link signed an answer to this one."""
    core = accept.accept
    if (core.client, core.client_seq, core.client_head) != (client.chain_id, client.seq, client.head):
        raise Malformed("accept", "accept: the client's chain is not the one it names")
    if not any(accept_verifies(accept, device.sign_pk, invite) for device in client.active()):
        raise Malformed("accept", "accept: not signed by the client's device and the invitation's key")


def check_joining(
    commit: Commit,
    *,
    invite: SignedInvite,
    accept: SignedAccept,
    charter: Signed,
    therapist: Chain,
    client: Chain,
    now: int,
) -> None:
    """Malformed unless epoch 0, the answer, the charter and the invitation belong together and are valid.

    Codes: those of `check_invite`, `check_accept`, `epoch_rules.check_roster`; joining for what binds them.
    """
    check_invite(invite, therapist, now)
    check_accept(accept, invite, client)
    check_roster(commit, {therapist.chain_id: therapist, client.chain_id: client})
    core, terms = commit.core, invite.invite
    roles = {(one.chain_id, one.role) for one in core.roster}
    _expect(core.epoch == 0, "the thread is created by epoch 0")
    _expect(core.consents == (invite.invite_hash, accept.accept_hash), "invitation and answer are named")
    _expect(
        roles == {(therapist.chain_id, Role.THERAPIST), (client.chain_id, terms.role)}, "exactly these two"
    )
    _expect(core.thread == terms.thread, "the thread is the invitation's")
    _expect(core.home == home(terms.server_id, terms.practice), "the home is the invitation's")
    _expect(core.view == (0, thread_start(core.thread, core.home)), "nothing was placed before")
    check_charter(charter, invite, therapist, client)
    _expect(core.charter_hash == terms.charter_hash, "the charter is the invitation's")


def check_charter(charter: Signed, invite: SignedInvite, therapist: Chain, client: Chain) -> None:
    """Malformed (joining) unless the invitation's charter is this one, for this thread, signed by both."""
    terms, found = invite.invite, parse_charter(charter.core)
    _expect(charter_hash(charter.core) == terms.charter_hash, "the charter is the invitation's")
    place = (found.home, found.thread, found.owner)
    wanted = (home(terms.server_id, terms.practice), terms.thread, terms.therapist)
    _expect(place == wanted, "the charter is for this thread and its owner")
    _expect(charter_in_force(charter, [therapist, client]), "both signed the charter")


def _expect(holds: bool, rule: str) -> None:
    if not holds:
        raise Malformed("joining", f"joining: {rule}")
