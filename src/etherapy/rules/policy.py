"""A policy file: what each layer says, as one portable file with one canonical form.

Two installations that read the same file decide the same (docs/rules.md 12). The documents stay as their
authors wrote them, because which fields a rule leaves out is what layers are about.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.canonical import canonical_json
from etherapy.rules.kinds import kind_of
from etherapy.rules.layer import LAYERS, MOST_RULES, Layer
from etherapy.rules.layers import faults, resolve
from etherapy.rules.resolved import Rules

FORMAT = "etherapy-policy/1"
IN_A_FILE: Final = LAYERS[1:]
"""The layers that a file may hold; `product` is in the code."""
LARGEST = 4_000_000
"""Bytes of a file that are read at all."""
Document = Mapping[str, Any]
_ACCOUNT = "name the therapist's account by its 32 hex digits, or leave it out"


class BadPolicy(Exception):
    """A file that makes no rules, with everything that is wrong in it."""

    def __init__(self, faults: Sequence[BadRule]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)


class Policy(msgspec.Struct, frozen=True):
    """What each layer says, and whose it is."""

    layers: Mapping[str, tuple[Document, ...]]
    owner: str = ""
    """The therapist's account in hex, for rules that the practice says of some therapists; may be empty."""

    def spoken(self) -> list[Layer]:
        """The layers, ready to be resolved; BadRule for the first rule that is none."""
        return [Layer(name, documents) for name, documents in self.layers.items()]

    def rules(self, person: str = "") -> Rules:
        """What holds, for everybody or for one participant (account in hex)."""
        return resolve(self.spoken(), self.owner, person)


def read_policy(data: bytes, layer: str = "therapist") -> Policy:
    """The policy in a file; BadPolicy with all its faults, each with a path such as
    `layers.practice[2].window.weekly.zone`.

    A plain list of rules is a policy of one `layer`. Nothing is resolved yet: a layer may wait for another.
    """
    try:
        if len(data) > LARGEST:
            raise BadRule("file", f"larger than {LARGEST} bytes", "remove dates that are past")
        document = read_json(data)
    except BadRule as bad:
        raise BadPolicy([bad]) from None
    return policy_in(document, layer)


def policy_in(document: Any, layer: str = "therapist") -> Policy:
    """The policy that decoded JSON describes, as `read_policy` would read it."""
    try:
        policy = _shaped(document, layer)
    except BadRule as bad:
        raise BadPolicy([bad]) from None
    if found := [fault for name in policy.layers for fault in _faults_of_layer(policy, name)]:
        raise BadPolicy(found)
    return policy


def check_policy(policy: Policy, person: str = "") -> Rules:
    """What holds by a policy; BadPolicy with everything that keeps its layers from making rules together."""
    spoken = policy.spoken()
    if found := faults(spoken, policy.owner, person):
        raise BadPolicy(found)
    return resolve(spoken, policy.owner, person)


def write_policy(policy: Policy) -> bytes:
    """The canonical file (RFC 8785): equal policies are equal bytes."""
    document: dict[str, Any] = {"format": FORMAT, "layers": dict(policy.layers)}
    if policy.owner:
        document["owner"] = policy.owner
    return canonical_json(document)


def read_json(data: bytes) -> Any:
    """Strict JSON that has a canonical form; BadRule for anything else, such as a name twice in an object."""
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
        canonical_json(found)
    except BadRule:
        raise
    except RecursionError:
        raise BadRule("file", "nested too deeply", "write rules as docs/rules.md shows them") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise BadRule("file", f"no JSON: {error.msg.lower()} in {where}", "mend it there") from None
    except UnicodeDecodeError:
        raise BadRule("file", "not UTF-8", "save it as UTF-8") from None
    except ValueError as error:
        raise BadRule("file", str(error).splitlines()[0], "write whole numbers and real characters") from None
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise BadRule("file", f"an object has the name {twice[:60]!r} twice", "keep one of them")
    return found


def _shaped(document: Any, layer: str) -> Policy:
    if isinstance(document, list):
        document = {"format": FORMAT, "layers": {layer: document}}
    if not isinstance(document, dict):
        raise BadRule("file", "neither a policy nor a list of rules", "see docs/rules.md 12")
    form = document.get("format")
    if form != FORMAT:
        raise BadRule("format", "another format, or none is named", f"write {FORMAT}")
    if strange := sorted(set(document) - {"format", "layers", "owner"}):
        raise BadRule(strange[0][:60], "a policy has no such field", "use format, layers and owner")
    owner = document.get("owner", "")
    if "owner" in document and not _is_account(owner):
        raise BadRule("owner", "not an account", _ACCOUNT)
    layers = document.get("layers")
    if not isinstance(layers, dict):
        raise BadRule("layers", "not an object", f"write lists of rules under {', '.join(IN_A_FILE)}")
    return Policy({name: _documents(name, layers[name]) for name in sorted(layers, key=_rank)}, owner)


def _is_account(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 32 and not set(value) - set("0123456789abcdef")


def _rank(name: str) -> tuple[int, str]:
    return (LAYERS.index(name) if name in LAYERS else len(LAYERS)), name


def _documents(name: str, listed: Any) -> tuple[Document, ...]:
    path = f"layers.{name[:60]}"
    if name not in IN_A_FILE:
        raise BadRule(path, "there is no such layer", f"use {', '.join(IN_A_FILE)}")
    if not isinstance(listed, list):
        raise BadRule(path, "not a list of rules", "write a list, empty if it says nothing")
    for number, one in enumerate(listed):
        if not isinstance(one, dict):
            raise BadRule(f"{path}[{number}]", "not a rule", "write an object with kind and its fields")
    return tuple(listed)


def _faults_of_layer(policy: Policy, name: str) -> Iterator[BadRule]:
    """Each rule that is none; if all are, each that another one of the layer contradicts."""
    documents, path = policy.layers[name], f"layers.{name}"
    if len(documents) > MOST_RULES:
        yield BadRule(path, f"more than {MOST_RULES} rules", "remove dates that are past")
        return
    alone = [*_each_alone(name, documents, path)]
    yield from alone or _together(name, documents, path)


def _each_alone(name: str, documents: Iterable[Document], path: str) -> Iterator[BadRule]:
    for number, document in enumerate(documents):
        try:
            Layer(name, [document])
        except BadRule as bad:
            yield bad.within(f"{path}[{number}]")


def _together(name: str, documents: Sequence[Document], path: str) -> Iterator[BadRule]:
    """Rules that are good alone and not beside an earlier one."""
    try:
        Layer(name, documents)
    except BadRule:
        pass
    else:
        return
    kept: dict[tuple[str, str], list[Document]] = {}
    for number, document in enumerate(documents):
        rule = Layer(name, [document]).said[0].rule
        alike = kept.setdefault((kind_of(rule), rule.place()), [])
        try:
            Layer(name, [*alike, document])
        except BadRule as bad:
            yield bad.within(f"{path}[{number}]")
        else:
            alike.append(document)
