"""The people of one's threads: device chains, checked before anything is sealed to them (tep.md §5.2).

A chain once seen never gets shorter and never branches. Each link is in the keys log, or promised to be
there soon.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from etherapy.protocol import endpoints
from etherapy.protocol.people import ChainLink
from etherapy.protocol.problems import NoSuchChain
from etherapy.protocol.threads import PageQuery
from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.kept import KnownLinks
from etherapy.sdk.log_copy import LogReader
from etherapy.sdk.transport import Transport
from etherapy.tep.chain import Chain
from etherapy.tep.leaves import chain_link_leaf, leaf_hash
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import KeyDates, verify_receipt
from etherapy.tep.statements import LinkPromise, LogName

_PAGE = 50


@dataclass(frozen=True, slots=True)
class Person:
    """A verified chain with every state it has had, and when each link was recorded (ms)."""

    account: bytes
    history: tuple[Chain, ...]
    recorded: tuple[int, ...]

    @property
    def chain(self) -> Chain:
        """The chain as it is now."""
        return self.history[-1]

    def at(self, seq: int) -> Chain | None:
        """The chain as it was after link `seq`; None if it is not that long yet."""
        return self.history[seq] if seq < len(self.history) else None

    def revoked_at(self, device: bytes) -> int | None:
        """When the revocation of a device was recorded (ms); None while it is active or unknown."""
        found = self.chain.devices.get(device)
        if found is None or found.revoked_seq is None:
            return None
        return self.recorded[found.revoked_seq]


def read_person(known: KnownLinks, keys: dict[bytes, KeyDates], practice: bytes) -> Person:
    """The person behind links with their LinkPromises; Malformed when a link or a promise does not hold."""
    history: list[Chain] = []
    recorded: list[int] = []
    for seq, (link, promise) in enumerate(zip(known.links, known.promises, strict=True)):
        said = verify_receipt(promise, keys)
        if not isinstance(said, LinkPromise) or said.log != LogName.KEYS or said.practice != practice:
            raise Malformed("promise", "chain: the promise for a link is another statement")
        recorded.append(said.at)
        history.append(history[-1].add(link, said.at) if history else Chain.begin(link))
        name = history[-1].head
        leaf = chain_link_leaf(known.account, history[-1].chain_id, seq, name)
        if said.leaf_hash != leaf_hash(leaf):
            raise Malformed("promise", "chain: the promise for a link is for another link")
    if not history or not history[-1].complete():
        raise Malformed("recovery", "chain: ends before it has a recovery device, and did not opt out")
    return Person(known.account, tuple(history), tuple(recorded))


def known_links(account: bytes, links: Sequence[ChainLink]) -> KnownLinks:
    """Links as the server gives them, ready to be read."""
    return KnownLinks(
        account=account,
        links=[bytes(one.link) for one in links],
        promises=[bytes(one.link_promise) for one in links],
        indexes=[one.index for one in links],
    )


class People:
    """Everybody this device has to do with. `known` is changed in place; the caller saves it.

    Refuted (chain, rollback, fork, unsequenced) when the server shows a chain that cannot be.
    """

    def __init__(
        self,
        transport: Transport,
        keys: dict[bytes, KeyDates],
        practice: bytes,
        known: dict[bytes, KnownLinks],
        alarm: Callable[[Finding], object] = lambda finding: None,
        generation: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        self._transport = transport
        self._keys = keys
        self._practice = practice
        self._known = known
        self._alarm = alarm
        """Told of a chain that branches or became shorter, before Refuted is raised."""
        self._generation = generation
        """The generation that the server has signed for, asked anew where a chain became shorter."""
        self._read: dict[bytes, Person] = {}
        self._looked: dict[bytes, int] = {}

    def person(self, chain: bytes) -> Person | None:
        """Who this is, as far as it was read; None if never."""
        if chain not in self._read and chain in self._known:
            self._read[chain] = read_person(self._known[chain], self._keys, self._practice)
        return self._read.get(chain)

    def expect_link(self, chain: bytes, seq: int) -> None:
        """The keys log has this link of a chain: from now on less than that is not believed."""
        if chain in self._known:
            self._known[chain].logged = max(self._known[chain].logged, seq)

    def learn(self, chain: bytes, known: KnownLinks) -> Person:
        """Somebody whose links came with an invitation, an enrolment or a joining. Refuted if they differ
        from what was seen before."""
        before = self._known.get(chain)
        try:
            person = read_person(known, self._keys, self._practice)
        except Malformed as bad:
            raise self._refuted(chain, f"a device chain does not hold: {bad}", known.links) from None
        if person.chain.chain_id != chain:
            raise self._refuted(chain, "another person's chain was shown", known.links)
        if before is not None:
            with self._sounding_alarm():
                _check_grown(chain, before, known)
            known.proved, known.logged = list(before.proved), before.logged
        self._known[chain] = known
        self._read[chain] = person
        return person

    async def look(self, chain: bytes, now: int, at_least: int = 0, age: int = 0) -> Person:
        """The person with chain head and places as the server has them, not older than `age` ms.

        What is known already up to link `at_least` is enough when it was looked at recently.
        """
        found = self.person(chain)
        logged = self._known[chain].logged if chain in self._known else -1
        recent = age > 0 and chain in self._looked and now - self._looked[chain] <= age
        if found is not None and recent and found.chain.seq >= max(at_least, logged):
            return found
        known = self._known.get(chain)
        start = 0 if known is None else min([len(known.links) - 1, *_unplaced(known)])
        try:
            fresh = await self._fetch(chain, start)
        except NoSuchChain:
            if start == 0:
                raise
            start, fresh = 0, await self._fetch(chain, 0)  # the server shows fewer links than were seen
        if known is not None and _is_cut_off(known, fresh, start):
            fresh = await self._with_lost(known, fresh, start)
        with self._sounding_alarm():
            joined = _joined(chain, known, fresh, start)
        person = self.learn(chain, joined)
        self._looked[chain] = now
        if person.chain.seq < at_least:
            raise self._refuted(chain, "a roster names a link that the chain does not have", [])
        if person.chain.seq < logged:
            raise self._refuted(chain, "the keys log has a link of this chain that is hidden here", [])
        return person

    async def _fetch(self, chain: bytes, start: int) -> KnownLinks:
        links: list[ChainLink] = []
        while True:
            page = await self._transport.call(
                endpoints.read_chain, query=PageQuery(start + len(links), _PAGE), chain=chain
            )
            links += page.links
            if len(page.links) < _PAGE:
                return known_links(bytes(page.account), links)

    def is_cut_off(self, chain: bytes) -> bool:
        """Whether the server lost links of this chain with a restore, as far as was looked."""
        known = self._known.get(chain)
        return known is not None and bool(known.lost)

    async def prove(self, chain: bytes, log: LogReader, now: int) -> list[Finding]:
        """Check that every link is in the keys log, or promised and not overdue; what is proved stays so."""
        if _unplaced(self._known[chain]) or self._known[chain].logged >= len(self._known[chain].links):
            await self.look(chain, now)
        known, person = self._known[chain], self.person(chain)
        assert person is not None
        found: list[Finding] = []
        for seq, index in enumerate(known.indexes):
            if seq in known.proved or seq in known.lost:
                continue
            name = person.history[seq].head
            leaf = chain_link_leaf(known.account, chain, seq, name)
            if index is not None and index < log.copy.size:
                if await log.includes(leaf, index):
                    known.proved.append(seq)
                    continue
                found.append(self._unsequenced(chain, seq, "a link is not at its place in the keys log"))
            else:
                promise = verify_receipt(known.promises[seq], self._keys)
                if isinstance(promise, LinkPromise) and promise.sequenced_by < now:
                    found.append(self._unsequenced(chain, seq, "a link is still missing from the keys log"))
        return found

    async def _with_lost(self, known: KnownLinks, fresh: KnownLinks, start: int) -> KnownLinks:
        """What the server shows, with the links that it lost in a restore: a chain is never shorter for that.

        Unchanged unless the server has signed for a generation after the one that each of them was taken in.
        """
        generation = 1 if self._generation is None else await self._generation()
        at = start + len(fresh.links)
        said = [LinkPromise.unpack(one[: LinkPromise.LAYOUT.size]) for one in known.promises[at:]]
        if any(one.generation >= generation for one in said):
            return fresh
        return KnownLinks(
            account=fresh.account,
            links=fresh.links + known.links[at:],
            promises=fresh.promises + known.promises[at:],
            indexes=[*fresh.indexes, *(None for _ in said)],
            lost=list(range(at, len(known.links))),
        )

    @contextmanager
    def _sounding_alarm(self) -> Iterator[None]:
        try:
            yield
        except Refuted as refuted:
            self._alarm(refuted.finding)
            raise

    def _unsequenced(self, chain: bytes, seq: int, words: str) -> Finding:
        known = self._known[chain]
        proof = {"link": known.links[seq], "promise": known.promises[seq], "chain": chain}
        return Finding(kind=Kind.UNSEQUENCED, words=words, proof=proof)

    def _refuted(self, chain: bytes, words: str, links: Sequence[bytes]) -> Refuted:
        proof = {"chain": chain} | {f"link_{seq}": link for seq, link in enumerate(links)}
        return Refuted(Finding(kind=Kind.CHAIN, words=words, proof=proof))


def _unplaced(known: KnownLinks) -> list[int]:
    """Links that had no place in the log yet when they were fetched."""
    return [seq for seq, index in enumerate(known.indexes) if index is None]


def _joined(chain: bytes, known: KnownLinks | None, fresh: KnownLinks, start: int) -> KnownLinks:
    """What was known up to link `start`, and what came from there on."""
    if known is None:
        return fresh
    if known.account != fresh.account:
        raise Refuted(Finding(kind=Kind.CHAIN, words="a chain has changed its account"))
    overlap = fresh.links[: len(known.links) - start]
    if overlap != known.links[start:]:
        kind, words = (
            (Kind.ROLLBACK, "a device chain became shorter")
            if len(overlap) < len(known.links) - start
            else (Kind.FORK, "a device chain has two histories")
        )
        proof = {"chain": chain, f"known_{start}": known.links[start]}
        proof |= {f"seen_{start}": one for one in fresh.links[:1]}
        raise Refuted(Finding(kind=kind, words=words, proof=proof))
    return KnownLinks(
        account=known.account,
        links=known.links[:start] + fresh.links,
        promises=known.promises[:start] + fresh.promises,
        indexes=known.indexes[:start] + fresh.indexes,
        proved=list(known.proved),
        lost=fresh.lost,
    )


def _is_cut_off(known: KnownLinks, fresh: KnownLinks, start: int) -> bool:
    """Whether what is shown ends before what was known, and is the same up to there."""
    count = len(fresh.links)
    return count < len(known.links) - start and fresh.links == known.links[start : start + count]


def _check_grown(chain: bytes, before: KnownLinks, after: KnownLinks) -> None:
    """Refuted unless `after` begins with all of `before`."""
    if after.links[: len(before.links)] == before.links:
        return
    shorter = len(after.links) < len(before.links) and before.links[: len(after.links)] == after.links
    kind = Kind.ROLLBACK if shorter else Kind.FORK
    words = "a device chain became shorter" if shorter else "a device chain has two histories"
    pairs = zip(before.links, after.links, strict=False)
    seq = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
    proof = {"chain": chain}
    if seq is not None:
        proof |= {f"known_{seq}": before.links[seq], f"seen_{seq}": after.links[seq]}
    raise Refuted(Finding(kind=kind, words=words, proof=proof))
