"""The two logs of a practice as readers check them (RFC 9162, C2SP tlog-checkpoint)."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from etherapy.binary import B64, Hash32

LogName = Literal["keys", "audit"]
Size = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class Checkpoint(Struct, frozen=True):
    """The newest signed checkpoint, as a C2SP note. Empty text: nothing is sequenced yet."""

    size: int
    root: Hash32
    note: str


class InclusionQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Prove that leaf `index` is in the tree of `size` leaves."""

    index: Size
    size: Size


class InclusionProof(Struct, frozen=True):
    """Hashes from the leaf to the root (RFC 9162 2.1.3)."""

    nodes: list[Hash32]


class ConsistencyQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Prove that the tree of `new` leaves begins with the tree of `old`."""

    old: Size
    new: Size


class ConsistencyProof(Struct, frozen=True):
    """Hashes that connect two roots (RFC 9162 2.1.4)."""

    nodes: list[Hash32]


class LeavesQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Leaves from an index on."""

    start: Size = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 500


class Leaves(Struct, frozen=True):
    """Leaf data in the order of the log (tep_amendments.md A-15.2)."""

    start: int
    leaves: list[B64]
