"""Starter templates: rules to begin with, as data files in `templates/`, each with the principle behind it.

A template leaves blanks, such as the zone, as texts that begin with `@`; a date may be so many days
after a blank (`@start+14`). A practice fills them, reads the result and sets it as its own.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from etherapy.rules.bad_rule import BadRule

_HERE = Path(__file__).parent / "templates"
_BLANK = re.compile(r"@([a-z_]+)(?:\+([0-9]{1,3}))?")


class Template(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules to begin with. Texts are by language."""

    name: str
    version: int
    title: dict[str, str]
    about: dict[str, str]
    """What a client will notice, in a sentence or two."""
    principle: dict[str, str]
    """The practice or published fact that it follows."""
    source: str
    """Where that is from."""
    blanks: dict[str, dict[str, str]]
    """What is to be filled in, and what it means."""
    rules: tuple[dict[str, Any], ...]


@cache
def templates() -> Mapping[str, Template]:
    """All templates by name."""
    found = (msgspec.json.decode(path.read_bytes(), type=Template) for path in sorted(_HERE.glob("*.json")))
    return {template.name: template for template in found}


def find_template(name: str) -> Template:
    """The template of that name; BadRule if there is none."""
    found = templates().get(name)
    if found is None:
        raise BadRule("template", "there is none of that name", f"use one of {', '.join(templates())}")
    return found


def fill(template: Template, blanks: Mapping[str, str]) -> list[dict[str, Any]]:
    """The template's rules with its blanks filled; BadRule names one that is missing, or that it has not."""
    for name in blanks:
        if name not in template.blanks:
            known = ", ".join(template.blanks)
            raise BadRule(name[:60], f"{template.name} has no such blank", f"it has {known}")
    for name, meaning in template.blanks.items():
        if name not in blanks:
            raise BadRule(name, f"{template.name} leaves it open", f"fill it in: {meaning['en']}")
    return [_filled(rule, blanks) for rule in template.rules]


def _filled(value: Any, blanks: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(inner, blanks) for name, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, blanks) for inner in value]
    found = _BLANK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    name, days = found[1], found[2]
    return blanks[name] if days is None else _later(name, blanks[name], int(days))


def _later(name: str, text: str, days: int) -> str:
    try:
        return (date.fromisoformat(text) + timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        raise BadRule(name, "not a date", "write YYYY-MM-DD") from None
