"""Bringing the database to this program's schema, as the command line asks for it."""

from etherapy.server.operate.site import Site
from etherapy.store.migrate import migrate


async def bring_forward(site: Site) -> list[str]:
    """The names of the schema files that were applied, oldest first."""
    return await migrate(site.operate_dsn)
