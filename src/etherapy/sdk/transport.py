"""An endpoint and a body go out, an answer or a Problem comes back (house.md 2.1).

The same classes that the server's handlers raise are raised here. What can be repeated without harm is
repeated with the same bytes when the connection breaks or the server is busy.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar, cast
from urllib.parse import urlencode

import aiohttp
import msgspec

from etherapy.binary import dec_hook, enc_hook
from etherapy.protocol.door import NoSession, TooManyRequests, Unavailable
from etherapy.protocol.endpoint import Endpoint
from etherapy.protocol.problem import Problem
from etherapy.protocol.strict_json import write_json

In = TypeVar("In")
Out = TypeVar("Out")

MAX_ANSWER = 16 << 20
"""Bytes of one answer; a server that sends more is not believed."""
_ATTEMPTS = 5
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_KEEP_ALIVE = 30.0
"""Seconds, well below the server's, so that no request meets a connection that is just being closed."""
_MEDIA = ("application/json", "application/problem+json")


class Unreachable(Exception):
    """The server could not be reached, or broke off. Whether a request took effect is not known."""


class Garbled(Exception):
    """The server answered something that cannot be an answer of this protocol."""


class Tokens(Protocol):
    """Where the bearer token comes from."""

    async def current(self) -> str:
        """The token to send; log in first if there is none."""
        ...

    async def renew(self, refused: str) -> str:
        """A new token after `refused` was answered with 401; raise NoSession if there can be none."""
        ...


class Transport:
    """One server as seen from a device. Use it as an async context manager, or call `close`.

    `pause` is how to wait before a repetition, `attempts` how often to try in all, `time_out` the seconds
    for one attempt (a long poll states its own). Redirects are not followed, cookies not kept, and
    proxies of the environment not used.
    """

    def __init__(
        self,
        origin: str,
        tokens: Tokens | None = None,
        *,
        attempts: int = _ATTEMPTS,
        time_out: float = 30.0,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.origin = origin.rstrip("/")
        self.tokens = tokens
        self._attempts = attempts
        self._time_out = time_out
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None
        self.guard: Callable[[Endpoint[Any, Any]], None] | None = None
        """Asked before anything leaves; it raises what stands against it."""
        self.heard: Callable[[object], Awaitable[None]] | None = None
        """Given every answer before whoever asked gets it."""
        self.relogged: Callable[[Endpoint[Any, Any]], Awaitable[None]] | None = None
        """Told of a login in the middle of a request, before that is repeated; it raises what stands against
        it."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def call(
        self,
        endpoint: Endpoint[In, Out],
        body: In | None = None,
        /,
        *,
        query: msgspec.Struct | None = None,
        time_out: float | None = None,
        **path: object,
    ) -> Out:
        """What the endpoint gives. Raises its problems, Unreachable, or Garbled.

        `path` names the path's parameters (plain bytes for ids). With a token provider, a 401 is met once
        with a renewed token.
        """
        if self.guard is not None:
            self.guard(endpoint)
        url = self.origin + endpoint.fill(path) + _query_text(query)
        data = None if body is None else write_json(body)
        token = await self.tokens.current() if endpoint.access and self.tokens else None
        try:
            answer = await self._insist(endpoint, url, data, token, time_out)
        except NoSession:
            if token is None or self.tokens is None:
                raise
            renewed = await self.tokens.renew(token)
            if self.relogged is not None:
                await self.relogged(endpoint)
            answer = await self._insist(endpoint, url, data, renewed, time_out)
        if self.heard is not None:
            await self.heard(answer)
        return answer

    async def _insist(
        self,
        endpoint: Endpoint[Any, Out],
        url: str,
        data: bytes | None,
        token: str | None,
        time_out: float | None,
    ) -> Out:
        """Try until it is answered, as often as repeating is harmless."""
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= self._attempts
            try:
                return await self._once(endpoint, url, data, token, time_out or self._time_out)
            except (Unavailable, TooManyRequests) as problem:
                # A 429 was refused before anything happened, so any request may come again.
                harmless = endpoint.safe_to_repeat or isinstance(problem, TooManyRequests)
                if last or not harmless:
                    raise
                wait = min(problem.retry_after or 0, _LONGEST_PAUSE) + _backoff(attempt)
            except Unreachable:
                if last or not endpoint.safe_to_repeat:
                    raise
                wait = _backoff(attempt)
            await self._pause(wait)

    async def _once(
        self, endpoint: Endpoint[Any, Out], url: str, data: bytes | None, token: str | None, time_out: float
    ) -> Out:
        headers = {"Accept": "application/json, application/problem+json"}
        if endpoint.gives is bytes:
            headers["Accept"] = f"{endpoint.media.partition(';')[0]}, application/problem+json"
        if data is not None:
            headers["Content-Type"] = "application/json"
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            async with self._open().request(
                endpoint.method,
                url,
                data=data,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=time_out),
            ) as response:
                return _read(endpoint, response.status, response.content_type, await _collect(response))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{self.origin} cannot be reached: {_why(error)}") from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(keepalive_timeout=_KEEP_ALIVE),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                skip_auto_headers=("User-Agent", "Accept-Encoding"),
            )
        return self._session


def _why(error: Exception) -> str:
    """A failure of the network in words; never its own text, which may hold the whole address."""
    match error:
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return "this is no address; write it like https://therapy.example"
        case aiohttp.ClientConnectorDNSError():
            return "nobody knows that name"
        case aiohttp.ClientSSLError():
            return "its certificate is not to be trusted"
        case aiohttp.ClientConnectorError():
            return (os.strerror(error.errno) if error.errno else "no connection").lower()
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientPayloadError() | aiohttp.ClientOSError():
            return "the connection broke off"
    return type(error).__name__


async def _collect(response: aiohttp.ClientResponse) -> bytes:
    """The body, up to MAX_ANSWER."""
    pieces = bytearray()
    async for piece in response.content.iter_any():
        pieces += piece
        if len(pieces) > MAX_ANSWER:
            raise Garbled(f"an answer of more than {MAX_ANSWER} bytes")
    return bytes(pieces)


def _read(endpoint: Endpoint[Any, Out], status: int, media: str, data: bytes) -> Out:
    """The answer as the endpoint says it is; members that a newer server added are passed over."""
    if status != endpoint.good_status:
        raise _problem(status, media, data)
    if endpoint.gives is None:
        return cast(Out, None)
    if endpoint.gives is bytes:
        return cast(Out, data)
    if media not in _MEDIA:
        raise Garbled(f"an answer of type {media}")
    try:
        return msgspec.json.decode(data, type=endpoint.gives, dec_hook=dec_hook)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Garbled(f"{endpoint.name}: {error}") from None


def _problem(status: int, media: str, data: bytes) -> Problem:
    try:
        document = msgspec.json.decode(data) if media in _MEDIA else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        document = None
    if not isinstance(document, Mapping) and status == 503:
        return Unavailable()  # a proxy in front of us says so in its own words
    if not isinstance(document, Mapping) and status < 400:
        raise Garbled(f"status {status}")
    return Problem.from_document(document, status)


def _query_text(query: msgspec.Struct | None) -> str:
    """The query struct as `?name=value`; what is at its default is left out."""
    if query is None:
        return ""
    defaults = {each.name: each.default for each in msgspec.structs.fields(query)}
    plain = msgspec.to_builtins(query, enc_hook=enc_hook)
    names = {each.name: each.encode_name for each in msgspec.structs.fields(query)}
    pairs = [
        (names[name], _parameter(plain[names[name]]))
        for name in query.__struct_fields__
        if getattr(query, name) != defaults[name] and plain.get(names[name]) is not None
    ]
    return "?" + urlencode(pairs) if pairs else ""


def _parameter(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _backoff(attempt: int) -> float:
    """Seconds before the next attempt: doubling, bounded, and random so that devices do not march in step."""
    ceiling = min(_FIRST_PAUSE * float(2 ** (attempt - 1)), _LONGEST_PAUSE)
    return ceiling * (0.5 + random.random() / 2)
