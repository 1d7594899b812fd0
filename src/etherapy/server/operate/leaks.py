"""Looking for people's words where none may be: in a dump of the whole store, in every spelling (G13, S-23).

A search that finds nothing proves nothing by itself. So the same search runs over a copy in which each
spelling was planted, and has to find every one of them.
"""

import asyncio
import re
import subprocess
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from etherapy.server.operate.faults import CannotOperate
from etherapy.server.operate.site import Site

_BYTEA = re.compile(rb"\\x((?:[0-9a-f]{2})+)")
_SHORTEST = 8

Word = str | bytes
"""A word as somebody wrote it, or secret bytes."""


@dataclass(frozen=True, slots=True)
class Search:
    """What was looked through and found: `hits` names word and spelling; `missed` should be empty."""

    searched_bytes: int
    hits: list[str]
    missed: list[str]
    """Planted spellings that the search did not find: if there are any, it proves nothing."""


async def search_store(site: Site, words: Iterable[Word], files: Iterable[Path] = ()) -> Search:
    """Search a dump of everything in the database, and `files`, for words of 8 characters or more."""
    wanted = list(words)
    if any(len(word) < _SHORTEST for word in wanted):
        raise ValueError("so short a word is found by chance")
    texts = [await asyncio.to_thread(_dump, site), *(path.read_bytes() for path in files)]
    return await asyncio.to_thread(search_texts, texts, wanted)


def search_texts(texts: list[bytes], words: list[Word]) -> Search:
    """Search these texts, and the bytes that are written in them as hexadecimal."""
    hits = [name for text in texts for name in _found(text, words)]
    control = _planted(texts[0] if texts else b"", words)
    found = set(_found(control, words))
    missed = [name for name, _ in _all_spellings(words) if name not in found]
    return Search(sum(map(len, texts)), sorted(set(hits)), missed)


def spellings(word: Word) -> Iterator[tuple[str, bytes]]:
    """The ways in which a word could lie in a dump, each with its name.

    In base64 a word looks different for each of three positions; the characters that depend on its
    neighbours are left out.
    """
    data = word.encode() if isinstance(word, str) else word
    yield "text" if isinstance(word, str) else "bytes", data
    if isinstance(word, str):
        for name in ("utf-16-le", "utf-16-be"):
            yield name, word.encode(name)
    yield "hex", data.hex().encode()
    yield "HEX", data.hex().upper().encode()
    for encode, name in ((b64encode, "base64"), (urlsafe_b64encode, "base64url")):
        for before in range(3):
            after = -(before + len(data)) % 3
            inner = encode(bytes(before) + data + bytes(after))
            first, last = (before * 8 + 5) // 6, (before + len(data)) * 8 // 6
            yield f"{name} at {before}", inner[first:last]


def _found(text: bytes, words: list[Word]) -> Iterator[str]:
    blobs = b"\n".join(bytes.fromhex(found[1].decode()) for found in _BYTEA.finditer(text))
    for haystack in (text, blobs):
        folded = haystack.lower()
        for name, needle in _all_spellings(words):
            if needle in haystack or (name.endswith(": text") and needle.lower() in folded):
                yield name


def _planted(text: bytes, words: list[Word]) -> bytes:
    """A copy of the text with every spelling in it, as text and inside a bytea in turn."""
    lines = [
        b"planted " + (b"\\x" + needle.hex().encode() if number % 2 else needle)
        for number, (_, needle) in enumerate(_all_spellings(words))
    ]
    half = len(text) // 2
    return b"\n".join([text[:half], *lines, text[half:]])


def _all_spellings(words: list[Word]) -> list[tuple[str, bytes]]:
    named = [(word if isinstance(word, str) else f"secret {n}", word) for n, word in enumerate(words, 1)]
    return [(f"{called}: {name}", needle) for called, word in named for name, needle in spellings(word)]


def _dump(site: Site) -> bytes:
    command = [str(site.programs() / "pg_dump"), f"--dbname={site.operate_dsn}", "--no-password"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise CannotOperate(
            "the database could not be dumped", done.stderr.decode(errors="replace").strip()[-500:]
        )
    return done.stdout
