"""Rules in words, for devices that do not compute them from the verified sheet by themselves."""

from typing import Annotated

from msgspec import Meta, Struct

from etherapy.rules.next_opening import NextOpening
from etherapy.rules.sheet import SheetInWords

__all__ = ["NextOpening", "RuleWordsQuery", "SheetInWords"]


class RuleWordsQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the reader is (IANA zone; empty: on the practice's wall alone), and in which language to answer;
    English where that one is not known."""

    zone: str = ""
    language: Annotated[str, Meta(max_length=35)] = "en"
