"""Pages of other origins: nothing is allowed unless the operator lists their origin (guarantees.md 4.4).

An origin is compared letter by letter and never reflected; there are no cookies, so no credentials.
"""

from collections.abc import Sequence

from aiohttp import hdrs, web

_PREFLIGHT_SECONDS = 600


def allowed_origin(request: web.BaseRequest, allowed: Sequence[str]) -> str | None:
    """The entry of `allowed` that the request's Origin header equals, if there is one."""
    origin = request.headers.get(hdrs.ORIGIN) if allowed else None
    return next((each for each in allowed if each == origin), None)


def preflight_headers(methods: Sequence[str]) -> dict[str, str]:
    """What a preflight from an allowed origin is told."""
    return {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": "authorization, content-type",
        "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
    }
