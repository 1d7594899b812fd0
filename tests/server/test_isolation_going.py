"""Somebody goes, or a colleague comes for a time: what waits meanwhile is noticed by nobody (G5, A-13)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace as altered
from datetime import timedelta
from pathlib import Path

import pytest

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.membership import LeaveThread
from etherapy.protocol.people import AddLink
from etherapy.protocol.threads import Commit
from etherapy.rules.calendar import milliseconds
from etherapy.tep import linking
from etherapy.tep.consent import consent_hash
from etherapy.tep.epoch import CommitReason, Role
from etherapy.tep.leaving import parse_leave
from tests.server.asking import Ask
from tests.server.clinic import MORNING, Clinic
from tests.server.company import Company, company_of, signature
from tests.server.furnishing import Furnished
from tests.server.instead import replace, waiting
from tests.server.people import seal
from tests.server.test_isolation_held import hold, hold_and_take_back, look_everywhere, never_noticed
from tests.server.twins import Twins, twins

CLIENT, THERAPIST, COLLEAGUE = "A.client", "A.therapist", "A.other_therapist"


@pytest.fixture
async def both(furnished: Furnished, tmp_path: Path) -> AsyncIterator[Twins]:
    async with twins(furnished, tmp_path) as found:
        yield found


async def commit(
    both: Twins, company: Company, by: str, reason: int, roles: dict[str, int], names: Sequence[bytes] = ()
) -> None:
    """The same epoch in both."""
    whole, secret = await company.make(by, reason, roles=roles, names=names)
    answer = await both.ask(by, company.ask(endpoints.commit_epoch, Commit(B64(whole))))
    assert answer.status == 201, answer
    company.settle(whole, secret, roles)
    both.secret.talks.update(both.quiet.talks)


async def states(clinic: Clinic) -> list[str]:
    """Where the client's own messages stand."""
    found = await waiting(clinic, clinic.people[CLIENT], clinic.talks[CLIENT])
    return [one.state for one in found.values()]


async def test_what_comes_back_to_somebody_who_leaves_is_never_noticed(both: Twins) -> None:
    """AT-78, AT-79: the Leave is answered alike, and so is the epoch that carries it out."""
    company = company_of(both.quiet)
    await both.hide(hold)
    await both.hide(hold_and_take_back)
    leave = company.leave_of(CLIENT)
    answer = await both.ask(CLIENT, company.ask(endpoints.leave_thread, LeaveThread(B64(leave))))
    assert answer.status == 204
    await look_everywhere(both)
    out = company.without(CLIENT)
    await commit(both, company, THERAPIST, CommitReason.USER_REMOVED, out, [parse_leave(leave).leave_hash])
    assert await states(both.secret) == ["returned", "returned"]
    await never_noticed(both)


async def test_what_comes_back_when_an_account_is_closed_is_never_noticed(both: Twins) -> None:
    """AT-78, AT-79"""
    company, me = company_of(both.quiet), both.quiet.people[CLIENT]
    await both.hide(hold)
    link = linking.close_chain(me.chain, me.keys.sign, milliseconds(both.quiet.now))
    answer = await both.ask(CLIENT, Ask("POST", endpoints.add_link.path, body=AddLink(B64(link))))
    assert answer.status == 201, answer
    for clinic in (both.quiet, both.secret):
        clinic.settle(altered(clinic.people[CLIENT], links=(*me.links, link)))
    await look_everywhere(both)
    await commit(both, company, THERAPIST, CommitReason.USER_REMOVED, company.without(CLIENT))
    await look_everywhere(both)
    await both.secret.clock.turn_to(MORNING)
    await both.secret.make_rounds()
    held = "SELECT count(*) FROM message WHERE account_id = $1 AND state IN ('held', 'placed') AND n IS NULL"
    assert await both.secret.operate.fetchval(held, me.account) == 0
    assert not both.told_apart()


async def test_a_cover_notices_nothing_of_what_waits(both: Twins) -> None:
    """AT-78: neither when coming, nor when their own hours bring it forward, nor at the end."""
    company, until = company_of(both.quiet), MORNING - timedelta(hours=3)
    await both.hide(hold)
    core = company.consent(COLLEAGUE, Role.CO_THERAPIST, until=until)
    for signer in (THERAPIST, CLIENT):
        body = signature(company.person(signer), core)
        assert (await both.ask(signer, company.ask(endpoints.sign_consent, body))).status == 200
    roles = {**company.roles, COLLEAGUE: Role.CO_THERAPIST}
    await commit(both, company, THERAPIST, CommitReason.USER_ADDED, roles, [consent_hash(core)])
    await both.hide(hold)

    async def put_other_words(clinic: Clinic) -> None:
        talk, me = clinic.talks[CLIENT], clinic.people[CLIENT]
        message = await clinic.say(CLIENT, "secretly replaced", talk)
        await replace(clinic, me, talk, message, seal(talk, me, "other words"))

    await both.hide(put_other_words)
    await look_everywhere(both)
    early = {
        "kind": "window.weekly",
        "zone": "America/New_York",
        "windows": [{"days": ["tue"], "start": "05:30", "end": "05:45"}],
    }
    for rules in ([early], []):
        said = (await both.ask(COLLEAGUE, Ask("GET", "/rules"))).json()
        answer = await both.ask(COLLEAGUE, Ask("PUT", "/rules", body=SetRules(said["version"], rules)))
        assert answer.status == 200, answer
        await look_everywhere(both)
    assert not both.told_apart()
    await both.turn_to(until)
    await look_everywhere(both)
    await commit(both, company, THERAPIST, CommitReason.USER_REMOVED, company.without(COLLEAGUE))
    await look_everywhere(both)
    told = [one for one in both.told_apart() if one.startswith(COLLEAGUE)]
    assert not [one for one in told if "/items" in one]
