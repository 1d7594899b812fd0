"""What every answer carries, whoever wrote it (guarantees.md 4.4)."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType

from aiohttp import hdrs, web

from etherapy.protocol.problem import Problem
from etherapy.protocol.strict_json import write_json

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json; charset=utf-8"

HARDENING: Mapping[str, str] = MappingProxyType(
    {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        "X-Content-Type-Options": "nosniff",
    }
)
REQUEST_ID = "Request-Id"


class Answer(web.Response):
    """A response with the headers of the house and without the name of the software."""

    def __init__(
        self, status: int, body: bytes, media: str, request_id: str, headers: Mapping[str, str]
    ) -> None:
        carried = {**HARDENING, REQUEST_ID: request_id, **headers}
        if body:
            carried[hdrs.CONTENT_TYPE] = media
        super().__init__(status=status, reason=_REASONS.get(status, ""), body=body, headers=carried)

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall(hdrs.SERVER, None)


_REASONS = {int(status): status.phrase for status in HTTPStatus}


def problem_answer(problem: Problem, request_id: str, headers: Mapping[str, str] = HARDENING) -> Answer:
    """A problem as application/problem+json (RFC 9457)."""
    body = write_json(problem.document(request_id))
    return Answer(problem.status, body, PROBLEM, request_id, {**headers, **problem.headers()})


def with_charset(media: str) -> str:
    """A media type as it stands in Content-Type: always with its charset."""
    return media if ";" in media else f"{media}; charset=utf-8"
