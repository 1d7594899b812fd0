"""After a restore: the server's statement of it, and what devices bring back (tep_amendments.md A-8)."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from etherapy.binary import B64, Hash32

Outcome = Literal["held", "placed", "recalled", "known", "taken", "no_epoch", "no_seat", "refused"]
"""held, placed, recalled: it came back so. known: it was there (own messages only). taken: somebody else's is
in good hands. no_epoch: its commit is missing. no_seat: its device is not in the newest roster. refused: it
is not what the server promised."""


class Generation(Struct, frozen=True):
    """The practice's generation, and the signed restore statement that began it (None: never restored)."""

    generation: int
    statement: B64 | None


class ThreadGeneration(Struct, frozen=True):
    """The newest generation mark of a thread and its position; 0 and None where it was never restored."""

    n: int
    mark: B64 | None


class LostItem(Struct, frozen=True, forbid_unknown_fields=True):
    """A message that the server promised before the restore: its newest promise, and the message itself or
    its signed Recall.

    `first` is the promise of its acceptance, where that is known as well.
    """

    promise: B64
    envelope: B64 | None = None
    first: B64 | None = None
    recall: B64 | None = None


class Heal(Struct, frozen=True, forbid_unknown_fields=True):
    """What a device holds of what was lost. Each is judged by itself; repeating does no harm.

    `commits` are epochs that were placed, oldest first; they are taken before the messages.
    """

    items: Annotated[list[LostItem], Meta(max_length=32)] = []
    commits: Annotated[list[B64], Meta(max_length=8)] = []


class HealedItem(Struct, frozen=True):
    """What became of one of them. `promise` is the newest, `status` the end of one's own message."""

    item_hash: Hash32
    outcome: Outcome
    promise: B64 | None = None
    status: B64 | None = None


class Healed(Struct, frozen=True):
    """In the order in which they were asked for. Of commits: placed, known or refused."""

    items: list[HealedItem]
    commits: list[Outcome] = []
