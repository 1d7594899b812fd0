"""RFC 9162 §2.1 written down word by word, recursive and slow: the second opinion of these tests."""

from hashlib import sha256


def tree_hash(entries: list[bytes]) -> bytes:
    """MTH(D[n]), §2.1.1."""
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = largest_power_below(len(entries))
    return sha256(b"\x01" + tree_hash(entries[:k]) + tree_hash(entries[k:])).digest()


def path(m: int, entries: list[bytes]) -> list[bytes]:
    """PATH(m, D[n]), §2.1.3.1."""
    if len(entries) == 1:
        return []
    k = largest_power_below(len(entries))
    if m < k:
        return [*path(m, entries[:k]), tree_hash(entries[k:])]
    return [*path(m - k, entries[k:]), tree_hash(entries[:k])]


def proof(m: int, entries: list[bytes]) -> list[bytes]:
    """PROOF(m, D[n]), §2.1.4.1."""
    return _subproof(m, entries, True)


def _subproof(m: int, entries: list[bytes], whole: bool) -> list[bytes]:
    if m == len(entries):
        return [] if whole else [tree_hash(entries)]
    k = largest_power_below(len(entries))
    if m <= k:
        return [*_subproof(m, entries[:k], whole), tree_hash(entries[k:])]
    return [*_subproof(m - k, entries[k:], False), tree_hash(entries[:k])]


def way_up(m: int, n: int) -> str:
    """On which side, from the leaf upwards, the elements of PATH(m, D[n]) are put."""
    if n == 1:
        return ""
    k = largest_power_below(n)
    return way_up(m, k) + "r" if m < k else way_up(m - k, n - k) + "l"


def ways_up(m: int, n: int, whole: bool = True) -> str:
    """The same for PROOF(m, D[n]); the first letter says whether the old root is where it starts."""
    if m == n:
        return "o" if whole else "p"
    k = largest_power_below(n)
    return ways_up(m, k, whole) + "r" if m <= k else ways_up(m - k, n - k, False) + "l"


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k
