"""Why an operator's command could not be done, in words that say what to do instead."""

import os

import asyncpg

from etherapy.postgres import PostgresUnavailable
from etherapy.rules.bad_rule import BadRule
from etherapy.server.configuration import SettingsFault
from etherapy.server.keys import KeysUnusable
from etherapy.server.listening import CannotListen
from etherapy.store.faults import StoreFault, StoreUnavailable, sort_fault
from etherapy.store.schema import MigrationRefused


class CannotOperate(Exception):
    """A command was refused and changed nothing. `mend` says what to do, unless `problem` says it all."""

    def __init__(self, problem: str, mend: str = "") -> None:
        super().__init__(f"{problem}; {mend}" if mend else problem)
        self.problem = problem
        self.mend = mend


def in_words(error: BaseException) -> CannotOperate | None:
    """The same failure in words for an operator; None for a defect, which should be seen as it is."""
    match error:
        case CannotOperate():
            return error
        case KeysUnusable():
            return CannotOperate(error.problem, error.mend)
        case BadRule():
            return CannotOperate(f"{error.field}: {error.problem}", error.mend)
        case PostgresUnavailable() | MigrationRefused() | SettingsFault() | CannotListen():
            return CannotOperate(str(error))
        case OSError(filename=str() | bytes() as name):  # a file's; those of connections name none
            return CannotOperate(f"{os.fsdecode(name)}: {(error.strerror or 'cannot be used').lower()}")
        case (
            StoreUnavailable() | StoreFault() | asyncpg.PostgresError() | asyncpg.InterfaceError() | OSError()
        ):
            return _of_store(sort_fault("database", error))
    return None


def _of_store(fault: Exception) -> CannotOperate | None:
    if isinstance(fault, StoreUnavailable):
        return CannotOperate(
            f"the database does not answer ({fault.reason})",
            "start it, or check ETHERAPY_DATABASE and ETHERAPY_OPERATE_DATABASE",
        )
    code = fault.code if isinstance(fault, StoreFault) else ""
    if code in ("42P01", "42883", "42703"):
        return CannotOperate("the database has not this program's schema", "run `etherapy migrate`")
    if code in ("28P01", "28000", "3D000", "42501"):
        return CannotOperate(
            f"the database refuses this account ({code})",
            "check ETHERAPY_DATABASE, ETHERAPY_OPERATE_DATABASE",
        )
    return None
