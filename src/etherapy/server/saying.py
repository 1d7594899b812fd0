"""The words of an answer: for whom, on whose wall, in which language, with which crisis card."""

import json
from datetime import datetime
from typing import Protocol

from etherapy.rules.decision import Decision
from etherapy.rules.explain import Parties, Preview, preview
from etherapy.rules.kinds.region import Region
from etherapy.rules.languages import words_in
from etherapy.rules.own import own_rule
from etherapy.rules.resolved import Rules
from etherapy.server.weighing import rules_for
from etherapy.store.threads import ThreadFacts
from etherapy.tep.roster import CLIENT_SIDE


class Asked(Protocol):
    """What a sender says beside the message, for the words of the answer; nothing of it is kept."""

    @property
    def zone(self) -> str: ...
    @property
    def language(self) -> str: ...


def words_for(
    decision: Decision, facts: ThreadFacts, account: bytes, zone: str = "", language: str = "en"
) -> Preview:
    """The sentences for the sender of a message; `zone` is where it is now (empty: on the practice's
    wall)."""
    rules = rules_for(facts, account)
    by_client = facts.members[account].role in CLIENT_SIDE
    parties = Parties(
        facts.owner_name if by_client else "", zone or rules.timetable.zone_name, by_client=by_client
    )
    at = decision.accepted_at
    region = None if at is None else region_of(facts, account, rules, at)
    return preview(decision, rules, parties, region, words_in(language))


def region_of(facts: ThreadFacts, account: bytes, rules: Rules, at: datetime) -> str | None:
    """The country that a client declared for its crisis card; None: the practice's."""
    declared = facts.members[account].declared
    if declared is None:
        return None
    return own_rule(Region, json.loads(declared), rules.timetable.date_of(at)).country or None
