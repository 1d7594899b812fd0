"""Epoch commits: who reads from here on, and the secret sealed to each of their devices (tep.md §5.5, §6.4).

This room checks everything but the secret itself: `crypto.epochs` opens it and compares it with `es_com`.
Malformed codes beyond those of the profile: suite, reason, roster, sealed, committer, prev. What a commit
may be after another, and beside the chains, is in `epoch_rules`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from etherapy.signing import SIGNATURE_BYTES, SigningKey, verify
from etherapy.tep import cbor
from etherapy.tep.envelope import SUITES
from etherapy.tep.labels import digest, label, plain_digest
from etherapy.tep.malformed import Malformed
from etherapy.tep.roster import Role, RosterRow, parse_row, row_now
from etherapy.tep.shape import ZEROS_32, ascending, items, keyed, numbered, octets, row, uint, version_one

__all__ = [
    "MAX_COMMIT",
    "MAX_CONSENTS",
    "MAX_ROSTER_DEVICES",
    "MAX_USERS",
    "ROW_BYTES",
    "Commit",
    "CommitCore",
    "CommitReason",
    "Role",
    "RosterRow",
    "commit_hash",
    "commit_verifies",
    "pack_sealed",
    "parse_commit",
    "parse_commit_core",
    "parse_sealed",
    "row_now",
    "sign_commit",
]

MAX_COMMIT = 96 * 1024
MAX_USERS = 8
MAX_ROSTER_DEVICES = 64
MAX_CONSENTS = 16
ROW_BYTES = 1168
"""A sealed row: X-Wing encapsulation 1120, sealed secret 32, tag 16."""


class CommitReason(IntEnum):
    """Why an epoch begins."""

    CREATE = 1
    USER_ADDED = 2
    USER_REMOVED = 3
    DEVICE_ADDED = 4
    DEVICE_REVOKED = 5
    KEY_ROTATED = 6
    COUNT = 7
    AGE = 8
    CHARTER = 9
    REQUEST = 10
    NARROWING = 11


@dataclass(frozen=True, slots=True)
class CommitCore:
    """The signed part of a commit. `view` is (n, T_n) as the committer saw it."""

    suite: int
    thread: bytes
    epoch: int
    prev: bytes
    committer: bytes
    reason: int
    roster: tuple[RosterRow, ...]
    es_com: bytes
    charter_hash: bytes
    view: tuple[int, bytes]
    consents: tuple[bytes, ...]
    home: bytes

    def pack(self) -> bytes:
        """The core bytes."""
        listed = [
            [one.chain_id, one.role, one.chain_seq, one.chain_head, [list(device) for device in one.devices]]
            for one in self.roster
        ]
        core = numbered(
            *(1, self.suite, self.thread, self.epoch, self.prev, self.committer, self.reason, listed),
            *(self.es_com, self.charter_hash, list(self.view), None, list(self.consents), self.home),
        )
        data = cbor.encode(core)
        parse_commit_core(data)
        return data

    def device_ids(self) -> list[bytes]:
        """All devices of the roster, ascending: those that have a sealed row."""
        return sorted(device for one in self.roster for device, _ in one.devices)

    def row_of(self, device: bytes) -> RosterRow | None:
        """The row of the user that this device belongs to."""
        return next((one for one in self.roster if any(device == known for known, _ in one.devices)), None)

    def user(self, chain_id: bytes) -> RosterRow | None:
        """The row of this user."""
        return next((one for one in self.roster if one.chain_id == chain_id), None)

    def users(self) -> frozenset[bytes]:
        """The chain_ids of all users."""
        return frozenset(one.chain_id for one in self.roster)


@dataclass(frozen=True, slots=True)
class Commit:
    """A parsed commit, its signature not verified yet. `sealed_rows` maps device_id to its 1168 bytes."""

    core: CommitCore
    core_bytes: bytes
    sealed: bytes
    sealed_rows: Mapping[bytes, bytes]
    sig: bytes
    commit_hash: bytes
    core_hash: bytes
    sealed_hash: bytes

    def pack(self) -> bytes:
        """The bytes it came from."""
        return cbor.encode({0: self.core_bytes, 1: self.sealed, 2: self.sig})


def parse_commit(data: bytes) -> Commit:
    """Split a commit of at most 96 KiB; its rows are exactly those of the roster's devices."""
    found = keyed(cbor.decode(data, limit=MAX_COMMIT), (0, 1, 2), what="commit")
    if not isinstance(found[0], bytes) or not isinstance(found[1], bytes):
        raise Malformed("type", "commit: core and sealed are bytes")
    core = parse_commit_core(found[0])
    rows = parse_sealed(found[1])
    if list(rows) != core.device_ids():
        raise Malformed("sealed", "commit: the sealed rows are not exactly the roster's devices")
    sig = octets(found[2], SIGNATURE_BYTES, "signature")
    core_hash, sealed_hash = plain_digest(found[0]), plain_digest(found[1])
    name = commit_hash(core_hash, sealed_hash, sig)
    return Commit(core, found[0], found[1], rows, sig, name, core_hash, sealed_hash)


def parse_sealed(data: bytes) -> dict[bytes, bytes]:
    """The sealed rows, ascending by device_id."""
    listed = items(cbor.decode(data, limit=MAX_COMMIT), "sealed", 1, MAX_ROSTER_DEVICES)
    pairs = [row(one, "sealed row", 2) for one in listed]
    rows = {octets(device, 16, "device_id"): octets(blob, ROW_BYTES, "sealed row") for device, blob in pairs}
    ascending([device for device, _ in pairs], "sealed")
    return rows


def pack_sealed(rows: Mapping[bytes, bytes]) -> bytes:
    """The `sealed` bytes of a commit."""
    data = cbor.encode([[device, rows[device]] for device in sorted(rows)])
    parse_sealed(data)
    return data


def parse_commit_core(data: bytes) -> CommitCore:
    """The core behind its bytes, with the rules that need no other record."""
    core = keyed(cbor.decode(data, limit=MAX_COMMIT), (*range(11), 12, 13), what="commit core")
    version_one(core[0])
    roster = tuple(parse_row(one) for one in items(core[7], "roster", 1, MAX_USERS))
    ascending([one.chain_id for one in roster], "roster")
    view = row(core[10], "view", 2)
    found = CommitCore(
        uint(core[1], "suite"),
        octets(core[2], 16, "thread"),
        uint(core[3], "epoch", 0, 2**32 - 1),
        octets(core[4], 32, "prev"),
        octets(core[5], 16, "committer"),
        uint(core[6], "reason", 1, 11),
        roster,
        octets(core[8], 32, "es_com"),
        octets(core[9], 32, "charter hash"),
        (uint(view[0], "n"), octets(view[1], 32, "T_n")),
        tuple(octets(one, 32, "consent") for one in items(core[12], "consents", 0, MAX_CONSENTS)),
        octets(core[13], 32, "home"),
    )
    _check_core(found)
    return found


def _check_core(core: CommitCore) -> None:
    if core.suite not in SUITES:
        raise Malformed("suite", "commit: unknown suite")
    first = (core.epoch == 0, core.prev == ZEROS_32, core.reason == CommitReason.CREATE)
    if any(first) != all(first):
        raise Malformed("prev", "commit: epoch 0 creates the thread and follows nothing")
    devices = core.device_ids()
    if len(devices) > MAX_ROSTER_DEVICES:
        raise Malformed("length", f"roster: more than {MAX_ROSTER_DEVICES} devices")
    ascending(devices, "roster devices")
    if core.row_of(core.committer) is None:
        raise Malformed("committer", "commit: the committer is not in its roster")


def commit_hash(core_hash: bytes, sealed_hash: bytes, sig: bytes) -> bytes:
    """The name of an epoch; computable after its sealed rows are gone."""
    return digest("epoch-hash", core_hash, sealed_hash, sig)


def sign_commit(core: CommitCore, sealed: bytes, key: SigningKey) -> bytes:
    """The whole commit around already sealed rows."""
    data = core.pack()
    sig = key.sign(_signed_bytes(plain_digest(data), plain_digest(sealed)))
    whole = cbor.encode({0: data, 1: sealed, 2: sig})
    parse_commit(whole)
    return whole


def commit_verifies(commit: Commit, sign_pk: bytes) -> bool:
    """Whether the device with this Ed25519 key signed this core and these rows."""
    return verify(sign_pk, _signed_bytes(commit.core_hash, commit.sealed_hash), commit.sig)


def _signed_bytes(core_hash: bytes, sealed_hash: bytes) -> bytes:
    return label("epoch") + core_hash + sealed_hash
