"""Device chains: who may add, revoke, rotate and replace whom (tep.md §5.2, A-5)."""

import pytest

from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.recovery import RecoveryCode
from etherapy.signing import SigningKey
from etherapy.tep import linking
from etherapy.tep.chain import RECOVERY_DELAY_MS, Chain, find_fork, verify_chain
from etherapy.tep.epoch import RosterRow
from etherapy.tep.epoch_rules import check_roster
from etherapy.tep.labels import plain_digest
from etherapy.tep.links import (
    DeviceClass,
    LinkCore,
    Op,
    check_signatures,
    make_link,
    newcomer_bytes,
    parse_link,
    signer_bytes,
)
from etherapy.tep.malformed import Malformed
from etherapy.tep.signed import pack_signed
from tests.tep.world import NOW, Dice, Person, person, settled, thread


def refused(what: str, chain: Chain, link: bytes, recorded_at: int | None = None) -> None:
    with pytest.raises(Malformed) as problem:
        chain.add(link, recorded_at)
    assert problem.value.what == what


def added(to: Person, keys: DeviceKeys, by: SigningKey, device_class: int = 2) -> bytes:
    return linking.add_device(to.chain, by, keys.sign, keys.hpke.public, device_class, NOW)


def test_a_chain_grows_and_keeps_what_it_was():
    someone = person("someone")
    before = someone.chain
    laptop = someone.add()
    after = someone.chain
    assert before.active() == [one for one in after.active() if one.device_id != laptop.device_id]
    assert [len(before.active()), len(after.active())] == [2, 3]
    assert (after.seq, after.head, after.chain_id) == (2, after.hashes[2], after.hashes[0])
    assert after.devices[laptop.device_id].added_seq == 2
    assert after.devices[laptop.device_id].hpke_hash == plain_digest(laptop.hpke.public)
    assert [one.device_class for one in after.recovery()] == [DeviceClass.RECOVERY]


def test_at_12_a_link_by_a_revoked_device_is_rejected_however_old_it_says_it_is():
    """AT-12."""
    someone = person("someone")
    laptop = someone.add()
    early = linking.add_device(
        verify_chain(someone.links), laptop.sign, SigningKey(bytes(32)), laptop.hpke.public, 2, NOW - 10**9
    )
    someone.revoke(laptop)
    refused("seq", someone.chain, early)
    late = added(someone, DeviceKeys.generate(someone.dice), laptop.sign)
    refused("signer", someone.chain, late)
    old = LinkCore(
        someone.chain.chain_id, someone.chain.seq + 1, someone.chain.head, Op.REVOKE, laptop.device_id, 1
    )
    refused("signer", someone.chain, make_link(_with_target(old, someone.keys.device_id), laptop.sign))


def _with_target(core: LinkCore, target: bytes) -> LinkCore:
    return LinkCore(core.chain_id, core.seq, core.prev, core.op, core.signer, core.at, target=target)


def test_at_13_an_add_without_the_new_devices_own_signature_is_rejected():
    """AT-13."""
    someone, other = person("someone"), DeviceKeys.generate(Dice("new device"))
    signer, chain = someone.keys.sign, someone.chain
    core = linking.add_core(chain, someone.keys.device_id, other.sign.public, other.hpke.public, 2, NOW)
    data = core.pack()
    mine, theirs = signer.sign(signer_bytes(data)), other.sign.sign(newcomer_bytes(data))
    assert chain.add(pack_signed(data, [mine, theirs])).devices[other.device_id].active
    for signatures in (
        [mine],
        [mine, mine],
        [theirs, mine],
        [mine, signer.sign(newcomer_bytes(data))],
        [mine, other.sign.sign(signer_bytes(data))],
        [mine, theirs, theirs],
    ):
        refused("signature", chain, pack_signed(data, signatures))


def test_at_14_a_web_device_adds_and_revokes_nobody_but_itself():
    """AT-14."""
    someone = person("someone")
    web = someone.add(DeviceClass.WEB)
    chain, fresh = someone.chain, DeviceKeys.generate(Dice("fresh"))
    refused("class", chain, added(someone, fresh, web.sign))
    refused("class", chain, added(someone, fresh, web.sign, DeviceClass.WEB))
    refused("class", chain, linking.revoke_device(chain, web.sign, someone.keys.device_id, NOW))
    refused("class", chain, linking.announce_recovery(chain, web.sign, someone.code.keys().device_id, NOW))
    refused("class", chain, linking.close_chain(chain, web.sign, NOW))
    announced = linking.announce_recovery(chain, someone.keys.sign, someone.code.keys().device_id, NOW)
    waiting = chain.add(announced)
    refused(
        "class",
        waiting,
        linking.complete_recovery(waiting, web.sign, waiting.head, fresh.sign, fresh.hpke.public, NOW),
    )
    rotated = chain.add(linking.rotate_key(chain, web.sign, fresh.hpke.public, NOW))
    assert rotated.devices[web.device_id].hpke_pk == fresh.hpke.public
    gone = chain.add(linking.revoke_device(chain, web.sign, web.device_id, NOW))
    assert not gone.devices[web.device_id].active


def test_at_15_an_ordinary_device_does_not_revoke_the_recovery_device():
    """AT-15."""
    someone = person("someone")
    recovery = someone.code.keys()
    refused(
        "class",
        someone.chain,
        linking.revoke_device(someone.chain, someone.keys.sign, recovery.device_id, NOW),
    )
    freed = someone.chain.add(linking.revoke_device(someone.chain, recovery.sign, recovery.device_id, NOW))
    assert freed.recovery() == []


def test_at_15_a_recovery_replacement_takes_72_hours_by_the_log():
    """AT-15."""
    someone = person("someone")
    old, new = someone.code.keys(), RecoveryCode.generate(someone.dice).keys()
    waiting = someone.chain.add(
        linking.announce_recovery(someone.chain, someone.keys.sign, old.device_id, NOW), NOW
    )
    done = linking.complete_recovery(
        waiting, someone.keys.sign, waiting.head, new.sign, new.hpke.public, NOW + 10**12
    )
    refused("delay", waiting, done, NOW + RECOVERY_DELAY_MS - 1)
    replaced = waiting.add(done, NOW + RECOVERY_DELAY_MS)
    assert [one.device_id for one in replaced.recovery()] == [new.device_id]
    assert replaced.devices[old.device_id].revoked_seq == replaced.seq
    assert replaced.announced == ()
    links = [
        *someone.links,
        linking.announce_recovery(someone.chain, someone.keys.sign, old.device_id, NOW),
        done,
    ]
    assert verify_chain(links, [0, 0, NOW, NOW + RECOVERY_DELAY_MS]).head == replaced.head
    with pytest.raises(Malformed, match="72 hours"):
        verify_chain(links, [0, 0, NOW, NOW + 1])


@pytest.mark.parametrize("by", ["sibling", "code"])
def test_at_15_revoking_the_announcer_cancels_the_replacement(by):
    """AT-15."""
    someone = person("someone")
    thief = someone.add()
    old, new = someone.code.keys(), RecoveryCode.generate(someone.dice).keys()
    someone.links.append(linking.announce_recovery(someone.chain, thief.sign, old.device_id, NOW))
    announced = someone.chain.head
    someone.revoke(thief, by=someone.keys.sign if by == "sibling" else old.sign)
    done = linking.complete_recovery(
        someone.chain, someone.keys.sign, announced, new.sign, new.hpke.public, NOW
    )
    refused("target", someone.chain, done, NOW + 2 * RECOVERY_DELAY_MS)


def test_at_15_a_replacement_is_a_recovery_device_and_was_announced():
    """AT-15."""
    someone = person("someone")
    new = RecoveryCode.generate(someone.dice).keys()
    refused(
        "target",
        someone.chain,
        linking.complete_recovery(
            someone.chain, someone.keys.sign, bytes(32), new.sign, new.hpke.public, NOW
        ),
    )
    refused(
        "target",
        someone.chain,
        linking.announce_recovery(someone.chain, someone.keys.sign, someone.keys.device_id, NOW),
    )
    waiting = someone.chain.add(
        linking.announce_recovery(someone.chain, someone.keys.sign, someone.code.keys().device_id, NOW)
    )
    core = LinkCore(
        *(waiting.chain_id, waiting.seq + 1, waiting.head, Op.COMPLETE_RECOVERY, someone.keys.device_id, NOW),
        sign_pk=new.sign.public,
        hpke_pk=new.hpke.public,
        device_class=DeviceClass.PHONE,
        reference=waiting.head,
    )
    refused("class", waiting, make_link(core, someone.keys.sign, new.sign))


def test_only_the_recovery_device_adds_a_second_one():
    """AT-15."""
    someone = person("someone")
    second = RecoveryCode.generate(someone.dice).keys()
    refused("recovery", someone.chain, added(someone, second, someone.keys.sign, DeviceClass.RECOVERY))
    grown = someone.chain.add(added(someone, second, someone.code.keys().sign, DeviceClass.RECOVERY))
    assert len(grown.recovery()) == 2


def test_at_16_two_links_with_one_number_are_kept_as_evidence():
    """AT-16."""
    someone = person("someone")
    common = list(someone.links)
    one = added(someone, DeviceKeys.generate(someone.dice), someone.keys.sign)
    other = linking.revoke_device(someone.chain, someone.keys.sign, someone.keys.device_id, NOW)
    fork = find_fork([*common, one], [*common, other])
    assert fork is not None
    assert (fork.seq, fork.known, fork.seen) == (2, one, other)
    assert fork.chain_id == someone.chain.chain_id
    assert find_fork([*common, one], common) is None
    assert find_fork(common, [*common, one]) is None
    forged = bytearray(other)
    forged[-1] ^= 1
    with pytest.raises(Malformed):
        find_fork([*common, one], [*common, bytes(forged)])
    with pytest.raises(Malformed):
        find_fork(common, person("somebody else").links)


def test_at_17_a_served_chain_that_hides_a_revocation_does_not_fit_the_roster():
    """AT-17."""
    made = thread()
    laptop = made.client.add()
    made.commit()
    made.client.revoke(laptop)
    commit = made.commit()
    honest = made.chains()
    check_roster(commit, honest)
    shorter = honest | {made.client.chain.chain_id: verify_chain(made.client.links[:-1])}
    with pytest.raises(Malformed) as problem:
        check_roster(commit, shorter)
    assert problem.value.what == "roster"


def test_at_18_a_shorter_chain_than_seen_before_shows_by_its_number():
    """AT-18."""
    someone = person("someone")
    someone.add()
    known, seen = someone.chain, verify_chain(someone.links[:-1])
    assert seen.seq < known.seq
    assert known.hashes[: len(seen.hashes)] == seen.hashes
    assert find_fork(someone.links, someone.links[:-1]) is None


def test_at_19_an_x_wing_key_replaced_in_transit_fits_neither_link_nor_roster():
    """AT-19."""
    someone, other = person("someone"), DeviceKeys.generate(Dice("other"))
    link = someone.links[0]
    changed = link.replace(someone.keys.hpke.public, other.hpke.public)
    assert len(changed) == len(link)
    assert changed != link
    with pytest.raises(Malformed) as problem:
        Chain.begin(changed)
    assert problem.value.what == "signature"
    row = RosterRow.of(someone.chain, 1)
    assert (someone.keys.device_id, plain_digest(someone.keys.hpke.public)) in row.devices
    assert plain_digest(other.hpke.public) not in {key for _, key in row.devices}


def test_at_20_a_genesis_without_recovery_device_and_without_opt_out_is_rejected():
    """AT-20."""
    dice = Dice("alone")
    keys, laptop = DeviceKeys.generate(dice), DeviceKeys.generate(dice)
    link0 = linking.begin_chain(keys.sign, keys.hpke.public, 1, dice(16), NOW)
    begun = Chain.begin(link0)
    assert not begun.complete()
    with pytest.raises(Malformed) as problem:
        verify_chain([link0])
    assert problem.value.what == "recovery"
    refused("recovery", begun, linking.add_device(begun, keys.sign, laptop.sign, laptop.hpke.public, 2, NOW))
    refused("recovery", begun, linking.rotate_key(begun, keys.sign, laptop.hpke.public, NOW))
    opted = linking.begin_chain(keys.sign, keys.hpke.public, 1, dice(16), NOW, opt_out=True)
    chain = verify_chain([opted])
    assert chain.opt_out
    assert chain.complete()


def test_a_person_with_only_a_browser_begins_with_the_recovery_device():
    dice = Dice("browser")
    web, recovery = DeviceKeys.generate(dice), RecoveryCode.generate(dice).keys()
    link0 = linking.begin_chain(recovery.sign, recovery.hpke.public, DeviceClass.RECOVERY, dice(16), NOW)
    begun = Chain.begin(link0)
    with pytest.raises(Malformed):
        verify_chain([link0])
    link1 = linking.add_device(begun, recovery.sign, web.sign, web.hpke.public, DeviceClass.WEB, NOW)
    assert len(verify_chain([link0, link1]).active()) == 2


def test_the_recovery_device_does_not_rotate_its_key():
    someone = person("someone")
    key = DeviceKeys.generate(someone.dice).hpke.public
    refused("class", someone.chain, linking.rotate_key(someone.chain, someone.code.keys().sign, key, NOW))


def test_a_rotation_brings_another_key():
    someone = person("someone")
    refused(
        "hpke_pk",
        someone.chain,
        linking.rotate_key(someone.chain, someone.keys.sign, someone.keys.hpke.public, NOW),
    )


def test_at_96_a_ninth_active_device_is_refused():
    """AT-96."""
    someone = person("someone")
    for _ in range(6):
        someone.add()
    ninth = DeviceKeys.generate(someone.dice)
    refused("limit", someone.chain, added(someone, ninth, someone.keys.sign))
    some = next(one for one in someone.chain.active() if one.device_class == DeviceClass.DESKTOP)
    someone.links.append(linking.revoke_device(someone.chain, someone.keys.sign, some.device_id, NOW))
    assert len(someone.chain.add(added(someone, ninth, someone.keys.sign)).active()) == 8


@pytest.mark.parametrize("part", ["coefficient", "low order"])
def test_at_96_a_link_with_a_malformed_x_wing_key_is_invalid(part):
    """AT-96."""
    someone = person("someone")
    good = someone.keys.hpke.public
    bad = b"\xff\x0f" + good[2:] if part == "coefficient" else good[:1184] + b"\1" + bytes(31)
    with pytest.raises(Malformed) as problem:
        parse_link(someone.links[0].replace(good, bad))
    assert problem.value.what == "hpke_pk"
    with pytest.raises(Malformed):
        linking.rotate_key(someone.chain, someone.keys.sign, bad, NOW)


def test_a_device_comes_only_once():
    someone = person("someone")
    laptop = someone.add()
    refused("device", someone.chain, added(someone, laptop, someone.keys.sign))
    someone.revoke(laptop)
    refused("device", someone.chain, added(someone, laptop, someone.keys.sign))
    refused(
        "target",
        someone.chain,
        linking.revoke_device(someone.chain, someone.keys.sign, laptop.device_id, NOW),
    )


def test_links_stand_in_their_chain_at_their_place():
    someone, other = person("someone"), person("other")
    chain = someone.chain
    refused("seq", chain, someone.links[0])
    refused("seq", chain, someone.links[1])
    foreign = linking.close_chain(other.chain, other.keys.sign, NOW)
    refused("chain", chain, foreign)
    core = LinkCore(chain.chain_id, 2, bytes(31) + b"\1", Op.CLOSE, someone.keys.device_id, NOW)
    refused("prev", chain, make_link(core, someone.keys.sign))
    core = LinkCore(chain.chain_id, 3, chain.head, Op.CLOSE, someone.keys.device_id, NOW)
    refused("seq", chain, make_link(core, someone.keys.sign))
    with pytest.raises(Malformed):
        Chain.begin(someone.links[1])
    with pytest.raises(Malformed):
        verify_chain([])


def test_nothing_follows_a_closed_chain_and_the_last_device_closes_it():
    someone = person("someone")
    alone = someone.chain.add(
        linking.revoke_device(someone.chain, someone.code.keys().sign, someone.code.keys().device_id, NOW)
    )
    refused("target", alone, linking.revoke_device(alone, someone.keys.sign, someone.keys.device_id, NOW))
    closed = alone.add(linking.close_chain(alone, someone.keys.sign, NOW))
    assert closed.closed
    refused("closed", closed, linking.close_chain(closed, someone.keys.sign, NOW))


def test_a_genesis_is_signed_by_its_own_device():
    someone, other = person("someone"), person("other")
    core = parse_link(someone.links[0]).core.pack()
    with pytest.raises(Malformed):
        Chain.begin(pack_signed(core, [other.keys.sign.sign(signer_bytes(core))] * 2))
    with pytest.raises(Malformed):
        check_signatures(parse_link(someone.links[0]), other.keys.sign.public)


def test_a_settled_thread_has_two_people_with_two_devices_each():
    assert [len(one.devices) for one in settled().commits[0].core.roster] == [2, 2]
