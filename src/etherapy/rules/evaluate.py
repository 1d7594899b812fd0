"""`etherapy rules evaluate`: cases in, answers out, without a server. Bytes to a document; no files.

The formats are those of docs/rules.md 9: timetable cases here, whole policies in `decision_cases`. Timetable
cases with the same zone, windows and exceptions share one timetable.
"""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from etherapy.rules import decision_cases
from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import MINUTE_MS, instant, milliseconds
from etherapy.rules.case_policy import read_timetable
from etherapy.rules.instants import read_instant, show_instant
from etherapy.rules.policy import read_json
from etherapy.rules.timetable import Timetable

FORMAT = "etherapy-windows/1"
_FORMAT_JSON = f'"{FORMAT}"'.encode()
_BLANKS = b" \t\r\n"
Read = TypeVar("Read")
_TIMETABLES_SHARED = 4096


class _Named(msgspec.Struct):
    format: str = ""


class NotSuchADocument(Exception):
    """The bytes are no document of timetable cases; the message is one line that says why."""


def evaluate(document: bytes) -> dict[str, Any]:
    """Answer each case of a document: `{"results": [...]}`, in the order of the cases.

    A case that cannot be answered gets `{"id", "error"}`. NotSuchADocument when there are no cases to be
    read.
    """
    if _names_decisions(document):
        return {"results": _decided(document)}
    shared: dict[bytes, Timetable | BadRule] = {}
    return {"results": [_result(case, shared) for case in _cases(document)]}


def evaluate_case(case: Mapping[str, Any]) -> dict[str, Any]:
    """Answer one case that is already in memory, as `evaluate` would."""
    return _result(msgspec.Raw(msgspec.json.encode(case)), {})


def _names_decisions(document: bytes) -> bool:
    """Whether it is a document of whole policies; one that cannot be read is refused as the other kind."""
    try:
        return msgspec.json.decode(document, type=_Named).format == decision_cases.FORMAT
    except (msgspec.DecodeError, RecursionError, ValueError):
        return False


def _decided(document: bytes) -> list[dict[str, Any]]:
    try:
        return decision_cases.answer_cases(read_json(document))
    except BadRule as bad:
        raise NotSuchADocument(f"not a document of cases: {bad}") from None


def _cases(document: bytes) -> list[msgspec.Raw]:
    """The cases, each still as text, so that a long document needs no more memory than its bytes."""
    try:
        parts = _members(document)
        cases = _decoded(parts.get("cases", b"null"), list[msgspec.Raw])
    except msgspec.ValidationError:
        raise NotSuchADocument('not a document of cases: an object with a list "cases" is expected') from None
    form = _value(parts.get("format", _FORMAT_JSON))
    if form != FORMAT:
        raise NotSuchADocument(f'not a document of cases: its "format" is not "{FORMAT}"')
    return cases


def _members(text: bytes | msgspec.Raw) -> dict[str, msgspec.Raw]:
    """The members of an object, still as text; NotSuchADocument when a name stands there twice."""
    members = _decoded(text, dict[str, msgspec.Raw])
    _refuse_twins(text, members)
    return members


def _value(text: msgspec.Raw | bytes | None) -> Any:
    """What the text says, None without a text; NotSuchADocument when a name stands there twice."""
    if text is None:
        return None
    value = _decoded(text, Any)
    if isinstance(value, list | dict):
        _refuse_twins(text, value)
    return value


def _decoded(text: bytes | msgspec.Raw, wanted: type[Read]) -> Read:
    """What the text says, in that shape; msgspec.ValidationError for JSON of another shape."""
    try:
        return msgspec.json.decode(text, type=wanted)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise NotSuchADocument(f"not JSON: {str(error).splitlines()[0]}") from None


def _refuse_twins(text: bytes | msgspec.Raw, read: object) -> None:
    """Two values for one name would leave open which is meant.

    Text that is written as it would be written here has none; other text is looked through name by name.
    """
    raw = bytes(text)
    if msgspec.json.encode(read).translate(None, _BLANKS) != raw.translate(None, _BLANKS):
        try:
            json.loads(raw, object_pairs_hook=_once)
        except (RecursionError, ValueError):
            raise NotSuchADocument("not JSON of this kind: too deep, or a number too long") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotSuchADocument("not a document of cases: an object has the same name twice")
    return found


def _result(text: msgspec.Raw, shared: dict[bytes, Timetable | BadRule]) -> dict[str, Any]:
    try:
        case = _members(text)
    except msgspec.ValidationError:
        return {"id": None, "error": "the case is no object; write one with id, zone, weekly and now"}
    name = _value(case.get("id"))
    try:
        if not isinstance(name, str | int):
            raise BadRule("id", "the case has none", "give it a text that names it")
        return {"id": name} | _answer(case, shared)
    except BadRule as bad:
        return {"id": name, "error": str(bad)}


def _answer(case: Mapping[str, msgspec.Raw], shared: dict[bytes, Timetable | BadRule]) -> dict[str, Any]:
    timetable = _shared_timetable(case, shared)
    now = milliseconds(read_instant(_value(case.get("now")), "now"))
    opens = timetable.next_open_ms(now)
    answer = {
        "in_window": opens == now,
        "next_open": _shown(opens),
        "closes_at": _shown(None if opens is None else timetable.closes_at_ms(now)),
    }
    minutes = _value(case.get("response_target_open_minutes"))
    if minutes is not None:
        if not isinstance(minutes, int) or isinstance(minutes, bool) or minutes < 0:
            raise BadRule("response_target_open_minutes", "not a whole number from 0", "write open minutes")
        answer["response_due"] = _shown(timetable.after_open_ms(now, minutes * MINUTE_MS))
    return answer


def _shared_timetable(case: Mapping[str, msgspec.Raw], shared: dict[bytes, Timetable | BadRule]) -> Timetable:
    """The timetable of the case, or that of an earlier one that is written the same."""
    parts = case.get("zone"), case.get("weekly"), case.get("exceptions")
    key = b"\0".join(bytes(part or b"") for part in parts)
    found = shared.get(key)
    if found is None:
        if len(shared) >= _TIMETABLES_SHARED:
            del shared[next(iter(shared))]
        try:
            zone_name, weekly, exceptions = (_value(part) for part in parts)
            found = read_timetable(zone_name, weekly, [] if exceptions is None else exceptions)
        except BadRule as bad:
            found = bad
        shared[key] = found
    if isinstance(found, BadRule):
        raise BadRule(found.field, found.problem, found.mend)
    return found


def _shown(ms: int | None) -> str | None:
    return None if ms is None else show_instant(instant(ms))
