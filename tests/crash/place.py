"""Where people get in, and the sessions that they open there."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from etherapy.binary import B64, Id16
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.people import AskChallenge, Login
from etherapy.sdk.transport import Transport
from etherapy.tep.login import challenge_bytes
from etherapy.tep.receipts import KeyDates
from etherapy.tep.serverkeys import ServerKeys, home, verify_server_chain


class Tokens:
    """A session that is opened when it is first needed, and again when it has ended."""

    def __init__(self, door: Transport, practice: bytes, keys: DeviceKeys) -> None:
        self._door = door
        self._practice = Id16(practice)
        self._keys = keys
        self._token = ""

    async def current(self) -> str:
        return self._token or await self.renew("")

    async def renew(self, refused: str) -> str:
        device = Id16(self._keys.device_id)
        asked = await self._door.call(endpoints.ask_challenge, AskChallenge(self._practice, device))
        signature = self._keys.sign.sign(challenge_bytes(asked.origin, asked.nonce, asked.time))
        opened = await self._door.call(
            endpoints.login, Login(self._practice, device, asked.nonce, asked.time, B64(signature))
        )
        self._token = opened.token
        return self._token


@dataclass(slots=True)
class Place:
    """Where people get in: a practice on a server, and the clock that their devices go by."""

    origin: str
    practice: bytes
    server: ServerKeys
    now: Callable[[], datetime]

    @classmethod
    async def find(cls, origin: str, practice: bytes, now: Callable[[], datetime]) -> Self:
        async with Transport(origin) as door:
            links = (await door.call(endpoints.read_server_keys)).links
        return cls(origin, practice, verify_server_chain(links), now)

    @property
    def home(self) -> bytes:
        return home(self.server.server_id, self.practice)

    @property
    def receipt_keys(self) -> dict[bytes, KeyDates]:
        return self.server.receipt_keys()
