"""Signatures: libsodium's verdict, and a label for every use (tep.md §2.2, §5.1)."""

import ast
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

import etherapy
from etherapy.signing import SigningKey, verify
from etherapy.tep import linking
from etherapy.tep.chain import Chain
from etherapy.tep.charter import sign_charter
from etherapy.tep.consent import sign_consent
from etherapy.tep.invite import staff_accept_bytes, staff_accept_verifies
from etherapy.tep.labels import digest, label, plain_digest
from etherapy.tep.links import device_id, newcomer_bytes, parse_link, signer_bytes
from etherapy.tep.login import challenge_bytes
from etherapy.tep.malformed import Malformed
from etherapy.tep.signed import pack_signed
from tests.tep.formats import formats
from tests.tep.world import NOW, Dice, person

VECTORS = json.loads((Path(__file__).parents[1] / "golden/tep/signatures.json").read_text())["cases"]
FORBIDDEN_ELSEWHERE = (
    *("asymmetric.ed25519", "import ed25519", "Ed25519PublicKey", "load_ssh_public_key"),
    *("crypto_sign", "nacl.signing", "nacl import signing", "VerifyKey"),
)
L = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize("case", VECTORS, ids=[one["name"] for one in VECTORS])
def test_at_06_at_07_shared_vectors_are_judged_as_everywhere(case):
    """AT-06, AT-07."""
    key, message, sig = (bytes.fromhex(case[name]) for name in ("public", "message", "signature"))
    assert verify(key, message, sig) is case["valid"]


def test_at_06_the_identity_key_verifies_no_message():
    """AT-06."""
    identity = b"\x01" + bytes(31)
    for message in (b"", b"any", Dice("message")(100)):
        assert not verify(identity, message, identity + bytes(32))


def test_at_06_the_identity_key_cannot_enrol():
    """AT-06."""
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
    """AT-07."""
    for public in (
        b"\x01" + bytes(30) + b"\x80",
        b"\xee" + b"\xff" * 30 + b"\x7f",
        b"\xed" + b"\xff" * 30 + b"\x7f",
    ):
        assert not verify(public, b"any", public + bytes(32))
        assert not verify(public, b"any", b"\x01" + bytes(63))


def test_at_07_a_signature_with_s_plus_l_is_refused():
    """AT-07."""
    key = SigningKey(bytes(32))
    sig = key.sign(b"message")
    s = int.from_bytes(sig[32:], "little") + L
    assert verify(key.public, b"message", sig)
    assert not verify(key.public, b"message", sig[:32] + s.to_bytes(32, "little"))


def test_at_08_signatures_are_never_verified_by_another_library():
    """AT-08: only `signing` knows of Ed25519, and it takes it from libsodium."""
    root = Path(etherapy.__file__).parent
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom | ast.Attribute)
        and any(name in ast.unparse(node) for name in FORBIDDEN_ELSEWHERE)
    }
    assert found == {"signing.py"}


def test_at_08_no_format_is_judged_by_openssl(monkeypatch):
    """AT-08: every signed format is read while OpenSSL's Ed25519 does nothing but fail."""

    def fails(*_args: object) -> None:
        raise AssertionError("a signature was given to OpenSSL")

    for kind in (ed25519.Ed25519PublicKey, ed25519.Ed25519PrivateKey):
        for name in ("from_public_bytes", "from_private_bytes", "generate"):
            monkeypatch.setattr(kind, name, fails, raising=False)
    with pytest.raises(AssertionError, match="OpenSSL"):
        ed25519.Ed25519PublicKey.from_public_bytes(bytes(32))
    for one in formats().values():
        one.judge(one.whole)


SOURCE = Path(etherapy.__file__).parent
NAMED_BY_CALLERS = {"crypto/invitation.py": {"invite-id", "invite-sign", "staff-id", "staff-sign"}}
"""Where a label is handed in as an argument, and which ones come there."""


def calls_for_labels() -> list[tuple[str, ast.expr]]:
    """Every use of a label in the package: the file, and what names it."""
    return [
        (str(path.relative_to(SOURCE)), node.args[0])
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("label", "digest")
        and node.args
        and path.name != "labels.py"
    ]


def every_label() -> list[str]:
    named = {ast.literal_eval(one) for _, one in calls_for_labels() if isinstance(one, ast.Constant)}
    return sorted(named.union(*NAMED_BY_CALLERS.values()))


def test_every_label_is_written_out_where_it_is_used():
    """AT-10: so that the tests below see them all."""
    variable = {file for file, one in calls_for_labels() if not isinstance(one, ast.Constant)}
    assert variable == set(NAMED_BY_CALLERS)
    written = (SOURCE / "crypto/invitation.py").read_text(encoding="utf-8")
    assert all(f'"{one}"' in written for one in NAMED_BY_CALLERS["crypto/invitation.py"])
    known = {"env", "epoch", "grant", "auth", "receipt", "consent", "leave", "chain", "chain-new", "recall"}
    assert known | {"invite", "accept", "charter-sig", "server-link", "restore"} <= set(every_label())


def test_at_10_a_signature_for_one_use_verifies_for_no_other():
    """AT-10: over all labels of the package."""
    key, body, labels = SigningKey(bytes(32)), bytes(range(64)), every_label()
    assert len(labels) > 40
    for use in labels:
        sig = key.sign(label(use) + body)
        assert [other for other in labels if verify(key.public, label(other) + body, sig)] == [use]


def test_at_10_no_label_begins_another():
    """AT-10."""
    labels = [label(one) for one in every_label()]
    assert not [(a, b) for a in labels for b in labels if a != b and a.startswith(b)]


def test_at_10_what_was_signed_as_one_format_is_not_signed_as_another():
    """AT-10: the cores of two formats of one length cannot be exchanged with their signatures."""
    key, core = SigningKey(bytes(32)), Dice("core")(32)
    signers = {
        "consent": sign_consent,
        "charter": sign_charter,
        "link": lambda data, by: by.sign(signer_bytes(data)),
        "new device": lambda data, by: by.sign(newcomer_bytes(data)),
        "enrolment": lambda data, by: by.sign(staff_accept_bytes(data)),
    }
    made = {name: sign(core, key) for name, sign in signers.items()}
    assert len(set(made.values())) == len(made)
    assert [name for name, sig in made.items() if staff_accept_verifies(core, key.public, sig)] == [
        "enrolment"
    ]
    assert [name for name, sig in made.items() if verify(key.public, signer_bytes(core), sig)] == ["link"]


def test_a_label_is_ascii_and_ends_in_zero():
    assert label("env") == b"tep1:env\0"
    assert digest("dev", b"a", b"b") == plain_digest(b"tep1:dev\0ab")
    assert device_id(bytes(32)) == plain_digest(b"tep1:dev\0" + bytes(32))[:16]


def test_at_11_a_login_signature_is_bound_to_origin_nonce_and_time():
    """AT-11."""
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
