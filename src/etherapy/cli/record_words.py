"""Records of the audit log in words: what was done, by whom, when it counts, and for which reasons."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from etherapy.cli.saying import count
from etherapy.cli.showing import show_time
from etherapy.rules.decision import Decision
from etherapy.rules.explain import explain_reasons
from etherapy.rules.written import tell_documents
from etherapy.sdk.supervisor import AuditedRecord
from etherapy.tep.placing import Reason

_ID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")


def show_record(record: AuditedRecord, zone: str) -> Iterator[str]:
    """One record, its times on the wall of `zone`; ids by their beginning, all of it with `--json`."""
    proved = "" if record.proved else "  (younger than the newest checkpoint)"
    yield f"{record.index:>5}  {show_time(record.recorded_at, zone)}  {record.act}{proved}"
    facts = {name: value for name, value in record.facts.items() if name != "at"}
    for name, value in sorted(facts.items(), key=lambda one: isinstance(one[1], dict | list)):
        for number, line in enumerate(_lines(name, value, zone)):
            yield f"         {name.replace('_', ' ') + ':' if number == 0 else '':14} {line}"


def _lines(name: str, value: Any, zone: str) -> list[str]:
    if name == "decision" and isinstance(value, dict):
        return list(_decision(value))
    if name == "rules" and isinstance(value, list):
        return tell_documents(value) or ["none"]
    if name == "reason" and value in Reason._value2member_map_:
        return [Reason(value).name.lower().replace("_", " ")]
    return [_plain(value, zone)]


def _decision(written: dict[str, Any]) -> Iterator[str]:
    """The code and the sentences of its reasons; a decision of a later release is shown as it is written."""
    try:
        decision = msgspec.convert(written, Decision)
        reasons = [words for words, _ in explain_reasons(decision)]
    except (msgspec.ValidationError, KeyError):
        yield msgspec.json.encode(written).decode()
        return
    yield decision.code.replace("_", " ")
    yield from reasons
    if decision.long_wait:
        yield f"A long wait: more than {count(decision.longest_wait_days or 0, 'day')}."


def _plain(value: Any, zone: str) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case list() if all(isinstance(one, str) for one in value):
            return ", ".join(value)
        case str():
            return value[:8] if _ID.fullmatch(value) else _moment(value, zone) or value
    return msgspec.json.encode(value).decode()


def _moment(text: str, zone: str) -> str:
    """An instant as a record has it, on a wall; empty for what is none."""
    if len(text) < len("2026-06-02T09:00Z") or "T" not in text:
        return ""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return ""
    return show_time(at, zone) if at.tzinfo else ""
