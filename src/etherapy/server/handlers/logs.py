"""The two logs of a practice, for whoever checks them."""

from dataclasses import replace
from typing import Final

from etherapy.binary import B64, Hash32
from etherapy.protocol.endpoint import Access
from etherapy.protocol.logs import (
    Checkpoint,
    ConsistencyProof,
    ConsistencyQuery,
    InclusionProof,
    InclusionQuery,
    Leaves,
    LeavesQuery,
)
from etherapy.protocol.problems import NoSuchLog
from etherapy.server.context import Caller
from etherapy.server.parts import Ctx
from etherapy.server.proofs import prove_consistent, prove_included
from etherapy.store.logs import AUDIT, KEYS

_LOGS: Final = {"keys": KEYS, "audit": AUDIT}
_AUDITORS: Final[Access] = frozenset({"supervisor", "administrator"})
"""Everybody checks the keys log; the audit log grows with what others do, so only those who audit see it."""


async def read_checkpoint(ctx: Ctx, log: str) -> Checkpoint:
    """The newest signed checkpoint."""
    row = await ctx.parts.logs.checkpoint(_reader(ctx, log), ctx.now, _number(log))
    if row is None:
        raise NoSuchLog()
    return Checkpoint(row["size"], Hash32(row["root"]), (row["checkpoint"] or b"").decode())


async def prove_inclusion(ctx: Ctx, log: str, query: InclusionQuery) -> InclusionProof:
    """That a leaf is in the tree of a size that was signed."""
    size = await _size(ctx, log)
    if not query.index < query.size <= size:
        raise NoSuchLog()
    return InclusionProof(
        await prove_included(ctx.parts.logs, ctx.caller.practice, _number(log), query.index, query.size)
    )


async def prove_consistency(ctx: Ctx, log: str, query: ConsistencyQuery) -> ConsistencyProof:
    """That one tree begins with another."""
    size = await _size(ctx, log)
    if not query.old <= query.new <= size:
        raise NoSuchLog()
    return ConsistencyProof(
        await prove_consistent(ctx.parts.logs, ctx.caller.practice, _number(log), query.old, query.new)
    )


async def read_leaves(ctx: Ctx, log: str, query: LeavesQuery) -> Leaves:
    """Leaf data in the order of the log."""
    rows = await ctx.parts.logs.leaves(_reader(ctx, log), ctx.now, _number(log), query.start, query.limit)
    return Leaves(query.start, [B64(row["data"]) for row in rows])


async def _size(ctx: Ctx, log: str) -> int:
    return (await read_checkpoint(ctx, log)).size


def _reader(ctx: Ctx, log: str) -> Caller:
    return replace(ctx.caller, roles=_AUDITORS) if log == "audit" else ctx.caller


def _number(log: str) -> int:
    if log not in _LOGS:
        raise NoSuchLog()
    return _LOGS[log]
