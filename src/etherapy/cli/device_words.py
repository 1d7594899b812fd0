"""How devices are spoken of: what they are, since when, and what a person should compare."""

from collections.abc import Iterator

from etherapy.cli.showing import show_time
from etherapy.sdk.devices.approving import Newcomer
from etherapy.sdk.devices.own_chain import CLASS_NAMES
from etherapy.sdk.devices.own_devices import OwnDevice
from etherapy.tep.links import DeviceClass

OPTIONS = {
    "phone": DeviceClass.PHONE,
    "computer": DeviceClass.DESKTOP,
    "browser": DeviceClass.WEB,
    "cli": DeviceClass.CLI,
}
"""What a person may say that a new device is."""


def show_device(one: OwnDevice, zone: str) -> Iterator[str]:
    """A device at a glance."""
    name = CLASS_NAMES[one.device_class]
    which = "" if one.recovery else f"{one.device.hex()[:8]}  "
    here = "  (this one)" if one.this else ""
    ended = f", taken out {show_time(one.ended_at, zone)}" if one.ended_at else ""
    yield f"{which}{name}{here}, since {show_time(one.since, zone)}{ended}"
    if one.narrowed:
        yield f"      left out of {len(one.narrowed)} of your threads"


def show_newcomer(one: Newcomer, zone: str) -> Iterator[str]:
    """A device that asks to be let in, and what to compare before."""
    name = CLASS_NAMES[DeviceClass(one.device_class)]
    yield f"A new device, {name} {one.device.hex()[:8]}, asks since {show_time(one.asked_at, zone)}."
    yield "Its keys are those of the code that you read off it."
    if one.by_passphrase:
        yield "It knew your passphrase."
    if not one.by_qr:
        yield "It will show thirty digits. They must be these; say no there if they are not:"
        yield f"    {one.digits}"
