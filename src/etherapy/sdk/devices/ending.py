"""A device that was taken out learns it, and forgets what it knew (tep.md §7).

The server's word alone empties nothing, or it could rob a person of their texts by refusing a login. What
counts is one's own chain, in which another of one's own devices has signed that this one is out.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from etherapy.protocol.endpoint import Endpoint
from etherapy.sdk.devices.own_chain import device_name
from etherapy.sdk.faults import Revoked
from etherapy.sdk.keeping.kept import KnownLinks
from etherapy.sdk.keeping.quarantine import expect_free
from etherapy.tep.chain import Chain, verify_chain
from etherapy.tep.links import parse_link
from etherapy.tep.malformed import Malformed

if TYPE_CHECKING:
    from etherapy.sdk.connection import Connection


def watch_over(link: "Connection") -> None:
    """Let a connection refuse what a quarantine forbids, and hear it when its device was taken out."""

    def may(endpoint: Endpoint[Any, Any]) -> None:
        if link.profile.kept.ended:
            raise Revoked(link.profile.kept.ended)
        expect_free(link.profile.kept, endpoint)

    link.transport.guard = may
    link.login.on_revoked = lambda links: _hear(link, links)


def _hear(link: "Connection", links: Sequence[bytes]) -> None:
    identity, kept = link.profile.kept.identity, link.profile.kept
    if identity is None or identity.device_keys.device_id != link.keys.device_id:
        return  # it speaks as another device, such as the one that a recovery code makes
    words = read_ending(kept.chains.get(identity.chain), links, identity.chain, link.keys.device_id)
    if words is not None:
        end(link, words)
        raise Revoked(words)


def end(link: "Connection", words: str) -> None:
    """Empty this profile: keys, secrets, drafts, everything that was read."""
    link.login.forget()
    link.profile.wipe(words)


def read_ending(known: KnownLinks | None, links: Sequence[bytes], chain: bytes, device: bytes) -> str | None:
    """Why this device is out, in words; None where these links do not prove it.

    `known` is what the device has seen of its own chain, which `links` must go on from.
    """
    try:
        found = verify_chain(links)
    except Malformed:
        return None
    seen = known.links if known else []
    together = min(len(seen), len(links))
    if found.chain_id != chain or list(links[:together]) != seen[:together]:
        return None
    if found.closed:
        return "your account was closed by one of your own devices"
    mine = found.devices.get(device)
    if mine is None or mine.revoked_seq is None:
        return None
    return f"this device was taken out by your {_signer(found, links[mine.revoked_seq])}"


def _signer(chain: Chain, link: bytes) -> str:
    return device_name(chain.devices[parse_link(link).core.signer])
