"""What whoever watches over the server is told: on a listener of its own, away from the public."""

import secrets
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import web

from etherapy.protocol.door import NoSuchPlace, WrongMethod
from etherapy.protocol.problem import Problem
from etherapy.protocol.strict_json import write_json
from etherapy.server.answers import JSON, Answer, problem_answer
from etherapy.server.telemetry import Telemetry

Ready = Callable[[], Awaitable[Sequence[str]]]
"""Gives the names of what is missing, fixed words; nothing if requests can be served."""

_TEXT = "text/plain; charset=utf-8"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


async def always_ready() -> Sequence[str]:
    """For a server that depends on nothing."""
    return ()


class Health:
    """What the health listener serves: /live, /ready and /metrics, to GET and HEAD."""

    def __init__(self, telemetry: Telemetry, ready: Ready, gauges: Callable[[], dict[str, float]]) -> None:
        self._telemetry = telemetry
        self._ready = ready
        self._gauges = gauges

    async def serve(self, request: web.BaseRequest) -> Answer:
        """One request; what a listener calls."""
        request_id = secrets.token_hex(8)
        try:
            if request.method not in ("GET", "HEAD"):
                raise WrongMethod()
            return await self._answer(request.raw_path, request_id)
        except Problem as problem:
            return problem_answer(problem, request_id, {})

    async def _answer(self, path: str, request_id: str) -> Answer:
        if path == "/live":
            return Answer(200, b"ok\n", _TEXT, request_id, {})
        if path == "/metrics":
            text = self._telemetry.text(self._gauges())
            return Answer(200, text.encode(), _METRICS, request_id, {})
        if path == "/ready":
            missing = await self._missing()
            body = write_json({"ready": not missing, "missing": missing})
            return Answer(503 if missing else 200, body, JSON, request_id, {})
        raise NoSuchPlace()

    async def _missing(self) -> list[str]:
        try:
            return sorted(await self._ready())
        except Exception as error:
            structlog.get_logger().error("readiness check failed", exc_info=error)
            return ["check"]
