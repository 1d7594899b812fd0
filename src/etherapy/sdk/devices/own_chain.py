"""One's own device chain: looked at afresh, and grown by one link (tep.md §5.2).

A link is made on the newest head and judged here by the same rules as everywhere before it is sent, so that a
refusal has words for the person. An answer that was lost costs nothing: the chain itself says whether the
link is there.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.people import AddLink
from etherapy.protocol.problems import StaleChain
from etherapy.rules.calendar import instant
from etherapy.sdk.faults import (
    DeviceFault,
    NoSuchDevice,
    NotThisDevice,
    Refuted,
    TooEarly,
    TooManyDevices,
)
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.verifying.person import Person
from etherapy.tep.chain import Chain, Device
from etherapy.tep.links import DeviceClass, link_hash
from etherapy.tep.malformed import Malformed

if TYPE_CHECKING:
    from etherapy.sdk.connection import Connection

CLASS_NAMES = {
    DeviceClass.PHONE: "phone",
    DeviceClass.DESKTOP: "computer",
    DeviceClass.WEB: "browser",
    DeviceClass.RECOVERY: "recovery code",
    DeviceClass.CLI: "command line",
}
"""What a person calls a class of devices."""
_TRIES = 4


async def look_at_self(link: "Connection") -> Person:
    """Oneself as the server has it now. Refuted when the chain is not what it was."""
    person = await link.people.look(link.chain, await link.now())
    link.profile.save()
    return person


async def grow(link: "Connection", make: Callable[[Chain], bytes]) -> Person:
    """Add the link that `make` gives for the newest chain; oneself afterwards.

    Where the chain grew meanwhile, it is made anew. Refuted; NotThisDevice and others as the rules say.
    """
    for left in reversed(range(_TRIES)):
        person = await look_at_self(link)
        made = make(person.chain)
        judge(person.chain, made, await link.now())
        try:
            await link.transport.call(endpoints.add_link, AddLink(B64(made)))
        except StaleChain:
            if not left:
                raise
            continue
        person = await look_at_self(link)
        if link_hash(made) not in person.chain.hashes:
            words = "the server took a change of your devices and does not show it"
            raise Refuted(Finding(kind=Kind.CHAIN, words=words, proof={"chain": link.chain, "link": made}))
        return person
    raise AssertionError("unreachable")


def judge(chain: Chain, link: bytes, now: int) -> Chain:
    """The chain with one more link; a fault in words where nobody would accept it."""
    try:
        return chain.add(link, now)
    except Malformed as bad:
        raise _fault_of(bad) from None


def _fault_of(bad: Malformed) -> DeviceFault:
    match bad.what:
        case "class":
            return NotThisDevice("this kind of device may not change which devices you have")
        case "limit":
            return TooManyDevices("you have as many devices as a person may have")
        case "delay":
            return TooEarly("72 hours have not passed since the new recovery code was announced")
        case "target" | "device":
            return NoSuchDevice("this device is not, or no longer, one that this could be done to")
        case "closed":
            return NotThisDevice("this account is closed", "nothing can be changed any more")
    return NotThisDevice(f"your devices cannot be changed so ({bad})")


def own_device(chain: Chain, device: bytes) -> Device:
    """This very device in one's own chain; NotThisDevice when it has no place there."""
    found = chain.devices.get(device)
    if found is None or not found.active:
        raise NotThisDevice("this device is not one of your active devices")
    return found


def expect_ordinary(chain: Chain, device: bytes) -> None:
    """NotThisDevice unless this device may let others in, and take them out."""
    if own_device(chain, device).device_class == DeviceClass.WEB:
        raise NotThisDevice("a browser may not change which devices you have")


def key_since(person: Person, device: bytes) -> int:
    """When the X-Wing key of a device came into the chain (the log's ms)."""
    since, known = 0, b""
    for chain, recorded in zip(person.history, person.recorded, strict=True):
        found = chain.devices.get(device)
        if found is not None and found.hpke_pk != known:
            since, known = recorded, found.hpke_pk
    return since


def device_name(device: Device) -> str:
    """How a device is called before people: its kind, and the beginning of its id."""
    name = CLASS_NAMES[DeviceClass(device.device_class)]
    return name if device.device_class == DeviceClass.RECOVERY else f"{name} {device.device_id.hex()[:8]}"


def recorded_at(person: Person, seq: int) -> datetime:
    """When a link was taken into the log."""
    return instant(person.recorded[seq])
