"""Random rules of all kinds, as their authors would write them: from the structs, not from a list of kinds.

Reusable: `documents(kind)` are rules of one kind, `policies()` whole policies that read.
"""

import string
from datetime import date, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from etherapy.rules import BadRule, Layer
from etherapy.rules.kinds import KINDS
from etherapy.rules.policy import Policy, policy_in

ACCOUNTS = ["aa" * 16, "bb" * 16, "cc" * 16]
DAY = date(2026, 6, 1)
dates = st.integers(0, 200).map(lambda days: (DAY + timedelta(days=days)).isoformat())
walls = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
zones = st.sampled_from(["America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe"])
texts = st.text(string.ascii_letters + " äß–😀", min_size=1, max_size=20)
instants = dates.map(lambda day: f"{day}T09:30:00Z")
codes = st.sampled_from(["illness", "agreed", "holiday_2"])
_BY_NAME: dict[str, st.SearchStrategy[Any]] = {
    "zone": zones,
    "time_zone": zones,
    "text": texts.map(lambda text: f"In danger, call a number: {text}"),
    "region": st.sampled_from(["", "US", "DE", "GB"]),
    "country": st.sampled_from(["", "US", "DE", "GB"]),
    "snapshot": st.sampled_from(["us-federal-2026", "england-2026"]),
    "reason": codes,
    "other_route": texts.map(lambda text: f"Call the practice: {text}"),
}
_WALLS = ("start", "end", "at", "from", "until", "due_time", "quiet_start", "quiet_end", "latest_outbound")
_ACCOUNTS = ("cover", "callee", "account")


def documents(kind: str, layer: str = "") -> st.SearchStrategy[dict[str, Any]]:
    """Rules of one kind that a layer takes; without a layer, the first that may say the kind."""
    speaker = layer or _speaker(kind)
    info = msgspec.inspect.type_info(KINDS[kind])
    assert isinstance(info, msgspec.inspect.StructType)
    own = _struct(info).map(lambda fields: {"kind": kind, **fields})
    if speaker == "exception":
        own = st.builds(lambda one, why: one | {"reason": why} | _dated(kind), own, codes)
    return own.filter(lambda document: _reads(speaker, document))


def policies(*layers: str) -> st.SearchStrategy[Policy]:
    """Policies of those layers (all, if none is named), with a zone, whose every layer reads."""
    named = layers or ("practice", "therapist", "agreement", "exception", "client")
    return st.fixed_dictionaries({layer: _said(layer) for layer in named}).map(_policy)


def _said(layer: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    kinds = [kind for kind in KINDS if layer in KINDS[kind].layers]
    if not kinds:
        return st.just([])
    one = st.sampled_from(kinds).flatmap(lambda kind: documents(kind, layer))
    return st.lists(one, max_size=4).map(lambda found: _without_ties(layer, found))


def _policy(said: dict[str, list[dict[str, Any]]]) -> Policy:
    weekly = next((one for one in said.get("practice", []) if one["kind"] == "window.weekly"), None)
    if weekly is None:
        said = said | {
            "practice": [{"kind": "window.weekly", "zone": "Europe/London"}, *said.get("practice", [])]
        }
    else:
        weekly.setdefault("zone", "Europe/London")
    return policy_in({"format": "etherapy-policy/1", "layers": said})


def _without_ties(layer: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for one in found:
        if _reads(layer, *kept, one):
            kept.append(one)
    return kept


def _reads(layer: str, *found: dict[str, Any]) -> bool:
    try:
        Layer(layer, found)
        return True
    except BadRule:
        return False


def _speaker(kind: str) -> str:
    layers = KINDS[kind].layers
    return next(one for one in ("therapist", "practice", "client", "agreement", "exception") if one in layers)


def _dated(kind: str) -> dict[str, str]:
    if KINDS[kind].accumulates:
        return {}
    return {"begins": DAY.isoformat(), "ends": (DAY + timedelta(days=20)).isoformat()}


def _struct(info: msgspec.inspect.StructType) -> st.SearchStrategy[dict[str, Any]]:
    needed: dict[str, st.SearchStrategy[Any]] = {}
    free: dict[str, st.SearchStrategy[Any]] = {}
    for field in info.fields:
        (needed if field.required else free)[field.encode_name] = _value(field.encode_name, field.type)
    tag = {} if info.tag_field is None or info.tag_field == "kind" else {info.tag_field: st.just(info.tag)}
    return st.fixed_dictionaries(needed | tag, optional=free)


def _value(name: str, info: Any) -> st.SearchStrategy[Any]:
    """A value of a type; texts by the name of their field."""
    shape = msgspec.inspect
    match info:
        case shape.Metadata():
            return _value(name, info.type)
        case shape.StructType():
            return _struct(info)
        case shape.UnionType():
            return st.one_of(*(_value(name, one) for one in info.types))
        case shape.LiteralType():
            return st.sampled_from(info.values)
        case shape.BoolType():
            return st.booleans()
        case shape.IntType():
            low = info.ge if info.ge is not None else -10
            return st.integers(low, min(info.le if info.le is not None else 500, low + 30))
        case shape.NoneType():
            return st.none()
        case shape.DateType():
            return dates
        case shape.DateTimeType():
            return instants
        case shape.VarTupleType() | shape.ListType():
            return st.lists(_value(name, info.item_type), max_size=3, unique_by=repr)
        case shape.DictType():
            return st.dictionaries(_value(name, info.key_type), _value(name, info.value_type), max_size=2)
        case shape.StrType():
            return _text(name, info)
        case shape.AnyType():
            return st.just(None)
    raise AssertionError(f"no strategy for {name}: {info}")


def _text(name: str, info: Any) -> st.SearchStrategy[str]:
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name in _WALLS:
        return walls
    if name in _ACCOUNTS:
        return st.sampled_from(ACCOUNTS)
    if info.pattern is not None:
        return st.from_regex(info.pattern, fullmatch=True)
    return texts
