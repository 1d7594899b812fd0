"""Planted words, and every form in which they could have ended up somewhere."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Hit:
    """A planted word that was found: which, in which form, and where."""

    word: str
    form: str
    where: str


def forms_of(word: bytes) -> dict[str, bytes]:
    """A word as it is, in hex, percent and JSON escapes, backwards, and in base64 at all three alignments.

    The cut ends of the base64 forms are left out: they depend on what stands beside the word.
    """
    found = {
        "raw": word,
        "hex": word.hex().encode(),
        "HEX": word.hex().upper().encode(),
        "percent": quote(word, safe="").encode(),
        "every byte percent": "".join(f"%{byte:02X}" for byte in word).encode(),
        "backwards": word[::-1],
        "utf-16": word.decode("latin-1").encode("utf-16-le"),
    }
    if word.isascii():
        found["json"] = json.dumps(word.decode()).strip('"').encode()
        found["unicode escapes"] = "".join(f"\\u{byte:04x}" for byte in word).encode()
    for shift in range(3):
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            whole = encode(bytes(shift) + word)
            found[f"{name} at {shift}"] = whole[4 if shift else 0 : len(whole) - 4]
    return found


def hits(words: Iterable[str | bytes], places: Mapping[str, bytes]) -> list[Hit]:
    """Every word in every form in every place."""
    found = []
    for word in words:
        data = word.encode() if isinstance(word, str) else word
        for form, needle in forms_of(data).items():
            found += [Hit(repr(word), form, where) for where, text in places.items() if needle in text]
    return found
