"""What still waits of somebody who is removed goes back to its sender, with a signed Status (A-4, A-5).

The server signs before the command, and the command returns exactly what was signed for or answers `moved`:
then it is looked at again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from etherapy.server.parts import Ctx
from etherapy.server.signed_answers import sign_status
from etherapy.store.messages import HeldItem
from etherapy.tep.statements import State, StatusReason


@dataclass(frozen=True, slots=True)
class Returns:
    """Items that go back, each with its Status: the arguments of return_held.sql that belong together."""

    mids: tuple[bytes, ...] = ()
    statuses: tuple[bytes, ...] = ()


async def held_of(
    ctx: Ctx,
    accounts: Sequence[bytes],
    devices: Sequence[bytes] | None = None,
    thread: bytes | None = None,
) -> list[HeldItem]:
    """What waits of these accounts: from some of their devices only, in one thread only, or all of it."""
    return await ctx.parts.threads.held_of(ctx.caller, ctx.now, accounts, devices, thread)


def sign_returns(
    ctx: Ctx,
    held: Sequence[HeldItem],
    reason: StatusReason,
    cause: bytes,
    at: datetime,
    generation: int | None = None,
) -> Returns:
    """A Status 4 for each. `cause` is the hash of the link, commit or leave that removes the sender.

    Each names the generation of its own thread unless another is given.
    """
    statuses = (
        sign_status(
            ctx.parts.secrets,
            State.RETURNED,
            reason,
            item.generation if generation is None else generation,
            item.thread,
            item.mid,
            item.item_hash,
            cause,
            at,
        )
        for item in held
    )
    return Returns(tuple(item.mid for item in held), tuple(statuses))
