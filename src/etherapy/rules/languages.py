"""The languages in which rules are explained: the words of the core with those of all kinds."""

from typing import Final

from msgspec.structs import replace

from etherapy.rules import english, german
from etherapy.rules.kinds import KINDS
from etherapy.rules.words import Words


def _whole(core: Words) -> Words:
    """The core with what each kind says, under the name of the kind."""
    of_kinds = {
        f"{name}.{code}": template
        for name, kind in KINDS.items()
        for code, template in kind.words.get(core.language, {}).items()
    }
    return replace(core, phrases=core.phrases | of_kinds)


ENGLISH: Final = _whole(english.CORE)
GERMAN: Final = _whole(german.CORE)
LANGUAGES: Final[dict[str, Words]] = {words.language: words for words in (ENGLISH, GERMAN)}
"""By language tag. Each is complete: every code of every kind, with the same blanks (a test says so)."""


def words_in(language: str) -> Words:
    """The words of a language by its tag (RFC 5646; `de-AT` is `de`); English where there is no such
    language."""
    return LANGUAGES.get(language.partition("-")[0].lower(), ENGLISH)
