"""Epochs: one secret for every device of the roster, and for nobody else (tep.md §5.5)."""

from dataclasses import replace

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from etherapy.crypto import sealing
from etherapy.crypto.epochs import check_secret, new_epoch, open_epoch, row_info, secret_commitment
from etherapy.crypto.errors import (
    CannotSeal,
    NotForThisDevice,
    RowBroken,
    SealingUnavailable,
    SecretMismatch,
)
from etherapy.crypto.keys import DeviceKeys, probe
from etherapy.crypto.sealing import ADDED_BYTES, XWingKey, seal
from etherapy.tep.chain import Chain
from etherapy.tep.epoch import pack_sealed, parse_commit, sign_commit
from tests.tep.world import CHARTER_HASH, THREAD, Dice, person, settled, thread


def test_every_device_of_the_roster_opens_the_epoch_recovery_codes_included():
    """AT-51."""
    made = thread()
    laptop = made.client.add()
    commit = made.commit()
    for keys in (
        *(made.client.keys, laptop, made.client.code.keys()),
        *(made.therapist.keys, made.therapist.code.keys()),
    ):
        assert open_epoch(commit, keys) == made.secrets[-1]


def test_a_device_that_joins_later_or_was_revoked_has_no_row():
    made = thread()
    laptop = made.client.add()
    with pytest.raises(NotForThisDevice):
        open_epoch(made.commits[0], laptop)
    made.commit()
    made.client.revoke(laptop)
    with pytest.raises(NotForThisDevice):
        open_epoch(made.commit(), laptop)


def test_at_33_a_revoked_device_with_every_row_opens_none():
    """AT-33."""
    made = thread()
    laptop = made.client.add()
    made.client.revoke(laptop)
    commit = made.commit()
    for device, row in commit.sealed_rows.items():
        for named in (device, laptop.device_id):
            with pytest.raises(RowBroken):
                laptop.hpke.open(row, row_info(commit.core_hash, named))


@pytest.mark.parametrize("part", ["low order", "coefficient", "short", "other length"])
def test_at_09_nothing_is_sealed_to_a_malformed_key_and_no_epoch_is_made(part):
    """AT-09."""
    made = settled()
    good = made.client.keys.hpke.public
    bad = {
        "low order": good[:1184] + bytes(32),
        "coefficient": b"\xff\x0f" + good[2:],
        "short": good[:-1],
        "other length": good + b"\0",
    }[part]
    with pytest.raises(CannotSeal):
        seal(bad, b"", b"secret")
    chain = made.client.chain
    devices = {name: replace(one, hpke_pk=bad) for name, one in chain.devices.items()}
    broken = replace(chain, devices=devices)
    with pytest.raises(CannotSeal):
        epoch_over(broken, made.therapist.chain, made.therapist.keys)


def epoch_over(one: Chain, other: Chain, keys: DeviceKeys) -> bytes:
    whole, _ = new_epoch(
        [(one, 1), (other, 2)],
        keys,
        thread=THREAD,
        epoch=0,
        reason=1,
        charter_hash=CHARTER_HASH,
        view=(0, bytes(32)),
        home=bytes(32),
    )
    return whole


def test_at_29_a_row_from_another_epoch_or_device_does_not_open():
    """AT-29."""
    made = thread()
    first, second = made.commits[0], made.commit()
    own, sibling = made.client.keys, made.client.code.keys()
    moved = replace(
        second, sealed_rows={**second.sealed_rows, own.device_id: first.sealed_rows[own.device_id]}
    )
    with pytest.raises(RowBroken):
        open_epoch(moved, own)
    moved = replace(
        second, sealed_rows={**second.sealed_rows, own.device_id: second.sealed_rows[sibling.device_id]}
    )
    with pytest.raises(RowBroken):
        open_epoch(moved, own)
    with pytest.raises(RowBroken):
        open_epoch(second, made.client.keys.rotated(Dice("rotated")))


def test_at_30_another_secret_for_one_member_is_found_out():
    """AT-30."""
    made = thread()
    commit, victim = made.commits[0], made.client.keys
    other = Dice("other secret")(32)
    rows = dict(commit.sealed_rows)
    rows[victim.device_id] = seal(victim.hpke.public, row_info(commit.core_hash, victim.device_id), other)
    cheating = parse_commit(sign_commit(commit.core, pack_sealed(rows), made.therapist.keys.sign))
    with pytest.raises(SecretMismatch):
        open_epoch(cheating, victim)
    assert open_epoch(cheating, made.therapist.keys) == made.secrets[0]


def test_at_53_a_granted_secret_is_checked_against_the_commit():
    """AT-53."""
    made = thread()
    check_secret(made.commits[0], made.secrets[0])
    for wrong in (made.secrets[0][:-1], b"", made.secrets[0] + b"\0", bytes(32)):
        with pytest.raises(SecretMismatch):
            check_secret(made.commits[0], wrong)


def test_the_commitment_is_bound_to_thread_epoch_and_the_commit_before():
    """AT-30."""
    secret, made = bytes(32), secret_commitment(bytes(32), THREAD, 1, bytes(32))
    others = (
        secret_commitment(secret, bytes(16), 1, bytes(32)),
        secret_commitment(secret, THREAD, 2, bytes(32)),
        secret_commitment(secret, THREAD, 1, b"p" * 32),
        secret_commitment(b"s" * 32, THREAD, 1, bytes(32)),
    )
    assert len({made, *others}) == 5


def test_every_epoch_has_a_new_secret():
    made = thread()
    made.commit()
    assert made.secrets[0] != made.secrets[1]


def test_a_sealed_text_opens_only_under_its_context_and_unchanged():
    """AT-29."""
    key = XWingKey(bytes(32))
    sealed = seal(key.public, b"context", b"text")
    assert key.open(sealed, b"context") == b"text"
    assert len(sealed) == ADDED_BYTES + 4
    for changed, info in (
        *(
            (sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], b"context")
            for at in range(0, len(sealed), 61)
        ),
        *(
            (sealed, b"Context"),
            (sealed, b""),
            (sealed[:-1], b"context"),
            (b"", b"context"),
            (sealed + b"\0", b"context"),
        ),
    ):
        with pytest.raises(RowBroken):
            key.open(changed, info)


def test_device_keys_come_back_from_what_was_stored_and_show_nothing():
    keys = DeviceKeys.generate(Dice("stored"))
    again = DeviceKeys.from_stored(keys.stored())
    assert (again.device_id, again.hpke.public) == (keys.device_id, keys.hpke.public)
    assert keys.sign.seed.hex() not in repr(keys) + repr(keys.sign) + repr(keys.hpke)
    assert keys.rotated().device_id == keys.device_id
    assert DeviceKeys.generate().device_id != DeviceKeys.generate().device_id
    with pytest.raises(ValueError, match="64 bytes"):
        DeviceKeys.from_stored(bytes(63))
    with pytest.raises(ValueError, match="32 bytes"):
        XWingKey(bytes(31))


def test_the_probe_passes_here_and_says_what_to_install_elsewhere(monkeypatch):
    probe()

    class WithoutKem:
        @staticmethod
        def from_seed_bytes(seed: bytes) -> None:
            raise UnsupportedAlgorithm("ML-KEM is not supported by this version of OpenSSL")

    monkeypatch.setattr(sealing, "MLKEM768PrivateKey", WithoutKem)
    with pytest.raises(SealingUnavailable, match="cryptography>=50"):
        probe()


def test_an_x_wing_key_from_a_seed_is_that_of_the_published_vector():
    """draft-connolly-cfrg-xwing-kem, test vector 1: both ends of the public key."""
    seed = bytes.fromhex("7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26")
    public = XWingKey(seed).public.hex()
    assert public.startswith("e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5")
    assert public.endswith("859edb06eff389b27dce59844570216223593d4ba32d9abac8cd049040ef6534")


def test_people_of_one_name_are_the_same_in_every_run():
    assert person("client").chain.head == person("client").chain.head
