"""From an exception that is no problem to the problem that is answered."""

from etherapy.protocol.door import Unavailable
from etherapy.protocol.problem import Problem, Unexpected, problem_named
from etherapy.store.faults import Refused, StoreUnavailable


def problem_of(error: Exception) -> Problem:
    """What to answer to an exception that is no problem: a refusal by name, a store away, or a fault."""
    if isinstance(error, StoreUnavailable):
        return Unavailable()
    if isinstance(error, Refused) and (kind := problem_named(error.detail)) is not None:
        try:
            return kind()
        except TypeError:
            return Unexpected()
    return Unexpected()
