"""What a device found that is not as it should be: typed, in words, with the evidence (tep.md §8.1)."""

from enum import StrEnum

import msgspec

from etherapy.binary import b64


class Kind(StrEnum):
    """What was found. The text is stable and may be compared."""

    BROKEN_LOG = "broken_log"
    FORK = "fork"
    ROLLBACK = "rollback"
    BAD_CHARTER = "bad_charter"
    BAD_COMMIT = "bad_commit"
    SECRET_MISMATCH = "secret_mismatch"
    NO_ROW = "no_row"
    BAD_ENVELOPE = "bad_envelope"
    BAD_PROMISE = "bad_promise"
    EPOCH = "epoch"
    ACCEPTANCE = "acceptance"
    REMOVED_DEVICE = "removed_device"
    REVOKED_MEANWHILE = "revoked_meanwhile"
    EARLY = "early"
    INVERSION = "inversion"
    UNREADABLE = "unreadable"
    CHEATING_SENDER = "cheating_sender"
    CLASS_MISFIT = "class_misfit"
    UNKNOWN_KIND = "unknown_kind"
    VIEW = "view"
    KEYS_FORK = "keys_fork"
    RULES_FORK = "rules_fork"
    SHEET = "sheet"
    PLACED_AGAIN = "placed_again"
    NOT_MINE = "not_mine"
    GONE = "gone"
    MISSING = "missing"
    LATE = "late"
    WORSE_PROMISE = "worse_promise"
    OTHER_PROMISE = "other_promise"
    PLACED_AFTER_RECALL = "placed_after_recall"
    DROPPED = "dropped"
    CHAIN = "chain"
    UNSEQUENCED = "unsequenced"
    OWN_LEAF = "own_leaf"
    SERVER_KEYS = "server_keys"
    CLOCK = "clock"


NOTICES = frozenset(
    {Kind.REVOKED_MEANWHILE, Kind.CLASS_MISFIT, Kind.UNKNOWN_KIND, Kind.GONE, Kind.NO_ROW, Kind.MISSING}
)
"""Worth showing beside what they concern. Every other kind accuses somebody and is shown first."""


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
        return self.kind not in NOTICES

    def __repr__(self) -> str:
        return f"Finding({self.kind.value}: {self.words})"


def write_finding(finding: Finding) -> bytes:
    """A finding with its evidence as a JSON file, to be shown to others; it holds no text and no key."""
    document = {
        "format": "etherapy-finding",
        "version": 1,
        "kind": finding.kind.value,
        "words": finding.words,
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
