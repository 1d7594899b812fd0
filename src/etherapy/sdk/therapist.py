"""A therapist: inviting, the batched inbox, notices, and one's own rules."""

from collections.abc import Mapping, Sequence
from os import urandom
from typing import Any

from etherapy.binary import B64, Id16
from etherapy.crypto.invitation import invitation_keys, new_link_secret
from etherapy.merkle.tree import empty_root
from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import RulesChecked, RuleSet, RulesSet
from etherapy.protocol.invitations import Invite as InviteBody
from etherapy.protocol.messages import OpenEarly
from etherapy.protocol.problems import StaleChain
from etherapy.protocol.rule_words import RuleWordsQuery
from etherapy.protocol.threads import Inbox, InboxQuery, Turn
from etherapy.sdk.agreement import AGREEMENT
from etherapy.sdk.duties import Duties
from etherapy.sdk.hosting import MARGIN_MS, Hosting
from etherapy.sdk.links import InviteLink, write_invite_link
from etherapy.sdk.own_rules import written
from etherapy.tep.charter import (
    ERASE_EPOCHS,
    ERASE_OWN,
    Charter,
    agreement_hash,
    charter_hash,
    sign_charter,
)
from etherapy.tep.epoch import Role
from etherapy.tep.invite import INTRODUCED, LINK_LIFE_MS, Invite, parse_invite, sign_invite
from etherapy.tep.shape import ZEROS_32


class Therapist(Hosting, Duties):
    """A therapist's device.

    async with await Therapist.open(profile) as vale:
        print((await vale.invite("A. in Chicago")).text)
        for turn in await vale.inbox(): ...
    """

    async def invite(
        self,
        client_hint: str = "",
        *,
        agreement: str = AGREEMENT,
        retention_days: int = 3650,
        backup_days: int = 35,
        ask_in_session: bool = False,
    ) -> InviteLink:
        """A one-use link for one client, good for a week. `client_hint` is kept on this device only.

        The link is a secret: hand it over in person, or by a way that only this client reads.

            link = await vale.invite("A. in Chicago")
            print(link.text)
        """
        for age in (60_000, 0):
            try:
                return await self._invite(
                    client_hint, agreement, retention_days, backup_days, ask_in_session, age
                )
            except StaleChain:
                if age == 0:
                    raise
        raise AssertionError("unreachable")

    async def _invite(
        self, hint: str, agreement: str, retention: int, backup: int, ask_in_session: bool, age: int
    ) -> InviteLink:
        await self.check_logs()
        now = await self.now()
        me = (await self.people.look(self.chain, now, age=age)).chain
        secret, thread = new_link_secret(), urandom(16)
        keys = invitation_keys(secret)
        charter = Charter(
            home=self.home,
            thread=thread,
            version=1,
            previous=ZEROS_32,
            owner=me.chain_id,
            retention_days=retention,
            backup_days=backup,
            may_erase={int(Role.CLIENT): ERASE_OWN, int(Role.THERAPIST): ERASE_OWN | ERASE_EPOCHS},
            agreement_hash=agreement_hash(agreement),
            nonce=urandom(16),
        ).pack()
        copy = self.keys_log.copy
        expires_at = now + LINK_LIFE_MS - MARGIN_MS
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
                role=Role.CLIENT,
                charter_hash=charter_hash(charter),
                invite_pk=keys.signing.public,
                expires_at=expires_at,
                nonce=urandom(16),
                display=1 if ask_in_session else INTRODUCED,
            ),
            self.keys.sign,
        )
        body = InviteBody(
            Id16(keys.lookup_id), B64(invite), B64(charter), B64(sign_charter(charter, self.keys.sign))
        )
        self.profile.kept.labels[thread] = hint
        self.profile.save()
        await self.transport.call(endpoints.invite, body)
        text = write_invite_link(
            self.transport.origin, self.practice, parse_invite(invite).invite_hash, secret
        )
        return InviteLink(text, thread, expires_at)

    async def inbox(self, limit: int = 50) -> list[Turn]:
        """The batch that waits for an answer: urgent first, then the nearest promise, then the oldest.

        for turn in await vale.inbox(): print(turn.count, turn.reply_by)
        """
        answer: Inbox = await self.transport.call(endpoints.read_inbox, query=InboxQuery(limit))
        return answer.turns

    async def open_early(self, thread: bytes, reason: str) -> None:
        """Have what clients wrote here now instead of at the next opening, for a reason that is on record.

        await vale.open_early(thread, "crisis_call")
        """
        await self.transport.call(endpoints.open_early, OpenEarly(reason), thread=thread)

    async def rules(self) -> RuleSet:
        """One's own rule set with its version: `own_rules`.

        current = await vale.rules()
        """
        return await self.own_rules()

    async def set_rules(self, rules: Sequence[Mapping[str, Any]], follows: int | None = None) -> RulesSet:
        """Put one's own rules in force, for all threads of one's own: `set_own_rules`.

        await vale.set_rules([{"kind": "window.weekly", ...}])
        """
        return await self.set_own_rules(rules, follows)

    async def agreement(self, thread: bytes) -> RuleSet:
        """What was agreed in a thread of one's own, what concerns one participant alone included.

        current = await vale.agreement(thread)
        """
        return await self.transport.call(endpoints.read_agreement, thread=thread)

    async def set_agreement(
        self, thread: bytes, rules: Sequence[Mapping[str, Any]], follows: int | None = None
    ) -> RulesSet:
        """Put what was agreed in force, for this thread. `follows` and refusals as in `set_own_rules`.

        await vale.set_agreement(thread, [{"kind": "budget.count", "only_for": [noor.hex()], ...}])
        """
        version = (await self.agreement(thread)).version if follows is None else follows
        body = written(version, rules)
        return await self.transport.call(endpoints.set_agreement, body, thread=thread)

    async def exceptions(self, thread: bytes) -> RuleSet:
        """What is different in a thread of one's own for a time."""
        return await self.transport.call(endpoints.read_exceptions, thread=thread)

    async def set_exceptions(
        self, thread: bytes, rules: Sequence[Mapping[str, Any]], follows: int | None = None
    ) -> RulesSet:
        """Put exceptions in force, for this thread: each has a `reason`, and its dates `begins` and `ends`.

        await vale.set_exceptions(thread, [{"kind": "off_hours.policy", "policy": "deliver_silent",
            "begins": "2026-06-15", "ends": "2026-06-22", "reason": "illness"}])
        """
        version = (await self.exceptions(thread)).version if follows is None else follows
        body = written(version, rules)
        return await self.transport.call(endpoints.set_exceptions, body, thread=thread)

    async def check_agreement(self, thread: bytes, rules: Sequence[Mapping[str, Any]]) -> RulesChecked:
        """What would follow from an agreement; nothing is put in force."""
        body = written((await self.agreement(thread)).version, rules)
        query = RuleWordsQuery(self.zone, self.language)
        return await self.transport.call(endpoints.check_agreement, body, query=query, thread=thread)

    async def check_exceptions(self, thread: bytes, rules: Sequence[Mapping[str, Any]]) -> RulesChecked:
        """What would follow from exceptions; nothing is put in force."""
        body = written((await self.exceptions(thread)).version, rules)
        query = RuleWordsQuery(self.zone, self.language)
        return await self.transport.call(endpoints.check_exceptions, body, query=query, thread=thread)
