"""Addresses: where to listen, and who a request comes from as far as limits care (guarantees.md 4.4)."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

LOCAL_SOCKET = "unix"
"""Stands for the peer of a Unix socket, in settings and in buckets."""


class TrustedProxies:
    """The peers whose X-Forwarded-For counts: addresses, networks, and `unix` for a Unix socket."""

    def __init__(self, names: Sequence[str]) -> None:
        self._local_socket = LOCAL_SOCKET in names
        self._networks = [ip_network(name) for name in names if name != LOCAL_SOCKET]

    def include(self, address: str) -> bool:
        """Whether `address` is one of them."""
        if address == LOCAL_SOCKET:
            return self._local_socket
        found = _read(address)
        return found is not None and any(found in network for network in self._networks)

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """The right-most hop that is not one of ours, given the X-Forwarded-For headers in their order.

        What is left of it was sent by the client and means nothing. A hop that is no address ends the
        walk: the last proxy that was understood stands for it.
        """
        found = peer
        hops = [hop.strip() for line in forwarded for hop in line.split(",")]
        while hops and self.include(found):
            hop = hops.pop()
            if _read(hop) is None:
                break
            found = hop
        return found


@lru_cache(maxsize=4096)
def address_prefix(address: str) -> str:
    """Whom an address counts as: itself in IPv4, its /64 network in IPv6; any other text is itself."""
    found = _read(address)
    if isinstance(found, IPv6Address):
        return str(IPv6Address(int(found) >> 64 << 64)) + "/64"
    return address if found is None else str(found)


def read_address(text: str) -> tuple[str, int] | str | None:
    """(host, port), the path of a Unix socket, or None if it is neither."""
    if text.startswith("unix:"):
        return text.removeprefix("unix:") or None
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ip_address(host)
    except ValueError:
        return None
    return (host, int(port)) if port.isascii() and port.isdigit() and int(port) < 65536 else None


def is_local(text: str) -> bool:
    """Whether an address can be reached from this machine only."""
    found = read_address(text)
    return isinstance(found, str) or (found is not None and ip_address(found[0]).is_loopback)


def _read(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
