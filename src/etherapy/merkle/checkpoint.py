"""Checkpoints: a log's size and root, signed (C2SP tlog-checkpoint and signed-note v1.0.0, tep.md §6.3).

The bytes are those of the two C2SP documents, so that witnesses and other people's tools can check our
logs. Where they leave room we are stricter: no extension lines, Ed25519 (type 0x01) only, and origins that
are valid key names. Signature lines of unknown keys are passed over, as they demand: a witness adds its own.
"""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from re import compile as pattern
from typing import Literal

from etherapy.merkle.proof import verify_consistency
from etherapy.merkle.tree import HASH_BYTES, empty_root
from etherapy.signing import SigningKey, verify

ED25519 = b"\x01"
KEY_ID_BYTES = 4
LARGEST_NOTE = 128 * 1024
"""Bytes: room for the 16 signatures that signed-note asks a reader to bear, post-quantum ones included."""

_DECIMAL = pattern(r"0|[1-9][0-9]{0,18}")
_DASH = "\u2014 "


class CheckpointRefused(ValueError):
    """A note that is not a checkpoint of the expected log by the expected key, or not a successor."""


@dataclass(frozen=True)
class Checkpoint:
    """What a log states about itself. `size` counts leaves; `root` is 32 bytes."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not _is_name(self.origin):
            raise CheckpointRefused("the origin is empty or has a space, a plus or a control character")
        if not 0 <= self.size < 1 << 63:
            raise CheckpointRefused("the size is not between 0 and 2**63 - 1")
        if len(self.root) != HASH_BYTES:
            raise CheckpointRefused(f"a root has {HASH_BYTES} bytes, not {len(self.root)}")
        if self.size == 0 and self.root != empty_root():
            raise CheckpointRefused("an empty log has the empty root")

    def text(self) -> str:
        """The note text that is signed: origin, size, root, each with its newline."""
        return f"{self.origin}\n{self.size}\n{_b64(self.root)}\n"


def log_origin(installation: str, practice: str, log: Literal["keys", "audit"]) -> str:
    """The origin line of one of a practice's two logs (A-6). `practice` is its id as base64url text."""
    return f"{installation}/{practice}/{log}"


def key_id(name: str, public: bytes) -> bytes:
    """The first 4 bytes of SHA-256(name || newline || 0x01 || public): how a signature line names its key."""
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:KEY_ID_BYTES]


def verifier_key(name: str, public: bytes) -> str:
    """The key as the text that C2SP tools take: `name+hex(key id)+base64(0x01 || public)`."""
    return f"{name}+{key_id(name, public).hex()}+{_b64(ED25519 + public)}"


def sign(checkpoint: Checkpoint, key: SigningKey, name: str) -> bytes:
    """The signed note, UTF-8. `name` is the key's name; C2SP wants it to be the origin.

    The signer must never sign two checkpoints that are not consistent: that is the log's one duty.
    """
    if not _is_name(name):
        raise CheckpointRefused("the key name is empty or has a space, a plus or a control character")
    text = checkpoint.text()
    signature = key_id(name, key.public) + key.sign(text.encode())
    return f"{text}\n{_DASH}{name} {_b64(signature)}\n".encode()


def open_note(note: bytes, name: str, public: bytes, origin: str | None = None) -> Checkpoint:
    """The checkpoint in a note signed by the key `name`, `public`, of the log `origin` (None: `name`).

    CheckpointRefused for everything else: another log or key, a signature that fails, a second spelling
    of a number or of base64, lines too many or too few.
    """
    checkpoint = _read_text(signed_text(note, name, public))
    if checkpoint.origin != (name if origin is None else origin):
        raise CheckpointRefused("a checkpoint of another log")
    return checkpoint


def signed_text(note: bytes, name: str, public: bytes) -> str:
    """The text of any C2SP note, newline included; CheckpointRefused unless `name`, `public` signed it."""
    text, signatures = _split(note)
    known = name, key_id(name, public)
    ours = [signature for signer, key, signature in signatures if (signer, key) == known]
    if not ours:
        raise CheckpointRefused("no signature by the expected key")
    if not all(verify(public, text.encode(), signature) for signature in ours):
        raise CheckpointRefused("a signature in the name of the expected key does not verify")
    return text


def follow(seen: Checkpoint, fresh: Checkpoint, proof: Sequence[bytes]) -> None:
    """Accept `fresh` in the place of `seen`: the same log, grown or equal, with nothing rewritten.

    CheckpointRefused for another origin, a smaller tree, the same size with another root, or a `proof` that
    does not lead from one to the other. Two signed checkpoints refused here are evidence: keep both notes.
    """
    if fresh.origin != seen.origin:
        raise CheckpointRefused("a checkpoint of another log")
    if fresh.size < seen.size:
        raise CheckpointRefused("the log is smaller than it was")
    if fresh.size == seen.size and fresh.root != seen.root:
        raise CheckpointRefused("two roots for one size")
    if not verify_consistency(seen.size, seen.root, fresh.size, fresh.root, proof):
        raise CheckpointRefused("the log is not shown to begin with what was seen before")


def _read_text(text: str) -> Checkpoint:
    lines = text.split("\n")
    if len(lines) != 4:
        raise CheckpointRefused("a checkpoint has three lines: origin, size, root")
    origin, size, root, _ = lines
    if not _DECIMAL.fullmatch(size):
        raise CheckpointRefused("the size is not a plain decimal number")
    return Checkpoint(origin, int(size), _unb64(root))


def _split(note: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """A note's text and its (key name, key id, signature) lines, all of them well-formed."""
    if len(note) > LARGEST_NOTE:
        raise CheckpointRefused(f"a note of more than {LARGEST_NOTE} bytes")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError:
        raise CheckpointRefused("a note is UTF-8") from None
    if any(sign < " " and sign != "\n" for sign in whole):
        raise CheckpointRefused("a note has no control characters")
    head, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise CheckpointRefused("a note is a text, an empty line and signature lines, each with its newline")
    return head + "\n", [_read_signature(line) for line in tail[:-1].split("\n")]


def _read_signature(line: str) -> tuple[str, bytes, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not _is_name(name):
        raise CheckpointRefused("a signature line is an em dash, a key name and a signature")
    signature = _unb64(encoded)
    if len(signature) <= KEY_ID_BYTES:
        raise CheckpointRefused("a signature line without a signature")
    return name, signature[:KEY_ID_BYTES], signature[KEY_ID_BYTES:]


def _is_name(text: str) -> bool:
    return text != "" and not any(sign.isspace() or sign < " " or sign == "+" for sign in text)


def _b64(data: bytes) -> str:
    return b64encode(data).decode("ascii")


def _unb64(text: str) -> bytes:
    try:
        data = b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        raise CheckpointRefused("not base64") from None
    if _b64(data) != text:
        raise CheckpointRefused("base64 in a second spelling")
    return data
