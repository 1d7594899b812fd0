"""The search for words finds them however they are spelt, so that finding nothing means something."""

from base64 import b64encode, urlsafe_b64encode

import pytest

from etherapy.server.operate.installation import set_up
from etherapy.server.operate.leaks import search_store, search_texts
from tests.operate.places import ORIGIN, site_at

WORD = "lanternfish-4711"


def spelt(word: str) -> dict[str, bytes]:
    """The word inside a sentence, as it might have been stored by mistake."""
    said = f"Ünder the {word} sea".encode()
    return {
        "plain": said,
        "shouted": said.upper(),
        "hex": said.hex().encode(),
        "bytea": b"\\x" + said.hex().encode(),
        "base64": b64encode(said),
        "shifted": b64encode(b"x" + said),
        "shifted twice": urlsafe_b64encode(b"xx" + said),
        "base64 in bytea": b"\\x" + b64encode(said).hex().encode(),
        "utf-16": said.decode().encode("utf-16"),
    }


@pytest.mark.parametrize("spelling", list(spelt(WORD)))
def test_a_word_is_found_in_every_spelling(spelling):
    text = b"COPY message FROM stdin;\n" + spelt(WORD)[spelling] + b"\n\\.\n"
    assert search_texts([text], [WORD]).hits
    assert search_texts([b"nothing", text], [WORD]).hits


def test_where_there_is_nothing_nothing_is_found_and_the_control_is():
    text = b"\n".join(spelt("another-word-entirely").values())
    found = search_texts([text], [WORD])
    assert (found.hits, found.missed) == ([], [])
    assert found.searched_bytes == len(text)


async def test_a_word_that_is_too_short_proves_nothing(store, postgres, tmp_path):
    with pytest.raises(ValueError, match="by chance"):
        await search_store(site_at(tmp_path, store, postgres), ["sea"])


async def test_a_word_in_any_table_is_found(scratch, postgres, tmp_path):
    site = site_at(tmp_path / "data", await scratch(), postgres)
    await set_up(site, ORIGIN)
    clean = await search_store(site, [WORD], [site.keys_file])
    assert (clean.hits, clean.missed) == ([], []) and clean.searched_bytes > 10_000
    async with site.connection() as connection:
        await connection.execute(
            "INSERT INTO server_link VALUES (9, $1)", b"\x00\x01" + f"so {WORD} it is".encode()
        )
    assert (await search_store(site, [WORD])).hits
