"""Device chains: a person is the chain of links that begins with link 0 (tep.md §5.2, A-5, A-13).

Every verifier applies the same rules, the server included; `Chain` is a value that grows by one link at a
time and never changes. Malformed codes beyond those of `links`: seq, prev, chain, signer, class, recovery,
device, target, limit, delay, closed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from etherapy.tep.labels import plain_digest
from etherapy.tep.links import (
    MAX_LINKS,
    DeviceClass,
    Link,
    LinkCore,
    Op,
    check_signatures,
    device_id,
    link_hash,
    make_link,
    parse_link,
)
from etherapy.tep.malformed import Malformed

__all__ = [
    "MAX_ACTIVE",
    "RECOVERY_DELAY_MS",
    "Chain",
    "Device",
    "DeviceClass",
    "Fork",
    "Link",
    "LinkCore",
    "Op",
    "device_id",
    "find_fork",
    "link_hash",
    "make_link",
    "parse_link",
    "verify_chain",
]

MAX_ACTIVE = 8
RECOVERY_DELAY_MS = 72 * 3600 * 1000
_WEB_MAY = frozenset({Op.ROTATE})


@dataclass(frozen=True, slots=True)
class Device:
    """One device of a chain. `hpke_pk` is its current X-Wing key; `revoked_seq` None while active."""

    device_id: bytes
    sign_pk: bytes
    hpke_pk: bytes
    device_class: int
    active: bool
    added_seq: int
    revoked_seq: int | None = None

    @property
    def hpke_hash(self) -> bytes:
        """How a roster names the current X-Wing key."""
        return plain_digest(self.hpke_pk)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A recovery replacement that waits for its 72 hours. `recorded_at` ms, None when unknown."""

    link_hash: bytes
    target: bytes
    announcer: bytes
    recorded_at: int | None


@dataclass(frozen=True, slots=True)
class Chain:
    """The state after link `seq`. `head` is the hash of that link, `hashes` of all links in order."""

    chain_id: bytes
    hashes: tuple[bytes, ...]
    devices: Mapping[bytes, Device]
    opt_out: bool
    closed: bool = False
    announced: tuple[Announcement, ...] = ()

    @property
    def head(self) -> bytes:
        """The hash of the newest link."""
        return self.hashes[-1]

    @property
    def seq(self) -> int:
        """The number of the newest link."""
        return len(self.hashes) - 1

    def active(self) -> list[Device]:
        """The active devices, by device_id, recovery device included."""
        return sorted((one for one in self.devices.values() if one.active), key=lambda one: one.device_id)

    def active_at(self, seq: int) -> list[Device]:
        """The devices that were active after link `seq`, by device_id; their X-Wing keys are those of now."""
        known = sorted(self.devices.values(), key=lambda one: one.device_id)
        return [
            one
            for one in known
            if one.added_seq <= seq and (one.revoked_seq is None or one.revoked_seq > seq)
        ]

    def recovery(self) -> list[Device]:
        """The active recovery devices."""
        return [one for one in self.active() if one.device_class == DeviceClass.RECOVERY]

    def complete(self) -> bool:
        """Whether the upload that began this chain is whole: it has a recovery device, or opted out."""
        return self.opt_out or self.seq > 0

    @classmethod
    def begin(cls, link0: bytes | Link) -> "Chain":
        """The chain after its genesis. Unless it opted out, link 1 must bring the recovery device."""
        link = _parsed(link0)
        core = link.core
        if core.op != Op.GENESIS:
            raise Malformed("seq", "chain: link 0 is a genesis")
        newcomer = _newcomer(core)
        if core.signer != newcomer.device_id:
            raise Malformed("signer", "chain: the first device signs its own genesis")
        check_signatures(link, newcomer.sign_pk)
        devices = MappingProxyType({newcomer.device_id: newcomer})
        return cls(link.link_hash, (link.link_hash,), devices, core.opt_out)

    def add(self, link: bytes | Link, recorded_at: int | None = None) -> "Chain":
        """The chain after one more link.

        `recorded_at` (ms) is when the log took the link. The 72 hours between announcing and completing a
        recovery replacement are judged when both times are known.
        """
        parsed = _parsed(link)
        core = parsed.core
        self._check_place(core)
        signer = self._signer(core)
        check_signatures(parsed, signer.sign_pk)
        self._check_class(core, signer)
        step = _STEPS[Op(core.op)]
        grown = replace(step(self, parsed, signer, recorded_at), hashes=(*self.hashes, parsed.link_hash))
        if len(grown.active()) > MAX_ACTIVE:
            raise Malformed("limit", f"chain: more than {MAX_ACTIVE} active devices")
        if not self.complete() and not grown.recovery():
            raise Malformed("recovery", "chain: neither a recovery device nor an opt-out")
        return grown

    def _check_place(self, core: LinkCore) -> None:
        if self.closed:
            raise Malformed("closed", "chain: closed")
        if core.op == Op.GENESIS or core.seq != self.seq + 1 or core.seq >= MAX_LINKS:
            raise Malformed("seq", "chain: not the next link")
        if core.chain_id != self.chain_id:
            raise Malformed("chain", "chain: a link of another chain")
        if core.prev != self.head:
            raise Malformed("prev", "chain: does not follow the link before it")
        if not self.complete() and core.op != Op.ADD:
            raise Malformed("recovery", "chain: link 1 brings the recovery device")

    def _signer(self, core: LinkCore) -> Device:
        signer = self.devices.get(core.signer)
        if signer is None or not signer.active:
            raise Malformed("signer", "chain: not signed by an active device")
        return signer

    def _check_class(self, core: LinkCore, signer: Device) -> None:
        if signer.device_class == DeviceClass.WEB and core.op not in _WEB_MAY:
            itself = core.op == Op.REVOKE and core.target == signer.device_id
            if not itself:
                raise Malformed("class", "chain: a web device may not sign this")
        if core.op == Op.ROTATE and signer.device_class == DeviceClass.RECOVERY:
            raise Malformed("class", "chain: a recovery device's keys are fixed by its code")


def _parsed(link: bytes | Link) -> Link:
    return link if isinstance(link, Link) else parse_link(link)


def _newcomer(core: LinkCore) -> Device:
    if core.sign_pk is None or core.hpke_pk is None or core.device_class is None:
        raise Malformed("keys", "link: a new device comes with its keys and class")
    return Device(
        device_id(core.sign_pk),
        core.sign_pk,
        core.hpke_pk,
        core.device_class,
        active=True,
        added_seq=core.seq,
    )


def _with(chain: Chain, *changed: Device) -> Chain:
    devices = {**chain.devices, **{one.device_id: one for one in changed}}
    gone = {one.device_id for one in changed if not one.active}
    announced = tuple(a for a in chain.announced if not {a.announcer, a.target} & gone)
    return replace(chain, devices=MappingProxyType(devices), announced=announced)


def _joined(chain: Chain, core: LinkCore) -> Device:
    newcomer = _newcomer(core)
    if newcomer.device_id in chain.devices:
        raise Malformed("device", "chain: a device comes only once")
    return newcomer


def _target(chain: Chain, core: LinkCore) -> Device:
    found = chain.devices.get(core.target or b"")
    if found is None or not found.active:
        raise Malformed("target", "chain: the device named is not active")
    return found


def _add(chain: Chain, link: Link, signer: Device, _at: int | None) -> Chain:
    newcomer = _joined(chain, link.core)
    second = newcomer.device_class == DeviceClass.RECOVERY and chain.recovery()
    if second and signer.device_class != DeviceClass.RECOVERY:
        raise Malformed("recovery", "chain: only the recovery device may add another one")
    return _with(chain, newcomer)


def _revoke(chain: Chain, link: Link, signer: Device, _at: int | None) -> Chain:
    target = _target(chain, link.core)
    if target.device_class == DeviceClass.RECOVERY and signer.device_class != DeviceClass.RECOVERY:
        raise Malformed("class", "chain: an ordinary device cannot revoke the recovery device")
    if len(chain.active()) == 1:
        raise Malformed("target", "chain: the last device closes the account instead")
    return _with(chain, replace(target, active=False, revoked_seq=link.core.seq))


def _rotate(chain: Chain, link: Link, signer: Device, _at: int | None) -> Chain:
    key = link.core.hpke_pk
    if key is None or key == signer.hpke_pk:
        raise Malformed("hpke_pk", "chain: a rotation brings another key")
    return _with(chain, replace(signer, hpke_pk=key))


def _announce(chain: Chain, link: Link, signer: Device, at: int | None) -> Chain:
    target = _target(chain, link.core)
    if target.device_class != DeviceClass.RECOVERY:
        raise Malformed("target", "chain: only a recovery device is replaced this way")
    waiting = Announcement(link.link_hash, target.device_id, signer.device_id, at)
    return replace(chain, announced=(*chain.announced, waiting))


def _complete(chain: Chain, link: Link, _signer: Device, at: int | None) -> Chain:
    waiting = next((a for a in chain.announced if a.link_hash == link.core.reference), None)
    if waiting is None:
        raise Malformed("target", "chain: no such announcement stands")
    since = waiting.recorded_at
    if since is not None and at is not None and at - since < RECOVERY_DELAY_MS:
        raise Malformed("delay", "chain: less than 72 hours since the announcement")
    newcomer = _joined(chain, link.core)
    if newcomer.device_class != DeviceClass.RECOVERY:
        raise Malformed("class", "chain: a recovery device is replaced by a recovery device")
    old = chain.devices[waiting.target]
    return _with(chain, newcomer, replace(old, active=False, revoked_seq=link.core.seq))


def _close(chain: Chain, _link: Link, _signer: Device, _at: int | None) -> Chain:
    return replace(chain, closed=True, announced=())


_STEPS = {
    Op.ADD: _add,
    Op.REVOKE: _revoke,
    Op.ROTATE: _rotate,
    Op.ANNOUNCE_RECOVERY: _announce,
    Op.COMPLETE_RECOVERY: _complete,
    Op.CLOSE: _close,
}


def verify_chain(links: Iterable[bytes | Link], times: Sequence[int | None] = ()) -> Chain:
    """The chain behind all its links, first to last. `times` (ms, by the log) belong to the links."""
    chain: Chain | None = None
    for number, link in enumerate(links):
        if chain is None:
            chain = Chain.begin(link)
        else:
            chain = chain.add(link, times[number] if number < len(times) else None)
    if chain is None or not chain.complete():
        raise Malformed("recovery", "chain: ends before it has a recovery device, and did not opt out")
    return chain


@dataclass(frozen=True, slots=True)
class Fork:
    """Two validly signed links with one number in one chain: keep both, send nothing to that chain."""

    chain_id: bytes
    seq: int
    known: bytes
    seen: bytes


def find_fork(known: Sequence[bytes], seen: Sequence[bytes]) -> Fork | None:
    """The first point where two valid histories of one chain differ, or None.

    Malformed when one of them is not valid (code as usual) or they are different chains (code chain). A
    `seen` that is shorter than `known` is a rollback, which the caller tells by `Chain.seq`.
    """
    ours, theirs = verify_chain(known), verify_chain(seen)
    if ours.chain_id != theirs.chain_id:
        raise Malformed("chain", "chain: not the same chain")
    pairs = zip(ours.hashes, theirs.hashes, strict=False)
    for seq, (one, other) in enumerate(pairs):
        if one != other:
            return Fork(ours.chain_id, seq, known[seq], seen[seq])
    return None
