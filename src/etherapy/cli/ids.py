"""Ids as people type them: the beginning is enough."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from etherapy.cli.saying import Refusal

Item = TypeVar("Item")


def choose(found: Iterable[Item], id_of: Callable[[Item], bytes], wanted: str, what: str, see: str) -> Item:
    """The one whose id begins so; Refusal where none does, or several. `what` such as "task of yours", `see`:
    where they are listed."""
    chosen = [one for one in found if id_of(one).hex().startswith(wanted.lower())]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        raise Refusal(f"more than one {what} begins with {wanted}", "write more of the id")
    raise Refusal(f"no {what} begins with {wanted}", f"see {see}")
