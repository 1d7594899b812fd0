"""All kinds of rule, one file each, discovered by folder: to add a kind, add a file."""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Union

import msgspec

from etherapy.rules.rule import Rule

for _found in iter_modules(__path__):
    import_module(f"{__name__}.{_found.name}")


def kind_of(rule: type[Rule] | Rule) -> str:
    """The name of a kind as it stands in the field `kind`, such as `window.weekly`."""
    return str(rule.__struct_config__.tag)


KINDS: dict[str, type[Rule]] = {kind_of(kind): kind for kind in sorted(Rule.__subclasses__(), key=kind_of)}
"""Kinds by name, sorted."""

if TYPE_CHECKING:
    AnyRule = Rule
else:
    AnyRule = Union[tuple(KINDS.values())]  # noqa: UP007 - made of what the folder holds


def read_rule(document: object) -> Rule:
    """A rule from decoded JSON; msgspec.ValidationError or BadRule when it is none."""
    return msgspec.convert(document, AnyRule)
