"""How a new device names itself to an old one (tep.md §5.9).

Both public keys and the class are hashed. A QR code carries the whole hash; who has no camera types its
first 100 bits, which are too many for anybody to find other keys that share them. The server keeps the
request under an id that follows from the typed part. Malformed code beyond those of the profile: code.
"""

from etherapy.tep.base32 import number_of, spell, strange_in, typed
from etherapy.tep.labels import digest, label, plain_digest
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import octets, uint
from etherapy.tep.xwing import PUBLIC_BYTES

CODE_BYTES = 13
CODE_CHARACTERS = 20
_SPARE_BITS = 4
SECRET_BYTES = 16


def request_hash(sign_pk: bytes, hpke_pk: bytes, device_class: int) -> bytes:
    """What a new device shows: the name of its keys and class."""
    number = uint(device_class, "class", 1, 5)
    keys = octets(sign_pk, 32, "sign_pk") + octets(hpke_pk, PUBLIC_BYTES, "hpke_pk")
    return digest("link-request", bytes([number]) + keys)


def code_of(name: bytes) -> bytes:
    """The part of a request's hash that is typed: 13 bytes, the last four bits zero."""
    whole = octets(name, 32, "request hash")[:CODE_BYTES]
    return whole[:-1] + bytes([whole[-1] & 0xF0])


def link_code(name: bytes) -> str:
    """The code to type for the request with this hash: 5 groups of 4 characters."""
    return spell(int.from_bytes(code_of(name), "big") >> _SPARE_BITS, CODE_CHARACTERS)


def parse_link_code(text: str) -> bytes:
    """The 13 bytes behind what somebody typed; Malformed (code), in words for that person."""
    plain = typed(text)
    strange = strange_in(plain)
    if strange:
        raise Malformed("code", f"a device code never contains {' or '.join(strange)}")
    if len(plain) != CODE_CHARACTERS:
        raise Malformed("code", f"a device code has {CODE_CHARACTERS} characters, this one has {len(plain)}")
    return (number_of(plain) << _SPARE_BITS).to_bytes(CODE_BYTES, "big")


def lookup_id(code: bytes) -> bytes:
    """Under which id the server keeps the request with this code (13 bytes)."""
    octets(code, CODE_BYTES, "code")
    if code[-1] & 0x0F:
        raise Malformed("code", "code: the last four bits are zero")
    return digest("link-lookup", code)[:16]


def confirmed_bytes(core: bytes) -> bytes:
    """What a confirmation is made over: the link that brings the new device in."""
    return label("link") + plain_digest(core)
