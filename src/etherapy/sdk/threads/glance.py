"""A thread at a glance, as lists of threads show it."""

from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.verifying.letters import by_therapist, is_by_others
from etherapy.sdk.verifying.message import ThreadView
from etherapy.sdk.verifying.roles import ROLE_NAMES
from etherapy.tep.epoch import Role


async def at_a_glance(desk: ThreadDesk) -> ThreadView:
    """What is known here of a thread, without asking the server."""
    async with desk.lock:
        await desk.load()
    state, messages = desk.state, desk.log.messages
    therapist = state.role in (Role.THERAPIST, Role.CO_THERAPIST)
    return ThreadView(
        thread=state.thread,
        role=ROLE_NAMES.get(state.role, "client"),
        with_name=(state.label or f"client {state.thread.hex()[:6]}") if therapist else state.owner_name,
        last_n=desk.log.n,
        messages=len(messages),
        last_placed_at=messages[-1].placed_at if messages else None,
        seen_by_practice=any(by_therapist(one) for one in messages if one.standing != "refused"),
        halted=desk.halted,
        standing="awaited" if desk.is_awaited else "ended" if state.ended else "open",
        heard_at=next((one.placed_at for one in reversed(messages) if is_by_others(one)), None),
    )
