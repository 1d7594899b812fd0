"""Devices left out of an epoch on purpose (tep.md §5.4), and what every other roster must hold (A-5)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etherapy.crypto.epochs import open_epoch
from etherapy.crypto.errors import NotForThisDevice
from etherapy.tep.epoch import Commit, CommitReason, RosterRow, row_now
from etherapy.tep.epoch_rules import check_roster
from etherapy.tep.linking import revoke_device
from etherapy.tep.malformed import Malformed
from tests.tep.gathering import Gathering, gathering
from tests.tep.world import Person

NARROWING = CommitReason.NARROWING


def with_laptops() -> Gathering:
    """Client and owner with a phone, a laptop and a recovery code each, all in the newest epoch."""
    made = gathering()
    made.client.add()
    made.owner.add()
    made.take(made.next(made.owner))
    return made


def laptop_of(someone: Person) -> bytes:
    known = {someone.keys.device_id, someone.code.keys().device_id}
    return next(one.device_id for one in someone.chain.active() if one.device_id not in known)


def without(someone: Person, *devices: bytes) -> dict[bytes, list[bytes]]:
    ids = [one.device_id for one in someone.chain.active() if one.device_id not in devices]
    return {someone.chain.chain_id: ids}


def refused(what: str, made: Gathering, commit: Commit) -> None:
    with pytest.raises(Malformed) as problem:
        made.judge(commit)
    assert problem.value.what == what


def test_the_owner_leaves_out_anybodys_device_and_users_their_own():
    """AT-76."""
    made = with_laptops()
    lost, own = laptop_of(made.client), laptop_of(made.owner)
    made.judge(made.next(made.owner, reason=NARROWING, kept=without(made.client, lost)))
    made.judge(made.next(made.owner, reason=NARROWING, kept=without(made.owner, own)))
    made.judge(made.next(made.client, reason=NARROWING, kept=without(made.client, lost)))
    refused("roster", made, made.next(made.client, reason=NARROWING, kept=without(made.owner, own)))


@pytest.mark.parametrize(
    "reason", [one for one in CommitReason if one not in (NARROWING, CommitReason.CREATE)]
)
def test_a_device_is_left_out_only_by_a_commit_that_says_so(reason):
    """AT-27, AT-76."""
    made = with_laptops()
    kept = without(made.client, laptop_of(made.client))
    commit = made.next(made.owner, reason=reason, kept=kept)
    with pytest.raises(Malformed):
        made.judge(commit)
    with pytest.raises(Malformed) as problem:
        check_roster(commit, made.chains(), made.commit.core, made.owner.chain.chain_id)
    assert problem.value.what == "roster"


def test_no_narrowing_leaves_out_a_recovery_device():
    """AT-27, AT-76."""
    made = with_laptops()
    for someone in (made.client, made.owner):
        kept = without(someone, someone.code.keys().device_id)
        refused("roster", made, made.next(made.owner, reason=NARROWING, kept=kept))


def test_a_narrowing_keeps_the_keys_and_the_head_of_the_chain():
    """AT-19, AT-28."""
    made = with_laptops()
    commit = made.next(made.owner, reason=NARROWING, kept=without(made.client, laptop_of(made.client)))
    row = commit.core.user(made.client.chain.chain_id)
    assert row is not None
    chain = made.client.chain
    stranger = (bytes(16), bytes(32))
    for wrong in (
        replace(row, devices=tuple((device, bytes(32)) for device, _ in row.devices)),
        replace(row, devices=(stranger, *row.devices)),
        replace(row, chain_seq=row.chain_seq - 1, chain_head=chain.hashes[-2]),
    ):
        roster = tuple(wrong if one == row else one for one in commit.core.roster)
        bad = replace(commit, core=replace(commit.core, roster=roster))
        with pytest.raises(Malformed) as problem:
            check_roster(bad, made.chains(), made.commit.core, made.owner.chain.chain_id)
        assert problem.value.what == "roster"


def test_whoever_was_left_out_stays_out_until_the_chain_moves_on():
    """AT-76."""
    made = with_laptops()
    lost = laptop_of(made.client)
    made.take(made.next(made.owner, reason=NARROWING, kept=without(made.client, lost)))
    made.take(made.next(made.owner))
    assert lost not in made.commit.core.device_ids()
    made.take(made.next(made.client))
    assert lost not in made.commit.core.device_ids()
    everybody = {made.client.chain.chain_id: [one.device_id for one in made.client.chain.active()]}
    for by in (made.client, made.owner):
        refused("roster", made, made.next(by, kept=everybody))
        refused("roster", made, made.next(by, reason=NARROWING, kept=everybody))
    made.client.add()
    made.take(made.next(made.owner))
    assert lost in made.commit.core.device_ids()


def test_a_user_who_narrows_again_takes_nobody_back_in():
    """AT-76."""
    made = with_laptops()
    phone, lost = made.client.keys, laptop_of(made.client)
    made.take(made.next(made.owner, reason=NARROWING, kept=without(made.client, lost)))
    swapped = without(made.client, phone.device_id)
    refused("roster", made, made.next(made.client, reason=NARROWING, kept=without(made.client)))
    with pytest.raises(Malformed):
        made.next(made.client, reason=NARROWING, kept=swapped)
    made.judge(made.next(made.owner, reason=NARROWING, kept=swapped))


def test_a_device_that_was_left_out_does_not_commit_itself_back_in():
    """AT-76."""
    made = with_laptops()
    phone = made.client.keys
    kept = without(made.client, phone.device_id)
    made.take(made.next(made.owner, reason=NARROWING, kept=kept))
    with_phone = without(made.client, laptop_of(made.client))
    refused("roster", made, made.next(made.client, reason=NARROWING, kept=with_phone))
    at_laptop = replace(made.owner, keys=made.owner.add())
    made.take(made.next(at_laptop))
    out = without(made.owner, made.owner.keys.device_id)
    made.take(made.next(at_laptop, reason=NARROWING, kept=out))
    back = without(made.owner, laptop_of(made.owner))
    refused("committer", made, made.next(made.owner, reason=NARROWING, kept=back))


def test_a_device_that_was_left_out_does_not_open_the_epoch():
    """AT-33."""
    made = with_laptops()
    commit = made.next(made.owner, reason=NARROWING, kept=without(made.client, made.client.keys.device_id))
    made.judge(commit)
    with pytest.raises(NotForThisDevice):
        open_epoch(commit, made.client.keys)
    assert open_epoch(commit, made.client.code.keys()) == open_epoch(commit, made.owner.keys)


def test_nobody_narrows_a_thread_in_its_first_epoch_or_without_knowing_the_one_before():
    """AT-27."""
    made = with_laptops()
    commit = made.next(made.owner, reason=NARROWING, kept=without(made.client, laptop_of(made.client)))
    with pytest.raises(Malformed):
        check_roster(commit, made.chains())
    with pytest.raises(Malformed):
        check_roster(commit, made.chains(), made.commit.core)


def test_a_revoked_device_leaves_the_roster_and_the_rest_comes_back():
    """AT-28."""
    made = with_laptops()
    phone, lost = made.client.keys, laptop_of(made.client)
    made.take(made.next(made.owner, reason=NARROWING, kept=without(made.client, phone.device_id)))
    recovery = made.client.code.keys()
    made.client.revoke(phone, by=recovery.sign)
    made.take(made.next(made.owner, reason=CommitReason.DEVICE_REVOKED))
    assert phone.device_id not in made.commit.core.device_ids()
    assert lost in made.commit.core.device_ids()


def test_the_row_of_now_is_the_old_one_as_long_as_the_chain_stands():
    made = with_laptops()
    chain = made.client.chain
    whole = RosterRow.of(chain, 1)
    narrow = RosterRow.narrowed(chain, 1, [made.client.keys.device_id])
    assert (row_now(chain, 1, None), row_now(chain, 1, narrow), row_now(chain, 1, whole)) == (
        *(whole, narrow, whole),
    )
    made.client.add()
    moved = made.client.chain
    assert row_now(moved, 1, narrow) == RosterRow.of(moved, 1)
    assert narrow.stands_at(chain)
    assert not narrow.stands_at(moved)
    assert not narrow.stands_at(made.owner.chain)


actions = st.lists(
    st.tuples(st.sampled_from(["add", "revoke", "narrow", "commit"]), st.booleans(), st.integers(0, 20)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25)
@given(actions)
def test_over_any_course_every_active_device_reads_that_was_not_left_out_on_purpose(course):
    """AT-27, AT-28, AT-76: and the recovery devices always do."""
    made = gathering()
    left_out: dict[bytes, set[bytes]] = {}
    for what, of_client, which in course:
        someone = made.client if of_client else made.owner
        chain = someone.chain
        spare = [
            one.device_id
            for one in chain.active()
            if one.device_id not in (someone.keys.device_id, someone.code.keys().device_id)
        ]
        if what == "add" and len(chain.active()) < 8:
            someone.add()
            left_out.pop(chain.chain_id, None)
            made.take(made.next(made.owner, reason=CommitReason.DEVICE_ADDED))
        elif what == "revoke" and spare:
            found = next(one for one in chain.active() if one.device_id == spare[which % len(spare)])
            someone.links.append(_revocation(someone, found.device_id))
            left_out.pop(chain.chain_id, None)
            made.take(made.next(made.owner, reason=CommitReason.DEVICE_REVOKED))
        elif what == "narrow" and spare:
            out = {*left_out.get(chain.chain_id, set()), spare[which % len(spare)]}
            left_out[chain.chain_id] = out
            made.take(made.next(someone, reason=NARROWING, kept=without(someone, *out)))
        else:
            made.take(made.next(someone))
        for one in (made.client, made.owner):
            wanted = {device.device_id for device in one.chain.active()}
            row = made.commit.core.user(one.chain.chain_id)
            assert row is not None
            assert set(row.device_ids()) == wanted - left_out.get(one.chain.chain_id, set())


def _revocation(someone: Person, device: bytes) -> bytes:
    return revoke_device(someone.chain, someone.keys.sign, device, 0)
