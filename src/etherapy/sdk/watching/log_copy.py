"""A device's copy of a log: it reads every leaf and so knows what each checkpoint stands for (tep.md §5.13).

Small practices make this cheap, and nothing less shows a leaf that was made in one's own name.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from etherapy.binary import b64
from etherapy.merkle.checkpoint import Checkpoint, CheckpointRefused, log_origin, open_note
from etherapy.merkle.proof import verify_consistency, verify_inclusion
from etherapy.merkle.tree import empty_root, fold, grow, leaf_hash, peaks
from etherapy.protocol import endpoints
from etherapy.protocol.logs import ConsistencyQuery, InclusionQuery, LeavesQuery
from etherapy.protocol.problems import NoSuchLog
from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import LogCopy
from etherapy.sdk.transport import Transport
from etherapy.tep.serverkeys import ServerKeys, Use

LogName = Literal["keys", "audit"]
_PAGE = 500
_REMEMBERED = 512


@dataclass(frozen=True, slots=True)
class NewLeaves:
    """Leaves that were read now, from index `start` on."""

    start: int
    leaves: tuple[bytes, ...]


def read_note(note: str, server: ServerKeys, practice: bytes, log: LogName) -> Checkpoint:
    """The checkpoint in a note by one of the server's keys; CheckpointRefused otherwise."""
    origin = log_origin(server.installation, b64(practice), log)
    refusal = CheckpointRefused("no key of this server signs checkpoints")
    for key in server.keys.values():
        if key.use == Use.CHECKPOINTS:
            try:
                return open_note(note.encode(), origin, key.public)
            except CheckpointRefused as refused:
                refusal = refused
    raise refusal


class LogReader:
    """Follows one log of a practice. `copy` is what was read before; it is changed in place.

    Refuted (keys_fork, rollback) when the log is not what it was, or its leaves are not what was signed, and
    `account_for`, which is asked first, knows nothing signed that accounts for it: newer keys of the server,
    or its restore. `server` is replaced when the keys are rotated.
    """

    def __init__(
        self,
        transport: Transport,
        server: ServerKeys,
        practice: bytes,
        log: LogName,
        copy: LogCopy,
        account_for: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._transport = transport
        self.server = server
        self._account_for = account_for
        self._practice = practice
        self._log: LogName = log
        self.copy = copy
        self.on_leaves: Callable[[tuple[bytes, ...]], None] = lambda leaves: None
        """Given all leaves once, whichever call read them."""
        self._reading = asyncio.Lock()
        """One reads on at a time: a checkpoint that was overtaken would seem to be of a shorter log."""

    async def follow(self) -> NewLeaves:
        """Read what is new, up to the newest checkpoint. After a restore that is the whole log."""
        async with self._reading:
            try:
                return await self._follow()
            except Refuted:
                if self._account_for is None or not await self._account_for():
                    raise
                return await self._follow()

    async def _follow(self) -> NewLeaves:
        fresh = await self._transport.call(endpoints.read_checkpoint, log=self._log)
        old = self.copy
        if fresh.size == 0 and not fresh.note:
            if old.size:
                raise self._refuted(Kind.ROLLBACK, "a log that was there is empty now", fresh.note)
            return NewLeaves(0, ())
        try:
            checkpoint = read_note(fresh.note, self.server, self._practice, self._log)
        except CheckpointRefused as refused:
            raise self._refuted(
                Kind.KEYS_FORK, f"a checkpoint does not hold: {refused}", fresh.note
            ) from None
        if checkpoint.size < old.size:
            raise self._refuted(Kind.ROLLBACK, "the log is smaller than it was", fresh.note)
        leaves = await self._leaves(old.size, checkpoint.size)
        self._take(checkpoint, leaves, fresh.note)
        self.on_leaves(tuple(leaves))
        return NewLeaves(checkpoint.size - len(leaves), tuple(leaves))

    async def all_leaves(self) -> list[bytes]:
        """Every leaf up to the newest checkpoint that was followed."""
        return await self._leaves(0, self.copy.size)

    async def _leaves(self, start: int, end: int) -> list[bytes]:
        found: list[bytes] = []
        while start + len(found) < end:
            limit = min(_PAGE, end - start - len(found))
            page = await self._transport.call(
                endpoints.read_leaves, query=LeavesQuery(start + len(found), limit), log=self._log
            )
            if not page.leaves:
                raise self._refuted(Kind.KEYS_FORK, "leaves are missing below a signed checkpoint", "")
            found += [bytes(leaf) for leaf in page.leaves[:limit]]
        return found

    def _take(self, checkpoint: Checkpoint, leaves: Sequence[bytes], note: str) -> None:
        old = self.copy
        standing = {(level, index): old.peaks[at] for at, (level, index) in enumerate(peaks(old.size))}
        nodes, root = grow(
            old.size, lambda level, index: standing[(level, index)], [leaf_hash(leaf) for leaf in leaves]
        )
        if root != checkpoint.root:
            raise self._refuted(Kind.KEYS_FORK, "the log does not begin with what was seen before", note)
        standing |= {(level, index): digest for level, index, digest in nodes}
        old.peaks = [standing[place] for place in peaks(checkpoint.size)]
        assert fold(old.peaks) == root
        old.size, old.root, old.note = checkpoint.size, root, note
        self.remember(checkpoint.size, root)

    def remember(self, size: int, root: bytes) -> None:
        """This size with this root was shown to belong to the log."""
        self.copy.roots[size] = root
        while len(self.copy.roots) > _REMEMBERED:
            del self.copy.roots[min(self.copy.roots)]

    async def includes(self, leaf: bytes, index: int) -> bool:
        """Whether the leaf is at this index of the log, by a proof against the newest checkpoint."""
        if index >= self.copy.size:
            return False
        size, root = self.copy.size, self.copy.root
        query = InclusionQuery(index, size)
        proof = await self._transport.call(endpoints.prove_inclusion, query=query, log=self._log)
        return verify_inclusion(leaf_hash(leaf), index, size, proof.nodes, root)

    async def agrees(self, size: int, root: bytes) -> bool:
        """Whether somebody who saw this size with this root saw the same log. False: proof of two logs."""
        if size > self.copy.size:
            await self.follow()
        known = self.copy.roots.get(size, empty_root() if size == 0 else None)
        if known is not None:
            return known == root
        if size > self.copy.size:
            return False
        newer, newer_root = self.copy.size, self.copy.root
        query = ConsistencyQuery(size, newer)
        try:
            proof = await self._transport.call(endpoints.prove_consistency, query=query, log=self._log)
        except NoSuchLog:
            return False
        held = verify_consistency(size, root, newer, newer_root, proof.nodes)
        if held:
            self.remember(size, root)
        return held

    def _refuted(self, kind: Kind, words: str, note: str) -> Refuted:
        proof = {"seen_before": self.copy.note.encode(), "shown_now": note.encode()}
        return Refuted(Finding(kind=kind, words=f"{self._log} log: {words}", proof=proof))
