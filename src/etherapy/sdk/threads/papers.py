"""The papers of a thread: consents, leaves, signatures under the charter (tep_amendments.md A-6).

They are kept, so that every epoch can be judged again without any server.

What the server shows is taken over only as far as the people concerned signed it.
"""

from collections.abc import Collection

from etherapy.protocol import endpoints
from etherapy.protocol.membership import Admission, ConsentPaper, ThreadPeople
from etherapy.sdk.connection import Connection
from etherapy.sdk.keeping.kept import KeptConsent, ThreadState
from etherapy.tep.consent import consent_hash, parse_consent
from etherapy.tep.invite import parse_accept, parse_invite
from etherapy.tep.leaving import parse_leave
from etherapy.tep.malformed import Malformed
from etherapy.tep.membership import Papers


async def fetch_people(link: Connection, state: ThreadState, settled: Collection[bytes] = ()) -> ThreadPeople:
    """Everybody of a thread and its papers, as the server shows them; what is well formed is kept.

    `settled`: papers (by hash) and people (by chain) that epochs were judged by, which stay as they are.
    """
    answer = await link.transport.call(endpoints.read_people, thread=state.thread)
    keep_papers(state, answer, settled)
    link.profile.save_thread(state)
    return answer


def keep_papers(state: ThreadState, answer: ThreadPeople, settled: Collection[bytes] = ()) -> None:
    """Take papers over. They only grow."""
    for paper in answer.consents:
        _keep_consent(state, paper, settled)
    for leave in answer.leaves:
        _keep_leave(state, bytes(leave), settled)
    for one in answer.admissions:
        if one.chain not in settled and _is_answer(state, one):
            state.charter_signatures[bytes(one.chain)] = bytes(one.charter_signature)
    for member in answer.members:
        if member.name:
            state.names[bytes(member.chain)] = member.name
    state.charter = state.charter or bytes(answer.charter)


def drop_papers(state: ThreadState, answer: ThreadPeople) -> None:
    """For somebody who comes again: what is kept of the first time and not shown any more was used since."""
    shown = {bytes(one) for one in (*(paper.core for paper in answer.consents), *answer.leaves)}
    state.consents = {name: one for name, one in state.consents.items() if one.core in shown}
    state.leaves = {name: whole for name, whole in state.leaves.items() if whole in shown}


def papers_of(state: ThreadState) -> Papers:
    """The papers kept of a thread, as a commit is judged by them."""
    return Papers(
        consents={name: (one.core, one.signatures) for name, one in state.consents.items()},
        leaves={name: parse_leave(whole) for name, whole in state.leaves.items()},
        charter_signatures=state.charter_signatures,
    )


def _keep_consent(state: ThreadState, paper: ConsentPaper, settled: Collection[bytes]) -> None:
    core = bytes(paper.core)
    name = consent_hash(core)
    try:
        found = parse_consent(core)
    except Malformed:
        return
    if found.thread != state.thread or (name in settled and name in state.consents):
        return
    if paper.name:
        state.names[found.newcomer] = paper.name
    kept = state.consents.setdefault(name, KeptConsent(core=core))
    for one in paper.signatures:
        kept.signatures[bytes(one.chain)] = bytes(one.signature)


def _keep_leave(state: ThreadState, whole: bytes, settled: Collection[bytes]) -> None:
    try:
        signed = parse_leave(whole)
    except Malformed:
        return
    known = signed.leave_hash in settled and signed.leave_hash in state.leaves
    if signed.leave.thread == state.thread and not known:
        state.leaves[signed.leave_hash] = whole


def _is_answer(state: ThreadState, one: Admission) -> bool:
    """Whether the answer belongs to an invitation to this thread by this chain."""
    try:
        invite, accept = parse_invite(one.invite), parse_accept(one.accept)
    except Malformed:
        return False
    return invite.invite.thread == state.thread and accept.accept.client == one.chain
