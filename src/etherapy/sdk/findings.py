"""What a device found that is not as it should be: typed, in words, with the evidence (tep.md §8.1)."""

import msgspec

from etherapy.binary import b64
from etherapy.sdk.finding_kinds import Kind

__all__ = ["Finding", "Kind", "join_new", "write_finding"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that does not hold. `proof` names pieces of evidence: signed bytes that convince others.

    `n` is the position concerned, None where there is none.
    """

    kind: Kind
    words: str
    proof: dict[str, bytes] = {}
    thread: bytes | None = None
    n: int | None = None

    @property
    def grave(self) -> bool:
        """Whether it accuses somebody."""
        return self.kind.grave

    def __repr__(self) -> str:
        return f"Finding({self.kind.value}: {self.words})"


def write_finding(finding: Finding) -> bytes:
    """A finding with its evidence as a JSON file, to be shown to others; it holds no text and no key."""
    document = {
        "format": "etherapy-finding",
        "version": 1,
        "kind": finding.kind.value,
        "words": finding.words,
        "cause": finding.kind.cause,
        "mend": finding.kind.mend,
        "thread": None if finding.thread is None else b64(finding.thread),
        "n": finding.n,
        "proof": {name: b64(piece) for name, piece in sorted(finding.proof.items())},
    }
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


def join_new(known: list[Finding], found: list[Finding]) -> list[Finding]:
    """Those of `found` that are not in `known` yet, which grows by them."""
    fresh = [one for one in found if one not in known]
    known.extend(fresh)
    return fresh
