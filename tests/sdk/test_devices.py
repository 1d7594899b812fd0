"""A person's devices against a server that lies, copies of a device, and what the chain forbids."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import timedelta
from os import urandom
from pathlib import Path

import msgspec
import pytest

from etherapy.binary import B64, Hash32
from etherapy.crypto.errors import BadCode, WeakParameters
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.recovery import RecoveryCode
from etherapy.protocol import endpoints
from etherapy.protocol.membership import ConsentPaper, ThreadPeople
from etherapy.protocol.pairing import LinkProgress, LinkRequest, ProgressQuery, Salt
from etherapy.protocol.people import Chain
from etherapy.protocol.problems import DeviceRevoked
from etherapy.sdk import Profile, Session, Therapist, recover
from etherapy.sdk.devices.ending import read_ending
from etherapy.sdk.devices.link_text import Scanned, read_shown_code
from etherapy.sdk.devices.own_chain import grow
from etherapy.sdk.entering.linking import NewDevice, link_device
from etherapy.sdk.faults import (
    BadLink,
    LinkEnded,
    NotThisDevice,
    NotYourCode,
    Quarantined,
    Refuted,
    ThreadHalted,
    TooManyDevices,
)
from etherapy.sdk.findings import Kind
from etherapy.sdk.threads.granting import grant_history
from etherapy.sdk.transport import Transport, Unreachable
from etherapy.tep.consent import Consent, consent_hash
from etherapy.tep.leaves import chain_link_leaf
from etherapy.tep.linking import add_device, revoke_device
from etherapy.tep.links import DeviceClass
from etherapy.tep.pairing import link_code
from tests.sdk.conftest import MORNING, Pair
from tests.sdk.furnished import LyingTransport, Practice


@pytest.fixture
async def liar(practice: Practice) -> LyingTransport:
    return LyingTransport(practice.server.origin)


@pytest.fixture
async def anna(pair: Pair, practice: Practice, liar: LyingTransport) -> AsyncIterator[Session]:
    """Anna on a new run of her program, behind a connection that can lie."""
    async with await Session.open(pair.anna.profile, clock=practice.server.clock, transport=liar) as found:
        yield found


def without_last(answer: Chain) -> Chain:
    return msgspec.structs.replace(answer, links=answer.links[:-1])


async def link_phone(
    practice: Practice, old: Session, device_class: DeviceClass = DeviceClass.PHONE
) -> Session:
    """One more device, by its QR code."""
    new = await start(practice, device_class)
    waiting = asyncio.create_task(new.wait(Session))
    await old.devices.approve(new.text)
    return await waiting


async def start(
    practice: Practice, device_class: DeviceClass = DeviceClass.PHONE, transport: Transport | None = None
) -> NewDevice:
    return await link_device(
        practice.server.origin,
        practice.practice_id,
        Profile.in_memory(),
        device_class=device_class,
        clock=practice.server.clock,
        transport=transport,
    )


# --- quarantine --------------------------------------------------------------------------------------------


async def test_at_18_a_device_whose_own_chain_became_shorter_only_reads(
    pair: Pair, practice: Practice, liar: LyingTransport, anna: Session
):
    """AT-18: rollback alarm, and quarantine: every send, commit and link is refused, reading goes on."""
    await practice.server.clock.turn_to(MORNING)
    await anna.send(pair.thread, "before")
    async with await link_phone(practice, anna):
        liar.lies["read_chain"] = without_last
        with pytest.raises(Refuted) as refused:
            await anna.devices.list()
    assert refused.value.finding.kind == Kind.ROLLBACK
    with pytest.raises(Quarantined):
        await anna.send(pair.thread, "after")
    liar.lies.clear()
    for forbidden in (
        lambda: grow(anna, lambda chain: revoke_device(chain, anna.keys.sign, anna.keys.device_id, 0)),
        lambda: anna.send(pair.thread, "after"),
        lambda: anna.devices.rotate(),
        lambda: anna.devices.replace_recovery(),
    ):
        with pytest.raises(Quarantined):
            await forbidden()
    await pair.vale.sync()
    await pair.vale.send(pair.thread, "still readable")
    await anna.sync()
    assert [one.text for one in await anna.messages(pair.thread)] == ["before", "still readable"]
    assert Kind.ROLLBACK in [one.kind for one in anna.findings]


async def test_a_quarantine_outlives_the_run_and_ends_by_hand_when_the_chain_is_whole_again(
    pair: Pair, practice: Practice, liar: LyingTransport, anna: Session
):
    async with await link_phone(practice, anna):
        liar.lies["read_chain"] = without_last
        with pytest.raises(Refuted):
            await anna.devices.list()
        with pytest.raises(Refuted):
            await anna.devices.reconcile()
    async with await Session.open(anna.profile, clock=practice.server.clock) as again:
        with pytest.raises(Quarantined):
            await again.send(pair.thread, "not yet")
        assert await again.devices.reconcile()
        assert (await again.send(pair.thread, "now")).state in ("held", "placed")


async def test_what_waits_in_the_outbox_stays_there_during_a_quarantine(
    pair: Pair, practice: Practice, liar: LyingTransport, anna: Session
):
    await anna.sync()
    liar.lies["send_message"] = lost
    with pytest.raises(Exception, match="may not have arrived"):
        await anna.send(pair.thread, "in the outbox")
    anna.leaves.take((chain_link_leaf(anna.profile.identity.account, bytes(32), 0, bytes(32)),))
    liar.lies.clear()
    news = await anna.sync()
    assert (news.sent, news.refused) == ((), ())
    state = anna.profile.thread(pair.thread)
    assert state is not None
    assert [one.state for one in state.own.values()] == ["outbox"]


def lost(answer: object) -> object:
    raise Unreachable("the answer was lost")


async def test_at_16_a_fork_of_ones_own_chain_is_kept_as_evidence_and_not_talked_away(
    practice: Practice, liar: LyingTransport, anna: Session
):
    """AT-16."""

    def fork(answer: Chain) -> Chain:
        other = msgspec.structs.replace(answer.links[-1], link=B64(answer.links[-1].link[:-1] + b"\0"))
        return msgspec.structs.replace(answer, links=[*answer.links[:-1], other])

    async with await link_phone(practice, anna):
        await anna.devices.list()
        liar.lies["read_chain"] = fork
        with pytest.raises(Refuted) as refused:
            await anna.devices.list()
    assert refused.value.finding.kind == Kind.FORK
    assert any(name.startswith("seen_") for name in refused.value.finding.proof)
    liar.lies.clear()
    assert not await anna.devices.reconcile()
    with pytest.raises(Quarantined):
        await anna.devices.rotate()


@pytest.mark.parametrize("second_genesis", [True, False])
async def test_at_21_a_leaf_in_ones_own_name_begins_a_quarantine_whoever_reads_it(
    pair: Pair, anna: Session, second_genesis: bool
):
    """AT-21: also when the log is read for another purpose."""
    chain = urandom(32) if second_genesis else anna.chain
    forged = chain_link_leaf(anna.profile.identity.account, chain, 0, urandom(32))
    anna.keys_log.on_leaves((forged,))
    assert [one.kind for one in anna.findings] == [Kind.OWN_LEAF]
    with pytest.raises(Quarantined):
        await anna.send(pair.thread, "no")
    assert not await anna.devices.reconcile()


async def test_at_17_a_hidden_revocation_is_exposed_by_the_keys_log_and_the_sender_refuses(
    pair: Pair, practice: Practice, liar: LyingTransport, anna: Session
):
    """AT-17: the other side is shown neither the link nor the epoch that follows from it."""
    await practice.server.clock.turn_to(MORNING)
    hiding = LyingTransport(practice.server.origin)
    async with await link_phone(practice, anna) as phone:
        await pair.vale.sync()
        async with await Session.open(
            pair.vale.profile, clock=practice.server.clock, transport=hiding
        ) as vale:
            await vale.sync()
            known = vale.people.person(anna.chain)
            assert known is not None
            seq = known.chain.seq
            await anna.devices.revoke(phone.keys.device_id)
            await practice.server.make_rounds()
            hiding.lies["read_chain"] = lambda answer: msgspec.structs.replace(
                answer, links=answer.links[: seq + 1] if len(answer.links) > seq else answer.links[:1]
            )
            found = await vale.check_logs()
            assert [(one.kind, "hidden" in one.words) for one in found] == [(Kind.CHAIN, True)]
            with pytest.raises((Refuted, ThreadHalted)):
                await vale.send(pair.thread, "for the thief?")


# --- copies of a device ------------------------------------------------------------------------------------


async def test_at_17_a_link_that_was_logged_before_its_person_was_known_cannot_be_hidden(
    pair: Pair, practice: Practice
):
    """AT-17, AT-33: a colleague lost a device long before anybody asked her to cover."""
    await pair.vale.sync()
    lind, code = await practice.therapist("Dr Lind")
    back = await recover(
        practice.server.origin,
        practice.practice_id,
        code,
        Profile.in_memory(),
        Session,
        clock=practice.server.clock,
    )
    await back.devices.revoke(lind.keys.device_id)
    await practice.server.make_rounds()
    await pair.vale.check_logs()
    lying = LyingTransport(practice.server.origin)
    async with await Therapist.open(pair.vale.profile, clock=practice.server.clock, transport=lying) as vale:
        lying.lies["read_chain"] = lambda answer: without_last(answer) if len(answer.links) == 4 else answer
        until = practice.server.clock.now() + timedelta(days=7)
        with pytest.raises(Refuted) as refused:
            await vale.propose_cover(pair.thread, lind.chain, None, until)
    assert refused.value.finding.kind == Kind.CHAIN and "hidden" in refused.value.finding.words
    await back.close()
    await lind.close()


async def test_a_gap_alone_does_not_make_a_device_forget_its_thread(
    pair: Pair, practice: Practice, liar: LyingTransport, anna: Session
):
    """AT-31, AT-59: who was here is let in again by the owner's word, never by the server's."""
    await practice.server.clock.turn_to(MORNING)
    await pair.vale.sync()
    for text in ("one", "two", "three"):
        await pair.vale.send(pair.thread, text)
        if text == "one":
            await anna.sync()
    state = anna.desk(pair.thread).state
    before = (state.n, state.t, state.owner)
    assert state.owner == pair.vale.chain
    core = Consent(
        thread=pair.thread,
        newcomer=anna.chain,
        role=1,
        history=False,
        since=0,
        until=0,
        nonce=bytes(16),
        home=anna.home,
    ).pack()
    paper = ConsentPaper(B64(core), [], "")

    def come_again(answer: ThreadPeople) -> ThreadPeople:
        members = [
            msgspec.structs.replace(
                one, consent=Hash32(consent_hash(core)), start_n=state.n + 1, start_t=Hash32(bytes(32))
            )
            if one.chain == anna.chain
            else one
            for one in answer.members
        ]
        return msgspec.structs.replace(answer, members=members, consents=[paper])

    liar.lies["read_page"] = lambda page: msgspec.structs.replace(page, items=page.items[1:])
    liar.lies["read_people"] = come_again
    news = await anna.sync()
    assert Kind.BROKEN_LOG in [one.kind for one in news.findings]
    liar.lies.clear()
    assert (state.n, state.t, state.owner) == before and not state.joined
    await pair.vale.send(pair.thread, "four")
    await anna.sync()
    assert [one.text for one in await anna.messages(pair.thread)] == ["one", "two", "three", "four"]


async def test_at_47_a_copy_of_a_device_is_noticed_by_what_it_sends(practice: Practice, tmp_path: Path):
    """AT-47: its messages are none that this device made; to revoke it is offered in words."""
    vale, _ = await practice.therapist()
    with Profile.open(tmp_path / "phone") as profile:
        anna, thread, code = await practice.client(vale, profile)
        await practice.server.make_rounds()
        await anna.sync()
        shutil.copytree(tmp_path / "phone", tmp_path / "copy")
        await practice.server.clock.turn_to(MORNING)
        with Profile.open(tmp_path / "copy") as copied:
            async with await Session.open(copied, clock=practice.server.clock) as clone:
                await clone.send(thread, "written by whoever copied the phone")
        news = await anna.sync()
        [alarm] = [one for one in news.findings if one.kind == Kind.NOT_MINE]
        assert "revoke" in alarm.kind.mend
        async with await recover(
            practice.server.origin,
            practice.practice_id,
            code,
            Profile.in_memory(),
            clock=practice.server.clock,
        ) as again:
            await again.devices.revoke(anna.keys.device_id)
            assert [one.active for one in await again.devices.list()].count(True) == 2
        await anna.close()
    await vale.close()


# --- classes, limits, keys ---------------------------------------------------------------------------------


async def test_at_14_a_browser_lets_nobody_in_and_takes_out_only_itself(pair: Pair, practice: Practice):
    """AT-14: the program does not even start what every other device would refuse."""
    async with await link_phone(practice, pair.anna, DeviceClass.WEB) as web:
        before = web.people.person(web.chain)
        assert before is not None
        third = await start(practice)
        with pytest.raises(NotThisDevice):
            await web.devices.approve(third.text)
        with pytest.raises(NotThisDevice):
            await web.devices.revoke(pair.anna.keys.device_id)
        with pytest.raises(NotThisDevice):
            await web.devices.replace_recovery()
        with pytest.raises(NotThisDevice):
            await web.devices.close_account()
        assert web.people.person(web.chain) == before
        assert await web.devices.rotate() == ()
        await web.devices.revoke(web.keys.device_id)
        assert not web.profile.enrolled
        await third.transport.close()
    assert [one.active for one in await pair.anna.devices.list()] == [True, True, False]


async def test_at_15_the_recovery_code_is_not_simply_taken_out(pair: Pair):
    """AT-15: an ordinary device can only announce a replacement."""
    [paper] = [one for one in await pair.anna.devices.list() if one.recovery]
    with pytest.raises(NotThisDevice):
        await pair.anna.devices.revoke(paper.device)
    with pytest.raises(NotThisDevice):
        await grow(pair.anna, lambda chain: revoke_device(chain, pair.anna.keys.sign, paper.device, 0))


async def test_at_12_a_device_that_is_out_signs_no_further_link(pair: Pair, practice: Practice):
    """AT-12: whatever time it writes into it."""
    phone = await link_phone(practice, pair.anna)
    out = phone.keys
    await pair.anna.devices.revoke(out.device_id)
    fresh = DeviceKeys.generate()
    with pytest.raises(NotThisDevice):
        await grow(
            pair.anna,
            lambda chain: add_device(chain, out.sign, fresh.sign, fresh.hpke.public, DeviceClass.PHONE, 1),
        )
    await phone.close()


async def test_at_96_a_ninth_device_and_a_key_to_which_nothing_can_be_sealed_are_refused(
    pair: Pair, practice: Practice, liar: LyingTransport, anna: Session
):
    """AT-96: here as everywhere."""
    new = await start(practice)

    def spoil(answer: LinkRequest) -> LinkRequest:
        return msgspec.structs.replace(answer, hpke_pk=B64(b"\xff" * len(answer.hpke_pk)))

    liar.lies["read_link_request"] = spoil
    with pytest.raises(Refuted, match="nothing could be sealed"):
        await anna.devices.examine(new.code)
    liar.lies.clear()
    for _ in range(6):
        fresh = DeviceKeys.generate()
        await grow(anna, lambda chain, fresh=fresh: add_device(  # type: ignore[misc]
            chain, anna.keys.sign, fresh.sign, fresh.hpke.public, DeviceClass.PHONE, 1))  # fmt: skip
    with pytest.raises(TooManyDevices):
        await anna.devices.approve(new.code)
    await new.transport.close()


# --- linking against a server that lies --------------------------------------------------------------------


async def test_at_19_other_keys_than_those_of_the_code_are_not_signed(
    practice: Practice, liar: LyingTransport, anna: Session
):
    """AT-19: the code is the hash of the keys."""
    new = await start(practice)
    swapped = DeviceKeys.generate()
    liar.lies["read_link_request"] = lambda answer: msgspec.structs.replace(
        answer, sign_pk=Hash32(swapped.sign.public)
    )
    for shown in (new.code, new.text):
        with pytest.raises(Refuted, match="other keys"):
            await anna.devices.examine(shown)
    liar.lies["read_link_request"] = lambda answer: msgspec.structs.replace(answer, device_class=3)
    with pytest.raises(Refuted, match="other keys"):
        await anna.devices.examine(new.text)
    await new.transport.close()


async def test_an_offer_that_is_not_for_this_device_is_not_signed(pair: Pair, practice: Practice):
    liar = LyingTransport(practice.server.origin)
    new, other = await start(practice, transport=liar), await start(practice)
    newcomer = await pair.anna.devices.examine(other.code)
    agreed = asyncio.create_task(pair.anna.devices.approve(newcomer, patience=2))
    offered = await offer_to(other)
    liar.lies["read_link_progress"] = lambda answer: offered
    with pytest.raises(Refuted, match="not for this device"):
        await new.wait(Session, compare=lambda digits: True, patience=0)
    assert not new.profile.enrolled
    with pytest.raises(LinkEnded):
        await agreed
    await other.transport.close()


async def test_a_server_that_calls_an_unsigned_device_linked_is_not_believed(practice: Practice):
    liar = LyingTransport(practice.server.origin)
    new = await start(practice, transport=liar)
    liar.lies["read_link_progress"] = lambda true: LinkProgress("linked")
    with pytest.raises(Refuted, match="signed nothing"):
        await new.wait(Session, patience=2)


async def offer_to(new: NewDevice) -> LinkProgress:
    """What the new device is offered; the server holds its answer back until there is something."""
    return await new.transport.call(
        endpoints.read_link_progress,
        query=ProgressQuery("waiting", 10),
        practice=new.profile.identity.practice,
        lookup=new.lookup,
    )


async def test_a_qr_code_for_another_practice_is_refused_with_its_reason(pair: Pair, practice: Practice):
    new = await start(practice)
    scanned = read_shown_code(new.text).scanned
    assert scanned is not None
    elsewhere = Scanned(scanned.origin, urandom(16), scanned.request, scanned.secret).text()
    with pytest.raises(BadLink, match="another practice"):
        await pair.anna.devices.examine(elsewhere)
    assert elsewhere not in str(BadLink("x"))
    for damaged in (new.text[:-3], new.text.replace("#4.", "#2."), "https://x.example/d/#4", new.code[:-1]):
        with pytest.raises(BadLink):
            read_shown_code(damaged)
    assert read_shown_code(link_code(scanned.request)).code == read_shown_code(new.text).code
    await new.transport.close()


async def test_at_66_lower_parameters_are_refused_before_anything_is_derived(pair: Pair, practice: Practice):
    """AT-66: a server that asks for less work learns nothing but that."""
    liar = LyingTransport(practice.server.origin)
    liar.lies["ask_salt"] = lambda true: Salt(true.salt, 8, 1, 1)
    with pytest.raises(WeakParameters):
        await link_device(
            practice.server.origin,
            practice.practice_id,
            Profile.in_memory(),
            name="anna",
            passphrase="a long one",
            transport=liar,
        )
    assert "passphrase_login" not in liar.asked


# --- being out, and coming back ----------------------------------------------------------------------------


async def test_a_refused_login_alone_wipes_nothing(pair: Pair, practice: Practice, anna: Session):
    """Only one's own chain can say that a device is out."""
    known = anna.profile.kept.chains[anna.chain]
    assert read_ending(known, known.links, anna.chain, anna.keys.device_id) is None
    assert read_ending(known, [], anna.chain, anna.keys.device_id) is None
    other = pair.vale.profile.kept.chains[pair.vale.chain].links
    assert read_ending(known, other, anna.chain, anna.keys.device_id) is None
    assert anna.login.on_revoked is not None
    anna.login.on_revoked([b"nonsense"])
    assert anna.profile.enrolled
    keys = DeviceKeys.generate()
    anna.login.forget()
    anna.login._keys = keys
    with pytest.raises(Exception, match="not accepted") as refused:
        await anna.whoami()
    assert not isinstance(refused.value, DeviceRevoked)
    assert anna.profile.enrolled


async def test_a_half_used_profile_is_healed_by_recovering_again(
    pair: Pair, practice: Practice, tmp_path: Path
):
    """AT-51: a first attempt that broke off, whose device was taken out since, costs nothing."""
    place = (practice.server.origin, practice.practice_id, pair.code)
    liar = LyingTransport(practice.server.origin)
    liar.lies["add_link"] = lost
    with Profile.open(tmp_path / "fresh") as profile:
        with pytest.raises(Unreachable):
            await recover(*place, profile, clock=practice.server.clock, transport=liar)
        half = profile.identity.device_keys.device_id
        assert half in {one.device for one in await pair.anna.devices.list()}
        await pair.anna.devices.revoke(half)
        async with await recover(*place, profile, clock=practice.server.clock) as again:
            assert again.keys.device_id != half
            assert (await again.whoami()).chain == pair.anna.chain


async def test_a_profile_half_used_for_somebody_else_begins_anew(pair: Pair, practice: Practice):
    other, _, code = await practice.client(pair.vale)
    profile, liar = Profile.in_memory(), LyingTransport(practice.server.origin)
    liar.lies["add_link"] = lost
    origin, place = practice.server.origin, practice.practice_id
    with pytest.raises(Unreachable):
        await recover(origin, place, code, profile, clock=practice.server.clock, transport=liar)
    async with await recover(origin, place, pair.code, profile, clock=practice.server.clock) as again:
        assert again.chain == pair.anna.chain
        assert other.chain not in profile.kept.chains
    await other.close()


async def test_at_52_a_mistyped_code_is_told_before_anything_is_sent(practice: Practice):
    """AT-52: and a wrong one tells the server nothing that it could use."""
    liar = LyingTransport(practice.server.origin)
    text = RecoveryCode.generate().text()
    wrong = text[:-1] + ("0" if text[-1] != "0" else "1")
    with pytest.raises(BadCode):
        await recover(
            practice.server.origin, practice.practice_id, wrong, Profile.in_memory(), transport=liar
        )
    assert liar.asked == []


async def test_at_53_history_goes_to_no_device_that_is_not_in_ones_chain(pair: Pair, anna: Session):
    """AT-53."""
    await anna.sync()
    desk = anna.desk(pair.thread)
    async with desk.lock:
        await desk.load()
        assert await grant_history(desk, anna.chain, [DeviceKeys.generate().device_id]) == 0


async def test_a_code_that_is_somebody_elses_replaces_nothing(pair: Pair, anna: Session):
    with pytest.raises(NotYourCode, match="not yours"):
        await anna.devices.replace_recovery(RecoveryCode.generate().text())
    assert [one.active for one in await anna.devices.list() if one.recovery] == [True]
