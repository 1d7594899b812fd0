"""The words of one language: data only, with the same names and blanks in every language.

The voice is the product's: never first person, and nothing that claims that a human has read something.
"""

import msgspec


class Words(msgspec.Struct, frozen=True):
    """All words of one language; `phrases` are templates for `str.format`."""

    language: str
    weekdays: tuple[str, ...]
    """Monday first, short."""
    months: tuple[str, ...]
    zones: dict[str, str]
    """Zones that people call by another name than that of a city."""
    phrases: dict[str, str]

    def say(self, name: str, /, **blanks: str) -> str:
        """The phrase of that name with its blanks filled; KeyError when it is missing."""
        return self.phrases[name].format(**blanks)

    def count(self, n: int, unit: str) -> str:
        """`1 day`, `3 days`; unit is whatever the core has words for: message, word, minute, hour, window…"""
        return self.say(f"one_{unit}" if n == 1 else f"many_{unit}", n=str(n))
