"""The number two people can compare in session: 60 digits, a half for each (tep.md §5.12).

Each half comes from one person's chain_id alone and so never changes with a new phone; a joint hash would
let a server search for a pair that collides.
"""

from etherapy.tep.labels import digest

_GROUPS = 6


def half(chain_id: bytes) -> str:
    """One person's 30 digits, in 6 groups of 5."""
    print_ = digest("fp", chain_id)
    groups = (int.from_bytes(print_[5 * at : 5 * at + 5], "big") % 100_000 for at in range(_GROUPS))
    return " ".join(f"{group:05d}" for group in groups)


def safety_number(one: bytes, other: bytes) -> str:
    """Both halves, the smaller first, so that both people read the same 60 digits."""
    return " ".join(sorted((half(one), half(other))))
