"""What a supervisor sees: settings and decisions under pseudonyms, never content (decisions.md D-17)."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from etherapy.binary import B64, Id16
from etherapy.protocol.threads import Position


class Setting(Struct, frozen=True):
    """The newest rule set of the practice or of one therapist."""

    owner: Id16
    name: str
    version: int
    rules: list[dict[str, Any]]
    author: Id16 | None
    created_at: datetime


class Settings(Struct, frozen=True):
    """All rule sets in force."""

    settings: list[Setting]


class DecisionsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Records from log index `start` on."""

    start: Position = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class AuditRecord(Struct, frozen=True):
    """One record of the audit log: its leaf is CBOR [4, H(salt || record)]. A message appears once it
    was released."""

    index: int
    salt: B64
    record: B64
    recorded_at: datetime


class Decisions(Struct, frozen=True):
    """In the order of the log."""

    records: list[AuditRecord]
