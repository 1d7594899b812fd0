"""Bits and spellings of every format: nothing but the original is accepted (adversarial tests 1 and 2)."""

import inspect
import pkgutil
from collections.abc import Collection, Iterator
from importlib import import_module
from typing import Any

import pytest

import etherapy.tep
from etherapy.tep import cbor
from etherapy.tep.layout import Layout
from etherapy.tep.malformed import Malformed
from tests.tep.formats import formats, packed
from tests.tep.world import flips

NAMES = sorted(formats())
IN_CBOR = [name for name in NAMES if formats()[name].cbor]
_ALL_BITS = 1500
"""Longer examples are changed in one bit of each byte."""


def changed_in_a_bit(data: bytes) -> list[bytes]:
    """`data` with single bits changed in turn."""
    if len(data) <= _ALL_BITS:
        return flips(data)
    return [data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :] for at in range(len(data))]


@pytest.mark.parametrize("name", NAMES)
def test_any_bit_flipped_in_any_format_is_rejected(name):
    """AT-01, and AT-81 for receipts. What is not signed itself becomes another record, or none."""
    one = formats()[name]
    original = one.judge(one.whole)
    for changed in changed_in_a_bit(one.whole):
        if one.signed:
            with pytest.raises(Malformed):
                one.judge(changed)
            continue
        try:
            found = one.judge(changed)
        except Malformed:
            continue
        assert found != original
        assert packed(found) == changed


@pytest.mark.parametrize("name", NAMES)
def test_a_byte_too_many_or_too_few_in_any_format_is_rejected(name):
    """AT-02."""
    one = formats()[name]
    for changed in (one.whole[:-1], one.whole + b"\0", one.whole[1:], b"\0" + one.whole, b"", one.whole * 2):
        with pytest.raises(Malformed):
            one.judge(changed)


def other_spellings(data: bytes, optional: Collection[int] = ()) -> Iterator[bytes]:
    """The same map as no honest encoder writes it, or with a key too many or too few."""
    found = cbor.decode(data, limit=len(data))
    if isinstance(found, list):
        yield b"\x9f" + data[1:] + b"\xff"
        yield cbor.encode([*found, found[-1]])
        return
    count, pairs = len(found), [cbor.encode(key) + cbor.encode(value) for key, value in found.items()]
    head = 0xA0 + count
    yield b"\xbf" + b"".join(pairs) + b"\xff"
    yield b"\xb8" + bytes([count]) + b"".join(pairs)
    yield bytes([head]) + b"".join(pairs[::-1])
    yield bytes([head + 1]) + b"".join(pairs) + pairs[-1]
    yield bytes([head]) + b"\x18" + pairs[0][:1] + pairs[0][1:] + b"".join(pairs[1:])
    for extra in (b"\x17\x00", b"\x18\x18\x00", b"\x20\x00", b"\x61a\x00"):
        yield bytes([head + 1]) + b"".join(pairs) + extra
    for gone in found.keys() - set(optional):
        yield cbor.encode({key: value for key, value in found.items() if key != gone})


@pytest.mark.parametrize("name", IN_CBOR)
def test_every_cbor_format_has_one_spelling_and_exactly_its_keys(name):
    """AT-02, AT-04."""
    one = formats()[name]
    for changed in other_spellings(one.whole, one.optional):
        with pytest.raises(Malformed):
            one.judge(changed)


@pytest.mark.parametrize("name", [one for one in IN_CBOR if formats()[one].core])
def test_every_signed_core_has_one_spelling_and_exactly_its_keys(name):
    """AT-02, AT-04: also when somebody signs the other spelling."""
    one = formats()[name]
    core = cbor.decode(one.whole, limit=len(one.whole))[0]
    assert one.core is not None
    one.core(core)
    for changed in (*other_spellings(core), core + b"\0", core[:-1]):
        with pytest.raises(Malformed):
            one.core(changed)


@pytest.mark.parametrize("name", [one for one in IN_CBOR if formats()[one].core])
def test_a_version_other_than_one_is_refused_in_every_core(name):
    """AT-02."""
    one = formats()[name]
    core = cbor.decode(one.whole, limit=len(one.whole))[0]
    fields = cbor.decode(core, limit=len(core))
    assert one.core is not None
    for version in (0, 2, True, None, b"\1"):
        with pytest.raises(Malformed):
            one.core(cbor.encode({**fields, 0: version}))


def readers_of_bytes() -> set[Any]:
    """Every function of `etherapy.tep` that reads a format from bytes."""
    found = set()
    for module in pkgutil.walk_packages(etherapy.tep.__path__, "etherapy.tep."):
        for name, one in vars(import_module(module.name)).items():
            if getattr(one, "__module__", None) != module.name:
                continue
            if inspect.isfunction(one) and name.startswith("parse_") and takes_bytes(one):
                found.add(one)
            if inspect.isclass(one) and hasattr(one, "unpack") and one is not Layout:
                found.add(one.unpack)
    return found


def takes_bytes(one: Any) -> bool:
    first = next(iter(inspect.signature(one).parameters.values()))
    return first.annotation is bytes


def test_no_format_is_without_a_case_here():
    """AT-01: a format that is not changed bit by bit above fails here."""
    covered = {reader for one in formats().values() for reader in one.readers}
    assert readers_of_bytes() == covered
