"""What a device keeps, as it is written to its files."""

from typing import Literal

import msgspec

from etherapy.crypto.keys import DeviceKeys
from etherapy.sdk.findings import Finding

FORMAT = 1
OwnState = Literal["outbox", "held", "placed", "recalled", "returned"]


class KnownLinks(msgspec.Struct, kw_only=True):
    """A device chain as far as it was verified. `promises` and `indexes` (keys log) belong to the links."""

    account: bytes
    links: list[bytes]
    promises: list[bytes] = []
    indexes: list[int | None] = []
    proved: list[int] = []
    """Numbers of the links whose place in the keys log was proved."""


class LogCopy(msgspec.Struct, kw_only=True):
    """A log as far as every leaf of it was read: the newest checkpoint and the hashes of its peaks."""

    size: int = 0
    root: bytes = b""
    note: str = ""
    peaks: list[bytes] = []
    roots: dict[int, bytes] = {}
    """Sizes with roots that were shown to be this log's."""


class OwnItem(msgspec.Struct, kw_only=True):
    """A message that this device made. `attempts` are the item hashes of every sealing under its mid."""

    mid: bytes
    attempts: list[bytes]
    state: OwnState = "outbox"
    sealed: bytes | None = None
    """The envelope to send again, until there is a receipt."""
    envelope: bytes | None = None
    """The envelope that was accepted, until it is placed."""
    zone: str = ""
    receipt: bytes | None = None
    """The first promise. Reports go by it (decisions.md D-4)."""
    newest: bytes | None = None
    """A later revision of it."""
    status: bytes | None = None
    recall: bytes | None = None
    n: int | None = None


class Sheets(msgspec.Struct, kw_only=True):
    """The newest rule sheet that was verified. `r` 0: none yet."""

    r: int = 0
    rules_hash: bytes = bytes(32)
    sheet: bytes = b""
    shared: bytes = b""


class ThreadState(msgspec.Struct, kw_only=True):
    """A thread on this device: the highest (n, T_n) seen, epoch secrets by commit, own items by mid."""

    thread: bytes
    role: int = 0
    owner: bytes = b""
    """The owning therapist's chain, where an invitation pinned it."""
    owner_name: str = ""
    label: str = ""
    """What its owner calls it on this device."""
    n: int = 0
    t: bytes = b""
    generation: int = 0
    told: int = 0
    """Up to which position the person was told of messages."""
    secrets: dict[bytes, bytes] = {}
    own: dict[bytes, OwnItem] = {}
    sheets: Sheets = msgspec.field(default_factory=Sheets)
    invite: bytes = b""
    accept: bytes = b""

    def __repr__(self) -> str:
        return f"ThreadState({self.thread.hex()[:8]}…, n={self.n})"


class Pending(msgspec.Struct, kw_only=True):
    """A way in that was begun: repeated with the same bytes until it is known to be done.

    The code is here only so that an interrupted enrolment can still show it; it goes when that is done.
    """

    lookup: bytes
    code: bytes
    body: bytes
    thread: ThreadState | None = None

    def __repr__(self) -> str:
        return "Pending(…)"


class Identity(msgspec.Struct, kw_only=True):
    """Whose device this is, and which server it trusts."""

    origin: str
    practice: bytes
    keys: bytes
    server_links: list[bytes]
    chain: bytes
    account: bytes = b""
    """Empty until the server has confirmed the way in."""

    @property
    def device_keys(self) -> DeviceKeys:
        """The keys of this device."""
        return DeviceKeys.from_stored(self.keys)

    def __repr__(self) -> str:
        return f"Identity({self.origin}, chain={self.chain.hex()[:8]}…)"


class Kept(msgspec.Struct, kw_only=True):
    """What is kept for the person as a whole. `cursor` runs over all threads; `labels` name invited clients
    by thread."""

    format: int = FORMAT
    identity: Identity | None = None
    pending: Pending | None = None
    cursor: int = 0
    chains: dict[bytes, KnownLinks] = {}
    keys_log: LogCopy = msgspec.field(default_factory=LogCopy)
    audit_log: LogCopy = msgspec.field(default_factory=LogCopy)
    labels: dict[bytes, str] = {}
    alarms: list[Finding] = []


class KeptItem(msgspec.Struct, frozen=True, array_like=True):
    """One placed position as the server gave it: Entry, item, promise receipt."""

    entry: bytes
    item: bytes | None
    promise: bytes | None
