"""Plain HTTP towards a server under test: what came back to the byte, without what differs in any case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import msgspec
from yarl import URL

from etherapy.binary import dec_hook
from etherapy.protocol.endpoint import Endpoint
from etherapy.protocol.strict_json import write_json

In = TypeVar("In")
Out = TypeVar("Out")

MASK = b"<request>"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as it goes out. `body` is a wire struct, raw bytes, or None for none at all."""

    method: str
    path: str
    query: str = ""
    body: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers in order of their names, and body; the request's id is masked and the date left out."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def problem(self) -> str:
        """The code of the problem, empty if it is none."""
        if self.status < 400 or not self.body:
            return ""
        return str(self.json()["type"]).removeprefix("/problems/")


class Line:
    """One caller's connection to the server at `base`."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self._base = base
        self._session = session

    async def ask(
        self, ask: Ask, token: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Whatever the server answers."""
        said = dict(headers or {})
        if token is not None:
            said["Authorization"] = f"Bearer {token}"
        data = ask.body if ask.body is None or isinstance(ask.body, bytes) else write_json(ask.body)
        if data is not None:
            said.setdefault("Content-Type", "application/json")
        target = self._base + ask.path + (f"?{ask.query}" if ask.query else "")
        async with self._session.request(
            ask.method, URL(target, encoded=True), data=data, headers=said, allow_redirects=False
        ) as answer:
            return masked(answer.status, answer.raw_headers, await answer.read())

    async def call(
        self,
        endpoint: Endpoint[In, Out],
        body: In | None = None,
        query: str = "",
        token: str | None = None,
        **path: object,
    ) -> Out:
        """What a good answer gives; AssertionError for any other."""
        answer = await self.ask(Ask(endpoint.method, endpoint.fill(path), query, body), token)
        assert answer.status == endpoint.good_status, (endpoint.name, answer.status, answer.body)
        kind: Any = endpoint.gives
        if kind is None:
            return None  # type: ignore[return-value]  # Out is None here
        return msgspec.json.decode(answer.body, type=kind, dec_hook=dec_hook)


def masked(status: int, raw: tuple[tuple[bytes, bytes], ...], body: bytes) -> Answer:
    """An answer as it is compared with others."""
    headers = {name.decode().title(): value.decode() for name, value in raw}
    request_id = headers.get("Request-Id", "")
    headers.pop("Date", None)
    if request_id:
        headers["Request-Id"] = MASK.decode()
        body = body.replace(request_id.encode(), MASK)
    return Answer(status, tuple(sorted(headers.items())), body)


def shape(value: Any) -> Any:
    """A JSON value with every text, number and length of list left out: what an answer is made of."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return type(value).__name__
