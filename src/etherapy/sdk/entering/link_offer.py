"""An offer to become somebody's device, judged before anything is signed (tep.md §5.9). Pure.

The chain that comes with it must hold, the link must be the next one and bring in exactly this device, and
the person must know whose device it becomes.
"""

from collections.abc import Callable
from dataclasses import dataclass

from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.pairing import confirms
from etherapy.crypto.safety import half
from etherapy.protocol.pairing import LinkOffer
from etherapy.sdk.faults import Refuted, WrongAccount
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import KnownLinks
from etherapy.sdk.verifying.person import known_links, read_person
from etherapy.tep.chain import Chain
from etherapy.tep.links import Op, newcomer_bytes, parse_link_core
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import KeyDates
from etherapy.tep.signed import pack_signed

Compare = Callable[[str], bool]
"""Asked whether these 30 digits are those that the old device shows."""


@dataclass(frozen=True, slots=True)
class SignedOffer:
    """The link with both signatures, and the chain that it goes on from."""

    link: bytes
    chain: Chain
    known: KnownLinks


def sign_offer(
    offer: LinkOffer,
    keys: DeviceKeys,
    device_class: int,
    receipt_keys: dict[bytes, KeyDates],
    practice: bytes,
    secret: bytes,
    compare: Compare | None,
) -> SignedOffer:
    """Check everything, then sign. Refuted: it does not hold; WrongAccount: it is somebody else's."""
    known = known_links(bytes(offer.account), offer.chain)
    try:
        core = parse_link_core(offer.core)
        chain = read_person(known, receipt_keys, practice).chain
        wanted = (Op.ADD, keys.sign.public, keys.hpke.public, device_class)
        if (core.op, core.sign_pk, core.hpke_pk, core.device_class) != wanted:
            raise Malformed("keys", "the link is not for this device")
        _check_account(offer, chain, secret, compare)
        link = pack_signed(offer.core, [bytes(offer.signature), keys.sign.sign(newcomer_bytes(offer.core))])
        chain.add(link)
    except Malformed as bad:
        words = f"the link that is offered to this device does not hold: {bad}"
        proof = {"core": bytes(offer.core), "signature": bytes(offer.signature)}
        raise Refuted(Finding(kind=Kind.CHAIN, words=words, proof=proof)) from None
    return SignedOffer(link, chain, known)


def _check_account(offer: LinkOffer, chain: Chain, secret: bytes, compare: Compare | None) -> None:
    """A confirmation that is there must be right; where there is none, the person compares."""
    if offer.confirmation is not None:
        if not confirms(offer.confirmation, secret, offer.core):
            raise WrongAccount("somebody who did not see this device's QR code offers to take it in")
    elif compare is None or not compare(half(chain.chain_id)):
        raise WrongAccount("these are not the digits that your other device shows")
