"""Rules in words as their author wrote them: what a document leaves open is another layer's to say."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import msgspec

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.kinds import read_rule
from etherapy.rules.languages import ENGLISH
from etherapy.rules.layer import Standing
from etherapy.rules.moments import show_date
from etherapy.rules.telling import Teller
from etherapy.rules.words import Words

Document = Mapping[str, Any]
_DAY = timedelta(days=1)


def tell_documents(documents: Iterable[Document], words: Words = ENGLISH) -> list[str]:
    """One line for each rule of a layer."""
    return [tell_document(document, words) for document in documents]


def tell_document(document: Document, words: Words = ENGLISH) -> str:
    """One rule with what stands beside it; as it is written where this release has no words for it."""
    beside = {name: value for name, value in document.items() if name in Standing.__struct_fields__}
    own = {name: value for name, value in document.items() if name not in beside}
    try:
        rule, standing = read_rule(own), msgspec.convert(beside, Standing)
        told = list(rule.tell(Teller(words, str(own["kind"]))))
    except (BadRule, msgspec.ValidationError):
        return msgspec.json.encode(document).decode()
    said = [text for field, text in told if rule.accumulates or field in own]
    line = " ".join(said) or msgspec.json.encode(own).decode()
    notes = "; ".join(_beside(standing, words))
    return f"{line} ({notes})" if notes else line


def _beside(standing: Standing, words: Words) -> Iterator[str]:
    """For when and for whom it is written, and why."""
    if standing.begins is not None:
        yield words.say("sheet_from", date=show_date(standing.begins, words))
    if standing.ends is not None:
        yield words.say("sheet_before", date=show_date(standing.ends - _DAY, words))
    if standing.only_for:
        yield words.say("sheet_only_for")
    if standing.reason:
        yield words.say("sheet_reason", reason=standing.reason)
