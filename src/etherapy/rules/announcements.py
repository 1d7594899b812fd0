"""When a coming phase was announced: dates that a server writes and no author can (R-19)."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from etherapy.rules.canonical import canonical_json


def announce(
    documents: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]], today: date
) -> list[dict[str, Any]]:
    """The rules with the date of announcement in every phase but the first: today, on the schedule's wall.

    A phase that stands in the version `before` keeps its date. A later date may be asked for, an earlier one
    never: notice runs from when the client could know of it.
    """
    known = {_without_date(phase): phase.get("announced") for phase in _later(before)}
    found = [dict(document) for document in documents]
    for document in found:
        if document.get("kind") == "phase" and document.get("phases"):
            first, *later = document["phases"]
            document["phases"] = [first, *(_announced(phase, known, today) for phase in later)]
    return found


def _announced(phase: Mapping[str, Any], known: Mapping[bytes, str | None], today: date) -> dict[str, Any]:
    earliest = known.get(_without_date(phase)) or today.isoformat()
    return {**phase, "announced": max(phase.get("announced") or earliest, earliest)}


def _later(documents: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for document in documents:
        if document.get("kind") == "phase":
            yield from document.get("phases", ())[1:]


def _without_date(phase: Mapping[str, Any]) -> bytes:
    return canonical_json({name: value for name, value in phase.items() if name != "announced"})
