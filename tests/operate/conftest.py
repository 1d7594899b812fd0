"""A directory that other accounts may pass, for tests that start a PostgreSQL of their own."""

from tests.postgres_fixture import open_place

__all__ = ["open_place"]
