"""Steps that people, clocks and failures take in one thread, and what must hold after each (rules.md 3.5)."""

from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from etherapy.protocol import endpoints
from etherapy.protocol.messages import SendMessage
from etherapy.protocol.problems import AlreadyPlaced, Declined
from etherapy.protocol.threads import PageQuery
from etherapy.rules import Attempt
from etherapy.rules.rule import NO_REPLY_EXPECTED
from etherapy.sdk.findings import Kind
from etherapy.sdk.verifying.message import SentMessage
from tests.journeys.conftest import Story, furnish
from tests.stateful.laboratory import Laboratory
from tests.stateful.model import Model, Written, next_edges

WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
WEEK = [{"days": WORKDAYS, "start": "09:00", "end": "17:00"}]
NIGHTS = [{"days": ["mon", "wed", "sat"], "start": "22:00", "end": "02:00"}]
PRACTICE: list[dict[str, Any]] = [
    {"kind": "window.weekly", "zone": "America/New_York", "windows": WEEK},
    {"kind": "emergency", "region": "US"},
]
HOURS = st.sampled_from([WEEK, NIGHTS, [*WEEK, *NIGHTS], []])
POLICIES = st.sampled_from(["hold", "hold_with_ack", "deliver_normal", "deliver_silent"])
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

    @initialize()
    def open(self) -> None:
        """A practice of its own, on a Monday."""
        self.run(self.laboratory.turn_to_monday())
        self.story: Story = self.run(furnish(self.laboratory.server, self.people, PRACTICE))
        owner = self.run(self.story.therapist.whoami()).account.hex()
        self.model = Model(owner, {"practice": PRACTICE, "therapist": [], "agreement": []})

    # --- people -----------------------------------------------------------------------------------

    @rule(service_class=CLASSES, urgent=st.sampled_from([False, False, False, True]))
    def the_client_writes(self, service_class: int, urgent: bool) -> None:
        """Any kind of message, at whatever hour it is."""
        attempt = Attempt(self.now, True, 1 if urgent else service_class, urgent)
        self._write(self.story.client, attempt)

    @rule(because=st.sampled_from(["", "", "safety"]))
    def the_therapist_answers(self, because: str) -> None:
        """A reply, which ends the turn when it is placed."""
        self._write(self.story.therapist, Attempt(self.now, False, role="therapist", at_once_because=because))

    def _write(self, who: Any, attempt: Attempt) -> None:
        self._release()
        expected = self.model.decide(attempt)
        event(f"{attempt.role} wrote: {expected.code}")
        text = f"message {self.made}"
        self.made += 1
        try:
            sent: SentMessage = self.run(
                who.send(
                    self.story.thread,
                    text,
                    attempt.urgent,
                    service_class=attempt.service_class,
                    **({"at_once_because": attempt.at_once_because} if attempt.at_once_because else {}),
                )
            )
        except Declined as declined:
            assert expected.code == "declined"
            assert declined.retry_from == expected.retry_from
            assert declined.words.card_lines
            return
        assert (sent.decision.code, sent.decision.release_at, sent.decision.reply_by) == (
            expected.code, expected.release_at, expected.reply_by,
        )  # fmt: skip
        told = sent.decision
        assert (told.left, told.counts_at, told.not_before, told.ack) == (
            expected.left, expected.counts_at, expected.not_before, expected.ack,
        )  # fmt: skip
        assert {(r.kind, r.words) for r in told.because} == {(r.kind, r.words) for r in expected.because}
        assert told.code == "urgent" or not attempt.urgent  # invariant 3
        assert sent.words.card_lines  # invariant 10
        one = self.model.accept(text, attempt, expected)
        one.mid = sent.mid
        assert sent.state == one.state

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
        live = [one for one in self.model.written if one.state != "recalled"]
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
        rules = [{"kind": "budget.count", "limits": limits, "over": over}]
        self._set("agreement", rules, self.story.therapist.set_agreement(self.story.thread, rules))

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
            self.run(self.laboratory.server.make_rounds())

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
