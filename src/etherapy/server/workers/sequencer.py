"""Gives the leaves of a practice's logs their places, and signs checkpoints (decisions.md D-27)."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final, Literal

from etherapy.binary import b64
from etherapy.merkle.checkpoint import Checkpoint, log_origin, sign
from etherapy.merkle.tree import grow, leaf_hash, peaks
from etherapy.rules.canonical import canonical_json
from etherapy.server.keys import ServerSecrets
from etherapy.store.logs import AUDIT, KEYS, Hidden, Logs, LogState
from etherapy.tep.leaves import day_leaf

_NAMES: Final[dict[int, Literal["keys", "audit"]]] = {KEYS: "keys", AUDIT: "audit"}
_BATCH = 1000
STRAGGLERS = timedelta(minutes=10)
"""A day is over only then: a command that began before midnight may end after it."""


class Sequencer:
    """One at a time wins for each log: the loser's batch changes nothing and is taken up by the winner."""

    def __init__(self, logs: Logs, secrets: ServerSecrets, random: Callable[[int], bytes]) -> None:
        self._logs = logs
        self._secrets = secrets
        self._random = random

    async def tick(self, practice: bytes, now: datetime) -> None:
        """Write the leaves of days that are over, then number whatever waits in both logs."""
        state = await self._logs.state(practice, AUDIT)
        if state is not None:
            await self._write_days(practice, state, now)
        for log in (KEYS, AUDIT):
            while await self._batch(practice, log):
                pass

    async def _write_days(self, practice: bytes, state: LogState, now: datetime) -> None:
        """A leaf for each UTC day that has ended since the last one, also when nothing happened on it (A-6).

        Each holds a record of its own, so that the leaf of an empty day looks like any other.
        """
        today = (now - STRAGGLERS).date()
        last = state.day_written or today - timedelta(days=1)
        for ordinal in range(last.toordinal() + 1, today.toordinal()):
            day = date.fromordinal(ordinal)
            own = Hidden(self._random(16), self._random(32), canonical_json({"act": "day", "day": str(day)}))
            records = sorted([*await self._logs.day(practice, day), own])
            data = day_leaf(day, [(one.salt, one.record) for one in records])
            await self._logs.write_day(practice, day, self._random(16), data, now, own)

    async def _batch(self, practice: bytes, log: int) -> bool:
        """Number up to a thousand leaves; True if there may be more."""
        state = await self._logs.state(practice, log)
        if state is None or not state.waiting:
            return False
        leaves = await self._logs.unsequenced(practice, log, _BATCH)
        stored = await self._logs.nodes(practice, log, peaks(state.size))
        nodes, root = grow(
            state.size, lambda level, index: stored[(level, index)], [leaf_hash(data) for _, data in leaves]
        )
        origin = log_origin(self._secrets.known.installation, b64(practice), _NAMES[log])
        note = sign(Checkpoint(origin, state.size + len(leaves), root), self._secrets.checkpoint, origin)
        done = await self._logs.sequence(
            practice, log, state.size, [leaf for leaf, _ in leaves], nodes, root, note
        )
        return done and len(leaves) == _BATCH
