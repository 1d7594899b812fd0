"""What an owning therapist does about who is in a thread: invite, propose, remove (tep.md §5.4, A-6)."""

from datetime import datetime
from os import urandom

from etherapy.binary import B64, Id16
from etherapy.crypto.invitation import invitation_keys, new_link_secret
from etherapy.merkle.tree import empty_root
from etherapy.protocol import endpoints
from etherapy.protocol.invitations import Invite as InviteBody
from etherapy.protocol.membership import Admission, Colleague
from etherapy.rules.calendar import milliseconds
from etherapy.sdk.faults import BadForm, NoSuchMember, NotYours, Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.links import InviteLink, write_invite_link
from etherapy.sdk.membership import sign_and_settle
from etherapy.sdk.messages.resealing import reseal_own
from etherapy.sdk.session import Session
from etherapy.sdk.threads.causes import Wish
from etherapy.sdk.threads.committing import settle_epoch
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.tep.charter import charter_hash, sign_charter
from etherapy.tep.consent import Consent
from etherapy.tep.epoch import Role
from etherapy.tep.invite import (
    INTRODUCED,
    LINK_LIFE_MS,
    Invite,
    invite_verifies,
    parse_accept,
    parse_invite,
    sign_invite,
)
from etherapy.tep.joining import check_accept
from etherapy.tep.malformed import Malformed

MARGIN_MS = 10 * 60 * 1000
"""An invitation ends this much before the longest life allowed, since two clocks never agree."""


class Hosting(Session):
    """A therapist in threads that are hers."""

    async def invite_into(self, thread: bytes, role: str = "family") -> InviteLink:
        """A one-use link for one more person: a `client` (partner, or who lost everything) or `family`.

        It lets them ask; they come in by `admit`, when everybody agreed.

            link = await vale.invite_into(thread, "client")
        """
        roles = {"client": Role.CLIENT, "family": Role.FAMILY}
        if role not in roles:
            raise NoSuchMember(
                "a thread is opened to a client or to family by a link", "choose one of the two"
            )
        await self.check_logs()
        desk = await self._own_desk(thread)
        charter = desk.log.epochs.charter
        assert charter is not None
        now = await self.now()
        me = (await self.people.look(self.chain, now)).chain
        secret = new_link_secret()
        keys = invitation_keys(secret)
        copy, expires_at = self.keys_log.copy, now + LINK_LIFE_MS - MARGIN_MS
        invite = sign_invite(
            Invite(
                server_id=self.server.server_id,
                practice=self.practice,
                thread=thread,
                therapist=me.chain_id,
                therapist_seq=me.seq,
                therapist_head=me.head,
                keys_size=copy.size,
                keys_root=copy.root if copy.size else empty_root(),
                role=roles[role],
                charter_hash=charter_hash(charter.core),
                invite_pk=keys.signing.public,
                expires_at=expires_at,
                nonce=urandom(16),
                display=INTRODUCED,
            ),
            self.keys.sign,
        )
        signature = sign_charter(charter.core, self.keys.sign)
        body = InviteBody(Id16(keys.lookup_id), B64(invite), B64(charter.core), B64(signature))
        await self.transport.call(endpoints.invite, body)
        name = parse_invite(invite).invite_hash
        text = write_invite_link(self.transport.origin, self.practice, name, secret)
        return InviteLink(text, thread, expires_at)

    async def admit(self, thread: bytes, chain: bytes, *, history: bool = False) -> bool:
        """Propose that somebody who answered an invitation comes in; whether everybody has agreed already.

        With `history` they may be given what was written before, by `grant_history`, after `confirm`.
        """
        desk = await self._own_desk(thread)
        async with desk.lock:
            people = await desk.look_at_people()
            found = [one for one in people.admissions if one.chain == chain] if people else []
            if not found:
                raise NoSuchMember("nobody with this id waits to come into this thread")
            role = await self._check_admission(desk, found[0])
            return await self._propose(desk, chain, role, history, None, None)

    async def propose_cover(
        self, thread: bytes, colleague: bytes, since: datetime | None, until: datetime
    ) -> bool:
        """Propose that a colleague (`colleagues`) reads and answers here for a time, without the history.

        It ends by itself. Whether everybody has agreed already: clients are asked by their own app.

            await vale.propose_cover(thread, lind.chain, None, back_on)
        """
        desk = await self._own_desk(thread)
        async with desk.lock:
            return await self._propose(desk, colleague, Role.CO_THERAPIST, False, since, until)

    async def propose_colleague(self, thread: bytes, colleague: bytes, *, history: bool = False) -> bool:
        """Propose that a colleague works in this thread from now on; whether everybody has agreed already."""
        desk = await self._own_desk(thread)
        async with desk.lock:
            return await self._propose(desk, colleague, Role.CO_THERAPIST, history, None, None)

    async def remove(self, thread: bytes, chain: bytes) -> None:
        """Leave somebody out of a thread from now on. Everybody sees it; what they wrote stays readable."""
        desk = await self._own_desk(thread)
        async with desk.lock:
            newest = desk.log.epochs.newest
            if newest is None or newest.core.user(chain) is None or chain == self.chain:
                raise NoSuchMember("nobody else of this thread has this id")
            await settle_epoch(desk, age=0, wish=Wish(users=frozenset({chain})))
            await reseal_own(desk)

    async def colleagues(self) -> list[Colleague]:
        """The other therapists of the practice.

        lind = next(one for one in await vale.colleagues() if one.name == "Dr Lind")
        """
        answer = await self.transport.call(endpoints.read_colleagues)
        listed: list[Colleague] = answer.colleagues
        return [one for one in listed if one.chain != self.chain]

    async def _own_desk(self, thread: bytes) -> ThreadDesk:
        desk = self.desk(thread)
        async with desk.lock:
            await desk.catch_up()
        if desk.log.epochs.owner != self.chain:
            raise NotYours("this thread is another therapist's")
        return desk

    async def _propose(
        self,
        desk: ThreadDesk,
        newcomer: bytes,
        role: int,
        history: bool,
        since: datetime | None,
        until: datetime | None,
    ) -> bool:
        now = await self.now()
        begins = now if since is None else milliseconds(since)
        if until is not None and milliseconds(until) <= max(begins, now):
            raise BadForm("this time ends before it begins, or is over", "name a later end")
        person = await self.people.look(newcomer, now)
        if person.chain.closed or (desk.log.epochs.newest and desk.log.epochs.newest.core.user(newcomer)):
            raise NoSuchMember("whoever is meant is in this thread already, or has closed their account")
        self.profile.save()
        core = Consent(
            thread=desk.thread,
            newcomer=newcomer,
            role=role,
            history=history,
            since=begins,
            until=0 if until is None else milliseconds(until),
            nonce=urandom(16),
            home=self.home,
        ).pack()
        return await sign_and_settle(desk, core)

    async def _check_admission(self, desk: ThreadDesk, one: Admission) -> int:
        """The role of an invitation of one's own that this person answered; Refuted."""
        now = await self.now()
        newcomer = await self.people.look(bytes(one.chain), now)
        me = (await self.people.look(self.chain, now, age=60_000)).chain
        try:
            invite, accept = parse_invite(one.invite), parse_accept(one.accept)
            if invite.invite.thread != desk.thread or accept.accept.invite_hash != invite.invite_hash:
                raise Malformed("invite", "for another thread, or the answer to another one")
            if not any(invite_verifies(invite, device.sign_pk) for device in me.devices.values()):
                raise Malformed("invite", "not signed by you")
            then = newcomer.at(accept.accept.client_seq)
            if then is None:
                raise Malformed("accept", "by a longer chain than theirs")
            check_accept(accept, invite, then)
        except Malformed as bad:
            proof = {"invite": bytes(one.invite), "accept": bytes(one.accept)}
            words = f"somebody is said to have answered your invitation, and did not: {bad}"
            finding = Finding(kind=Kind.PAPERS, words=words, proof=proof, thread=desk.thread)
            self.note([finding])
            raise Refuted(finding) from None
        return invite.invite.role
