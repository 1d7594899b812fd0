"""A practice and its first people, made by the operator; they make everyone else (decisions.md D-33)."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from etherapy.binary import b64
from etherapy.merkle.tree import empty_root
from etherapy.protocol.endpoint import Role
from etherapy.rules.announcements import announce
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import zone as zone_named
from etherapy.rules.canonical import canonical_json
from etherapy.rules.layer import Layer
from etherapy.rules.layers import resolve
from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.installation import Installation
from etherapy.server.operate.site import Site
from etherapy.tep.leaves import server_link_leaf
from etherapy.tep.serverkeys import home

LINK_LIFETIME = timedelta(days=7)
STAFF_ROLES: tuple[Role, ...] = ("administrator", "therapist", "supervisor")
LONGEST_NAME = 120

_LIST = """
SELECT p.practice_id, p.name, p.created_at,
       count(a.account_id) FILTER (WHERE NOT a.roles @> '{client}') AS staff,
       count(a.account_id) FILTER (WHERE a.roles @> '{client}') AS clients,
       (SELECT r.rules FROM rule_set r WHERE r.practice_id = p.practice_id AND r.owner = p.practice_id
         AND r.layer = 'practice' ORDER BY r.version DESC LIMIT 1) AS rules
  FROM practice p LEFT JOIN account a ON a.practice_id = p.practice_id
 GROUP BY p.practice_id ORDER BY p.created_at, p.practice_id
"""


@dataclass(frozen=True, slots=True)
class Practice:
    """A practice as the operator sees it: its people are counted, not named. `zone` is that of its rules."""

    practice_id: bytes
    name: str
    zone: str
    region: str
    created_at: datetime
    staff: int = 0
    clients: int = 0


@dataclass(frozen=True, slots=True)
class LinkOffer:
    """The public half of a one-use staff link (A-15.6): what the server keeps. The secret is not among it."""

    lookup_id: bytes
    staff_pk: bytes


async def create_practice(
    site: Site,
    there: Installation,
    *,
    name: str,
    zone: str,
    region: str = "",
    emergency_text: str = "",
    rules: Sequence[Mapping[str, Any]] | None = None,
) -> Practice:
    """Make a practice with its first rules: those given, or weekdays 9 to 5 on the wall of `zone`.

    `rules` are rule documents (docs/rules.md); zone and emergency text are filled in where they leave them
    open. Raises BadRule for what cannot be a rule, CannotOperate for a name or region that cannot be one.
    """
    now, practice_id = there.now(), os.urandom(16)
    _check_words(name, region)
    zone_named(zone)
    today = now.astimezone(zone_named(zone)).date()
    written = announce(first_rules(zone, region, emergency_text, rules), (), today)
    secrets = there.secrets
    leaves = [
        server_link_leaf(secrets.server_id, seq, link_hash)
        for seq, link_hash in enumerate(secrets.known.hashes)
    ]
    async with site.books() as database:
        await database.call(
            "create_practice",
            *(practice_id, now, name),
            *(home(secrets.server_id, practice_id), empty_root()),
            *([os.urandom(16) for _ in leaves], leaves, canonical_json(written)),
            *_audit(now, "practice.created", zone=zone, region=region, rules=written),
        )
    return _practice(practice_id, name, now, written)


async def list_practices(site: Site) -> list[Practice]:
    """All practices, oldest first."""
    async with site.connection() as connection:
        rows = await connection.fetch(_LIST)
    return [
        replace(
            _practice(
                row["practice_id"], row["name"], row["created_at"], msgspec.json.decode(row["rules"] or b"[]")
            ),
            staff=row["staff"],
            clients=row["clients"],
        )
        for row in rows
    ]


async def find_practice(site: Site, wanted: str) -> Practice:
    """The practice with this id (base64url) or this name; CannotOperate unless there is exactly one."""
    practices = await list_practices(site)
    found = [one for one in practices if wanted in (b64(one.practice_id), one.name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise CannotOperate(f"several practices are called {wanted}", "use its id: `etherapy practice list`")
    known = ", ".join(one.name for one in practices) or "none yet"
    raise CannotOperate(f"there is no practice {wanted}", f"there are: {known}")


async def create_staff_link(
    site: Site,
    there: Installation,
    practice_id: bytes,
    offer: LinkOffer,
    roles: Sequence[str],
    display_name: str,
) -> datetime:
    """Keep the offer of a one-use link by which one person enrols with these roles; when it expires, UTC.

    The secret that the person is given was made by the caller and never comes here.
    """
    now = there.now()
    if not roles or not set(roles) <= set(STAFF_ROLES):
        raise CannotOperate("that is no role of a member of staff", f"use {', '.join(STAFF_ROLES)}")
    _check_words(display_name, "")
    ordered = [role for role in STAFF_ROLES if role in roles]
    async with site.books() as database:
        row = await database.call(
            "create_staff_link",
            *(practice_id, now, offer.lookup_id, offer.staff_pk, ordered, display_name, now + LINK_LIFETIME),
            *_audit(now, "staff_link.created", roles=ordered, lookup=b64(offer.lookup_id)),
        )
    if row is None or not row[0]:
        raise CannotOperate("there is no such practice", "see `etherapy practice list`")
    return now + LINK_LIFETIME


def first_rules(
    zone: str, region: str, emergency_text: str, given: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, Any]]:
    """The practice's layer of rules, complete enough to decide by; BadRule if it does not make one."""
    written = [dict(rule) for rule in given or ()]
    weekly = next((rule for rule in written if rule.get("kind") == "window.weekly"), None)
    if weekly is None:
        weekly = {"kind": "window.weekly"}
        if given is None:
            days = ["mon", "tue", "wed", "thu", "fri"]
            weekly["windows"] = [{"days": days, "start": "09:00", "end": "17:00"}]
        written.insert(0, weekly)
    weekly.setdefault("zone", zone)
    said = {name: text for name, text in (("text", emergency_text), ("region", region)) if text}
    emergency = next((rule for rule in written if rule.get("kind") == "emergency"), None)
    if emergency is None and said:
        written.append({"kind": "emergency", **said})
    elif emergency is not None:
        emergency.update({name: text for name, text in said.items() if name not in emergency})
    resolve([Layer("practice", written)])
    return written


def _practice(practice_id: bytes, name: str, created_at: datetime, rules: list[dict[str, Any]]) -> Practice:
    said = {rule["kind"]: rule for rule in rules}
    zone, region = said.get("window.weekly", {}).get("zone", ""), said.get("emergency", {}).get("region", "")
    return Practice(practice_id, name, zone, region, created_at)


def _check_words(name: str, region: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise CannotOperate("a name is missing or cannot be shown", f"use 1 to {LONGEST_NAME} characters")
    if region and not (len(region) == 2 and region.isascii() and region.isupper()):
        raise BadRule("region", "not a country", "write its two letters, such as US or DE")


def _audit(now: datetime, act: str, **facts: Any) -> tuple[bytes, bytes, bytes]:
    """An audit leaf by the operator: its id, its salt, its record (canonical JSON)."""
    record = {"act": act, "at": now.isoformat(), "by": "operator", **facts}
    return os.urandom(16), os.urandom(32), canonical_json(record)
