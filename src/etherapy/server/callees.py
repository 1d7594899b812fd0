"""Who is named to be called when something urgent comes: it must be somebody who can be (R-16)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from etherapy.protocol.problems import BadRules
from etherapy.server.parts import Ctx


async def refuse_strangers(ctx: Ctx, documents: Sequence[Mapping[str, Any]]) -> None:
    """BadRules for a step that would call nobody: an account that is not of the practice's staff."""
    named = dict(_callees(documents))
    if not named:
        return
    strangers = await ctx.parts.alerts.strangers(ctx.caller.practice, list(named))
    for account, field in named.items():
        if account in strangers:
            fault = "nobody of the staff has this account"
            raise BadRules(field, fault, "name an account of a therapist, supervisor or administrator")


def _callees(documents: Sequence[Mapping[str, Any]], path: str = "") -> Iterator[tuple[bytes, str]]:
    """Each account that is called, and where it stands; phases bring rules of their own."""
    for rule in documents:
        if rule["kind"] == "urgent.channel":
            for number, step in enumerate(rule.get("steps", ())):
                yield bytes.fromhex(step["callee"]), f"{path}urgent.channel.steps[{number}].callee"
        for number, phase in enumerate(rule.get("phases", ())):
            yield from _callees(phase.get("rules", ()), f"{path}phase.phases[{number}].")
