"""A chain as it is shown, held against what was seen before: it grows, it never branches (tep.md §5.2)."""

from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import KnownLinks


def unplaced(known: KnownLinks) -> list[int]:
    """Links that had no place in the log yet when they were fetched."""
    return [seq for seq, index in enumerate(known.indexes) if index is None]


def join_links(chain: bytes, known: KnownLinks | None, fresh: KnownLinks, start: int) -> KnownLinks:
    """What was known up to link `start`, and what came from there on."""
    if known is None:
        return fresh
    if known.account != fresh.account:
        raise Refuted(Finding(kind=Kind.CHAIN, words="a chain has changed its account"))
    overlap = fresh.links[: len(known.links) - start]
    if overlap != known.links[start:]:
        kind, words = (
            (Kind.ROLLBACK, "a device chain became shorter")
            if len(overlap) < len(known.links) - start
            else (Kind.FORK, "a device chain has two histories")
        )
        proof = {"chain": chain, f"known_{start}": known.links[start]}
        proof |= {f"seen_{start}": one for one in fresh.links[:1]}
        raise Refuted(Finding(kind=kind, words=words, proof=proof))
    return KnownLinks(
        account=known.account,
        links=known.links[:start] + fresh.links,
        promises=known.promises[:start] + fresh.promises,
        indexes=known.indexes[:start] + fresh.indexes,
        proved=list(known.proved),
        lost=fresh.lost,
    )


def ends_early(known: KnownLinks, fresh: KnownLinks, start: int) -> bool:
    """Whether what is shown ends before what was known, and is the same up to there."""
    count = len(fresh.links)
    return count < len(known.links) - start and fresh.links == known.links[start : start + count]


def check_grown(chain: bytes, before: KnownLinks, after: KnownLinks) -> None:
    """Refuted unless `after` begins with all of `before`."""
    if after.links[: len(before.links)] == before.links:
        return
    shorter = len(after.links) < len(before.links) and before.links[: len(after.links)] == after.links
    kind = Kind.ROLLBACK if shorter else Kind.FORK
    words = "a device chain became shorter" if shorter else "a device chain has two histories"
    pairs = zip(before.links, after.links, strict=False)
    seq = next((at for at, (one, other) in enumerate(pairs) if one != other), None)
    proof = {"chain": chain}
    if seq is not None:
        proof |= {f"known_{seq}": before.links[seq], f"seen_{seq}": after.links[seq]}
    raise Refuted(Finding(kind=kind, words=words, proof=proof))
