"""What a change of one's devices asks of one's threads, for people who have none.

Everybody has devices; only some have threads (`own_threads`). So the commands on devices ask here and need
not know whom they serve.
"""


class Threadless:
    """Nothing to do, and nothing done."""

    async def settle_threads(self) -> tuple[bytes, ...]:
        """Begin an epoch wherever a roster is stale; the threads where that has to wait for the next sync."""
        return ()

    async def share_history(self, device: bytes) -> tuple[bytes, ...]:
        """Give one's own new device what was before it, in every thread; where that has to wait."""
        return ()

    async def keep_waiting(self, device: bytes) -> int:
        """Seal anew, in this device's name, what another own device has waiting; how many messages."""
        return 0

    async def left_out_of(self, device: bytes) -> tuple[bytes, ...]:
        """The threads from whose newest epoch an active device of one's own is left out."""
        return ()
