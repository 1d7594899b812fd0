"""Rule sheets: the numbered, hash-chained form in which operational rules bind (A-7, A-15.5).

A promise names (r, hash) of the sheet it was computed with, and so does each payload's view; so two people
who were shown different rules find out with their next messages.
"""

from dataclasses import dataclass

from etherapy.tep import cbor
from etherapy.tep.labels import digest
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import (
    ZEROS_32,
    ascending,
    instant,
    items,
    keyed,
    numbered,
    octets,
    row,
    uint,
    version_one,
)

MAX_SHEET = 4096
MAX_MEMBERS = 8


@dataclass(frozen=True, slots=True)
class RuleSheet:
    """Sheet r of a thread, in force from a time (ms). Member parts are (chain_id, salted hash), ascending."""

    thread: bytes
    r: int
    previous: bytes
    in_force_from: int
    shared_hash: bytes
    members: tuple[tuple[bytes, bytes], ...]

    def pack(self) -> bytes:
        """The sheet's bytes."""
        members = [list(one) for one in self.members]
        head = (1, self.thread, self.r, self.previous, self.in_force_from)
        data = cbor.encode(numbered(*head, self.shared_hash, members))
        parse_sheet(data)
        return data


def parse_sheet(data: bytes) -> RuleSheet:
    """The sheet behind its bytes."""
    found = keyed(cbor.decode(data, limit=MAX_SHEET), range(7), what="rule sheet")
    version_one(found[0])
    pairs = [row(one, "member part", 2) for one in items(found[6], "member parts", 0, MAX_MEMBERS)]
    sheet = RuleSheet(
        octets(found[1], 16, "thread"),
        uint(found[2], "r", 1, 2**32 - 1),
        octets(found[3], 32, "previous"),
        instant(found[4], "in force from"),
        octets(found[5], 32, "shared part"),
        tuple((octets(chain, 32, "chain_id"), octets(part, 32, "member part")) for chain, part in pairs),
    )
    ascending([chain for chain, _ in sheet.members], "member parts")
    if (sheet.r == 1) != (sheet.previous == ZEROS_32):
        raise Malformed("previous", "rule sheet: the first one follows nothing, the others follow one")
    return sheet


def check_sheet_follows(sheet: RuleSheet, previous: bytes) -> None:
    """Malformed (code previous) unless `sheet` is the next one of its thread after these bytes."""
    before = parse_sheet(previous)
    follows = (
        sheet.thread == before.thread and sheet.r == before.r + 1 and sheet.previous == rules_hash(previous)
    )
    if not follows or sheet.in_force_from < before.in_force_from:
        raise Malformed("previous", "rule sheet: does not follow the one before it")


def rules_hash(data: bytes) -> bytes:
    """The name of a sheet, in promises and views."""
    return digest("rules", data)


def shared_part_hash(canonical: bytes) -> bytes:
    """Key 5: over the canonical JSON (RFC 8785) of the rules that everybody in the thread may see."""
    return digest("rules-shared", canonical)


def member_part_hash(salt: bytes, canonical: bytes) -> bytes:
    """Key 6: one person's own part, which others know by this hash only. `salt` 16 random bytes."""
    return digest("rules-member", octets(salt, 16, "salt"), canonical)
