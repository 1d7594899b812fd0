"""The operator's commands about the server's own keys, on a real installation."""

import json
import stat

import pytest

from etherapy.cli.main import run
from etherapy.server.keys import ServerSecrets


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A synthetic installation with one practice."""
    place = tmp_path_factory.mktemp("keys")
    for directory in (place, place.parent, place.parent.parent):
        directory.chmod(directory.stat().st_mode | stat.S_IXOTH)
    where = ["--data", str(place / "data")]
    assert run(["setup", "--synthetic", *where]) == 0
    assert run(["practice", "create", "Elm", "--zone", "Europe/London", *where]) == 0
    return place / "data"


def document(capsys, data, *arguments: str, status: int = 0):
    """What a command says with --json."""
    capsys.readouterr()
    assert run(["server-keys", *arguments, "--data", str(data), "--json"]) == status
    return json.loads(capsys.readouterr().out or "null")


def test_keys_are_shown_rotated_and_shown_again_and_no_secret_is(data, capsys, tmp_path):
    before = document(capsys, data, "show")
    assert before["links"] == 1 and len(before["keys"]) == 3 and not before["root_kept_apart"]
    done = document(capsys, data, "rotate", "--overlap", "3")
    assert (done["links"], done["practices"]) == (2, 1)
    after = document(capsys, data, "show")
    assert [one["signs_now"] for one in after["keys"]].count(True) == 3 and len(after["keys"]) == 6
    assert run(["server-keys", "show", "--data", str(data)]) == 0
    said = capsys.readouterr().out
    secrets = ServerSecrets.load(data / "keys" / "server.json")
    assert "signs now" in said and secrets.receipt.seed.hex()[:8] not in said

    assert run(["server-keys", "keep-root-apart", str(tmp_path / "root.json"), "--data", str(data)]) == 0
    assert "two places" in capsys.readouterr().out
    assert document(capsys, data, "show")["root_kept_apart"]
    assert run(["server-keys", "rotate", "--data", str(data)]) == 1
    assert "--root FILE" in capsys.readouterr().err
    assert document(capsys, data, "rotate", "--root", str(tmp_path / "root.json"))["links"] == 3
    assert run(["server-keys", "rotate", "--overlap", "8", "--data", str(data)]) == 2


def test_a_restore_says_that_it_began_a_new_generation(data, capsys, tmp_path, tmp_path_factory):
    place = tmp_path_factory.mktemp("restored")
    for directory in (place, place.parent, place.parent.parent):
        directory.chmod(directory.stat().st_mode | stat.S_IXOTH)
    backup, keys = tmp_path / "backup", tmp_path / "vault.json"
    assert run(["backup", str(backup), "--keys", str(keys), "--data", str(data)]) == 0
    capsys.readouterr()
    assert run(["restore", str(backup), "--keys", str(keys), "--data", str(place / "data"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert len(said["generations"]) == 1 and all(number > 1 for number in said["generations"].values())
