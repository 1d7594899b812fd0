"""Invitations: what a therapist signed so that a client can join alone, at any hour (tep_amendments.md A-10).

The link secret itself never comes here; `crypto.invitation` makes the keys from it. Malformed codes beyond
those of the profile: link, signature.
"""

from dataclasses import dataclass

from etherapy.binary import b64, unb64
from etherapy.signing import SigningKey, verify
from etherapy.tep import cbor
from etherapy.tep.labels import digest, label, plain_digest
from etherapy.tep.links import MAX_LINKS
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import instant, keyed, numbered, octets, uint, version_one
from etherapy.tep.signed import pack_signed, parse_signed

MAX_INVITE = 1024
LINK_LIFE_MS = 7 * 24 * 3600 * 1000
INTRODUCED, ASK_IN_SESSION = 0, 1


@dataclass(frozen=True, slots=True)
class Invite:
    """The signed part of an invitation.

    `therapist` is a chain_id, with the seq and head it had; `keys_size` and `keys_root` the log as the
    therapist saw it; `expires_at` in ms; `display` INTRODUCED or ASK_IN_SESSION.
    """

    server_id: bytes
    practice: bytes
    thread: bytes
    therapist: bytes
    therapist_seq: int
    therapist_head: bytes
    keys_size: int
    keys_root: bytes
    role: int
    charter_hash: bytes
    invite_pk: bytes
    expires_at: int
    nonce: bytes
    display: int = INTRODUCED

    def pack(self) -> bytes:
        """The core bytes."""
        core = numbered(
            *(1, self.server_id, self.practice, self.thread, self.therapist, self.therapist_seq),
            *(self.therapist_head, self.keys_size, self.keys_root, self.role, self.charter_hash),
            *(self.invite_pk, self.expires_at, self.nonce, self.display),
        )
        data = cbor.encode(core)
        _parse_invite_core(data)
        return data


@dataclass(frozen=True, slots=True)
class SignedInvite:
    """A parsed invitation, its signature not verified yet."""

    invite: Invite
    core: bytes
    sig: bytes
    whole: bytes
    invite_hash: bytes


@dataclass(frozen=True, slots=True)
class InviteAccept:
    """The signed part of an answer to an invitation: who takes it, with the seq and head of their chain."""

    invite_hash: bytes
    client: bytes
    client_seq: int
    client_head: bytes
    nonce: bytes

    def pack(self) -> bytes:
        """The core bytes."""
        core = numbered(1, self.invite_hash, self.client, self.client_seq, self.client_head, self.nonce)
        data = cbor.encode(core)
        _parse_accept_core(data)
        return data


@dataclass(frozen=True, slots=True)
class SignedAccept:
    """A parsed answer: signed by the client's device, then by the invitation's key. Not verified yet."""

    accept: InviteAccept
    core: bytes
    device_sig: bytes
    invite_sig: bytes
    whole: bytes
    accept_hash: bytes


def parse_invite(data: bytes) -> SignedInvite:
    """Split an invitation."""
    signed = parse_signed(data, MAX_INVITE)
    if len(signed.signatures) != 1:
        raise Malformed("signature", "invite: one signature")
    invite, sig = _parse_invite_core(signed.core), signed.signatures[0]
    return SignedInvite(invite, signed.core, sig, data, digest("invite-hash", signed.core, sig))


def sign_invite(invite: Invite, key: SigningKey) -> bytes:
    """The whole invitation, signed by a device of the owning therapist."""
    core = invite.pack()
    return pack_signed(core, [key.sign(_invite_bytes(core))])


def invite_verifies(signed: SignedInvite, sign_pk: bytes) -> bool:
    """Whether the therapist's device with this key signed it."""
    return verify(sign_pk, _invite_bytes(signed.core), signed.sig)


def parse_accept(data: bytes) -> SignedAccept:
    """Split an answer."""
    signed = parse_signed(data, MAX_INVITE)
    if len(signed.signatures) != 2:
        raise Malformed("signature", "accept: signed by the device and by the invitation's key")
    accept = _parse_accept_core(signed.core)
    return SignedAccept(accept, signed.core, *signed.signatures, data, digest("accept-hash", data))


def sign_accept(accept: InviteAccept, device: SigningKey, invite_key: SigningKey) -> bytes:
    """The whole answer."""
    core = accept.pack()
    return pack_signed(core, [device.sign(_accept_bytes(core)), invite_key.sign(_accept_bytes(core))])


def accept_verifies(signed: SignedAccept, device_pk: bytes, invite: SignedInvite) -> bool:
    """Whether it answers this invitation, signed by the client's device and by whoever holds the link."""
    message = _accept_bytes(signed.core)
    return (
        signed.accept.invite_hash == invite.invite_hash
        and verify(device_pk, message, signed.device_sig)
        and verify(invite.invite.invite_pk, message, signed.invite_sig)
    )


def staff_accept_bytes(link0_hash: bytes) -> bytes:
    """What the enrolment key of a staff link signs: link 0 of the person who enrols."""
    return label("staff-accept") + octets(link0_hash, 32, "link hash")


def staff_accept_verifies(link0_hash: bytes, enrolment_pk: bytes, sig: bytes) -> bool:
    """Whether the holder of the staff link enrols with this chain."""
    return verify(enrolment_pk, staff_accept_bytes(link0_hash), sig)


@dataclass(frozen=True, slots=True)
class LinkText:
    """The fragment of an invitation (`pinned` = invite hash) or of a staff link (`pinned` = server_id)."""

    staff: bool
    pinned: bytes
    secret: bytes

    def text(self) -> str:
        """68 characters: `2.` or `3.`, what is pinned, the secret."""
        return f"{3 if self.staff else 2}.{b64(self.pinned)}.{b64(self.secret)}"

    def __repr__(self) -> str:
        return f"LinkText(staff={self.staff}, pinned={self.pinned.hex()[:8]}…)"


def parse_link_text(text: str) -> LinkText:
    """The link behind its fragment (or behind a whole URL that ends in it). Code: link."""
    parts = text.rpartition("#")[2].strip().split(".")
    if len(parts) != 3 or parts[0] not in ("2", "3"):
        raise Malformed("link", "this is not an invitation link")
    try:
        pinned, secret = octets(unb64(parts[1]), 32, "link"), octets(unb64(parts[2]), 16, "link")
    except ValueError:
        raise Malformed("link", "this invitation link is damaged or incomplete") from None
    return LinkText(parts[0] == "3", pinned, secret)


def _invite_bytes(core: bytes) -> bytes:
    return label("invite") + plain_digest(core)


def _accept_bytes(core: bytes) -> bytes:
    return label("accept") + plain_digest(core)


def _parse_invite_core(data: bytes) -> Invite:
    core = keyed(cbor.decode(data, limit=MAX_INVITE), range(15), what="invite")
    version_one(core[0])
    return Invite(
        octets(core[1], 32, "server_id"),
        octets(core[2], 16, "practice"),
        octets(core[3], 16, "thread"),
        octets(core[4], 32, "therapist"),
        uint(core[5], "seq", 0, MAX_LINKS - 1),
        octets(core[6], 32, "head"),
        uint(core[7], "keys size"),
        octets(core[8], 32, "keys root"),
        uint(core[9], "role", 1, 4),
        octets(core[10], 32, "charter hash"),
        octets(core[11], 32, "invite_pk"),
        instant(core[12], "expiry"),
        octets(core[13], 16, "nonce"),
        uint(core[14], "display", 0, 1),
    )


def _parse_accept_core(data: bytes) -> InviteAccept:
    core = keyed(cbor.decode(data, limit=MAX_INVITE), range(6), what="accept")
    version_one(core[0])
    return InviteAccept(
        octets(core[1], 32, "invite hash"),
        octets(core[2], 32, "client"),
        uint(core[3], "seq", 0, MAX_LINKS - 1),
        octets(core[4], 32, "head"),
        octets(core[5], 16, "nonce"),
    )
