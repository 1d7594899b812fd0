"""Who a request comes from (guarantees.md 4.4: the right-most hop that is not one of ours)."""

import pytest

from etherapy.server.addresses import TrustedProxies, address_prefix, is_local, read_address


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ([], "192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        (["10.0.0.1"], "192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        (["10.0.0.1"], "10.0.0.1", [], "10.0.0.1"),
        (["10.0.0.1"], "10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        (["10.0.0.1"], "10.0.0.1", ["6.6.6.6, 198.51.100.7"], "198.51.100.7"),
        (["10.0.0.1"], "10.0.0.1", ["6.6.6.6", "198.51.100.7"], "198.51.100.7"),
        (["10.0.0.0/8"], "10.0.0.1", ["6.6.6.6, 198.51.100.7, 10.0.0.9"], "198.51.100.7"),
        (["10.0.0.0/8"], "10.0.0.1", ["10.0.0.8, 10.0.0.9"], "10.0.0.8"),
        (["10.0.0.1"], "10.0.0.1", ["198.51.100.7, nonsense"], "10.0.0.1"),
        (["10.0.0.1"], "10.0.0.1", ["198.51.100.7:443"], "10.0.0.1"),
        (["10.0.0.1"], "::ffff:10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        (["2001:db8::/32"], "2001:db8::1", ["198.51.100.7"], "198.51.100.7"),
        (["unix"], "unix", ["198.51.100.7"], "198.51.100.7"),
        ([], "unix", ["198.51.100.7"], "unix"),
        (["10.0.0.1"], "10.0.0.1", [""], "10.0.0.1"),
    ],
)
def test_only_what_a_trusted_hop_says_counts(
    trusted: list[str], peer: str, forwarded: list[str], client: str
) -> None:
    assert TrustedProxies(trusted).client(peer, forwarded) == client


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("unix", "unix"),
    ],
)
def test_an_ipv6_client_counts_as_its_network(address: str, prefix: str) -> None:
    assert address_prefix(address) == prefix


@pytest.mark.parametrize(
    ("text", "found", "local"),
    [
        ("127.0.0.1:8440", ("127.0.0.1", 8440), True),
        ("[::1]:80", ("::1", 80), True),
        ("0.0.0.0:80", ("0.0.0.0", 80), False),
        ("[::]:80", ("::", 80), False),
        ("unix:/run/door", "/run/door", True),
        ("unix:", None, False),
        ("localhost:80", None, False),
        ("127.0.0.1", None, False),
        ("127.0.0.1:", None, False),
        ("127.0.0.1:65536", None, False),
        ("127.0.0.1:٣", None, False),
    ],
)
def test_an_address_to_listen_on_is_read(text: str, found: object, local: bool) -> None:
    assert read_address(text) == found
    assert is_local(text) is local
