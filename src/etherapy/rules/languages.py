"""The languages in which rules are explained: the words of the core with those of all kinds."""

from msgspec.structs import replace

from etherapy.rules import english
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


ENGLISH = _whole(english.CORE)
LANGUAGES: dict[str, Words] = {words.language: words for words in (ENGLISH,)}
"""By language tag. A language is complete: every code of every kind, with the same blanks (a test says so)."""
