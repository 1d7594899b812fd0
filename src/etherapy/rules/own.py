"""What a client has set alone: rules of the layer `client` that are in no rule sheet."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

from msgspec.structs import replace

from etherapy.rules.layer import Layer
from etherapy.rules.rule import Rule

SomeRule = TypeVar("SomeRule", bound=Rule)


def own_rule(kind: type[SomeRule], documents: Sequence[Mapping[str, Any]], today: date) -> SomeRule:
    """The one rule of a kind that a client's own documents make on a date; BadRule if they are none.

    own_rule(Region, documents, date.today()).country
    """
    rule = kind()
    for said in Layer("client", documents).said:
        standing = said.standing
        if (
            isinstance(said.rule, kind)
            and (standing.begins or date.min) <= today
            and today < (standing.ends or date.max)
        ):
            rule = replace(rule, **{field: getattr(said.rule, field) for field in said.fields})
    return rule
