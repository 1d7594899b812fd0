"""Commits: what the server checks, and what they meet under way (tep_amendments.md A-5)."""

import asyncio
from datetime import timedelta
from os import urandom
from pathlib import Path

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.server.settings import Settings
from etherapy.tep.epoch import CommitReason, Role
from tests.server.clinic import MORNING, Clinic
from tests.server.company import Company, ask, company_of, couple, link_device, send
from tests.server.furnishing import Furnished
from tests.server.people import seal

CLIENT, PARTNER, THERAPIST, COLLEAGUE = "A.client", "A.partner_client", "A.therapist", "A.other_therapist"


async def test_of_two_commits_on_one_epoch_one_wins_and_the_other_is_told_the_winner(
    clinic: Clinic, thread: Company
) -> None:
    """AT-26"""
    made = {name: await thread.make(name) for name in (CLIENT, THERAPIST)}
    answers = await asyncio.gather(*(thread.offer_commit(name, whole) for name, (whole, _) in made.items()))
    by_status = {answer.status: (name, answer) for name, answer in zip(made, answers, strict=True)}
    assert sorted(by_status) == [201, 409]
    winner, loser = by_status[201][0], by_status[409][1]
    assert B64.read(loser.json()["newest"]) == made[winner][0]
    epochs = await clinic.operate.fetch(
        "SELECT commit FROM epoch WHERE thread_id = $1 AND epoch = 1", thread.talk.thread
    )
    assert [row["commit"] for row in epochs] == [made[winner][0]]


async def test_the_same_commit_again_is_answered_as_before_whatever_came_after_it(
    thread: Company,
) -> None:
    whole, secret = await thread.make(CLIENT)
    first = await thread.offer_commit(CLIENT, whole)
    thread.settle(whole, secret)
    assert (await thread.commit(THERAPIST)).status == 201
    again = await thread.offer_commit(CLIENT, whole)
    assert (again.status, again.body) == (201, first.body)
    assert dict(again.headers)["Etherapy-Repeated"] == "true"


async def test_a_commit_that_lacks_a_device_or_seals_to_a_stranger_is_refused(
    clinic: Clinic, thread: Company
) -> None:
    """AT-27, AT-28"""
    client = thread.person(CLIENT)
    first = client.keys.device_id
    recovery = client.chain.recovery()[0].device_id
    for by, left in ((CLIENT, first), (THERAPIST, first), (THERAPIST, recovery)):
        for reason in (CommitReason.REQUEST, CommitReason.NARROWING):
            if (left, reason) == (recovery, CommitReason.NARROWING):
                continue  # that is a narrowing
            answer = await thread.commit(by, reason, kept={client.chain.chain_id: {left}})
            assert (answer.status, answer.problem) == (422, "unverified"), (by, reason)
    stranger = {**thread.roles, "A.far_client": Role.FAMILY}
    answer = await thread.commit(THERAPIST, CommitReason.USER_ADDED, roles=stranger)
    assert (answer.status, answer.problem) == (422, "unverified")


async def test_a_commit_may_name_neither_another_charter_nor_another_place_nor_a_made_up_view(
    thread: Company,
) -> None:
    """AT-101"""
    n, _ = await thread.view()
    for change in (
        {"charter_hash": urandom(32)},
        {"home": urandom(32)},
        {"view": (n, urandom(32))},
        {"view": (n + 1, bytes(32))},
    ):
        answer = await thread.commit(THERAPIST, **change)
        assert (answer.status, answer.problem) == (422, "unverified"), change


async def test_only_those_who_treat_make_epochs_for_their_count_or_age(
    clinic: Clinic, thread: Company
) -> None:
    """AT-93"""
    await thread.accept(await thread.leave_invitation(Role.FAMILY), "A.relative_client")
    assert (await thread.bring_in(CLIENT, "A.relative_client", Role.FAMILY, history=True)).status == 201
    assert (await thread.bring_in(CLIENT, COLLEAGUE, Role.CO_THERAPIST)).status == 201
    for reason in (CommitReason.COUNT, CommitReason.AGE):
        for name in (CLIENT, "A.relative_client"):
            answer = await thread.commit(name, reason)
            assert (answer.status, answer.problem) == (422, "unverified"), name
        for name in (THERAPIST, COLLEAGUE):
            assert (await thread.commit(name, reason)).status == 201, name


async def test_a_message_under_an_older_epoch_is_never_stored(clinic: Clinic, thread: Company) -> None:
    """AT-34"""
    late = seal(thread.talk, thread.person(CLIENT), "sealed before the commit")
    assert (await thread.commit(THERAPIST)).status == 201
    answer = await send(thread, CLIENT, late.envelope)
    assert (answer.status, answer.problem) == (409, "stale-epoch")
    assert B64.read(answer.json()["newest"]) == thread.talk.commit.pack()
    assert await clinic.operate.fetchval("SELECT count(*) FROM message WHERE mid = $1", late.mid) == 0


async def test_a_commit_and_a_growing_chain_meet_and_neither_is_lost(clinic: Clinic, thread: Company) -> None:
    """AT-26: whichever comes first, the epoch never names a chain that had grown before it."""
    whole, _ = await thread.make(THERAPIST)
    (linked, _), answer = await asyncio.gather(
        link_device(clinic, CLIENT), thread.offer_commit(THERAPIST, whole)
    )
    assert linked.status == 201 and answer.status in (201, 409)


async def test_a_commit_is_placed_whatever_is_sent_and_released_meanwhile(clinic: Clinic) -> None:
    """AT-91: what a partner sends while being left out is returned or refused, never placed."""
    thread = await couple(clinic)
    letters = [seal(thread.talk, thread.person(PARTNER), f"letter {number}") for number in range(6)]
    whole, secret = await thread.make(THERAPIST, CommitReason.USER_REMOVED, roles=thread.without(PARTNER))
    await clinic.clock.turn_to(MORNING - timedelta(minutes=1))
    committed, *sent = await asyncio.gather(
        thread.offer_commit(THERAPIST, whole),
        *(send(thread, PARTNER, letter.envelope) for letter in letters),
    )
    assert committed.status == 201, committed
    thread.settle(whole, secret, thread.without(PARTNER))
    for letter, answer in zip(letters, sent, strict=True):
        taken = await clinic.operate.fetchval("SELECT state FROM message WHERE mid = $1", letter.mid)
        assert taken == ("returned" if answer.status == 200 else None), answer


async def test_a_commit_at_the_minute_of_release_comes_after_what_was_due(
    clinic: Clinic, thread: Company
) -> None:
    waiting = clinic.sent[f"{CLIENT} held"]
    whole, _ = await thread.make(THERAPIST)
    await clinic.clock.turn_to(MORNING)
    answer, page = await asyncio.gather(
        thread.offer_commit(THERAPIST, whole), ask(thread, CLIENT, endpoints.read_page)
    )
    assert (answer.status, page.status) == (201, 200)
    n = await clinic.operate.fetchval("SELECT n FROM message WHERE mid = $1", waiting.mid)
    at = await clinic.operate.fetchval("SELECT n FROM epoch WHERE commit = $1", whole)
    assert n == at - 1


async def test_a_device_makes_one_epoch_in_ten_seconds(furnished: Furnished, tmp_path: Path) -> None:
    async with furnished.open(tmp_path, settings=Settings(limits=True)) as clinic:
        thread = company_of(clinic)
        whole, secret = await thread.make(CLIENT)
        assert (await thread.offer_commit(CLIENT, whole)).status == 201
        thread.settle(whole, secret)
        assert (await thread.commit(CLIENT)).status == 429
        assert (await thread.offer_commit(CLIENT, whole)).status == 201
        assert (await thread.commit(THERAPIST)).status == 201
