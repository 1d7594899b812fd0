"""What becomes of a passphrase before it leaves the device (tep.md §5.11)."""

import hmac

import pytest
from argon2.low_level import Type, hash_secret_raw

from etherapy.crypto.errors import WeakParameters
from etherapy.crypto.passphrase import MAX_PASSPHRASE, PINNED, check_parameters, derive_auth
from etherapy.tep.login import folded

SALT = bytes(range(16))
ORIGIN = "https://therapy.example"


def test_another_implementation_of_argon2_gives_the_same():
    slow = hash_secret_raw(b"correct horse", SALT, 3, 64 * 1024, 1, 32, Type.ID)
    info = b"tep1:login\0" + ORIGIN.encode() + b"\0" + b"ada"
    assert derive_auth("correct horse", SALT, ORIGIN, "Ada") == hmac.digest(slow, info + b"\1", "sha256")


def test_what_is_sent_depends_on_passphrase_salt_server_and_name():
    made = {
        derive_auth("one", SALT, ORIGIN, "ada"),
        derive_auth("two", SALT, ORIGIN, "ada"),
        derive_auth("one", bytes(16), ORIGIN, "ada"),
        derive_auth("one", SALT, "https://other.example", "ada"),
        derive_auth("one", SALT, ORIGIN, "bob"),
    }
    assert len(made) == 5


def test_spellings_that_a_person_takes_for_one_are_one():
    assert derive_auth("caf\u00e9", SALT, ORIGIN, "ada") == derive_auth("cafe\u0301", SALT, ORIGIN, "  ADA ")
    assert folded(" Ada  Lovelace") == folded("ADA LOVELACE") == folded("ａｄａ lovelace") == "ada lovelace"
    assert folded("Straße") == folded("STRASSE")
    assert folded(folded("İzmir")) == folded("İzmir")


def test_capitals_count_in_a_passphrase():
    assert derive_auth("One", SALT, ORIGIN, "ada") != derive_auth("one", SALT, ORIGIN, "ada")


@pytest.mark.parametrize(
    ("memory", "passes", "lanes"),
    [
        (8, 3, 1),
        (64 * 1024 - 1, 3, 1),
        (64 * 1024, 2, 1),
        (64 * 1024, 0, 1),
        (64 * 1024, 3, 4),
        (2**31, 3, 1),
    ],
)
def test_a_server_that_asks_for_another_derivation_is_refused(memory, passes, lanes):
    """AT-66."""
    check_parameters(PINNED.memory_kib, PINNED.passes, PINNED.lanes)
    assert (PINNED.memory_kib, PINNED.passes, PINNED.lanes) == (65_536, 3, 1)
    with pytest.raises(WeakParameters):
        check_parameters(memory, passes, lanes)


@pytest.mark.parametrize("passphrase", ["", "x" * (MAX_PASSPHRASE + 1)])
def test_a_passphrase_has_its_lengths(passphrase):
    with pytest.raises(ValueError, match="passphrase"):
        derive_auth(passphrase, SALT, ORIGIN, "ada")
    with pytest.raises(ValueError, match="salt"):
        derive_auth("x", bytes(15), ORIGIN, "ada")
