"""A practice with a therapist, a client and a thread, straight through the schema's functions.

The functions do not look into what they store, so random bytes stand for everything that is signed or sealed.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from os import urandom

from etherapy.store.database import Database
from etherapy.store.messages import Acceptance, DayRecord, Ended, SentRow
from etherapy.store.people import AuditLeaf, Joining, NewAccount, NewDevice, NewLink, People
from etherapy.store.threads import ThreadFacts, Threads

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Who:
    """A logged-in person."""

    practice: bytes
    token_hash: bytes
    account: bytes
    device: bytes
    roles: frozenset[str] = frozenset({"client", "therapist", "supervisor", "administrator"})


@dataclass(slots=True)
class Room:
    """A furnished practice: one thread between `client` and `therapist`."""

    database: Database
    practice: bytes
    client: Who
    therapist: Who
    thread: bytes
    commit_hash: bytes
    threads: Threads = field(init=False)

    def __post_init__(self) -> None:
        self.threads = Threads(self.database)

    async def facts(self, now: datetime, who: Who | None = None) -> ThreadFacts:
        return (await self.threads.facts(who or self.client, now, self.thread))[0]

    async def attempt(
        self,
        now: datetime,
        *,
        who: Who | None = None,
        release_at: datetime | None = None,
        at_once: bool = False,
        mid: bytes | None = None,
        item_hash: bytes | None = None,
        version: int | None = None,
        thread: bytes | None = None,
        reply_by: datetime | None = None,
        urgent: bool = False,
        envelope: bytes | None = None,
    ) -> Acceptance:
        """A message on the thread's present version: held until `release_at`, or placed at once."""
        who = who or self.client
        if version is None:
            version = (await self.facts(now, who)).version
        return Acceptance(
            thread=thread or self.thread,
            account=who.account,
            device=who.device,
            mid=mid or urandom(16),
            item_hash=item_hash or urandom(32),
            envelope=envelope or urandom(3) + b"\x01" + urandom(148 + 64 + 272),  # of class 1
            epoch=0,
            commit_hash=self.commit_hash,
            by_client=who is self.client,
            urgent=urgent,
            expects_reply=True,
            service_class=1,
            size=272,
            turn=0,
            version=version,
            accepted_at=now,
            release_at=now if at_once else release_at,
            reply_by=reply_by,
            window_at=now if at_once else release_at,
            acked_until=None,
            reason=(6 if urgent else 1) if at_once else None,
            promise=urandom(259),
            promise_hash=urandom(32),
            decision=b'{"code":"held"}',
            question=b"{}",
            leaf_id=urandom(16),
            leaf_salt=urandom(32),
        )

    async def send(self, now: datetime, **how: object) -> tuple[Acceptance, SentRow]:
        message = await self.attempt(now, **how)  # type: ignore[arg-type]
        return message, await self.threads.accept(
            self.client if message.by_client else self.therapist, now, message
        )

    async def recall(
        self, now: datetime, message: Acceptance, recall: bytes | None = None, device: bytes | None = None
    ) -> SentRow:
        return await self.threads.recall(
            self.client, now, self.thread, message.account, ended(now, message, recall, device)
        )

    async def replace(
        self,
        now: datetime,
        message: Acceptance,
        recall: bytes | None = None,
        device: bytes | None = None,
        **how: object,
    ) -> tuple[Acceptance, SentRow]:
        """Another message in the place of this one, which keeps its counted_from."""
        other = await self.attempt(now, **how)  # type: ignore[arg-type]
        other = replace(other, counted_from=message.counted_from or message.accepted_at)
        done = ended(now, message, recall, device)
        return other, await self.threads.replace(self.client, now, done, other)


def ended(now: datetime, message: Acceptance, recall: bytes | None, device: bytes | None) -> Ended:
    """What a signed Recall brings."""
    day = DayRecord(now, urandom(16), urandom(32), b"{}")
    who = device or message.device
    return Ended(message.mid, message.item_hash, who, recall or urandom(192), urandom(187), day)


def person() -> tuple[NewAccount, NewDevice]:
    """Somebody with one device and a chain of one link."""
    device = NewDevice(urandom(16), urandom(32), urandom(32), 1)
    chain = urandom(32)
    link = NewLink(urandom(64), urandom(155), urandom(16), urandom(80))
    return NewAccount(urandom(16), chain, chain, [link], [device]), device


def leaf() -> AuditLeaf:
    return AuditLeaf(urandom(16), urandom(32), b"{}")


async def log_in(people: People, practice: bytes, now: datetime, account: bytes, device: bytes) -> Who:
    token_hash = urandom(32)
    assert await people.open_session(practice, now, device, urandom(32), token_hash, now + 365 * DAY)
    return Who(practice, token_hash, account, device)


async def make_practice(database: Database, now: datetime) -> bytes:
    practice = urandom(16)
    await database.call(
        "create_practice",
        practice,
        now,
        "Harbour",
        urandom(32),
        urandom(32),
        [urandom(16)],
        [urandom(40)],
        None,
        urandom(16),
        urandom(32),
        b"{}",
    )
    return practice


async def enrol(database: Database, practice: bytes, now: datetime, *roles: str) -> Who:
    """A member of staff, logged in."""
    people, lookup = People(database), urandom(16)
    somebody, device = person()
    await database.call(
        "create_staff_link",
        practice,
        now,
        lookup,
        urandom(32),
        list(roles),
        "Dr Vale",
        now + DAY,
        urandom(16),
        urandom(32),
        b"{}",
    )
    assert await people.enrol_staff(practice, lookup, now, somebody, leaf()) == "enrolled"
    return await log_in(people, practice, now, somebody.account, device.device)


async def open_thread(
    database: Database, practice: bytes, therapist: Who, now: datetime
) -> tuple[Who, bytes, bytes]:
    """A client who joined by invitation, logged in, with the thread and its commit's hash."""
    people, lookup, thread, commit_hash = People(database), urandom(16), urandom(16), urandom(32)
    said = await people.create_invitation(
        therapist,
        now,
        lookup=lookup,
        thread=thread,
        invite=urandom(300),
        charter=urandom(200),
        charter_sig=urandom(64),
        chain_seq=0,
        expires_at=now + DAY,
        audit=leaf(),
    )
    assert said == "created"
    somebody, device = person()
    joining = Joining(
        accept=urandom(200),
        owner_seq=0,
        practice_rules_version=0,
        owner_rules_version=0,
        t0=urandom(32),
        suite=1,
        charter_hash=urandom(32),
        charter=urandom(330),
        commit=urandom(3000),
        commit_hash=commit_hash,
        seats=[device.device, therapist.device],
        sheet=urandom(150),
        rules_hash=urandom(32),
        shared=b"{}",
        part=b"{}",
        salts=[urandom(16), urandom(16)],
        audit=[leaf()],
    )
    assert await people.join(practice, lookup, now, somebody, joining) == "joined"
    return await log_in(people, practice, now, somebody.account, device.device), thread, commit_hash


async def furnish(database: Database, now: datetime) -> Room:
    """A practice with one thread."""
    practice = await make_practice(database, now)
    therapist = await enrol(database, practice, now, "therapist")
    client, thread, commit_hash = await open_thread(database, practice, therapist, now)
    return Room(database, practice, client, therapist, thread, commit_hash)
