"""Links of a device chain: one signed step of a person's list of devices (tep.md §5.2, §6.2).

Here a link is read and written on its own; whether it may follow the links before it is judged in `chain`.
"""

from dataclasses import dataclass
from enum import IntEnum

from etherapy.signing import SigningKey, verify
from etherapy.tep import cbor
from etherapy.tep.labels import digest, label, plain_digest
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import ZEROS_32, instant, keyed, numbered, octets, uint, version_one
from etherapy.tep.signed import Signed, pack_signed, parse_signed
from etherapy.tep.xwing import PUBLIC_BYTES, well_formed

MAX_LINK = 4096
MAX_LINKS = 512


class Op(IntEnum):
    """What a link does."""

    GENESIS = 1
    ADD = 2
    REVOKE = 3
    ROTATE = 4
    ANNOUNCE_RECOVERY = 5
    COMPLETE_RECOVERY = 6
    CLOSE = 7


class DeviceClass(IntEnum):
    """What a device is; CLI is treated as desktop."""

    PHONE = 1
    DESKTOP = 2
    WEB = 3
    RECOVERY = 4
    CLI = 5


INTRODUCES = frozenset({Op.GENESIS, Op.ADD, Op.COMPLETE_RECOVERY})
"""Operations that bring a new device in, so the new device signs as well: proof that it has its key."""

_BODY = {
    Op.GENESIS: (0, 1, 2, 3),
    Op.ADD: (0, 1, 2),
    Op.REVOKE: (4,),
    Op.ROTATE: (1,),
    Op.ANNOUNCE_RECOVERY: (4,),
    Op.COMPLETE_RECOVERY: (0, 1, 2, 6),
    Op.CLOSE: (),
}


@dataclass(frozen=True, slots=True)
class LinkCore:
    """The signed part of a link. What an operation does not use is None.

    chain_id and prev are zeros in link 0. `at` is the signer's own time (ms), which nothing relies on.
    sign_pk 32 and hpke_pk 1216 belong to the new device (ROTATE: hpke_pk of the signer); `target` is the
    device revoked or to be replaced; `reference` the hash of the announcing link; `opt_out` (GENESIS only)
    says that this person chose to have no recovery device.
    """

    chain_id: bytes
    seq: int
    prev: bytes
    op: int
    signer: bytes
    at: int
    sign_pk: bytes | None = None
    hpke_pk: bytes | None = None
    device_class: int | None = None
    random: bytes | None = None
    target: bytes | None = None
    opt_out: bool = False
    reference: bytes | None = None

    def pack(self) -> bytes:
        """The core bytes."""
        new_device = (self.sign_pk, self.hpke_pk, self.device_class, self.random)
        body = numbered(*new_device, self.target, self.opt_out or None, self.reference)
        place = (self.chain_id, self.seq, self.prev)
        data = cbor.encode(numbered(1, *place, self.op, body, self.signer, self.at))
        parse_link_core(data)
        return data


@dataclass(frozen=True, slots=True)
class Link:
    """A parsed link. Its signatures are checked where it is added to a chain."""

    core: LinkCore
    core_bytes: bytes
    signatures: tuple[bytes, ...]
    whole: bytes
    link_hash: bytes


def device_id(sign_pk: bytes) -> bytes:
    """The 16-byte name of a device, fixed by its signing key."""
    return digest("dev", sign_pk)[:16]


def link_hash(whole: bytes) -> bytes:
    """The name of a link, over core and signatures; of link 0 it is the chain_id."""
    return digest("chain-hash", whole)


def parse_link(data: bytes) -> Link:
    """Split a link of at most 4 KiB and check its shape; a malformed X-Wing key is refused (code hpke_pk)."""
    signed: Signed = parse_signed(data, MAX_LINK)
    core = parse_link_core(signed.core)
    if len(signed.signatures) != (2 if core.op in INTRODUCES else 1):
        raise Malformed("signature", "link: not the number of signatures of its operation")
    return Link(core, signed.core, signed.signatures, data, link_hash(data))


def parse_link_core(data: bytes) -> LinkCore:
    """The core behind its bytes, with exactly the fields of its operation."""
    core = keyed(cbor.decode(data, limit=MAX_LINK), range(8), what="link")
    version_one(core[0])
    op = uint(core[4], "op")
    if op not in _BODY:
        raise Malformed("op", "link: unknown operation")
    body = keyed(core[5], _BODY[Op(op)], (5,) if op == Op.GENESIS else (), "link body")
    if body.get(5, True) is not True:
        raise Malformed("type", "opt-out: true or absent")
    found = LinkCore(
        octets(core[1], 32, "chain_id"),
        uint(core[2], "seq", 0, MAX_LINKS - 1),
        octets(core[3], 32, "prev"),
        op,
        octets(core[6], 16, "signer"),
        instant(core[7], "time"),
        octets(body[0], 32, "sign_pk") if 0 in body else None,
        _hpke_pk(body[1]) if 1 in body else None,
        uint(body[2], "class", 1, 5) if 2 in body else None,
        octets(body[3], 16, "random") if 3 in body else None,
        octets(body[4], 16, "target") if 4 in body else None,
        5 in body,
        octets(body[6], 32, "reference") if 6 in body else None,
    )
    first = (found.op == Op.GENESIS, found.seq == 0, found.chain_id == ZEROS_32, found.prev == ZEROS_32)
    if any(first) != all(first):
        raise Malformed("seq", "link: genesis is link 0, names no chain and follows nothing")
    return found


def _hpke_pk(value: object) -> bytes:
    key = octets(value, PUBLIC_BYTES, "hpke_pk")
    if not well_formed(key):
        raise Malformed("hpke_pk", "link: nothing could be sealed to this X-Wing key")
    return key


def make_link(core: LinkCore, signer: SigningKey, new_device: SigningKey | None = None) -> bytes:
    """Sign a link. Where it brings in a device, `new_device` is that device's key (GENESIS: the signer's)."""
    data = core.pack()
    signatures = [signer.sign(signer_bytes(data))]
    if core.op in INTRODUCES:
        newcomer = signer if core.op == Op.GENESIS and new_device is None else new_device
        if newcomer is None:
            raise Malformed("signature", "link: the new device signs as well")
        signatures.append(newcomer.sign(newcomer_bytes(data)))
    return pack_signed(data, signatures)


def signer_bytes(core: bytes) -> bytes:
    """What the device named as signer signs."""
    return label("chain") + plain_digest(core)


def newcomer_bytes(core: bytes) -> bytes:
    """What a new device signs to show that it has its key."""
    return label("chain-new") + plain_digest(core)


def check_signatures(link: Link, signer_pk: bytes) -> None:
    """Malformed (code signature) unless the signer, and a new device if there is one, signed this core."""
    if not verify(signer_pk, signer_bytes(link.core_bytes), link.signatures[0]):
        raise Malformed("signature", "link: the signer's signature does not verify")
    new = link.core.sign_pk
    if new is not None and not verify(new, newcomer_bytes(link.core_bytes), link.signatures[1]):
        raise Malformed("signature", "link: the new device's own signature does not verify")
