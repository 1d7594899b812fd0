"""Commands about the server's own keys: what they are, new ones, the root key in another place."""

import asyncio
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from etherapy.cli.places import placed, settings_of
from etherapy.cli.saying import Group, count, say
from etherapy.server.keys import LONGEST_OVERLAP, ServerSecrets
from etherapy.server.operate.installation import read_installation
from etherapy.server.operate.rotating import Rotated, list_keys, rotate_server_keys, take_root_out
from etherapy.server.operate.site import keys_file, open_site
from etherapy.server.settings import Settings

_FILE = click.Path(path_type=Path)


@click.group("server-keys", cls=Group)
def server_keys() -> None:
    """The keys with which the server signs promises, logs and restores."""


@server_keys.command("show")
@placed
def show(config: Path | None, data: Path | None) -> None:
    """List the server's keys, their use and their dates. No secret is shown."""
    settings = settings_of(config, data=data)
    secrets = ServerSecrets.load(keys_file(settings.data))
    rows = list_keys(secrets)
    where = "in the keys file" if secrets.root is not None else "kept apart"
    links = count(len(secrets.links), "link")
    lines = [f"Server {secrets.server_id.hex()[:16]}…, {links}, root key {where}."]
    lines += [
        f"{row.key_id.hex()}  {row.use:11}  {row.since:%Y-%m-%d} to {row.until:%Y-%m-%d}"
        f"{'  signs now' if row.signs_now else ''}"
        for row in rows
    ]
    document: dict[str, Any] = {
        "server_id": secrets.server_id,
        "links": len(secrets.links),
        "root_kept_apart": secrets.root is None,
        "keys": [asdict(row) | {"key_id": row.key_id.hex()} for row in rows],
    }
    say(lines, document)


@server_keys.command("rotate")
@placed
@click.option("--root", type=_FILE, help="The file with the root key, where it is kept apart.")
@click.option(
    "--overlap",
    type=click.IntRange(0, LONGEST_OVERLAP.days),
    default=LONGEST_OVERLAP.days,
    show_default=True,
    help="Days for which the old keys still count.",
)
def rotate(config: Path | None, data: Path | None, root: Path | None, overlap: int) -> None:
    """Make new keys. A running server takes them up by itself, and so do people's devices."""
    settings = settings_of(config, data=data)
    done = asyncio.run(_rotate(settings, root, timedelta(days=overlap)))
    file = keys_file(settings.data)
    say(
        [
            f"The server has new keys; the old ones count until {done.old_end:%Y-%m-%d %H:%M} UTC.",
            f"Copy {file} to every node before then, and keep a new copy of it apart from the backups:",
            "a restore with an older copy would put up a server that nobody believes.",
        ],
        {"links": done.links, "old_end": done.old_end, "practices": done.practices},
    )


async def _rotate(settings: Settings, root: Path | None, overlap: timedelta) -> Rotated:
    async with open_site(settings) as site:
        return await rotate_server_keys(site, await read_installation(site), root=root, overlap=overlap)


@server_keys.command("keep-root-apart")
@placed
@click.argument("file", type=_FILE)
def keep_root_apart(config: Path | None, data: Path | None, file: Path) -> None:
    """Move the root key, which only a rotation needs, from the keys file to a new FILE."""
    asyncio.run(_take_root_out(settings_of(config, data=data), file))
    say(
        [
            f"The root key is in {file} and nowhere else now: keep it off this machine, in two places.",
            "Without it these keys can be used until they end, but never be replaced.",
        ],
        {"root": str(file)},
    )


async def _take_root_out(settings: Settings, file: Path) -> None:
    async with open_site(settings) as site:
        take_root_out(site, file)


COMMANDS = (server_keys,)
