"""Making links: each function gives the bytes of the next link of a chain (tep.md §5.2).

`at` is the signing device's own time (ms). Nothing here decides whether the link is allowed: add it to the
chain, as everybody else will.
"""

from etherapy.signing import SigningKey
from etherapy.tep.chain import Chain
from etherapy.tep.links import DeviceClass, LinkCore, Op, device_id, make_link
from etherapy.tep.shape import ZEROS_32


def begin_chain(
    key: SigningKey, hpke_pk: bytes, device_class: int, random: bytes, at: int, *, opt_out: bool = False
) -> bytes:
    """Link 0. `random` is 16 bytes.

    Unless `opt_out`, link 1 must bring in the recovery device (or, when the recovery device begins the chain
    itself, the first ordinary one).
    """
    core = LinkCore(
        chain_id=ZEROS_32,
        seq=0,
        prev=ZEROS_32,
        op=Op.GENESIS,
        signer=device_id(key.public),
        at=at,
        sign_pk=key.public,
        hpke_pk=hpke_pk,
        device_class=device_class,
        random=random,
        opt_out=opt_out,
    )
    return make_link(core, key)


def next_core(chain: Chain, signer: bytes, op: Op, at: int) -> LinkCore:
    """The core of the next link by the device with id `signer`, before its operation's own fields."""
    return LinkCore(chain.chain_id, chain.seq + 1, chain.head, op, signer, at)


def add_core(
    chain: Chain, signer: bytes, sign_pk: bytes, hpke_pk: bytes, device_class: int, at: int
) -> LinkCore:
    """The core that an active device and the new device both sign, each on its own machine."""
    return LinkCore(
        chain.chain_id,
        chain.seq + 1,
        chain.head,
        Op.ADD,
        signer,
        at,
        sign_pk=sign_pk,
        hpke_pk=hpke_pk,
        device_class=device_class,
    )


def add_device(
    chain: Chain, signer: SigningKey, new_device: SigningKey, hpke_pk: bytes, device_class: int, at: int
) -> bytes:
    """Bring in a device whose key is at hand: the recovery device, or oneself by the recovery code."""
    core = add_core(chain, device_id(signer.public), new_device.public, hpke_pk, device_class, at)
    return make_link(core, signer, new_device)


def revoke_device(chain: Chain, signer: SigningKey, target: bytes, at: int) -> bytes:
    """Take a device out for good."""
    return make_link(_with_target(chain, signer, Op.REVOKE, target, at), signer)


def rotate_key(chain: Chain, signer: SigningKey, hpke_pk: bytes, at: int) -> bytes:
    """Give the signing device a new X-Wing key."""
    place = (chain.chain_id, chain.seq + 1, chain.head)
    core = LinkCore(*place, Op.ROTATE, device_id(signer.public), at, hpke_pk=hpke_pk)
    return make_link(core, signer)


def announce_recovery(chain: Chain, signer: SigningKey, target: bytes, at: int) -> bytes:
    """Say that the recovery device `target` will be replaced, 72 hours ahead."""
    return make_link(_with_target(chain, signer, Op.ANNOUNCE_RECOVERY, target, at), signer)


def complete_recovery(
    chain: Chain, signer: SigningKey, announcement: bytes, new_device: SigningKey, hpke_pk: bytes, at: int
) -> bytes:
    """Replace the recovery device as the link with hash `announcement` said."""
    core = LinkCore(
        chain.chain_id,
        chain.seq + 1,
        chain.head,
        Op.COMPLETE_RECOVERY,
        device_id(signer.public),
        at,
        sign_pk=new_device.public,
        hpke_pk=hpke_pk,
        device_class=DeviceClass.RECOVERY,
        reference=announcement,
    )
    return make_link(core, signer, new_device)


def close_chain(chain: Chain, signer: SigningKey, at: int) -> bytes:
    """End the account: no link may follow."""
    return make_link(next_core(chain, device_id(signer.public), Op.CLOSE, at), signer)


def _with_target(chain: Chain, signer: SigningKey, op: Op, target: bytes, at: int) -> LinkCore:
    place = (chain.chain_id, chain.seq + 1, chain.head)
    return LinkCore(*place, op, device_id(signer.public), at, target=target)
