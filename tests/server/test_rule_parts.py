"""What is agreed with one participant alone is in nobody else's sheet, to the byte (A-7)."""

import json

import pytest

from etherapy.binary import B64
from etherapy.rules.kinds.budget_count import BudgetCount
from etherapy.rules.parts import NO_PART
from etherapy.tep.epoch import CommitReason, Role
from etherapy.tep.rulesheet import member_part_hash, parse_sheet, shared_part_hash
from tests.server.asking import Ask
from tests.server.asks import WHOLE_TABLE
from tests.server.clinic import Clinic
from tests.server.company import Company, couple
from tests.server.rule_sets import Keeper, days, preview, rules, sheet

CLIENT, PARTNER, VALE = "A.client", "A.partner_client", "A.therapist"
CANARY = 773
"""The budget of one of the two, which is written nowhere else."""


@pytest.fixture
async def pair(clinic: Clinic) -> Company:
    """A thread with two clients."""
    return await couple(clinic)


@pytest.fixture
def vale(clinic: Clinic, pair: Company) -> Keeper:
    return Keeper(clinic, VALE, pair.talk.thread)


def budget(company: Company, who: str, n: int = CANARY) -> dict[str, object]:
    """So many messages a week, for one participant alone."""
    account = company.person(who).account.hex()
    return {"kind": "budget.count", "limits": [{"n": n, "per": "week"}], "only_for": [account]}


async def test_a_budget_is_in_the_part_of_the_one_it_is_for_and_of_nobody_else(
    pair: Company, vale: Keeper
) -> None:
    await vale.set("agreement", budget(pair, PARTNER), days(2))
    theirs, mine, owner = [await sheet(pair, who) for who in (PARTNER, CLIENT, VALE)]
    assert str(CANARY).encode() in bytes(theirs.part)
    assert (bytes(mine.part), bytes(owner.part)) == (NO_PART, NO_PART)
    assert mine.shared == theirs.shared and str(CANARY).encode() not in bytes(mine.shared)
    found = await rules(pair, PARTNER), await rules(pair, CLIENT)
    now = pair.clinic.now
    assert [one.the(BudgetCount, now).limits != () for one in found] == [True, False]
    shown = parse_sheet(bytes(mine.sheet))
    assert shown.shared_hash == shared_part_hash(bytes(mine.shared))
    for who, one in ((PARTNER, theirs), (CLIENT, mine), (VALE, owner)):
        named = dict(shown.members)[pair.person(who).chain.chain_id]
        assert named == member_part_hash(bytes(one.salt), bytes(one.part))


async def test_the_budget_counts_for_the_one_it_is_for(pair: Company, vale: Keeper) -> None:
    await vale.set("agreement", budget(pair, PARTNER, 1))
    assert (await preview(pair, PARTNER)).decision.left == 0
    assert (await preview(pair, CLIENT)).decision.left is None


async def test_nothing_that_the_other_client_can_read_holds_the_budget(
    clinic: Clinic, pair: Company, vale: Keeper
) -> None:
    """Every read there is, with the decoded bytes inside it."""
    await vale.set("agreement", budget(pair, PARTNER))
    told = []
    for name, endpoint in sorted(WHOLE_TABLE.items()):
        if endpoint.method == "GET" and set(endpoint.parameters) <= {"thread"} and not endpoint.waits:
            ask = Ask("GET", endpoint.fill(dict.fromkeys(endpoint.parameters, pair.talk.thread)))
            theirs = await clinic.line.ask(ask, pair.person(PARTNER).token)
            mine = await clinic.line.ask(ask, pair.person(CLIENT).token)
            told += [name] if _holds(theirs.body) else []
            assert not _holds(mine.body), name
    assert told == ["read_rule_words", "read_sheet"]  # the search does find it where it is


def _holds(body: bytes) -> bool:
    """Whether the canary stands in an answer, plain or in a field of bytes."""
    if str(CANARY).encode() in body:
        return True
    try:
        fields = [value for value in json.loads(body).values() if isinstance(value, str)]
    except (ValueError, AttributeError):
        return False
    return any(str(CANARY).encode() in _bytes(value) for value in fields)


def _bytes(value: str) -> bytes:
    try:
        return bytes(B64.read(value))
    except ValueError:
        return b""


async def test_the_salts_of_parts_are_fresh_in_each_sheet(pair: Company, vale: Keeper) -> None:
    """An unchanged salt would tell the others whether a part has changed."""
    await vale.set("agreement", budget(pair, PARTNER))
    first = dict(parse_sheet(bytes((await sheet(pair, CLIENT)).sheet)).members)
    await vale.set("agreement", budget(pair, PARTNER))
    second = dict(parse_sheet(bytes((await sheet(pair, CLIENT)).sheet)).members)
    assert first.keys() == second.keys() and not set(first.values()) & set(second.values())


async def test_what_is_agreed_with_one_names_somebody_in_the_thread(
    clinic: Clinic, pair: Company, vale: Keeper
) -> None:
    stranger = budget(pair, PARTNER) | {"only_for": [clinic.people["A.far_client"].account.hex()]}
    answer = await vale.ask("agreement", stranger)
    assert (answer.status, answer.json()["field"]) == (422, "budget.count.only_for")


async def test_who_comes_and_goes_leaves_the_parts_of_the_others_as_they_were(
    pair: Company, vale: Keeper
) -> None:
    await vale.set("agreement", budget(pair, PARTNER), days(4))
    before = await sheet(pair, PARTNER)
    answer = await pair.bring_in(VALE, "A.other_therapist", Role.CO_THERAPIST)
    assert answer.status == 201, answer
    after = await sheet(pair, PARTNER)
    assert (after.r, after.part, after.shared) == (before.r + 1, before.part, before.shared)
    assert bytes((await sheet(pair, "A.other_therapist")).part) == NO_PART
    answer = await pair.commit(VALE, CommitReason.USER_REMOVED, roles=pair.without("A.other_therapist"))
    assert answer.status == 201, answer
    assert (await sheet(pair, PARTNER)).part == before.part


async def test_the_pauses_of_two_clients_stand_beside_each_other_each_with_whose_it_is(
    clinic: Clinic, pair: Company
) -> None:
    """A pause rests its own writer alone, and how often somebody changed what is theirs alone is not told."""
    pause = {"kind": "pause", "by": "client", "since": "2026-06-01T00:00:00Z"}
    second = pause | {"since": "2026-07-01T00:00:00Z"}
    for who in (CLIENT, PARTNER):
        keeper = Keeper(clinic, who)
        await keeper.set("own", {"kind": "region", "country": "DE"})
        await keeper.set("own", pause, *([second] if who == PARTNER else []))
    shared = json.loads(bytes((await sheet(pair, VALE)).shared))
    found = [entry for entry in shared["rules"] if entry["rule"]["kind"] == "pause"]
    whose = {who: clinic.people[who].account.hex() for who in (CLIENT, PARTNER)}
    assert {(entry["rule"]["of"], entry["rule"]["since"]) for entry in found} == {
        (whose[CLIENT], pause["since"]),
        (whose[PARTNER], pause["since"]),
        (whose[PARTNER], second["since"]),
    }
    assert [entry["origin"] for entry in found] == [{"*": "client"}] * 3
    assert "region" not in {entry["rule"]["kind"] for entry in shared["rules"]}
