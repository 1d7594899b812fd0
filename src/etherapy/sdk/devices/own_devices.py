"""A person's own devices: see them, let one in, take one out, renew keys and code (tep.md §5.2, §5.9).

`me.devices` on every connection: who has no threads has devices all the same.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from etherapy.protocol.pairing import LinkRequest
from etherapy.protocol.problem import Problem
from etherapy.rules.calendar import instant
from etherapy.sdk.devices import approving, passphrases, revoking, rotating
from etherapy.sdk.devices.approving import PATIENCE, Approval, Newcomer
from etherapy.sdk.devices.chain_news import news_of
from etherapy.sdk.devices.new_code import (
    Cancelled,
    Replacement,
    cancel_replacement,
    replace_with_code,
    replace_without_code,
)
from etherapy.sdk.devices.own_chain import key_since, look_at_self, recorded_at
from etherapy.sdk.devices.revoking import Revocation
from etherapy.sdk.faults import DeviceFault, NoSuchDevice, Quarantined, Refuted, Revoked
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.quarantine import end_quarantine
from etherapy.sdk.transport import Garbled, Unreachable
from etherapy.sdk.verifying.person import Person
from etherapy.tep.links import DeviceClass

if TYPE_CHECKING:
    from etherapy.sdk.connection import Connection


@dataclass(frozen=True, slots=True)
class OwnDevice:
    """One device of a person. `narrowed`: threads whose newest epoch leaves it out though it is active."""

    device: bytes
    device_class: DeviceClass
    this: bool
    active: bool
    since: datetime
    key_since: datetime
    ended_at: datetime | None
    narrowed: tuple[bytes, ...]

    @property
    def recovery(self) -> bool:
        """Whether this is the code on paper."""
        return self.device_class == DeviceClass.RECOVERY


class Devices:
    """What a person can do about their own devices.

    for one in await me.devices.list(): print(one.device_class.name, one.since, one.this)
    """

    def __init__(self, link: "Connection") -> None:
        self._link = link
        self._lock = asyncio.Lock()

    async def list(self) -> list[OwnDevice]:
        """All devices, active ones first, in the order in which they came."""
        person = await look_at_self(self._link)
        found = [await self._view(person, device) for device in person.chain.devices]
        return sorted(found, key=lambda one: (not one.active, one.since, one.recovery))

    async def _view(self, person: Person, device: bytes) -> OwnDevice:
        known = person.chain.devices[device]
        ended = person.chain.closed or known.revoked_seq is not None
        last = person.chain.seq if known.revoked_seq is None else known.revoked_seq
        return OwnDevice(
            device=device,
            device_class=DeviceClass(known.device_class),
            this=device == self._link.keys.device_id,
            active=not ended,
            since=recorded_at(person, known.added_seq),
            key_since=instant(key_since(person, device)),
            ended_at=recorded_at(person, last) if ended else None,
            narrowed=() if ended else await self._link.left_out_of(device),
        )

    async def find(self, beginning: str) -> bytes:
        """The one active device whose id begins so (hexadecimal). NoSuchDevice."""
        active = (await look_at_self(self._link)).chain.active()
        found = [one.device_id for one in active if one.device_id.hex().startswith(beginning.lower())]
        if len(found) != 1 or not beginning:
            words = "several of your devices begin so" if len(found) > 1 else "none of your devices begins so"
            raise NoSuchDevice(words)
        return found[0]

    async def examine(self, code: str) -> Newcomer:
        """Which new device shows this code or QR text; nothing is signed yet. BadLink, LinkEnded, Refuted.

        newcomer = await me.devices.examine("7F3K-…"); print(newcomer.device_class, newcomer.digits)
        """
        return await approving.examine(self._link, code)

    async def approve(self, newcomer: Newcomer | str, patience: float = PATIENCE) -> Approval:
        """Let a new device in: sign, wait for it to sign, seal every thread to it, give it the history.

        await me.devices.approve(newcomer)
        """
        async with self._lock:
            found = await self.examine(newcomer) if isinstance(newcomer, str) else newcomer
            return await approving.approve(self._link, found, patience)

    async def requests(self) -> tuple[LinkRequest, ...]:
        """New devices that wait by one's passphrase. If none of them is yours, change the passphrase."""
        return tuple(await approving.requests(self._link))

    async def refuse(self, lookup: bytes) -> None:
        """Say no to a device that waits."""
        await approving.refuse(self._link, lookup)

    async def revoke(self, device: bytes) -> Revocation:
        """Take a device out for good; what it has waiting is kept, with its times.

        await me.devices.revoke(await me.devices.find("3f2a"))
        """
        async with self._lock:
            return await revoking.revoke(self._link, device)

    async def rotate(self) -> tuple[bytes, ...]:
        """Give this device a new key to be sealed to; the threads that follow at the next sync."""
        async with self._lock:
            return await rotating.rotate(self._link)

    async def replace_recovery(self, old_code: str | None = None) -> Replacement:
        """A new recovery code: at once with the old one, else announced now and to be had after 72 hours.

        done = await me.devices.replace_recovery(); print(done.code or done.ready_at)
        """
        async with self._lock:
            if old_code is None:
                return await replace_without_code(self._link)
            return await replace_with_code(self._link, old_code)

    async def cancel_replacement(self) -> Cancelled:
        """Prevent a new recovery code that another device announced, by taking that device out."""
        async with self._lock:
            return await cancel_replacement(self._link)

    async def set_passphrase(self, name: str, passphrase: str) -> None:
        """Let a new device ask by this name; one of the old ones must still agree. NameTaken."""
        await passphrases.set_passphrase(self._link, name, passphrase)

    async def drop_passphrase(self) -> None:
        """Go without a passphrase."""
        await passphrases.drop_passphrase(self._link)

    async def close_account(self) -> None:
        """End the account for good, on every device; there is no way back."""
        async with self._lock:
            await revoking.close_account(self._link)

    async def reconcile(self) -> bool:
        """End a quarantine whose cause is gone: the server shows one's own chain whole again. By hand only.

        A fork, or a change that none of one's devices made, does not go away by itself: there only a restore
        statement of the server helps, or the recovery code on a fresh profile.
        """
        alarm = self._link.profile.kept.quarantine
        if alarm is not None and alarm.kind == Kind.ROLLBACK:
            await look_at_self(self._link)  # Refuted while it still is shorter than it was
            end_quarantine(self._link.profile)
        return self._link.profile.kept.quarantine is None

    async def tend(self) -> tuple[Finding, ...]:
        """What is due: history owed to a new device, a rotation begun or due. What is new in one's chain.

        Part of every sync; costs nothing when nothing is due, and what fails is tried again next time.
        """
        link, kept = self._link, self._link.profile.kept
        person = link.people.person(link.chain)
        if kept.quarantine is not None or person is None:
            return ()
        noticed = news_of(kept, person, link.keys.device_id)
        if noticed or kept.known_seq != person.chain.seq:
            kept.known_seq = person.chain.seq
            link.profile.save()
        try:
            async with self._lock:
                await self._do_what_is_due(person)
        except Refuted as refuted:
            return (*noticed, *link.note([refuted.finding]))
        except (Quarantined, Revoked):
            raise
        except (DeviceFault, Problem, Unreachable, Garbled):
            pass  # at the next sync
        return noticed

    async def _do_what_is_due(self, person: Person) -> None:
        link, kept = self._link, self._link.profile.kept
        if any(device in person.chain.devices for device in kept.owed):
            await approving.pay(link)
        if link.profile.identity.next_keys:
            await rotating.finish_rotation(link)
        elif rotating.is_due(person, link.keys.device_id, await link.now()):
            await rotating.rotate(link)
