"""A thread with its people as their apps move them: invitations into it, consents, leaves, commits."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from os import urandom
from typing import Any

from etherapy.binary import B64
from etherapy.crypto.epochs import new_epoch
from etherapy.crypto.invitation import invitation_keys, new_link_secret
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.membership import AcceptMembership, ConsentSigned, LeaveThread, SignConsent
from etherapy.protocol.messages import SendMessage
from etherapy.protocol.people import AddLink
from etherapy.protocol.threads import Changes, Commit
from etherapy.rules.calendar import milliseconds
from etherapy.tep import epoch as tep
from etherapy.tep import linking
from etherapy.tep.charter import charter_hash, sign_charter
from etherapy.tep.consent import Consent, consent_hash, sign_consent
from etherapy.tep.epoch import CommitReason, Role
from etherapy.tep.invite import Invite, InviteAccept, parse_invite, sign_accept, sign_invite
from etherapy.tep.leaving import Leave, parse_leave, sign_leave
from etherapy.tep.links import DeviceClass
from tests.server.asking import Answer, Ask
from tests.server.clinic import ORIGIN, Clinic
from tests.server.people import DAY, Offer, Somebody, Talk, invitation, log_in, somebody


@dataclass
class Company:
    """Everybody in one thread. `roles` by name; `client` names the thread in `clinic.talks`."""

    clinic: Clinic
    client: str
    roles: dict[str, int]

    @property
    def talk(self) -> Talk:
        return self.clinic.talks[self.client]

    @property
    def owner(self) -> Somebody:
        return self.clinic.people[self.talk.therapist]

    def person(self, name: str) -> Somebody:
        return self.clinic.people[name]

    async def view(self) -> tuple[int, bytes]:
        """(n, T_n) at the end of the thread, past row level security."""
        row = await self.clinic.operate.fetchrow(
            "SELECT last_n, last_t FROM thread WHERE thread_id = $1", self.talk.thread
        )
        assert row is not None
        return row["last_n"], row["last_t"]

    async def make(
        self,
        by: str,
        reason: int = CommitReason.REQUEST,
        *,
        roles: Mapping[str, int] | None = None,
        names: Sequence[bytes] = (),
        kept: Mapping[bytes, Collection[bytes]] | None = None,
        **how: Any,
    ) -> tuple[bytes, bytes]:
        """A commit by somebody's first device, and its secret. `roles`: whom it is for, if not the same."""
        core = self.talk.commit.core
        given: dict[str, Any] = {
            "thread": self.talk.thread,
            "epoch": core.epoch + 1,
            "charter_hash": self.talk.charter_hash,
            "view": await self.view(),
            "home": self.talk.home,
            "prev": self.talk.commit.commit_hash,
            "before": core,
        }
        return new_epoch(
            [(self.person(name).chain, role) for name, role in (roles or self.roles).items()],
            how.pop("keys", None) or self.person(by).keys,
            reason=reason,
            consents=names,
            kept=kept or {},
            **{**given, **how},
        )

    async def offer_commit(self, by: str, whole: bytes) -> Answer:
        """What the server answers to a commit."""
        ask = self.ask(endpoints.commit_epoch, Commit(B64(whole)))
        return await self.clinic.line.ask(ask, self.person(by).token)

    async def commit(self, by: str, reason: int = CommitReason.REQUEST, **how: Any) -> Answer:
        """Make a commit and offer it; if it is placed, this is the thread's epoch from now on."""
        whole, secret = await self.make(by, reason, **how)
        answer = await self.offer_commit(by, whole)
        if answer.status == 201:
            self.settle(whole, secret, how.get("roles"))
        return answer

    def settle(self, whole: bytes, secret: bytes, roles: Mapping[str, int] | None = None) -> None:
        grown = replace(self.talk, commit=tep.parse_commit(whole), secret=secret)
        self.clinic.talks[self.client] = grown
        self.roles = dict(roles or self.roles)

    def ask(self, endpoint: Any, body: Any = None, query: str = "", **path: object) -> Ask:
        return Ask(endpoint.method, endpoint.fill({"thread": self.talk.thread, **path}), query, body)

    async def call(self, by: str, endpoint: Any, body: Any = None, query: str = "") -> Any:
        """What a good answer about this thread gives."""
        token = self.person(by).token
        return await self.clinic.line.call(endpoint, body, query, token=token, thread=self.talk.thread)

    async def invite(self, role: int = Role.FAMILY) -> Offer:
        """An invitation into this thread, under the charter that is in force."""
        owner, link = self.owner, invitation_keys(new_link_secret())
        terms = await self.clinic.operate.fetchval(
            "SELECT charter FROM invitation WHERE thread_id = $1 AND opens", self.talk.thread
        )
        size, root = await self.clinic.log_size(owner)
        invite = Invite(
            server_id=self.clinic.secrets.server_id,
            practice=owner.practice,
            thread=self.talk.thread,
            therapist=owner.chain.chain_id,
            therapist_seq=owner.chain.seq,
            therapist_head=owner.chain.head,
            keys_size=size,
            keys_root=root,
            role=role,
            charter_hash=charter_hash(terms),
            invite_pk=link.signing.public,
            expires_at=milliseconds(self.clinic.now + DAY),
            nonce=urandom(16),
        )
        whole, signature = sign_invite(invite, owner.keys.sign), sign_charter(terms, owner.keys.sign)
        return Offer(owner.name, self.talk.thread, link.lookup_id, link.signing, whole, terms, signature)

    async def leave_invitation(self, role: int = Role.FAMILY) -> Offer:
        offer = await self.invite(role)
        await self.clinic.line.call(endpoints.invite, invitation(offer), token=self.owner.token)
        return offer

    async def accept(self, offer: Offer, name: str) -> Somebody:
        """Somebody new accepts and is logged in, and waits."""
        who = somebody(name, self.owner.practice, self.clinic.now)
        done = await self.clinic.line.call(
            endpoints.accept_membership, acceptance(offer, who), practice=who.practice, lookup=offer.lookup
        )
        assert done.thread == self.talk.thread
        return self.clinic.settle(
            await log_in(self.clinic.line, ORIGIN, replace(who, account=bytes(done.account)))
        )

    def consent(
        self,
        newcomer: str,
        role: int,
        *,
        history: bool = False,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> bytes:
        """The core of a consent for somebody."""
        return Consent(
            self.talk.thread,
            self.person(newcomer).chain.chain_id,
            role,
            history,
            milliseconds(since or self.clinic.now),
            milliseconds(until) if until else 0,
            urandom(16),
            self.talk.home,
        ).pack()

    async def sign(self, by: str, core: bytes) -> ConsentSigned:
        return await self.call(by, endpoints.sign_consent, signature(self.person(by), core))

    async def agree(self, core: bytes) -> bytes:
        """The owner proposes and every client signs; the hash that a commit names."""
        signers = [name for name, role in self.roles.items() if role == Role.CLIENT]
        signed = [await self.sign(name, core) for name in (self.owner.name, *signers)]
        assert [one.complete for one in signed] == [False] * len(signers) + [True]
        return consent_hash(core)

    async def bring_in(self, by: str, newcomer: str, role: int, **terms: Any) -> Answer:
        """Everybody consents, and `by` makes the epoch."""
        name = await self.agree(self.consent(newcomer, role, **terms))
        roles = {**self.roles, newcomer: role}
        return await self.commit(by, CommitReason.USER_ADDED, roles=roles, names=[name])

    def leave_of(self, by: str) -> bytes:
        who = self.person(by)
        at = milliseconds(self.clinic.now)
        leave = Leave(
            self.talk.thread, who.chain.chain_id, who.keys.device_id, at, urandom(16), self.talk.home
        )
        return sign_leave(leave, who.keys.sign)

    async def leave(self, by: str, whole: bytes | None = None) -> tuple[Answer, bytes]:
        """Somebody leaves; the answer, and the hash that the next commit names."""
        whole = whole or self.leave_of(by)
        ask = self.ask(endpoints.leave_thread, LeaveThread(B64(whole)))
        return await self.clinic.line.ask(ask, self.person(by).token), parse_leave(whole).leave_hash

    def without(self, *names: str) -> dict[str, int]:
        return {name: role for name, role in self.roles.items() if name not in names}


def company_of(clinic: Clinic, client: str = "A.client") -> Company:
    """The client and the therapist of a furnished thread."""
    therapist = clinic.talks[client].therapist
    return Company(clinic, client, {therapist: Role.THERAPIST, client: Role.CLIENT})


async def couple(clinic: Clinic) -> Company:
    """A thread with a second client in it, `A.partner_client`, who sees all that was before."""
    found = company_of(clinic)
    await found.accept(await found.leave_invitation(Role.CLIENT), "A.partner_client")
    answer = await found.bring_in(found.owner.name, "A.partner_client", Role.CLIENT, history=True)
    assert answer.status == 201, answer
    return found


def acceptance(offer: Offer, who: Somebody) -> AcceptMembership:
    """The body by which somebody accepts an invitation into a thread that is there."""
    chain = who.chain
    answer = InviteAccept(
        parse_invite(offer.invite).invite_hash, chain.chain_id, chain.seq, chain.head, urandom(16)
    )
    return AcceptMembership(
        [B64(link) for link in who.links],
        B64(sign_accept(answer, who.keys.sign, offer.key)),
        B64(sign_charter(offer.charter, who.keys.sign)),
    )


def signature(who: Somebody, core: bytes) -> SignConsent:
    return SignConsent(B64(core), B64(sign_consent(core, who.keys.sign)))


async def link_device(clinic: Clinic, name: str) -> tuple[Answer, Somebody]:
    """A second device of somebody, which is not logged in yet; what was answered to its link."""
    who, keys = clinic.people[name], DeviceKeys.generate()
    link = linking.add_device(
        who.chain,
        who.keys.sign,
        keys.sign,
        keys.hpke.public,
        DeviceClass.DESKTOP,
        milliseconds(clinic.now),
    )
    endpoint = endpoints.add_link
    answer = await clinic.line.ask(Ask(endpoint.method, endpoint.path, body=AddLink(B64(link))), who.token)
    grown = clinic.settle(replace(who, links=(*who.links, link)))
    return answer, replace(grown, keys=keys)


async def take_back_leaves(clinic: Clinic) -> None:
    """As if nobody had left: everybody is where they were, and what waited waits."""
    for sql in (
        "UPDATE member SET ended_at = NULL FROM leave WHERE leave.account_id = member.account_id",
        "UPDATE message SET state = 'held', status = NULL, ended_at = NULL WHERE state = 'returned'",
        "UPDATE thread SET roster_ends_at = NULL",
        "DELETE FROM leave",
    ):
        await clinic.execute(sql)


async def send(thread: Company, by: str, envelope: bytes) -> Answer:
    """What is answered to a sealed message."""
    return await ask(thread, by, endpoints.send_message, SendMessage(B64(envelope)))


async def ask(thread: Company, by: str, endpoint: Any, body: Any = None, query: str = "") -> Answer:
    """What somebody is answered about this thread."""
    return await thread.clinic.line.ask(thread.ask(endpoint, body, query), thread.person(by).token)


async def changes(thread: Company, by: str, after: int = 0) -> Changes:
    """What somebody sees at a sync."""
    token = thread.person(by).token
    return await thread.clinic.line.call(endpoints.read_changes, query=f"after={after}", token=token)
