"""Device chains as they grow, and the requests of devices that wait to be linked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record
from etherapy.store.people import AuditLeaf, NewDevice, NewLink


@dataclass(frozen=True, slots=True)
class KnownChain:
    """A person's whole chain as it is stored, and what a further link is judged and signed with."""

    account: bytes
    chain: bytes
    generation: int
    links: Sequence[bytes]
    link_promises: Sequence[bytes]
    indexes: Sequence[int | None]
    """Places in the keys log; None while a link waits for the sequencer."""
    recorded: Sequence[datetime]
    last_placed_at: datetime | None
    """Newest position in any of the person's threads: no link is recorded before it (A-5)."""
    device: bytes = b""
    """The device that asks; empty where nobody is logged in."""


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One verified link with everything that extend_chain.sql does in one transaction."""

    op: int
    seq: int
    head: bytes
    link: NewLink
    recorded_at: datetime
    audit: AuditLeaf
    device: NewDevice | None = None
    """What comes in, or has another X-Wing key."""
    gone: Sequence[bytes] = ()
    mids: Sequence[bytes] = ()
    statuses: Sequence[bytes] = ()

    def columns(self) -> tuple[object, ...]:
        """The arguments from p_recorded_at on, which the three commands share."""
        came = self.device
        return (
            self.recorded_at,
            self.op,
            self.seq,
            self.head,
            self.link.link,
            self.link.link_promise,
            self.link.leaf_id,
            self.link.leaf,
            came and came.device,
            came and came.sign_pk,
            came and came.hpke_hash,
            came and came.device_class,
            list(self.gone),
            list(self.mids),
            list(self.statuses),
            self.audit.leaf_id,
            self.audit.salt,
            self.audit.record,
        )


@dataclass(frozen=True, slots=True)
class Grown:
    """added, moved or gone; the threads that changed, and the accounts whose feeds moved."""

    outcome: str
    threads: Sequence[bytes]
    told: Sequence[bytes]


class Devices:
    """Typed callers of the functions about chains and requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def own_chain(self, who: Asking, now: datetime) -> KnownChain:
        """The caller's, with the device that asks."""
        return _chain(await self._database.call_one("load_own_chain", *opening(who, now)))

    async def chain_of(self, practice: bytes, account: bytes) -> KnownChain:
        """For the server itself; the account is known to exist."""
        return _chain(await self._database.call_one("load_chain", practice, account))

    async def grow(self, who: Asking, now: datetime, step: ChainStep) -> Grown:
        """added or moved."""
        return _grown(await self._database.call_one("grow_chain", *opening(who, now), *step.columns()))

    async def complete(
        self, practice: bytes, lookup: bytes, account: bytes, core: bytes, now: datetime, step: ChainStep
    ) -> Grown:
        """The link of an offer: added, moved or gone."""
        where = (practice, lookup, account, core, now)
        return _grown(await self._database.call_one("complete_link", *where, *step.columns()))

    async def ask(
        self,
        practice: bytes,
        now: datetime,
        lookup: bytes,
        keys: tuple[bytes, bytes],
        device_class: int,
        expires_at: datetime,
        most: int,
    ) -> tuple[str, datetime | None]:
        """asked, again, full, no_practice or other; and until when the request waits."""
        row = await self._database.call_one(
            "ask_link", practice, now, lookup, *keys, device_class, expires_at, most
        )
        return row["outcome"], row["expires_at"]

    async def request(self, practice: bytes, lookup: bytes, now: datetime) -> Record | None:
        """A request as the new device may see it; None: unknown or over."""
        return await self._database.call("load_request", practice, lookup, now)

    async def seen_request(self, who: Asking, now: datetime, lookup: bytes) -> Record:
        """A request as an active device may see it; Refused for another person's."""
        return await self._database.call_one("read_request", *opening(who, now), lookup)

    async def requests(self, who: Asking, now: datetime) -> list[Record]:
        """Open ones by the caller's passphrase."""
        return await self._database.call_all("read_requests", *opening(who, now))

    async def offer(
        self,
        who: Asking,
        now: datetime,
        lookup: bytes,
        core: bytes,
        signature: bytes,
        confirmation: bytes | None,
    ) -> str:
        """offered or ended."""
        row = await self._database.call_one(
            "offer_link", *opening(who, now), lookup, core, signature, confirmation
        )
        return str(row[0])

    async def refuse(self, who: Asking, now: datetime, lookup: bytes) -> None:
        """The device that waits is told no."""
        await self._database.call("refuse_link", *opening(who, now), lookup)


def _chain(row: Record) -> KnownChain:
    return KnownChain(
        account=row["account_id"],
        chain=row["chain_id"],
        generation=row["generation"],
        links=row["links"],
        link_promises=row["link_promises"],
        indexes=row["indexes"],
        recorded=row["recorded_at"],
        last_placed_at=row["last_placed_at"],
        device=row.get("device_id") or b"",
    )


def _grown(row: Record) -> Grown:
    return Grown(row["outcome"], row["threads"] or (), row["told"] or ())
