"""Many connections that ask as fast as they are answered. Requests are bytes made beforehand."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles


@dataclass(slots=True)
class Load:
    """What a closed loop came to. Latencies in seconds."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def count(self) -> int:
        """Answers of status 2xx."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return self.count / self.seconds

    def percentile(self, percent: int) -> float:
        """In milliseconds."""
        return percentile(self.latencies, percent)


def percentile(seconds: Sequence[float], percent: int) -> float:
    """A percentile of seconds, in milliseconds; 0 of nothing."""
    if len(seconds) < 2:
        return 1000 * sum(seconds)
    return 1000 * quantiles(seconds, n=100, method="inclusive")[percent - 1]


class Caller(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._got = b""
        self._whole = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not self._whole and (end := self._got.find(b"\r\n\r\n")) >= 0:
            at = self._got.lower().find(b"content-length:", 0, end)
            length = int(self._got[at + 15 : self._got.find(b"\r\n", at)]) if at >= 0 else 0
            self._whole = end + 4 + length
        if self._whole and len(self._got) >= self._whole and self._answer is not None:
            answer, self._answer = self._answer, None
            found, self._got, self._whole = self._got, b"", 0
            answer.set_result(found)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("the server closed the connection"))

    async def ask(self, request: bytes) -> bytes:
        """The whole answer to a whole request."""
        assert self._transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.close()


async def drive(host: str, port: int, work: Sequence[Sequence[bytes]], seconds: float) -> Load:
    """One connection for each list of requests; each asks its own in order, until they or the time end."""
    loop = asyncio.get_running_loop()
    callers = [(await loop.create_connection(Caller, host, port))[1] for _ in work]
    load = Load(0.0)
    begun = time.perf_counter()
    deadline = begun + seconds
    await asyncio.gather(
        *(_ask_all(caller, requests, deadline, load) for caller, requests in zip(callers, work, strict=True))
    )
    load.seconds = time.perf_counter() - begun
    for caller in callers:
        caller.close()
    return load


async def _ask_all(caller: Caller, requests: Sequence[bytes], deadline: float, load: Load) -> None:
    for request in requests:
        began = time.perf_counter()
        if began >= deadline:
            return
        answer = await caller.ask(request)
        if answer.startswith(b"HTTP/1.1 2"):
            load.latencies.append(time.perf_counter() - began)
        else:
            load.refused += 1


def request(method: str, host: str, path: str, token: str, body: bytes = b"") -> bytes:
    """A whole request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body
