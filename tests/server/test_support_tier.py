"""An agreement with extra support is complete, or it is refused with all that it lacks (clinic.md 4.5)."""

import pytest

from tests.server.clinic import Clinic
from tests.server.company import Company
from tests.server.rule_sets import Keeper

ENHANCED = {"kind": "participants", "support_tier": "enhanced"}


@pytest.fixture
def vale(clinic: Clinic, thread: Company) -> Keeper:
    """The therapist who owns the thread."""
    return Keeper(clinic, "A.therapist", thread.talk.thread)


async def test_an_enhanced_tier_that_lacks_something_is_refused_with_all_of_it(vale: Keeper) -> None:
    refused = await vale.ask("agreement", ENHANCED)
    assert refused.status == 422
    said = refused.json()
    assert said["field"] == "participants.support_tier"
    assert "urgent_route" in said["fault"] and "safety_plan" in said["fault"]
    assert "participants.urgent_route" in said["mend"]
    assert (await vale.read("agreement")).version == 0


async def test_an_enhanced_tier_that_has_everything_is_in_force(vale: Keeper) -> None:
    complete = ENHANCED | {"urgent_route": "Call 555 0100.", "safety_plan": True}
    await vale.set("agreement", complete)
    assert (await vale.read("agreement")).rules == [complete]


async def test_what_is_asked_for_besides_is_refused_as_well(vale: Keeper) -> None:
    complete = ENHANCED | {"urgent_route": "Call 555 0100.", "safety_plan": True}
    seldom = {
        "kind": "window.weekly",
        "windows": [{"days": ["mon"], "start": "09:00", "end": "17:00"}],
    }
    refused = await vale.ask("agreement", complete, seldom)
    assert "closed_too_long" in refused.json()["fault"]
