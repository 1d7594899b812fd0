"""A new phone, a lost phone, a new key, a new code: what people do with their devices (tep.md §5.2, §5.9)."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from etherapy.crypto.epochs import check_secret, row_info
from etherapy.crypto.errors import CannotOpen
from etherapy.crypto.recovery import RecoveryCode
from etherapy.sdk.devices.own_devices import OwnDevice
from etherapy.sdk.entering.linking import NewDevice, link_device
from etherapy.sdk.entering.recovering import recover
from etherapy.sdk.faults import (
    LinkEnded,
    NothingAnnounced,
    NotYourCode,
    Revoked,
    TooEarly,
    WrongAccount,
    WrongPassphrase,
)
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.session import Session
from etherapy.sdk.transport import Unreachable
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.epoch import parse_commit
from etherapy.tep.links import DeviceClass
from etherapy.tep.placing import Entry, ItemType
from tests.journeys.conftest import Story
from tests.sdk.furnished import LossyTransport

NOON = datetime(2026, 6, 1, 16, 0, tzinfo=UTC)
NIGHT = datetime(2026, 6, 2, 3, 40, tzinfo=UTC)
MORNING = datetime(2026, 6, 2, 13, 0, tzinfo=UTC)


class BrokenTransport(LossyTransport):
    """A connection that does not reach the endpoints named in `breaking`."""

    def __init__(self, origin: str) -> None:
        super().__init__(origin)
        self.breaking: set[str] = set()

    async def call(self, endpoint: Any, body: Any = None, /, **more: Any) -> Any:
        if endpoint.name in self.breaking:
            raise Unreachable("there is no network here")
        return await super().call(endpoint, body, **more)


async def begin_link(
    story: Story, profile: Profile | None = None, name: str = "", passphrase: str = ""
) -> NewDevice:
    """A new phone that shows its code."""
    return await link_device(
        story.server.origin,
        story.practice,
        profile or Profile.in_memory(),
        device_class=DeviceClass.PHONE,
        name=name,
        passphrase=passphrase,
        clock=story.server.clock,
    )


async def pair(
    old: Session, new: NewDevice, shown: str, compare: Callable[[str], bool] | None = None
) -> Session:
    """Both devices at once: the old one agrees to what the new one shows."""
    newcomer = await old.devices.examine(shown)
    waiting = asyncio.create_task(new.wait(Session, compare=compare))
    await old.devices.approve(newcomer)
    return await waiting


async def texts_of(me: Session, thread: bytes) -> list[str | None]:
    await me.sync()
    return [message.text for message in await me.messages(thread)]


async def test_a_new_phone_is_linked_by_its_qr_code_and_reads_everything(story: Story):
    await story.turn_to(NOON)
    await story.client.send(story.thread, "Written on the old phone")
    await story.therapist.sync()
    await story.therapist.send(story.thread, "An answer from before")
    new = await begin_link(story)
    async with await pair(story.client, new, new.text) as phone:
        assert await phone.await_history()
        assert await texts_of(phone, story.thread) == ["Written on the old phone", "An answer from before"]
        assert all(one.standing == "good" for one in await phone.messages(story.thread))
        assert (await phone.send(story.thread, "From the new phone")).state == "placed"
    news = await story.therapist.sync()
    assert [(m.text, m.standing) for m in news.messages if not m.mine] == [("From the new phone", "good")]
    assert (await texts_of(story.client, story.thread))[-1] == "From the new phone"


async def test_the_history_stays_given_although_the_old_phone_is_taken_out_before_it_is_opened(story: Story):
    """AT-75: the receiver has a seat; the giver had one together with it."""
    await story.turn_to(NOON)
    await story.client.send(story.thread, "Written on the old phone")
    first, profile, lossy = await begin_link(story), Profile.in_memory(), BrokenTransport(story.server.origin)
    new = await link_device(
        story.server.origin, story.practice, profile, clock=story.server.clock, transport=lossy
    )
    lossy.breaking = {"read_grants"}
    async with await pair(story.client, first, first.text) as tablet:
        with suppress(Unreachable):
            await pair(story.client, new, new.text)
        await tablet.devices.revoke(story.client.keys.device_id)
    async with await Session.open(profile, clock=story.server.clock) as phone:
        assert await phone.await_history()
        assert await texts_of(phone, story.thread) == ["Written on the old phone"]
        assert [one for one in phone.findings if one.grave] == []


async def test_a_typed_code_needs_the_thirty_digits_to_be_compared(story: Story):
    await story.turn_to(NOON)
    await story.client.send(story.thread, "Before")
    new = await begin_link(story)
    newcomer = await story.client.devices.examine(new.code.lower().replace("-", " "))
    assert (newcomer.device_class, newcomer.by_qr) == (DeviceClass.PHONE, False)
    seen: list[str] = []

    def compare(digits: str) -> bool:
        seen.append(digits)
        return digits == newcomer.digits

    async with await pair(story.client, new, new.code, compare) as phone:
        assert seen == [newcomer.digits]
        assert newcomer.digits in await phone.safety_number(story.thread)
        await phone.await_history()
        assert await texts_of(phone, story.thread) == ["Before"]


async def test_a_new_device_joins_nobody_whose_digits_its_person_does_not_see(story: Story):
    """AT-13: without the new device's own signature there is no link."""
    new = await begin_link(story)
    newcomer = await story.client.devices.examine(new.code)
    agreed = asyncio.create_task(story.client.devices.approve(newcomer, patience=1))
    with pytest.raises(WrongAccount):
        await new.wait(Session, compare=lambda digits: False)
    with pytest.raises(LinkEnded):
        await agreed
    assert not new.profile.enrolled
    assert [one.device for one in await story.client.devices.list() if one.device == newcomer.device] == []
    assert story.client.profile.kept.owed == []


async def test_an_offer_by_somebody_else_is_not_taken_for_ones_own(story: Story):
    """The secret of the QR code never reached whoever typed the short code elsewhere."""
    other, _ = await story.another_client()
    new = await begin_link(story)
    newcomer = await other.devices.examine(new.code)
    agreed = asyncio.create_task(other.devices.approve(newcomer, patience=1))
    with pytest.raises(WrongAccount):
        await new.wait(Session, compare=None)
    with pytest.raises(LinkEnded):
        await agreed


async def test_a_linking_that_was_interrupted_goes_on_with_the_same_code(story: Story, tmp_path: Path):
    with Profile.open(tmp_path / "phone") as profile:
        first = await begin_link(story, profile)
        code, text = first.code, first.text
        await first.transport.close()
    with Profile.open(tmp_path / "phone") as profile:
        lossy = LossyTransport(story.server.origin)
        lossy.losing = ["complete_link", "login"]
        again = await link_device(
            story.server.origin,
            story.practice,
            profile,
            device_class=DeviceClass.PHONE,
            clock=story.server.clock,
            transport=lossy,
        )
        assert (again.code, again.text) == (code, text)
        agreed = asyncio.create_task(story.client.devices.approve(code))
        with pytest.raises(Unreachable):
            await again.wait(Session, compare=lambda digits: True)
        await agreed
    await story.turn_to(NOON)  # hours later: the request itself is long gone
    with Profile.open(tmp_path / "phone") as profile:
        assert not profile.enrolled
        last = await begin_link(story, profile)
        async with await last.wait(Session) as phone:
            assert (await phone.whoami()).chain == story.client.chain
            assert [one.this for one in await phone.devices.list() if one.active].count(True) == 1


async def test_history_that_could_not_be_given_is_given_at_the_next_sync(story: Story):
    await story.turn_to(NOON)
    await story.client.send(story.thread, "Before")
    lossy = BrokenTransport(story.server.origin)
    new = await begin_link(story)
    async with await Session.open(story.client.profile, clock=story.server.clock, transport=lossy) as old:
        newcomer = await old.devices.examine(new.text)
        waiting = asyncio.create_task(new.wait(Session))
        lossy.breaking = {"give_history"}
        done = await old.devices.approve(newcomer)
        assert done.unsettled == (story.thread,)
        async with await waiting as phone:
            assert await texts_of(phone, story.thread) == [None]
            assert not await phone.await_history(0)
            lossy.breaking = set()
            await old.sync()
            assert await phone.await_history()
            assert await texts_of(phone, story.thread) == ["Before"]
        assert old.profile.kept.owed == []


async def test_s_20_a_lost_phone_is_taken_out_by_the_code_and_nothing_that_waited_is_lost(story: Story):
    """AT-92: what the lost phone had waiting is sealed anew by the code-made device, then comes the link."""
    await story.turn_to(NIGHT)
    waiting = await story.client.send(story.thread, "Held, and then the phone was lost")
    later = NIGHT + timedelta(hours=2)
    await story.turn_to(later)
    async with await recover(
        story.server.origin, story.practice, story.code, Profile.in_memory(), clock=story.server.clock
    ) as again:
        [lost] = [one for one in await again.devices.list() if not one.this and not one.recovery]
        gone = await again.devices.revoke(lost.device)
        assert (gone.kept, gone.unsettled) == (1, ())
        await story.server.make_rounds()
        [kept] = await again.waiting(story.thread)
        assert kept.text == "Held, and then the phone was lost"
        assert kept.promise.release_at == waiting.promise.release_at
        assert kept.promise.counted_from == waiting.promise.accepted_at
        with pytest.raises(Revoked):
            await story.client.sync()
        await story.turn_to(MORNING)
        news = await story.therapist.sync()
        assert [(m.text, m.standing) for m in news.messages] == [
            ("Held, and then the phone was lost", "good")
        ]
        await story.therapist.send(story.thread, "Good that you are back")
        assert await texts_of(again, story.thread) == [
            "Held, and then the phone was lost", "Good that you are back",
        ]  # fmt: skip
        assert again.findings == ()


async def test_s_20_what_was_written_while_no_device_was_active_is_read_on_the_recovered_one(story: Story):
    await story.turn_to(NOON)
    await story.client.send(story.thread, "My last words from here")
    await story.therapist.sync()
    await story.client.devices.revoke(story.client.keys.device_id)
    assert not story.client.profile.enrolled
    await story.therapist.sync()
    await story.therapist.send(story.thread, "Written while you had no phone")
    async with await recover(
        story.server.origin, story.practice, story.code, Profile.in_memory(), clock=story.server.clock
    ) as again:
        assert await texts_of(again, story.thread) == [
            "My last words from here", "Written while you had no phone",
        ]  # fmt: skip


async def test_after_ninety_days_the_key_is_renewed_and_the_old_one_erased(story: Story):
    await story.turn_to(NOON)
    await story.client.send(story.thread, "Under the old key")
    old = story.client.keys
    await story.turn_to(NOON + timedelta(days=90, hours=1))
    await story.client.sync()
    await story.client.sync()
    fresh = story.client.keys
    assert fresh.device_id == old.device_id
    assert fresh.hpke.public != old.hpke.public
    identity = story.client.profile.identity
    assert (identity.keys, identity.next_keys) == (fresh.stored(), b"")
    await story.therapist.sync()
    await story.therapist.send(story.thread, "Under the new one")
    assert await texts_of(story.client, story.thread) == ["Under the old key", "Under the new one"]
    [mine] = [one for one in await story.client.devices.list() if one.this]
    assert mine.key_since - mine.since > timedelta(days=90)


@pytest.mark.parametrize("breaking", ["add_link", "commit_epoch", "read_page", "read_chain"])
async def test_a_rotation_that_stops_anywhere_is_finished_by_the_next_sync(story: Story, breaking: str):
    await story.turn_to(NOON)
    await story.client.send(story.thread, "Before")
    lossy = BrokenTransport(story.server.origin)
    async with await Session.open(story.client.profile, clock=story.server.clock, transport=lossy) as me:
        await me.sync()
        before = me.keys.hpke.public
        lossy.breaking = {breaking}
        with suppress(Unreachable):
            await me.devices.rotate()
        await story.therapist.sync()
        await story.therapist.send(story.thread, "Meanwhile")
        lossy.breaking = set()
    async with await Session.open(story.client.profile, clock=story.server.clock) as me:
        await me.sync()
        assert me.keys.hpke.public != before
        assert me.profile.identity.next_keys == b""
        assert await texts_of(me, story.thread) == ["Before", "Meanwhile"]
        assert [one.standing for one in await me.messages(story.thread)] == ["good", "good"]


async def test_a_new_recovery_code_comes_after_72_hours_and_not_before(story: Story):
    """AT-15: announced, refused while it is too early, completed; the old code opens nothing any more."""
    await story.turn_to(NOON)
    await story.client.send(story.thread, "Before the new code")
    told = await story.client.devices.replace_recovery()
    assert told.code is None
    assert told.ready_at == NOON + timedelta(hours=72)
    await story.server.make_rounds()
    await story.turn_to(NOON + timedelta(hours=71, minutes=59))
    with pytest.raises(TooEarly):
        await story.client.devices.replace_recovery()
    await story.turn_to(NOON + timedelta(hours=72, seconds=1))
    story.client.login.forget()
    done = await story.client.devices.replace_recovery()
    assert done.code is not None
    assert story.client.profile.kept.new_code is None
    with pytest.raises(NotYourCode):
        await recover(story.server.origin, story.practice, story.code, Profile.in_memory())
    async with await recover(
        story.server.origin, story.practice, done.code, Profile.in_memory(), clock=story.server.clock
    ) as again:
        assert "Before the new code" in await texts_of(again, story.thread)


async def test_another_device_prevents_a_new_code_that_a_thief_announced(story: Story):
    new = await begin_link(story)
    async with await pair(story.client, new, new.text) as stolen:
        await stolen.devices.replace_recovery()
        await story.client.sync()
        done = await story.client.devices.cancel_replacement()
        assert (done.revoked, done.forgotten) == ((stolen.keys.device_id,), False)
        await story.turn_to(NOON + timedelta(hours=100))
        with pytest.raises(Revoked):
            await stolen.devices.replace_recovery()
    with pytest.raises(NothingAnnounced):
        await story.client.devices.cancel_replacement()
    recovery = [one for one in await story.client.devices.list() if one.recovery]
    assert [one.active for one in recovery] == [True]


async def test_with_the_old_code_at_hand_a_new_one_comes_at_once(story: Story):
    await story.turn_to(NOON)
    await story.client.send(story.thread, "Before")
    with pytest.raises(NotYourCode):
        await story.client.devices.replace_recovery(RecoveryCode.generate().text())
    done = await story.client.devices.replace_recovery(story.code)
    assert done.code is not None
    assert done.code != story.code
    with pytest.raises(NotYourCode):
        await story.client.devices.replace_recovery(story.code)
    with pytest.raises(NotYourCode):
        await recover(story.server.origin, story.practice, story.code, Profile.in_memory())
    async with await recover(
        story.server.origin, story.practice, done.code, Profile.in_memory(), clock=story.server.clock
    ) as again:
        assert await texts_of(again, story.thread) == ["Before"]
    assert await texts_of(story.client, story.thread) == ["Before"]


async def test_a_passphrase_alone_opens_nothing(story: Story):
    """AT-22: until an active device agrees by the code, the new one is nobody's."""
    await story.client.devices.set_passphrase("Noor", "the long way home from the lake")
    with pytest.raises(WrongPassphrase):
        await begin_link(story, name="noor", passphrase="the short way")
    new = await begin_link(story, name="NOOR", passphrase="the long way home from the lake")
    [asked] = await story.client.devices.requests()
    assert (asked.by_passphrase, asked.lookup) == (True, new.lookup)
    with pytest.raises(LinkEnded):
        await new.wait(Session, patience=0)
    assert not new.profile.enrolled
    await story.client.devices.refuse(asked.lookup)
    with pytest.raises(LinkEnded):
        await new.wait(Session)
    assert await story.client.devices.requests() == ()
    second = await begin_link(story, name="noor", passphrase="the long way home from the lake")
    async with await pair(story.client, second, second.text) as phone:
        assert (await phone.whoami()).chain == story.client.chain


async def test_a_dropped_passphrase_asks_for_nothing_any_more(story: Story):
    await story.client.devices.set_passphrase("Noor", "the long way home")
    await story.client.devices.drop_passphrase()
    with pytest.raises(WrongPassphrase):
        await begin_link(story, name="Noor", passphrase="the long way home")


async def test_a_device_that_was_taken_out_keeps_nothing_secret(story: Story, tmp_path: Path):
    """It is told by its own chain, wipes itself, and is not served any more."""
    await story.turn_to(NOON)
    place = tmp_path / "phone"
    with Profile.open(place) as profile:
        new = await begin_link(story, profile)
        async with await pair(story.client, new, new.text) as phone:
            await phone.send(story.thread, "canary-7731")
            await phone.await_history()
            state = profile.thread(story.thread)
            assert state is not None
            secrets = [*state.secrets.values(), *_pieces(phone.keys.stored())]
            assert any(_is_in(place, one) for one in secrets)
            await story.client.sync()
            await story.client.devices.revoke(phone.keys.device_id)
            await story.client.send(story.thread, "Not for the phone")
            with pytest.raises(Revoked) as out:
                await phone.sync()
            assert "taken out by your" in str(out.value)
            with pytest.raises(Revoked):
                await phone.sync()
        assert not any(_is_in(place, one) for one in secrets)
        assert [one.name for one in place.iterdir() if one.name not in ("lock", "profile.json")] == []
    with Profile.open(place) as profile, pytest.raises(Revoked):
        await Session.open(profile, clock=story.server.clock)


async def test_at_33_with_every_row_in_hand_a_removed_device_opens_nothing_later(story: Story):
    """AT-33: its key opens no row of the epochs that follow, and no message sealed in them."""
    await story.turn_to(NOON)
    new = await begin_link(story)
    async with await pair(story.client, new, new.text) as phone:
        await phone.await_history()
        stolen, state = phone.keys, phone.profile.thread(story.thread)
        assert state is not None
        secrets = dict(state.secrets)
        await story.client.devices.revoke(stolen.device_id)
        await story.client.send(story.thread, "Not for whoever has the phone")
    placed = [(Entry.unpack(one.entry), one.item) for one in story.client.profile.items(story.thread)]
    commits = [parse_commit(item) for entry, item in placed if entry.item_type == ItemType.COMMIT and item]
    envelope = parse_envelope(placed[-1][1] or b"")
    assert envelope.header.commit_hash == commits[-1].commit_hash
    assert stolen.device_id not in commits[-1].core.device_ids()
    for device, row in commits[-1].sealed_rows.items():
        with pytest.raises(CannotOpen):
            stolen.hpke.open(row, row_info(commits[-1].core_hash, device))
    for secret in secrets.values():
        with pytest.raises(CannotOpen):
            check_secret(commits[-1], secret)


async def test_a_wiped_profile_can_be_linked_anew(story: Story, tmp_path: Path):
    with Profile.open(tmp_path / "phone") as profile:
        new = await begin_link(story, profile)
        async with await pair(story.client, new, new.text) as phone:
            await phone.devices.revoke(phone.keys.device_id)
        second = await begin_link(story, profile)
        async with await pair(story.client, second, second.text) as phone:
            assert (await phone.whoami()).chain == story.client.chain


async def test_closing_the_account_ends_every_device_and_the_code(story: Story):
    await story.turn_to(NIGHT)
    await story.client.send(story.thread, "Nobody shall read this")
    new = await begin_link(story)
    async with await pair(story.client, new, new.text) as phone:
        await story.client.devices.close_account()
        with pytest.raises(Revoked) as out:
            await phone.sync()
        assert "closed" in str(out.value)
    with pytest.raises(NotYourCode):
        await recover(story.server.origin, story.practice, story.code, Profile.in_memory())
    await story.turn_to(MORNING)
    assert [m.text for m in (await story.therapist.sync()).messages] == []


async def test_each_device_is_told_what_another_one_did(story: Story):
    new = await begin_link(story)
    async with await pair(story.client, new, new.text) as phone:
        third = await begin_link(story)
        async with await pair(phone, third, third.text):
            news = await story.client.sync()
            told = [one.words for one in news.findings if one.kind == "devices"]
            assert len(told) == 1
            assert "let in another device" in told[0]
            assert "devices" not in [one.kind.value for one in (await story.client.sync()).findings]


async def test_other_live_devices_go_on_when_one_is_recovered(story: Story):
    """AT-51: the code opens everything, and what else is there stays as it was."""
    await story.turn_to(NOON)
    await story.client.send(story.thread, "One")
    async with await recover(
        story.server.origin, story.practice, story.code, Profile.in_memory(), clock=story.server.clock
    ) as again:
        await again.send(story.thread, "Two")
        assert await texts_of(story.client, story.thread) == ["One", "Two"]
        await story.client.send(story.thread, "Three")
        assert await texts_of(again, story.thread) == ["One", "Two", "Three"]
        assert [one.active for one in await again.devices.list()] == [True] * 3
        assert _names(await again.devices.list()) == _names(await story.client.devices.list())


def _names(devices: list[OwnDevice]) -> list[bytes]:
    return [one.device for one in devices]


def _pieces(stored: bytes) -> list[bytes]:
    return [stored, stored[:32], stored[32:]]


def _is_in(place: Path, secret: bytes) -> bool:
    """Whether a secret is in any file of a profile, in any of the forms in which it could be written."""
    forms = {secret, secret.hex().encode(), *(b64encode(secret[at:]).rstrip(b"=")[1:-2] for at in range(3))}
    return any(form in one.read_bytes() for one in place.iterdir() for form in forms)
