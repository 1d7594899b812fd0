"""The server's own keys: made once, private, and refused when anything about them is not right."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from etherapy.binary import b64
from etherapy.server.keys import SYNTHETIC_SINCE, SYNTHETIC_UNTIL, KeysUnusable, ServerSecrets
from etherapy.tep.serverkeys import Use, key_id, verify_server_chain

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
ORIGIN = "https://therapy.example"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "server.json"


def test_keys_are_the_same_when_they_are_read_again(path):
    made, read = ServerSecrets.create(path, ORIGIN, NOW), ServerSecrets.load(path)
    assert (read.server_id, read.links, read.pepper) == (made.server_id, made.links, made.pepper)
    assert [key.seed for key, _ in read.signers()] == [key.seed for key, _ in made.signers()]
    assert read.origin == ORIGIN


def test_the_links_say_which_key_signs_what_and_when(path):
    secrets = ServerSecrets.create(path, ORIGIN, NOW)
    known, ms = verify_server_chain(secrets.links), int(NOW.timestamp() * 1000)
    for key, use in secrets.signers():
        assert known.lookup(key_id(key.public), use, ms) is not None
    assert known.lookup(secrets.receipt_id, Use.CHECKPOINTS, ms) is None
    assert known.lookup(secrets.receipt_id, Use.RECEIPTS, ms - 2 * 3_600_000) is None
    assert secrets.valid_until() > NOW + timedelta(days=4 * 365)


def test_keys_of_a_synthetic_installation_count_in_its_stories(path):
    secrets = ServerSecrets.create(path, ORIGIN, NOW, since=SYNTHETIC_SINCE, until=SYNTHETIC_UNTIL)
    for year in (2020, 2026, 2099):
        at = int(datetime(year, 6, 1, tzinfo=UTC).timestamp() * 1000)
        assert secrets.known.lookup(secrets.receipt_id, Use.RECEIPTS, at) is not None


def test_only_their_owner_can_read_them(path):
    ServerSecrets.create(path, ORIGIN, NOW)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o640)
    with pytest.raises(KeysUnusable, match="chmod 600"):
        ServerSecrets.load(path)


def test_keys_are_never_replaced(path):
    first = ServerSecrets.create(path, ORIGIN, NOW)
    with pytest.raises(KeysUnusable, match="there already"):
        ServerSecrets.create(path, ORIGIN, NOW)
    assert ServerSecrets.load(path).server_id == first.server_id
    assert [each.name for each in path.parent.iterdir()] == ["server.json"]


def test_the_root_key_may_lie_offline(path):
    ServerSecrets.create(path, ORIGIN, NOW)
    file = msgspec.json.decode(path.read_bytes())
    path.write_bytes(msgspec.json.encode(file | {"root": None}))
    assert ServerSecrets.load(path).root is None


@pytest.mark.parametrize("name", ["root", "receipt", "checkpoint", "restore", "links"])
def test_a_key_that_the_links_do_not_name_is_noticed(path, tmp_path, name):
    ServerSecrets.create(path, ORIGIN, NOW)
    other = tmp_path / "other" / "server.json"
    ServerSecrets.create(other, ORIGIN, NOW)
    file, foreign = msgspec.json.decode(path.read_bytes()), msgspec.json.decode(other.read_bytes())
    path.write_bytes(msgspec.json.encode(file | {name: foreign[name]}))
    with pytest.raises(KeysUnusable, match="damaged"):
        ServerSecrets.load(path)


@pytest.mark.parametrize("text", [b"", b"{}", b"not json", b"\xff"])
def test_a_damaged_file_is_told_apart_from_a_missing_one(path, text):
    with pytest.raises(KeysUnusable, match="no keys"):
        ServerSecrets.load(path)
    ServerSecrets.create(path, ORIGIN, NOW)
    path.write_bytes(text)
    with pytest.raises(KeysUnusable, match="damaged"):
        ServerSecrets.load(path)


def test_neither_words_nor_errors_hold_a_secret(path):
    secrets = ServerSecrets.create(path, ORIGIN, NOW)
    seed = secrets.receipt.seed
    said = repr(secrets) + repr(secrets.receipt)
    assert not [spelt for spelt in (seed.hex()[:8], b64(seed)[:8], str(seed)[:12]) if spelt in said]
    assert b64(seed) in path.read_text()
    path.write_bytes(path.read_bytes()[: os.stat(path).st_size // 2])
    with pytest.raises(KeysUnusable) as caught:
        ServerSecrets.load(path)
    assert b64(seed)[:8] not in str(caught.value) and caught.value.__cause__ is None


def test_a_directory_that_was_there_keeps_its_mode(path):
    """A copy of the keys may be put into /tmp or on a mounted disk: those are not ours to close."""
    place = path.parent
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    ServerSecrets.create(path, ORIGIN, NOW)
    assert place.stat().st_mode & 0o777 == 0o755
    assert path.stat().st_mode & 0o777 == 0o600
