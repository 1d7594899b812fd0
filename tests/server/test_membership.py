"""Who comes into a thread: consents, and the commit that names them (tep.md §5.4, A-6)."""

from datetime import timedelta
from os import urandom

import pytest

from etherapy.protocol import endpoints
from etherapy.rules.calendar import milliseconds
from etherapy.tep.consent import Consent, consent_hash
from etherapy.tep.epoch import CommitReason, Role
from tests.server.clinic import Clinic
from tests.server.company import Company, company_of, signature

CLIENT, PARTNER, THERAPIST, COLLEAGUE = "A.client", "A.partner_client", "A.therapist", "A.other_therapist"


async def test_a_colleague_comes_in_when_owner_and_client_have_consented(thread: Company) -> None:
    core = thread.consent(COLLEAGUE, Role.CO_THERAPIST)
    assert not (await thread.sign(THERAPIST, core)).complete
    assert (await thread.sign(CLIENT, core)).complete
    roles = {**thread.roles, COLLEAGUE: Role.CO_THERAPIST}
    answer = await thread.commit(CLIENT, CommitReason.USER_ADDED, roles=roles, names=[consent_hash(core)])
    assert answer.status == 201, answer
    people = await thread.call(COLLEAGUE, endpoints.read_people)
    mine = next(one for one in people.members if one.chain == thread.person(COLLEAGUE).chain.chain_id)
    assert (mine.role, mine.consent, mine.ended_at) == (Role.CO_THERAPIST, consent_hash(core), None)
    assert (mine.start_n, mine.start_t) == thread.talk.commit.core.view
    assert mine.start_n > 0
    assert all(one.start_t is None for one in people.members if one is not mine)


async def test_a_new_member_brings_a_new_rule_sheet_and_an_audit_leaf_without_content(
    clinic: Clinic, thread: Company
) -> None:
    before = await thread.call(CLIENT, endpoints.read_sheet)
    assert (await thread.bring_in(THERAPIST, COLLEAGUE, Role.CO_THERAPIST)).status == 201
    for name in thread.roles:
        assert (await thread.call(name, endpoints.read_sheet)).r == before.r + 1
    rows = await clinic.operate.fetch(
        "SELECT record FROM log_leaf WHERE position('thread.people_changed'::bytea IN record) > 0"
    )
    assert [thread.person(COLLEAGUE).account.hex().encode() in row["record"] for row in rows] == [True]


@pytest.mark.parametrize("missing", [THERAPIST, CLIENT])
async def test_nobody_comes_in_while_a_consent_is_missing(
    clinic: Clinic, thread: Company, missing: str
) -> None:
    """AT-31"""
    core = thread.consent(COLLEAGUE, Role.CO_THERAPIST)
    if missing == CLIENT:
        await thread.sign(THERAPIST, core)
    roles = {**thread.roles, COLLEAGUE: Role.CO_THERAPIST}
    for names in ([], [consent_hash(core)]):
        answer = await thread.commit(THERAPIST, CommitReason.USER_ADDED, roles=roles, names=names)
        assert (answer.status, answer.problem) == (422, "unverified")


async def test_a_consent_for_another_thread_or_one_that_has_expired_lets_nobody_in(
    clinic: Clinic, thread: Company
) -> None:
    """AT-31"""
    elsewhere = company_of(clinic, "A.other_client")
    foreign = await elsewhere.agree(elsewhere.consent(COLLEAGUE, Role.CO_THERAPIST))
    short = await thread.agree(
        thread.consent(COLLEAGUE, Role.CO_THERAPIST, until=clinic.now + timedelta(hours=1))
    )
    await clinic.clock.turn_to(clinic.now + timedelta(hours=2))
    roles = {**thread.roles, COLLEAGUE: Role.CO_THERAPIST}
    for name in (foreign, short):
        answer = await thread.commit(THERAPIST, CommitReason.USER_ADDED, roles=roles, names=[name])
        assert (answer.status, answer.problem) == (422, "unverified")


async def test_a_consent_counts_once(thread: Company) -> None:
    """AT-31: whom the owner left out does not come back by the paper that brought them."""
    name = await thread.agree(thread.consent(COLLEAGUE, Role.CO_THERAPIST))
    roles = {**thread.roles, COLLEAGUE: Role.CO_THERAPIST}
    assert (await thread.commit(CLIENT, CommitReason.USER_ADDED, roles=roles, names=[name])).status == 201
    out = thread.without(COLLEAGUE)
    assert (await thread.commit(THERAPIST, CommitReason.USER_REMOVED, roles=out)).status == 201
    again = await thread.commit(CLIENT, CommitReason.USER_ADDED, roles=roles, names=[name])
    assert (again.status, again.problem) == (422, "unverified")


async def test_only_the_owner_proposes_and_only_clients_and_the_owner_sign(
    clinic: Clinic, thread: Company
) -> None:
    core = thread.consent(COLLEAGUE, Role.CO_THERAPIST)
    refused = thread.ask(endpoints.sign_consent, signature(thread.person(CLIENT), core))
    assert (await clinic.line.ask(refused, thread.person(CLIENT).token)).status == 422
    assert (await thread.bring_in(THERAPIST, COLLEAGUE, Role.CO_THERAPIST)).status == 201
    core = thread.consent("A.far_client", Role.CLIENT)
    for name in (THERAPIST, COLLEAGUE):  # somebody who was never invited here; somebody who may not sign
        ask = thread.ask(endpoints.sign_consent, signature(thread.person(name), core))
        assert (await clinic.line.ask(ask, thread.person(name).token)).status == 422


async def test_a_consent_is_refused_for_what_it_says_or_who_signed_it(
    clinic: Clinic, thread: Company
) -> None:
    owner, there = thread.person(THERAPIST), thread.talk
    newcomer, at = thread.person(COLLEAGUE).chain.chain_id, milliseconds(clinic.now)

    def core(**change: object) -> bytes:
        terms = {"thread": there.thread, "newcomer": newcomer, "role": Role.CO_THERAPIST, "history": False}
        terms |= {"since": at, "until": 0, "nonce": urandom(16), "home": there.home}
        return Consent(**{**terms, **change}).pack()  # type: ignore[arg-type]

    bad = {
        "another thread": signature(owner, core(thread=urandom(16))),
        "another home": signature(owner, core(home=urandom(32))),
        "a second owner": signature(owner, core(role=Role.THERAPIST)),
        "a client who was not invited": signature(owner, core(role=Role.CLIENT)),
        "nobody": signature(owner, core(newcomer=urandom(32))),
        "a member": signature(owner, core(newcomer=thread.person(CLIENT).chain.chain_id)),
        "a time that is over": signature(owner, core(since=at - 2, until=at - 1)),
        "signed by the client": signature(thread.person(CLIENT), core()),
    }
    for name, body in bad.items():
        answer = await clinic.line.ask(thread.ask(endpoints.sign_consent, body), owner.token)
        assert (answer.status, answer.problem) == (422, "unverified"), name
    assert await clinic.operate.fetchval("SELECT count(*) FROM consent") == 0


async def test_the_same_signature_twice_is_one(clinic: Clinic, thread: Company) -> None:
    core = thread.consent(COLLEAGUE, Role.CO_THERAPIST)
    ask = thread.ask(endpoints.sign_consent, signature(thread.person(THERAPIST), core))
    first, again = [await clinic.line.ask(ask, thread.person(THERAPIST).token) for _ in range(2)]
    assert first.body == again.body and dict(again.headers)["Etherapy-Repeated"] == "true"
