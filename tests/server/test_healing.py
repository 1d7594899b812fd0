"""What devices bring back after a restore, and what the server takes of it (tep_amendments.md A-8, A-13)."""

from dataclasses import replace
from typing import Any

import pytest

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.healing import Heal, HealedItem, LostItem
from etherapy.protocol.messages import AskPreview, SendMessage, Sent
from etherapy.server.operate.generations import begin_generations
from etherapy.signing import SigningKey
from etherapy.store.database import Database
from etherapy.tep.placing import Entry, Reason
from etherapy.tep.receipts import sign_receipt, verify_receipt
from etherapy.tep.serverkeys import key_id
from etherapy.tep.statements import Promise, State, Status, promise_hash
from tests.server.asks import make, own
from tests.server.clinic import MORNING, Clinic, recall_of
from tests.server.people import Sealed, seal


class Lost:
    """A message of `A.client` that the server promised at night, and forgot."""

    def __init__(self, clinic: Clinic) -> None:
        self.clinic, self.who = clinic, clinic.people["A.client"]
        self.talk = clinic.talks["A.client"]
        self.thread = self.talk.thread

    async def send(self, what: str = "written in the night") -> tuple[Sealed, Sent]:
        message = seal(self.talk, self.who, what)
        body = SendMessage(B64(message.envelope))
        sent = await self.call(endpoints.send_message, body)
        return message, sent

    async def call(self, endpoint: Any, body: Any = None, who: str = "A.client", **path: Any) -> Any:
        token = self.clinic.people[who].token
        return await self.clinic.line.call(endpoint, body, token=token, thread=self.thread, **path)

    async def forget(self, *messages: Sealed) -> None:
        """As a backup does that was made before them."""
        for one in messages:
            await self.clinic.execute(f"DELETE FROM message WHERE mid = '{one.mid.hex()}'")

    async def restore(self) -> None:
        async with Database(self.clinic.store.operate_dsn, size=1) as books:
            await begin_generations(books, self.clinic.secrets, self.clinic.now)

    async def heal(self, *items: LostItem, who: str = "A.client") -> list[HealedItem]:
        healed = await self.call(endpoints.heal_thread, Heal(list(items)), who)
        found: list[HealedItem] = healed.items
        return found

    async def page(self, who: str = "A.client") -> list[tuple[Entry, bytes | None]]:
        page = await self.call(endpoints.read_page, who=who)
        return [(Entry.unpack(one.entry), one.promise) for one in page.items]

    async def waiting(self) -> list[bytes]:
        return [bytes(one.mid) for one in (await self.call(endpoints.read_waiting)).messages]

    def promise(self, receipt: bytes) -> Promise:
        found = verify_receipt(receipt, self.clinic.secrets.known.receipt_keys())
        assert isinstance(found, Promise)
        return found


def lost_item(message: Sealed, receipt: bytes) -> LostItem:
    return LostItem(B64(receipt), envelope=B64(message.envelope))


@pytest.fixture
def lost(clinic: Clinic) -> Lost:
    return Lost(clinic)


async def test_at_107_a_promised_message_is_held_again_with_its_old_times(lost: Lost):
    """AT-107"""
    message, sent = await lost.send()
    before = await lost.waiting()
    await lost.forget(message)
    await lost.restore()
    (healed,) = await lost.heal(lost_item(message, sent.receipt))
    assert healed.outcome == "held" and healed.promise is not None
    old, new = lost.promise(sent.receipt), lost.promise(healed.promise)
    marks = [entry for entry, _ in await lost.page() if entry.item_type == 4]
    assert (new.rev, new.previous, new.generation) == (1, promise_hash(old), marks[0].generation)
    assert new.n_acc == marks[0].n
    times = ("accepted_at", "counted_from", "release_at", "reply_by", "item_hash", "mid", "epoch")
    assert [getattr(new, name) for name in times] == [getattr(old, name) for name in times]
    assert await lost.waiting() == before
    again = await lost.call(endpoints.read_message, mid=message.mid)
    assert again.receipt == sent.receipt and again.state.promise == healed.promise


async def test_at_107_bringing_it_again_changes_nothing(lost: Lost):
    """AT-107"""
    message, sent = await lost.send()
    await lost.forget(message)
    await lost.restore()
    (first,) = await lost.heal(lost_item(message, sent.receipt))
    waiting, page = await lost.waiting(), await lost.page()
    for _ in range(2):
        (again,) = await lost.heal(lost_item(message, sent.receipt))
        assert (again.outcome, again.promise) == ("known", first.promise)
    assert (await lost.waiting(), await lost.page()) == (waiting, page)


async def test_at_107_what_is_due_is_placed_as_healed_in_the_order_it_was_counted(lost: Lost):
    """AT-107"""
    sent = [await lost.send(f"message {at}") for at in range(3)]
    await lost.forget(*(message for message, _ in sent))
    await lost.restore()
    await lost.clinic.clock.turn_to(MORNING)
    items = [lost_item(message, answer.receipt) for message, answer in sent]
    healed = await lost.heal(*reversed(items))
    assert [one.outcome for one in healed] == ["placed"] * 3
    placed = [(entry, promise) for entry, promise in await lost.page() if entry.reason == Reason.HEALED]
    accepted = [lost.promise(promise or b"").accepted_at for _, promise in placed]
    assert len(placed) == 3 and accepted == sorted(accepted)
    hashes = [message.item_hash for message, _ in sent]
    assert {entry.item_hash for entry, _ in placed} == set(hashes)
    for entry, promise in placed:
        assert entry.promise_hash == promise_hash(lost.promise(promise or b""))


async def test_at_107_a_recalled_message_stays_recalled_when_its_recall_comes_first(lost: Lost):
    """AT-107"""
    message, sent = await lost.send()
    recall = recall_of(lost.who, lost.thread, message, lost.clinic.now)
    await lost.forget(message)
    await lost.restore()
    (healed,) = await lost.heal(LostItem(sent.receipt, recall=B64(recall)))
    assert healed.outcome == "recalled" and healed.status is not None
    status = verify_receipt(healed.status, lost.clinic.secrets.known.receipt_keys())
    assert isinstance(status, Status) and status.state == State.RECALLED
    (late,) = await lost.heal(lost_item(message, sent.receipt))
    assert late.outcome == "known" and message.mid not in await lost.waiting()
    await lost.clinic.clock.turn_to(MORNING)
    assert message.item_hash not in {entry.item_hash for entry, _ in await lost.page()}


async def test_at_107_a_placed_item_hash_cannot_be_placed_twice(lost: Lost):
    """AT-107"""
    message = lost.clinic.sent["A.client placed"]
    sent = await lost.call(endpoints.read_message, mid=message.mid)
    await lost.restore()
    before = await lost.page()
    (healed,) = await lost.heal(lost_item(message, sent.receipt))
    assert healed.outcome == "known" and await lost.page() == before


async def test_another_member_may_bring_it_and_learns_nothing_of_it(lost: Lost):
    """AT-107: who was shown a message can bring it back; whether it waits is its sender's to know (G5)."""
    message, sent = await lost.send()
    await lost.forget(message)
    await lost.restore()
    page = await lost.page("A.therapist")
    for _ in range(2):
        (healed,) = await lost.heal(lost_item(message, sent.receipt), who="A.therapist")
        assert healed == HealedItem(healed.item_hash, "taken")
    assert message.mid in await lost.waiting()
    assert await lost.page("A.therapist") == page
    recall = recall_of(lost.who, lost.thread, message, lost.clinic.now)
    (refused,) = await lost.heal(LostItem(sent.receipt, recall=B64(recall)), who="A.therapist")
    assert refused.outcome == "refused"


async def test_a_stranger_to_the_thread_is_told_of_no_thread(lost: Lost):
    message, sent = await lost.send()
    await lost.restore()
    with pytest.raises(Exception, match="no such thread"):
        await lost.heal(lost_item(message, sent.receipt), who="A.other_client")


async def test_what_the_server_did_not_promise_is_refused(lost: Lost):
    """AT-107: another server's word, a later generation's, another message's, another thread's."""
    message, sent = await lost.send()
    other, other_sent = await lost.send("another one")
    await lost.forget(message, other)
    await lost.restore()
    thief, known = SigningKey(bytes(range(32))), lost.promise(sent.receipt)
    forged = replace(known, key_id=key_id(thief.public))
    secrets = lost.clinic.secrets
    newer = replace(known, generation=2**31 - 1)
    elsewhere = replace(known, thread=bytes(16))
    bad = [
        lost_item(message, sign_receipt(forged, thief, forged.key_id)),
        lost_item(message, sign_receipt(newer, secrets.receipt, secrets.receipt_id)),
        lost_item(message, sign_receipt(elsewhere, secrets.receipt, secrets.receipt_id)),
        lost_item(message, other_sent.receipt),
        LostItem(sent.receipt, envelope=B64(message.envelope[:-1] + bytes([message.envelope[-1] ^ 1]))),
        LostItem(sent.receipt, envelope=B64(message.envelope), first=other_sent.receipt),
        LostItem(sent.receipt),
        LostItem(B64(b""), envelope=B64(message.envelope)),
    ]
    assert [one.outcome for one in await lost.heal(*bad)] == ["refused"] * len(bad)
    good = await lost.heal(lost_item(message, sent.receipt), *bad[:1], lost_item(other, other_sent.receipt))
    assert [one.outcome for one in good] == ["held", "refused", "held"]


async def test_nothing_comes_back_where_nothing_was_restored(lost: Lost):
    message, sent = await lost.send()
    await lost.forget(message)
    (healed,) = await lost.heal(lost_item(message, sent.receipt))
    assert healed.outcome == "refused" and message.mid not in await lost.waiting()


async def test_a_message_whose_epoch_is_missing_or_whose_device_is_out_waits_for_that(lost: Lost):
    message, sent = await lost.send()
    await lost.forget(message)
    await lost.restore()
    await lost.clinic.execute(f"DELETE FROM seat WHERE device_id = '{lost.who.keys.device_id.hex()}'")
    (healed,) = await lost.heal(lost_item(message, sent.receipt))
    assert healed.outcome == "no_seat"


async def test_a_thread_says_where_it_was_taken_up_again(lost: Lost):
    """AT-59"""
    before = await lost.call(endpoints.read_thread_generation)
    assert (before.n, before.mark) == (0, None)
    page = await lost.page()
    await lost.restore()
    after = await lost.call(endpoints.read_thread_generation)
    assert after.n == len(page) + 1
    said = await lost.clinic.line.call(endpoints.read_generation, token=lost.who.token)
    assert said.generation > 1 and said.statement is not None
    changes = await lost.clinic.line.call(endpoints.read_changes, token=lost.who.token, query="after=1000000")
    assert lost.thread in {bytes(one.thread) for one in changes.threads}


async def test_an_epoch_comes_back_only_if_it_follows_and_lets_nobody_in(lost: Lost):
    """AT-107"""
    newest = B64(await newest_commit(lost))
    made = await make(lost.clinic, "commit_epoch", lost.clinic.people["A.therapist"])
    fresh, strange = made.ask.body.commit, await stranger_commit(lost)
    before = await lost.call(endpoints.heal_thread, Heal(commits=[fresh]))
    assert before.commits == ["refused"]  # nothing was restored
    await lost.restore()
    healed = await lost.call(
        endpoints.heal_thread, Heal(commits=[newest, B64(b"no commit"), strange, fresh, fresh])
    )
    assert healed.commits == ["known", "refused", "refused", "placed", "known"]


async def newest_commit(lost: Lost) -> bytes:
    """The commit of the newest epoch, as it was placed."""
    page = await lost.call(endpoints.read_page)
    found: bytes = [one.item for one in page.items if Entry.unpack(one.entry).item_type == 2][-1]
    return found


async def stranger_commit(lost: Lost) -> B64:
    """An epoch with somebody else in the client's place."""
    therapist = lost.clinic.people["A.therapist"]
    named = replace(own(lost.clinic, therapist), chain=lost.clinic.people["A.other_client"].chain.chain_id)
    body = (await make(lost.clinic, "commit_epoch", therapist, named)).ask.body
    found: B64 = body.commit
    return found


async def test_a_scheduled_answer_that_comes_back_goes_out_no_earlier_whatever_rules_change(lost: Lost):
    """Its author's rest, which other rules would not have brought forward either."""
    quiet = {"kind": "therapist.outbound", "quiet_start": "20:00", "quiet_end": "08:00"}
    token = lost.clinic.people["A.therapist"].token
    await lost.clinic.line.call(endpoints.set_own_rules, SetRules(0, [quiet]), token=token)
    lost.who = lost.clinic.people["A.therapist"]
    for text in ("what is urgent is answered at once", "in the morning"):
        message = seal(lost.talk, lost.who, text)
        sent = await lost.call(endpoints.send_message, SendMessage(B64(message.envelope)), "A.therapist")
    assert sent.state.state == "held"
    await lost.forget(message)
    await lost.restore()
    (healed,) = await lost.heal(lost_item(message, sent.receipt), who="A.therapist")
    assert healed.outcome == "held"
    other = {"kind": "response.target", "target": {"count": "business_days", "n": 2}}
    await lost.clinic.line.call(endpoints.set_own_rules, SetRules(1, [quiet, other]), token=token)
    now = await lost.call(endpoints.read_message, None, "A.therapist", mid=message.mid)
    assert now.state.state == "held"
    assert lost.promise(now.state.promise).release_at == lost.promise(sent.receipt).release_at


async def test_an_urgent_message_that_comes_back_counts_in_no_budget(lost: Lost):
    count = {"kind": "budget.count", "limits": [{"n": 3, "per": "week"}]}
    await lost.call(endpoints.set_agreement, SetRules(0, [count]), "A.therapist")
    before = (await lost.call(endpoints.preview, AskPreview())).decision.left
    message = seal(lost.talk, lost.who, "now", urgent=True)
    sent = await lost.call(endpoints.send_message, SendMessage(B64(message.envelope)))
    await lost.forget(message)
    await lost.clinic.execute(f"DELETE FROM entry WHERE item_hash = '\\x{message.item_hash.hex()}'")
    await lost.restore()
    (healed,) = await lost.heal(lost_item(message, sent.receipt))
    assert healed.outcome == "placed"
    assert (await lost.call(endpoints.preview, AskPreview())).decision.left == before
