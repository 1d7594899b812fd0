"""What a practice and a client agreed, and what follows from it. Pure: no clock, no network, no database.

See docs/rules.md.
"""

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.decision import NOTHING, Decision, Reason
from etherapy.rules.judgement import decide
from etherapy.rules.layer import Layer
from etherapy.rules.layers import resolve
from etherapy.rules.resolved import Cover, Rules
from etherapy.rules.rule import Attempt, Facts, Rule
from etherapy.rules.timetable import Timetable

__all__ = [
    "NOTHING",
    "Attempt",
    "BadRule",
    "Cover",
    "Decision",
    "Facts",
    "Layer",
    "Reason",
    "Rule",
    "Rules",
    "Timetable",
    "decide",
    "resolve",
]
