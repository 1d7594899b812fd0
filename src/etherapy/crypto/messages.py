"""Messages: one key each, padded, committed to, signed by the sending device (tep.md §5.6; A-1)."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from os import urandom

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt as _decrypt,
)
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_encrypt as _encrypt,
)
from nacl.exceptions import CryptoError as NaClError

from etherapy.crypto.derivation import authenticate, expand, extract
from etherapy.crypto.errors import CommitmentBroken, MessageBroken, PaddingBroken, WrongEpoch
from etherapy.signing import SigningKey
from etherapy.tep.envelope import (
    MAX_PAYLOAD,
    OVERHEAD,
    TAG_BYTES,
    Envelope,
    Header,
    padded_size,
    parse_envelope,
    sign_envelope,
)
from etherapy.tep.epoch import Commit
from etherapy.tep.labels import label
from etherapy.tep.links import device_id
from etherapy.tep.payload import Payload, parse_payload

KF_BYTES = 32


@dataclass(frozen=True, slots=True)
class Opened:
    """What a message says, with the key that proves it to others (tep.md §5.14).

    Malformed payload bytes raise `tep.Malformed` before this is made.
    """

    kf: bytes
    payload: Payload
    payload_bytes: bytes

    def __repr__(self) -> str:
        return "Opened(…)"


def seal_message(
    payload: Payload | bytes,
    *,
    secret: bytes,
    commit: Commit,
    key: SigningKey,
    service_class: int = 1,
    urgent: bool = False,
    mid: bytes | None = None,
    random: Callable[[int], bytes] = urandom,
) -> bytes:
    """The envelope of a payload in the epoch of `commit` with its `secret`, signed with the device's key.

    Give the same `mid` (16 bytes) when a message is sealed again after a stale epoch; its nonce is new.
    """
    text = payload if isinstance(payload, bytes) else payload.pack()
    parse_payload(text)
    device = device_id(key.public)
    if commit.core.row_of(device) is None:
        raise WrongEpoch("this device is not in the epoch's roster")
    kf, nonce = random(KF_BYTES), random(24)
    header = Header(
        thread=commit.core.thread,
        epoch=commit.core.epoch,
        device=device,
        mid=random(16) if mid is None else mid,
        nonce=nonce,
        com=commitment(kf, text),
        commit_hash=commit.commit_hash,
        service_class=service_class,
        urgent=urgent,
        suite=commit.core.suite,
        ct_len=padded_size(len(text)) + TAG_BYTES,
    )
    plain = kf + len(text).to_bytes(4, "big") + text
    plain += bytes(padded_size(len(text)) - len(plain))
    ct = _encrypt(plain, _aad(header.pack()), nonce, message_key(secret, commit, device, header.mid))
    return sign_envelope(header, ct, key)


def open_message(envelope: Envelope | bytes, secret: bytes, commit: Commit) -> Opened:
    """What an envelope of this epoch says. The device's signature is judged before, by `envelope_verifies`.

    WrongEpoch, MessageBroken, PaddingBroken or CommitmentBroken otherwise; the last two accuse the sender.
    """
    found = parse_envelope(envelope) if isinstance(envelope, bytes) else envelope
    header, core = found.header, commit.core
    place = (header.commit_hash, header.thread, header.epoch, header.suite)
    if place != (commit.commit_hash, core.thread, core.epoch, core.suite):
        raise WrongEpoch("the envelope was not sealed in this epoch")
    if core.row_of(header.device) is None:
        raise WrongEpoch("the envelope's device is not in the epoch's roster")
    key = message_key(secret, commit, header.device, header.mid)
    try:
        plain = _decrypt(found.ct, _aad(found.header_bytes), header.nonce, key)
    except NaClError:
        raise MessageBroken("the ciphertext is not what was sealed under this header") from None
    kf, text = _unpad(plain)
    if not hmac.compare_digest(commitment(kf, text), header.com):
        raise CommitmentBroken("the sender committed to another text")
    return Opened(kf, parse_payload(text), text)


def message_key(secret: bytes, commit: Commit, device: bytes, mid: bytes) -> bytes:
    """The key of one message: from the epoch secret, the sending device and the message id."""
    return expand(extract(commit.core_hash, secret), label("msg") + device + mid, 32)


def commitment(kf: bytes, payload: bytes) -> bytes:
    """com: binds the sender to one text, and shows nothing of it without kf."""
    return authenticate(kf, label("com") + payload)


def _unpad(plain: bytes) -> tuple[bytes, bytes]:
    length = int.from_bytes(plain[KF_BYTES:OVERHEAD], "big")
    if length > MAX_PAYLOAD or padded_size(length) != len(plain):
        raise PaddingBroken("the length inside does not belong to this size")
    end = OVERHEAD + length
    if any(plain[end:]):
        raise PaddingBroken("the padding is not zero")
    return plain[:KF_BYTES], plain[OVERHEAD:end]


def _aad(header: bytes) -> bytes:
    return label("aad") + header
