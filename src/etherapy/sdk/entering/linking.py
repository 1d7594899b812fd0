"""A new device is linked by an old one (tep.md §5.9).

Its keys are kept before anybody hears of them. It shows their hash, waits for an offer, and signs only when
it knows whose device it becomes: by the secret in its QR code, or by thirty digits that its person compares.
"""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from etherapy.binary import B64
from etherapy.clock import Clock
from etherapy.protocol import endpoints
from etherapy.protocol.pairing import CompleteLink, LinkOffer, ProgressQuery
from etherapy.protocol.problems import LoginFailed, NoSuchRequest, StaleChain
from etherapy.sdk.connection import Connection
from etherapy.sdk.devices.approving import PATIENCE
from etherapy.sdk.devices.link_text import Scanned
from etherapy.sdk.devices.passphrases import ask_by_passphrase
from etherapy.sdk.entering.link_offer import Compare, sign_offer
from etherapy.sdk.entering.link_request import ask, linking_of, name_of
from etherapy.sdk.entering.way_in import closing_on_error
from etherapy.sdk.faults import AlreadyEnrolled, LinkEnded, Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.links import practice_id
from etherapy.sdk.session import Session
from etherapy.sdk.transport import Transport
from etherapy.tep.links import DeviceClass
from etherapy.tep.pairing import code_of, link_code, lookup_id

Member = TypeVar("Member", bound=Connection)
_POLL = 25


async def link_device(
    origin: str,
    practice: bytes | str,
    profile: Profile,
    *,
    device_class: DeviceClass | None = None,
    name: str = "",
    passphrase: str = "",
    clock: Clock | None = None,
    transport: Transport | None = None,
) -> "NewDevice":
    """Begin to link this device: show what it gives to an old one, then `wait`.

    With `name` and `passphrase` the old devices are told that it waits; they must agree all the same. Repeat
    it with the same profile after Unreachable, or in another run: it shows the same code while that is good.

        new = await link_device("https://therapy.example", practice, Profile.open(place))
        print(new.code); me = await new.wait(Session, compare=lambda digits: input(digits) == "yes")
    """
    if profile.enrolled:
        raise AlreadyEnrolled("this profile belongs to somebody already")
    transport = transport or Transport(origin.rstrip("/"))
    place = practice_id(practice)
    until = await closing_on_error(transport, ask(profile, transport, place, device_class))
    new = NewDevice(profile, transport, clock, until)
    if name:
        await closing_on_error(transport, ask_by_passphrase(transport, place, new.lookup, name, passphrase))
    return new


@dataclass
class NewDevice:
    """A device that shows its code and waits. `text` is for a QR code, `code` for typing; both are good until
    `expires_at`."""

    profile: Profile = field(repr=False)
    transport: Transport = field(repr=False)
    clock: Clock | None = field(repr=False)
    expires_at: datetime

    @property
    def lookup(self) -> bytes:
        """Under which id the server keeps the request."""
        return lookup_id(code_of(name_of(self.profile)))

    @property
    def code(self) -> str:
        """Twenty characters to type on an old device."""
        return link_code(name_of(self.profile))

    @property
    def text(self) -> str:
        """What the QR code holds; a secret between this device and whoever sees its screen."""
        identity, secret = self.profile.identity, linking_of(self.profile).secret
        return Scanned(identity.origin, identity.practice, name_of(self.profile), secret).text()

    async def wait(
        self, kind: type[Member], *, compare: Compare | None = None, patience: float = PATIENCE
    ) -> Member:
        """Until an old device has agreed; the open session. The history follows as that device gives it.

        `compare` is asked whether these 30 digits are those on the old device, where the code was typed.
        LinkEnded, WrongAccount, Refuted; after Unreachable call `link_device` and `wait` again.
        """
        return await closing_on_error(self.transport, self._wait(kind, compare, patience))

    async def _wait(self, kind: type[Member], compare: Compare | None, patience: float) -> Member:
        link = Connection(self.profile, self.transport, self.clock)
        until = time.monotonic() + patience
        entered = await self._is_in(link)  # in an earlier run, perhaps, whose last answer was lost
        while not entered:
            entered = await self._step(link, compare, until - time.monotonic())
        session = kind(self.profile, self.transport, self.clock)
        await self._enter(session)
        if isinstance(session, Session):
            await session.sync()
        return session

    async def _step(self, link: Connection, compare: Compare | None, left: float) -> bool:
        """Ask once how the request stands, and sign where it is offered; whether this device is in."""
        seconds = int(max(min(left, _POLL), 0))
        try:
            progress = await self.transport.call(
                endpoints.read_link_progress,
                query=ProgressQuery("waiting", seconds),
                time_out=30.0 + seconds,
                practice=self.profile.identity.practice,
                lookup=self.lookup,
            )
        except NoSuchRequest:
            if await self._is_in(link):
                return True
            self._give_up()
            raise LinkEnded("the request of this device has ended") from None
        if progress.state == "refused":
            self._give_up()
            raise LinkEnded("another of your devices said no to this one")
        if left <= (0 if progress.state == "waiting" else -_POLL):
            words = "nobody has agreed to this device yet"
            raise LinkEnded(words, "start again when the other device is at hand")
        if progress.state == "offered" and progress.offer is not None:
            await self._sign(link, progress.offer, compare)
        if progress.state == "linked" and not self.profile.identity.chain:
            words = "the server calls this device linked, which has signed nothing"
            raise Refuted(Finding(kind=Kind.CHAIN, words=words))
        return progress.state == "linked"

    async def _sign(self, link: Connection, offer: LinkOffer, compare: Compare | None) -> None:
        """Sign the link that is offered, if it is this person's and holds; what is known is kept first."""
        identity, linking = self.profile.identity, linking_of(self.profile)
        signed = sign_offer(
            offer,
            identity.device_keys,
            linking.device_class,
            link.receipt_keys,
            identity.practice,
            linking.secret,
            compare,
        )
        identity.chain = signed.chain.chain_id
        link.people.learn(identity.chain, signed.known)
        self.profile.save()
        body = CompleteLink(B64(signed.link))
        with suppress(StaleChain):  # it has grown meanwhile: the old device makes another offer
            await self.transport.call(
                endpoints.complete_link, body, practice=identity.practice, lookup=self.lookup
            )

    async def _is_in(self, link: Connection) -> bool:
        """Whether the server knows this device already."""
        if not self.profile.identity.chain:
            return False
        try:
            await link.login.current()
        except LoginFailed:
            return False
        return True

    async def _enter(self, session: Connection) -> None:
        """The server says the same of this device as was signed; now it is one of the person's."""
        identity = self.profile.identity
        me = await session.whoami()
        person = await session.people.look(identity.chain, await session.now())
        device = person.chain.devices.get(session.keys.device_id)
        if bytes(me.chain) != identity.chain or device is None or not device.active:
            raise Refuted(Finding(kind=Kind.CHAIN, words="the server does not show the link that was signed"))
        identity.account = bytes(me.account)
        self.profile.kept.linking = None
        self.profile.kept.known_seq = person.chain.seq
        self.profile.save()

    def _give_up(self) -> None:
        """Keys that nobody took are of no further use."""
        kept = self.profile.kept
        kept.identity, kept.linking = None, None
        kept.chains.clear()
        self.profile.save()
