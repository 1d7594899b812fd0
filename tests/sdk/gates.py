"""The order of things, chosen: every request and every answer of some apps waits until it is let through."""

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from contextvars import ContextVar
from typing import Any

from etherapy.sdk.transport import Transport

_TURNS = 25
"""Of the event loop, after which nothing moves by itself any more."""
_work: ContextVar[int] = ContextVar("_work")


class Gates:
    """Where requests and answers wait. One work after the other goes on as far as it can, the first in `rank`
    first; at each of `turns` (counted in requests and answers) the one that goes on comes last from there on.

    A few turns are enough to meet most races, where dice for every step meet few of them.
    """

    def __init__(self, rank: Sequence[int], turns: Collection[int]) -> None:
        self._rank = list(rank)
        self._turns = frozenset(turns)
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._answered = asyncio.Event()
        self._answered.set()
        self._passed = 0

    async def call(self, made: Coroutine[Any, Any, Any]) -> Any:
        """Send when it is let through, and hand over the answer when that is."""
        await self._pass()
        self._answered.clear()
        try:
            return await made
        finally:
            self._answered.set()
            await self._pass()

    async def run(self, works: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
        """Do all of these at the same time; what each came to, or the error."""
        tasks = [asyncio.ensure_future(self._one(at, work)) for at, work in enumerate(works)]
        while not all(one.done() for one in tasks):
            await self._settle()
            if self._waiting:
                self._let_one_through()
        return list(await asyncio.gather(*tasks, return_exceptions=True))

    async def _one(self, at: int, work: Coroutine[Any, Any, Any]) -> Any:
        _work.set(at)
        return await work

    async def _pass(self) -> None:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((_work.get(), gate))
        await gate

    def _let_one_through(self) -> None:
        self._waiting.sort(key=lambda one: self._rank.index(one[0]))
        if self._passed in self._turns:
            self._rank.append(self._rank.pop(self._rank.index(self._waiting[0][0])))
            self._waiting.sort(key=lambda one: self._rank.index(one[0]))
        self._passed += 1
        self._waiting.pop(0)[1].set_result(None)

    async def _settle(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        await self._answered.wait()


class GatedTransport(Transport):
    """A real connection behind gates; open as long as there are none."""

    gates: Gates | None = None

    async def call(self, endpoint: Any, body: Any = None, /, **more: Any) -> Any:
        made = super().call(endpoint, body, **more)
        return await made if self.gates is None else await self.gates.call(made)
