"""Why PostgreSQL could not be had, in words that say what to do."""


class PostgresUnavailable(Exception):
    """PostgreSQL cannot be found, prepared or started; the text says why and what to do about it."""
