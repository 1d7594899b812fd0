"""Labels: no two uses of a hash, signature or key derivation share their first bytes (tep.md §5.1)."""

from functools import cache
from hashlib import sha256


@cache
def label(x: str) -> bytes:
    """`tep1:` + x + one zero byte."""
    return b"tep1:" + x.encode("ascii") + b"\0"


def digest(name: str, *parts: bytes) -> bytes:
    """SHA-256 over the label and the parts, which are simply joined: their lengths are fixed by their use."""
    return sha256(label(name) + b"".join(parts)).digest()


def plain_digest(data: bytes) -> bytes:
    """SHA-256 without a label: for H(core), H(ct), H(header), H(hpke_pk), which labelled input covers."""
    return sha256(data).digest()
