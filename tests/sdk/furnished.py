"""A practice with people in it, made as an operator and its members make it: through links, over HTTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from etherapy.rules.calendar import tzdata_checksum
from etherapy.sdk import Profile, Session, Supervisor, Therapist, enrol, join
from etherapy.sdk.entering.staff_link import new_staff_link
from etherapy.sdk.transport import Transport, Unreachable
from etherapy.server.operate.installation import Installation
from etherapy.server.operate.practices import LinkOffer, create_practice, create_staff_link
from etherapy.server.operate.site import Site
from tests.conftest import START, RunningServer

HOURS: list[dict[str, Any]] = [
    {
        "kind": "window.weekly",
        "zone": "America/New_York",
        "windows": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}],
    },
    {"kind": "off_hours.policy", "policy": "hold_with_ack"},
]


@dataclass(frozen=True, slots=True)
class _At(Installation):
    """The installation, on the test's clock."""

    moment: datetime = START

    def now(self) -> datetime:
        return self.moment


@dataclass
class Practice:
    """One practice on a running server. `staff` and `client` make people with profiles of their own."""

    server: RunningServer
    site: Site
    there: Installation
    practice_id: bytes

    async def staff_link(self, roles: list[str], name: str) -> str:
        made = new_staff_link(self.server.origin, self.practice_id, self.server.secrets.server_id)
        offer = LinkOffer(made.lookup_id, made.staff_pk)
        await create_staff_link(self.site, self.there, self.practice_id, offer, roles, name)
        return made.text

    async def therapist(self, name: str = "Dr Vale", profile: Profile | None = None) -> tuple[Therapist, str]:
        link = await self.staff_link(["therapist"], name)
        return await enrol(link, profile or Profile.in_memory(), Therapist, clock=self.server.clock)

    async def supervisor(self) -> Supervisor:
        link = await self.staff_link(["supervisor"], "Board")
        return (await enrol(link, Profile.in_memory(), Supervisor, clock=self.server.clock))[0]

    async def client(self, vale: Therapist, profile: Profile | None = None) -> tuple[Session, bytes, str]:
        link = await vale.invite("A.")
        return await join(link.text, profile or Profile.in_memory(), clock=self.server.clock)

    async def reopen(self, session: Session) -> Session:
        """The same profile in another run of the program."""
        await session.close()
        return await type(session).open(session.profile, clock=self.server.clock)


class LossyTransport(Transport):
    """A real connection that loses the answers of chosen endpoints: the server has done its part by then."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.losing: list[str] = []

    async def call(self, endpoint: Any, body: Any = None, /, **more: Any) -> Any:
        answer = await super().call(endpoint, body, **more)
        if endpoint.name in self.losing:
            self.losing.remove(endpoint.name)
            raise Unreachable("the answer was lost")
        return answer


class LyingTransport(Transport):
    """A real server whose answers to some endpoints are changed on the way."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.lies: dict[str, Callable[[Any], Any]] = {}
        self.asked: list[str] = []

    async def call(self, endpoint: Any, body: Any = None, /, **more: Any) -> Any:
        self.asked.append(endpoint.name)
        answer = await super().call(endpoint, body, **more)
        return self.lies.get(endpoint.name, lambda true: true)(answer)


async def furnish(
    server: RunningServer, tmp_path: Path, rules: Sequence[Mapping[str, Any]] = HOURS
) -> Practice:
    """A practice in New York with weekday hours."""
    site = Site(tmp_path, server.store.serve_dsn, server.store.operate_dsn, None, None)
    there = _At(True, timedelta(0), tzdata_checksum(), server.secrets, server.clock.now())
    made = await create_practice(
        site, there, name="Vale & Co", zone="America/New_York", region="US", rules=rules
    )
    return Practice(server, site, there, made.practice_id)
