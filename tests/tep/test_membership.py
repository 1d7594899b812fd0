"""Who comes into a thread, who goes, and by whose word (tep.md §5.4; A-5, A-6)."""

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etherapy.tep import linking
from etherapy.tep.charter import sign_charter
from etherapy.tep.consent import CLOCK_SLACK_MS
from etherapy.tep.epoch import Commit, CommitReason, Role, parse_commit
from etherapy.tep.epoch_rules import check_roster
from etherapy.tep.links import DeviceClass
from etherapy.tep.malformed import Malformed
from etherapy.tep.membership import changes, must_go, signers_of
from tests.tep.gathering import CHARTER, HOUR, Gathering, gathering, joined, partner
from tests.tep.world import NOW, Person, person

ADDED, REMOVED = CommitReason.USER_ADDED, CommitReason.USER_REMOVED


def refused(what: str, made: Gathering, *args: object, **changed: object) -> None:
    with pytest.raises(Malformed) as problem:
        made.judge(*args, **changed)  # type: ignore[arg-type]
    assert problem.value.what == what


def bringing(made: Gathering, newcomer: Person, named: list[bytes], role: int = Role.FAMILY) -> Commit:
    """The owner's commit that brings somebody in by these papers."""
    return made.next(made.owner, [*made.people, (newcomer, role)], reason=ADDED, consents=named)


def test_a_commit_that_changes_nobody_needs_no_paper():
    """AT-31."""
    made = gathering()
    for by in (made.client, made.owner):
        found = made.judge(made.next(by))
        assert (found.added, found.left_out) == (frozenset(), frozenset())
    made.take(made.next(made.client))
    made.judge(made.next(made.owner))


def test_a_newcomer_comes_by_the_consent_of_every_client_and_the_owner():
    """AT-31, AT-101."""
    made, newcomer = gathering(), partner()
    named = made.agreed(newcomer)
    found = made.judge(bringing(made, newcomer, [named]))
    assert found.added == {newcomer.chain.chain_id}


def test_any_member_brings_the_newcomer_in_once_all_have_signed():
    made, newcomer = gathering(), partner()
    named = made.agreed(newcomer)
    people = [*made.people, (newcomer, Role.FAMILY)]
    made.judge(made.next(made.client, people, reason=ADDED, consents=[named]))
    refused("members", made, made.next(newcomer, people, reason=ADDED, consents=[named]))


def test_without_one_of_the_signatures_nobody_comes_in():
    """AT-31."""
    newcomer = partner()
    second = person("second client")
    made = joined(second, Role.CLIENT)
    needed = [made.client, made.owner, second]
    assert signers_of(made.commit.core, made.owner.chain.chain_id)[-1] == made.owner.chain.chain_id
    for some in (*combinations(needed, 2), *combinations(needed, 1), ()):
        core = made.propose(newcomer, nonce=bytes([len(some)]) * 16)
        refused("consent", made, bringing(made, newcomer, [made.sign(core, *some)]))
    made.judge(bringing(made, newcomer, [made.sign(made.propose(newcomer), *needed)]))


def test_a_signature_of_somebody_else_is_nobodys_consent():
    """AT-31."""
    made, newcomer = gathering(), partner()
    core = made.propose(newcomer)
    name = made.sign(core, made.owner, newcomer)
    signatures = made.consents[name][1]
    signatures[made.client.chain.chain_id] = signatures[newcomer.chain.chain_id]
    refused("consent", made, bringing(made, newcomer, [name]))


def test_a_consent_signed_by_a_device_that_was_revoked_since_does_not_count():
    """AT-31."""
    made, newcomer = gathering(), partner()
    named = made.agreed(newcomer)
    laptop = made.client.add()
    made.judge(bringing(made, newcomer, [named]))
    made.client.revoke(made.client.keys, by=laptop.sign)
    refused("consent", made, bringing(made, newcomer, [named]))


def test_a_consent_by_another_device_of_the_same_person_counts():
    made, newcomer = gathering(), partner()
    phone, made.client.keys = made.client.keys, made.client.add()
    named = made.agreed(newcomer)
    made.client.keys = phone
    made.judge(bringing(made, newcomer, [named]))


@pytest.mark.parametrize(
    "terms",
    [{"thread": bytes(16)}, {"home": bytes(32)}, {"role": Role.CO_THERAPIST}],
    ids=lambda one: str(*one),
)
def test_a_consent_for_another_thread_home_or_role_is_none(terms):
    """AT-31."""
    made, newcomer = gathering(), partner()
    refused("consent", made, bringing(made, newcomer, [made.agreed(newcomer, **terms)]))


def test_a_consent_counts_from_its_beginning_until_its_end():
    """AT-31, AT-97."""
    made, newcomer = gathering(), partner()
    named = made.agreed(newcomer, Role.CO_THERAPIST, since=NOW, until=NOW + HOUR)
    commit = bringing(made, newcomer, [named], Role.CO_THERAPIST)
    for at in (NOW - CLOCK_SLACK_MS, NOW, NOW + HOUR - 1, NOW + HOUR + CLOCK_SLACK_MS - 1):
        made.judge(commit, at)
    for at in (NOW - CLOCK_SLACK_MS - 1, NOW + HOUR + CLOCK_SLACK_MS, NOW + 100 * HOUR):
        refused("consent", made, commit, at)


def test_a_commit_names_exactly_the_papers_that_it_carries_out():
    """AT-31."""
    made, newcomer = gathering(), partner()
    named, other = made.agreed(newcomer), made.agreed(person("another"))
    twice = made.agreed(newcomer, nonce=b"2" * 16)
    refused("consents", made, bringing(made, newcomer, []))
    refused("consents", made, bringing(made, newcomer, [other]))
    refused("consents", made, bringing(made, newcomer, [named, twice]))
    refused("consents", made, bringing(made, newcomer, [named, other]))
    refused("consents", made, bringing(made, newcomer, [named, bytes(32)]))
    refused("consents", made, made.next(made.owner, consents=[named]))
    refused("consents", made, made.next(made.owner, consents=[bytes(32)]))
    made.judge(bringing(made, newcomer, [twice]))


def test_papers_are_named_in_ascending_order():
    made = gathering()
    people = [(person(name), Role.FAMILY) for name in ("one", "two")]
    named = sorted(made.agreed(one) for one, _ in people)
    commit = made.next(made.owner, [*made.people, *people], reason=ADDED, consents=named)
    made.judge(commit)
    for wrong in (named[::-1], [*named, named[-1]]):
        bad = replace(commit, core=replace(commit.core, consents=tuple(wrong)))
        with pytest.raises(Malformed) as problem:
            made.judge(bad)
        assert problem.value.what == "consents"


def test_a_consent_brings_somebody_in_once_only():
    made, newcomer = joined(partner()), partner()
    [named] = made.commit.core.consents
    without = made.people[:2]
    made.take(made.next(made.owner, without, reason=REMOVED), without)
    made.known.append(newcomer)
    again = bringing(made, newcomer, [named])
    refused("consents", made, again, used=[named])
    afresh = made.agreed(newcomer, nonce=b"n" * 16)
    made.judge(bringing(made, newcomer, [afresh]), used=[named])


def test_a_paper_kept_under_another_hash_is_none():
    made, newcomer = gathering(), partner()
    named = made.agreed(newcomer)
    made.consents[bytes(32)] = made.consents.pop(named)
    refused("consents", made, bringing(made, newcomer, [bytes(32)]))
    made = joined(newcomer)
    made.leaves[bytes(32)] = made.leaves.pop(made.leave(newcomer))
    commit = made.next(made.client, made.people[:2], reason=REMOVED, consents=[bytes(32)])
    refused("consents", made, commit)


def test_a_new_client_has_signed_the_charter():
    """AT-101."""
    made, newcomer = gathering(), partner()
    named = made.agreed(newcomer, Role.CLIENT)
    commit = bringing(made, newcomer, [named], Role.CLIENT)
    made.judge(commit)
    chain = newcomer.chain.chain_id
    for wrong in (
        b"",
        sign_charter(CHARTER, made.owner.keys.sign),
        sign_charter(b"other", newcomer.keys.sign),
    ):
        made.charter_signatures[chain] = wrong
        refused("charter", made, commit)


def test_a_commit_names_the_charter_in_force():
    """AT-101, AT-36."""
    made = gathering()
    refused("charter", made, made.next(made.client), charter=CHARTER + b"\0")


@pytest.mark.parametrize("reason", [CommitReason.REQUEST, CommitReason.NARROWING, REMOVED, CommitReason.AGE])
def test_a_commit_says_that_somebody_comes_or_goes_and_only_then(reason):
    """AT-76."""
    made, newcomer = gathering(), partner()
    named = made.agreed(newcomer)
    people = [*made.people, (newcomer, Role.FAMILY)]
    refused("reason", made, made.next(made.owner, people, reason=reason, consents=[named]))
    alone = made.people[1:]
    if reason != REMOVED:
        refused("reason", made, made.next(made.owner, alone, reason=reason))
    for untrue in (ADDED, REMOVED):
        refused("reason", made, made.next(made.owner, reason=untrue))


def test_only_the_owning_therapist_leaves_out_somebody_else():
    """AT-76."""
    made = joined(partner())
    family, co = made.people[2][0], made.people[:2]
    made.judge(made.next(made.owner, co, reason=REMOVED))
    refused("members", made, made.next(made.client, co, reason=REMOVED))
    refused("members", made, made.next(family, [made.people[0], made.people[2]], reason=REMOVED))
    refused("members", made, made.next(family, [made.people[1], made.people[2]], reason=REMOVED))


def test_one_partner_cannot_lock_the_other_out():
    """AT-76."""
    made = joined(person("other half"), Role.CLIENT)
    other = made.people[2][0]
    refused("members", made, made.next(other, made.people[1:], reason=REMOVED))


def test_whoever_leaves_is_left_out_by_the_next_commit_of_anybody():
    made = joined(partner())
    family = made.people[2][0]
    gone = made.leave(family)
    stay = made.people[:2]
    for by in (made.client, made.owner):
        found = made.judge(made.next(by, stay, reason=REMOVED, consents=[gone]), pending=[gone])
        assert found.left_out == {family.chain.chain_id}
        refused("members", made, made.next(by), pending=[gone])
        made.judge(made.next(by))
    unnamed = made.next(made.client, stay, reason=REMOVED)
    refused("members", made, unnamed, pending=[gone])
    refused("consents", made, made.next(made.owner, stay, reason=REMOVED), pending=[gone])


def test_the_leaver_cannot_make_the_epoch_that_shuts_them_out():
    made = joined(partner())
    family = made.people[2][0]
    gone = made.leave(family)
    stay = made.people[:2]
    with pytest.raises(Malformed) as problem:
        made.next(family, stay, reason=REMOVED, consents=[gone])
    assert problem.value.what == "committer"
    refused("members", made, made.next(family), pending=[gone])


@pytest.mark.parametrize(
    "terms", [{"thread": bytes(16)}, {"home": bytes(32)}, {"device": bytes(16)}], ids=lambda one: str(*one)
)
def test_a_leave_for_another_thread_home_or_device_takes_nobody_out(terms):
    """AT-76."""
    made = joined(partner())
    gone = made.leave(made.people[2][0], **terms)
    refused("members", made, made.next(made.client, made.people[:2], reason=REMOVED, consents=[gone]))


def test_nobody_leaves_in_the_name_of_somebody_else():
    """AT-76."""
    made = joined(partner())
    family, client = made.people[2][0], made.client
    own = made.leave(client, chain=family.chain.chain_id)
    forged = made.leave(client, chain=family.chain.chain_id, device=family.keys.device_id)
    for name in (own, forged):
        refused("members", made, made.next(client, made.people[:2], reason=REMOVED, consents=[name]))


def test_a_leave_counts_once_and_somebody_may_come_back():
    made = joined(partner())
    family, stay = made.people[2][0], made.people[:2]
    gone = made.leave(family)
    made.take(made.next(made.client, stay, reason=REMOVED, consents=[gone]), stay)
    back = made.agreed(family, nonce=b"b" * 16)
    people = [*stay, (family, Role.FAMILY)]
    made.take(made.next(made.client, people, reason=ADDED, consents=[back]), people, used=[gone])
    made.judge(made.next(made.client), used=[gone, back], pending=[gone])
    out = made.next(made.client, stay, reason=REMOVED, consents=[gone])
    refused("members", made, out, used=[gone, back])


@pytest.mark.parametrize("years", [-1, 1])
def test_a_leaver_whose_clock_is_wrong_by_a_year_leaves_all_the_same(years):
    """AT-73."""
    made = joined(partner())
    gone = made.leave(made.people[2][0], at=NOW + years * 365 * 24 * HOUR)
    made.judge(made.next(made.client, made.people[:2], reason=REMOVED, consents=[gone]), pending=[gone])


def test_a_leave_stays_signed_when_its_device_is_revoked_afterwards():
    made = joined(partner())
    family = made.people[2][0]
    gone = made.leave(family)
    commit = made.next(made.client, made.people[:2], reason=REMOVED, consents=[gone])
    laptop = family.add()
    family.revoke(family.keys, by=laptop.sign)
    made.judge(commit)


def test_a_device_revoked_before_cannot_leave_for_its_person():
    made = gathering()
    family = partner()
    laptop = family.add()
    old, family.keys = family.keys, laptop
    family.revoke(old, by=laptop.sign)
    named = made.agreed(family)
    people = [*made.people, (family, Role.FAMILY)]
    made.take(made.next(made.owner, people, reason=ADDED, consents=[named]), people)
    thief = replace(family, keys=old)
    gone = made.leave(thief)
    refused("members", made, made.next(made.client, made.people[:2], reason=REMOVED, consents=[gone]))


def test_whose_time_is_over_must_be_left_out_by_anybody():
    """AT-97."""
    cover = person("cover")
    made = joined(cover, Role.CO_THERAPIST, until=NOW + HOUR)
    ends = {cover.chain.chain_id: NOW + HOUR}
    kept, without = made.next(made.client), made.next(made.client, made.people[:2], reason=REMOVED)
    made.judge(kept, NOW + HOUR - 1, ends=ends)
    refused("members", made, without, NOW + HOUR - 1, ends=ends)
    made.judge(without, NOW + HOUR, ends=ends)
    refused("members", made, kept, NOW + HOUR, ends=ends, slack=0)
    made.judge(kept, NOW + HOUR, ends=ends)
    refused("members", made, kept, NOW + HOUR + CLOCK_SLACK_MS, ends=ends)


def test_a_commit_that_leaves_out_one_user_more_than_it_must_is_invalid():
    """AT-97."""
    cover = person("cover")
    made = joined(cover, Role.CO_THERAPIST, until=NOW + HOUR)
    ends = {cover.chain.chain_id: NOW + HOUR}
    refused("members", made, made.next(made.client, made.people[:1], reason=REMOVED), NOW + HOUR, ends=ends)
    made.judge(made.next(made.owner, made.people[1:2], reason=REMOVED), NOW + HOUR, ends=ends)


def test_a_closed_chain_is_left_out_by_anybody():
    made = joined(partner())
    family = made.people[2][0]
    family.links.append(linking.close_chain(family.chain, family.keys.sign, NOW))
    stay = made.people[:2]
    found = made.judge(made.next(made.client, stay, reason=REMOVED))
    assert found.left_out == {family.chain.chain_id}
    with pytest.raises(Malformed):
        made.judge(made.next(made.client))


def test_a_thread_survives_its_owner():
    made = gathering()
    made.owner.links.append(linking.close_chain(made.owner.chain, made.owner.keys.sign, NOW))
    made.judge(made.next(made.client, made.people[:1], reason=REMOVED))


def test_a_lost_identity_is_replaced_by_the_owners_word_alone():
    """Everything lost: the owner leaves the old chain out, and signs the new one's consent with history."""
    made, anew = gathering(), person("client again")
    owner_only = made.people[1:]
    owner = made.owner
    made.take(made.next(owner, owner_only, reason=REMOVED))
    assert signers_of(made.next(owner, owner_only).core, owner.chain.chain_id) == [owner.chain.chain_id]
    core = made.propose(anew, Role.CLIENT, history=True)
    made.charter_signatures[anew.chain.chain_id] = sign_charter(CHARTER, anew.keys.sign)
    named = made.sign(core, owner)
    people = [*owner_only, (anew, Role.CLIENT)]
    made.judge(made.next(owner, people, reason=ADDED, consents=[named]))
    del made.charter_signatures[anew.chain.chain_id]
    refused("charter", made, made.next(owner, people, reason=ADDED, consents=[named]))


def test_a_web_device_may_commit_but_adds_nobody_without_consent():
    """AT-14."""
    made, stranger = gathering(), person("stranger")
    web = made.owner.add(DeviceClass.WEB)
    by_web = replace(made.owner, keys=web)
    made.judge(made.next(by_web))
    people = [*made.people, (stranger, Role.FAMILY)]
    made.known.append(stranger)
    refused("consents", made, made.next(by_web, people, reason=ADDED))


def test_must_go_tells_what_the_next_commit_has_to_do():
    made = joined(partner())
    family = made.people[2][0].chain.chain_id
    given = {"leaves": {}, "chains": made.chains(), "at": NOW + HOUR}
    assert must_go(made.commit.core, ends={}, **given) == set()  # type: ignore[arg-type]
    assert must_go(made.commit.core, ends={family: NOW + HOUR}, **given) == {family}  # type: ignore[arg-type]
    made.leave(made.people[2][0])
    given["leaves"] = made.leaves
    assert must_go(made.commit.core, ends={}, **given) == {family}  # type: ignore[arg-type]


def test_changes_are_told_by_chains():
    made = joined(partner())
    family = made.people[2][0].chain.chain_id
    smaller = made.next(made.owner, made.people[:2], reason=REMOVED).core
    assert changes(made.commit.core, smaller).left_out == {family}
    assert changes(smaller, made.commit.core).added == {family}


steps = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "remove", "steal in", "push out", "keep"]), st.integers(0, 9)
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25)
@given(steps)
def test_over_any_course_of_events_only_the_consented_are_in(course):
    """AT-31, AT-76: in by the word of all, out by their own or the owner's."""
    made, counter = gathering(), 0
    used: set[bytes] = set()
    wanted = {one.chain.chain_id for one, _ in made.people}
    for what, which in course:
        counter += 1
        guests = made.people[2:]
        guest = guests[which % len(guests)] if guests else None
        newcomer = (person(f"guest {counter}"), Role.FAMILY)
        if what == "join":
            named = made.agreed(newcomer[0])
            people, reason, by, names = [*made.people, newcomer], ADDED, made.client, [named]
            wanted.add(newcomer[0].chain.chain_id)
        elif what == "leave" and guest:
            people, reason, by = [one for one in made.people if one != guest], REMOVED, made.client
            names = [made.leave(guest[0])]
            wanted.discard(guest[0].chain.chain_id)
        elif what == "remove" and guest:
            people, reason, by, names = [one for one in made.people if one != guest], REMOVED, made.owner, []
            wanted.discard(guest[0].chain.chain_id)
        elif what == "steal in":
            made.propose(newcomer[0])
            bad = made.next(made.owner, [*made.people, newcomer], reason=ADDED, consents=list(made.consents))
            with pytest.raises(Malformed):
                made.judge(bad, used=used)
            continue
        elif what == "push out" and guest:
            bad = made.next(guest[0], [made.people[0], *guests], reason=REMOVED)
            with pytest.raises(Malformed):
                made.judge(bad, used=used)
            continue
        else:
            people, reason, by, names = made.people, CommitReason.REQUEST, made.client, []
        made.take(made.next(by, people, reason=reason, consents=names), people, used=used)
        used |= set(names)
        assert made.commit.core.users() == wanted


def test_a_commit_read_back_from_its_bytes_is_judged_the_same():
    made, newcomer = gathering(), partner()
    commit = bringing(made, newcomer, [made.agreed(newcomer)])
    made.judge(parse_commit(commit.pack()))
    with pytest.raises(Malformed):
        check_roster(commit, {}, made.commit.core)
