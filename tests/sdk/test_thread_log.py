"""What a reader accepts from a server that may lie: the rules of A-3, A-5, A-7, A-9 and A-10, one by one."""

from dataclasses import replace

import msgspec
import pytest

from etherapy.crypto.epochs import row_info
from etherapy.crypto.invitation import invitation_keys, new_link_secret
from etherapy.crypto.sealing import seal
from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Kind
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.verifying.beginnings import Began
from etherapy.sdk.verifying.evidence import Evidence
from etherapy.sdk.verifying.spine import Pin
from etherapy.sdk.verifying.thread_log import Applied, Reader, ThreadLog
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.epoch import CommitReason, pack_sealed, parse_commit, sign_commit
from etherapy.tep.invite import InviteAccept, parse_accept, parse_invite, sign_accept, sign_invite
from etherapy.tep.kinds import Measure
from etherapy.tep.labels import plain_digest
from etherapy.tep.payload import Kind as PayloadKind
from etherapy.tep.payload import Payload, View
from etherapy.tep.placing import Entry, ItemType, Reason, thread_next
from etherapy.tep.statements import Decision
from tests.sdk.small_world import HOUR, RULES, SmallWorld
from tests.tep.world import NOW, THREAD


@pytest.fixture
def world() -> SmallWorld:
    return SmallWorld()


def kinds(applied: Applied) -> list[Kind]:
    return [one.kind for one in applied.findings]


def test_both_sides_read_the_same_thread(world: SmallWorld):
    world.deliver(world.write("Hello"))
    world.deliver(world.write("Good morning", by=world.vale))
    for one in (world.anna, world.vale):
        log = world.log(one)
        own = {
            parse_envelope(item.item).header.mid: OwnItem(
                mid=b"", attempts=[parse_envelope(item.item).item_hash]
            )
            for item in world.items
            if item.item and Entry.unpack(item.entry).item_type == ItemType.ENVELOPE
        }
        applied = world.read(log, one, own=own)
        assert [message.text for message in applied.messages] == ["Hello", "Good morning"]
        assert applied.findings == ()
        assert log.spine.t == world.ts[-1]
        assert log.halted is None


def test_reading_page_by_page_or_at_once_is_the_same(world: SmallWorld):
    for number in range(5):
        world.deliver(world.write(str(number)))
    slow, fast = world.log(world.vale), world.log(world.vale)
    for upto in range(1, world.n + 1):
        world.read(slow, world.vale, upto=upto)
    world.read(fast, world.vale)
    assert slow.messages == fast.messages
    assert slow.spine.t == fast.spine.t


def test_a_text_never_shows_in_a_repr(world: SmallWorld):
    world.deliver(world.write("canary-5417"))
    applied = world.read(world.log(world.vale), world.vale)
    assert applied.messages[0].text == "canary-5417"
    assert "canary-5417" not in repr(applied)


@pytest.mark.parametrize("change", ["gap", "swap", "repeat"])
def test_entries_out_of_order_change_nothing(world: SmallWorld, change: str):
    world.deliver(world.write("one"))
    world.deliver(world.write("two"))
    log, head = world.log(world.vale), world.head()
    if change == "gap":
        del world.items[2]
    elif change == "swap":
        world.items[2], world.items[3] = world.items[3], world.items[2]
    else:
        world.items.insert(3, world.items[2])
    with pytest.raises(Refuted) as refused:
        world.read(log, world.vale, head=head)
    assert refused.value.finding.kind == Kind.BROKEN_LOG
    assert log.n == 0
    assert log.messages == []


def test_a_head_over_other_entries_is_refused(world: SmallWorld):
    log = world.log(world.vale)
    with pytest.raises(Refuted) as refused:
        world.read(log, world.vale, head=world.head(t=bytes(32)))
    assert refused.value.finding.kind == Kind.BROKEN_LOG
    assert "head" in refused.value.finding.proof


def test_a_head_by_somebody_else_is_refused(world: SmallWorld):
    other = SmallWorld(seed="other", host=replace(world.host, receipts=world.anna.keys.sign))
    with pytest.raises(Refuted):
        world.read(world.log(world.vale), world.vale, head=other.head())


def test_at_42_two_histories_of_one_thread_are_a_fork_with_both_heads_as_proof(world: SmallWorld):
    """AT-42."""
    log = world.log(world.vale)
    world.deliver(world.write("one"))
    world.read(log, world.vale)
    other = world.ts[-1][:-1] + bytes([world.ts[-1][-1] ^ 1])
    with pytest.raises(Refuted) as refused:
        log.apply([], world.head(t=other), Evidence({}, [], {}))
    assert refused.value.finding.kind == Kind.FORK
    assert refused.value.finding.proof["head"] != refused.value.finding.proof["earlier_head"]


def test_at_25_a_shorter_thread_than_seen_before_is_refused(world: SmallWorld):
    """AT-25, AT-41."""
    log = world.log(world.vale)
    world.deliver(world.write("one"))
    world.read(log, world.vale)
    with pytest.raises(Refuted) as refused:
        log.spine.check_end(world.n - 1)
    assert refused.value.finding.kind == Kind.ROLLBACK


def test_a_pinned_position_holds_when_the_thread_is_read_anew(world: SmallWorld):
    world.deliver(world.write("one"))
    log = world.log(world.vale)
    log.pin(Pin(3, bytes(32)))
    with pytest.raises(Refuted) as refused:
        world.read(log, world.vale)
    assert refused.value.finding.kind == Kind.FORK
    assert log.n == 0


def test_an_erased_message_is_a_visible_gap_and_the_thread_goes_on(world: SmallWorld):
    world.deliver(world.write("one"))
    world.deliver(world.write("two"))
    world.items[2] = msgspec.structs.replace(world.items[2], item=None)
    applied = world.read(world.log(world.vale), world.vale)
    assert kinds(applied) == [Kind.GONE]
    assert [(one.text, one.standing) for one in applied.messages] == [(None, "refused"), ("two", "good")]


def test_other_bytes_than_were_placed_are_refused(world: SmallWorld):
    world.deliver(world.write("one"))
    world.items[2] = msgspec.structs.replace(world.items[2], item=world.write("other"))
    applied = world.read(world.log(world.vale), world.vale)
    assert kinds(applied) == [Kind.BAD_ENVELOPE]
    assert applied.messages[0].text is None


def test_a_message_signed_by_another_device_is_refused(world: SmallWorld):
    envelope = bytearray(world.write("one"))
    envelope[152] ^= 1
    world.deliver(bytes(envelope))
    applied = world.read(world.log(world.vale), world.vale)
    assert kinds(applied) == [Kind.BAD_ENVELOPE]


def test_a_message_without_its_promise_is_refused(world: SmallWorld):
    world.deliver(world.write("one"))
    world.items[2] = msgspec.structs.replace(world.items[2], promise=None)
    assert kinds(world.read(world.log(world.vale), world.vale)) == [Kind.BAD_PROMISE]


def test_at_84_readers_shown_another_promise_than_the_entry_names(world: SmallWorld):
    """AT-84."""
    envelope = world.write("one")
    world.deliver(envelope)
    world.items[2] = msgspec.structs.replace(
        world.items[2], promise=world.promise(envelope, accepted_at=world.at - 5)
    )
    assert kinds(world.read(world.log(world.vale), world.vale)) == [Kind.BAD_PROMISE]


def test_a_message_before_its_time_is_refused_unless_a_reason_says_why(world: SmallWorld):
    for reason, wanted in ((Reason.DUE, [Kind.EARLY]), (Reason.EARLIER_OPENING, [])):
        here = SmallWorld()
        envelope = here.write("one")
        promise = here.promise(envelope, decision=Decision.HELD, release_at=here.at + HOUR)
        here.deliver(envelope, promise, reason)
        assert kinds(here.read(here.log(here.vale), here.vale)) == wanted
    assert world.n == 2


def test_at_90_an_old_epoch_counts_by_what_was_placed_at_acceptance_never_by_a_clock(world: SmallWorld):
    """AT-90."""
    envelope = world.write("held over a new epoch")
    good = world.promise(envelope, release_at=world.at + 5000, decision=Decision.HELD)
    world.commit(world.vale)
    late = world.promise(envelope, release_at=world.at + 5000, decision=Decision.HELD, n_acc=world.n)
    for promise, wanted in ((good, []), (late, [Kind.ACCEPTANCE])):
        here = world.log(world.vale)
        items, ts, at = list(world.items), list(world.ts), world.at
        world.at += HOUR
        world.deliver(envelope, promise, Reason.DUE)
        assert kinds(world.read(here, world.vale)) == wanted
        world.items, world.ts, world.at = items, ts, at


def test_at_91_an_item_of_a_removed_device_is_refused_however_early_its_promise(world: SmallWorld):
    """AT-91."""
    second = world.anna.add()
    world.commit(world.anna)
    envelope = world.write("from the lost phone", keys=second)
    promise = world.promise(envelope)
    world.anna.revoke(second)
    world.commit(world.anna, reason=CommitReason.DEVICE_REVOKED)
    world.deliver(envelope, promise, Reason.DUE)
    assert kinds(world.read(world.log(world.vale), world.vale)) == [Kind.REMOVED_DEVICE]


def test_an_item_placed_between_revocation_and_new_epoch_is_shown_with_a_notice(world: SmallWorld):
    second = world.anna.add()
    world.commit(world.anna)
    envelope = world.write("just before", keys=second)
    world.anna.revoke(second)
    world.deliver(envelope)
    people = world.people() | {
        world.anna.chain.chain_id: world.known(world.anna, {world.anna.chain.seq: world.at - 500})
    }
    applied = world.read(world.log(world.vale), world.vale, people=people)
    assert kinds(applied) == [Kind.REVOKED_MEANWHILE]
    assert applied.messages[0].standing == "noticed"
    assert applied.messages[0].text == "just before"


def test_an_item_that_overtakes_one_that_was_due_is_reported(world: SmallWorld):
    first, second = world.write("first"), world.write("second")
    due = world.promise(first, decision=Decision.HELD, release_at=world.at + 1000)
    later = world.promise(second, accepted_at=world.at + 500, release_at=world.at + 1000)
    world.at += HOUR
    world.deliver(second, later, Reason.DUE)
    world.deliver(first, due, Reason.DUE)
    applied = world.read(world.log(world.vale), world.vale)
    assert kinds(applied) == [Kind.INVERSION]
    assert applied.messages[1].standing == "noticed"


def test_at_85_an_urgent_item_may_overtake_what_is_not_due(world: SmallWorld):
    """AT-85."""
    first, second = world.write("first"), world.write("second", urgent=True)
    held = world.promise(first, decision=Decision.HELD, release_at=world.at + 2 * HOUR)
    world.deliver(
        second, world.promise(second, decision=Decision.URGENT, accepted_at=world.at + 1), Reason.URGENT
    )
    world.at += 3 * HOUR
    world.deliver(first, held, Reason.DUE)
    assert kinds(world.read(world.log(world.vale), world.vale)) == []


def test_one_message_placed_twice_is_shown_once(world: SmallWorld):
    envelope = world.write("one")
    world.deliver(envelope)
    world.deliver(envelope)
    applied = world.read(world.log(world.vale), world.vale)
    assert kinds(applied) == [Kind.PLACED_AGAIN]
    assert [one.text for one in applied.messages] == ["one", None]


def test_two_messages_under_one_id_are_told_apart_as_wrong(world: SmallWorld):
    mid = bytes(16)
    world.deliver(world.write("one", mid=mid))
    world.deliver(world.write("two", mid=mid))
    applied = world.read(world.log(world.vale), world.vale)
    assert kinds(applied) == [Kind.PLACED_AGAIN]


def test_a_message_that_this_device_did_not_make_raises_an_alarm(world: SmallWorld):
    world.deliver(world.write("by a clone"))
    applied = world.read(world.log(world.anna), world.anna)
    assert kinds(applied) == [Kind.NOT_MINE]
    assert applied.messages[0].standing == "refused"
    assert applied.messages[0].text is None


def test_at_48_an_unknown_kind_is_a_placeholder_and_at_110_a_class_misfit_a_notice(world: SmallWorld):
    """AT-48, AT-110."""
    raw = {0: 77, 1: "?"}
    world.deliver(world.write("", payload=Payload(77, "", 0, raw=raw)))
    seen = View(world.n, world.ts[-1], 1, RULES)
    body = Measure("phq-9", NOW, ((1, 2),)).pack()
    world.deliver(world.write("", payload=Payload(PayloadKind.CHECK_IN, body, NOW, seen)))
    applied = world.read(world.log(world.vale), world.vale)
    assert kinds(applied) == [Kind.UNKNOWN_KIND, Kind.CLASS_MISFIT]
    assert [one.standing for one in applied.messages] == ["noticed", "noticed"]
    assert all(one.text for one in applied.messages)


def test_at_42_a_sender_who_saw_another_history_is_noticed_by_the_view(world: SmallWorld):
    """AT-42."""
    world.deliver(world.write("one", view=View(2, bytes(32), 1, RULES)))
    applied = world.read(world.log(world.vale), world.vale)
    assert kinds(applied) == [Kind.VIEW]
    assert applied.findings[0].grave
    assert "envelope" in applied.findings[0].proof


def test_at_100_two_sets_of_rules_under_one_number_are_noticed(world: SmallWorld):
    """AT-100."""
    world.deliver(world.write("one", view=View(2, world.ts[2], 1, bytes(32))))
    assert kinds(world.read(world.log(world.vale), world.vale)) == [Kind.RULES_FORK]


def test_at_83_the_peer_learns_of_a_missing_message_from_the_next_view(world: SmallWorld):
    """AT-83."""
    lost = parse_envelope(world.write("lost")).item_hash
    view = View(world.n, world.ts[-1], 1, RULES, overdue=(lost,))
    world.deliver(world.write("are you there?", view=view))
    applied = world.read(world.log(world.vale), world.vale)
    assert kinds(applied) == [Kind.MISSING]
    assert applied.messages[0].standing == "noticed"


def test_at_28_a_commit_that_leaves_out_a_device_is_no_epoch_and_stops_sending(world: SmallWorld):
    """AT-28."""
    world.anna.add()
    stale = world.anna.chain
    world.commit(world.vale)
    world.anna.add()
    whole, _ = world.make_commit(world.vale, members=[(world.vale.chain, 2), (stale, 1)])
    commit = parse_commit(whole)
    bad = replace(commit.core.roster[0], devices=commit.core.roster[0].devices[:1])

    left = (bad, commit.core.roster[1])
    rows = {device: commit.sealed_rows[device] for row in left for device, _ in row.devices}

    forged = sign_commit(replace(commit.core, roster=left), pack_sealed(rows), world.vale.keys.sign)
    world.place(ItemType.COMMIT, forged, parse_commit(forged).commit_hash)
    log = world.log(world.anna)
    applied = world.read(log, world.anna)
    assert kinds(applied) == [Kind.BAD_COMMIT]
    assert log.halted is not None


def test_at_30_another_secret_for_one_member_is_reported(world: SmallWorld):
    """AT-30."""
    whole, _ = world.make_commit(world.vale)
    commit = parse_commit(whole)
    cheat = replace(commit.core, es_com=bytes(32))

    rows = {
        device.device_id: seal(
            device.hpke_pk, row_info(plain_digest(cheat.pack()), device.device_id), bytes(32)
        )
        for chain, _ in world.members()
        for device in chain.active()
    }
    forged = sign_commit(cheat, pack_sealed(rows), world.vale.keys.sign)
    world.place(ItemType.COMMIT, forged, parse_commit(forged).commit_hash)
    log = world.log(world.anna)
    assert kinds(world.read(log, world.anna)) == [Kind.SECRET_MISMATCH]
    assert log.halted is not None


def test_at_106_an_epoch_0_without_its_invitation_is_refused(world: SmallWorld):
    """AT-106."""
    other = SmallWorld(seed="elsewhere")
    log = world.log(world.vale)
    applied = world.read(log, world.vale, began=other.began)
    assert kinds(applied) == [Kind.BAD_COMMIT]
    assert log.halted is not None


def test_at_106_a_second_answer_to_an_invitation_begins_nothing(world: SmallWorld):
    """AT-106: whoever answered first is named by epoch 0; another answer shown beside it is an alarm."""
    keys = invitation_keys(new_link_secret())
    invite = sign_invite(
        replace(world.began.invite.invite, invite_pk=keys.signing.public), world.vale.keys.sign
    )
    named, thief = parse_invite(invite), SmallWorld(seed="thief").anna
    answers = [
        parse_accept(
            sign_accept(
                InviteAccept(named.invite_hash, one.chain.chain_id, one.chain.seq, one.chain.head, bytes(16)),
                one.keys.sign,
                keys.signing,
            )
        )
        for one in (world.anna, thief)
    ]
    world.items.pop(), world.ts.pop(), world.commits.pop()
    named_by_epoch = (named.invite_hash, answers[0].accept_hash)
    world.commit(world.anna, view=(0, world.ts[0]), consents=named_by_epoch)
    log = world.log(world.vale)
    assert kinds(world.read(log, world.vale, began=Began(named, answers[0]))) == []
    log = world.log(world.vale)
    assert kinds(world.read(log, world.vale, began=Began(named, answers[1]))) == [Kind.BAD_COMMIT]
    assert log.halted is not None


def test_at_106_a_thread_that_began_between_two_strangers_is_refused(world: SmallWorld):
    """AT-106."""
    stranger = SmallWorld(seed="stranger").anna
    log = world.log(stranger)
    assert kinds(world.read(log, stranger)) == [Kind.BAD_COMMIT]


def test_at_108_a_thread_of_another_home_is_refused(world: SmallWorld):
    """AT-108."""
    keys = world.host.keys.receipt_keys()
    elsewhere = Reader(world.vale.chain.chain_id, world.vale.keys.device_id, keys, bytes(32))
    log = ThreadLog(THREAD, elsewhere, {})
    with pytest.raises(Refuted):
        world.read(log, world.vale)
    assert log.n == 0


def test_a_device_without_a_row_says_so_and_shows_no_text(world: SmallWorld):
    late = world.anna.add()
    world.deliver(world.write("before it came"))
    log = world.log(world.anna)
    applied = log.apply(world.items, world.head(), Evidence(world.people(), [late], {}, world.began))
    assert kinds(applied)[0] == Kind.NO_ROW
    assert applied.messages[0].text is None
    assert Kind.UNREADABLE in kinds(applied)


def test_running_hashes_are_those_of_the_format(world: SmallWorld):
    log = world.log(world.vale)
    world.read(log, world.vale)
    t = world.ts[0]
    for n, item in enumerate(world.items, 1):
        t = thread_next(t, item.entry)
        assert log.spine.t_at(n) == t
    assert log.spine.placed_at > NOW
