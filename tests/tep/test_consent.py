"""Consents and leaves: their bytes, and who signed them (tep_amendments.md A-6)."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.signing import SigningKey
from etherapy.tep.consent import (
    CLOCK_SLACK_MS,
    Consent,
    check_consent,
    consent_hash,
    consent_verifies,
    pack_signed_consent,
    parse_consent,
    parse_signed_consent,
    sign_consent,
)
from etherapy.tep.leaving import Leave, leave_verifies, parse_leave, sign_leave
from etherapy.tep.malformed import Malformed
from etherapy.tep.signed import pack_signed
from tests.tep.world import NOW, THREAD, Dice, person, settled

ids, hashes = st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32)
times = st.integers(0, 4 * 10**12)
KEY = SigningKey(bytes(32))

consents = st.builds(
    lambda thread, newcomer, role, history, since, length, nonce, home: Consent(
        *(thread, newcomer, role, history and not length, since, length and since + length, nonce, home)
    ),
    *(ids, hashes, st.integers(1, 4), st.booleans(), times, st.integers(0, 10**10), ids, hashes),
)
leaves = st.builds(Leave, ids, hashes, ids, times, ids, hashes)


def some_consent(**changed: object) -> Consent:
    made = settled()
    terms = (THREAD, person("partner").chain.chain_id, 4, False, NOW, 0, Dice("consent")(16), made.home)
    return replace(Consent(*terms), **changed)  # type: ignore[arg-type]


@given(consents, st.integers(1, 9))
def test_every_consent_comes_back_as_it_was(made, signers):
    core = made.pack()
    assert parse_consent(core) == made
    whole = pack_signed_consent(core, [sign_consent(core, KEY)] * signers)
    found, signed = parse_signed_consent(whole)
    assert (found, signed.core, len(signed.signatures)) == (made, core, signers)


@given(leaves)
def test_every_leave_comes_back_as_it_was(made):
    found = parse_leave(sign_leave(made, KEY))
    assert found.leave == made
    assert parse_leave(found.whole) == found


@pytest.mark.parametrize(
    "changed",
    [
        {"role": 0},
        {"role": 5},
        {"history": 1},
        {"history": True, "until": NOW + 1},
        {"until": NOW},
        {"until": NOW - 1},
        {"nonce": bytes(15)},
        {"newcomer": bytes(31)},
        {"since": -1},
    ],
    ids=lambda one: " ".join(one),
)
def test_a_consent_that_makes_no_sense_is_not_written(changed):
    with pytest.raises(Malformed):
        some_consent(**changed).pack()


def test_a_consent_counts_by_any_active_device_of_its_signer():
    """AT-31."""
    core, someone = some_consent().pack(), person("signer")
    laptop = someone.add()
    for keys in (someone.keys, laptop, someone.code.keys()):
        assert consent_verifies(core, sign_consent(core, keys.sign), someone.chain)
    by_laptop = sign_consent(core, laptop.sign)
    someone.revoke(laptop)
    assert not consent_verifies(core, by_laptop, someone.chain)
    assert not consent_verifies(core, sign_consent(core, person("else").keys.sign), someone.chain)
    assert not consent_verifies(
        some_consent(role=3).pack(), sign_consent(core, someone.keys.sign), someone.chain
    )


def test_a_consent_is_complete_when_all_have_signed():
    """AT-31."""
    made = settled()
    core, signers = some_consent().pack(), [made.client.chain, made.therapist.chain]
    all_of_them = {
        one.chain.chain_id: sign_consent(core, one.keys.sign) for one in (made.client, made.therapist)
    }
    terms = {"thread": THREAD, "home": made.home, "signers": signers, "at": NOW}
    assert check_consent(core, all_of_them, **terms) == some_consent()  # type: ignore[arg-type]
    for gone in all_of_them:
        some = {chain: sig for chain, sig in all_of_them.items() if chain != gone}
        with pytest.raises(Malformed) as problem:
            check_consent(core, some, **terms)  # type: ignore[arg-type]
        assert problem.value.what == "consent"
    for wrong in ({"thread": bytes(16)}, {"home": bytes(32)}, {"at": NOW - CLOCK_SLACK_MS - 1}):
        with pytest.raises(Malformed) as problem:
            check_consent(core, all_of_them, **(terms | wrong))  # type: ignore[arg-type]
        assert problem.value.what == "consent"


def test_consents_that_differ_have_different_names():
    names = {consent_hash(some_consent(**one).pack()) for one in ({}, {"role": 3}, {"nonce": bytes(16)})}
    assert len(names) == 3


def test_a_leave_is_signed_by_the_device_that_it_names():
    someone = person("leaver")
    laptop, other = someone.add(), person("other")
    made = Leave(THREAD, someone.chain.chain_id, laptop.device_id, NOW, bytes(16), bytes(32))
    signed = parse_leave(sign_leave(made, laptop.sign))
    assert leave_verifies(signed, someone.chain)
    assert not leave_verifies(parse_leave(sign_leave(made, someone.keys.sign)), someone.chain)
    assert not leave_verifies(signed, other.chain)
    added = someone.chain.seq
    someone.revoke(laptop)
    assert not leave_verifies(signed, someone.chain)
    assert leave_verifies(signed, someone.chain, since=added)
    assert not leave_verifies(signed, someone.chain, since=someone.chain.seq)


def test_a_leave_has_one_signature():
    whole = sign_leave(Leave(bytes(16), bytes(32), bytes(16), NOW, bytes(16), bytes(32)), KEY)
    signed = parse_leave(whole)
    with pytest.raises(Malformed) as problem:
        parse_leave(pack_signed(signed.core, [signed.sig, signed.sig]))
    assert problem.value.what == "signature"
