"""The secrecy contract: the server's packages cannot even name what opens a message (decisions.md D-30).

The import contracts in pyproject.toml speak of our rooms and of whole packages; this speaks of the parts of
packages. PyNaCl is on the server for signatures, and everything else in it is out of bounds there.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
WEB = Path(__file__).parents[2] / "web"
SERVER_SIDE = [
    "server",
    "store",
    "postgres",
    "protocol",
    "tep",
    "merkle",
    "rules",
    "signing",
    "binary",
    "clock",
]

CLOSED_PACKAGES = re.compile(r"(etherapy\.(crypto|sdk)|cryptography)(\..*)?")
OPEN_PARTS_OF_NACL = re.compile(r"nacl(\.(bindings|exceptions)(\.(?!\*).*)?)?")
OPEN_FUNCTIONS = re.compile(r"crypto_(sign|hash)\w*(?<!_to_curve25519)|crypto_core_ed25519_is_valid_point")
OTHER_VERIFIERS = re.compile(
    r"nacl\.signing(\..*)?"
    r"|cryptography\.(.*\.)?(ed25519|ed448|ec|rsa|dsa|mldsa|x509|\w*public_key)(\..*)?"
    r"|(.*\.)?(Ed25519|Ed448|RSA|DSA|EllipticCurve)(Public|Private)\w+"
)
LIBSODIUM_VERIFIERS = re.compile(r"(.*\.)?crypto_sign(_open|_verify_detached|_ed25519ph_final_verify)")


def names_in(source: str) -> Iterator[str]:
    """What a module imports, the attributes it asks for (`a.b.c`), and texts that could name a module."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                # A relative import is taken to start at our own root, wherever it stands.
                origin = ("etherapy." if level else "") + (f"{module}." if module else "")
                yield from (origin + alias.name for alias in names)
            case ast.Attribute():
                yield ast.unparse(node)
            case ast.Constant(value=str(text)):
                yield text


def is_secret(name: str) -> bool:
    """Whether the server's side must not use this name."""
    last = name.rpartition(".")[2]
    if CLOSED_PACKAGES.fullmatch(name) or (last.startswith("crypto_") and not OPEN_FUNCTIONS.fullmatch(last)):
        return True
    return re.match(r"nacl(\.|$)", name) is not None and not OPEN_PARTS_OF_NACL.fullmatch(name)


def in_a_fresh_interpreter(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )


def files_of(room: str) -> list[Path]:
    path = SOURCE / "etherapy" / room
    return [path.with_suffix(".py")] if path.with_suffix(".py").exists() else sorted(path.rglob("*.py"))


@pytest.mark.parametrize("room", SERVER_SIDE)
def test_the_servers_side_names_nothing_that_opens_a_message(room: str):
    files = files_of(room)
    assert files
    secrets = [(path.name, name) for path in files for name in names_in(path.read_text()) if is_secret(name)]
    assert secrets == []


@pytest.mark.parametrize(
    "line",
    [
        "import cryptography",
        "from cryptography.hazmat.primitives import hpke",
        "import etherapy.crypto.sealing",
        "from etherapy import crypto",
        "from etherapy.sdk import Session",
        "from ..crypto.sealing import seal",
        "from .. import crypto",
        "from nacl import public",
        "import nacl.public as harmless",
        "from nacl.secret import SecretBox",
        "import nacl.utils",
        "from nacl.pwhash import argon2id",
        "import nacl; nacl.public.Box",
        "from nacl.bindings import *",
        "from nacl.bindings import crypto_box_seal_open",
        "from nacl import bindings; bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(b'')",
        "from nacl.bindings import crypto_sign_ed25519_sk_to_curve25519",
        "__import__('nacl.secret')",
        "def later():\n    import_module('cryptography')",
    ],
)
def test_every_way_of_naming_it_is_noticed(line: str):
    assert any(is_secret(name) for name in names_in(line))


@pytest.mark.parametrize(
    "line",
    [
        "import nacl",
        "from nacl import bindings; bindings.crypto_sign_open(b'', b'')",
        "from nacl.exceptions import CryptoError",
        "from etherapy import signing",
        "'nothing here imports cryptography or nacl.secret'",
    ],
)
def test_what_the_server_needs_for_signatures_is_open_to_it(line: str):
    assert not any(is_secret(name) for name in names_in(line))


def test_a_server_that_has_loaded_every_module_has_loaded_no_way_to_open_a_message():
    modules = [
        ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for room in SERVER_SIDE
        for path in files_of(room)
        if path.name != "__main__.py"
    ]
    script = (
        f"import importlib, sys\nfor name in {modules}: importlib.import_module(name)\nprint(*sys.modules)"
    )
    answer = in_a_fresh_interpreter(script)
    loaded = answer.stdout.split()
    assert answer.returncode == 0, answer.stderr
    assert set(modules) <= set(loaded)
    # The bindings come as one piece; which of their functions are named is the concern of the test above.
    bindings = ("nacl._sodium", "nacl.bindings.")
    assert [name for name in loaded if is_secret(name) and not name.startswith(bindings)] == []


def test_at_08_signatures_are_verified_by_libsodium_in_one_place_and_nowhere_else():
    """AT-08."""
    for path in sorted(SOURCE.rglob("*.py")):
        names = set(names_in(path.read_text()))
        assert [name for name in names if OTHER_VERIFIERS.fullmatch(name)] == [], path
        if path != SOURCE / "etherapy" / "signing.py":
            assert [name for name in names if LIBSODIUM_VERIFIERS.fullmatch(name)] == [], path
    for path in (path for path in WEB.rglob("*.[jt]s") if "node_modules" not in path.parts):
        assert not re.search(r"subtle\s*\.\s*verify\b", path.read_text()), path


@pytest.mark.parametrize(
    "line",
    [
        "from cryptography.hazmat.primitives.asymmetric import ed25519",
        "from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey",
        "from cryptography.hazmat.primitives.serialization import load_der_public_key",
        "import cryptography.x509",
        "anything.Ed25519PublicKey.from_public_bytes(key)",
        "from nacl.signing import VerifyKey",
    ],
)
def test_every_other_verifier_is_noticed(line: str):
    assert any(OTHER_VERIFIERS.fullmatch(name) for name in names_in(line))


def test_a_second_caller_of_libsodiums_verification_is_noticed():
    for line in (
        "from nacl.bindings import crypto_sign_open",
        "bindings.crypto_sign_verify_detached(s, m, k)",
    ):
        assert any(LIBSODIUM_VERIFIERS.fullmatch(name) for name in names_in(line))


def test_at_08_signatures_are_verified_where_openssl_cannot_even_be_loaded():
    """AT-08."""
    script = """
import sys
for name in ("cryptography", "ssl", "_ssl", "nacl.signing"):
    sys.modules[name] = None
from etherapy.merkle.checkpoint import Checkpoint, open_note, sign
from etherapy.signing import SigningKey, verify
key = SigningKey(bytes(32))
assert verify(key.public, b"text", key.sign(b"text"))
assert not verify(key.public, b"other", key.sign(b"text"))
identity = bytes([1]) + bytes(31)
assert not verify(identity, b"any message at all", identity + bytes(32))
kept = Checkpoint("log", 1, bytes(32))
assert open_note(sign(kept, key, "log"), "log", key.public) == kept
print("verified")
"""
    answer = in_a_fresh_interpreter(script)
    assert answer.stdout == "verified\n", answer.stderr
