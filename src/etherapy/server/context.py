"""What a handler is given: plain values, and the parts of the application it works with."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from etherapy.protocol.endpoint import Access

Parts = TypeVar("Parts")
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as the door can know: a well-formed token, not yet looked up.

    Every function of the store checks the token itself (that it lives, and that its role is one of
    `roles`), so a revoked session is refused by the very statement it would have used.
    """

    practice: bytes
    """16 bytes, the token's first part."""
    token_hash: bytes
    """SHA-256 of the whole token; the token itself goes no further than the door."""
    roles: Access
    """The roles that the endpoint is for."""


@dataclass(frozen=True, slots=True)
class Context(Generic[Parts]):
    """One request's circumstances. `parts` is whatever the application's wiring hands to its handlers."""

    now: datetime
    """Read once, at the door, from the injected clock (decisions.md D-6)."""
    parts: Parts
    who: Caller | None = None
    """None where the endpoint is open; see `caller`."""
    request_id: str = ""
    origin: str = ""
    """The public origin, e.g. `https://therapy.example`: what a login challenge is bound to."""
    random: Callable[[int], bytes] = field(default=bytes, repr=False)
    """So many random bytes; seedable in tests."""
    spend: Callable[[str, bytes, int], None] = field(default=lambda _kind, _key, _cost: None, repr=False)
    """`ctx.spend("device", device_id, 1)`: count against a rate limit; raises TooManyRequests."""
    ending: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    """Set when the server stops or the client has gone: a long poll should answer at once."""
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    """Headers to add to the answer."""

    @property
    def caller(self) -> Caller:
        """Who asks, on an endpoint that needs a token."""
        if self.who is None:
            raise LookupError("an open endpoint has no caller")
        return self.who

    def new_id(self) -> bytes:
        """A fresh server-made id: UUIDv7 of `now` (RFC 9562 5.7), 16 bytes, sortable by time."""
        millis = (self.now - _EPOCH) // timedelta(milliseconds=1)
        tail = bytearray(self.random(10))
        tail[0] = tail[0] & 0x0F | 0x70
        tail[2] = tail[2] & 0x3F | 0x80
        return millis.to_bytes(6, "big") + bytes(tail)

    def mark_repeated(self) -> None:
        """Say in a header that this answer was given before (decisions.md D-31)."""
        self.headers["Etherapy-Repeated"] = "true"

    async def wait(self, thing: Awaitable[Found], within: timedelta) -> Found | None:
        """What `thing` gives, or None when time is up, the server stops or the client has gone."""
        waiting = asyncio.ensure_future(thing)
        leaving = asyncio.ensure_future(self.ending.wait())
        try:
            await asyncio.wait(
                {waiting, leaving}, timeout=within.total_seconds(), return_when=asyncio.FIRST_COMPLETED
            )
            return waiting.result() if waiting.done() else None
        finally:
            for each in (waiting, leaving):
                each.cancel()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
