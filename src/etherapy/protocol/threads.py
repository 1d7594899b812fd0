"""Reading: pages of a thread, a cursor over all threads, the batched inbox, epochs."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from etherapy.binary import B64, Id16

Position = Annotated[int, Meta(ge=0, le=2**63 - 1)]
PageSize = Annotated[int, Meta(ge=1, le=100)]


class PageQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Positions after `after`, at most `limit` of them."""

    after: Position = 0
    limit: PageSize = 50


class Item(Struct, frozen=True):
    """One placed position: its Entry and what stands there (a charter with its signatures). Without an
    item it was
    erased; T_n still verifies."""

    entry: B64
    item: B64 | None
    promise: B64 | None = None
    """Newest promise receipt of an envelope."""


class Page(Struct, frozen=True):
    """Items in order and the signed Head of the last one (of the thread's end, where nothing is new)."""

    items: list[Item]
    head: B64
    last_n: int
    """Last placed position of the thread; `after` equal to it means caught up."""


class SyncQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Threads that changed after cursor `after`. With `wait`, an empty answer is held back so many
    seconds."""

    after: Position = 0
    limit: PageSize = 100
    wait: Annotated[int, Meta(ge=0, le=25)] = 0


class ThreadChange(Struct, frozen=True):
    """A thread of the caller and its last placed position."""

    thread: Id16
    role: int
    last_n: int


class Changes(Struct, frozen=True):
    """What changed, oldest change first. Following `cursor` to the end yields everything placed exactly
    once."""

    threads: list[ThreadChange]
    cursor: int


class InboxQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How many waiting threads to list."""

    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class Turn(Struct, frozen=True):
    """Consecutive messages of a client that wait for one answer."""

    thread: Id16
    count: int
    since: datetime
    reply_by: datetime | None
    urgent: bool
    last_n: int


class Inbox(Struct, frozen=True):
    """The batch: urgent first, then the nearest promise, then the oldest."""

    turns: list[Turn]


class NoticeQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Notices since an instant (RFC 3339). `zone`: where a client's device is, for its quiet hours."""

    since: Annotated[datetime, Meta(tz=True)] | None = None
    zone: str = ""


class Notice(Struct, frozen=True):
    """There is something to read, never a word of content: for a therapist one for each opening of the
    window, for a client one for each thread and quiet stretch."""

    window_at: datetime
    urgent: bool
    noticed_at: datetime
    thread: Id16 | None = None
    """For a client."""


class Notices(Struct, frozen=True):
    """Newest first."""

    notices: list[Notice]


class Commit(Struct, frozen=True, forbid_unknown_fields=True):
    """An epoch commit (tep.md §6.4)."""

    commit: B64


class Committed(Struct, frozen=True):
    """The epoch is in force: its Entry and the head over it."""

    entry: B64
    head: B64


class Sheet(Struct, frozen=True):
    """A rule sheet (A-7) with the resolved rules behind its hashes, byte for byte, and the caller's own
    part."""

    r: int
    sheet: B64
    shared: B64
    salt: Id16
    part: B64


class SheetQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which sheet; 0 means the newest."""

    r: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0
