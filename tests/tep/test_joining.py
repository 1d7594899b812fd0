"""Invitations and joining at any hour (tep_amendments.md A-10)."""

from dataclasses import replace
from typing import Any

import pytest

from etherapy.crypto.epochs import new_epoch, open_epoch
from etherapy.crypto.invitation import LinkKeys, invitation_keys, new_link_secret, staff_keys
from etherapy.signing import SigningKey
from etherapy.tep import invite as inv
from etherapy.tep.charter import Charter, agreement_hash, charter_hash, parse_charter, sign_charter
from etherapy.tep.epoch import Commit, parse_commit
from etherapy.tep.joining import check_joining
from etherapy.tep.malformed import Malformed
from etherapy.tep.placing import thread_start
from etherapy.tep.serverkeys import home
from etherapy.tep.signed import Signed
from tests.tep.world import NOW, PRACTICE, THREAD, Dice, Person, flips, person, server

SERVER_ID = server().keys.server_id
HOME = home(SERVER_ID, PRACTICE)
TONIGHT = NOW + 1000


class Joining:
    """A therapist invites, a client answers at night; each part can be changed before it is judged."""

    def __init__(self) -> None:
        self.dice = Dice("joining")
        self.therapist, self.client = person("therapist"), person("client")
        self.secret = new_link_secret(self.dice)
        self.link: LinkKeys = invitation_keys(self.secret)
        self.charter = self.signed_charter()
        self.invite = inv.parse_invite(inv.sign_invite(self.offer(), self.therapist.keys.sign))
        self.accept = inv.parse_accept(self.answer(self.client))
        self.commit = self.first_epoch()

    def signed_charter(self) -> Signed:
        owner = self.therapist.chain.chain_id
        terms = (
            HOME,
            THREAD,
            1,
            bytes(32),
            owner,
            3650,
            35,
            {1: 1, 2: 7},
            agreement_hash("text"),
            self.dice(16),
        )
        data = Charter(*terms).pack()
        return self.sign(data)

    def sign(self, data: bytes) -> Signed:
        return Signed(
            data,
            (sign_charter(data, self.therapist.keys.sign), sign_charter(data, self.client.keys.sign)),
            b"",
        )

    def offer(self) -> inv.Invite:
        chain = self.therapist.chain
        place = (SERVER_ID, PRACTICE, THREAD, chain.chain_id, chain.seq, chain.head, 2, self.dice(32), 1)
        return inv.Invite(
            *place,
            charter_hash(self.charter.core),
            self.link.signing.public,
            NOW + inv.LINK_LIFE_MS,
            self.dice(16),
        )

    def answer(self, who: Person, key: SigningKey | None = None) -> bytes:
        chain = who.chain
        core = inv.InviteAccept(self.invite.invite_hash, chain.chain_id, chain.seq, chain.head, self.dice(16))
        return inv.sign_accept(core, who.keys.sign, key or self.link.signing)

    def first_epoch(self, **changed: object) -> Commit:
        fields: dict[str, object] = {
            "members": [(self.client.chain, 1), (self.therapist.chain, 2)],
            "keys": self.client.keys,
            "thread": THREAD,
            "epoch": 0,
            "reason": 1,
            "charter_hash": charter_hash(self.charter.core),
            "view": (0, thread_start(THREAD, HOME)),
            "home": HOME,
            "consents": [self.invite.invite_hash, self.accept.accept_hash],
        }
        whole, self.epoch_secret = new_epoch(**(fields | changed))  # type: ignore[arg-type]
        return parse_commit(whole)

    def judge(self, now: int = TONIGHT) -> None:
        check_joining(
            self.commit,
            invite=self.invite,
            accept=self.accept,
            charter=self.charter,
            therapist=self.therapist.chain,
            client=self.client.chain,
            now=now,
        )

    def refused(self, what: str, now: int = TONIGHT) -> None:
        with pytest.raises(Malformed) as problem:
            self.judge(now)
        assert problem.value.what == what


def test_at_106_a_client_joins_at_night_and_every_device_of_the_therapist_can_read():
    """AT-106."""
    joining = Joining()
    laptop = joining.therapist.add()
    joining.commit = joining.first_epoch()
    joining.judge()
    for keys in (joining.therapist.keys, joining.therapist.code.keys(), laptop, joining.client.keys):
        assert open_epoch(joining.commit, keys) == joining.epoch_secret


def test_at_106_epoch_0_with_a_third_user_is_invalid():
    """AT-106."""
    joining = Joining()
    third = person("third")
    members = [(joining.client.chain, 1), (joining.therapist.chain, 2), (third.chain, 4)]
    joining.commit = joining.first_epoch(members=members)
    joining.refused("roster")


def test_at_106_epoch_0_over_a_stale_therapist_head_is_invalid():
    """AT-106."""
    joining = Joining()
    joining.therapist.add()
    joining.refused("roster")


def test_at_106_an_accept_without_the_invitations_key_is_invalid():
    """AT-106, AT-67."""
    joining = Joining()
    joining.accept = inv.parse_accept(joining.answer(joining.client, SigningKey(bytes(32))))
    joining.commit = joining.first_epoch()
    joining.refused("accept")


def test_at_106_an_accept_for_another_chain_is_invalid():
    """AT-106."""
    joining = Joining()
    joining.accept = inv.parse_accept(joining.answer(person("somebody else")))
    joining.commit = joining.first_epoch()
    joining.refused("accept")


@pytest.mark.parametrize(
    "changed",
    [
        {"charter_hash": bytes(32)},
        {"home": bytes(32)},
        {"thread": bytes(16)},
        {"consents": []},
        {"view": (0, bytes(32))},
        {"view": (1, bytes(32))},
    ],
    ids=lambda one: next(iter(one)),
)
def test_at_106_epoch_0_that_differs_from_the_invitation_is_invalid(changed):
    """AT-106."""
    joining = Joining()
    joining.commit = joining.first_epoch(**changed)
    joining.refused("joining")


def test_at_106_roles_are_those_of_the_invitation():
    """AT-106."""
    joining = Joining()
    joining.commit = joining.first_epoch(members=[(joining.client.chain, 2), (joining.therapist.chain, 1)])
    joining.refused("joining")


def test_at_105_an_invitation_for_another_server_therapist_thread_or_charter_is_refused():
    """AT-105."""
    elsewhere: list[dict[str, Any]] = [
        {"server_id": bytes(32)},
        {"practice": bytes(16)},
        {"thread": bytes(16)},
        {"charter_hash": bytes(32)},
    ]
    for changed in elsewhere:
        joining = Joining()
        offer = replace(joining.invite.invite, **changed)
        joining.invite = inv.parse_invite(inv.sign_invite(offer, joining.therapist.keys.sign))
        joining.accept = inv.parse_accept(joining.answer(joining.client))
        joining.commit = joining.first_epoch()
        joining.refused("joining")
    somebody: list[dict[str, Any]] = [
        {"therapist": bytes(32)},
        {"therapist_head": bytes(32)},
        {"therapist_seq": 9},
    ]
    for changed in somebody:
        joining = Joining()
        offer = replace(joining.invite.invite, **changed)
        joining.invite = inv.parse_invite(inv.sign_invite(offer, joining.therapist.keys.sign))
        joining.refused("invite")


def test_at_105_what_was_fetched_must_be_what_the_link_pins():
    """AT-105."""
    joining = Joining()
    link = inv.parse_link_text(inv.LinkText(False, joining.invite.invite_hash, joining.secret).text())
    assert link.pinned == joining.invite.invite_hash
    other = inv.parse_invite(inv.sign_invite(joining.offer(), joining.therapist.keys.sign))
    assert other.invite_hash != link.pinned


def test_an_invitation_counts_until_its_time_and_while_its_signer_is_active():
    """AT-67."""
    joining = Joining()
    joining.judge(NOW + inv.LINK_LIFE_MS - 1)
    joining.refused("expired", NOW + inv.LINK_LIFE_MS)
    laptop = joining.therapist.add()
    joining.therapist.revoke(joining.therapist.keys, by=laptop.sign)
    joining.commit = joining.first_epoch()
    joining.refused("invite")


def test_at_101_a_charter_that_one_party_has_not_signed_does_not_admit():
    """AT-101."""
    joining = Joining()
    mine = joining.charter.signatures[0]
    joining.charter = Signed(joining.charter.core, (mine, mine), b"")
    joining.refused("joining")
    joining = Joining()
    data = replace(parse_charter(joining.charter.core), retention_days=1).pack()
    joining.charter = joining.sign(data)
    joining.refused("joining")


def test_any_single_bit_flipped_in_an_invitation_or_its_answer_is_rejected():
    """AT-01."""
    joining = Joining()
    public, device = joining.therapist.keys.sign.public, joining.client.keys.sign.public
    assert inv.invite_verifies(joining.invite, public)
    assert inv.accept_verifies(joining.accept, device, joining.invite)
    for changed in flips(joining.invite.whole):
        try:
            found = inv.parse_invite(changed)
        except Malformed:
            continue
        assert not inv.invite_verifies(found, public)
    for changed in flips(joining.accept.whole):
        try:
            answer = inv.parse_accept(changed)
        except Malformed:
            continue
        assert not inv.accept_verifies(answer, device, joining.invite)


def test_a_link_is_68_characters_and_reads_back_from_a_whole_address():
    secret, pinned = Dice("link")(16), Dice("pinned")(32)
    for staff in (False, True):
        link = inv.LinkText(staff, pinned, secret)
        assert len(link.text()) == 68
        assert inv.parse_link_text(link.text()) == link
        assert inv.parse_link_text("https://therapy.example/join#" + link.text()) == link
        assert secret.hex() not in repr(link)


@pytest.mark.parametrize(
    "text", ["", "2.", "1.aaaa.aaaa", "2.aaaa.aaaa", "4." + "A" * 43 + "." + "A" * 22, "2..", "a.b.c.d"]
)
def test_a_damaged_link_is_told_from_a_good_one(text):
    with pytest.raises(Malformed) as problem:
        inv.parse_link_text(text)
    assert problem.value.what == "link"


def test_link_secrets_give_different_keys_for_different_uses():
    secret = Dice("uses")(16)
    one, other = invitation_keys(secret), staff_keys(secret)
    assert len({one.lookup_id, other.lookup_id, one.signing.public[:16], other.signing.public[:16]}) == 4
    assert invitation_keys(secret).lookup_id == one.lookup_id
    with pytest.raises(ValueError, match="16 bytes"):
        invitation_keys(bytes(15))


def test_staff_enrol_with_the_key_of_their_link():
    keys, link0 = staff_keys(Dice("staff")(16)), person("staff").chain.hashes[0]
    sig = keys.signing.sign(inv.staff_accept_bytes(link0))
    assert inv.staff_accept_verifies(link0, keys.signing.public, sig)
    assert not inv.staff_accept_verifies(person("other").chain.hashes[0], keys.signing.public, sig)
    assert not inv.staff_accept_verifies(link0, invitation_keys(Dice("staff")(16)).signing.public, sig)
