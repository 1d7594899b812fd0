"""Epoch commits: rosters, limits, who may change them (tep.md §5.4, §5.5; A-5)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.signing import SigningKey
from etherapy.tep import cbor, linking
from etherapy.tep.chain import Chain
from etherapy.tep.epoch import (
    MAX_COMMIT,
    ROW_BYTES,
    Commit,
    CommitCore,
    CommitReason,
    RosterRow,
    commit_verifies,
    pack_sealed,
    parse_commit,
    parse_commit_core,
    sign_commit,
)
from etherapy.tep.epoch_rules import check_follows, check_roster
from etherapy.tep.malformed import Malformed
from etherapy.tep.serverkeys import home
from tests.tep.world import NOW, PRACTICE, Dice, Thread, person, settled, thread


def signed(core: CommitCore, key: SigningKey) -> Commit:
    """A commit with rows of the right size that open for nobody: enough for everything but opening."""
    rows = {device: Dice("row")(ROW_BYTES) for device in core.device_ids()}
    return parse_commit(sign_commit(core, pack_sealed(rows), key))


def again(made: Thread, **changed: object) -> Commit:
    """The first commit of a thread with something else in its core, honestly signed."""
    return signed(replace(made.commits[0].core, **changed), made.therapist.keys.sign)  # type: ignore[arg-type]


def refused(what: str, commit: Commit, chains: dict[bytes, Chain]) -> None:
    with pytest.raises(Malformed) as problem:
        check_roster(commit, chains)
    assert problem.value.what == what


def without(commit: Commit, device: bytes) -> tuple[RosterRow, ...]:
    return tuple(
        replace(one, devices=tuple(pair for pair in one.devices if pair[0] != device))
        for one in commit.core.roster
    )


def test_an_honest_commit_comes_back_as_it_was_and_is_accepted():
    made = settled()
    commit = made.commits[0]
    assert parse_commit(commit.pack()) == commit
    assert parse_commit_core(commit.core.pack()) == commit.core
    check_roster(commit, made.chains())
    assert commit_verifies(commit, made.therapist.keys.sign.public)


rows = st.builds(
    RosterRow,
    st.binary(min_size=32, max_size=32),
    st.integers(1, 4),
    st.integers(0, 511),
    st.binary(min_size=32, max_size=32),
    st.lists(
        st.tuples(st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32)),
        min_size=1,
        max_size=8,
        unique_by=lambda pair: pair[0],
    ).map(lambda pairs: tuple(sorted(pairs))),
)


@given(
    st.lists(rows, min_size=1, max_size=4),
    st.integers(1, 2**32 - 1),
    st.integers(2, 11),
    st.integers(0, 2**64 - 1),
)
def test_every_commit_core_comes_back_as_it_was(roster, number, reason, n):
    ordered = tuple(sorted(roster, key=lambda one: one.chain_id))
    devices = [device for one in ordered for device, _ in one.devices]
    dice = Dice("core")
    core = CommitCore(
        *(1, dice(16), number, dice(32), devices[0], reason, ordered, dice(32), dice(32), (n, dice(32))),
        *((dice(32),), dice(32)),
    )
    doubled = len(set(devices)) != len(devices) or len({one.chain_id for one in ordered}) != len(ordered)
    if doubled:
        with pytest.raises(Malformed):
            core.pack()
    else:
        assert parse_commit_core(core.pack()) == core


@pytest.mark.parametrize("whose", ["phone", "recovery"])
def test_at_27_a_commit_that_lacks_an_active_or_the_recovery_device_is_invalid(whose):
    """AT-27."""
    made = settled()
    device = made.client.keys if whose == "phone" else made.client.code.keys()
    commit = again(made, roster=without(made.commits[0], device.device_id))
    refused("roster", commit, made.chains())


def test_at_28_a_revoked_device_in_the_roster_is_invalid():
    """AT-28."""
    made = thread()
    laptop = made.client.add()
    with_laptop = RosterRow.of(made.client.chain, 1)
    made.client.revoke(laptop)
    now = RosterRow.of(made.client.chain, 1)
    stale = replace(now, devices=with_laptop.devices)
    other = RosterRow.of(made.therapist.chain, 2)
    for row, valid in ((now, True), (stale, False), (with_laptop, False)):
        commit = again(made, roster=tuple(sorted((row, other), key=lambda one: one.chain_id)))
        if valid:
            check_roster(commit, made.chains())
        else:
            refused("roster", commit, made.chains())


def test_at_28_a_device_of_no_member_is_invalid():
    """AT-28."""
    made, stranger = settled(), person("stranger")
    row = RosterRow.of(made.client.chain, 1)
    extra = (stranger.keys.device_id, stranger.chain.active()[0].hpke_hash)
    changed = replace(row, devices=tuple(sorted((*row.devices, extra))))
    roster = tuple(changed if one.chain_id == row.chain_id else one for one in made.commits[0].core.roster)
    refused("roster", again(made, roster=roster), made.chains())
    whole = tuple(
        sorted((*made.commits[0].core.roster, RosterRow.of(stranger.chain, 3)), key=lambda one: one.chain_id)
    )
    refused("roster", again(made, roster=whole), made.chains())


@pytest.mark.parametrize("role", [0, 5, 9])
def test_at_28_there_is_no_supervisor_role(role):
    """AT-28."""
    made = settled()
    roster = tuple(replace(one, role=role) for one in made.commits[0].core.roster)
    with pytest.raises(Malformed) as problem:
        replace(made.commits[0].core, roster=roster).pack()
    assert problem.value.what == "range"


def test_an_x_wing_key_other_than_the_chains_is_invalid():
    """AT-19."""
    made = settled()
    roster = tuple(
        replace(one, devices=tuple((device, bytes(32)) for device, _ in one.devices))
        for one in made.commits[0].core.roster
    )
    refused("roster", again(made, roster=roster), made.chains())


def test_a_commit_by_a_recovery_device_or_with_a_foreign_signature_is_invalid():
    made = settled()
    recovery = made.therapist.code.keys()
    by_code = signed(replace(made.commits[0].core, committer=recovery.device_id), recovery.sign)
    refused("committer", by_code, made.chains())
    forged = signed(made.commits[0].core, made.client.keys.sign)
    refused("signature", forged, made.chains())
    with pytest.raises(Malformed) as problem:
        again(made, committer=bytes(16))
    assert problem.value.what == "committer"


def test_a_closed_chain_is_left_out():
    """AT-28."""
    made = thread()
    made.client.links.append(linking.close_chain(made.client.chain, made.client.keys.sign, NOW))
    roster = tuple(
        sorted((RosterRow.of(chain, role) for chain, role in made.members()), key=lambda one: one.chain_id)
    )
    refused("roster", again(made, roster=roster), made.chains())


@pytest.mark.parametrize("reason", [CommitReason.COUNT, CommitReason.AGE])
def test_at_93_count_and_age_are_committed_by_therapists_devices_only(reason):
    """AT-93."""
    made = thread()
    refused("reason", made.commit(by=made.client, reason=reason), made.chains())
    check_roster(made.commit(by=made.therapist, reason=reason), made.chains())


def test_at_35_a_suite_that_is_unknown_or_lower_than_before_is_refused():
    """AT-35."""
    made = thread()
    previous = made.commits[0]
    following = made.commit()
    check_follows(following.core, previous)
    with pytest.raises(Malformed) as problem:
        check_follows(following.core, replace(previous, core=replace(previous.core, suite=2)))
    assert problem.value.what == "suite"
    for suite in (0, 2):
        with pytest.raises(Malformed) as problem:
            replace(previous.core, suite=suite).pack()
        assert problem.value.what == "suite"


def test_a_commit_follows_the_newest_one_of_its_thread():
    """AT-25."""
    made = thread()
    previous, following = made.commits[0], made.commit()
    for changed in (
        {"epoch": 2},
        {"prev": bytes(31) + b"\1"},
        {"thread": bytes(16)},
        {"home": bytes(32)},
    ):
        with pytest.raises(Malformed) as problem:
            check_follows(replace(following.core, **changed), previous)
        assert problem.value.what == "prev"
    with pytest.raises(Malformed):
        check_follows(replace(following.core, view=(0, bytes(32))), replace(previous, core=following.core))


def test_an_epoch_that_was_replaced_does_not_come_back_as_the_current_one():
    """AT-25."""
    made = thread()
    for _ in range(5):
        made.commit()
    for old in made.commits[:-1]:
        with pytest.raises(Malformed) as problem:
            check_follows(old.core, made.commits[5])
        assert problem.value.what == "prev"
    check_follows(made.commits[5].core, made.commits[4])


def test_a_user_keeps_the_role_and_a_chain_never_gets_shorter():
    made = thread()
    made.client.add()
    previous, following = made.commits[0], made.commit()
    check_follows(following.core, previous)
    swapped = tuple(replace(one, role=3 - one.role) for one in following.core.roster)
    shorter = tuple(replace(one, chain_seq=0) for one in following.core.roster)
    for roster in (swapped, shorter):
        with pytest.raises(Malformed) as problem:
            check_follows(replace(following.core, roster=roster), previous)
        assert problem.value.what == "roster"


@pytest.mark.parametrize("changed", [{"epoch": 1}, {"prev": bytes(31) + b"\1"}, {"reason": 10}])
def test_epoch_0_creates_the_thread_and_follows_nothing(changed):
    with pytest.raises(Malformed) as problem:
        replace(settled().commits[0].core, **changed).pack()
    assert problem.value.what == "prev"


def test_sealed_rows_are_exactly_the_rosters_devices_in_order():
    """AT-27."""
    made = settled()
    commit, key = made.commits[0], made.therapist.keys.sign
    rows = list(commit.sealed_rows.items())
    extra = (bytes(16), rows[0][1])
    for wrong in (rows[:-1], [extra, *rows], rows[::-1], [*rows, rows[-1]], []):
        sealed = cbor.encode([list(one) for one in wrong])
        with pytest.raises(Malformed):
            parse_commit(cbor.encode({0: commit.core_bytes, 1: sealed, 2: key.sign(b"")}))
    short = cbor.encode([[device, blob[:-1]] for device, blob in rows])
    with pytest.raises(Malformed):
        parse_commit(cbor.encode({0: commit.core_bytes, 1: short, 2: commit.sig}))


def test_at_108_a_device_occurs_once_in_a_roster():
    """AT-108."""
    core = settled().commits[0].core
    one, other = core.roster
    doubled = (one, replace(other, devices=tuple(sorted((*other.devices, one.devices[0])))))
    with pytest.raises(Malformed) as problem:
        replace(core, roster=doubled).pack()
    assert problem.value.what == "order"


def test_at_108_a_commit_of_one_home_does_not_follow_in_another():
    """AT-108."""
    made = thread()
    elsewhere = thread()
    elsewhere.home = home(bytes(32), PRACTICE)
    elsewhere.commits, elsewhere.secrets = [], []
    foreign = elsewhere.commit()
    assert foreign.core.home != made.commits[0].core.home
    with pytest.raises(Malformed) as problem:
        check_follows(made.commit().core, foreign)
    assert problem.value.what == "prev"


def test_at_96_the_largest_roster_fits_the_limit_of_a_commit():
    """AT-96."""
    dice = Dice("largest")
    roster = tuple(
        RosterRow(bytes([user]) * 32, 4, 511, dice(32), tuple(sorted((dice(16), dice(32)) for _ in range(8))))
        for user in range(8)
    )
    core = replace(
        settled().commits[0].core,
        roster=roster,
        committer=roster[0].devices[0][0],
        consents=tuple(dice(32) for _ in range(16)),
    )
    commit = signed(core, SigningKey(bytes(32)))
    assert len(commit.sealed_rows) == 64
    assert len(commit.pack()) < MAX_COMMIT
