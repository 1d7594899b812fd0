"""Messages: sealed once, opened by every device of the epoch, refused when anything is odd (tep.md §5.6)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt

from etherapy.crypto.epochs import open_epoch
from etherapy.crypto.errors import CommitmentBroken, MessageBroken, PaddingBroken, WrongEpoch
from etherapy.crypto.messages import commitment, message_key, open_message, seal_message
from etherapy.tep.envelope import (
    PADDED_SIZES,
    Header,
    envelope_verifies,
    padded_size,
    parse_envelope,
    sign_envelope,
)
from etherapy.tep.labels import label
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import Payload
from tests.tep.world import NOW, Dice, Thread, flips, settled, text, thread


def opened(made: Thread, envelope: bytes) -> Payload:
    return open_message(envelope, made.secrets[-1], made.commits[-1]).payload


def odd(made: Thread, plain: bytes, *, com: bytes | None = None) -> bytes:
    """An envelope around any plaintext, honestly keyed and signed: what a malicious member could send."""
    dice, keys, commit = Dice("odd"), made.client.keys, made.commits[-1]
    length = int.from_bytes(plain[32:36], "big")
    header = Header(
        *(commit.core.thread, commit.core.epoch, keys.device_id, dice(16), dice(24)),
        com or commitment(plain[:32], plain[36 : 36 + length]),
        *(commit.commit_hash, 1, False, 1, len(plain) + 16),
    )
    key = message_key(made.secrets[-1], commit, keys.device_id, header.mid)
    ct = crypto_aead_xchacha20poly1305_ietf_encrypt(plain, label("aad") + header.pack(), header.nonce, key)
    return sign_envelope(header, ct, keys.sign)


def plaintext(payload: bytes, size: int = 256) -> bytes:
    return (bytes(32) + len(payload).to_bytes(4, "big") + payload).ljust(size, b"\0")


@settings(max_examples=60)
@given(st.text(max_size=3000), st.integers(1, 5), st.booleans())
def test_every_message_opens_as_it_was_sent(body, service_class, urgent):
    made = settled()
    sealed = made.message(body, service_class=service_class, urgent=urgent)
    assert opened(made, sealed) == text(body)
    found = parse_envelope(sealed)
    assert (found.header.service_class, found.header.urgent) == (service_class, urgent)
    assert envelope_verifies(found, made.client.keys.sign.public)


def test_every_device_of_the_epoch_reads_it():
    made = settled()
    sealed = made.message("to everybody")
    for keys in (made.client.code.keys(), made.therapist.keys, made.therapist.code.keys()):
        secret = open_epoch(made.commits[0], keys)
        assert open_message(sealed, secret, made.commits[0]).payload.body == "to everybody"


def test_at_01_any_bit_flipped_in_header_or_ciphertext_does_not_open():
    """AT-01."""
    made = settled()
    sealed = made.message("short")
    for changed in flips(sealed):
        same_but_signature = changed[:152] == sealed[:152] and changed[216:] == sealed[216:]
        if same_but_signature:
            assert not envelope_verifies(parse_envelope(changed), made.client.keys.sign.public)
            continue
        with pytest.raises((Malformed, WrongEpoch, MessageBroken)):
            opened(made, changed)


def test_at_44_an_envelope_of_one_thread_is_rejected_in_another():
    """AT-44."""
    one, other = thread(), thread()
    sealed = one.message("for one thread")
    with pytest.raises(WrongEpoch):
        opened(other, sealed)
    moved = replace(other.commits[0], commit_hash=one.commits[0].commit_hash)
    with pytest.raises(MessageBroken):
        open_message(sealed, other.secrets[0], moved)
    elsewhere = replace(one.commits[0], core=replace(one.commits[0].core, thread=bytes(16)))
    with pytest.raises(WrongEpoch):
        open_message(sealed, one.secrets[0], elsewhere)


def test_at_45_padding_that_is_not_zero_is_rejected():
    """AT-45."""
    made, payload = settled(), text("x").pack()
    assert opened(made, odd(made, plaintext(payload))) == text("x")
    with pytest.raises(PaddingBroken):
        opened(made, odd(made, plaintext(payload)[:-1] + b"\1"))


def test_at_45_a_length_beyond_the_plaintext_is_rejected():
    """AT-45."""
    made, payload = settled(), text("x").pack()
    for length in (221, 256, 2**16, 2**32 - 1):
        plain = (bytes(32) + length.to_bytes(4, "big") + payload).ljust(256, b"\0")
        with pytest.raises(PaddingBroken):
            opened(made, odd(made, plain))


def test_at_45_a_size_other_than_the_payloads_bucket_is_rejected():
    """AT-45."""
    made, payload = settled(), text("x").pack()
    for size in (padded_size(300), padded_size(5000)):
        with pytest.raises(PaddingBroken):
            opened(made, odd(made, plaintext(payload, size)))
    for size in (240, 255, 257):
        with pytest.raises(Malformed):
            odd(made, plaintext(payload, size))


def test_at_46_a_commitment_to_another_text_is_rejected_although_the_seal_is_right():
    """AT-46."""
    made, payload = settled(), text("x").pack()
    with pytest.raises(CommitmentBroken):
        opened(made, odd(made, plaintext(payload), com=commitment(bytes(32), text("y").pack())))
    with pytest.raises(CommitmentBroken):
        opened(made, odd(made, plaintext(payload), com=commitment(b"k" * 32, payload)))


def test_at_63_no_second_text_fits_a_commitment():
    """AT-63."""
    made = settled()
    found = open_message(made.message("what was said"), made.secrets[0], made.commits[0])
    com = commitment(found.kf, found.payload_bytes)
    assert com != commitment(found.kf, text("what was not said").pack())
    assert com != commitment(bytes(32), found.payload_bytes)


def test_at_47_two_sealings_never_share_a_nonce_even_under_one_message_id():
    """AT-47."""
    made = settled()
    sealed = [parse_envelope(made.message("again", mid=b"m" * 16)) for _ in range(200)]
    assert {one.header.mid for one in sealed} == {b"m" * 16}
    assert len({one.header.nonce for one in sealed}) == len({one.item_hash for one in sealed}) == 200


def test_the_same_message_id_in_two_epochs_has_two_keys():
    made = thread()
    made.commit()
    keys = {
        message_key(secret, commit, made.client.keys.device_id, bytes(16))
        for secret, commit in zip(made.secrets, made.commits, strict=True)
    }
    assert len(keys) == 2


def wire_size(length: int) -> int:
    """Bytes of the envelope of an ASCII text, by its payload's length alone."""
    in_cbor = length + (1 if length < 24 else 2 if length < 256 else 3)
    return 152 + 64 + 16 + padded_size(len(text("").pack()) - 1 + in_cbor)


def test_at_49_texts_of_all_sizes_leave_in_buckets():
    """AT-49: exhaustive for 0..60,000; each step of the table is sealed on both of its sides."""
    made = settled()
    sizes = [wire_size(length) for length in range(60_001)]
    assert {size - 152 - 64 - 16 for size in sizes} <= PADDED_SIZES
    assert sizes[0] == 152 + 64 + 16 + 256
    assert sizes == sorted(sizes)
    steps = [at for at in range(1, 60_001) if sizes[at] != sizes[at - 1]]
    assert 100 < len(steps) < 200
    for length in (0, 23, 24, 255, 256, 60_000, *steps, *(at - 1 for at in steps)):
        assert len(made.message("x" * length)) == sizes[length]


@pytest.mark.parametrize("years", [-1, 1])
def test_at_73_a_clock_that_is_wrong_by_a_year_does_not_break_reading(years):
    """AT-73."""
    made = settled()
    late = replace(text("from another year"), at=NOW + years * 365 * 86_400_000)
    sealed = seal_message(late, secret=made.secrets[0], commit=made.commits[0], key=made.client.keys.sign)
    assert opened(made, sealed).at == late.at


def test_a_device_outside_the_roster_neither_seals_nor_is_read():
    """AT-28."""
    made = thread()
    laptop = made.client.add()
    with pytest.raises(WrongEpoch):
        made.message("too early", by=laptop)
    made.commit()
    sealed = made.message("now", by=laptop)
    core = replace(made.commits[-1].core, roster=made.commits[0].core.roster)
    with pytest.raises(WrongEpoch):
        open_message(sealed, made.secrets[-1], replace(made.commits[-1], core=core))


def test_a_payload_that_no_reader_would_take_is_not_sealed():
    made = settled()
    with pytest.raises(Malformed):
        seal_message(b"\xff", secret=made.secrets[0], commit=made.commits[0], key=made.client.keys.sign)
    with pytest.raises(Malformed):
        opened(made, odd(made, plaintext(b"\xff")))


def test_nothing_of_a_message_is_in_its_printed_form():
    made = settled()
    found = open_message(made.message("the secret words"), made.secrets[0], made.commits[0])
    assert "secret" not in repr(found)
    assert found.kf.hex() not in repr(found)
