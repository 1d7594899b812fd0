"""A look at everything that should be true of an installation, with the mend for what is not.

Nothing is changed. `fail` means that serving is refused or unsafe, `warn` that somebody should look.
"""

import os
import platform
import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from pathlib import Path

from etherapy import __version__
from etherapy.rules.calendar import tzdata_version
from etherapy.rules.crisis import REVIEW_AFTER_DAYS, Check, checked_cards, stale
from etherapy.server.addresses import read_address
from etherapy.server.keys import KeysUnusable, ServerSecrets
from etherapy.server.listening import CannotListen, require_fast_parser
from etherapy.server.operate.crisis_cards import read_checks
from etherapy.server.operate.database_health import look_at_database
from etherapy.server.operate.faults import in_words
from etherapy.server.operate.line import Line, State, halves
from etherapy.server.operate.site import keys_file, open_site
from etherapy.server.settings import Settings

ENDING_SOON = timedelta(days=60)
LITTLE_SPACE = 1 << 30


async def examine(settings: Settings) -> list[Line]:
    """Every line, in the order in which one would mend. Starts the embedded PostgreSQL if nobody runs it."""
    lines, checks = [*_versions(), *_machine(settings), *_keys(settings)], list[Check]()
    try:
        async with open_site(settings) as site:
            lines += [line async for line in look_at_database(site, settings)]
            checks = await read_checks(site)
    except Exception as error:
        told = in_words(error)
        if told is None:
            raise
        lines.append(Line("database", "fail", told.problem, told.mend))
    return [*lines, *_crisis(checks)]


def _versions() -> Iterator[Line]:
    names = ", ".join(f"{name} {version(name)}" for name in ("aiohttp", "asyncpg", "PyNaCl", "msgspec"))
    yield Line(
        "versions", "ok", f"etherapy {__version__}, Python {platform.python_version()}, {names}, "
        f"zone data {tzdata_version()}"
    )  # fmt: skip


def _machine(settings: Settings) -> Iterator[Line]:
    try:
        require_fast_parser()
        yield Line("http", "ok", "the compiled HTTP parser is in use")
    except CannotListen as error:
        yield Line("http", "fail", *halves(str(error)))
    for field in ("listen", "health_listen"):
        yield _port(field, getattr(settings, field))
    place = settings.data if settings.data.exists() else Path(settings.data.absolute().anchor)
    free = shutil.disk_usage(place).free
    if free < LITTLE_SPACE:
        yield Line("disk", "warn", f"{free >> 20} MiB are left for {settings.data}", "make room")
    else:
        yield Line("disk", "ok", f"{free >> 30} GiB are free")


def _port(field: str, listen: str) -> Line:
    address = read_address(listen)
    if not isinstance(address, tuple):
        return Line(field, "ok", f"{listen} is a socket file")
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if _serves(address):
                return Line(field, "ok", f"etherapy serves on {listen}")
            return Line(
                field,
                "warn",
                f"{listen} cannot be opened now ({error.strerror})",
                "fine if that is your running server; else stop what listens there or change the setting",
            )
    return Line(field, "ok", f"{listen} is free")


def _serves(address: tuple[str, int]) -> bool:
    """Whether something there says that it is alive as our server does; a listener with TLS cannot be
    told."""
    connection = HTTPConnection(*address, timeout=2)
    try:
        connection.request("GET", "/live")
        answer = connection.getresponse()
        return answer.status == HTTPStatus.OK and answer.read(16) == b"ok\n"
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _keys(settings: Settings) -> Iterator[Line]:
    path = keys_file(settings.data)
    try:
        secrets = ServerSecrets.load(path)
    except KeysUnusable as error:
        yield Line("keys", "fail", error.problem, error.mend)
        return
    owned = path.parent.stat()
    if owned.st_mode & 0o077 or owned.st_uid not in (0, os.geteuid()):
        yield Line("keys", "fail", f"{path.parent} is open to others", f"chmod 700 {path.parent}")
        return
    until = secrets.valid_until()
    if until - datetime.now(UTC) < ENDING_SOON:
        state: State = "fail" if until < datetime.now(UTC) else "warn"
        yield Line("keys", state, f"the keys count until {until:%Y-%m-%d}", "make new ones before that day")
    elif secrets.origin != settings.public_origin:
        yield Line(
            "keys",
            "warn",
            f"the keys were made for {secrets.origin}, and the server is reached at {settings.public_origin}",
            "set ETHERAPY_ORIGIN to the address that people's links name",
        )
    else:
        yield Line("keys", "ok", f"private, and good until {until:%Y-%m-%d}")
    if secrets.root is not None:
        yield Line("root key", "ok", "lies beside the others; it may be kept offline, only rotations need it")


def _crisis(checks: list[Check]) -> Iterator[Line]:
    """Which cards nobody has verified, and which not lately (D-34)."""
    shown, today = checked_cards(checks), datetime.now(UTC).date()
    unverified = sorted(card.region for card in shown if card.verified_on is None)
    old = sorted(card.region for card in shown if card.verified_on is not None and stale(card, today))
    if unverified:
        yield Line(
            "crisis cards",
            "warn",
            f"nobody has verified the numbers for {', '.join(unverified)}",
            "call each number that your clients would be shown (`etherapy crisis list`), then record it: "
            "`etherapy crisis verify REGION --by NAME --source TEXT`",
        )
    if old:
        yield Line(
            "crisis cards",
            "warn",
            f"verified more than {REVIEW_AFTER_DAYS} days ago: {', '.join(old)}",
            "call the numbers again, then `etherapy crisis verify REGION --by NAME --source TEXT`",
        )
    if not unverified and not old:
        yield Line("crisis cards", "ok", "all verified")
