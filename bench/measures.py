"""What is measured, and in which order: each figure beside its limit, in one sitting."""

from asyncio import to_thread
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from bench import limit
from bench.callers import Load, drive
from bench.meter import Used, machine, memory, used
from bench.scene import Scene, Writing, set_scene
from etherapy.binary import b64
from etherapy.postgres.cluster import OPERATE
from etherapy.store.connection import connect
from tests.crash.house import House, free_address


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of it. `most` bounds how many messages are sealed beforehand for one measurement."""

    seconds: int = 5
    connections: tuple[int, ...] = (1, 8, 32)
    threads: int = 64
    inbox: int = 500
    read_seconds: float = 2.0
    most: int = 20_000


SMOKE = Plan(seconds=1, connections=(1, 4), threads=4, inbox=10, read_seconds=0.2, most=200)


@dataclass(slots=True)
class Sends:
    """Sends of one kind over so many connections, beside pgbench with as many sessions."""

    kind: str
    connections: int
    http: Load
    alone: Load
    http_used: Used
    alone_used: Used


@dataclass(slots=True)
class Reads:
    """One kind of read over one connection."""

    name: str
    load: Load
    spent: Used


@dataclass(slots=True)
class Findings:
    """Everything that one sitting found."""

    machine: dict[str, str | int]
    sends: list[Sends] = field(default_factory=list)
    reads: list[Reads] = field(default_factory=list)
    start_seconds: float = 0.0
    memory_mib: float = 0.0
    postgres: str = ""


async def measure(plan: Plan, place: Path) -> Findings:
    """Measure everything on a server of its own in `place`."""
    house = House(place / "data", free_address(), free_address(), {"LIMITS": "false"})
    try:
        house.start()
        await house.ready()
        await house.stop()
        found = Findings(machine())
        begun = perf_counter()
        house.start()
        await house.ready()
        found.start_seconds = perf_counter() - begun
        scene = await set_scene(house, plan.threads, plan.inbox)
        for writing in scene.writings:
            await _drive(scene, [scene.sends(writing, 0, 8)], 5.0)
        await limit.prepare(house, scene.writings)
        for connections in plan.connections:
            for writing in scene.writings:
                found.sends.append(await _sends(plan, scene, writing, connections))
        found.reads = await _reads(plan, scene)
        found.memory_mib = memory(house.pid) / 2**20
        found.postgres = await _version(house)
        return found
    finally:
        await to_thread(house.end)


async def _sends(plan: Plan, scene: Scene, writing: Writing, connections: int) -> Sends:
    """The database alone first, then through HTTP: the later one finds the larger tables."""
    house = scene.house
    before = _used(house)
    alone = await limit.press(house, writing, connections, plan.seconds)
    between = _used(house)
    share = plan.threads // connections
    each = max(plan.most // connections // share, 1)
    work = [
        _woven([scene.sends(writing, caller * share + nr, each) for nr in range(share)])
        for caller in range(connections)
    ]
    begun = _used(house)
    http = await _drive(scene, work, float(plan.seconds))
    return Sends(writing.kind, connections, http, alone, _used(house) - begun, between - before)


async def _reads(plan: Plan, scene: Scene) -> list[Reads]:
    writing = next(one for one in scene.writings if one.kind == "at once")
    thread, token = writing.threads[0], writing.tokens[0]
    items = f"/threads/{b64(thread.thread)}/items?after=2&limit=50"
    asked = {
        "page of 50": scene.get(items, token),
        f"inbox, newest 50 of {plan.inbox}": scene.get("/inbox?limit=50", scene.busy),
        f"inbox, all {plan.inbox}": scene.get("/inbox?limit=500", scene.busy),
        "100 threads changed": scene.get("/changes?after=0&limit=100", scene.busy),
        "nothing changed": scene.get(f"/changes?after={2**40}", scene.busy),
    }
    found = []
    for name, request in asked.items():
        before = _used(scene.house)
        load = await _drive(scene, [[request] * 100_000], plan.read_seconds)
        found.append(Reads(name, load, _used(scene.house) - before))
    return found


def _woven(lists: Sequence[list[bytes]]) -> list[bytes]:
    """The first of each, the second of each, and so on."""
    return [request for together in zip(*lists, strict=True) for request in together]


async def _drive(scene: Scene, work: Sequence[Sequence[bytes]], seconds: float) -> Load:
    return await drive(*scene.host, work, seconds)


def _used(house: House) -> Used:
    return used(house.pid, house.postgres_pid or 0)


async def _version(house: House) -> str:
    connection = await connect(house.dsn(OPERATE), timeout=10)
    try:
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()
