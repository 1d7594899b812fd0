"""History grants: old epochs' secrets from one device to another (tep.md §6.7)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etherapy.crypto.epochs import check_secret, new_epoch, open_epoch
from etherapy.crypto.errors import CannotSeal, GrantBroken, NotForThisDevice, RowBroken, SecretMismatch
from etherapy.crypto.grants import make_grant, open_grant
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.sealing import seal
from etherapy.tep import cbor
from etherapy.tep.epoch import CommitReason, Role, parse_commit
from etherapy.tep.grant import (
    MAX_EPOCHS,
    MAX_GRANT,
    Grant,
    check_grant,
    grant_info,
    grant_verifies,
    pack_grant,
    pack_secrets,
    parse_grant,
    parse_secrets,
)
from etherapy.tep.labels import plain_digest
from etherapy.tep.malformed import Malformed
from tests.tep.world import THREAD, Dice, Person, Thread, person, thread

epochs = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=30, unique=True).map(sorted)


def device_of(someone: Person, keys: DeviceKeys):
    return someone.chain.devices[keys.device_id]


def three_epochs() -> tuple[Thread, DeviceKeys]:
    """A thread with three epochs, and a laptop of the client that is in the last one only."""
    made = thread()
    made.commit()
    laptop = made.client.add()
    made.commit()
    return made, laptop


def given_to(made: Thread, laptop: DeviceKeys, **changed: bytes) -> bytes:
    secrets = {number: made.secrets[number] for number in (0, 1)}
    to = device_of(made.client, laptop)
    return make_grant(THREAD, made.client.keys, to, secrets | {int(k[1:]): v for k, v in changed.items()})


@settings(max_examples=30)
@given(epochs)
def test_every_grant_comes_back_as_it_was(numbers):
    giver, receiver = person("giver"), person("receiver")
    secrets = {number: Dice(str(number))(32) for number in numbers}
    whole = make_grant(THREAD, giver.keys, device_of(receiver, receiver.keys), secrets)
    signed = parse_grant(whole)
    assert signed.grant.epochs == tuple(numbers)
    assert (signed.grant.giver, signed.grant.receiver) == (giver.keys.device_id, receiver.keys.device_id)
    assert parse_grant(pack_grant(signed.core, signed.blob, giver.keys.sign)) == signed
    assert grant_verifies(signed, giver.keys.sign.public)
    assert open_grant(signed, receiver.keys) == secrets


def test_a_device_that_joined_later_reads_what_it_was_granted():
    """AT-53, AT-55."""
    made, laptop = three_epochs()
    signed = parse_grant(given_to(made, laptop))
    check_grant(signed, made.commits[-1].core, made.chains())
    found = open_grant(signed, laptop)
    assert list(found) == [0, 1]
    for number, secret in found.items():
        check_secret(made.commits[number], secret)


def test_a_wrong_secret_in_a_grant_is_found_by_the_commit():
    """AT-53."""
    made, laptop = three_epochs()
    found = open_grant(parse_grant(given_to(made, laptop, e1=bytes(32))), laptop)
    check_secret(made.commits[0], found[0])
    with pytest.raises(SecretMismatch):
        check_secret(made.commits[1], found[1])
    swapped = open_grant(parse_grant(given_to(made, laptop, e0=made.secrets[1], e1=made.secrets[0])), laptop)
    for number in (0, 1):
        with pytest.raises(SecretMismatch):
            check_secret(made.commits[number], swapped[number])


def test_a_grant_counts_only_between_devices_of_the_newest_roster():
    """AT-75, AT-53."""
    made, laptop = three_epochs()
    signed, newest = parse_grant(given_to(made, laptop)), made.commits[-1].core
    for roster in (made.commits[0].core, made.commits[1].core):
        with pytest.raises(Malformed) as problem:
            check_grant(signed, roster, made.chains())
        assert problem.value.what == "grant"
    made.client.revoke(laptop)
    with pytest.raises(Malformed) as problem:
        check_grant(signed, made.commit().core, made.chains())
    assert problem.value.what == "grant"
    stranger = person("stranger")
    to_stranger = make_grant(THREAD, made.client.keys, device_of(stranger, stranger.keys), {0: bytes(32)})
    by_stranger = make_grant(THREAD, stranger.keys, device_of(made.client, laptop), {0: bytes(32)})
    for whole in (to_stranger, by_stranger):
        with pytest.raises(Malformed) as problem:
            check_grant(parse_grant(whole), newest, made.chains())
        assert problem.value.what == "grant"


def test_a_grant_for_another_thread_or_an_epoch_to_come_is_refused():
    """AT-53, AT-75."""
    made, laptop = three_epochs()
    to, newest = device_of(made.client, laptop), made.commits[-1].core
    elsewhere = make_grant(bytes(16), made.client.keys, to, {0: bytes(32)})
    to_come = make_grant(THREAD, made.client.keys, to, {3: bytes(32)})
    for whole in (elsewhere, to_come):
        with pytest.raises(Malformed) as problem:
            check_grant(parse_grant(whole), newest, made.chains())
        assert problem.value.what == "grant"


def test_a_grant_is_signed_by_the_device_that_it_names():
    """AT-75."""
    made, laptop = three_epochs()
    signed = parse_grant(given_to(made, laptop))
    forged = parse_grant(pack_grant(signed.core, signed.blob, made.therapist.keys.sign))
    assert not grant_verifies(forged, made.client.keys.sign.public)
    for chains in (made.chains(), {}):
        with pytest.raises(Malformed) as problem:
            check_grant(forged, made.commits[-1].core, chains)
        assert problem.value.what == "grant"


def test_a_grant_opens_for_its_receiver_only_and_under_its_own_core():
    """AT-29, AT-53."""
    made, laptop = three_epochs()
    signed = parse_grant(given_to(made, laptop))
    with pytest.raises(NotForThisDevice):
        open_grant(signed, made.client.keys)
    for changed in ({"epochs": (0, 2)}, {"nonce": bytes(16)}, {"giver": bytes(16)}):
        moved = pack_grant(
            replace(signed.grant, **changed).pack(),
            signed.blob,
            made.client.keys.sign,
        )
        with pytest.raises(RowBroken):
            open_grant(parse_grant(moved), laptop)
    with pytest.raises(RowBroken):
        open_grant(signed, laptop.rotated())


def test_a_grant_that_holds_something_else_than_it_names_is_broken():
    """AT-53."""
    made, laptop = three_epochs()
    to, keys = device_of(made.client, laptop), made.client.keys
    core = Grant(THREAD, keys.device_id, laptop.device_id, (0, 1), bytes(16)).pack()
    info = grant_info(plain_digest(core))
    right = pack_secrets({0: bytes(32), 1: bytes(32)})
    for inside in (pack_secrets({0: bytes(32), 2: bytes(32)}), bytes(len(right))):
        assert len(inside) == len(right)
        bad = pack_grant(core, seal(to.hpke_pk, info, inside), keys.sign)
        with pytest.raises(GrantBroken):
            open_grant(parse_grant(bad), laptop)


def test_a_grant_of_the_most_epochs_fits_and_one_more_is_refused():
    giver, receiver = person("giver"), person("receiver")
    numbers = range(2**32 - MAX_EPOCHS, 2**32)
    whole = make_grant(
        THREAD, giver.keys, device_of(receiver, receiver.keys), dict.fromkeys(numbers, bytes(32))
    )
    assert len(whole) < MAX_GRANT
    assert len(open_grant(parse_grant(whole), receiver.keys)) == MAX_EPOCHS
    for wrong in ((), range(MAX_EPOCHS + 1)):
        with pytest.raises(Malformed):
            make_grant(
                THREAD, giver.keys, device_of(receiver, receiver.keys), dict.fromkeys(wrong, bytes(32))
            )
    with pytest.raises(Malformed) as problem:
        parse_grant(whole + bytes(MAX_GRANT))
    assert problem.value.what == "size"


@pytest.mark.parametrize(
    "changed",
    [{"epochs": ()}, {"epochs": (1, 0)}, {"epochs": (1, 1)}, {"epochs": (2**32,)}, {"receiver": b"g" * 16}],
    ids=str,
)
def test_a_grant_that_makes_no_sense_is_not_written(changed):
    good = Grant(THREAD, b"g" * 16, b"r" * 16, (0, 1), bytes(16))
    good.pack()
    with pytest.raises(Malformed):
        replace(good, **changed).pack()


def test_what_is_sealed_is_as_long_as_the_epochs_need():
    made, laptop = three_epochs()
    signed = parse_grant(given_to(made, laptop))
    for blob in (signed.blob[:-1], signed.blob + b"\0", b""):
        with pytest.raises(Malformed) as problem:
            pack_grant(signed.core, blob, made.client.keys.sign)
        assert problem.value.what == "sealed"


@given(epochs)
def test_every_list_of_secrets_comes_back_as_it_was(numbers):
    secrets = {number: Dice(str(number))(32) for number in numbers}
    assert parse_secrets(pack_secrets(secrets)) == secrets
    listed = [[number, secrets[number]] for number in numbers]
    for wrong in ([*listed, listed[-1]], listed[::-1] if len(listed) > 1 else [], [[0, bytes(31)]], [[0]]):
        with pytest.raises(Malformed):
            parse_secrets(cbor.encode(wrong))


def test_nothing_is_given_to_a_device_with_a_malformed_key():
    """AT-09."""
    made, laptop = three_epochs()
    to = device_of(made.client, laptop)
    for hpke_pk in (bytes(1216)[:-1], to.hpke_pk[:1184] + bytes(32), b"\xff" * 1216):
        with pytest.raises(CannotSeal):
            make_grant(THREAD, made.client.keys, replace(to, hpke_pk=hpke_pk), {0: bytes(32)})


def test_a_co_therapist_without_history_opens_no_older_epoch_and_with_it_those_listed():
    """AT-55."""
    made, colleague = thread(), person("colleague")
    made.commit()
    members = [*made.members(), (colleague.chain, int(Role.CO_THERAPIST))]
    before = made.commits[-1]
    whole, secret = new_epoch(
        members,
        made.therapist.keys,
        thread=THREAD,
        epoch=2,
        reason=CommitReason.USER_ADDED,
        charter_hash=before.core.charter_hash,
        view=(2, before.core.view[1]),
        home=made.home,
        prev=before.commit_hash,
        consents=[bytes(32)],
    )
    assert open_epoch(parse_commit(whole), colleague.keys) == secret
    for older in made.commits:
        with pytest.raises(NotForThisDevice):
            open_epoch(older, colleague.keys)
    granted = make_grant(
        THREAD, made.therapist.keys, device_of(colleague, colleague.keys), {1: made.secrets[1]}
    )
    check_grant(
        parse_grant(granted),
        parse_commit(whole).core,
        made.chains() | {colleague.chain.chain_id: colleague.chain},
    )
    found = open_grant(parse_grant(granted), colleague.keys)
    assert list(found) == [1]
    check_secret(made.commits[1], found[1])
