"""Commands that renew what is kept on paper or in the head, code and passphrase; and the end of it all."""

import click

from etherapy.cli.drafting import read_secret
from etherapy.cli.myself import YES, as_me, ask
from etherapy.cli.profiles import profiled, typed
from etherapy.cli.saying import Command, Refusal, remark, say
from etherapy.cli.showing import local_zone, show_time
from etherapy.cli.speaking import run
from etherapy.sdk.devices.new_code import Cancelled, Replacement

SHORTEST = 12
"""Characters of a passphrase. It opens nothing, but whoever guesses it can have one's devices asked."""
_KEEP = "Write it on paper, now: it is shown this once. The old code opens nothing from now on: destroy it."


@click.command("new-code", cls=Command)
@click.option("--old-code", "has_old", is_flag=True, help="The old code is at hand: it is asked for.")
@click.option("--cancel", is_flag=True, help="Prevent a new code that another device announced.")
@profiled
def renewing(has_old: bool, cancel: bool, profile: str) -> None:
    """Get another recovery code: at once with --old-code, else announced now and to be had after 72 hours."""
    if cancel:
        say(*_show_cancelled(run(_cancel(profile)), profile))
        return
    old = read_secret(None, "Old recovery code") if has_old else None
    say(*_show_replacement(run(_renew(profile, old)), profile))


async def _renew(profile: str, old: str | None) -> Replacement:
    async with as_me(profile) as me:
        return await me.devices.replace_recovery(old)


async def _cancel(profile: str) -> Cancelled:
    async with as_me(profile) as me:
        return await me.devices.cancel_replacement()


def _show_replacement(done: Replacement, profile: str) -> tuple[list[str], object]:
    if done.code is not None:
        lines = ["Your new recovery code:", "", f"    {done.code}", "", _KEEP]
    else:
        lines = [
            f"Announced. The new code can be had from {show_time(done.ready_at, local_zone())} on.",
            f"Then, here: {typed('device new-code', profile)}",
            "Until then each of your other devices can prevent it, and is told of it.",
        ]
    return lines, {"recovery_code": done.code, "ready_at": done.ready_at}


def _show_cancelled(done: Cancelled, profile: str) -> tuple[list[str], object]:
    lines = [f"Taken out, for it had announced a new recovery code: {one.hex()[:8]}." for one in done.revoked]
    if done.forgotten:
        lines += [
            "This device had announced it, and will not complete it.",
            "If that was not you, somebody else used this device: take it out from another one.",
        ]
    lines.append("Your old recovery code goes on being good.")
    return lines, {"revoked": [one.hex() for one in done.revoked], "forgotten": done.forgotten}


@click.command("passphrase", cls=Command)
@click.argument("name", required=False)
@click.option("--drop", is_flag=True, help="Go without a passphrase.")
@profiled
def phrasing(name: str | None, drop: bool, profile: str) -> None:
    """Let a new device ask by NAME and a passphrase. One of your devices must agree all the same."""
    if not drop and not name:
        raise Refusal("say by which name you want to log in", typed("device passphrase NAME", profile), 2)
    passphrase = "" if drop else read_secret(None, "Passphrase", again=True)
    if not drop and len(passphrase) < SHORTEST:
        raise Refusal(
            f"a passphrase has at least {SHORTEST} characters", "four or five words are easy to keep", 2
        )
    run(_phrase(profile, name or "", passphrase, drop))
    say(
        "You have no passphrase any more." if drop else
        "Set. It opens nothing by itself: whoever knows it can only ask, and you are told.",
        {"ok": True},
    )  # fmt: skip


async def _phrase(profile: str, name: str, passphrase: str, drop: bool) -> None:
    async with as_me(profile) as me:
        if drop:
            await me.devices.drop_passphrase()
        else:
            await me.devices.set_passphrase(name, passphrase)


@click.command("close-account", cls=Command)
@YES
@profiled
def closing(yes: bool, profile: str) -> None:
    """End your account here, on all your devices, for good. There is no way back, not even by the code."""
    run(_close(profile, yes))
    say("Your account is closed, and this profile is empty.", {"ok": True})


async def _close(profile: str, yes: bool) -> None:
    async with as_me(profile) as me:
        remark("Closing your account cannot be undone:")
        remark("  - no device and no recovery code of yours gets in any more;")
        remark("  - what you have waiting is never read by anybody;")
        remark("  - what was read stays with those who read it;")
        remark("  - your messages on this device are gone: copy what you want to keep before.")
        ask("Close the account for good?", yes)
        await me.devices.close_account()
