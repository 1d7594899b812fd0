"""The rules that are in force for whoever keeps them, as a policy."""

from etherapy.cli.rules.shelves import on_shelf
from etherapy.cli.speaking import run, speaking
from etherapy.protocol.agreed_rules import RuleSet
from etherapy.protocol.endpoint import Role
from etherapy.rules.policy import Policy
from etherapy.sdk.connection import Connection

_LAYERS: dict[Role, str] = {"therapist": "therapist", "client": "client", "administrator": "practice"}
"""Whose own rules are which layer; of somebody with several roles the first counts."""
_OF_A_THREAD = ("agreement", "exception")


def in_force(profile: str, thread: str | None = None) -> Policy:
    """One's own rules (the practice's for its administrator), and those of a thread where one is named."""
    return run(_in_force(profile, thread))


async def _in_force(profile: str, thread: str | None) -> Policy:
    async with speaking(profile, Connection) as me:
        roles = (await me.whoami()).roles
    own = next((layer for role, layer in _LAYERS.items() if role in roles), "")
    found = {own: await _read(profile, "own", None)}
    if thread is not None:
        found |= {layer: await _read(profile, layer, thread) for layer in _OF_A_THREAD}
    return Policy({layer: tuple(rules.rules) for layer, rules in found.items()})


async def _read(profile: str, layer: str, thread: str | None) -> RuleSet:
    return await on_shelf(profile, layer, thread, "en", lambda shelf: shelf.read())
