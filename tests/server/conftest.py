"""A place where a server of one's own can run, for the tests that stop it."""

from tests.postgres_fixture import open_place

__all__ = ["open_place"]
