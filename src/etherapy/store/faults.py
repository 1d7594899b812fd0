"""What can go wrong between us and the database, sorted by what a caller can do about it.

A driver's exception never travels further than this file: its text and its `detail` hold row values and
query arguments (guarantees.md 2.3), ours hold codes only.
"""

import asyncpg

_AWAY_CLASSES = ("08", "53", "58")
"""Connection gone, resources short (disk, memory, connections), I/O error."""

_AWAY_STATES = frozenset(
    {
        "25006",  # read-only: a demoted primary, right after a failover
        "25P03",  # idle in transaction for too long
        "25P04",  # transaction for too long
        "40001",  # serialization failure: rolled back, try again
        "40P01",  # deadlock: rolled back, try again
        "55P03",  # lock not available
        "57014",  # cancelled: its deadline, or an administrator
        "57P01",  # shutting down
        "57P02",  # crashed
        "57P03",  # starting up
        "57P04",  # database dropped
        "57P05",  # idle for too long
    }
)
_OURS = "ET"


class Refused(Exception):
    """One of our own functions said no, and changed nothing.

    `code` is its SQLSTATE (`ET` and three more), `detail` the text of its RAISE: by convention a fixed
    word, never a row's value.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail


class StoreUnavailable(Exception):
    """The database did not answer as it should: try later (503).

    `reason` is a short code for logs. Whether the call took effect is unknown; only its idempotency key
    tells, when it is made again.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StoreFault(Exception):
    """A defect of ours: the database understood and refused. Names the function and the SQLSTATE only."""

    def __init__(self, function: str, code: str, constraint: str | None = None) -> None:
        super().__init__(f"{function}: {code}" + (f" on {constraint}" if constraint else ""))
        self.function = function
        self.code = code
        self.constraint = constraint


def sort_fault(function: str, error: BaseException) -> Refused | StoreUnavailable | StoreFault:
    """Our exception for what the driver raised while calling `function`.

    Unknown driver errors count as unavailable: a server killed in the middle of a statement can surface as
    an `InternalClientError`, which is neither a PostgresError nor an InterfaceError (parts.md 1.5).
    """
    if isinstance(error, Refused | StoreUnavailable | StoreFault):
        return error
    if isinstance(error, asyncpg.PostgresError):
        return _sort_answer(function, error)
    if isinstance(error, asyncpg.InterfaceError) and isinstance(error, ValueError):
        return StoreFault(function, "argument")
    if isinstance(
        error, OSError | TimeoutError | EOFError | asyncpg.InterfaceError | asyncpg.InternalClientError
    ):
        return StoreUnavailable(_word(error))
    return StoreFault(function, type(error).__name__)


def _sort_answer(function: str, error: asyncpg.PostgresError) -> Refused | StoreUnavailable | StoreFault:
    state = str(getattr(error, "sqlstate", None) or "?????")
    if state.startswith(_OURS):
        return Refused(state, str(getattr(error, "message", "")))
    if state.startswith(_AWAY_CLASSES) or state in _AWAY_STATES:
        return StoreUnavailable(state)
    constraint = getattr(error, "constraint_name", None)
    return StoreFault(function, state, str(constraint) if constraint else None)


def _word(error: BaseException) -> str:
    return "deadline" if isinstance(error, TimeoutError) else type(error).__name__
