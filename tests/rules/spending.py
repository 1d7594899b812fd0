"""Short ways to write budgets and what was sent before, and the client of S-10."""

from etherapy.rules import Facts, Rules
from etherapy.rules.rule import Counted
from tests.rules.world import ENGLAND_HOLIDAYS, policy, rules_of, target, utc, weekly

HART_HOURS = weekly("Europe/London", (["mon", "wed", "fri"], "10:00", "12:00"))
HART = (HART_HOURS, ENGLAND_HOLIDAYS, target("next_windows", n=1), policy("hold_with_ack"))
ALWAYS = weekly("Europe/London", (["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "00:00", "24:00"))


def count(*limits: dict, **fields) -> dict:
    """A budget of messages as JSON."""
    return {"kind": "budget.count", "limits": list(limits), **fields}


def hart(*documents: dict) -> Rules:
    return rules_of(*HART, *documents)


def open_with(*documents: dict) -> Rules:
    """Rules that are open at any time, so that limits alone decide."""
    return rules_of(ALWAYS, *documents)


def sent(*ats: str, turn: int = 0, **fields) -> Facts:
    """What is known after messages that were accepted then and count then."""
    return Facts(sent=tuple(Counted(utc(at), utc(at), turn=turn, **fields) for at in ats), turn=turn)


WEEK_OF_THREE = count({"n": 3, "per": "week"})
USED = sent("2026-05-18T09:30", "2026-05-20T09:10", "2026-05-20T12:00")
"""Three of the week from Mon 18 May, the last on Wed 20 May at 13:00 in London, after the window."""
FOURTH = "2026-05-21T17:20"  # Thu 21 May, 18:20 in London
