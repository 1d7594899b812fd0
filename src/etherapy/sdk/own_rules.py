"""What a person has set alone: a therapist for all threads of theirs, a client for themself."""

from collections.abc import Mapping, Sequence
from typing import Any

from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import RulesChecked, RuleSet, RulesSet, SetRules
from etherapy.protocol.rule_words import RuleWordsQuery
from etherapy.sdk.messages.reading import Reading


class OwnRules(Reading):
    """A member of threads who keeps rules of their own.

    Those of a client are quiet hours, the region of the crisis card, a pause. Only the pause is in the rule
    sheets of their threads; the others are told to nobody.
    """

    async def own_rules(self) -> RuleSet:
        """One's own rule set with its version.

        current = await me.own_rules()
        """
        return await self.transport.call(endpoints.read_own_rules)

    async def set_own_rules(self, rules: Sequence[Mapping[str, Any]], follows: int | None = None) -> RulesSet:
        """Put one's own rules in force. `follows` is the version they were written on; None: the newest.

        BadRules names field, fault and mend; StaleVersion: they were changed meanwhile.

            await me.set_own_rules([{"kind": "client.quiet_hours", "start": "22:00", "end": "08:00"}])
        """
        version = (await self.own_rules()).version if follows is None else follows
        return await self.transport.call(endpoints.set_own_rules, written(version, rules))

    async def check_own_rules(self, rules: Sequence[Mapping[str, Any]]) -> RulesChecked:
        """What would follow from them; nothing is put in force.

        print((await me.check_own_rules(rules)).examples[0].words)
        """
        body = written((await self.own_rules()).version, rules)
        query = RuleWordsQuery(self.zone, self.language)
        return await self.transport.call(endpoints.check_own_rules, body, query=query)


def written(version: int, rules: Sequence[Mapping[str, Any]]) -> SetRules:
    """Rules as they are sent."""
    return SetRules(version, [dict(rule) for rule in rules])
