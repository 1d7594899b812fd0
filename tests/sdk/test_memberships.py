"""Who may be let in and left out, as every member's device judges it against a lying server (A-5, A-6)."""

from typing import Any

import msgspec
import pytest

from etherapy.sdk.findings import Kind
from etherapy.sdk.verifying.evidence import Evidence
from etherapy.sdk.verifying.thread_log import Applied
from etherapy.tep.epoch import CommitReason, Role
from tests.sdk.larger_world import LargerWorld
from tests.sdk.small_world import HOUR
from tests.tep.world import person


@pytest.fixture
def world() -> LargerWorld:
    return LargerWorld()


def kinds(applied: Applied) -> list[Kind]:
    return [one.kind for one in applied.findings]


def everybody(world: LargerWorld) -> list[Applied]:
    return [world.show(world.log(one), one) for one in (world.anna, world.vale)]


def test_a_colleague_comes_in_by_the_consent_of_all_and_is_believed(world: LargerWorld):
    """AT-31."""
    world.let_in(world.agree(world.anna, world.vale))
    world.deliver(world.write("To both of you"))
    for applied in everybody(world):
        assert Kind.BAD_COMMIT not in kinds(applied)
    log = world.log(world.vale)
    assert kinds(world.show(log, world.vale)) == []
    assert log.epochs.newest is not None
    assert world.lind.chain.chain_id in log.epochs.newest.core.users()


@pytest.mark.parametrize("missing", ["client", "owner", "both"])
def test_without_the_consent_of_one_nobody_comes_in(world: LargerWorld, missing: str):
    """AT-31."""
    signers = {"client": [world.vale], "owner": [world.anna], "both": []}[missing]
    world.let_in(world.agree(*signers))
    for applied in everybody(world):
        assert kinds(applied) == [Kind.BAD_COMMIT]


@pytest.mark.parametrize(
    "change",
    [
        {"thread": bytes(16)},
        {"home": bytes(32)},
        {"until": 1, "since": 0},
        {"since": 10**14},
    ],
)
def test_a_consent_for_another_place_or_time_lets_nobody_in(world: LargerWorld, change: dict[str, Any]):
    """AT-31."""
    world.let_in(world.agree(world.anna, world.vale, **change))
    for applied in everybody(world):
        assert kinds(applied) == [Kind.BAD_COMMIT]


def test_a_consent_that_the_server_does_not_show_lets_nobody_in(world: LargerWorld):
    """AT-31."""
    name = world.agree(world.anna, world.vale)
    world.let_in(name)
    del world.consents[name]
    assert kinds(everybody(world)[0]) == [Kind.BAD_COMMIT]


def test_after_its_time_a_cover_must_be_left_out_by_anybody_and_nobody_else_with_it(world: LargerWorld):
    """AT-97."""
    world.let_in(world.agree(world.anna, world.vale, until=world.at + HOUR))
    world.at += 2 * HOUR
    world.next(world.anna, CommitReason.REQUEST)
    for applied in everybody(world):
        assert kinds(applied) == [Kind.BAD_COMMIT]  # it keeps a cover whose time is over
    world.items.pop(), world.ts.pop(), world.commits.pop()
    world.let_go(world.lind, by=world.anna)
    for applied in everybody(world):
        assert kinds(applied) == []


def test_while_its_time_lasts_only_the_owner_leaves_a_cover_out(world: LargerWorld):
    """AT-97."""
    world.let_in(world.agree(world.anna, world.vale, until=world.at + HOUR))
    world.let_go(world.lind, by=world.anna)
    for applied in everybody(world):
        assert kinds(applied) == [Kind.BAD_COMMIT]


def test_a_new_client_without_a_signature_under_the_charter_is_refused(world: LargerWorld):
    """AT-101."""
    name = world.agree(world.anna, world.vale, role=Role.CLIENT)
    world.let_in(name, role=Role.CLIENT)
    assert kinds(everybody(world)[0]) == [Kind.BAD_COMMIT]
    world.sign_charter()
    assert kinds(everybody(world)[0]) == []


def test_family_cannot_leave_out_a_device_of_somebody_else_and_the_therapist_can(world: LargerWorld):
    """AT-76: and what the therapist did is there for everybody to see."""
    world.let_in(world.agree(world.anna, world.vale, role=Role.FAMILY), role=Role.FAMILY)
    phone = world.anna.add()
    world.next(world.anna, CommitReason.DEVICE_ADDED)
    kept = {world.anna.chain.chain_id: [world.anna.keys.device_id, world.anna.code.keys().device_id]}
    world.next(world.lind, CommitReason.NARROWING, kept=kept)
    for applied in everybody(world):
        assert kinds(applied) == [Kind.BAD_COMMIT]
    world.items.pop(), world.ts.pop(), world.commits.pop()
    world.next(world.vale, CommitReason.NARROWING, kept=kept)
    log = world.log(world.anna)
    assert kinds(world.show(log, world.anna)) == []
    newest = log.epochs.newest
    assert newest is not None and newest.core.row_of(phone.device_id) is None
    assert newest.core.reason == CommitReason.NARROWING


def test_a_commit_without_the_recovery_device_is_refused_even_from_the_owner(world: LargerWorld):
    """AT-27."""
    kept = {world.anna.chain.chain_id: [world.anna.keys.device_id]}
    world.next(world.vale, CommitReason.NARROWING, kept=kept)
    for applied in everybody(world):
        assert kinds(applied) == [Kind.BAD_COMMIT]


def test_whoever_leaves_is_left_out_by_name_of_their_word(world: LargerWorld):
    world.let_in(world.agree(world.anna, world.vale, role=Role.FAMILY), role=Role.FAMILY)
    word = world.leave(world.lind)
    world.let_go(world.lind, word, by=world.anna)
    for applied in everybody(world):
        assert kinds(applied) == []


def test_a_leave_that_was_given_later_does_not_unmake_an_earlier_epoch(world: LargerWorld):
    world.let_in(world.agree(world.anna, world.vale, role=Role.FAMILY), role=Role.FAMILY)
    world.next(world.anna, CommitReason.REQUEST)
    word = world.leave(world.lind)
    world.let_go(world.lind, word, by=world.anna)
    for applied in everybody(world):
        assert kinds(applied) == []


def test_messages_of_somebody_who_was_left_out_stay_readable(world: LargerWorld):
    world.let_in(world.agree(world.anna, world.vale))
    world.deliver(world.write("From the cover", by=world.lind))
    world.let_go(world.lind)
    for one in (world.anna, world.vale):
        applied = world.show(world.log(one), one)
        assert [message.text for message in applied.messages] == ["From the cover"]
        assert applied.messages[0].role == Role.CO_THERAPIST and kinds(applied) == []


def test_whoever_joins_without_the_history_reads_from_the_epoch_that_brought_them_in(world: LargerWorld):
    """AT-55: nothing from before is shown or could be opened."""
    world.deliver(world.write("Before"))
    held = world.write("Held across")
    promise = world.promise(held)
    start = world.n
    world.let_in(world.agree(world.anna, world.vale))
    world.deliver(held, promise)
    world.deliver(world.write("After"))
    log = world.newcomer(start)
    page = world.items[start:]
    applied = log.apply(
        page, world.head(), Evidence(world.people(), [world.lind.keys], {}, None, world.papers)
    )
    assert [message.text for message in applied.messages] == ["After"]
    assert kinds(applied) == [] and len(log.epochs.secrets) == 1
    assert log.epochs.owner == world.vale.chain.chain_id and log.n == world.n


@pytest.mark.parametrize("lie", ["place", "consent", "charter", "history"])
def test_a_server_cannot_choose_where_or_by_whom_a_reader_comes_in(world: LargerWorld, lie: str):
    """AT-55, AT-31."""
    world.deliver(world.write("Before"))
    start = world.n
    name = world.agree(*([world.vale] if lie == "consent" else [world.anna, world.vale]))
    view = (0, world.ts[0]) if lie == "place" else (world.n, world.ts[-1])
    world.inside.append((world.lind, Role.CO_THERAPIST))
    world.next(world.vale, CommitReason.USER_ADDED, (name,), view=view)
    log = world.newcomer(start)
    if lie == "charter":
        log.epochs.begin_at(world.items[0].item[:-1] if world.items[0].item else b"")
    if lie == "history":
        world.ts[start] = bytes(32)
        log = world.newcomer(start)
        with pytest.raises(Exception, match="signed head"):
            log.apply(
                world.items[start:],
                world.head(),
                Evidence(world.people(), [world.lind.keys], {}, None, world.papers),
            )
        return
    page = world.items[start:]
    applied = log.apply(
        page, world.head(), Evidence(world.people(), [world.lind.keys], {}, None, world.papers)
    )
    assert kinds(applied) == [Kind.BAD_COMMIT] and log.halted is not None


@pytest.mark.parametrize("history", [False, True])
def test_a_thread_never_gets_another_owner_than_the_one_that_was_invited_to(
    world: LargerWorld, history: bool
):
    """AT-105, AT-31: a server can make a thread of its own, with a therapist of its own, under a known id."""
    start = 0 if history else world.n
    world.let_in(world.agree(world.anna, world.vale, history=history))
    real, other = world.vale.chain.chain_id, person("another therapist").chain.chain_id
    for owner, expected in ((real, []), (other, [Kind.BAD_COMMIT])):
        log = world.newcomer(start, {one.commit_hash: secret for one, secret in world.commits}, owner)
        applied = log.apply(
            world.items[start:],
            world.head(),
            Evidence(world.people(), [world.lind.keys], {}, world.began if history else None, world.papers),
        )
        assert kinds(applied)[:1] == expected


@pytest.mark.parametrize("role", [Role.CLIENT, Role.FAMILY])
@pytest.mark.parametrize("history", [False, True])
def test_nobody_is_brought_under_a_charter_that_they_did_not_sign(
    world: LargerWorld, role: Role, history: bool
):
    """AT-101, AT-31: what a newcomer signed when answering is all that ties a thread to them."""
    start = 0 if history else world.n
    world.let_in(world.agree(world.anna, world.vale, role=role, history=history), role=role)
    secrets = {one.commit_hash: secret for one, secret in world.commits}
    for expected in ([Kind.BAD_COMMIT], []):
        log, began = world.newcomer(start, secrets), world.began if history else None
        page = world.items[start:]
        applied = log.apply(
            page, world.head(), Evidence(world.people(), [world.lind.keys], {}, began, world.papers)
        )
        assert kinds(applied) == expected
        world.sign_charter()


def test_a_newcomer_is_told_when_the_time_of_a_colleague_ends_and_by_which_consent(world: LargerWorld):
    """AT-97: a second question about the same colleague, never agreed to, changes nothing about it."""
    kim = person("kim")
    world.others.append(kim)
    used = world.agree(world.anna, world.vale, to=kim, until=world.at + HOUR)
    world.agree(world.vale, to=kim, until=world.at + 9 * HOUR)
    world.inside.append((kim, Role.CO_THERAPIST))
    world.next(world.vale, CommitReason.USER_ADDED, (used,))
    start = world.n
    world.let_in(world.agree(world.anna, world.vale))
    world.at += 2 * HOUR
    world.let_go(kim, by=world.anna)
    for hidden, expected in ((False, []), (True, [Kind.BAD_COMMIT])):
        if hidden:
            del world.consents[used]
            world.consents = {name: one for name, one in world.consents.items() if len(one[1]) > 1}
        log = world.newcomer(start)
        page = world.items[start:]
        applied = log.apply(
            page, world.head(), Evidence(world.people(), [world.lind.keys], {}, None, world.papers)
        )
        assert kinds(applied)[:1] == expected


def test_whoever_joins_with_the_history_reads_all_of_it_once_it_is_granted(world: LargerWorld):
    """AT-55: the older epochs open by their secrets only, each held against its commitment."""
    world.deliver(world.write("Before"))
    world.let_in(world.agree(world.anna, world.vale, history=True))
    world.deliver(world.write("After"))
    applied = world.show(world.newcomer(0), world.lind)
    assert [message.text for message in applied.messages] == [None, "After"]
    assert set(kinds(applied)) == {Kind.NO_ROW, Kind.UNREADABLE}
    secrets = {commit.commit_hash: secret for commit, secret in world.commits}
    granted = world.show(world.newcomer(0, secrets), world.lind)
    assert [message.text for message in granted.messages] == ["Before", "After"]
    assert kinds(granted) == []


def test_a_planted_secret_opens_nothing(world: LargerWorld):
    """AT-53, AT-30."""
    world.let_in(world.agree(world.anna, world.vale, history=True))
    wrong = {commit.commit_hash: bytes(32) for commit, _ in world.commits[:1]}
    applied = world.show(world.newcomer(0, wrong), world.lind)
    assert Kind.SECRET_MISMATCH in kinds(applied)


def test_a_thread_is_not_begun_without_its_reader_unless_they_joined_it(world: LargerWorld):
    other = person("somebody else")
    log = world.log(other)
    applied = log.apply(world.items, world.head(), Evidence(world.people(), [other.keys], {}, world.began))
    assert kinds(applied) == [Kind.BAD_COMMIT]


def test_bare_entries_from_before_a_newcomer_are_gaps_and_no_alarm(world: LargerWorld):
    world.deliver(world.write("Placed between"))
    start = world.n - 1
    world.inside.append((world.lind, Role.CO_THERAPIST))
    name = world.agree(world.anna, world.vale)
    world.next(world.vale, CommitReason.USER_ADDED, (name,), view=(start, world.ts[start]))
    page = [msgspec.structs.replace(world.items[start], item=None, promise=None), *world.items[start + 1 :]]
    log = world.newcomer(start)
    applied = log.apply(
        page, world.head(), Evidence(world.people(), [world.lind.keys], {}, None, world.papers)
    )
    assert not any(found.grave for found in applied.findings) and log.halted is None
