"""What an author had seen of positions that a restore gave up (tep_amendments.md A-8). Pure.

Such a view cannot be compared any more: everybody has set those positions aside, on the server's signed word.
As soon as a device has written with a view of the new generation, what it writes there has no such excuse;
what was promised to it before still has.
"""

from etherapy.sdk.verifying.spine import Spine
from etherapy.tep.placing import Entry
from etherapy.tep.statements import Promise


class LostHistory:
    """Which devices have shown that they know a generation."""

    def __init__(self) -> None:
        self._caught_up: set[tuple[bytes, int]] = set()

    def tells_of(
        self, entry: Entry, device: bytes, seen: tuple[int, bytes], spine: Spine, was_healed: bool = False
    ) -> bool:
        """Whether what stands at `entry` was written on a history that a restore below it gave up.

        `seen` is the (n, T_n) of its author's view; `was_healed`: see there.
        """
        n, t = seen
        mark = next((one for one in reversed(spine.marks) if one.n < entry.n), None)
        if mark is None or n <= mark.restored_n:
            return False
        if was_healed:
            return True
        if n < entry.n and spine.t_at(n) == t:
            self._caught_up.add((device, mark.n))
            return False
        return (device, mark.n) not in self._caught_up


def was_healed(promise: Promise, epoch_n: int, spine: Spine) -> bool:
    """Whether a promise is one that was carried over after a restore: a revision that states the first
    position at which both the generation and the message's epoch were there."""
    return promise.rev > 0 and any(promise.n_acc == max(mark.n, epoch_n) for mark in spine.marks)
