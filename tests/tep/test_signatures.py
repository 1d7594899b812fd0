"""Signatures: libsodium's verdict, and a label for every use (tep.md §2.2, §5.1)."""

import ast
import json
from pathlib import Path

import pytest

import etherapy
from etherapy.signing import SigningKey, verify
from etherapy.tep import linking
from etherapy.tep.chain import Chain
from etherapy.tep.labels import digest, label, plain_digest
from etherapy.tep.links import device_id, parse_link, signer_bytes
from etherapy.tep.login import challenge_bytes
from etherapy.tep.malformed import Malformed
from etherapy.tep.signed import pack_signed
from tests.tep.world import NOW, Dice, person

VECTORS = json.loads((Path(__file__).parents[1] / "golden/tep/signatures.json").read_text())["cases"]
FORBIDDEN_ELSEWHERE = ("asymmetric.ed25519", "Ed25519PublicKey", "crypto_sign_open", "nacl.signing")
L = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize("case", VECTORS, ids=[one["name"] for one in VECTORS])
def test_at_06_at_07_shared_vectors_are_judged_as_everywhere(case):
    key, message, sig = (bytes.fromhex(case[name]) for name in ("public", "message", "signature"))
    assert verify(key, message, sig) is case["valid"]


def test_at_06_the_identity_key_verifies_no_message():
    identity = b"\x01" + bytes(31)
    for message in (b"", b"any", Dice("message")(100)):
        assert not verify(identity, message, identity + bytes(32))


def test_at_06_the_identity_key_cannot_enrol():
    somebody = person("somebody")
    chain = Chain.begin(somebody.links[0])
    identity = b"\x01" + bytes(31)
    core = linking.add_core(
        chain, somebody.keys.device_id, identity, somebody.code.keys().hpke.public, 4, NOW
    )
    data = core.pack()
    link = pack_signed(data, [somebody.keys.sign.sign(signer_bytes(data)), identity + bytes(32)])
    with pytest.raises(Malformed) as refused:
        chain.add(link)
    assert refused.value.what == "signature"


def test_at_07_non_canonical_key_is_refused():
    for public in (
        b"\x01" + bytes(30) + b"\x80",
        b"\xee" + b"\xff" * 30 + b"\x7f",
        b"\xed" + b"\xff" * 30 + b"\x7f",
    ):
        assert not verify(public, b"any", public + bytes(32))
        assert not verify(public, b"any", b"\x01" + bytes(63))


def test_at_07_a_signature_with_s_plus_l_is_refused():
    key = SigningKey(bytes(32))
    sig = key.sign(b"message")
    s = int.from_bytes(sig[32:], "little") + L
    assert verify(key.public, b"message", sig)
    assert not verify(key.public, b"message", sig[:32] + s.to_bytes(32, "little"))


def test_at_08_signatures_are_never_verified_by_another_library():
    """Only `signing` knows of Ed25519, and it takes it from libsodium."""
    root = Path(etherapy.__file__).parent
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Attribute)
        and any(name in ast.unparse(node) for name in FORBIDDEN_ELSEWHERE)
    }
    assert found == {"signing.py"}


def test_at_10_a_signature_for_one_use_verifies_for_no_other():
    key = SigningKey(bytes(32))
    body = bytes(range(64))
    uses = (
        "epoch",
        "env",
        "grant",
        "erase",
        "auth",
        "receipt",
        "chain",
        "chain-new",
        "recall",
        "invite",
        "accept",
    )
    for use in uses:
        sig = key.sign(label(use) + body)
        assert [other for other in uses if verify(key.public, label(other) + body, sig)] == [use]


def test_at_10_no_label_begins_another():
    used = {
        ast.literal_eval(node.args[0])
        for path in Path(etherapy.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("label", "digest")
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(used) > 25
    labels = [label(one) for one in used]
    assert not [(a, b) for a in labels for b in labels if a != b and a.startswith(b)]


def test_a_label_is_ascii_and_ends_in_zero():
    assert label("env") == b"tep1:env\0"
    assert digest("dev", b"a", b"b") == plain_digest(b"tep1:dev\0ab")
    assert device_id(bytes(32)) == plain_digest(b"tep1:dev\0" + bytes(32))[:16]


def test_at_11_a_login_signature_is_bound_to_origin_nonce_and_time():
    key, nonce = SigningKey(bytes(32)), bytes(range(32))
    sig = key.sign(challenge_bytes("https://a.example", nonce, NOW))
    assert verify(key.public, challenge_bytes("https://a.example", nonce, NOW), sig)
    for other in (
        challenge_bytes("https://b.example", nonce, NOW),
        challenge_bytes("https://a.example", bytes(32), NOW),
        challenge_bytes("https://a.example", nonce, NOW + 1),
    ):
        assert not verify(key.public, other, sig)


@pytest.mark.parametrize(
    ("origin", "nonce", "at"), [("", bytes(32), 1), ("x" * 256, bytes(32), 1), ("x", b"", 1)]
)
def test_a_login_challenge_has_its_lengths(origin, nonce, at):
    with pytest.raises(Malformed):
        challenge_bytes(origin, nonce, at)


def test_a_link_read_back_names_its_signer():
    link = parse_link(person("somebody").links[0])
    assert link.core.sign_pk is not None
    assert link.core.signer == device_id(link.core.sign_pk)
