"""The people of one's threads: device chains, checked before anything is sealed to them (tep.md §5.2).

A chain once seen never gets shorter and never branches. Each link is in the keys log, or promised to be
there soon.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from etherapy.protocol import endpoints
from etherapy.protocol.people import Chain as ChainPage
from etherapy.protocol.problems import NoSuchChain
from etherapy.protocol.threads import PageQuery
from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import KnownLinks
from etherapy.sdk.transport import Transport
from etherapy.sdk.verifying.grown_links import check_grown, ends_early, join_links, unplaced
from etherapy.sdk.verifying.person import Person, known_links, read_person
from etherapy.sdk.watching.log_copy import LogReader
from etherapy.tep.leaves import chain_link_leaf
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import KeyDates, verify_receipt
from etherapy.tep.statements import LinkPromise

_PAGE = 50


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
        logged: dict[bytes, int] | None = None,
    ) -> None:
        self._transport = transport
        self._keys = keys
        self._practice = practice
        self._known = known
        self._alarm = alarm
        """Told of a chain that branches or became shorter, before Refuted is raised."""
        self._generation = generation
        """The generation that the server has signed for, asked anew where a chain became shorter."""
        self._logged = {} if logged is None else logged
        """Links in the keys log of chains that are not known yet: its leaves are read only once."""
        self._read: dict[bytes, Person] = {}
        self._looked: dict[bytes, int] = {}
        self._looking: defaultdict[bytes, asyncio.Lock] = defaultdict(asyncio.Lock)

    def person(self, chain: bytes) -> Person | None:
        """Who this is, as far as it was read; None if never."""
        if chain not in self._read and chain in self._known:
            self._read[chain] = read_person(self._known[chain], self._keys, self._practice)
        return self._read.get(chain)

    def expect_link(self, chain: bytes, seq: int) -> None:
        """The keys log has this link of a chain: from now on less than that is not believed."""
        if chain in self._known:
            self._known[chain].logged = max(self._known[chain].logged, seq)
        else:
            self._logged[chain] = max(self._logged.get(chain, -1), seq)

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
                check_grown(chain, before, known)
            known.proved, known.logged = list(before.proved), before.logged
        known.logged = max(known.logged, self._logged.pop(chain, -1))
        self._known[chain] = known
        self._read[chain] = person
        return person

    async def look(self, chain: bytes, now: int, at_least: int = 0, age: int = 0) -> Person:
        """The person with chain head and places as the server has them, not older than `age` ms.

        What is known already up to link `at_least` is enough when it was looked at recently. One look at a
        time: an answer that was overtaken by a newer one would seem to be a chain that became shorter.
        """
        async with self._looking[chain]:
            return await self._look(chain, now, at_least, age)

    async def _look(self, chain: bytes, now: int, at_least: int, age: int) -> Person:
        found = self.person(chain)
        logged = self._known[chain].logged if chain in self._known else self._logged.get(chain, -1)
        recent = age > 0 and chain in self._looked and now - self._looked[chain] <= age
        if found is not None and recent and found.chain.seq >= max(at_least, logged):
            return found
        known = self._known.get(chain)
        start = 0 if known is None else min([len(known.links) - 1, *unplaced(known)])
        try:
            fresh = await self._fetch(chain, start)
        except NoSuchChain:
            if start == 0:
                raise
            start, fresh = 0, await self._fetch(chain, 0)  # the server shows fewer links than were seen
        if known is not None and ends_early(known, fresh, start):
            fresh = await self._with_lost(known, fresh, start)
        with self._sounding_alarm():
            joined = join_links(chain, known, fresh, start)
        person = self.learn(chain, joined)
        self._looked[chain] = now
        if person.chain.seq < at_least:
            raise self._refuted(chain, "a roster names a link that the chain does not have", [])
        if person.chain.seq < logged:
            raise self._refuted(chain, "the keys log has a link of this chain that is hidden here", [])
        return person

    async def _fetch(self, chain: bytes, start: int) -> KnownLinks:
        page = await self._fetch_page(chain, start)
        links = list(page.links)
        while len(page.links) == _PAGE:
            try:
                page = await self._fetch_page(chain, start + len(links))
            except NoSuchChain:  # it ended with the page before
                break
            links += page.links
        return known_links(bytes(page.account), links)

    async def _fetch_page(self, chain: bytes, start: int) -> ChainPage:
        query = PageQuery(start, _PAGE)
        return await self._transport.call(endpoints.read_chain, query=query, chain=chain)

    def is_cut_off(self, chain: bytes) -> bool:
        """Whether the server lost links of this chain with a restore, as far as was looked."""
        known = self._known.get(chain)
        return known is not None and bool(known.lost)

    async def prove(self, chain: bytes, log: LogReader, now: int) -> list[Finding]:
        """Check that every link is in the keys log, or promised and not overdue; what is proved stays so."""
        if unplaced(self._known[chain]) or self._known[chain].logged >= len(self._known[chain].links):
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
