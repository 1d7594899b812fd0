"""A practice to tell stories in: one line furnishes it, and fresh ids keep stories apart."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from etherapy.rules.calendar import tzdata_checksum
from etherapy.sdk.entering.enrolling import enrol, join
from etherapy.sdk.entering.staff_link import new_staff_link
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.session import Session
from etherapy.sdk.supervisor import Supervisor
from etherapy.sdk.therapist import Therapist
from etherapy.server.operate.installation import Installation
from etherapy.server.operate.practices import LinkOffer, create_practice, create_staff_link
from etherapy.server.operate.site import Site
from tests.conftest import RunningServer

WEEKDAYS = ["mon", "tue", "wed", "thu", "fri"]
VALE: list[dict[str, Any]] = [
    {
        "kind": "window.weekly",
        "zone": "America/New_York",
        "windows": [{"days": WEEKDAYS, "start": "09:00", "end": "17:00"}],
    },
    {
        "kind": "holiday.calendar",
        "snapshot": "us-federal-2026",
        "dates": [
            {"date": "2026-07-03", "label": "Independence Day (observed)"},
            {"date": "2026-10-12", "label": "Columbus Day"},
        ],
    },
    {"kind": "response.target", "target": {"count": "business_days", "n": 1}},
    {"kind": "off_hours.policy", "policy": "hold_with_ack"},
    {"kind": "emergency", "region": "US"},
]
"""Dr Vale of the fixed test world: New York, weekdays 9 to 5, answers by the end of the next working day."""


@dataclass(frozen=True, slots=True)
class _Now(Installation):
    """An installation that goes by the story's clock."""

    server: RunningServer | None = None

    def now(self) -> datetime:
        assert self.server is not None
        return self.server.clock.now()


@dataclass
class Story:
    """A furnished practice. `client` is Noor in Chicago, `therapist` Dr Vale; `thread` is theirs."""

    server: RunningServer
    practice: bytes
    therapist: Therapist
    client: Session
    thread: bytes
    code: str
    """The client's recovery code."""
    stack: AsyncExitStack = field(repr=False)

    async def turn_to(self, instant: datetime) -> None:
        """Turn the story's clock. No worker runs by itself: nothing may depend on it."""
        await self.server.clock.turn_to(instant)

    async def enrol(self, kind: type[Any], role: str, name: str) -> Any:
        """One more member of staff."""
        link = await staff_link(self.server, self.practice, role, name)
        found, _ = await enrol(link, Profile.in_memory(), kind)
        return await self.stack.enter_async_context(found)

    async def supervisor(self) -> Supervisor:
        """Ruth, who audits."""
        found: Supervisor = await self.enrol(Supervisor, "supervisor", "Ruth")
        return found

    async def another_client(self) -> tuple[Session, bytes]:
        """One more client of Dr Vale."""
        link = await self.therapist.invite()
        session, thread, _ = await join(link.text, Profile.in_memory())
        await self.server.make_rounds()
        return await self.stack.enter_async_context(session), thread


def site_of(server: RunningServer) -> Site:
    """The test server's place, as the operator's commands take it."""
    return Site(server.settings.data, server.store.serve_dsn, server.store.operate_dsn, None, None)


def installation(server: RunningServer) -> Installation:
    """The test server's installation, with the story's time."""
    return _Now(True, timedelta(0), tzdata_checksum(), server.secrets, server)


async def staff_link(server: RunningServer, practice: bytes, role: str, name: str) -> str:
    """A one-use link for a member of staff."""
    link = new_staff_link(server.origin, practice, server.secrets.server_id)
    offer = LinkOffer(link.lookup_id, link.staff_pk)
    await create_staff_link(site_of(server), installation(server), practice, offer, [role], name)
    return link.text


async def furnish(server: RunningServer, stack: AsyncExitStack, rules: Sequence[dict[str, Any]]) -> Story:
    """A practice with these rules, its therapist, and a client who has just joined."""
    made = await create_practice(
        site_of(server), installation(server), name="Harbour Practice", zone="America/New_York", rules=rules
    )
    server.practices.append(made.practice_id)
    link = await staff_link(server, made.practice_id, "therapist", "Dr Vale")
    therapist, _ = await enrol(link, Profile.in_memory(), Therapist)
    await stack.enter_async_context(therapist)
    invitation = await therapist.invite("Noor")
    client, thread, code = await join(invitation.text, Profile.in_memory())
    await stack.enter_async_context(client)
    client.zone = "America/Chicago"
    await server.make_rounds()  # the keys log takes the newcomers up
    await therapist.sync()
    return Story(server, made.practice_id, therapist, client, thread, code, stack)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as found:
        yield found


@pytest.fixture
async def story(server: RunningServer, stack: AsyncExitStack) -> Story:
    """Noor and Dr Vale, on Monday 1 June 2026 at 08:00 in New York."""
    return await furnish(server, stack, VALE)
