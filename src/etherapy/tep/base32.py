"""Codes that people type: Crockford's base32 in groups of four.

Case, spaces and hyphens do not matter; O is read as 0, I and L as 1, as Crockford suggests.
"""

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None, "–": None, "—": None})


def spell(number: int, characters: int) -> str:
    """The number in so many characters, grouped by hyphens."""
    plain = "".join(ALPHABET[number >> 5 * at & 31] for at in reversed(range(characters)))
    return "-".join(plain[at : at + 4] for at in range(0, characters, 4))


def typed(text: str) -> str:
    """What somebody typed, as it would have been printed, without groups."""
    return "".join(text.upper().translate(_READ_AS).split())


def strange_in(plain: str) -> list[str]:
    """The characters that no code has."""
    return sorted({one for one in plain if one not in ALPHABET})


def number_of(plain: str) -> int:
    """The number behind characters of the alphabet."""
    number = 0
    for one in plain:
        number = number << 5 | ALPHABET.index(one)
    return number
