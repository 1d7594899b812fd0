"""Letting a new device in, on a device that one has already (tep.md §5.9).

The code that the new device shows is the hash of its keys, so the server cannot put others in their place. It
signs as well; then every thread gets an epoch with the newcomer in it, and only after that the newcomer gets
the history (tep.md §5.5: commit first, grant afterwards).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from etherapy.binary import B64, Hash32
from etherapy.crypto.pairing import confirmation
from etherapy.crypto.safety import half
from etherapy.protocol import endpoints
from etherapy.protocol.pairing import LinkRequest, OfferLink, ProgressQuery
from etherapy.protocol.problems import NoSuchRequest, StaleChain
from etherapy.sdk.devices.link_text import ShownCode, read_shown_code
from etherapy.sdk.devices.own_chain import expect_ordinary, look_at_self
from etherapy.sdk.faults import BadLink, LinkEnded, Refuted, TooManyDevices
from etherapy.sdk.findings import Finding, Kind
from etherapy.tep.chain import MAX_ACTIVE, Chain
from etherapy.tep.linking import add_core
from etherapy.tep.links import device_id, signer_bytes
from etherapy.tep.malformed import Malformed
from etherapy.tep.pairing import code_of, lookup_id, request_hash
from etherapy.tep.xwing import well_formed

if TYPE_CHECKING:
    from etherapy.sdk.connection import Connection

PATIENCE: Final = 15 * 60.0
"""Seconds to wait for the new device to sign: as long as its request lives."""
_POLL: Final = 25


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A device that asks to become one's own; its keys are those of the code that was read off it.

    `digits` are one's own 30, which the new device's person compares where the code was typed: there nothing
    else tells them whose device it becomes.
    """

    device: bytes
    device_class: int
    asked_at: datetime
    by_passphrase: bool
    digits: str
    by_qr: bool
    lookup: bytes = field(repr=False)
    sign_pk: bytes = field(repr=False)
    hpke_pk: bytes = field(repr=False)
    secret: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Approval:
    """A device that is in. `unsettled` threads, and their history, follow at the next sync."""

    device: bytes
    unsettled: tuple[bytes, ...]


async def examine(link: "Connection", text: str) -> Newcomer:
    """Which device shows this code, compared with the keys that the server relays; nothing is signed yet.

    BadLink for a typing mistake, LinkEnded when nothing waits under it, Refuted for other keys.
    """
    shown = read_shown_code(text)
    scanned = shown.scanned
    if scanned and (scanned.origin, scanned.practice) != (link.transport.origin, link.practice):
        raise BadLink(
            "the new device wants to be linked at another practice", "start it with your own address"
        )
    chain = (await look_at_self(link)).chain
    expect_ordinary(chain, link.keys.device_id)
    lookup = lookup_id(shown.code)
    try:
        found = await link.transport.call(endpoints.read_link_request, lookup=lookup)
    except NoSuchRequest:
        mend = "compare each character; a code is good for 15 minutes, then start again on the new device"
        raise LinkEnded("no new device waits under this code", mend) from None
    _check_keys(found, shown)
    if len(chain.active()) >= MAX_ACTIVE:
        raise TooManyDevices(f"you have {MAX_ACTIVE} devices already")
    return Newcomer(
        device=device_id(found.sign_pk),
        device_class=found.device_class,
        asked_at=found.asked_at,
        by_passphrase=found.by_passphrase,
        digits=half(link.chain),
        by_qr=scanned is not None,
        lookup=lookup,
        sign_pk=bytes(found.sign_pk),
        hpke_pk=bytes(found.hpke_pk),
        secret=scanned.secret if scanned else None,
    )


def _check_keys(found: LinkRequest, shown: ShownCode) -> None:
    try:
        name = request_hash(found.sign_pk, found.hpke_pk, found.device_class)
    except Malformed:
        name = bytes(32)
    if not well_formed(found.hpke_pk):
        words = "nothing could be sealed to the new device's key, so it would block all your threads"
        raise Refuted(Finding(kind=Kind.CHAIN, words=words, proof={"hpke_pk": bytes(found.hpke_pk)}))
    if code_of(name) != shown.code or (shown.scanned is not None and shown.scanned.request != name):
        words = "the server relays other keys than those of the device whose code you read"
        proof = {"sign_pk": bytes(found.sign_pk), "hpke_pk": bytes(found.hpke_pk)}
        raise Refuted(Finding(kind=Kind.CHAIN, words=words, proof=proof))


async def approve(
    link: "Connection",
    newcomer: Newcomer,
    patience: float = PATIENCE,
    monotonic: Callable[[], float] = time.monotonic,
) -> Approval:
    """Sign, offer, wait for the new device to sign too, then begin epochs and give it the history.

    LinkEnded when the time is over first. What comes after its signature is finished by the next sync, if
    need be: the history that is owed is written down before anything is offered.
    """
    owe(link, newcomer.device)
    until = monotonic() + patience
    offered = b""
    while True:
        chain = (await look_at_self(link)).chain
        if newcomer.device in chain.devices:
            break
        if offered != chain.head:
            offered = await _offer(link, newcomer, chain)
        left = until - monotonic()
        if left <= 0 or not await _wait(link, newcomer, min(left, _POLL)):
            _owe_no_more(link, newcomer.device)
            raise LinkEnded("the new device has not answered")
    return Approval(newcomer.device, await pay(link))


async def _offer(link: "Connection", newcomer: Newcomer, chain: Chain) -> bytes:
    """Offer the next link; the head on which it stands, empty when the chain grew in between."""
    core = add_core(
        chain,
        link.keys.device_id,
        newcomer.sign_pk,
        newcomer.hpke_pk,
        newcomer.device_class,
        link.device_time(),
    ).pack()
    proof = None if newcomer.secret is None else Hash32(confirmation(newcomer.secret, core))
    body = OfferLink(B64(core), B64(link.keys.sign.sign(signer_bytes(core))), proof)
    try:
        await link.transport.call(endpoints.offer_link, body, lookup=newcomer.lookup)
    except StaleChain:
        return b""
    except NoSuchRequest:
        raise LinkEnded("the new device does not wait any more") from None
    return chain.head


async def _wait(link: "Connection", newcomer: Newcomer, seconds: float) -> bool:
    """Until something has changed about the offer; whether there is any hope left."""
    query = ProgressQuery("offered", int(seconds))
    try:
        progress = await link.transport.call(
            endpoints.read_link_progress,
            query=query,
            time_out=30.0 + seconds,
            practice=link.practice,
            lookup=newcomer.lookup,
        )
    except NoSuchRequest:
        return False
    if progress.state == "refused":
        raise LinkEnded("another of your devices said no to this one", "if it is yours, start it again")
    return True


async def requests(link: "Connection") -> list[LinkRequest]:
    """Devices that wait by one's passphrase: whoever knew it, and not yet anybody's devices."""
    return (await link.transport.call(endpoints.read_link_requests)).requests


async def refuse(link: "Connection", lookup: bytes) -> None:
    """Say no to a device that waits. LinkEnded when it does not wait any more."""
    try:
        await link.transport.call(endpoints.refuse_link, lookup=lookup)
    except NoSuchRequest:
        raise LinkEnded("no new device waits under this code") from None


async def pay(link: "Connection") -> tuple[bytes, ...]:
    """Take up the newcomers in all threads and give them the history; the threads where that has to wait."""
    unsettled = set(await link.settle_threads())
    chain = (await look_at_self(link)).chain
    for device in list(link.profile.kept.owed):
        found = chain.devices.get(device)
        if found is None:
            continue  # it has not signed yet, and may still
        open_ones = set(await link.share_history(device)) if found.active else set()
        unsettled |= open_ones
        if not open_ones and not unsettled:
            _owe_no_more(link, device)
    return tuple(sorted(unsettled))


def owe(link: "Connection", device: bytes) -> None:
    """Write down that a device is to be given the history, before it is let in."""
    if device not in link.profile.kept.owed:
        link.profile.kept.owed.append(device)
        link.profile.save()


def _owe_no_more(link: "Connection", device: bytes) -> None:
    if device in link.profile.kept.owed:
        link.profile.kept.owed.remove(device)
        link.profile.save()
