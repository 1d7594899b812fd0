"""The practice's own defaults, kept by its administrator."""

from collections.abc import Mapping, Sequence
from typing import Any

from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import RulesChecked, RuleSet, RulesSet, SetRules
from etherapy.protocol.rule_words import RuleWordsQuery
from etherapy.sdk.duties import Duties


class Administrator(Duties):
    """An administrator's device: no thread, no key to any message.

    async with await Administrator.open(profile) as office:
        print((await office.rules()).rules)
    """

    async def rules(self) -> RuleSet:
        """The practice's rule set with its version."""
        return await self.transport.call(endpoints.read_practice_rules)

    async def set_rules(self, rules: Sequence[Mapping[str, Any]], follows: int | None = None) -> RulesSet:
        """Put the practice's rules in force, for all its threads. `follows` as in Therapist.set_rules."""
        version = (await self.rules()).version if follows is None else follows
        body = SetRules(version, [dict(rule) for rule in rules])
        return await self.transport.call(endpoints.set_practice_rules, body)

    async def check_rules(self, rules: Sequence[Mapping[str, Any]], language: str = "en") -> RulesChecked:
        """What would follow from them; nothing is put in force."""
        body = SetRules((await self.rules()).version, [dict(rule) for rule in rules])
        query = RuleWordsQuery(language=language)
        return await self.transport.call(endpoints.check_practice_rules, body, query=query)
