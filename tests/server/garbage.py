"""Hypothesis strategies for what clients should not send: good requests with something wrong at any place."""

from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from etherapy.binary import b64, unb64

TRICKY: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63 - 1,
    2**63,
    2**64,
    -(2**63) - 1,
    1e308,
    0.5,
    "",
    " ",
    "=",
    "A",
    "\u00e9",
    "../../../etc/passwd",
    "Mars/Olympus",
    "America/New_York\n",
    "/",
    "localtime",
    "posixrules",
    "x" * 40_000,
    [],
    {},
    [[]],
    {"": None},
    [None],
    {"kind": 1},
    {"kind": "window.weekly"},
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999Z",
    "2026-02-30T00:00:00Z",
    "2026-06-01T00:00:00",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    b64(bytes(16)),
    b64(bytes(32)),
    b64(bytes(192)),
    b64(b"\xff" * 216),
    "99999999999999999999",
    "٣",
)
"""Values that have broken programs before."""
junk = st.one_of(
    st.sampled_from(TRICKY),
    st.integers(-(2**64), 2**64),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    st.binary(max_size=400).map(b64),
    st.recursive(st.none() | st.booleans(), lambda inner: st.lists(inner, max_size=3), max_leaves=5),
)


@st.composite
def spoiled(draw: st.DrawFn, good: Any) -> Any:
    """A JSON value with one thing wrong, somewhere in it."""
    if isinstance(good, dict) and good and draw(st.integers(0, 9)):
        name = draw(st.sampled_from(sorted(good)))
        return {**good, name: draw(spoiled(good[name]))}
    if isinstance(good, list) and good and draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(good) - 1))
        return [*good[:at], draw(spoiled(good[at])), *good[at + 1 :]]
    ways = [junk]
    if isinstance(good, dict):
        ways += [st.just({**good, "unknown": 1}), st.just({name: good[name] for name in sorted(good)[1:]})]
    if isinstance(good, list):
        ways += [st.just([*good, *good]), st.just(good[:-1])]
    if isinstance(good, str) and len(good) > 20:
        ways += [broken_bytes(good)] * 3
    return draw(st.one_of(ways))


@st.composite
def broken_bytes(draw: st.DrawFn, text: str) -> str:
    """A binary field with bytes changed, cut off or put in."""
    try:
        data = unb64(text)
    except ValueError:
        return text[1:]
    at = draw(st.integers(0, max(0, len(data) - 1)))
    way = draw(st.sampled_from(["flip", "cut", "grow", "fill"]))
    if way == "flip":
        data = (
            data[:at] + bytes([data[at] ^ 1 << draw(st.integers(0, 7))]) + data[at + 1 :] if data else b"\0"
        )
    elif way == "cut":
        data = data[:at]
    elif way == "grow":
        data = data[:at] + draw(st.binary(min_size=1, max_size=8)) + data[at:]
    else:
        data = data[:at] + b"\xff" * min(9, len(data) - at) + data[at + 9 :]
    return b64(data)


@st.composite
def spoiled_path(draw: st.DrawFn, path: str) -> str:
    """A path with one of its later segments exchanged."""
    pieces = path.split("/")
    at = draw(st.integers(min(2, len(pieces) - 1), len(pieces) - 1))
    pieces[at] = draw(
        st.text(max_size=30).map(lambda text: quote(text.encode("utf-8", "replace"), safe=""))
        | broken_bytes(pieces[at])
    )
    return "/".join(pieces)
