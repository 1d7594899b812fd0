"""What the server tells its operator: one line per request, and numbers (guarantees.md G23, 2.2).

Lines are made from an allow-list: a key that is not on it is dropped, not masked. Of an exception only
its type and the names of the frames are told, for its text may hold a row's values.
"""

import asyncio
import hashlib
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, MutableMapping
from types import TracebackType
from typing import Any, TextIO

import msgspec
import structlog

ALLOWED = frozenset(
    {
        "event", "level", "timestamp", "endpoint", "status", "ms", "problem", "request_id", "practice",
        "misuse", "error", "cause", "frames", "reason", "listen", "health_listen", "signal", "version",
        "count", "seconds", "worker", "statement", "outcome", "database", "zone_data", "schema",
    }
)  # fmt: skip
"""Every key that may appear in a line."""

_BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0)
_MAX_FRAMES = 20


def configure(out: TextIO | None = None) -> None:
    """Make structlog write JSON lines of allowed keys to `out` (standard error if None)."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _describe_exception,
            keep_allowed,
            _write_line,
        ],
        logger_factory=structlog.WriteLoggerFactory(out or sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger("info"),
        cache_logger_on_first_use=True,
    )


def keep_allowed(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: drop what is not on the list, and every value that is not plain."""
    plain = (str, int, float, bool, type(None), list)
    return {key: value for key, value in line.items() if key in ALLOWED and isinstance(value, plain)}


def _describe_exception(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    raised = line.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()[1]
    if isinstance(raised, BaseException):
        line.update(describe(raised))
    return line


def _write_line(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> str:
    return msgspec.json.encode(line).decode()


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as it may be told: type names and frames (`module:function:line`), no text, no locals."""
    found: dict[str, Any] = {"error": _type_name(error), "frames": _frames(error.__traceback__)}
    cause = error.__cause__ or error.__context__
    if cause is not None:
        found["cause"] = _type_name(cause)
    return found


def _type_name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}"


def _frames(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return found[-_MAX_FRAMES:]


def tell_loop_fault(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """For `loop.set_exception_handler`: asyncio's own handler would print the exception's text."""
    error = context.get("exception")
    told = describe(error) if isinstance(error, BaseException) else {}
    structlog.get_logger().error("loop fault", **told)


class _Times:
    """A histogram of seconds."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(_BOUNDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        place = next((place for place, bound in enumerate(_BOUNDS) if seconds <= bound), len(_BOUNDS))
        self.counts[place] += 1
        self.total += seconds

    def lines(self, name: str, label: str) -> list[str]:
        running = 0
        found = []
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self.counts, strict=True):
            running += count
            found.append(f'{name}_bucket{{{label},le="{bound}"}} {running}')
        return [*found, f"{name}_sum{{{label}}} {self.total:.6f}", f"{name}_count{{{label}}} {running}"]


class Telemetry:
    """Counts and times of one process, and the canonical line of each request.

    `log_key` keys the pseudonyms of practices, so that lines of one practice can be told together and
    nobody without the key can tell which practice it is. Labels are endpoint, statement and problem names:
    a practice is never one.
    """

    def __init__(self, log_key: bytes, *, log_requests: bool = True) -> None:
        self._log_key = hashlib.sha256(log_key).digest()
        self._log_requests = log_requests
        self._log = structlog.get_logger()
        self._requests: defaultdict[str, _Times] = defaultdict(_Times)
        self._statements: defaultdict[str, _Times] = defaultdict(_Times)
        self._counts: Counter[tuple[str, str]] = Counter()

    def pseudonym(self, practice: bytes) -> str:
        """A practice as it may appear in a line: 16 hex digits."""
        return hashlib.blake2b(practice, key=self._log_key, digest_size=8).hexdigest()

    def request(
        self,
        endpoint: str,
        status: int,
        seconds: float,
        request_id: str,
        *,
        problem: str | None = None,
        practice: bytes | None = None,
        error: BaseException | None = None,
        misuse: str | None = None,
    ) -> None:
        """Count one answered request and write its line."""
        self._requests[endpoint].add(seconds)
        self._counts["answers", f'endpoint="{endpoint}",status="{status}"'] += 1
        if problem is not None:
            self._counts["problems", f'problem="{problem}"'] += 1
        if not self._log_requests and error is None and misuse is None:
            return
        line: dict[str, Any] = {
            "endpoint": endpoint,
            "status": status,
            "ms": round(seconds * 1000, 2),
            "request_id": request_id,
        }
        if problem is not None:
            line["problem"] = problem
        if practice is not None:
            line["practice"] = self.pseudonym(practice)
        if misuse is not None:
            line["misuse"] = misuse
        if error is not None:
            line |= describe(error)
        (self._log.error if error is not None else self._log.info)("request", **line)

    def statement(self, name: str, seconds: float, outcome: str) -> None:
        """Count one call of a function of the store; fits `Database(on_call=...)`."""
        self._statements[name].add(seconds)
        if outcome != "ok":
            self._counts["statement_outcomes", f'statement="{name}",outcome="{outcome}"'] += 1

    def count(self, what: str, **labels: str) -> None:
        """Count something else, e.g. `count("decisions", kind="weekly_hours")`; labels are fixed words."""
        self._counts[what, ",".join(f'{key}="{value}"' for key, value in labels.items())] += 1

    def text(self, gauges: Mapping[str, float] | None = None) -> str:
        """Everything counted so far, in the Prometheus text format."""
        lines = []
        for name, family in (("request", self._requests), ("statement", self._statements)):
            lines.append(f"# TYPE etherapy_{name}_seconds histogram")
            label = "endpoint" if name == "request" else "statement"
            for each in sorted(family):
                lines += family[each].lines(f"etherapy_{name}_seconds", f'{label}="{each}"')
        for what in sorted({what for what, _ in self._counts}):
            lines.append(f"# TYPE etherapy_{what}_total counter")
            lines += [
                f"etherapy_{what}_total{{{labels}}} {count}"
                for (each, labels), count in sorted(self._counts.items())
                if each == what
            ]
        for name, value in sorted((gauges or {}).items()):
            lines += [f"# TYPE etherapy_{name} gauge", f"etherapy_{name} {value:g}"]
        return "\n".join(lines) + "\n"
