"""Whole policies and messages in, decisions out, without a server: the format of docs/rules.md 9.

Two implementations that answer such a file alike have the same law.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.instants import read_instant, show_instant
from etherapy.rules.judgement import decide
from etherapy.rules.policy import BadPolicy, Policy, check_policy, policy_in
from etherapy.rules.resolved import Rules
from etherapy.rules.rule import SERVICE_CLASSES, Attempt, Counted, Facts

FORMAT = "etherapy-decisions/1"
Read = TypeVar("Read", bound=msgspec.Struct)
_MOMENTS: Final = frozenset({"at", "ready_at", "turn_reply_by", "acked_until", "counts_at"})
_Known = dict[str, Policy | BadPolicy]


def answer_cases(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Answer each case, in order: `{"id", "decision"}`, or `{"id", "error"}` where it cannot be answered.

    BadRule when there are no cases to be read.
    """
    cases, policies = document.get("cases"), document.get("policies", {})
    if not isinstance(cases, list) or not isinstance(policies, dict):
        raise BadRule("cases", "not a list, or policies no object", "see docs/rules.md 9")
    known = {name: _policy(one) for name, one in policies.items()}
    remembered: dict[tuple[str, str], Rules] = {}
    return [_result(case, known, remembered) for case in cases]


def _result(case: Any, known: _Known, remembered: dict[tuple[str, str], Rules]) -> dict[str, Any]:
    name = case.get("id") if isinstance(case, dict) else None
    try:
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise BadRule("id", "the case has none", "give it a text that names it")
        _only(case, {"id", "policy", "person", "attempt", "facts", "note", "expected"}, "case")
        rules = _rules(case, known, remembered)
        attempt = _read(_with_class(case.get("attempt")), Attempt, "attempt", by_client=True)
        facts = _facts(case.get("facts", {}))
        return {"id": name, "decision": shown(decide(rules, attempt, facts))}
    except BadRule as bad:
        return {"id": name, "error": str(bad)}
    except BadPolicy as bad:
        return {"id": name, "error": str(bad.faults[0])}


def shown(decision: msgspec.Struct) -> dict[str, Any]:
    """A decision as plain values: instants in UTC, and nothing that says nothing."""
    plain = msgspec.to_builtins(decision)
    return {
        name: show_instant(value) if hasattr(value := getattr(decision, name), "utcoffset") else plain[name]
        for name in plain
        if plain[name] not in (None, False, [], {}, "")
    }


def _rules(case: Mapping[str, Any], known: _Known, remembered: dict[tuple[str, str], Rules]) -> Rules:
    """The rules of a case: of a policy that the file names, or of its own."""
    named, person = case.get("policy"), case.get("person", "")
    if not isinstance(person, str):
        raise BadRule("person", "not an account", "name an account by its 32 hex digits")
    if not isinstance(named, str):
        return _rules_of(_policy(named), person)
    if named not in known:
        raise BadRule("policy", "the file has no policy of that name", "name one of those under policies")
    if (named, person) not in remembered:
        remembered[named, person] = _rules_of(known[named], person)
    return remembered[named, person]


def _rules_of(policy: Policy | BadPolicy, person: str) -> Rules:
    if isinstance(policy, BadPolicy):
        raise policy
    return check_policy(policy, person)


def _policy(document: Any) -> Policy | BadPolicy:
    try:
        return policy_in(document)
    except BadPolicy as bad:
        return bad


def _facts(document: Any) -> Facts:
    sent = document.get("sent", []) if isinstance(document, dict) else []
    if not isinstance(sent, list):
        raise BadRule("facts.sent", "not a list", "write the sender's earlier messages, oldest first")
    counted = tuple(
        _read(_with_class(one), Counted, f"facts.sent[{number}]") for number, one in enumerate(sent)
    )
    rest = {name: value for name, value in document.items() if name != "sent"} if sent else document
    return msgspec.structs.replace(_read(rest, Facts, "facts"), sent=counted)


def _with_class(document: Any) -> Any:
    """A message whose kind is written as a word, with its service class."""
    if not isinstance(document, dict) or "kind" not in document:
        return document
    kind = document["kind"]
    if kind not in SERVICE_CLASSES:
        raise BadRule("kind", "there is no such kind of message", f"use one of {', '.join(SERVICE_CLASSES)}")
    number = SERVICE_CLASSES.index(kind) + 1
    return {name: value for name, value in document.items() if name != "kind"} | {"service_class": number}


def _read(document: Any, wanted: type[Read], path: str, **otherwise: Any) -> Read:
    """The struct that an object describes; a field that is not known is refused."""
    fields = wanted.__struct_fields__
    if not isinstance(document, dict):
        raise BadRule(path, "not an object", f"write one with {', '.join(fields)}")
    _only(document, {*fields}, path)
    plain = otherwise | document
    for name in _MOMENTS & {*plain}:
        if plain[name] is not None:
            plain[name] = read_instant(plain[name], f"{path}.{name}")
    try:
        return msgspec.convert(plain, wanted)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        field = path + where.rstrip("`")
        raise BadRule(field, problem[:1].lower() + problem[1:], "see docs/rules.md 9") from None


def _only(document: Mapping[str, Any], known: set[str], path: str) -> None:
    if not known.issuperset(document):
        raise BadRule(path, "there is a field that is not known", f"use {', '.join(sorted(known))}")
