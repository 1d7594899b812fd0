"""The server's keys: pinned by their first link (tep_amendments.md A-8)."""

import pytest

from etherapy.signing import SigningKey
from etherapy.tep import serverkeys as sk
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import Head, sign_receipt, verify_receipt
from tests.tep.world import NOW, PRACTICE, Dice, flips, server


def refused(what: str, links: list[bytes]) -> None:
    with pytest.raises(Malformed) as problem:
        sk.verify_server_chain(links)
    assert problem.value.what == what


def key(name: str, use: int = 1, since: int = NOW, until: int = NOW + 1000) -> sk.ServerKey:
    return sk.ServerKey.of(SigningKey(Dice(name)(32)).public, use, since, until)


def test_keys_are_found_by_id_use_and_time():
    made = server()
    known = made.keys
    assert known.lookup(made.key_id, sk.Use.RECEIPTS, NOW) is not None
    assert known.lookup(made.key_id, sk.Use.RECEIPTS) is not None
    assert known.lookup(made.key_id, sk.Use.CHECKPOINTS, NOW) is None
    assert known.lookup(made.key_id, sk.Use.RECEIPTS, NOW - 1001) is None
    assert known.lookup(made.key_id, sk.Use.RECEIPTS, NOW + 10**9) is None
    assert known.lookup(bytes(8), sk.Use.RECEIPTS) is None
    head = Head(1, bytes(16), 1, bytes(32), NOW, made.key_id)
    assert verify_receipt(sign_receipt(head, made.receipts, made.key_id), known.receipt_keys()) == head


def test_a_rotation_adds_keys_and_ends_old_ones():
    made = server()
    old = made.keys.keys[made.key_id]
    ended = sk.ServerKey.of(old.public, old.use, old.since, NOW + 5)
    made.links.append(sk.next_server_link(made.keys, made.root, [ended, key("new", until=NOW + 10**10)]))
    known = made.keys
    assert (known.seq, len(known.keys)) == (1, 2)
    assert known.lookup(made.key_id, 1, NOW + 4) is not None
    assert known.lookup(made.key_id, 1, NOW + 5) is None
    made.links.append(sk.next_server_link(made.keys, made.root, [key("third")]))
    assert made.keys.lookup(made.key_id, 1, NOW + 4) is not None


def test_a_new_root_is_signed_by_the_old_and_by_itself():
    """AT-105."""
    made, fresh = server(), SigningKey(Dice("fresh root")(32))
    rotated = sk.next_server_link(made.keys, made.root, [key("new")], fresh)
    after = sk.verify_server_chain([*made.links, rotated])
    assert after.root_pk == fresh.public
    by_old = sk.next_server_link(after, made.root, [key("new")])
    refused("signature", [*made.links, rotated, by_old])
    core = sk.ServerLinkCore(
        made.keys.server_id, 1, made.keys.head, made.keys.origin, fresh.public, (key("new"),)
    )
    refused("signature", [*made.links, sk.make_server_link(core, made.root)])
    refused("signature", [*made.links, sk.make_server_link(core, fresh, fresh)])
    refused("signature", [*made.links, sk.make_server_link(core, fresh, made.root)])


def test_at_105_a_link_that_does_not_descend_from_the_pinned_one_is_refused():
    """AT-105."""
    made, other = server(), server("another server")
    assert made.keys.server_id != other.keys.server_id
    foreign = sk.next_server_link(other.keys, other.root, [key("new")])
    refused("signature", [*made.links, foreign])
    core = sk.ServerLinkCore(other.keys.server_id, 1, made.keys.head, "o", made.root.public, (key("new"),))
    refused("server", [*made.links, sk.make_server_link(core, made.root)])
    core = sk.ServerLinkCore(made.keys.server_id, 1, bytes(32), "o", made.root.public, (key("new"),))
    refused("prev", [*made.links, sk.make_server_link(core, made.root)])
    core = sk.ServerLinkCore(made.keys.server_id, 2, made.keys.head, "o", made.root.public, (key("new"),))
    refused("seq", [*made.links, sk.make_server_link(core, made.root)])
    refused("seq", [])
    refused("seq", [sk.next_server_link(made.keys, made.root, [key("new")])])
    with pytest.raises(Malformed) as problem:
        other.keys.check_descends_from(made.keys)
    assert problem.value.what == "server"


def test_an_older_or_branching_list_of_keys_is_an_alarm():
    """AT-105."""
    made = server()
    one = sk.verify_server_chain([*made.links, sk.next_server_link(made.keys, made.root, [key("one")])])
    other = sk.verify_server_chain([*made.links, sk.next_server_link(made.keys, made.root, [key("other")])])
    one.check_descends_from(made.keys)
    one.check_descends_from(one)
    for seen, known, what in ((made.keys, one, "rollback"), (other, one, "fork")):
        with pytest.raises(Malformed) as problem:
            seen.check_descends_from(known)
        assert problem.value.what == what


def test_a_key_has_the_id_of_its_bytes_one_use_and_an_end_after_its_beginning():
    made = server()
    odd = sk.ServerKey(bytes(8), 1, key("odd").public, NOW, NOW + 1)
    for keys, what in (
        ((odd,), "key"),
        ((key("a", since=NOW, until=NOW),), "dates"),
        ((key("a"), key("a")), "key"),
        ((key("a", use=4),), "range"),
        ((), "length"),
    ):
        with pytest.raises(Malformed) as problem:
            sk.first_server_link("o", made.root, keys)
        assert problem.value.what == what
    old = made.keys.keys[made.key_id]
    other_use = sk.ServerKey.of(old.public, 2, old.since, old.until)
    refused("key", [*made.links, sk.next_server_link(made.keys, made.root, [other_use])])


def test_any_single_bit_flipped_in_a_server_link_gives_no_chain_or_another_server():
    """AT-01."""
    made = server()
    second = sk.next_server_link(made.keys, made.root, [key("new")])
    for changed in flips(second):
        with pytest.raises(Malformed):
            sk.verify_server_chain([*made.links, changed])
    for changed in flips(made.links[0]):
        with pytest.raises(Malformed):
            sk.verify_server_chain([changed])


def test_a_home_names_server_and_practice():
    here = sk.home(server().keys.server_id, PRACTICE)
    assert here != sk.home(server("another server").keys.server_id, PRACTICE)
    assert here != sk.home(server().keys.server_id, bytes(16))
    with pytest.raises(Malformed):
        sk.home(bytes(31), PRACTICE)
