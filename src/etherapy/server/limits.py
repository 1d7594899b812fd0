"""How often is too often: GCRA, pure, over one timestamp a bucket (guarantees.md G17, 4.4).

A bucket is the instant at which it would be empty again, on a monotonic clock (D-29). The store is
bounded: an attacker who makes up keys can push out buckets, which refills them, but cannot make it grow;
the global bucket is kept apart and stays.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from math import ceil

from etherapy.protocol.door import TooManyRequests
from etherapy.server.settings import Settings


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` in the long run, `burst` at once."""

    per_second: float
    burst: int


def step(full_at: float, now: float, rate: Rate, cost: int = 1) -> tuple[float, float]:
    """One request against a bucket: (new timestamp, seconds to wait); refused requests cost nothing.

    `full_at` is the bucket's timestamp, any number at or before `now` meaning untouched. A wait of 0
    means that the request may pass.
    """
    moved = max(full_at, now) + cost / rate.per_second
    wait = moved - now - max(rate.burst, cost) / rate.per_second
    return (full_at, wait) if wait > 1e-9 else (moved, 0.0)


class Limits:
    """The buckets of one process. `clock` gives monotonic seconds.

    `spend("token", key, cost)` raises TooManyRequests with the seconds to wait. A kind without a rate is
    not limited: `Limits({}, clock)` lets everything pass.
    """

    def __init__(self, rates: Mapping[str, Rate], clock: Callable[[], float], *, room: int = 50_000) -> None:
        self._rates = dict(rates)
        self._clock = clock
        self._room = room
        self._buckets: dict[Hashable, float] = {}
        self._global = float("-inf")

    def __len__(self) -> int:
        return len(self._buckets)

    def spend(self, kind: str, key: bytes, cost: int = 1) -> None:
        """Take `cost` from a bucket, or raise TooManyRequests and take nothing."""
        rate = self._rates.get(kind)
        if rate is None:
            return
        now = self._clock()
        name = (kind, key)
        full_at, wait = step(self._buckets.get(name, now), now, rate, cost)
        if wait > 0:
            raise TooManyRequests(retry_after=ceil(wait))
        if name not in self._buckets and len(self._buckets) >= self._room:
            self._make_room(now)
        self._buckets[name] = full_at

    def spend_global(self) -> None:
        """Count one request against everybody's bucket."""
        rate = self._rates.get("global")
        if rate is None:
            return
        self._global, wait = step(self._global, self._clock(), rate)
        if wait > 0:
            raise TooManyRequests(retry_after=ceil(wait))

    def _make_room(self, now: float) -> None:
        """Drop the untouched buckets, which say nothing; if none is, the oldest tenth."""
        kept = {name: full_at for name, full_at in self._buckets.items() if full_at > now}
        for name in list(kept)[: len(kept) - self._room * 9 // 10]:
            del kept[name]
        self._buckets = kept


def limits_of(settings: Settings, clock: Callable[[], float]) -> Limits:
    """The rate limits that the settings ask for."""
    if not settings.limits:
        return Limits({}, clock)
    rates = {
        "global": Rate(settings.limit_global, int(settings.limit_global * 2) or 1),
        "address": Rate(settings.limit_address, int(settings.limit_address * 5) or 1),
        "token": Rate(settings.limit_token, int(settings.limit_token * 6) or 1),
        "device": Rate(settings.limit_device, int(settings.limit_device * 20) or 1),
        "commit": Rate(0.1, 1),  # one a device and thread in ten seconds
    }
    return Limits(rates, clock)
