"""Sockets and handlers: decode, say who asks and what time it is, answer (house.md 2.3, 2.5).

The checks of a request come in one order, cheapest first: frame, limits by address, place and method,
misplaced tokens, Accept, the token's form, limits by token, path and query, the body's head, the body.
Here are the only `except Problem` and the only `except Exception`; handlers have none.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from aiohttp import hdrs, web

from etherapy import __version__
from etherapy.clock import Clock
from etherapy.protocol import door
from etherapy.protocol.endpoint import Table
from etherapy.protocol.endpoint import table as table_of
from etherapy.protocol.openapi import openapi_json, summaries_of
from etherapy.protocol.problem import Problem, Unexpected
from etherapy.protocol.strict_json import write_json
from etherapy.server.addresses import LOCAL_SOCKET, TrustedProxies, address_prefix
from etherapy.server.answers import Answer, problem_answer, with_charset
from etherapy.server.connection import Connection
from etherapy.server.context import Caller, Context
from etherapy.server.cross_origin import allowed_origin, preflight_headers
from etherapy.server.limits import limits_of
from etherapy.server.refusals import problem_of
from etherapy.server.requests import (
    Bodies,
    check_accept,
    check_body_head,
    check_frame,
    read_caller,
    read_parameters,
    read_path,
    refuse_token_in,
)
from etherapy.server.routes import Handler, Route, Routes
from etherapy.server.settings import Settings
from etherapy.server.telemetry import Telemetry

Parts = TypeVar("Parts")
NO_ENDPOINT = "none"
"""Stands for the endpoint in numbers and lines where no place was found."""


@dataclass(slots=True)
class _Visit:
    """What is known of one request so far, for its line in the log and the headers of its answer."""

    request_id: str
    endpoint: str = NO_ENDPOINT
    caller: Caller | None = None
    headers: dict[str, str] = field(default_factory=dict)


class Door(Generic[Parts]):
    """Serves `table` with the handlers of the same names; `serve` is what a listener calls.

    TypeError at once if the two do not match. `random` makes request ids and the randomness of `new_id`.
    """

    def __init__(
        self,
        settings: Settings,
        table: Table,
        handlers: Mapping[str, Handler],
        parts: Parts,
        clock: Clock,
        telemetry: Telemetry,
        *,
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        own = {"live": self._live, "openapi": self._openapi}
        whole = table_of({**table, "live": door.live, "openapi": door.openapi})
        served = {**handlers, **own}
        self._document = openapi_json(whole, summaries_of(served), version=__version__)
        self._routes = Routes(whole, served)
        self._settings = settings
        self._parts = parts
        self._clock = clock
        self._random = random
        self._limits = limits_of(settings, clock.monotonic)
        self._proxies = TrustedProxies(settings.trusted_proxy)
        self._bodies = Bodies(settings)
        self._origin = settings.public_origin
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = asyncio.Event()
        self._waiting: set[asyncio.Event] = set()
        self.telemetry = telemetry

    @property
    def under_way(self) -> int:
        """Requests being served now."""
        return self._under_way

    @property
    def stopping(self) -> bool:
        """Whether new requests are refused."""
        return self._stopping.is_set()

    async def serve(self, request: web.BaseRequest) -> Answer:
        """One request, one answer, one line."""
        begun = time.perf_counter()
        visit = _Visit(self._random(8).hex())
        self._under_way += 1
        self._idle.clear()
        problem: Problem | None = None
        fault: Exception | None = None
        try:
            answer = await self._answer(request, visit)
        except Problem as refusal:
            problem = refusal
        except Exception as error:
            problem = problem_of(error)
            fault = error if isinstance(problem, Unexpected) else None
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()
        if problem is not None:
            answer = problem_answer(problem, visit.request_id, visit.headers)
        if self._stopping.is_set() or _connection(request).closing or not request.content.is_eof():
            answer.force_close()
        self._tell(visit, answer, time.perf_counter() - begun, problem, fault)
        return answer

    def broken(self, problem: Problem, error: BaseException | None) -> Answer:
        """The answer to what could not be read as a request."""
        visit = _Visit(self._random(8).hex())
        answer = problem_answer(problem, visit.request_id, {})
        self._tell(visit, answer, 0.0, problem, error)
        return answer

    async def stop(self) -> bool:
        """Refuse what comes, end the long polls, and wait for the rest; False if time ran out."""
        self._stopping.set()
        for ending in self._waiting:
            ending.set()
        try:
            async with asyncio.timeout(self._settings.stop_deadline):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def _answer(self, request: web.BaseRequest, visit: _Visit) -> Answer:
        path, query = check_frame(request)
        if self._stopping.is_set():
            raise door.Unavailable()
        self._limits.spend_global()
        address = address_prefix(self._client_address(request)).encode()
        self._limits.spend("address", address)
        if origin := allowed_origin(request, self._settings.allowed_origins):
            visit.headers |= {"Access-Control-Allow-Origin": origin, hdrs.VARY: "Origin"}
            if request.method == "OPTIONS":
                visit.headers |= preflight_headers(self._routes.methods(path))
                return Answer(204, b"", "", visit.request_id, visit.headers)
        route, texts = self._find(request.method, path, visit)
        endpoint = route.endpoint
        visit.endpoint = endpoint.name
        refuse_token_in(query)
        check_accept(request, endpoint.media)
        visit.caller = read_caller(request, endpoint)
        if visit.caller is not None:
            self._limits.spend("token", visit.caller.token_hash, endpoint.cost)
        elif endpoint.cost > 1:
            self._limits.spend("address", address, endpoint.cost - 1)
        values = read_path(endpoint, texts)
        if (parameters := read_parameters(query, endpoint)) is not None:
            values["query"] = parameters
        check_body_head(request, endpoint)
        if endpoint.takes is not None:
            values["body"] = await self._bodies.read(request, endpoint)
        return await self._handle(request, route, values, visit)

    async def _handle(
        self, request: web.BaseRequest, route: Route, values: dict[str, Any], visit: _Visit
    ) -> Answer:
        """Call the handler. A client that leaves does not stop it, except that a long poll is told."""
        ending = self._ending(request) if route.endpoint.waits else self._stopping
        context = Context(
            self._clock.now(),
            self._parts,
            visit.caller,
            visit.request_id,
            self._origin,
            self._random,
            self._limits.spend,
            ending,
            visit.headers,
        )
        try:
            given = await route.handler(context, **values)
        finally:
            self._waiting.discard(ending)
        endpoint = route.endpoint
        if endpoint.gives is None:
            return Answer(endpoint.good_status, b"", "", visit.request_id, visit.headers)
        body = given if endpoint.gives is bytes else write_json(given)
        return Answer(
            endpoint.good_status, body, with_charset(endpoint.media), visit.request_id, visit.headers
        )

    def _ending(self, request: web.BaseRequest) -> asyncio.Event:
        ending = asyncio.Event()
        _connection(request).ending = ending
        self._waiting.add(ending)
        return ending

    def _find(self, method: str, path: str, visit: _Visit) -> tuple[Route, list[str]]:
        try:
            return self._routes.find(method, path)
        except door.WrongMethod:
            # RFC 9110 15.5.6 asks for the list; OPTIONS is shown nothing.
            visit.headers[hdrs.ALLOW] = "" if method == "OPTIONS" else ", ".join(self._routes.methods(path))
            raise

    def _client_address(self, request: web.BaseRequest) -> str:
        peer = request.transport.get_extra_info("peername") if request.transport else None
        address = peer[0] if isinstance(peer, tuple) else LOCAL_SOCKET
        return self._proxies.client(address, request.headers.getall(hdrs.X_FORWARDED_FOR, ()))

    def _tell(
        self,
        visit: _Visit,
        answer: Answer,
        seconds: float,
        problem: Problem | None,
        fault: BaseException | None,
    ) -> None:
        self.telemetry.request(
            visit.endpoint,
            answer.status,
            seconds,
            visit.request_id,
            problem=problem.code if problem else None,
            practice=visit.caller.practice if visit.caller else None,
            error=fault,
            misuse="token" if isinstance(problem, door.MisplacedToken) else None,
        )

    async def _live(self, ctx: Context[Parts]) -> bytes:
        """Whether the process answers at all."""
        return b"ok\n"

    async def _openapi(self, ctx: Context[Parts]) -> bytes:
        """This document."""
        return self._document


def _connection(request: web.BaseRequest) -> Connection:
    assert isinstance(request.protocol, Connection)
    return request.protocol
