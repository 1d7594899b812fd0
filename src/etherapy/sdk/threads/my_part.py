"""Where a person's part of a thread begins, and whose chains its pages need (A-3, A-5, A-6)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import KeptItem, Sheets
from etherapy.sdk.threads.papers import drop_papers
from etherapy.sdk.verifying.person import Person
from etherapy.sdk.verifying.thread_log import commits_among, papers_named, people_of
from etherapy.tep.charter import MAX_SIGNED_CHARTER, charter_hash
from etherapy.tep.consent import parse_consent, signed_by
from etherapy.tep.invite import parse_invite
from etherapy.tep.leaving import parse_leave
from etherapy.tep.malformed import Malformed
from etherapy.tep.signed import parse_signed

if TYPE_CHECKING:
    from etherapy.sdk.threads.desk import ThreadDesk


async def prepare(desk: "ThreadDesk", items: Sequence[KeptItem]) -> None:
    """What a page needs beside itself: where this person's part begins, and the papers that it names."""
    first = items[0].place().n
    if first > desk.log.n + 1 or (desk.log.n == 0 and is_newcomer(desk, items)):
        await begin_at(desk, first)
    if papers_named(items):  # what is kept may have fewer signatures than the epoch was made by
        await desk.look_at_people()


def is_newcomer(desk: "ThreadDesk", items: Sequence[KeptItem]) -> bool:
    """Whether epoch 0 was made without this person."""
    began = [one.core for one in commits_among(items) if one.core.epoch == 0]
    return bool(began) and desk.link.chain not in began[0].users() and not desk.state.joined


async def begin_at(desk: "ThreadDesk", first: int) -> None:
    """Somebody who was not there from the beginning, or who came again, is shown the thread from `first`
    on; whether that is where their epoch says is judged with that epoch."""
    answer = await desk.look_at_people()
    own = next((one for one in answer.members if one.chain == desk.link.chain), None) if answer else None
    if answer is None or own is None or own.consent is None or own.start_n != first - 1:
        return  # the page is refused for the gap, or for epoch 0
    state = desk.state
    if state.n and not _is_let_in_again(desk, bytes(own.consent), own.start_n):
        return  # what is here is not forgotten because the server says so
    state.joined, state.charter = bytes(own.consent), bytes(answer.charter)
    state.start_n, state.start_t = own.start_n, bytes(own.start_t or b"")
    state.n, state.t, state.told = 0, b"", own.start_n
    state.sheets = Sheets()  # those of the time between had no part for this person
    drop_papers(state, answer)
    _expect_invited(desk, state.charter)
    desk.begin_again()


def _is_let_in_again(desk: "ThreadDesk", name: bytes, start_n: int) -> bool:
    """Whether the owner of this thread signed for this person's coming once more, after all that was seen."""
    state, epochs = desk.state, desk.log.epochs
    kept, owner = state.consents.get(name), desk.link.people.person(epochs.owner or state.owner)
    if kept is None or owner is None or name == state.joined or name in epochs.named() or start_n < state.n:
        return False
    sig = kept.signatures.get(owner.chain.chain_id, b"")
    newcomer = parse_consent(kept.core).newcomer
    return newcomer == desk.link.chain and signed_by(kept.core, sig, list(owner.chain.devices.values()))


def _expect_invited(desk: "ThreadDesk", charter: bytes) -> None:
    """Refuted when the charter is not the one of the invitation that this person answered."""
    if not desk.state.invitation:
        return
    terms = parse_invite(desk.state.invitation).invite
    try:
        shown = charter_hash(parse_signed(charter, MAX_SIGNED_CHARTER).core)
    except Malformed:
        shown = b""
    if shown != terms.charter_hash:
        words = "the terms of this thread are not those of your invitation"
        proof = {"charter": charter, "invite": desk.state.invitation}
        raise Refuted(Finding(kind=Kind.BAD_CHARTER, words=words, proof=proof, thread=desk.thread))


async def people_for(desk: "ThreadDesk", items: Sequence[KeptItem], *, fresh: bool) -> dict[bytes, Person]:
    """The chains of everybody in a roster so far, long enough for these items.

    With `fresh` items somebody who was left out is looked at: they may have closed their account.
    """
    needed = {row.chain_id: 0 for one in desk.log.epochs.commits for row in one.commit.core.roster}
    for chain, seq in people_of(items).items():
        needed[chain] = max(seq, needed.get(chain, 0))
    found: dict[bytes, Person] = {}
    gone = left_out_by(desk, items)
    for chain, seq in needed.items():
        person = desk.link.people.person(chain)
        why = fresh and chain in gone and not _is_told(desk, chain)
        if person is None or person.chain.seq < seq or why:
            person = await desk.link.people.look(chain, await desk.link.now(), at_least=seq)
        found[chain] = person
    return found


def left_out_by(desk: "ThreadDesk", items: Sequence[KeptItem]) -> set[bytes]:
    """Whom the commits among these items leave out."""
    cores = [one.core for one in commits_among(items)]
    newest = desk.log.epochs.newest
    before = [] if newest is None else [newest.core]
    return {gone for a, b in pairwise([*before, *cores]) for gone in a.users() - b.users()}


def _is_told(desk: "ThreadDesk", chain: bytes) -> bool:
    """Whether it is known from what is kept why somebody may be left out."""
    person = desk.link.people.person(chain)
    closed = person is not None and person.chain.closed
    left = any(parse_leave(one).leave.chain == chain for one in desk.state.leaves.values())
    return closed or left or bool(desk.log.epochs.ends.get(chain))
