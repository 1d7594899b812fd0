"""For every endpoint a request that its own people could make, with any id in it exchanged on demand."""

from tests.server import (  # noqa: F401  (they fill MAKERS)
    makers_after_restore,
    makers_getting_in,
    makers_in_threads,
    makers_of_devices,
    makers_of_duties,
    makers_of_people,
)
from tests.server.clinic import Clinic
from tests.server.named import MAKERS, WHOLE_TABLE, Made, Named, fill_in, of_another, of_nobody, own, talk_of
from tests.server.people import Somebody

__all__ = ["WHOLE_TABLE", "Made", "Named", "make", "of_another", "of_nobody", "own", "talk_of"]


async def make(clinic: Clinic, name: str, who: Somebody, named: Named | None = None) -> Made:
    """The request to endpoint `name` by `who`, naming what is theirs unless told otherwise."""
    endpoint, named = WHOLE_TABLE[name], named or own(clinic, who)
    if name in MAKERS:
        return await MAKERS[name](clinic, who, named)
    assert endpoint.takes is None, f"{name} needs a maker of its own"
    return Made(fill_in(endpoint, named))
