"""Envelopes: `header (152) || signature (64) || ct`, in bytes that need no parser (tep_amendments.md A-1).

This is the path of every message, so the checks are a handful of comparisons on one unpacked tuple and the
three hashes; the Ed25519 verification is what costs.
"""

from hashlib import sha256
from struct import Struct
from typing import NamedTuple

from etherapy.signing import SIGNATURE_BYTES, SigningKey, verify
from etherapy.tep.labels import label
from etherapy.tep.layout import Layout
from etherapy.tep.malformed import Malformed

FORM = ">4B2H16sII16s16s24s32s32s"
HEADER_BYTES = 152
CT_AT = HEADER_BYTES + SIGNATURE_BYTES
TAG_BYTES = 16
OVERHEAD = 36
"""Bytes of plaintext before the payload: kf 32, length 4."""
MAX_PAYLOAD = 60 * 1024
MAX_ENVELOPE = 65_536
"""No body beyond this is read on; the largest padded size stays below it."""
SUITES = frozenset({1})
SERVICE_CLASSES = frozenset({1, 2, 3, 4, 5})
"""1 message, 2 logistics, 3 no_reply_expected, 4 letter, 5 structured."""

_TYPE = 0x45
_HEADER = Struct(FORM)
_LAYOUT = Layout(FORM, "header")
_ENV = label("env")
_ENV_HASH = label("env-hash")


def padded_size(payload_length: int) -> int:
    """Bytes of plaintext for a payload of this length: Padmé, never below 256 (tep.md §5.6)."""
    if not 0 <= payload_length <= MAX_PAYLOAD:
        raise Malformed("size", f"a payload has at most {MAX_PAYLOAD} bytes")
    return max(256, _padme(OVERHEAD + payload_length))


def _padme(length: int) -> int:
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


PADDED_SIZES = frozenset(padded_size(n) for n in range(MAX_PAYLOAD + 1))
_CT_LENGTHS = frozenset(size + TAG_BYTES for size in PADDED_SIZES)


class Header(NamedTuple):
    """What the server may see of a message. Ids are 16 bytes, nonce 24, com and commit_hash 32."""

    thread: bytes
    epoch: int
    device: bytes
    mid: bytes
    nonce: bytes
    com: bytes
    commit_hash: bytes
    service_class: int
    urgent: bool
    suite: int
    ct_len: int

    def pack(self) -> bytes:
        """The 152 bytes; Malformed for values that no reader would take."""
        flags = 1 if self.urgent else 0
        data = _LAYOUT.pack(
            *(1, _TYPE, self.suite, self.service_class, flags, 0, self.thread, self.epoch, self.ct_len),
            *(self.device, self.mid, self.nonce, self.com, self.commit_hash),
        )
        parse_header(data)
        return data


class Envelope(NamedTuple):
    """A split envelope. The signature is not verified yet (`envelope_verifies`)."""

    header: Header
    sig: bytes
    ct: bytes
    item_hash: bytes
    header_hash: bytes
    ct_hash: bytes
    header_bytes: bytes

    def pack(self) -> bytes:
        """The bytes it came from."""
        return self.header_bytes + self.sig + self.ct


def parse_header(data: bytes) -> Header:
    """The header behind 152 bytes. Codes: length, version, type, suite, class, flags, reserved, ct_len."""
    if len(data) != HEADER_BYTES:
        raise Malformed("length", "a header has 152 bytes")
    (
        version,
        kind,
        suite,
        service_class,
        flags,
        reserved,
        thread,
        epoch,
        ct_len,
        device,
        mid,
        nonce,
        com,
        commit,
    ) = _HEADER.unpack(data)
    if version != 1:
        raise Malformed("version", "header: version is not 1")
    if kind != _TYPE:
        raise Malformed("type", "header: type is not 'E'")
    if suite not in SUITES:
        raise Malformed("suite", "header: unknown suite")
    if service_class not in SERVICE_CLASSES:
        raise Malformed("class", "header: unknown service class")
    if flags > 1:
        raise Malformed("flags", "header: an unknown flag is set")
    if reserved:
        raise Malformed("reserved", "header: reserved bytes are not zero")
    if ct_len not in _CT_LENGTHS:
        raise Malformed("ct_len", "header: ct_len is not a padded size")
    return Header(thread, epoch, device, mid, nonce, com, commit, service_class, flags == 1, suite, ct_len)


def parse_envelope(data: bytes) -> Envelope:
    """Split and hash an envelope (A-9, steps 1 and 2).

    Codes: those of `parse_header`; ct_len also when bytes are missing or left over.
    """
    if not CT_AT < len(data) <= MAX_ENVELOPE:
        raise Malformed("length", f"an envelope has {CT_AT + 1} to {MAX_ENVELOPE} bytes")
    head, sig, ct = data[:HEADER_BYTES], data[HEADER_BYTES:CT_AT], data[CT_AT:]
    header = parse_header(head)
    if header.ct_len != len(ct):
        raise Malformed("ct_len", "header: ct_len is not what follows the signature")
    header_hash = sha256(head).digest()
    ct_hash = sha256(ct).digest()
    return Envelope(header, sig, ct, item_hash(header_hash, ct_hash, sig), header_hash, ct_hash, head)


def item_hash(header_hash: bytes, ct_hash: bytes, sig: bytes) -> bytes:
    """The name of an item in promises and entries; computable after its ciphertext is gone."""
    return sha256(_ENV_HASH + header_hash + ct_hash + sig).digest()


def signed_bytes(header_hash: bytes, ct_hash: bytes) -> bytes:
    """What the sending device signs."""
    return _ENV + header_hash + ct_hash


def envelope_verifies(envelope: Envelope, sign_pk: bytes) -> bool:
    """Whether the device with this Ed25519 key signed exactly these bytes."""
    return verify(sign_pk, signed_bytes(envelope.header_hash, envelope.ct_hash), envelope.sig)


def sign_envelope(header: Header, ct: bytes, key: SigningKey) -> bytes:
    """The whole envelope around an already sealed `ct`."""
    head = header.pack()
    if len(ct) != header.ct_len:
        raise Malformed("ct_len", "header: ct_len is not the length of ct")
    sig = key.sign(signed_bytes(sha256(head).digest(), sha256(ct).digest()))
    return head + sig + ct
