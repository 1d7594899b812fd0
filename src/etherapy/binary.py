"""Bytes on the wire: base64url without padding, read strictly (decisions.md D-15, tep.md §6.1).

Ids and hashes are plain bytes in memory. These subclasses exist so that a wire struct can say how long
a field must be: the length is then checked while decoding, and named in the OpenAPI document.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, ClassVar

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")


def b64(data: bytes) -> str:
    """`data` as base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def unb64(text: str) -> bytes:
    """The bytes behind a base64url text; ValueError unless `text` is their one and only spelling.

    Padding, white space, the other alphabet and non-zero trailing bits are refused: two spellings of
    one id would be two ids to everything that compares text.
    """
    if not _ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("not base64url without padding")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if len(text) % 4 and not _canonical_tail(text, data):
        raise ValueError("not base64url without padding: trailing bits are not zero")
    return data


def _canonical_tail(text: str, data: bytes) -> bool:
    whole = len(text) % 4
    return b64(data[-(whole - 1) :]) == text[-whole:]


class B64(bytes):
    """Bytes that travel as base64url without padding. A subclass fixes the length."""

    LENGTH: ClassVar[int | None] = None

    @classmethod
    def read(cls, text: str) -> "B64":
        """Decode one wire text; ValueError says what is wrong without repeating the text."""
        data = unb64(text)
        if cls.LENGTH is not None and len(data) != cls.LENGTH:
            raise ValueError(f"expected {cls.LENGTH} bytes, got {len(data)}")
        return cls(data)


class Id16(B64):
    """A 16-byte id: practice, account, thread, device, mid."""

    LENGTH = 16


class Hash32(B64):
    """A SHA-256 hash, a chain id or a public key: 32 bytes."""

    LENGTH = 32


def enc_hook(value: Any) -> Any:
    """msgspec: how our own types are written."""
    if isinstance(value, bytes):
        return b64(value)
    raise TypeError(f"{type(value).__name__} has no wire form")


def dec_hook(kind: type, value: Any) -> Any:
    """msgspec: how our own types are read. ValueError becomes a validation error that names the path."""
    if issubclass(kind, B64):
        if not isinstance(value, str):
            raise ValueError("expected a base64url text")
        return kind.read(value)
    raise TypeError(f"{kind.__name__} has no wire form")


def schema_hook(kind: type) -> dict[str, Any]:
    """msgspec: how our own types look in JSON Schema."""
    if issubclass(kind, B64):
        schema: dict[str, Any] = {"type": "string", "format": "base64url", "pattern": "^[A-Za-z0-9_-]*$"}
        if kind.LENGTH is not None:
            length = (kind.LENGTH * 4 + 2) // 3
            schema |= {"minLength": length, "maxLength": length}
        return schema
    raise TypeError(f"{kind.__name__} has no schema")
