"""A place where a server of one's own can be run."""

from tests.postgres_fixture import open_place

__all__ = ["open_place"]
