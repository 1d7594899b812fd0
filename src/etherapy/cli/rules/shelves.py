"""Where rule sets are: somebody's own, the practice's for its administrator, and those of a thread."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from etherapy.cli.saying import Refusal
from etherapy.cli.speaking import choose_thread, refresh, speaking
from etherapy.protocol.agreed_rules import RulesChecked, RuleSet, RulesSet
from etherapy.sdk.administrator import Administrator
from etherapy.sdk.connection import Connection
from etherapy.sdk.session import Session
from etherapy.sdk.therapist import Therapist

LAYERS: Final = ("own", "agreement", "exception")
Result = TypeVar("Result")
Rules = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Shelf:
    """One rule set of somebody: reading it, trying a new one, and putting that in force."""

    read: Callable[[], Awaitable[RuleSet]]
    check: Callable[[Rules], Awaitable[RulesChecked]]
    put: Callable[[Rules, int], Awaitable[RulesSet]]


async def on_shelf(
    profile: str,
    layer: str,
    thread: str | None,
    language: str,
    work: Callable[[Shelf], Awaitable[Result]],
) -> Result:
    """Do something with a rule set of whoever is behind this profile; Refusal where they have none."""
    async with speaking(profile, Connection) as me:
        roles = (await me.whoami()).roles
    if layer != "own" and "therapist" in roles:
        async with speaking(profile, Therapist) as vale:
            await refresh(vale)
            vale.language = language
            return await work(_of_thread(vale, layer, await choose_thread(vale, thread)))
    if layer != "own":
        raise Refusal("only a therapist keeps rules of a thread", "ask yours: changes are agreed in session")
    if {"therapist", "client"} & set(roles):
        async with speaking(profile, Session) as person:
            person.language = language
            return await work(Shelf(person.own_rules, person.check_own_rules, person.set_own_rules))
    if "administrator" in roles:
        async with speaking(profile, Administrator) as office:
            return await work(
                Shelf(office.rules, lambda rules: office.check_rules(rules, language), office.set_rules)
            )
    raise Refusal("this person keeps no rules", "a supervisor reads them: etherapy supervise settings")


def _of_thread(vale: Therapist, layer: str, thread: bytes) -> Shelf:
    if layer == "agreement":
        return Shelf(
            lambda: vale.agreement(thread),
            lambda rules: vale.check_agreement(thread, rules),
            lambda rules, follows: vale.set_agreement(thread, rules, follows),
        )
    return Shelf(
        lambda: vale.exceptions(thread),
        lambda rules: vale.check_exceptions(thread, rules),
        lambda rules, follows: vale.set_exceptions(thread, rules, follows),
    )
