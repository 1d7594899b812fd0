"""Whether somebody who is removed had something waiting is nobody's to notice (G5; A-4, A-5)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.membership import LeaveThread
from etherapy.protocol.threads import Commit
from etherapy.tep.epoch import CommitReason
from tests.server.clinic import MORNING, NIGHT
from tests.server.company import Company, company_of
from tests.server.furnishing import Furnished
from tests.server.test_isolation_held import hold, look_everywhere
from tests.server.twins import Twins, twins

CLIENT, THERAPIST = "A.client", "A.therapist"


@pytest.fixture
async def both(furnished: Furnished, tmp_path: Path) -> AsyncIterator[Twins]:
    async with twins(furnished, tmp_path) as found:
        yield found


async def leave_out(both: Twins, thread: Company, names: tuple[bytes, ...] = ()) -> None:
    """The therapist makes an epoch without the client, byte for byte the same in both."""
    out = thread.without(CLIENT)
    whole, _ = await thread.make(THERAPIST, CommitReason.USER_REMOVED, roles=out, names=names)
    ask = thread.ask(endpoints.commit_epoch, Commit(B64(whole)))
    assert (await both.ask(THERAPIST, ask)).status == 201


async def test_leaving_somebody_out_tells_nobody_what_they_had_waiting(both: Twins) -> None:
    """AT-78, AT-79"""
    await both.hide(hold)
    await both.hide(hold)
    await leave_out(both, company_of(both.quiet))
    await look_everywhere(both)
    await both.turn_to(NIGHT + timedelta(hours=6))
    await look_everywhere(both)
    await both.turn_to(MORNING)
    await look_everywhere(both)
    assert not both.told_apart()
    returned = [
        await clinic.operate.fetchval("SELECT count(*) FROM message WHERE state = 'returned'")
        for clinic in (both.quiet, both.secret)
    ]
    assert returned == [1, 3]


async def test_leaving_tells_nobody_what_one_had_waiting(both: Twins) -> None:
    """AT-78"""
    await both.hide(hold)
    thread = company_of(both.quiet)
    whole = thread.leave_of(CLIENT)
    ask = thread.ask(endpoints.leave_thread, LeaveThread(B64(whole)))
    assert (await both.ask(CLIENT, ask)).status == 204
    await look_everywhere(both)
    await both.turn_to(MORNING)
    await look_everywhere(both)
    assert not both.told_apart()
