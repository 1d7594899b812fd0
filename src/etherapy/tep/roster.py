"""Rosters: who reads an epoch, with which devices (tep.md §5.4, §5.5, tep_amendments.md A-5)."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from etherapy.tep.chain import MAX_ACTIVE, Chain
from etherapy.tep.links import MAX_LINKS
from etherapy.tep.shape import ascending, items, octets, row, uint


class Role(IntEnum):
    """What a user is in a thread. There is no supervisor role, and any other number is refused."""

    CLIENT = 1
    THERAPIST = 2
    CO_THERAPIST = 3
    FAMILY = 4


CLIENT_SIDE: Final = frozenset({Role.CLIENT, Role.FAMILY})
"""Those who wait for answers, as against those who give them."""


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One user: the chain at its head, and (device_id, SHA-256 of the X-Wing key) of each active device."""

    chain_id: bytes
    role: int
    chain_seq: int
    chain_head: bytes
    devices: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def of(cls, chain: Chain, role: int) -> "RosterRow":
        """The row that a chain has now."""
        devices = tuple((one.device_id, one.hpke_hash) for one in chain.active())
        return cls(chain.chain_id, role, chain.seq, chain.head, devices)

    @classmethod
    def narrowed(cls, chain: Chain, role: int, devices: Collection[bytes]) -> "RosterRow":
        """The row with only those active devices whose ids are in `devices`."""
        whole = cls.of(chain, role)
        return replace(whole, devices=tuple(one for one in whole.devices if one[0] in devices))

    def device_ids(self) -> list[bytes]:
        """The devices of this user, ascending."""
        return [device for device, _ in self.devices]

    def stands_at(self, chain: Chain) -> bool:
        """Whether the row names the link that is the chain's newest."""
        return (self.chain_id, self.chain_seq, self.chain_head) == (chain.chain_id, chain.seq, chain.head)


def row_now(chain: Chain, role: int, old: RosterRow | None) -> RosterRow:
    """The row that a user has in the next epoch, `old` being theirs in the one before.

    While the chain stays as it was, so does its row: whoever was left out by a narrowing does not come back
    by somebody else's commit. As soon as the chain moves on, all its active devices are in.
    """
    if old is not None and old.stands_at(chain):
        return replace(old, role=role)
    return RosterRow.of(chain, role)


def is_narrower(one: RosterRow, chain: Chain, old: RosterRow | None) -> bool:
    """Whether a row is the chain's with some devices left out, but no recovery device.

    With `old`, a user narrowing their own row while nothing else changed: they take nobody back in.
    """
    whole, kept = RosterRow.of(chain, one.role), set(one.device_ids())
    if old is not None and old.stands_at(chain) and not kept <= set(old.device_ids()):
        return False
    recovery = {device.device_id for device in chain.recovery()}
    narrower = recovery <= kept < set(whole.device_ids())
    return narrower and one == RosterRow.narrowed(chain, one.role, kept)


def parse_row(value: object) -> RosterRow:
    """The row behind its decoded array."""
    found = row(value, "roster row", 5)
    pairs = [row(one, "roster device", 2) for one in items(found[4], "roster devices", 1, MAX_ACTIVE)]
    devices = tuple((octets(one, 16, "device_id"), octets(key, 32, "key hash")) for one, key in pairs)
    ascending([device for device, _ in devices], "roster devices")
    return RosterRow(
        octets(found[0], 32, "chain_id"),
        uint(found[1], "role", 1, 4),
        uint(found[2], "chain seq", 0, MAX_LINKS - 1),
        octets(found[3], 32, "chain head"),
        devices,
    )
