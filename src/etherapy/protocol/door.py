"""What the HTTP door itself refuses, before any handler runs (guarantees.md 4.4)."""

from dataclasses import dataclass

from etherapy.protocol.endpoint import OPEN, Endpoint
from etherapy.protocol.problem import Problem, Unexpected


class BadRequest(Problem, status=400):
    """The request is not well-formed HTTP."""


@dataclass(eq=False)
class BadJson(Problem, status=400):
    """The body is not the JSON that is accepted here."""

    fault: str
    """What is wrong, e.g. `duplicate key`; never a piece of the body."""


@dataclass(eq=False)
class Invalid(Problem, status=422):
    """The request is readable, but its content is not what this endpoint takes."""

    at: str
    """Where: a path such as `$.messages[0].mid`, or the name of a query parameter."""
    fault: str
    """What is wrong there; never the value itself."""


class MisplacedToken(Problem, status=400):
    """A token belongs in the Authorization header and nowhere else; treat this one as disclosed."""


class NoSession(Problem, status=401):
    """Log in first: there is no valid session behind this request."""


class PendingDevice(Problem, status=403):
    """This device waits to be linked. Agree to it on a device that you have; until then it can do nothing."""


class NoSuchPlace(Problem, status=404):
    """There is nothing here."""


class WrongMethod(Problem, status=405):
    """This place does not know that method."""


class NotAcceptable(Problem, status=406):
    """What this place can answer is not among what the Accept header allows."""


class TooSlow(Problem, status=408):
    """The request did not arrive in time."""


@dataclass(eq=False)
class TooLarge(Problem, status=413):
    """The body is larger than this endpoint takes."""

    limit: int
    """In bytes."""


class AddressTooLong(Problem, status=414):
    """The address of the request is too long."""


class WrongMedia(Problem, status=415):
    """Bodies are sent as application/json in UTF-8, without any content coding."""


class WrongExpectation(Problem, status=417):
    """The only expectation that can be met is 100-continue."""


@dataclass(eq=False)
class TooManyRequests(Problem, status=429):
    """Too many requests in too short a time; wait a little."""

    retry_after: int | None = 1


class HeadersTooLarge(Problem, status=431):
    """The header of the request is too long."""


@dataclass(eq=False)
class Unavailable(Problem, status=503):
    """The service cannot answer at the moment. What was acknowledged is safe; try again."""

    retry_after: int | None = 2


AT_THE_DOOR: tuple[type[Problem], ...] = (
    BadRequest,
    MisplacedToken,
    NotAcceptable,
    AddressTooLong,
    TooManyRequests,
    HeadersTooLarge,
    Unavailable,
    Unexpected,
)
"""What any endpoint may answer."""
WITH_TOKEN: tuple[type[Problem], ...] = (NoSession, PendingDevice)
WITH_BODY: tuple[type[Problem], ...] = (BadJson, Invalid, TooSlow, TooLarge, WrongMedia, WrongExpectation)

live = Endpoint[None, bytes](
    "GET", "/live", gives=bytes, access=OPEN, media="text/plain; charset=utf-8", cost=0
)
"""Whether the process answers at all; says nothing else."""
openapi = Endpoint[None, bytes]("GET", "/openapi.json", gives=bytes, access=OPEN)
"""This document."""
