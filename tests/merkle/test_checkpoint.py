"""Checkpoints: the bytes of C2SP, what a reader refuses, and AT-69 as a whole."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etherapy.merkle import checkpoint as notes
from etherapy.merkle.checkpoint import Checkpoint, CheckpointRefused
from etherapy.merkle.proof import consistency_proof, inclusion_proof, verify_inclusion
from etherapy.merkle.tree import empty_root, leaf_hash, stored_root
from etherapy.signing import SigningKey
from tests.merkle.stored_log import log_of, numbered

NAME = "practice.example/p1/audit"
KEY = SigningKey(bytes(range(32)))
STRANGER = SigningKey(bytes(32))
SOME = Checkpoint(NAME, 20852163, leaf_hash(b"root"))
NOTE = notes.sign(SOME, KEY, NAME)
TEXT, SIGNATURES = NOTE.split(b"\n\n")


# The worked example of c2sp.org/signed-note.
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_PUBLIC = bytes.fromhex("e932791ae6e7a840a46164c904786426d5e7821dd8b29a00d61cae72afdd4da4")
C2SP_NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()


def refused(note: bytes, name: str = NAME, public: bytes = KEY.public, why: str | None = None) -> None:
    with pytest.raises(CheckpointRefused, match=why):
        notes.open_note(note, name, public)


def signed(text: str) -> bytes:
    """A note whose signature is good, whatever its text."""
    signature = notes.key_id(NAME, KEY.public) + KEY.sign(text.encode())
    return f"{text}\n\u2014 {NAME} {b64encode(signature).decode()}\n".encode()


def test_the_worked_example_of_the_note_format_is_read():
    assert notes.signed_text(C2SP_NOTE, "example.com/foo", C2SP_PUBLIC) == "This is an example message.\n"
    assert notes.verifier_key("example.com/foo", C2SP_PUBLIC) == C2SP_KEY


def test_the_text_is_that_of_the_worked_example_of_the_checkpoint_format():
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    root = b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")
    assert Checkpoint("example.com/behind-the-sofa", 20852163, root).text() == text


def test_a_signed_checkpoint_is_text_empty_line_and_one_signature_line():
    head, tail = NOTE.decode().split("\n\n")
    assert head + "\n" == SOME.text()
    assert tail.startswith(f"\u2014 {NAME} ")
    assert tail.endswith("\n")
    assert signed(SOME.text()) == NOTE


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_what_was_signed_is_what_is_opened(size: int, root: bytes):
    checkpoint = Checkpoint(NAME, size, root if size else empty_root())
    assert notes.open_note(notes.sign(checkpoint, KEY, NAME), NAME, KEY.public) == checkpoint


def test_the_key_may_have_a_name_of_its_own_if_the_reader_expects_it():
    note = notes.sign(SOME, KEY, "keys.example/a")
    assert notes.open_note(note, "keys.example/a", KEY.public, origin=NAME) == SOME
    refused(note, "keys.example/a", why="another log")


def test_every_single_bit_flipped_anywhere_in_a_note_is_refused():
    for bit in range(len(NOTE) * 8):
        flipped = bytearray(NOTE)
        flipped[bit // 8] ^= 1 << bit % 8
        refused(bytes(flipped))


@pytest.mark.parametrize("sign", ["\t", "\r", "\0", "\x1b"])
def test_a_text_with_control_characters_is_refused_whatever_it_is_about(sign: str):
    assert notes.signed_text(signed("a text\n"), NAME, KEY.public) == "a text\n"
    with pytest.raises(CheckpointRefused, match="control"):
        notes.signed_text(signed(f"a{sign}text\n"), NAME, KEY.public)


def test_every_note_cut_short_is_refused():
    for length in range(len(NOTE)):
        refused(NOTE[:length])


def test_another_key_name_or_origin_is_refused():
    refused(NOTE, public=STRANGER.public, why="no signature by the expected key")
    refused(NOTE, name="practice.example/p1/keys", why="no signature by the expected key")
    other = notes.sign(Checkpoint("practice.example/p2/audit", 1, SOME.root), KEY, NAME)
    refused(other, why="another log")


def test_a_strangers_signature_under_our_key_id_is_refused():
    forged = notes.key_id(NAME, KEY.public) + STRANGER.sign(SOME.text().encode())
    line = f"\u2014 {NAME} {b64encode(forged).decode()}\n".encode()
    refused(TEXT + b"\n\n" + line, why="does not verify")
    refused(TEXT + b"\n\n" + SIGNATURES + line, why="does not verify")


def test_signatures_of_witnesses_before_and_after_ours_are_passed_over():
    witness = f"\u2014 witness.example {b64encode(bytes(76)).decode()}\n".encode()
    same_name = f"\u2014 {NAME} {b64encode(bytes(68)).decode()}\n".encode()
    note = TEXT + b"\n\n" + witness * 8 + same_name + SIGNATURES + witness * 8
    assert notes.open_note(note, NAME, KEY.public) == SOME


ROOT = b64encode(SOME.root).decode()
TAIL = ROOT[:-2] + chr(ord(ROOT[-2]) + 1) + "="


@pytest.mark.parametrize(
    "text",
    [
        f"{NAME}\n7\n{ROOT}\nextension\n",
        f"{NAME}\n7\n{ROOT}\n\nextension\n",
        f"{NAME}\n7\n",
        f"{NAME}\n7\n{ROOT}\n\n",
        f"\n7\n{ROOT}\n",
        f"{NAME}\n07\n{ROOT}\n",
        f"{NAME}\n+7\n{ROOT}\n",
        f"{NAME}\n-7\n{ROOT}\n",
        f"{NAME}\n 7\n{ROOT}\n",
        f"{NAME}\n7 \n{ROOT}\n",
        f"{NAME}\n7_0\n{ROOT}\n",
        f"{NAME}\n\u0667\n{ROOT}\n",
        f"{NAME}\n\n{ROOT}\n",
        f"{NAME}\n{2**63}\n{ROOT}\n",
        f"{NAME}\n{'9' * 5000}\n{ROOT}\n",
        f"{NAME}\n0\n{ROOT}\n",
        f"{NAME}\n7\n{ROOT[:-1]}\n",
        f"{NAME}\n7\n{ROOT} \n",
        f"{NAME}\n7\n{TAIL}\n",
        f"{NAME}\n7\n{b64encode(bytes(31)).decode()}\n",
        f"{NAME}\n7\n{b64encode(bytes(33)).decode()}\n",
        f"{NAME}\n7\n{b64encode(bytes([255] * 32), b'-_').decode()}\n",
        f"{NAME}\r\n7\n{ROOT}\n",
        f"{NAME}\n7\n{ROOT}\n\0",
        f"{NAME}\t\n7\n{ROOT}\n",
        f"\ufeff{NAME}\n7\n{ROOT}\n",
    ],
)
def test_a_well_signed_text_with_a_second_spelling_or_a_line_too_many_is_refused(text: str):
    refused(signed(text))


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\n",
        b"\n\n",
        TEXT + b"\n",
        TEXT + b"\n\n",
        TEXT + b"\n" + SIGNATURES,
        NOTE[:-1],
        NOTE + b"\n",
        NOTE + b"more\n",
        NOTE.replace("\u2014".encode(), b"-"),
        NOTE.replace("\u2014 ".encode(), "\u2014".encode()),
        NOTE.replace(b"=\n", b"\n"),
        NOTE.replace(NAME.encode() + b" ", NAME.encode() + b"  "),
        NOTE + "\u2014 witness.example \n".encode(),
        NOTE + "\u2014 witness.example AAAAAA==\n".encode(),
        NOTE + "\u2014 wit+ness AAAAAAA=\n".encode(),
        NOTE + "\u2014  AAAAAAA=\n".encode(),
        NOTE + b"\xff\n",
        NOTE + "\u2014 witness.example AAAAAAA=\n".encode() * 10_000,
    ],
)
def test_a_malformed_note_is_refused_even_where_our_own_line_is_good(note: bytes):
    refused(note)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b", "a\u2003b", "a\x7f b"])
def test_names_that_could_be_read_in_two_ways_are_not_signed(name: str):
    with pytest.raises(CheckpointRefused):
        notes.sign(SOME, KEY, name)
    with pytest.raises(CheckpointRefused):
        Checkpoint(name, 1, SOME.root)


def test_an_empty_log_has_the_empty_root_and_no_other():
    nothing = Checkpoint(NAME, 0, empty_root())
    assert notes.open_note(notes.sign(nothing, KEY, NAME), NAME, KEY.public) == nothing
    with pytest.raises(CheckpointRefused, match="empty"):
        Checkpoint(NAME, 0, SOME.root)


def test_the_origin_names_installation_practice_and_log():
    assert notes.log_origin("practice.example", "p1", "audit") == NAME


def test_at_69_a_wrong_proof_a_smaller_tree_a_second_root_a_wrong_origin_or_key_is_refused():
    """AT-69."""
    log = log_of(numbered(40))

    def state(size: int, origin: str = NAME) -> Checkpoint:
        return Checkpoint(origin, size, stored_root(size, log.node))

    seen, fresh, proof = state(13), state(40), consistency_proof(13, 40, log.node)
    notes.follow(seen, fresh, proof)
    notes.follow(seen, seen, [])
    leaf, path = leaf_hash(numbered(40)[5]), inclusion_proof(5, 40, log.node)
    assert verify_inclusion(leaf, 5, 40, path, fresh.root)

    assert not verify_inclusion(leaf, 6, 40, path, fresh.root)
    assert not verify_inclusion(leaf, 5, 40, path[:-1], fresh.root)
    for before, after, shown, why in [
        (seen, fresh, proof[:-1], "not shown"),
        (seen, fresh, consistency_proof(12, 40, log.node), "not shown"),
        (seen, fresh, [], "not shown"),
        (fresh, seen, proof, "smaller"),
        (fresh, Checkpoint(NAME, 40, seen.root), [], "two roots"),
        (seen, state(40, "practice.example/p1/keys"), proof, "another log"),
    ]:
        with pytest.raises(CheckpointRefused, match=why):
            notes.follow(before, after, shown)
    note = notes.sign(fresh, KEY, NAME)
    refused(note, public=STRANGER.public)
    refused(note, name="practice.example/p1/keys")
