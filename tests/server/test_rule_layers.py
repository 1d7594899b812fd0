"""Rule sets in layers: who may set what, which threads it reaches, and which of two wins (rules.md 3.6)."""

import asyncio
from datetime import UTC, datetime

import pytest

from etherapy.protocol import endpoints
from etherapy.rules.kinds.response_target import ResponseTarget
from etherapy.rules.targets import BusinessDays
from tests.server.clinic import MORNING, ORIGIN, Clinic
from tests.server.company import Company
from tests.server.instead import look, promise_of
from tests.server.people import log_in
from tests.server.rule_sets import Keeper, days, open_on, preview, rules, sheet

CLIENT, VALE, LIND, OFFICE = "A.client", "A.therapist", "A.other_therapist", "A.administrator"
JUNE = {"begins": "2026-06-01", "ends": "2026-06-08", "reason": "illness"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def vale(clinic: Clinic, thread: Company) -> Keeper:
    """The therapist who owns the thread."""
    return Keeper(clinic, VALE, thread.talk.thread)


@pytest.fixture
def office(clinic: Clinic) -> Keeper:
    return Keeper(clinic, OFFICE)


@pytest.fixture
def noor(clinic: Clinic) -> Keeper:
    """The client."""
    return Keeper(clinic, CLIENT)


async def target_of(thread: Company) -> tuple[int, str]:
    """The days to a reply as the client reads them, and who set them."""
    found = await rules(thread, CLIENT)
    target = found.the(ResponseTarget, thread.clinic.now).target
    assert isinstance(target, BusinessDays)
    origin = next(e.origin for e in found.entries if isinstance(e.rule, ResponseTarget))
    return target.n, origin.get("target", origin.get("*", ""))


async def test_each_layer_is_stronger_than_the_one_before_and_is_named_with_its_version(
    thread: Company, vale: Keeper, office: Keeper
) -> None:
    first = await office.read("practice")
    others = [rule for rule in first.rules if rule["kind"] != "response.target"]
    await office.set("practice", *others, days(1))
    assert await target_of(thread) == (1, "practice/2")
    await vale.set("own", days(2))
    assert await target_of(thread) == (2, "therapist/1")
    await vale.set("own", days(3))
    assert await target_of(thread) == (3, "therapist/2")
    await vale.set("agreement", days(4))
    assert await target_of(thread) == (4, "agreement/1")
    await vale.set("exception", days(5) | JUNE)
    found = await rules(thread, CLIENT)
    during, after = utc("2026-06-03T12:00"), utc("2026-06-08T12:00")
    assert [found.the(ResponseTarget, at).target for at in (during, after)] == [
        BusinessDays(n=5),
        BusinessDays(n=4),
    ]
    await vale.set("exception")
    await vale.set("agreement")
    assert await target_of(thread) == (3, "therapist/2")


async def test_one_field_of_a_stronger_layer_leaves_the_other_fields_where_they_were(
    thread: Company, vale: Keeper
) -> None:
    await vale.set("own", days(2))
    await vale.set("agreement", {"kind": "response.target", "firm": False})
    found = await rules(thread, CLIENT)
    entry = next(e for e in found.entries if isinstance(e.rule, ResponseTarget))
    assert (entry.origin["target"], entry.origin["firm"]) == ("therapist/1", "agreement/1")
    assert isinstance(entry.rule, ResponseTarget) and entry.rule.target == BusinessDays(n=2)


async def test_an_agreement_reaches_its_own_thread_and_no_other(
    clinic: Clinic, thread: Company, vale: Keeper
) -> None:
    other = Company(clinic, "A.other_client", {VALE: 2, "A.other_client": 1})
    before = await sheet(other, "A.other_client")
    done = await vale.set("agreement", days(4))
    assert (done.version, done.threads) == (1, 1)
    assert await sheet(other, "A.other_client") == before
    assert await target_of(thread) == (4, "agreement/1")


async def test_what_was_agreed_is_nobody_s_to_read_or_write_but_the_owner_s(
    clinic: Clinic, thread: Company, vale: Keeper
) -> None:
    """A colleague in the thread is answered as if there were none; a client reads the sheet."""
    await vale.set("agreement", days(4))
    answer = await thread.bring_in(VALE, LIND, 3)
    assert answer.status == 201, answer
    lind = Keeper(clinic, LIND, thread.talk.thread)
    nobody = Keeper(clinic, LIND, bytes(16))
    for layer in ("agreement", "exception"):
        refused = await lind.ask(layer, days(1), follows=0)
        assert refused.status == 404
        assert refused == await nobody.ask(layer, days(1), follows=0)
        noor = Keeper(clinic, CLIENT, thread.talk.thread)
        assert (await noor.ask(layer, days(1), follows=0)).status == 403


async def test_those_who_audit_see_the_rules_of_the_practice_and_of_therapists_and_nothing_agreed_in_a_thread(
    clinic: Clinic, vale: Keeper, noor: Keeper
) -> None:
    await vale.set("own", days(2))
    await vale.set("agreement", days(41))
    await noor.set("own", {"kind": "region", "country": "DE"})
    supervisor = clinic.people["A.supervisor"].token
    found = await clinic.line.call(endpoints.read_settings, token=supervisor)
    owners = {bytes(one.owner): one.rules for one in found.settings}
    assert set(owners) == {clinic.practices["A"], clinic.people[VALE].account}
    assert owners[clinic.people[VALE].account] == [days(2)]


async def test_rules_that_were_changed_meanwhile_are_somebody_s_to_look_at_again(vale: Keeper) -> None:
    await vale.set("agreement", days(4))
    answer = await vale.ask("agreement", days(5), follows=0)
    assert (answer.status, answer.problem) == (409, "stale-version")
    assert (await vale.ask("agreement", days(5), follows=1)).status == 200


async def test_of_two_changes_at_once_on_one_version_one_is_stale(vale: Keeper) -> None:
    answers = await asyncio.gather(*(vale.ask("agreement", days(n), follows=0) for n in (4, 5, 6)))
    assert sorted(answer.status for answer in answers) == [200, 409, 409]
    assert (await vale.read("agreement")).version == 1


async def test_changes_of_different_layers_at_once_all_hold(
    thread: Company, vale: Keeper, office: Keeper
) -> None:
    practice = (await office.read("practice")).rules
    r = (await sheet(thread, CLIENT)).r
    answers = await asyncio.gather(
        vale.ask("own", days(2), follows=0),
        vale.ask("agreement", {"kind": "ack", "throttle": "closed_period"}, follows=0),
        vale.ask("exception", days(5) | JUNE, follows=0),
        office.ask("practice", *practice, follows=1),
    )
    assert [answer.status for answer in answers] == [200] * 4
    newest = await sheet(thread, CLIENT)
    origins = {one for e in (await rules(thread, CLIENT)).entries for one in e.origin.values()}
    assert newest.r == r + 4
    assert origins >= {"practice/2", "therapist/1", "agreement/1", "exception/1"}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (days(5) | JUNE | {"reason": ""}, "response.target.reason"),
        (days(5) | {"begins": "2026-06-01", "reason": "illness"}, "response.target.ends"),
        (days(5) | JUNE | {"ends": "2026-07-02"}, "response.target.ends"),
    ],
    ids=["no reason", "no end", "31 days"],
)
async def test_an_exception_has_a_reason_and_an_end_within_the_practice_s_bound(
    vale: Keeper, document: dict[str, object], field: str
) -> None:
    answer = await vale.ask("exception", document)
    assert (answer.status, answer.problem, answer.json()["field"]) == (422, "bad-rules", field)
    assert answer.json()["mend"]
    assert (await vale.read("exception")).version == 0


async def test_bounds_that_a_therapist_does_not_keep_are_not_set_and_say_whose_rules_do_not_fit(
    clinic: Clinic, vale: Keeper, office: Keeper
) -> None:
    name = await clinic.operate.fetchval(
        "SELECT display_name FROM account WHERE account_id = $1", clinic.people[VALE].account
    )
    practice = (await office.read("practice")).rules
    strict = {"kind": "bounds", "max_target_days": 3}
    await vale.set("own", days(9))
    told = (await office.ask("practice", *practice, strict)).json()
    assert (told["whose"], told["status"]) == (name, 422)
    assert told["field"].startswith("response.target") and "3" in told["fault"] and told["mend"]
    await vale.set("own")
    await vale.set("agreement", days(9))
    told = (await office.ask("practice", *practice, strict)).json()
    assert (told["whose"], told["status"]) == (f"{name}, for one thread", 422)
    await vale.set("agreement", days(1))
    assert (await office.set("practice", *practice, strict)).version == 2
    refused = await vale.ask("agreement", days(9))
    assert (refused.status, refused.json()["whose"]) == (422, "")


async def test_rules_of_a_thread_that_is_over_cannot_be_changed(thread: Company, vale: Keeper) -> None:
    await thread.clinic.execute("UPDATE thread SET is_open = false")
    answer = await vale.ask("agreement", days(4))
    assert (answer.status, answer.problem) == (409, "thread-closed")


async def test_an_agreement_moves_a_promise_earlier_and_never_later(
    clinic: Clinic, thread: Company, vale: Keeper
) -> None:
    me, message = clinic.people[CLIENT], clinic.sent["A.client held"]
    assert (await look(clinic, me, thread.talk, message)).state.promise is None
    await vale.set("agreement", open_on("mon", start="07:00"))
    moved = await look(clinic, me, thread.talk, message)
    assert moved.state.promise is not None
    earlier = promise_of(bytes(moved.state.promise))
    assert earlier.release_at == int(utc("2026-06-01T11:00").timestamp() * 1000)
    await vale.set("agreement", open_on("fri"))
    assert (await look(clinic, me, thread.talk, message)).state.promise == moved.state.promise
    await clinic.clock.turn_to(MORNING)
    await clinic.make_rounds()
    clinic.settle(await log_in(clinic.line, ORIGIN, me))
    assert (await look(clinic, clinic.people[CLIENT], thread.talk, message)).state.state == "placed"


async def test_a_client_s_pause_is_in_the_sheet_and_declines_what_is_not_urgent(
    clinic: Clinic, thread: Company, noor: Keeper
) -> None:
    before = await sheet(thread, CLIENT)
    pause = {
        "kind": "pause",
        "by": "client",
        "since": "2026-06-01T00:00:00Z",
        "until": "2026-06-09T00:00:00Z",
    }
    done = await noor.set("own", pause)
    assert (done.version, done.threads) == (1, 1)
    after = await sheet(thread, VALE)
    assert after.r == before.r + 1
    assert {
        e.origin["*"] for e in (await rules(thread, VALE)).entries if "since" in e.rule.__struct_fields__
    } == {"client"}
    told = await preview(thread, CLIENT)
    assert (told.decision.code, told.decision.retry_from) == ("declined", utc("2026-06-09T00:00"))
    assert (await preview(thread, CLIENT, urgent=True)).decision.code == "urgent"
    held = await look(clinic, clinic.people[CLIENT], thread.talk, clinic.sent["A.client held"])
    assert (held.state.state, held.state.promise) == ("held", None)
    await noor.set("own")
    assert (await preview(thread, CLIENT)).decision.code == "held"


@pytest.mark.parametrize("by", ["therapist", "both"])
async def test_a_client_pauses_for_nobody_else(noor: Keeper, by: str) -> None:
    answer = await noor.ask("own", {"kind": "pause", "by": by, "since": "2026-06-01T00:00:00Z"})
    assert (answer.status, answer.json()["field"]) == (422, "pause.by")


async def test_quiet_hours_take_effect_at_once_and_leave_no_trace_anywhere_else(
    clinic: Clinic, thread: Company, noor: Keeper
) -> None:
    """Covert periods are often those in which somebody else sees the device."""
    await clinic.make_rounds()
    quiet = {"kind": "client.quiet_hours", "zone": "America/Chicago", "start": "21:47", "end": "08:13"}

    async def all_else() -> list[str]:
        tables = (
            "rule_sheet",
            "rule_sheet_part",
            "thread",
            "log_leaf",
            "task",
            "member",
            "message",
            "notice",
        )
        # the version of a thread's facts is the server's own
        sql = "SELECT (to_jsonb(t) - 'version')::text FROM {} t ORDER BY 1"
        rows = [await clinic.operate.fetch(sql.format(name)) for name in tables]
        return [row[0] for each in rows for row in each]

    before = await all_else()
    assert (await noor.set("own", quiet)).version == 1
    assert await all_else() == before
    assert (await noor.read("own")).rules == [quiet]
    supervisor = clinic.people["A.supervisor"].token
    settings = await clinic.line.call(endpoints.read_settings, token=supervisor)
    assert "21:47" not in str(settings)
    assert "21:47" not in str(await thread.call(VALE, endpoints.read_rule_words))
