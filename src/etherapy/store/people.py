"""People, devices, links and invitations: typed callers of the functions that let somebody in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from etherapy.store.asking import Asking, opening
from etherapy.store.database import Database, Record

Word = TypeVar("Word", str, bool)


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device of a chain, as the store keeps it."""

    device: bytes
    sign_pk: bytes
    hpke_hash: bytes
    device_class: int


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link with the receipt for its place in the keys log, and its leaf there."""

    link: bytes
    link_promise: bytes
    leaf_id: bytes
    leaf: bytes


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A person who is about to exist: a verified chain and what it says."""

    account: bytes
    chain: bytes
    head: bytes
    links: Sequence[NewLink]
    devices: Sequence[NewDevice]

    def columns(self) -> tuple[object, ...]:
        """The arguments from p_account to p_classes that enrolling and joining share."""
        return (
            self.account,
            self.chain,
            self.head,
            [x.link for x in self.links],
            [x.link_promise for x in self.links],
            [x.leaf_id for x in self.links],
            [x.leaf for x in self.links],
            [x.device for x in self.devices],
            [x.sign_pk for x in self.devices],
            [x.hpke_hash for x in self.devices],
            [x.device_class for x in self.devices],
        )


@dataclass(frozen=True, slots=True)
class AuditLeaf:
    """An audit record with the salt that hides it in its leaf (A-15.2)."""

    leaf_id: bytes
    salt: bytes
    record: bytes


@dataclass(frozen=True, slots=True)
class Joining:
    """A verified joining: everything that join_thread.sql writes beside the account."""

    accept: bytes
    owner_seq: int
    practice_rules_version: int
    owner_rules_version: int
    t0: bytes
    suite: int
    charter_hash: bytes
    charter: bytes
    commit: bytes
    commit_hash: bytes
    seats: Sequence[bytes]
    sheet: bytes
    rules_hash: bytes
    shared: bytes
    part: bytes
    salts: Sequence[bytes]
    """Of the owner's part, then of the client's."""
    audit: Sequence[AuditLeaf]


class People:
    """Every answer of an open door is the same for what does not exist and what is not one's own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def practice(self, practice: bytes) -> Record | None:
        """name, home, generation; None: no such practice."""
        return await self._database.call("read_practice", practice)

    async def device(self, practice: bytes, device: bytes) -> Record | None:
        """account_id, sign_pk, class, roles of an active device."""
        return await self._database.call("find_device", practice, device)

    async def ending(self, practice: bytes, device: bytes) -> Record | None:
        """sign_pk and links of a device that was taken out."""
        return await self._database.call("read_ending", practice, device)

    async def open_session(
        self,
        practice: bytes,
        now: datetime,
        device: bytes,
        nonce: bytes,
        token_hash: bytes,
        expires_at: datetime,
    ) -> bool:
        """False: this challenge was answered before."""
        return await self._said(bool, "open_session", practice, now, device, nonce, token_hash, expires_at)

    async def close_session(self, who: Asking, now: datetime) -> None:
        """The token is worth nothing from now on."""
        await self._database.call("close_session", *opening(who, now))

    async def person(self, who: Asking, now: datetime) -> Record:
        """The caller and its practice; see read_person.sql."""
        row = await self._database.call("read_person", *opening(who, now))
        if row is None:
            raise LookupError("a session without a person")
        return row

    async def staff_link(self, practice: bytes, lookup: bytes, now: datetime) -> Record | None:
        """staff_pk, roles, display_name of a link that can still be used."""
        return await self._database.call("read_staff_link", practice, lookup, now)

    async def enrol_staff(
        self, practice: bytes, lookup: bytes, now: datetime, person: NewAccount, audit: AuditLeaf
    ) -> str:
        """enrolled, spent or taken."""
        return await self._said(
            str,
            "enrol_staff",
            practice,
            lookup,
            now,
            *person.columns(),
            audit.leaf_id,
            audit.salt,
            audit.record,
        )

    async def create_invitation(
        self,
        who: Asking,
        now: datetime,
        *,
        lookup: bytes,
        thread: bytes,
        role: int = 1,
        invite: bytes,
        charter: bytes,
        charter_hash: bytes = b"",
        charter_sig: bytes,
        chain_seq: int,
        expires_at: datetime,
        audit: AuditLeaf,
    ) -> str:
        """Outcomes: see create_invitation.sql."""
        return await self._said(
            str,
            "create_invitation",
            *opening(who, now),
            lookup,
            thread,
            role,
            invite,
            charter,
            charter_hash,
            charter_sig,
            chain_seq,
            expires_at,
            audit.leaf_id,
            audit.salt,
            audit.record,
        )

    async def invitation(self, practice: bytes, lookup: bytes, now: datetime) -> Record | None:
        """An invitation and all that belongs to it; see read_invitation.sql."""
        return await self._database.call("read_invitation", practice, lookup, now)

    async def join(
        self, practice: bytes, lookup: bytes, now: datetime, person: NewAccount, joining: Joining
    ) -> str:
        """joined, spent, expired, moved or taken."""
        j = joining
        return await self._said(
            str,
            "join_thread",
            practice,
            lookup,
            now,
            j.accept,
            j.owner_seq,
            j.practice_rules_version,
            j.owner_rules_version,
            *person.columns(),
            j.t0,
            j.suite,
            j.charter_hash,
            j.charter,
            j.commit,
            j.commit_hash,
            list(j.seats),
            j.sheet,
            j.rules_hash,
            j.shared,
            j.part,
            list(j.salts),
            [a.leaf_id for a in j.audit],
            [a.salt for a in j.audit],
            [a.record for a in j.audit],
        )

    async def chain(self, who: Asking, now: datetime, chain: bytes, start: int) -> list[Record]:
        """account_id, seq, link, link_promise, log_index from seq `start` on."""
        return await self._database.call_all("read_chain", *opening(who, now), chain, start)

    async def _said(self, kind: type[Word], function: str, *args: object) -> Word:
        row = await self._database.call(function, *args)
        answer = None if row is None else row[0]
        if not isinstance(answer, kind):
            raise LookupError("a command that always answers did not")
        return answer
