"""A device that is logged in to its practice: what every role needs (tep.md §5.11, §5.13; A-8)."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from etherapy.clock import Clock, SystemClock
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.people import Person as WhoAmI
from etherapy.rules.calendar import milliseconds
from etherapy.sdk.faults import NotEnrolled, Refuted, WrongServer
from etherapy.sdk.findings import Finding, Kind, join_new
from etherapy.sdk.log_copy import LogReader
from etherapy.sdk.login import DeviceLogin
from etherapy.sdk.people import People, Person
from etherapy.sdk.profile import Profile
from etherapy.sdk.transport import Transport
from etherapy.tep import cbor
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import KeyDates
from etherapy.tep.serverkeys import ServerKeys, home, verify_server_chain


class Connection:
    """A device and its server. Open one for a profile and use it as an async context manager.

        async with await Connection.open(profile) as me:
            print((await me.whoami()).display_name)

    Closing it leaves the profile open. `findings` is everything found so far that is not as it should be;
    grave ones are kept in the profile.
    """

    def __init__(
        self,
        profile: Profile,
        transport: Transport,
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        keys: DeviceKeys | None = None,
    ) -> None:
        identity = profile.identity
        self.profile = profile
        self.clock: Clock = clock or SystemClock()
        self.keys = keys or identity.device_keys
        self.transport = transport
        self.login = DeviceLogin(transport, identity.practice, self.keys, monotonic)
        transport.tokens = self.login
        self.server: ServerKeys = verify_server_chain(identity.server_links)
        self._build()

    def _build(self) -> None:
        """What depends on the server's keys; again after a rotation of them."""
        identity, kept = self.profile.identity, self.profile.kept
        self.receipt_keys: dict[bytes, KeyDates] = self.server.receipt_keys()
        self.home = home(self.server.server_id, identity.practice)
        self.keys_log = LogReader(self.transport, self.server, identity.practice, "keys", kept.keys_log)
        self.people = People(self.transport, self.receipt_keys, identity.practice, kept.chains)

    @classmethod
    async def open(
        cls, profile: Profile, *, clock: Clock | None = None, transport: Transport | None = None
    ) -> Self:
        """Log in with the profile's device. NotEnrolled, LoginFailed, WrongServer, Unreachable.

        async with await Session.open(profile) as me: ...
        """
        if not profile.enrolled:
            raise NotEnrolled("this profile belongs to nobody yet")
        opened = cls(profile, transport or Transport(profile.identity.origin), clock)
        try:
            await opened.login.current()
            await opened.check_server()
        except BaseException:
            await opened.transport.close()
            raise
        return opened

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. The session on the server ends by itself, or by `logout`."""
        await self.transport.close()

    async def logout(self) -> None:
        """End the session on the server now; the next call logs in again."""
        await self.transport.call(endpoints.logout)
        self.login.forget()

    async def whoami(self) -> WhoAmI:
        """Who this device belongs to, with the names that the practice uses.

        (await me.whoami()).roles
        """
        return await self.transport.call(endpoints.read_person)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings that are kept, oldest first."""
        return tuple(self.profile.kept.alarms)

    @property
    def practice(self) -> bytes:
        """The practice's id."""
        return self.profile.identity.practice

    @property
    def chain(self) -> bytes:
        """One's own chain id: what one is known by, whatever the device."""
        return self.profile.identity.chain

    async def now(self) -> int:
        """Milliseconds since 1970, by the server's clock."""
        return await self.login.server_time()

    def device_time(self) -> int:
        """Milliseconds since 1970 by this device's clock: told to others, relied on by nobody."""
        return milliseconds(self.clock.now())

    def note(self, found: list[Finding]) -> list[Finding]:
        """Keep grave findings; those that are new."""
        fresh = join_new(self.profile.kept.alarms, [one for one in found if one.grave])
        if fresh:
            self.profile.save()
        return fresh

    async def check_server(self) -> None:
        """The server's key chain still continues the one that was pinned; a rotation is taken over (A-8)."""
        answer = await self.transport.call(endpoints.read_server_keys)
        links = [bytes(link) for link in answer.links]
        try:
            fresh = verify_server_chain(links)
            fresh.check_descends_from(self.server)
        except Malformed as bad:
            proof = {f"link_{seq}": link for seq, link in enumerate(links)}
            words = f"the server's keys do not hold: {bad}"
            finding = Finding(kind=Kind.SERVER_KEYS, words=words, proof=proof)
            self.note([finding])
            raise WrongServer(words) from None
        if fresh.seq > self.server.seq:
            self.profile.identity.server_links = links
            self.profile.save()
            self.server = fresh
            self._build()

    async def check_logs(self) -> list[Finding]:
        """Read the keys log on, and look for links made in one's own name; what was found.

        What is found is kept. Each known chain's links are looked up in the log as well.
        """
        try:
            fresh = await self.keys_log.follow()
        except Refuted as refuted:
            return self.note([refuted.finding])
        found = [one for leaf in fresh.leaves if (one := self._judge_leaf(leaf)) is not None]
        now = await self.now()
        for chain in list(self.profile.kept.chains):
            if self.people.person(chain) is not None:
                found += await self.people.prove(chain, self.keys_log, now)
        self.profile.save()
        return self.note(found)

    def _judge_leaf(self, leaf: bytes) -> Finding | None:
        """A leaf in one's own name that is none of one's own links, or a server link that is none of ours."""
        try:
            listed = cbor.decode(leaf, limit=4096)
        except Malformed:
            return Finding(
                kind=Kind.KEYS_FORK, words="a leaf of the keys log is malformed", proof={"leaf": leaf}
            )
        identity = self.profile.identity
        match listed:
            case [1, identity.account, chain, seq, link]:
                known = self.people.person(identity.chain)
                newer = known is None or seq >= len(known.history)  # judged when the chain is looked at
                if chain == identity.chain and (newer or _head(known, seq) == link):
                    return None
                words = "the keys log has a link in your name that none of your devices made"
                return Finding(kind=Kind.OWN_LEAF, words=words, proof={"leaf": leaf})
            case [2, self.server.server_id, seq, link] if seq < len(self.server.hashes):
                if self.server.hashes[seq] != link:
                    words = "the keys log has another key link of the server than was shown"
                    return Finding(kind=Kind.SERVER_KEYS, words=words, proof={"leaf": leaf})
        return None


def _head(person: Person | None, seq: int) -> bytes | None:
    chain = None if person is None else person.at(seq)
    return None if chain is None else chain.head
