"""Whoever has seen a revocation never seals to the revoked device, in whatever order things happen (AT-32).

The apps, the server and the database are the real ones; only the order in which requests and answers pass is
chosen. What a device knew is looked up at the instant at which it seals.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from etherapy.crypto import messages
from etherapy.sdk import Profile, Session, Therapist, recover
from etherapy.sdk.threads.committing import HEADS_AGE_MS, settle_epoch
from etherapy.tep.epoch import Commit
from tests.sdk.conftest import MORNING, Pair
from tests.sdk.furnished import Practice
from tests.sdk.gates import GatedTransport, Gates

NAMES = ["anna", "vale"]
HEADS_ARE_OLD = timedelta(milliseconds=2 * HEADS_AGE_MS)
ACTS = [
    "anna writes",
    "anna syncs",
    "anna revokes",
    "vale writes",
    "vale writes to ben",
    "vale syncs",
    "vale revokes",
    "desktop revokes",
]


@dataclass
class Apps:
    """Two people with a phone and a desktop each, and a spare device that is lost in the middle of things.

    `sealed` counts what these sealed, `after_seeing` how much of it after a removal, `wrong` are breaches.
    """

    practice: Practice
    pair: Pair
    bens: bytes
    vale_code: str
    desktop: Therapist
    cables: list[GatedTransport]
    spares: dict[str, Session] = field(default_factory=dict)
    sealed: int = 0
    after_seeing: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def writers(self) -> list[Session]:
        return [self.pair.anna, self.pair.vale, self.desktop]

    async def furnish(self) -> None:
        """A spare device for each, known to everybody."""
        for name, code in zip(NAMES, (self.pair.code, self.vale_code), strict=True):
            if name not in self.spares:
                self.spares[name] = await another(self.practice, code, name)
        for one in self.writers * 2:
            await one.sync()
        clock = self.practice.server.clock
        await clock.turn_to(clock.now() + HEADS_ARE_OLD)
        for one in self.writers:
            one.login.forget()
            await one.whoami()  # logged in before the gates close, and the hour is known

    async def act(self, what: str) -> None:
        """One thing that somebody does with an app."""
        anna, vale, thread = self.pair.anna, self.pair.vale, self.pair.thread
        match what:
            case "anna writes":
                await anna.send(thread, "Anna's")
            case "anna syncs":
                await anna.sync()
            case "anna revokes":
                await self.lose("anna", anna)
            case "vale writes":
                await vale.send(thread, "Vale's")
            case "vale writes to ben":
                await vale.send(self.bens, "Vale's to Ben")
            case "vale syncs":
                await vale.sync()
            case "vale revokes":
                await self.lose("vale", vale)
            case "desktop revokes":
                await self.lose("vale", self.desktop)

    async def lose(self, name: str, by: Session) -> None:
        lost = self.spares.pop(name, None)
        if lost is not None:
            await by.devices.revoke(lost.keys.device_id)
            await lost.close()

    def judge(self, commit: Commit, public: bytes) -> None:
        """What a device knows at the instant at which it seals under this epoch."""
        writer = next((one for one in self.writers if one.keys.sign.public == public), None)
        if writer is None:
            return
        known = [writer.people.person(row.chain_id) for row in commit.core.roster]
        gone = {
            device.device_id
            for person in known
            if person is not None
            for device in person.chain.devices.values()
            if not device.active
        }
        self.sealed += 1
        self.after_seeing += bool(gone)
        if gone & set(commit.core.device_ids()):
            self.wrong.append(f"sealed in epoch {commit.core.epoch} to a device that was seen to be revoked")


async def another(practice: Practice, code: str, name: str) -> Any:
    kind = Therapist if name == "vale" else Session
    found = await recover(
        practice.server.origin, practice.practice_id, code, Profile.in_memory(), kind,
        clock=practice.server.clock,
    )  # fmt: skip
    await practice.server.make_rounds()
    return found


@pytest.fixture
async def apps(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Apps]:
    vale, vale_code = await practice.therapist()
    anna, thread, code = await practice.client(vale)
    bens = await looked_at_after(vale, practice)
    await practice.server.make_rounds()
    await practice.server.clock.turn_to(MORNING)
    desktop = await another(practice, vale_code, "vale")
    cables: list[GatedTransport] = []

    async def again(session: Session) -> Any:
        await session.close()
        cables.append(GatedTransport(practice.server.origin))
        clock = practice.server.clock
        return await type(session).open(session.profile, clock=clock, transport=cables[-1])

    pair = Pair(await again(anna), await again(vale), thread, code)
    found = Apps(practice, pair, bens, vale_code, await again(desktop), cables)
    monkeypatch.setattr("etherapy.sdk.messages.sealing.seal_message", watched(found))
    defaults = settle_epoch.__kwdefaults__ or {}
    monkeypatch.setitem(defaults, "pause", no_pause)
    yield found
    for one in (*found.writers, *found.spares.values()):
        await one.close()


async def looked_at_after(vale: Therapist, practice: Practice) -> bytes:
    """The thread of a client whose chain comes after Vale's: one is looked at, the other known."""
    for _ in range(16):
        ben, thread, _ = await practice.client(vale)
        await ben.close()
        if ben.chain > vale.chain:
            break
    return thread


async def no_pause(seconds: float) -> None:
    """Time passes by itself."""


def watched(apps: Apps) -> Callable[..., bytes]:
    def seal_message(payload: Any, **given: Any) -> bytes:
        apps.judge(given["commit"], given["key"].public)
        return messages.seal_message(payload, **given)

    return seal_message


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize=True,
)
@given(
    acts=st.lists(st.sampled_from(ACTS), min_size=2, max_size=4),
    rank=st.permutations(range(4)),
    turns=st.lists(st.integers(0, 60), max_size=4),
)
@example(["vale writes to ben", "desktop revokes", "vale writes"], [0, 1, 2, 3], [0])
@example(["vale writes to ben", "desktop revokes", "vale writes"], [0, 1, 2, 3], [0, 1])
@example(["vale writes to ben", "desktop revokes", "vale writes"], [0, 1, 2, 3], [1])
async def test_in_no_order_of_requests_and_answers_is_anything_sealed_to_a_device_that_was_seen_to_go(
    apps: Apps, acts: list[str], rank: list[int], turns: list[int]
):
    """AT-32: several things at once in one app, in several apps, and of several people."""
    await apps.furnish()
    gates = Gates(rank, turns)
    for cable in apps.cables:
        cable.gates = gates
    failed = await gates.run([apps.act(one) for one in acts])
    for cable in apps.cables:
        cable.gates = None
    assert [one for one in failed if one is not None] == []
    assert apps.wrong == []
    for one in apps.writers * 2:
        news = await one.sync()
        assert [found for found in news.findings if found.grave] == []
    assert len({one.desk(apps.pair.thread).log.spine.t for one in apps.writers}) == 1
