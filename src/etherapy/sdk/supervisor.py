"""A supervisor: settings and decisions, checked against the signed log; never content (decisions.md D-17)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from etherapy.merkle.checkpoint import CheckpointRefused
from etherapy.merkle.tree import leaf_hash, root
from etherapy.protocol import endpoints
from etherapy.protocol.logs import Checkpoint, LeavesQuery
from etherapy.protocol.supervision import AuditRecord, DecisionsQuery, Setting
from etherapy.protocol.tasks import OpenTask
from etherapy.sdk.duties import Duties
from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.watching.log_copy import read_note
from etherapy.tep.leaves import audit_leaf
from etherapy.tep.malformed import Malformed

_PAGE = 500
_DECISIONS = 100


@dataclass(frozen=True, slots=True)
class AuditedRecord:
    """One record of the audit log. `proved`: its leaf is under the checkpoint that the server signed.

    Not proved means younger than the newest checkpoint; a record that contradicts its leaf is never given.
    `act` and `facts` are what the record says; a day's leaf has no record of its own.
    """

    index: int
    act: str
    facts: dict[str, Any]
    recorded_at: datetime
    proved: bool


@dataclass(frozen=True, slots=True)
class AuditedLog:
    """The audit log as it was read: a checkpoint and all its leaves, which belong together."""

    size: int
    root: bytes
    note: str
    leaf_hashes: tuple[bytes, ...]


class Supervisor(Duties):
    """A supervisor's device: it can check, and it cannot read.

    async with await Supervisor.open(profile) as board:
        for record in await board.decisions(): print(record.act, record.proved)
    """

    async def settings(self) -> list[Setting]:
        """The rule sets in force, of the practice and of each therapist."""
        return (await self.transport.call(endpoints.read_settings)).settings

    async def open_tasks(self) -> list[OpenTask]:
        """What is still to be done in the practice, by whom and by when, such as a follow-up.

        for task in await board.open_tasks(): print(task.whose, task.kind, task.due_at)
        """
        return (await self.transport.call(endpoints.read_open_tasks)).tasks

    async def decisions(self, start: int = 0, limit: int | None = None) -> list[AuditedRecord]:
        """Records from log index `start` on, each held against the signed log.

        Refuted when the log is not what was seen before, or a record is not what was logged.
        """
        log = await self.read_log()
        found: list[AuditedRecord] = []
        while limit is None or len(found) < limit:
            count = min(_DECISIONS, _DECISIONS if limit is None else limit - len(found))
            query = DecisionsQuery(start + len(found), count)
            page = (await self.transport.call(endpoints.read_decisions, query=query)).records
            found += [self._judge(record, log) for record in page]
            if len(page) < count:
                break
        return found

    async def read_log(self) -> AuditedLog:
        """The whole audit log, under its newest checkpoint; it begins with all that was seen before."""
        try:
            return await self._read_log()
        except Refuted:
            if not await self.watch.account_for():
                raise
            return await self._read_log()

    async def _read_log(self) -> AuditedLog:
        newest = await self.transport.call(endpoints.read_checkpoint, log="audit")
        leaves = [leaf_hash(leaf) for leaf in await self._leaves(newest.size)]
        seen = self.profile.kept.audit_log
        if newest.size or newest.note:
            self._check_note(newest)
        if newest.size < seen.size:
            raise self._refuted(Kind.ROLLBACK, "the audit log is smaller than it was", newest.note)
        if root(leaves) != newest.root:
            raise self._refuted(
                Kind.KEYS_FORK, "the leaves of the audit log are not those that were signed", newest.note
            )
        if seen.size and root(leaves[: seen.size]) != seen.root:
            raise self._refuted(Kind.KEYS_FORK, "the audit log was rewritten", newest.note)
        seen.size, seen.root, seen.note = newest.size, bytes(newest.root), newest.note
        self.profile.save()
        return AuditedLog(newest.size, bytes(newest.root), newest.note, tuple(leaves))

    def _check_note(self, newest: Checkpoint) -> None:
        try:
            checkpoint = read_note(newest.note, self.server, self.practice, "audit")
        except CheckpointRefused as refused:
            raise self._refuted(
                Kind.KEYS_FORK, f"a checkpoint does not hold: {refused}", newest.note
            ) from None
        if (checkpoint.size, checkpoint.root) != (newest.size, newest.root):
            raise self._refuted(
                Kind.KEYS_FORK, "another checkpoint than the one shown was signed", newest.note
            )

    async def _leaves(self, size: int) -> list[bytes]:
        found: list[bytes] = []
        while len(found) < size:
            query = LeavesQuery(len(found), min(_PAGE, size - len(found)))
            page = await self.transport.call(endpoints.read_leaves, query=query, log="audit")
            if not page.leaves:
                raise self._refuted(Kind.KEYS_FORK, "leaves are missing below a signed checkpoint", "")
            found += [bytes(leaf) for leaf in page.leaves]
        return found[:size]

    def _judge(self, record: AuditRecord, log: AuditedLog) -> AuditedRecord:
        proved = False
        if record.index < log.size and record.record:
            try:
                leaf = audit_leaf(record.salt, record.record)
            except Malformed:
                leaf = b""
            proved = leaf_hash(leaf) == log.leaf_hashes[record.index]
            if not proved:
                raise self._refuted(Kind.KEYS_FORK, "a record is not the one that was logged", log.note)
        facts = _facts(record.record)
        act = str(facts.pop("act", "day" if not record.record else "unknown"))
        return AuditedRecord(record.index, act, facts, record.recorded_at, proved or record.index < log.size)

    def _refuted(self, kind: Kind, words: str, note: str) -> Refuted:
        proof = {"seen_before": self.profile.kept.audit_log.note.encode(), "shown_now": note.encode()}
        finding = Finding(kind=kind, words=words, proof=proof)
        self.note([finding])
        return Refuted(finding)


def _facts(record: bytes) -> dict[str, Any]:
    if not record:
        return {}
    try:
        found = msgspec.json.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
