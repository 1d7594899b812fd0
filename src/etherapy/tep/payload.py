"""Payloads: what is inside an envelope, seen by its readers only (tep.md §5.6, §6.5; A-1, A-7)."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from etherapy.tep import cbor
from etherapy.tep.envelope import MAX_PAYLOAD, SERVICE_CLASSES
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import instant, items, keyed, numbered, octets, text, uint

MAX_OVERDUE = 16
MAX_ATTACHMENTS = 16
MAX_LANGUAGE = 35
MAX_NAME = 255


class Kind(IntEnum):
    """What a payload is. Other numbers are kept and shown as "needs a newer app"."""

    TEXT = 1
    CHECK_IN = 2
    SAFETY_PLAN = 3
    APPOINTMENT = 4
    REACTION = 5
    ATTACHMENTS = 6
    EDIT = 7
    NOTICE = 8
    GRANT_NOTICE = 9


_NEEDS_VIEW = frozenset(range(Kind.TEXT, Kind.ATTACHMENTS + 1))
_CLASSES: dict[int, frozenset[int]] = {
    Kind.CHECK_IN: frozenset({5}),
    Kind.SAFETY_PLAN: frozenset({5}),
    Kind.REACTION: frozenset({3}),
    Kind.ATTACHMENTS: frozenset({1, 4, 5}),
}


@dataclass(frozen=True, slots=True)
class View:
    """What the sender has seen: placed things only (A-7). keys_size and keys_root together, or neither.

    `overdue` are item hashes of own items that should have been placed by now and were not.
    """

    n: int
    t: bytes
    rules_rev: int
    rules_hash: bytes
    keys_size: int | None = None
    keys_root: bytes | None = None
    overdue: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Attachment:
    """Where an attachment is and how it opens: blob 16, key 32, header 24, padded length, SHA-256."""

    blob: bytes
    key: bytes
    header: bytes
    length: int
    sha256: bytes
    media_type: str
    name: str

    def __repr__(self) -> str:
        return f"Attachment(blob={self.blob.hex()[:8]}…)"


@dataclass(frozen=True, slots=True)
class Payload:
    """One payload. `body` is text or a map with keys 0..23; `at` the sender's own time (ms).

    `raw` is set for kinds this version does not know: the whole map, kept as it came.
    """

    kind: int
    body: str | dict[int, Any]
    at: int
    view: View | None = None
    reply_to: bytes | None = None
    attachments: tuple[Attachment, ...] = ()
    language: str | None = None
    raw: dict[int, Any] | None = field(default=None, compare=False)

    def pack(self) -> bytes:
        """The payload's bytes, at most 60 KiB."""
        if self.raw is not None:
            return cbor.encode(self.raw)
        attachments = [_attachment_map(one) for one in self.attachments] or None
        view = _view_map(self.view) if self.view else None
        shown = numbered(self.kind, self.body, self.at, view, self.reply_to, attachments, self.language)
        data = cbor.encode(shown)
        parse_payload(data)
        return data

    def __repr__(self) -> str:
        return f"Payload(kind={self.kind})"


def parse_payload(data: bytes) -> Payload:
    """The payload behind its bytes. An unknown kind is not an error: `raw` holds what came."""
    found = cbor.decode(data, limit=MAX_PAYLOAD)
    if not isinstance(found, dict) or 0 not in found:
        raise Malformed("keys", "payload: no kind")
    kind = uint(found[0], "kind", 1, 2**16 - 1)
    if kind not in Kind._value2member_map_:
        return Payload(kind, "", 0, raw=found)
    keyed(found, (0, 1, 2, 3) if kind in _NEEDS_VIEW else (0, 1, 2), range(3, 7), "payload")
    if not isinstance(found[1], str | dict):
        raise Malformed("type", "payload: the body is text or a map")
    attachments = items(found[5], "attachments", 1, MAX_ATTACHMENTS) if 5 in found else []
    return Payload(
        kind,
        found[1],
        instant(found[2], "client time"),
        _parse_view(found[3]) if 3 in found else None,
        octets(found[4], 16, "reply-to") if 4 in found else None,
        tuple(_parse_attachment(one) for one in attachments),
        text(found[6], "language", MAX_LANGUAGE) if 6 in found else None,
    )


def fits_class(kind: int, service_class: int) -> bool:
    """Whether a kind may travel in this service class. A misfit is shown with a notice, never dropped."""
    return service_class in _CLASSES.get(kind, SERVICE_CLASSES)


def _view_map(view: View) -> dict[int, object]:
    log = (view.keys_size, view.keys_root)
    return numbered(view.n, view.t, *log, view.rules_rev, view.rules_hash, list(view.overdue) or None)


def _parse_view(value: object) -> View:
    found = keyed(value, (0, 1, 4, 5), (2, 3, 6), "view")
    if (2 in found) != (3 in found):
        raise Malformed("keys", "view: size and root of the log come together")
    overdue = items(found[6], "overdue", 1, MAX_OVERDUE) if 6 in found else []
    return View(
        uint(found[0], "n"),
        octets(found[1], 32, "T_n"),
        uint(found[4], "rules_rev", 0, 2**32 - 1),
        octets(found[5], 32, "rules_hash"),
        uint(found[2], "keys size") if 2 in found else None,
        octets(found[3], 32, "keys root") if 3 in found else None,
        tuple(octets(one, 32, "item hash") for one in overdue),
    )


def _attachment_map(one: Attachment) -> dict[int, object]:
    return numbered(one.blob, one.key, one.header, one.length, one.sha256, one.media_type, one.name)


def _parse_attachment(value: object) -> Attachment:
    found = keyed(value, range(7), what="attachment")
    return Attachment(
        octets(found[0], 16, "blob"),
        octets(found[1], 32, "key"),
        octets(found[2], 24, "header"),
        uint(found[3], "length"),
        octets(found[4], 32, "sha256"),
        text(found[5], "media type", MAX_NAME),
        text(found[6], "name", MAX_NAME),
    )
