"""What a device keeps, as it is written to its files."""

from typing import Literal

import msgspec

from etherapy.crypto.keys import DeviceKeys
from etherapy.sdk.findings import Finding
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import Entry

FORMAT = 1
_NOWHERE = Entry(0, 0, 0, 0, 0, b"")
OwnState = Literal["outbox", "held", "placed", "recalled", "replaced", "returned", "lost"]
"""lost: the server had it before it was restored from a backup, and this device brings it back (A-8)."""


class KeptItem(msgspec.Struct, frozen=True, array_like=True):
    """One placed position as the server gave it: Entry, item, promise receipt."""

    entry: bytes
    item: bytes | None
    promise: bytes | None

    def place(self) -> Entry:
        """Where it stands; position 0 where its entry is none, which is refused where it is taken."""
        try:
            return Entry.unpack(self.entry)
        except Malformed:
            return _NOWHERE


class KnownLinks(msgspec.Struct, kw_only=True):
    """A device chain as far as it was verified. `promises` and `indexes` (keys log) belong to the links."""

    account: bytes
    links: list[bytes]
    promises: list[bytes] = []
    indexes: list[int | None] = []
    proved: list[int] = []
    """Numbers of the links whose place in the keys log was proved."""
    logged: int = -1
    """The highest link that the keys log has of this chain, whatever the server shows."""
    lost: list[int] = []
    """Numbers of the links that the server lost in a restore and has not been given back."""


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
    language: str = "en"
    at_once_because: str = ""
    card: str = ""
    """With the two above: what was said beside the message, and is said again with it."""
    receipt: bytes | None = None
    """The first promise. Reports go by it (decisions.md D-4)."""
    newest: bytes | None = None
    """A later revision of it."""
    status: bytes | None = None
    recall: bytes | None = None
    n: int | None = None
    replaces: bytes | None = None
    """The waiting message whose place this one takes."""
    replaced_by: bytes | None = None
    """The message that took its place."""
    healed: int = 0
    """The generation into which its Recall was carried over after a restore."""
    same: bool = False
    """Whether it takes that place with the same words, only sealed anew."""


class KeptConsent(msgspec.Struct, kw_only=True):
    """A consent as far as this device saw it signed; signatures by chain."""

    core: bytes
    signatures: dict[bytes, bytes] = {}


class Sheets(msgspec.Struct, kw_only=True):
    """The newest rule sheet that was verified. `r` 0: none yet."""

    r: int = 0
    rules_hash: bytes = bytes(32)
    sheet: bytes = b""
    shared: bytes = b""
    part: bytes = b"{}"
    """What of it concerns this person alone."""


class ThreadState(msgspec.Struct, kw_only=True):
    """A thread on this device: the highest (n, T_n) seen, epoch secrets by commit, own items by mid."""

    thread: bytes
    role: int = 0
    owner: bytes = b""
    """The owning therapist's chain: pinned by the invitation, else by the first epoch that was believed."""
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
    invitation: bytes = b""
    """The Invite by which this person answered, where the thread was there before."""
    joined: bytes = b""
    """The consent by which this person came in; empty: there from the beginning."""
    start_n: int = 0
    """Position up to which this person is not shown what was placed; with T_n there and the signed
    charter."""
    start_t: bytes = b""
    charter: bytes = b""
    consents: dict[bytes, KeptConsent] = {}
    leaves: dict[bytes, bytes] = {}
    charter_signatures: dict[bytes, bytes] = {}
    """By chain, of those who came later."""
    names: dict[bytes, str] = {}
    """What the practice calls the members that are staff, by chain."""
    confirmed: list[bytes] = []
    """Chains whose 60 digits were compared in session, on this device."""
    looked_at: int = 0
    """When heads and papers were looked at last (the server's ms)."""
    ended: bool = False
    """The server says that this person, or this device, has no part in the thread any more."""

    lost: list[KeptItem] = []
    """What was placed before the server was restored, above the place where it went on, and is not back."""

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


class Linking(msgspec.Struct, kw_only=True):
    """A device that waits to be linked: what its QR code holds beside its keys, and what it says it is."""

    secret: bytes
    device_class: int

    def __repr__(self) -> str:
        return "Linking(…)"


class NewCode(msgspec.Struct, kw_only=True):
    """A recovery code on its way to replace the old one; it goes when it was shown.

    `announcement` is the link that announced it, empty where the old code was at hand.
    """

    secret: bytes
    announcement: bytes = b""

    def __repr__(self) -> str:
        return "NewCode(…)"


class Identity(msgspec.Struct, kw_only=True):
    """Whose device this is, and which server it trusts."""

    origin: str
    practice: bytes
    keys: bytes
    next_keys: bytes = b""
    """While the X-Wing key is being rotated: the same device with the new one."""
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
    logged: dict[bytes, int] = {}
    """The highest link that the keys log has of chains that this device had nothing to do with yet."""
    keys_log: LogCopy = msgspec.field(default_factory=LogCopy)
    audit_log: LogCopy = msgspec.field(default_factory=LogCopy)
    labels: dict[bytes, str] = {}
    alarms: list[Finding] = []
    generation: int = 1
    """Of the practice's logs, as far as this device knows; with the statement that began it."""
    restore: bytes = b""
    restore_due: int = 0
    """By when that must be a leaf of the keys log (the server's ms); 0: it was found there."""
    linking: Linking | None = None
    new_code: NewCode | None = None
    owed: list[bytes] = []
    """Devices of one's own that were let in and are still to be given the history."""
    known_seq: int = -1
    """Up to which link of one's own chain the person was told of changes; -1: not looked yet."""
    quarantine: Finding | None = None
    """Why this device only reads (tep.md §7)."""
    ended: str = ""
    """Why this profile was emptied."""
