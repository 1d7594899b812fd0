"""A passphrase: it lets a new device ask by name, and opens nothing (tep.md §5.11).

The slow work is done here, with parameters that this program pins; the passphrase never leaves the device.
"""

import asyncio
from os import urandom
from typing import TYPE_CHECKING

from etherapy.binary import Hash32, Id16
from etherapy.crypto.passphrase import SALT_BYTES, check_parameters, derive_auth
from etherapy.protocol import endpoints
from etherapy.protocol.pairing import AskSalt, PassphraseLogin, SetPassphrase
from etherapy.protocol.problems import LoginFailed, NoSuchRequest
from etherapy.sdk.faults import LinkEnded, WrongPassphrase
from etherapy.sdk.transport import Transport

if TYPE_CHECKING:
    from etherapy.sdk.connection import Connection


async def set_passphrase(link: "Connection", name: str, passphrase: str) -> None:
    """Let new devices ask to be linked by this name and passphrase. NameTaken.

    The salt is drawn here, so that no server can choose one for which it has tables.
    """
    salt = urandom(SALT_BYTES)
    auth = await asyncio.to_thread(derive_auth, passphrase, salt, link.transport.origin, name)
    body = SetPassphrase(name, Id16(salt), Hash32(auth))
    await link.transport.call(endpoints.set_passphrase, body)


async def drop_passphrase(link: "Connection") -> None:
    """Go without one."""
    await link.transport.call(endpoints.drop_passphrase)


async def ask_by_passphrase(
    transport: Transport, practice: bytes, lookup: bytes, name: str, passphrase: str
) -> None:
    """Tie a waiting device to the account behind a name. WeakParameters before anything is derived.

    WrongPassphrase: nobody has this name with this passphrase; which of the two is wrong nobody is told.
    """
    said = await transport.call(endpoints.ask_salt, AskSalt(name), practice=practice)
    check_parameters(said.memory_kib, said.passes, said.lanes)
    auth = await asyncio.to_thread(derive_auth, passphrase, said.salt, transport.origin, name)
    body = PassphraseLogin(name, Hash32(auth), Id16(lookup))
    try:
        await transport.call(endpoints.passphrase_login, body, practice=practice)
    except LoginFailed:
        raise WrongPassphrase("this name and this passphrase do not belong together here") from None
    except NoSuchRequest:
        raise LinkEnded("the request of this device has ended") from None
