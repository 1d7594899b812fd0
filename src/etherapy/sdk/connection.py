"""A device that is logged in to its practice: what every role needs (tep.md §5.11, §5.13; A-8)."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from etherapy.clock import Clock, SystemClock
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.people import Person as WhoAmI
from etherapy.protocol.problems import NoSuchChain
from etherapy.rules.calendar import milliseconds
from etherapy.sdk.devices.ending import watch_over
from etherapy.sdk.devices.own_devices import Devices
from etherapy.sdk.faults import NotEnrolled, Refuted, Revoked, WrongServer
from etherapy.sdk.findings import Finding, Kind, join_new
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.keeping.quarantine import raise_alarm
from etherapy.sdk.login import DeviceLogin
from etherapy.sdk.threadless import Threadless
from etherapy.sdk.transport import Transport
from etherapy.sdk.verifying.generations import Generations
from etherapy.sdk.watching.leaf_watch import LeafWatch
from etherapy.sdk.watching.log_copy import LogReader
from etherapy.sdk.watching.people import People
from etherapy.sdk.watching.server_watch import ServerWatch
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import KeyDates
from etherapy.tep.restore import restore_keys
from etherapy.tep.serverkeys import ServerKeys, home, verify_server_chain


class Connection(Threadless):
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
        self.devices = Devices(self)
        watch_over(self)
        self.server: ServerKeys = verify_server_chain(identity.server_links)
        self.watch = ServerWatch(self)
        self.leaves = LeafWatch(self)
        transport.heard, transport.relogged = self.watch.hear, self.watch.relogged
        self._build()

    def _build(self) -> None:
        """What goes by the server's keys. All of it sees a rotation: see `_take_over`."""
        identity, kept = self.profile.identity, self.profile.kept
        self.receipt_keys: dict[bytes, KeyDates] = self.server.receipt_keys()
        self._restore_keys = restore_keys(self.server)
        self.generations = Generations(identity.practice, self._restore_keys)
        self.home = home(self.server.server_id, identity.practice)
        self.keys_log = LogReader(
            self.transport, self.server, identity.practice, "keys", kept.keys_log, self.watch.account_for
        )
        self.keys_log.on_leaves = self.leaves.take
        self.people = People(
            self.transport,
            self.receipt_keys,
            identity.practice,
            kept.chains,
            self._hear,
            self.watch.generation,
            kept.logged,
        )

    def _take_over(self, fresh: ServerKeys) -> None:
        """Newer keys of the server, for everything that holds the old ones."""
        self.server = self.keys_log.server = fresh
        self.receipt_keys.update(fresh.receipt_keys())
        self._restore_keys.update(restore_keys(fresh))

    @classmethod
    async def open(
        cls, profile: Profile, *, clock: Clock | None = None, transport: Transport | None = None
    ) -> Self:
        """Log in with the profile's device. NotEnrolled, LoginFailed, WrongServer, Unreachable.

        async with await Session.open(profile) as me: ...
        """
        if not profile.enrolled:
            if profile.kept.ended:
                raise Revoked(profile.kept.ended)
            raise NotEnrolled("this profile belongs to nobody yet")
        opened = cls(profile, transport or Transport(profile.identity.origin), clock)
        try:
            await opened.login.current()
            await opened.check_server()
            await opened.watch.after_login()
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

    @property
    def openers(self) -> tuple[DeviceKeys, ...]:
        """The keys that open what is sealed to this device: while its key is being renewed, both."""
        identity = self.profile.kept.identity
        fresh = DeviceKeys.from_stored(identity.next_keys) if identity and identity.next_keys else self.keys
        renewed = fresh.device_id == self.keys.device_id and fresh.hpke.public != self.keys.hpke.public
        return (self.keys, fresh) if renewed else (self.keys,)

    async def now(self) -> int:
        """Milliseconds since 1970, by the server's clock."""
        return await self.login.server_time()

    def device_time(self) -> int:
        """Milliseconds since 1970 by this device's clock: told to others, relied on by nobody."""
        return milliseconds(self.clock.now())

    def note(self, found: list[Finding]) -> list[Finding]:
        """Keep grave findings; those that are new."""
        fresh = join_new(self.profile.kept.alarms, [one for one in found if one.grave])
        quarantined = raise_alarm(self.profile.kept, found, self.chain)
        if fresh or quarantined:
            self.profile.save()
        return fresh

    def _hear(self, finding: Finding) -> None:
        """A chain does not hold, whoever asked for it."""
        self.note([finding])

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
            self._take_over(fresh)

    async def check_logs(self) -> list[Finding]:
        """Read the keys log on, and look for links made in one's own name; what was found.

        What is found is kept. Each known chain's links are looked up in the log as well, and each link in the
        log is looked for in the chain.
        """
        try:
            fresh = await self.keys_log.follow()
        except Refuted as refuted:
            return self.note([refuted.finding])
        if self.leaves.newer_server:
            self.leaves.newer_server = False
            await self.check_server()
        now = await self.now()
        found = await self.watch.judge_log(fresh.leaves)
        for chain in list(self.profile.kept.chains):
            if self.people.person(chain) is not None:
                try:
                    found += await self.people.prove(chain, self.keys_log, now)
                except Refuted as refuted:
                    found.append(refuted.finding)
                except NoSuchChain:
                    continue  # one has nothing to do with this person any more
        self.profile.save()
        return [*self.leaves.findings(), *self.note(found)]
