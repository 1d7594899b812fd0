"""What the server does with what a device derived from a passphrase: it hashes it once more, slowly, and
compares (tep.md §5.11, decisions.md D-13).

The passphrase itself never comes here, and knowing it opens no account: it ties a waiting device to one.
"""

import asyncio
import hmac
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerificationError

from etherapy.protocol.door import Unavailable

DERIVATION: Final = (64 * 1024, 3, 1)
"""Memory in KiB, passes and lanes of the device's own Argon2id; devices pin these and refuse lower ones."""
AT_ONCE: Final = 4
"""Hashes in progress; each takes 19 MiB and some hundredth of a second."""
QUEUE: Final = 64
"""How many may wait for their turn: beyond that everybody is better served by trying again."""

Found = TypeVar("Found")
_HASHER: Final = PasswordHasher(
    time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=32, salt_len=16, type=Type.ID
)


def _text(data: bytes) -> str:
    return b64encode(data).rstrip(b"=").decode()


_NOBODY: Final = "$argon2id$v=19$m=19456,t=2,p=1${}${}".format(
    _text(sha256(b"salt of nobody").digest()[:16]), _text(sha256(b"nobody").digest())
)
"""A verifier that nothing fits, with the parameters of all others: checking it costs as much (AT-65)."""


class Hashing:
    """Argon2id in threads of its own, a few at a time, so that the rest of the server goes on."""

    def __init__(self, at_once: int = AT_ONCE, queue: int = QUEUE) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="argon2")
        self._room = at_once + queue
        self._under_way = 0
        self.runs = 0
        """Hashes made so far."""

    async def verifier(self, auth: bytes) -> str:
        """What to keep of `auth`. Unavailable when too many wait; the same for `matches`."""
        return await self._run(lambda: _HASHER.hash(auth))

    async def matches(self, verifier: str | None, auth: bytes) -> bool:
        """Whether `auth` is what was kept. None, nobody's, takes just as long and never matches."""
        return await self._run(lambda: _fits(verifier or _NOBODY, auth)) and verifier is not None

    async def _run(self, work: Callable[[], Found]) -> Found:
        if self._under_way >= self._room:
            raise Unavailable()
        self._under_way += 1
        self.runs += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1


def _fits(verifier: str, auth: bytes) -> bool:
    try:
        return _HASHER.verify(verifier, auth)
    except VerificationError:
        return False


def salt_of_nobody(pepper: bytes, practice: bytes, name: str) -> bytes:
    """A salt for a name that nobody has: the same from every node and for ever (AT-65)."""
    return hmac.digest(pepper, b"salt\0" + practice + name.encode(), "sha256")[:16]
