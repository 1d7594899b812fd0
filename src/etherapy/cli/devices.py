"""Commands on one's own devices: a new phone, a lost phone, a new key, a new recovery code."""

import click

from etherapy.cli.device_words import show_device, show_newcomer
from etherapy.cli.drafting import read_secret
from etherapy.cli.entering import recovering
from etherapy.cli.linking import linking
from etherapy.cli.myself import LATER, YES, as_me, ask
from etherapy.cli.profiles import profiled, typed
from etherapy.cli.renewing import closing, phrasing, renewing
from etherapy.cli.saying import Group, Refusal, count, remark, say, wants_json
from etherapy.cli.showing import local_zone, show_time
from etherapy.cli.speaking import run
from etherapy.protocol.pairing import LinkRequest
from etherapy.sdk.devices.approving import Approval, Newcomer
from etherapy.sdk.devices.own_devices import OwnDevice
from etherapy.sdk.devices.revoking import Revocation


@click.group("device", cls=Group)
def device() -> None:
    """Your own devices: link a new one, take out a lost one, renew keys and the recovery code."""


@device.command("list")
@profiled
def listing(profile: str) -> None:
    """All your devices, with since when; and new ones that ask to be let in by your passphrase."""
    devices, asking = run(_list(profile))
    zone = local_zone()
    lines = [line for one in devices for line in show_device(one, zone)]
    if asking:
        since = show_time(asking[0].asked_at, zone)
        lines.append(f"A new device asks to be let in since {since}; it knew your passphrase.")
        lines.append(f"If it is yours: {typed('device approve', profile)}")
        lines.append(f"If it is not: {typed('device refuse', profile)}, and change your passphrase.")
    say(
        lines,
        [
            {"device": one.device.hex(), "class": one.device_class.name.lower(), "this": one.this,
             "active": one.active, "since": one.since, "ended_at": one.ended_at, "key_since": one.key_since,
             "narrowed": list(one.narrowed)}
            for one in devices
        ],
    )  # fmt: skip


async def _list(profile: str) -> tuple[list[OwnDevice], tuple[LinkRequest, ...]]:
    async with as_me(profile) as me:
        return await me.devices.list(), await me.devices.requests()


@device.command("approve")
@click.argument("code", required=False)
@YES
@click.option("--wait", default=15, show_default=True, help="Minutes to wait for the new device.")
@profiled
def approving(code: str | None, yes: bool, wait: int, profile: str) -> None:
    """Let a new device in by the CODE that it shows, or by the link in its QR code.

    It becomes one of your devices: it reads everything that you can read, and writes in your name.
    """
    done = run(_approve(profile, read_secret(code, "Code on the new device"), yes, wait * 60.0))
    later = [LATER] if done.unsettled else []
    say(
        ["The new device is in, and has your history.", *later],
        {"device": done.device.hex(), "unsettled": list(done.unsettled)},
    )


async def _approve(profile: str, code: str, yes: bool, wait: float) -> Approval:
    async with as_me(profile) as me:
        newcomer = await me.devices.examine(code)
        _introduce(newcomer)
        ask("Is this your own new device, and in your hands?", yes)
        if not wants_json():
            remark("Waiting for the new device …")
        return await me.devices.approve(newcomer, wait)


def _introduce(newcomer: Newcomer) -> None:
    for line in show_newcomer(newcomer, local_zone()):
        remark(line)


@device.command("refuse")
@click.argument("code", required=False)
@profiled
def refusing(code: str | None, profile: str) -> None:
    """Say no to a new device: to the one that shows CODE, or to the one that knew your passphrase."""
    run(_refuse(profile, code))
    say(
        ["Refused; it is told.", "If you do not know it, change your passphrase: "
         f"{typed('device passphrase NAME', profile)}"],
        {"ok": True},
    )  # fmt: skip


async def _refuse(profile: str, code: str | None) -> None:
    async with as_me(profile) as me:
        if code is not None:
            await me.devices.refuse((await me.devices.examine(read_secret(code, "Code"))).lookup)
            return
        asking = await me.devices.requests()
        if not asking:
            raise Refusal("no new device asks by your passphrase", "name the code that it shows")
        await me.devices.refuse(asking[0].lookup)


@device.command("revoke")
@click.argument("which")
@YES
@profiled
def revoking(which: str, yes: bool, profile: str) -> None:
    """Take out a device for good: WHICH is the beginning of its id, as in `device list`.

    It reads nothing that is written from now on. What it had waiting is kept, with its times.
    """
    done = run(_revoke(profile, which, yes))
    waiting = f"{count(done.kept, 'message')} that it had waiting: kept, with the times promised."
    say(
        [
            "That device is out. It wipes itself when it is next switched on.",
            *([waiting] if done.kept else []),
            *([LATER] if done.unsettled else []),
        ],
        {"device": done.device.hex(), "kept": done.kept, "unsettled": list(done.unsettled)},
    )


async def _revoke(profile: str, which: str, yes: bool) -> Revocation:
    async with as_me(profile) as me:
        found = await me.devices.find(which)
        if found == me.keys.device_id:
            ask("That is this device: everything on it will be wiped. Go on?", yes)
        else:
            ask(f"Take out {found.hex()[:8]} for good?", yes)
        return await me.devices.revoke(found)


@device.command("rotate")
@profiled
def rotating(profile: str) -> None:
    """Give this device a new key to be sealed to. It happens by itself every 90 days."""
    later = run(_rotate(profile))
    say(
        ["This device has a new key; the old one is erased."] if not later else
        ["This device has a new key. The old one is erased once every thread was read past it.", LATER],
        {"unsettled": list(later)},
    )  # fmt: skip


async def _rotate(profile: str) -> tuple[bytes, ...]:
    async with as_me(profile) as me:
        return await me.devices.rotate()


for command in (linking, recovering, renewing, phrasing, closing):
    device.add_command(command)


COMMANDS = (device,)
