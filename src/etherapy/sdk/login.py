"""Login: a challenge signed by the device, a short-lived token, again by itself on 401 (tep.md §5.11)."""

import asyncio
import time
from collections.abc import Callable, Sequence

from etherapy.binary import B64, Hash32, Id16
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.people import AskChallenge, Challenge, Login
from etherapy.protocol.problems import DeviceRevoked
from etherapy.sdk.faults import WrongServer
from etherapy.sdk.transport import Transport
from etherapy.tep.login import challenge_bytes


class DeviceLogin:
    """The token of one device, held in memory only, and what time the server said it was.

    LoginFailed (a Problem): the device is unknown or revoked. WrongServer: the challenge is for another
    origin, and nothing was signed.
    """

    def __init__(
        self,
        transport: Transport,
        practice: bytes,
        keys: DeviceKeys,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._practice = practice
        self._keys = keys
        self._monotonic = monotonic
        self._token: str | None = None
        self._lock = asyncio.Lock()
        self._told: tuple[int, float] | None = None
        self.count = 0
        """How often this device has logged in."""
        self.on_revoked: Callable[[Sequence[bytes]], None] | None = None
        """Given the links that the server shows for this device's being out; raises if they prove it."""

    async def current(self) -> str:
        """The token to send; log in first if there is none."""
        async with self._lock:
            return self._token or await self._log_in()

    async def renew(self, refused: str) -> str:
        """A new token in the place of one that was refused; several callers log in once."""
        async with self._lock:
            if self._token is not None and self._token != refused:
                return self._token
            return await self._log_in()

    def forget(self) -> None:
        """Drop the token."""
        self._token = None

    async def server_time(self) -> int:
        """Milliseconds since 1970 by the server's clock: what it said last, and what has passed since.

        No device's own clock is believed in anything that accuses somebody.
        """
        if self._told is None:
            self._hear(await self._challenge())
        assert self._told is not None
        said, heard = self._told
        return said + int((self._monotonic() - heard) * 1000)

    def heard_of(self, at: int) -> None:
        """The server has shown something dated `at`, so it is at least that late."""
        if self._told is not None and at > self._told[0] + int((self._monotonic() - self._told[1]) * 1000):
            self._told = (at, self._monotonic())

    async def _challenge(self) -> Challenge:
        ask = AskChallenge(Id16(self._practice), Id16(self._keys.device_id))
        return await self._transport.call(endpoints.ask_challenge, ask)

    def _hear(self, challenge: Challenge) -> None:
        self._told = (challenge.time, self._monotonic())

    async def _log_in(self) -> str:
        challenge = await self._challenge()
        self._hear(challenge)
        origin = self._transport.origin
        if challenge.origin != origin:
            raise WrongServer("the login challenge is for another address than the one that was asked")
        signature = self._keys.sign.sign(challenge_bytes(origin, challenge.nonce, challenge.time))
        signed = Login(
            Id16(self._practice),
            Id16(self._keys.device_id),
            Hash32(challenge.nonce),
            challenge.time,
            B64(signature),
        )
        try:
            self._token = (await self._transport.call(endpoints.login, signed)).token
        except DeviceRevoked as out:
            if self.on_revoked is not None:
                self.on_revoked(out.links)
            raise
        self.count += 1
        return self._token
