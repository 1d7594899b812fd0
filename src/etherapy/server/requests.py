"""What is asked of a request before a handler sees anything of it, in a fixed order (guarantees.md 4.4)."""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.web_protocol import RequestPayloadError

from etherapy.binary import unb64
from etherapy.protocol.door import (
    AddressTooLong,
    BadRequest,
    HeadersTooLarge,
    Invalid,
    MisplacedToken,
    NoSession,
    NoSuchPlace,
    NotAcceptable,
    TooLarge,
    TooSlow,
    Unavailable,
    WrongExpectation,
    WrongMedia,
    WrongMethod,
)
from etherapy.protocol.endpoint import Endpoint, read_parameter
from etherapy.protocol.strict_json import read_json, read_query
from etherapy.server.connection import MAX_ADDRESS, MAX_HEADER, MAX_HEADERS
from etherapy.server.context import Caller
from etherapy.server.settings import Settings

_TOKEN = re.compile(r"[Bb]earer ([A-Za-z0-9_-]{64})")
_TOKEN_NAMES = ("token", "access_token")
_JSON = re.compile(r'application/json(?:\s*;\s*charset="?utf-8"?)?', re.IGNORECASE)
_MAX_PARAMETERS = 32


def check_frame(request: web.BaseRequest) -> tuple[str, str]:
    """Path and query string of a request that is well-formed as HTTP; raises what it is not."""
    target = request.raw_path
    if len(target) > MAX_ADDRESS:
        raise AddressTooLong()
    headers = request.raw_headers
    if len(headers) > MAX_HEADERS or sum(len(name) + len(value) + 4 for name, value in headers) > MAX_HEADER:
        raise HeadersTooLarge()
    if request.method in ("TRACE", "CONNECT"):
        raise WrongMethod()
    if request.version != HttpVersion11 and hdrs.TRANSFER_ENCODING in request.headers:
        raise BadRequest()
    if request.version >= HttpVersion11 and len(request.headers.getall(hdrs.HOST, ())) != 1:
        raise BadRequest()
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        raise NoSuchPlace() if target == "*" else BadRequest()
    return path, query


def check_accept(request: web.BaseRequest, media: str) -> None:
    """NotAcceptable unless the Accept headers, if any, let `media` through (RFC 9110 12.5.1)."""
    lines = request.headers.getall(hdrs.ACCEPT, ())
    if not lines:
        return
    wanted = media.partition(";")[0]
    ranks = {"*/*": 0, wanted.partition("/")[0] + "/*": 1, wanted: 2}
    best = (-1, False)
    for part in ",".join(lines).split(","):
        name, *options = [piece.strip().lower() for piece in part.split(";")]
        if name in ranks:
            refused = any(re.fullmatch(r"q=0(\.0*)?", option) for option in options)
            best = max(best, (ranks[name], not refused))
    if not best[1]:
        raise NotAcceptable()


def read_caller(request: web.BaseRequest, endpoint: Endpoint[Any, Any]) -> Caller | None:
    """Who holds the token, as far as it can be read; None where the endpoint is open.

    A token is 48 bytes, practice id and secret (decisions.md D-28). Only its form is checked here.
    """
    if not endpoint.access:
        return None
    lines = request.headers.getall(hdrs.AUTHORIZATION, ())
    found = _TOKEN.fullmatch(lines[0]) if len(lines) == 1 else None
    if found is None:
        raise NoSession()
    token = unb64(found[1])
    return Caller(token[:16], hashlib.sha256(token).digest(), endpoint.access)


def read_path(endpoint: Endpoint[Any, Any], texts: Sequence[str]) -> dict[str, Any]:
    """The path's parameters by name; what cannot be an id is the id of nothing: NoSuchPlace."""
    kinds = endpoint.parameters.items()
    try:
        return {name: read_parameter(kind, text) for (name, kind), text in zip(kinds, texts, strict=True)}
    except ValueError:
        raise NoSuchPlace() from None


def read_parameters(text: str, endpoint: Endpoint[Any, Any]) -> Any:
    """The query string as the endpoint's query struct (None where it has none); raises Invalid."""
    if not text and endpoint.query is None:
        return None
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )  # fmt: skip
    except ValueError:
        raise Invalid("query", "not a query string") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Invalid("query", "a parameter twice")
    if endpoint.query is None:
        raise Invalid("query", "unknown field")
    return read_query(found, endpoint.query)


def refuse_token_in(query: str) -> None:
    """MisplacedToken if a query string carries something that is named like a token."""
    for part in query.split("&") if query else ():
        if part.partition("=")[0].lower() in _TOKEN_NAMES:
            raise MisplacedToken()


def check_body_head(request: web.BaseRequest, endpoint: Endpoint[Any, Any]) -> None:
    """Media type, coding and declared length of a body, before a byte of it is read."""
    if request.headers.getall(hdrs.CONTENT_ENCODING, ()):
        raise WrongMedia()
    if endpoint.takes is None:
        if request.body_exists and request.content_length != 0:
            raise BadRequest()
        return
    if not _JSON.fullmatch(request.headers.get(hdrs.CONTENT_TYPE, "")):
        raise WrongMedia()
    if (request.content_length or 0) > endpoint.body_limit:
        raise TooLarge(endpoint.body_limit)
    expected = request.headers.get(hdrs.EXPECT)
    if expected is not None and expected.lower() != "100-continue":
        raise WrongExpectation()


class Bodies:
    """Reads bodies while keeping an eye on their size, their pace, and what they hold together."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held = 0

    async def read(self, request: web.BaseRequest, endpoint: Endpoint[Any, Any]) -> Any:
        """The body as the endpoint's `takes`; raises a problem, or RequestPayloadError if the client left."""
        assert endpoint.takes is not None
        if request.headers.get(hdrs.EXPECT) is not None:
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        data = await self._collect(request, endpoint.body_limit)
        try:
            return read_json(data, endpoint.takes)
        except Invalid:
            if any(b'"%s"' % name.encode() in data for name in _TOKEN_NAMES):
                raise MisplacedToken() from None
            raise

    async def _collect(self, request: web.BaseRequest, limit: int) -> bytes:
        content = request.content
        pieces: list[bytes] = []
        size = 0
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            while not content.at_eof():
                if content.is_eof():
                    piece = content.read_nowait()
                else:
                    piece = await self._next_piece(content, begun, size)
                size += len(piece)
                self._held += len(piece)
                if size > limit:
                    raise TooLarge(limit)
                if self._held > self._settings.body_memory:
                    raise Unavailable()
                pieces.append(piece)
        except (RequestPayloadError, ConnectionError):
            raise BadRequest() from None
        finally:
            self._held -= size
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _next_piece(self, content: Any, begun: float, size: int) -> bytes:
        settings = self._settings
        pace = begun + settings.body_grace + size / settings.body_floor
        try:
            async with asyncio.timeout_at(min(pace, begun + settings.body_deadline)):
                return bytes(await content.readany())
        except TimeoutError:
            raise TooSlow() from None
