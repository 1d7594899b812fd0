"""What the server says of itself while one talks to it: newer keys, and that it was restored (A-8).

A receipt by a key that is not known makes the device look for newer links before it accuses anybody. A log or
a chain that became shorter makes it look for a restore statement.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from etherapy.protocol import endpoints
from etherapy.protocol.endpoint import Endpoint
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import LogCopy
from etherapy.sdk.transport import Unreachable
from etherapy.tep.leaves import restore_leaf
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import MAX_RECEIPT, read_core
from etherapy.tep.restore import SignedRestore, parse_restore
from etherapy.tep.statements import TYPES

if TYPE_CHECKING:
    from etherapy.sdk.connection import Connection

_SEQUENCED_WITHIN_MS = 600_000


class ServerWatch:
    """What one connection knows of its server beyond its answers."""

    def __init__(self, link: "Connection") -> None:
        self._link = link
        self._asked: set[bytes] = set()
        self._login = 0

    async def hear(self, answer: object) -> None:
        """Look at the keys of every receipt in an answer before anything is made of it."""
        unknown = set(key_ids(answer)) - self._link.receipt_keys.keys() - self._asked
        if unknown:
            self._asked |= unknown
            await self._link.check_server()

    async def account_for(self) -> bool:
        """Whether something newly signed accounts for what a log seems to have lost; it is then read anew."""
        before = self._link.server.seq
        await self._link.check_server()
        return self._link.server.seq > before or await self.look_for_restore()

    async def generation(self) -> int:
        """The generation that the server has signed for, asked now."""
        await self.look_for_restore()
        return self._link.profile.kept.generation

    async def after_login(self) -> None:
        """A restore ends all sessions, so the first thing after each login is to ask for one."""
        await self._link.login.current()
        if self._login != self._link.login.count:
            self._login = self._link.login.count
            await self.look_for_restore()

    async def relogged(self, endpoint: Endpoint[Any, Any]) -> None:
        """A session ended in the middle of a request. After a restore no change is sent on the strength of
        what was seen before it: Unreachable, so that it is tried again once that was settled."""
        if await self.look_for_restore() and endpoint.method != "GET":
            raise Unreachable("the server was restored from a backup; read what it has before this is sent")

    async def look_for_restore(self) -> bool:
        """Whether the server signed a newer restore statement; what it put in doubt is then read anew.

        Nothing changes for one that does not hold, or is older than the one known.
        """
        link = self._link
        answer = await link.transport.call(endpoints.read_generation)
        signed = None if answer.statement is None else self._read(bytes(answer.statement))
        kept = link.profile.kept
        if signed is None or signed.statement.generation <= kept.generation:
            return False
        kept.generation, kept.restore = signed.statement.generation, signed.whole
        kept.restore_due = await link.now() + _SEQUENCED_WITHIN_MS
        for copy in (kept.keys_log, kept.audit_log):
            _empty(copy)
        for known in kept.chains.values():
            known.proved, known.indexes, known.logged = [], [None] * len(known.links), -1
        kept.logged.clear()
        if kept.quarantine is not None and kept.quarantine.kind == Kind.ROLLBACK:
            kept.quarantine = None  # what was missing is accounted for now (tep.md §7)
        link.profile.save()
        return True

    async def judge_log(self, fresh: Sequence[bytes]) -> list[Finding]:
        """Whether the keys log holds the statement that it was restored by; `fresh` are leaves read now."""
        kept = self._link.profile.kept
        if not kept.restore_due:
            return []
        leaf = restore_leaf(parse_restore(kept.restore).statement_hash)
        late = await self._link.now() > kept.restore_due
        if leaf in fresh or (late and leaf in await self._link.keys_log.all_leaves()):
            kept.restore_due = 0
        elif late:
            words = "the server's statement that it was restored is missing from the keys log"
            return [Finding(kind=Kind.UNSEQUENCED, words=words, proof={"statement": kept.restore})]
        return []

    def _read(self, data: bytes) -> SignedRestore | None:
        try:
            return self._link.generations.statement(data)
        except Malformed as bad:
            words = f"the server's statement that it was restored does not hold: {bad}"
            self._link.note([Finding(kind=Kind.ROLLBACK, words=words, proof={"statement": data})])
            return None


def key_ids(answer: object) -> Iterator[bytes]:
    """The keys that receipts anywhere in an answer name."""
    if isinstance(answer, bytes):
        if len(answer) <= MAX_RECEIPT and len(answer) > 2 and answer[0] == 1 and answer[1] in TYPES:
            try:
                yield read_core(answer[: TYPES[answer[1]].LAYOUT.size]).key_id
            except Malformed:
                return  # judged where it is used
    elif isinstance(answer, msgspec.Struct):
        for name in answer.__struct_fields__:
            yield from key_ids(getattr(answer, name))
    elif isinstance(answer, list | tuple):
        for one in answer:
            yield from key_ids(one)
    elif isinstance(answer, Mapping):
        for one in answer.values():
            yield from key_ids(one)


def _empty(copy: LogCopy) -> None:
    copy.size, copy.root, copy.note, copy.peaks, copy.roots = 0, b"", "", [], {}
