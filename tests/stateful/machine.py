"""Steps that people, clocks and failures take in one thread, and what must hold after each (rules.md 3.5)."""

import asyncio
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.messages import SendMessage
from etherapy.protocol.problems import AlreadyPlaced, Declined, MidTaken
from etherapy.protocol.threads import PageQuery
from etherapy.rules import Attempt, Decision
from etherapy.rules.kinds.urgent_channel import UrgentChannel
from etherapy.rules.rule import NO_REPLY_EXPECTED
from etherapy.sdk.findings import Kind
from etherapy.sdk.messages.sealing import seal
from etherapy.sdk.messages.sending import pack_body
from etherapy.sdk.threads.committing import settle_epoch
from etherapy.sdk.verifying.message import SentMessage
from etherapy.tep.kinds import Text, kind_of
from etherapy.tep.payload import Payload
from tests.journeys.conftest import Story, furnish
from tests.stateful.laboratory import Laboratory
from tests.stateful.model import Model, Written, next_edges

WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
WEEK = [{"days": WORKDAYS, "start": "09:00", "end": "17:00"}]
NIGHTS = [{"days": ["mon", "wed", "sat"], "start": "22:00", "end": "02:00"}]
PRACTICE: list[dict[str, Any]] = [
    {"kind": "window.weekly", "zone": "America/New_York", "windows": WEEK},
    {"kind": "emergency", "region": "US"},
    {"kind": "bounds", "min_notice_days": 0},
    {"kind": "off_hours.policy", "other_route": "Call the practice."},
]
HOURS = st.sampled_from([WEEK, NIGHTS, [*WEEK, *NIGHTS], []])
POLICIES = st.sampled_from(
    ["hold", "hold_with_ack", "deliver_normal", "deliver_silent", "decline_keep_draft"]
)
TARGETS = st.sampled_from(
    [
        {"count": "business_days", "n": 1},
        {"count": "next_windows", "n": 1},
        {"count": "window_minutes", "n": 240},
        {"count": "wall_hours", "n": 30},
    ]
)
OVER = st.sampled_from(["defer_to_next_period", "decline_keep_draft", "accept_and_flag"])
BUDGETS = st.lists(
    st.sampled_from([{"n": 2, "per": "day"}, {"n": 3, "per": "week"}, {"n": 1, "per": "hours", "hours": 6}]),
    min_size=1,
    max_size=2,
    unique_by=str,
)
CARD = "builtin-us"
"""The crisis card of PRACTICE."""
CLASSES = st.sampled_from([1, 1, 1, 2, 3, 4])


class Thread(RuleBasedStateMachine):
    """A client, a therapist, a server that dies now and then, and a model that is asked the same."""

    laboratory: ClassVar[Laboratory]

    def __init__(self) -> None:
        super().__init__()
        self.people = AsyncExitStack()
        self.made = 0
        self.seen: list[str] = []
        self.clients_view: list[str] = []

    def run(self, work: Any) -> Any:
        return self.laboratory.run(work)

    @property
    def now(self) -> datetime:
        return self.laboratory.house.clock.now()

    @initialize(limits=BUDGETS, over=OVER)
    def open(self, limits: Any, over: str) -> None:
        """A practice of its own, on a Monday before it opens, and a budget, without which little would be
        counted."""
        self.run(self.laboratory.turn_to_monday())
        self.story: Story = self.run(furnish(self.laboratory.server, self.people, PRACTICE))
        owner = self.run(self.story.therapist.whoami()).account.hex()
        self.model = Model(owner, {"practice": PRACTICE, "therapist": [], "agreement": [], "exception": []})
        self.a_budget_is_agreed(limits, over)

    # --- people -----------------------------------------------------------------------------------

    @rule(
        service_class=CLASSES,
        urgent=st.sampled_from([False, False, False, True]),
        crowd=st.sampled_from([False, False, True]),
    )
    def the_client_writes(self, service_class: int, urgent: bool, crowd: bool) -> None:
        """Any kind of message, at whatever hour it is, also while two workers make their rounds."""
        attempt = Attempt(self.now, True, 1 if urgent else service_class, urgent)
        self._write(self.story.client, attempt, crowd)

    @rule(because=st.sampled_from(["", "", "safety"]))
    def the_therapist_answers(self, because: str) -> None:
        """A reply, which ends the turn when it is placed."""
        self._write(self.story.therapist, Attempt(self.now, False, role="therapist", at_once_because=because))

    def _write(self, who: Any, attempt: Attempt, crowd: bool = False) -> None:
        self._release()
        expected = self.model.decide(attempt)
        event(f"{attempt.role} wrote: {expected.code}")
        text = self._words()
        sending = who.send(
            self.story.thread,
            text,
            attempt.urgent,
            service_class=attempt.service_class,
            card=CARD if expected.card_first else "",
            **({"at_once_because": attempt.at_once_because} if attempt.at_once_because else {}),
        )
        sent = self._answer(self._in_a_crowd(sending) if crowd else sending, expected)
        if sent is None:
            return
        assert sent.decision.left == expected.left
        one = self.model.accept(text, attempt, expected)
        one.mid = sent.mid
        assert sent.state == one.state
        if attempt.urgent:
            self._check_calls(one, attempt)

    def _words(self) -> str:
        self.made += 1
        return f"message {self.made}"

    async def _in_a_crowd(self, sending: Any) -> SentMessage:
        sent, *_ = await asyncio.gather(
            sending, self.laboratory.rounds_of_both(), self.laboratory.rounds_of_both()
        )
        found: SentMessage = sent
        return found

    def _check_calls(self, one: Written, attempt: Attempt) -> None:
        """Whoever is on call first is called at once; nobody else, and nobody where nobody is."""
        rules = self.model.rules()
        plan = rules.the(UrgentChannel, attempt.at).call_plan(attempt, rules.timetable.zone_name)
        self.run(self.laboratory.rounds_of_both())
        status = self.run(self.story.client.alert_status(self.story.thread, one.mid))
        assert [step.name for step in status.steps] == [call.name for call in plan if call.due_at <= self.now]

    def _answer(self, sending: Any, expected: Decision) -> SentMessage | None:
        """What was answered, compared with what the rules say; None: declined, as they say."""
        try:
            sent: SentMessage = self.run(sending)
        except Declined as declined:
            assert expected.code == "declined"
            assert declined.retry_from == expected.retry_from
            assert declined.words.card_lines
            return None
        assert (sent.decision.code, sent.decision.release_at, sent.decision.reply_by) == (
            expected.code, expected.release_at, expected.reply_by,
        )  # fmt: skip
        told = sent.decision
        assert (told.counts_at, told.not_before, told.ack) == (
            expected.counts_at, expected.not_before, expected.ack,
        )  # fmt: skip
        assert {(r.kind, r.words) for r in told.because} == {(r.kind, r.words) for r in expected.because}
        assert sent.words.card_lines  # invariant 10
        return sent

    @precondition(lambda self: self.model.held())
    @rule(data=st.data(), urgent=st.sampled_from([False, False, True]))
    def somebody_finds_other_words(self, data: st.DataObject, urgent: bool) -> None:
        """In the place of what waits: never later, and never counted twice; or now, as urgent."""
        one = data.draw(st.sampled_from(self.model.held()), label="message")
        who, urgent = self.story.client if one.by_client else self.story.therapist, urgent and one.by_client
        attempt = Attempt(
            self.now,
            one.by_client,
            one.service_class,
            urgent,
            role="client" if one.by_client else "therapist",
        )
        expected = self.model.replacement(one, attempt)
        text = one.text if urgent else self._words()
        event(f"other words: {expected.code}")
        sent = self._answer(
            who.send_urgently(self.story.thread, one.mid, card=CARD if expected.card_first else "")
            if urgent
            else who.replace(self.story.thread, one.mid, text),
            expected,
        )
        if sent is None:
            return
        new = self.model.put_in_place(one, text, attempt, expected)
        new.mid = sent.mid
        assert sent.state == new.state
        if urgent:
            self._check_calls(new, attempt)

    @precondition(lambda self: self.model.written)
    @rule(data=st.data())
    def an_id_is_used_twice(self, data: st.DataObject) -> None:
        """Another message under the id of one that was accepted, whatever became of that."""
        one = data.draw(st.sampled_from(self.model.written), label="message")
        who = self.story.client if one.by_client else self.story.therapist
        with pytest.raises(MidTaken):
            self.run(self._under_the_id_of(who, one))
        self._release()

    async def _under_the_id_of(self, who: Any, one: Written) -> None:
        desk = who.desk(self.story.thread)
        async with desk.lock:
            await desk.load()
            commit = await settle_epoch(desk)
            body = Text("something else")
            payload = Payload(kind_of(body), pack_body(body), who.device_time(), desk.view())
            envelope = seal(desk, commit, payload, mid=one.mid, service_class=1, urgent=False)
        await who.transport.call(endpoints.send_message, SendMessage(B64(envelope)), thread=self.story.thread)

    @precondition(lambda self: any(one.live for one in self.model.written))
    @rule(data=st.data())
    def a_decision_is_made_again(self, data: st.DataObject) -> None:
        """Invariant 7: from its record, to the byte, whatever rules hold by now."""
        live = [one for one in self.model.written if one.live]
        one = data.draw(st.sampled_from(live), label="message")
        who = self.story.client if one.by_client else self.story.therapist
        assert self.run(who.replay(self.story.thread, one.mid)).same
        self._release()

    @precondition(lambda self: self.model.held())
    @rule(data=st.data())
    def somebody_takes_a_waiting_message_back(self, data: st.DataObject) -> None:
        """Before its release, or at that very instant, when it is too late."""
        one = data.draw(st.sampled_from(self.model.held()), label="message")
        who = self.story.client if one.by_client else self.story.therapist
        if one.release_at is not None and data.draw(st.booleans(), label="too late"):
            self.run(self.story.turn_to(max(one.release_at, self.now)))
            with pytest.raises(AlreadyPlaced):
                self.run(who.recall(self.story.thread, one.mid))
            self._release()
            return
        self.run(who.recall(self.story.thread, one.mid))
        if self.model.recall(one, self.now):
            event("a recall let another one move up")

    @precondition(lambda self: self.model.written)
    @rule(data=st.data())
    def a_phone_sends_the_same_again(self, data: st.DataObject) -> None:
        """The answer was lost on the way: the same message, the same answer, nothing twice."""
        self._release()
        live = [one for one in self.model.written if one.live]
        if not live:
            return
        one = data.draw(st.sampled_from(live), label="message")
        who = self.story.client if one.by_client else self.story.therapist
        sent = self.run(self._again(who, one))
        assert (sent.decision.release_at, sent.decision.reply_by) == one.first_promise
        assert sent.state.state == one.state

    async def _again(self, who: Any, one: Written) -> Any:
        if one.state == "held":
            rows = await who.transport.call(endpoints.read_waiting, thread=self.story.thread)
            envelope = next(row.envelope for row in rows.messages if bytes(row.mid) == one.mid)
        else:
            [message] = [m for m in await who.messages(self.story.thread) if m.mid == one.mid]
            query = PageQuery(message.n - 1, 1)
            page = await who.transport.call(endpoints.read_page, query=query, thread=self.story.thread)
            envelope = page.items[0].item
        return await who.transport.call(
            endpoints.send_message, SendMessage(envelope), thread=self.story.thread
        )

    @rule(windows=HOURS, policy=POLICIES, reply=TARGETS)
    def the_therapist_sets_other_hours(self, windows: Any, policy: str, reply: Any) -> None:
        """Promises may move earlier by it, never later (D-4)."""
        rules = [
            {"kind": "window.weekly", "windows": windows},
            {"kind": "off_hours.policy", "policy": policy},
            {"kind": "response.target", "target": reply},
        ]
        self._set("therapist", rules, self.story.therapist.set_rules(rules))

    @rule(days=st.integers(0, 4))
    def the_therapist_closes_a_date(self, days: int) -> None:
        """One closed date more."""
        day = (self.now + timedelta(days=days)).date().isoformat()
        rules = [one for one in self.model.layers["therapist"] if one.get("date") != day]
        rules.append({"kind": "window.exception", "date": day, "effect": "closed"})
        self._set("therapist", rules, self.story.therapist.set_rules(rules))

    @rule(limits=BUDGETS, over=OVER)
    def a_budget_is_agreed(self, limits: Any, over: str) -> None:
        """It counts what was sent before, and changes nothing that was accepted."""
        self._agree({"kind": "budget.count", "limits": limits, "over": over})

    @rule(
        begins=st.integers(-60, 60), minutes=st.integers(1, 2000), by=st.sampled_from(["both", "therapist"])
    )
    def a_pause_is_agreed(self, begins: int, minutes: int, by: str) -> None:
        """Nothing but what is urgent is taken in it; what waits keeps its promise."""
        since = self.now + timedelta(minutes=begins)
        until = since + timedelta(minutes=minutes)
        times = {
            name: at.isoformat().replace("+00:00", "Z") for name, at in (("since", since), ("until", until))
        }
        self._agree({"kind": "pause", "by": by, **times})

    @rule(days=st.integers(0, 2), windows=HOURS, policy=POLICIES)
    def a_phase_is_announced(self, days: int, windows: Any, policy: str) -> None:
        """Other hours and another policy from a date on, without anybody doing anything on that date."""
        rules = [
            {"kind": "window.weekly", "windows": windows},
            {"kind": "off_hours.policy", "policy": policy},
        ]
        begins = (self.now + timedelta(days=days)).date().isoformat()
        later = {"name": "step_down_1", "begins": begins, "notice_days": 0, "rules": rules}
        self._agree({"kind": "phase", "phases": [{"name": "standard"}, later]})

    def _agree(self, new: dict[str, Any]) -> None:
        """One rule more of what is agreed, in place of the one of its kind."""
        kept = [one for one in self.model.layers["agreement"] if one["kind"] != new["kind"]]
        thread, therapist = self.story.thread, self.story.therapist
        self._release()
        self.run(therapist.set_agreement(thread, [*kept, new]))
        self._changed("agreement", self.run(therapist.agreement(thread)).rules)

    @rule(days=st.integers(1, 3), policy=POLICIES)
    def an_exception_is_made(self, days: int, policy: str) -> None:
        """For some days, stronger than all else."""
        begins, ends = ((self.now + timedelta(days=n)).date().isoformat() for n in (-1, days))
        rules = [
            {"kind": "off_hours.policy", "policy": policy, "begins": begins, "ends": ends, "reason": "trial"}
        ]
        self._set("exception", rules, self.story.therapist.set_exceptions(self.story.thread, rules))

    @rule(hours=st.sampled_from([[], WEEK]))
    def the_therapist_is_on_call(self, hours: Any) -> None:
        """Always, or while the thread is open."""
        steps = [{"callee": self.model.owner, "name": "Dr Vale"}]
        rules = [one for one in self.model.layers["therapist"] if one["kind"] != "urgent.channel"]
        rules.append({"kind": "urgent.channel", "steps": steps, "hours": hours, "confirm_card": True})
        self._set("therapist", rules, self.story.therapist.set_rules(rules))

    @rule()
    def the_therapist_wants_quiet_nights(self) -> None:
        """What is written at night goes out in the morning."""
        quiet = {"quiet_start": "20:00", "quiet_end": "08:00", "override": "reason_required"}
        rules = [one for one in self.model.layers["therapist"] if one["kind"] != "therapist.outbound"]
        rules.append({"kind": "therapist.outbound", **quiet})
        self._set("therapist", rules, self.story.therapist.set_rules(rules))

    def _set(self, layer: str, rules: list[dict[str, Any]], setting: Any) -> None:
        self._release()
        self.run(setting)
        self._changed(layer, rules)

    def _changed(self, layer: str, rules: list[dict[str, Any]]) -> None:
        if self.model.change_rules(layer, rules, self.now):
            event("a change of rules brought something forward")
        self._release()

    # --- time and failures ------------------------------------------------------------------------

    @rule(data=st.data())
    def time_goes_to_an_edge(self, data: st.DataObject) -> None:
        """An opening or a closing, or a millisecond before or after it."""
        edges = [one for one in next_edges(self.model.rules(), self.now) if one > self.now]
        due = {one.release_at for one in self.model.held() if one.release_at and one.release_at > self.now}
        chosen = [*edges, *sorted(due)]
        if chosen:
            self.run(self.story.turn_to(data.draw(st.sampled_from(chosen), label="to")))

    @rule(minutes=st.integers(1, 3000))
    def time_goes_on(self, minutes: int) -> None:
        """Some minutes, or two days."""
        self.run(self.story.turn_to(self.now + timedelta(minutes=minutes)))

    @rule(rounds=st.integers(1, 3))
    def the_worker_makes_rounds(self, rounds: int) -> None:
        """More often than needed."""
        for _ in range(rounds):
            self.run(self.laboratory.rounds_of_both())

    @rule()
    def the_server_is_restarted(self) -> None:
        """What it remembered is gone; what it promised is not."""
        self.run(self.laboratory.restart())

    # --- what must hold ---------------------------------------------------------------------------

    @invariant()
    def everybody_sees_what_is_placed_and_nothing_else(self) -> None:
        """Each reader: every placed message once, in order, nothing early, nothing lost (1, 2, 6)."""
        if not hasattr(self, "model"):
            return
        self._release()
        texts = [one.text for one in self.model.placed]
        for reader in (self.story.client, self.story.therapist):
            news = self.run(reader.sync())
            # nobody was there at the hour, which a device notices; nothing else may be found
            assert {one.kind for one in news.findings} <= {Kind.LATE}, news.findings
            shown = self.run(reader.messages(self.story.thread))
            assert [one.text for one in shown] == texts
            assert [one.n for one in shown] == sorted({one.n for one in shown})
            assert all(one.standing == "good" for one in shown)

    @invariant()
    def what_waits_keeps_its_promise_or_has_a_better_one(self) -> None:
        """Invariant 4, for the sender as for the model."""
        if not hasattr(self, "model"):
            return
        for who, by_client in ((self.story.client, True), (self.story.therapist, False)):
            waiting = self.run(who.waiting(self.story.thread))
            held = {one.mid: one for one in self.model.held() if one.by_client is by_client}
            assert {one.mid for one in waiting} == set(held)
            for one in waiting:
                model = held[one.mid]
                promise = (one.promise.release_at, one.promise.reply_by)
                assert promise == (model.release_at, model.reply_by)
                first_release, first_reply = model.first_promise
                assert first_release is None or (promise[0] is not None and promise[0] <= first_release)
                assert first_reply is None or (promise[1] is not None and promise[1] <= first_reply)

    @invariant()
    def the_inbox_holds_the_turn_that_is_placed(self) -> None:
        """The batch tells of what is placed and unanswered, and nothing of what waits."""
        if not hasattr(self, "model"):
            return
        turns = self.run(self.story.therapist.inbox())
        facts = self.model.facts(True, False)
        last = max((n for n, one in enumerate(self.model.placed) if not one.by_client), default=-1)
        open_turn = [
            one
            for one in self.model.placed[last + 1 :]
            if one.by_client and one.service_class != NO_REPLY_EXPECTED
        ]
        assert [(one.count, one.reply_by) for one in turns] == (
            [(len(open_turn), facts.turn_reply_by)] if open_turn else []
        )

    def _release(self) -> None:
        self.model.release(self.now)

    def teardown(self) -> None:
        self.run(self.people.aclose())
