"""The server's keys: a chain of links that people pin by its first hash (tep_amendments.md A-8).

The root key signs links only and can lie offline; receipts, checkpoints and restore statements are signed by
keys that the links name, each with dates. A key counts for times in [from, until).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from types import MappingProxyType

from etherapy.signing import SigningKey, verify
from etherapy.tep import cbor
from etherapy.tep.labels import digest, label, plain_digest
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import KeyDates
from etherapy.tep.shape import ZEROS_32, instant, items, keyed, octets, row, text, uint, version_one
from etherapy.tep.signed import pack_signed, parse_signed

MAX_SERVER_LINK = 4096
MAX_KEYS = 16
MAX_ORIGIN = 255


class Use(IntEnum):
    """What a key may sign."""

    RECEIPTS = 1
    CHECKPOINTS = 2
    RESTORE = 3


@dataclass(frozen=True, slots=True)
class ServerKey:
    """One key of the server, with its use and dates (ms)."""

    key_id: bytes
    use: int
    public: bytes
    since: int
    until: int

    @classmethod
    def of(cls, public: bytes, use: int, since: int, until: int) -> "ServerKey":
        """A key with the id that its public half fixes."""
        return cls(key_id(public), use, public, since, until)


@dataclass(frozen=True, slots=True)
class ServerLinkCore:
    """The signed part of a server link; server_id and prev are zeros in link 0."""

    server_id: bytes
    seq: int
    prev: bytes
    origin: str
    root_pk: bytes
    keys: tuple[ServerKey, ...]

    def pack(self) -> bytes:
        """The core bytes."""
        listed = [[one.key_id, one.use, one.public, one.since, one.until] for one in self.keys]
        core = {
            0: 1,
            1: self.server_id,
            2: self.seq,
            3: self.prev,
            4: self.origin,
            5: self.root_pk,
            6: listed,
        }
        data = cbor.encode(core)
        _parse_core(data)
        return data


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """What a verified chain of server links says. `server_id` is what invitations pin."""

    server_id: bytes
    hashes: tuple[bytes, ...]
    origin: str
    root_pk: bytes
    keys: Mapping[bytes, ServerKey]

    @property
    def installation(self) -> str:
        """The origin without its scheme: how the checkpoints of its logs name this installation (A-6)."""
        return self.origin.partition("://")[2] or self.origin

    @property
    def seq(self) -> int:
        """The number of the newest link."""
        return len(self.hashes) - 1

    @property
    def head(self) -> bytes:
        """The hash of the newest link."""
        return self.hashes[-1]

    def lookup(self, wanted: bytes, use: int, at: int | None = None) -> ServerKey | None:
        """The key with this id, if it has this use and (when `at` is given) counts at that time."""
        found = self.keys.get(wanted)
        if found is None or found.use != use:
            return None
        return found if at is None or found.since <= at < found.until else None

    def receipt_keys(self) -> dict[bytes, KeyDates]:
        """The keys for `receipts.verify_receipt`."""
        return {
            one.key_id: (one.public, one.since, one.until)
            for one in self.keys.values()
            if one.use == Use.RECEIPTS
        }

    def check_descends_from(self, known: "ServerKeys") -> None:
        """Malformed unless these keys continue what was seen before. Codes: server, rollback, fork."""
        if self.server_id != known.server_id:
            raise Malformed("server", "server keys: not the server that was pinned")
        if self.hashes[: len(known.hashes)] != known.hashes[: len(self.hashes)]:
            raise Malformed("fork", "server keys: two histories")
        if self.seq < known.seq:
            raise Malformed("rollback", "server keys: older than what was seen before")


def key_id(public: bytes) -> bytes:
    """The 8-byte name of a server key."""
    return digest("skey", public)[:8]


def server_id(link0: bytes) -> bytes:
    """The 32-byte name of a server, fixed by its first link."""
    return digest("server", link0)


def server_link_hash(whole: bytes) -> bytes:
    """The name of a server link, over core and signatures."""
    return digest("server-hash", whole)


def home(server: bytes, practice_id: bytes) -> bytes:
    """Where a thread lives; named in every commit, so that no thread can be carried elsewhere (A-1)."""
    return digest("home", octets(server, 32, "server_id"), octets(practice_id, 16, "practice_id"))


def verify_server_chain(links: Iterable[bytes]) -> ServerKeys:
    """The keys behind all server links, first to last. Codes: seq, prev, server, signature, key."""
    known: ServerKeys | None = None
    for link in links:
        known = _begin(link) if known is None else _grow(known, link)
    if known is None:
        raise Malformed("seq", "server keys: no links")
    return known


def make_server_link(core: ServerLinkCore, root: SigningKey, new_root: SigningKey | None = None) -> bytes:
    """Sign a server link with the root of the link before (link 0: its own), and with a new root if any."""
    data = core.pack()
    signers = [root] if new_root is None else [root, new_root]
    return pack_signed(data, [one.sign(_signed_bytes(data)) for one in signers])


def first_server_link(origin: str, root: SigningKey, keys: Iterable[ServerKey]) -> bytes:
    """Link 0 of a new server."""
    return make_server_link(ServerLinkCore(ZEROS_32, 0, ZEROS_32, origin, root.public, tuple(keys)), root)


def next_server_link(
    known: ServerKeys, root: SigningKey, keys: Iterable[ServerKey], new_root: SigningKey | None = None
) -> bytes:
    """The link after the newest one, for a rotation of keys or of the root itself."""
    core = ServerLinkCore(
        known.server_id, known.seq + 1, known.head, known.origin, (new_root or root).public, tuple(keys)
    )
    return make_server_link(core, root, new_root)


def _signed_bytes(core: bytes) -> bytes:
    return label("server-link") + plain_digest(core)


def _begin(whole: bytes) -> ServerKeys:
    core = _checked(whole, None)
    if (core.seq, core.server_id, core.prev) != (0, ZEROS_32, ZEROS_32):
        raise Malformed("seq", "server keys: link 0 names no server and follows nothing")
    keys = MappingProxyType({one.key_id: one for one in core.keys})
    return ServerKeys(server_id(whole), (server_link_hash(whole),), core.origin, core.root_pk, keys)


def _grow(known: ServerKeys, whole: bytes) -> ServerKeys:
    core = _checked(whole, known.root_pk)
    if core.seq != known.seq + 1:
        raise Malformed("seq", "server keys: not the next link")
    if core.server_id != known.server_id:
        raise Malformed("server", "server keys: a link of another server")
    if core.prev != known.head:
        raise Malformed("prev", "server keys: does not follow the link before it")
    keys = dict(known.keys)
    for one in core.keys:
        before = keys.get(one.key_id)
        if before is not None and before.use != one.use:
            raise Malformed("key", "server keys: a key keeps its use")
        keys[one.key_id] = one
    return replace(
        known,
        hashes=(*known.hashes, server_link_hash(whole)),
        origin=core.origin,
        root_pk=core.root_pk,
        keys=MappingProxyType(keys),
    )


def _checked(whole: bytes, root_before: bytes | None) -> ServerLinkCore:
    signed = parse_signed(whole, MAX_SERVER_LINK)
    core = _parse_core(signed.core)
    signers = [root_before or core.root_pk]
    if core.root_pk not in signers:
        signers.append(core.root_pk)
    message = _signed_bytes(signed.core)
    if len(signed.signatures) != len(signers) or not all(
        verify(public, message, sig) for public, sig in zip(signers, signed.signatures, strict=True)
    ):
        raise Malformed("signature", "server keys: not signed by the root before it (and the new one)")
    return core


def _parse_core(data: bytes) -> ServerLinkCore:
    core = keyed(cbor.decode(data, limit=MAX_SERVER_LINK), range(7), what="server link")
    version_one(core[0])
    keys = tuple(_parse_key(one) for one in items(core[6], "keys", 1, MAX_KEYS))
    if len({one.key_id for one in keys}) != len(keys):
        raise Malformed("key", "server keys: a key is listed twice")
    return ServerLinkCore(
        octets(core[1], 32, "server_id"),
        uint(core[2], "seq", 0, 511),
        octets(core[3], 32, "prev"),
        text(core[4], "origin", MAX_ORIGIN),
        octets(core[5], 32, "root_pk"),
        keys,
    )


def _parse_key(value: object) -> ServerKey:
    found = row(value, "key", 5)
    public = octets(found[2], 32, "public key")
    key = ServerKey(
        octets(found[0], 8, "key_id"),
        uint(found[1], "use", 1, 3),
        public,
        instant(found[3], "from"),
        instant(found[4], "until"),
    )
    if key.key_id != key_id(public):
        raise Malformed("key", "server keys: key_id is not that of the key")
    if key.since >= key.until:
        raise Malformed("dates", "server keys: a key ends after it begins")
    return key
