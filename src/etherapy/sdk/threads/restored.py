"""One thread after a restore of the server: what lies above the place where it went on is set aside (A-8).

Only on the server's signed statement, only for a generation that is newer than any seen, and only if the
thread was up to that place what this device saw. Everything else is a rollback, and stays one.
"""

from typing import TYPE_CHECKING

from etherapy.protocol import endpoints
from etherapy.protocol.problems import NoSuchThread
from etherapy.sdk.keeping.kept import KeptItem, OwnItem, Sheets
from etherapy.tep.malformed import Malformed

if TYPE_CHECKING:
    from etherapy.sdk.threads.desk import ThreadDesk


async def set_aside(desk: "ThreadDesk") -> bool:
    """Whether a restore accounts for what does not fit; then the thread ends where the server went on."""
    link, state = desk.link, desk.state
    await link.watch.look_for_restore()
    try:
        answer = await link.transport.call(endpoints.read_thread_generation, thread=desk.thread)
    except NoSuchThread:
        return False
    n = answer.n - 1
    t = desk.log.spine.t_at(n)
    if answer.mark is None or t is None:
        return False  # never restored; or this device had not read that far, and nothing was taken from it
    try:
        signed = link.generations.mark(bytes(answer.mark), desk.thread, n, t)
    except Malformed:
        return False
    if signed.statement.generation <= state.generation:
        return False
    kept = link.profile.items(desk.thread)
    lost = [one for one in kept if one.place().n > n and one not in state.lost]
    state.lost += lost
    for item in state.own.values():
        _lose(item, n, lost)
    state.n, state.t, state.told = n, t, min(state.told, n)
    state.generation = signed.statement.generation
    state.sheets = Sheets()  # numbers of sheets above the backup are given out again
    link.profile.save_thread(state)
    link.profile.keep_only(desk.thread, [one for one in kept if one.place().n <= n])
    return True


def _lose(item: OwnItem, n: int, lost: list[KeptItem]) -> None:
    """An own message that the server cannot be relied on to have: it waits to be brought back."""
    if item.state == "placed" and item.n is not None and item.n > n:
        found = next((one for one in lost if one.place().n == item.n), None)
        item.envelope = item.envelope or (None if found is None else found.item)
        item.newest = item.newest or _later(item, found)
        item.state, item.n = "lost", None
    elif item.state == "held":
        item.state = "lost"


def _later(item: OwnItem, found: KeptItem | None) -> bytes | None:
    """The promise under which it was placed, where that was not the first one."""
    return None if found is None or found.promise == item.receipt else found.promise
