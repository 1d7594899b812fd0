"""Coming into a thread that is there: invitation, consent, commit, and what one sees of what was before
(tep_amendments.md A-3, A-6, A-10)."""

from dataclasses import replace
from datetime import timedelta

from msgspec.structs import replace as replace_struct

from etherapy.binary import B64, Hash32
from etherapy.protocol import endpoints
from etherapy.tep.charter import sign_charter
from etherapy.tep.consent import consent_hash
from etherapy.tep.epoch import CommitReason, Role
from etherapy.tep.placing import thread_start
from tests.server.asking import Answer, Ask
from tests.server.clinic import MORNING, Clinic
from tests.server.company import Company, acceptance, ask, changes, couple, send, signature
from tests.server.people import Offer, Somebody, invitation, joining, seal, somebody

CLIENT, PARTNER, THERAPIST, COLLEAGUE = "A.client", "A.partner_client", "A.therapist", "A.other_therapist"


async def accept(clinic: Clinic, offer: Offer, who: Somebody, body: object = None) -> Answer:
    """What is answered to an acceptance."""
    endpoint = endpoints.accept_membership
    path = endpoint.fill({"practice": who.practice, "lookup": offer.lookup})
    return await clinic.line.ask(Ask(endpoint.method, path, body=body or acceptance(offer, who)))


async def leave_with(clinic: Clinic, by: str, offer: Offer) -> Answer:
    endpoint = endpoints.invite
    ask = Ask(endpoint.method, endpoint.path, body=invitation(offer))
    return await clinic.line.ask(ask, clinic.people[by].token)


async def test_an_invitation_into_a_thread_is_read_as_one_and_accepted_once(
    clinic: Clinic, thread: Company
) -> None:
    """AT-106: a second accept is told that somebody was faster."""
    offer, practice = await thread.leave_invitation(Role.CLIENT), thread.owner.practice
    found = await clinic.line.call(endpoints.read_invitation, practice=practice, lookup=offer.lookup)
    assert (found.opens, found.invite, found.charter) == (False, offer.invite, offer.charter)
    partner = await thread.accept(offer, PARTNER)
    late = await accept(clinic, offer, somebody("A.thief_client", practice, clinic.now))
    assert (late.status, late.problem) == (410, "invitation-spent")
    people = await thread.call(CLIENT, endpoints.read_people)
    assert [one.chain for one in people.admissions] == [partner.chain.chain_id]
    assert [one.account for one in people.admissions] == [partner.account]


async def test_an_acceptance_is_refused_for_whatever_is_wrong_with_it(
    clinic: Clinic, thread: Company
) -> None:
    """AT-101: nobody comes as a client without a signature under the charter in force."""
    offer, now = await thread.leave_invitation(Role.CLIENT), clinic.now
    who = somebody(PARTNER, thread.owner.practice, now)
    good = acceptance(offer, who)
    stranger = somebody("A.stranger_client", who.practice, now)
    bad = {
        "another's chain": replace_struct(good, links=[B64(link) for link in stranger.links]),
        "no signature under the charter": replace_struct(
            good, charter_signature=B64(sign_charter(offer.charter, stranger.keys.sign))
        ),
        "an accept by a key that is not the link's": replace_struct(
            good, accept=acceptance(replace(offer, key=stranger.keys.sign), who).accept
        ),
    }
    for name, body in bad.items():
        answer = await accept(clinic, offer, who, body)
        assert (answer.status, answer.problem) == (422, "unverified"), name
    await clinic.clock.turn_to(now + timedelta(days=2))
    assert (await accept(clinic, offer, who)).status == 410


async def test_each_invitation_leads_through_its_own_door(clinic: Clinic, thread: Company) -> None:
    offer, practice = await thread.leave_invitation(Role.CLIENT), thread.owner.practice
    who = somebody(PARTNER, practice, clinic.now)
    body, _ = joining(offer, thread.owner, who)
    path = endpoints.join.fill({"practice": practice, "lookup": offer.lookup})
    assert (await clinic.line.ask(Ask("POST", path, body=body))).status == 422
    opening = clinic.offers[THERAPIST]
    assert (await accept(clinic, opening, who)).status == 422


async def test_only_the_owner_invites_and_only_under_the_charter_in_force(
    clinic: Clinic, thread: Company
) -> None:
    other = await clinic.prepare_offer(COLLEAGUE, thread=thread.talk.thread)
    assert (await leave_with(clinic, COLLEAGUE, other)).status == 409
    fresh = await clinic.prepare_offer(THERAPIST, thread=thread.talk.thread)
    refused = await leave_with(clinic, THERAPIST, fresh)
    assert (refused.status, refused.json()["what"]) == (422, "charter")
    for role in (Role.THERAPIST, Role.CO_THERAPIST):
        refused = await leave_with(clinic, THERAPIST, await thread.invite(role))
        assert (refused.status, refused.json()["what"]) == (422, "role")


async def test_whoever_accepted_waits_outside_until_an_epoch_brings_them_in(
    clinic: Clinic, thread: Company
) -> None:
    cursor = (await changes(thread, CLIENT)).cursor
    partner = await thread.accept(await thread.leave_invitation(Role.CLIENT), PARTNER)
    assert (await ask(thread, PARTNER, endpoints.read_page)).status == 404
    assert (await ask(thread, PARTNER, endpoints.read_people)).status == 404
    assert not (await changes(thread, PARTNER)).threads
    assert [one.thread for one in (await changes(thread, CLIENT, cursor)).threads] == [thread.talk.thread]
    for name in (CLIENT, THERAPIST):
        assert await chain_status(clinic, name, partner) == 200
    assert await chain_status(clinic, "A.other_client", partner) == 404


async def chain_status(clinic: Clinic, by: str, whose: Somebody) -> int:
    path = endpoints.read_chain.fill({"chain": Hash32(whose.chain.chain_id)})
    return (await clinic.line.ask(Ask("GET", path), clinic.people[by].token)).status


async def test_a_role_is_the_one_of_the_invitation(clinic: Clinic, thread: Company) -> None:
    await thread.accept(await thread.leave_invitation(Role.FAMILY), PARTNER)
    core = thread.consent(PARTNER, Role.CLIENT)
    refused = thread.ask(endpoints.sign_consent, signature(thread.owner, core))
    assert (await clinic.line.ask(refused, thread.owner.token)).status == 422


async def test_with_history_one_reads_from_the_first_entry_on(clinic: Clinic) -> None:
    thread = await couple(clinic)
    mine, theirs = [(await thread.call(name, endpoints.read_page)).items for name in (PARTNER, CLIENT)]
    assert mine == theirs and all(item.item is not None for item in mine)
    me = next(
        one
        for one in (await thread.call(PARTNER, endpoints.read_people)).members
        if one.account == thread.person(PARTNER).account
    )
    assert (me.start_n, me.start_t) == (0, None)


async def test_without_history_one_sees_nothing_before_and_bare_entries_up_to_the_own_commit(
    clinic: Clinic, thread: Company
) -> None:
    await thread.accept(await thread.leave_invitation(Role.CLIENT), PARTNER)
    name = await thread.agree(thread.consent(PARTNER, Role.CLIENT))
    roles = {**thread.roles, PARTNER: Role.CLIENT}
    n, t = await thread.view()
    whole, secret = await thread.make(CLIENT, CommitReason.USER_ADDED, roles=roles, names=[name])
    between = seal(thread.talk, thread.person(CLIENT), "just before", urgent=True)
    assert (await send(thread, CLIENT, between.envelope)).status == 200
    assert (await thread.offer_commit(CLIENT, whole)).status == 201
    thread.settle(whole, secret, roles)
    after = await clinic.say(CLIENT, "after", thread.talk, urgent=True)
    page = await thread.call(PARTNER, endpoints.read_page)
    assert [item.item for item in page.items] == [None, whole, after.envelope]
    assert [item.promise is None for item in page.items] == [True, True, False]
    assert page.last_n == n + 3
    for mid in (clinic.sent[f"{CLIENT} placed"].mid, between.mid):
        assert (await explained(thread, PARTNER, mid)).status == 404
    assert (await explained(thread, PARTNER, after.mid)).status == 200
    sheets = [(await ask(thread, PARTNER, endpoints.read_sheet, query=f"r={r}")).status for r in (1, 2)]
    assert sheets == [404, 200]
    assert t == (await my_place(thread, PARTNER)).start_t


async def my_place(thread: Company, name: str):
    people = await thread.call(name, endpoints.read_people)
    return next(one for one in people.members if one.account == thread.person(name).account)


async def explained(thread: Company, by: str, mid: bytes) -> Answer:
    request = thread.ask(endpoints.explain_message, mid=mid)
    return await thread.clinic.line.ask(request, thread.person(by).token)


async def test_nobody_comes_without_history_by_a_commit_that_has_seen_nothing(thread: Company) -> None:
    """A view of nothing would make everything theirs."""
    name = await thread.agree(thread.consent(COLLEAGUE, Role.CO_THERAPIST))
    roles = {**thread.roles, COLLEAGUE: Role.CO_THERAPIST}
    start = (0, thread_start(thread.talk.thread, thread.talk.home))
    answer = await thread.commit(CLIENT, CommitReason.USER_ADDED, roles=roles, names=[name], view=start)
    assert (answer.status, answer.json()["what"]) == (422, "view")


async def test_a_cover_has_in_the_inbox_what_came_since(clinic: Clinic, thread: Company) -> None:
    async def turns(by: str) -> list[int]:
        found = await clinic.line.call(endpoints.read_inbox, token=clinic.people[by].token)
        return [one.count for one in found.turns if one.thread == thread.talk.thread]

    already = sum(await turns(THERAPIST))
    assert already == 1
    until = clinic.now + timedelta(days=3)
    await thread.bring_in(CLIENT, COLLEAGUE, Role.CO_THERAPIST, until=until)
    assert await turns(COLLEAGUE) == []
    await clinic.say(CLIENT, "since", thread.talk, urgent=True)
    assert (await turns(THERAPIST), await turns(COLLEAGUE)) == ([already + 1], [1])
    await clinic.say(COLLEAGUE, "I cover", thread.talk)
    assert (await turns(THERAPIST), await turns(COLLEAGUE)) == ([], [])


async def test_everything_lost_a_new_chain_is_let_in_with_history_by_the_owner_alone(
    clinic: Clinic, thread: Company
) -> None:
    out = thread.without(CLIENT)
    assert (await thread.commit(THERAPIST, CommitReason.USER_REMOVED, roles=out)).status == 201
    again = "A.again_client"
    await thread.accept(await thread.leave_invitation(Role.CLIENT), again)
    core = thread.consent(again, Role.CLIENT, history=True)
    assert (await thread.sign(THERAPIST, core)).complete
    roles = {THERAPIST: Role.THERAPIST, again: Role.CLIENT}
    done = await thread.commit(THERAPIST, CommitReason.USER_ADDED, roles=roles, names=[consent_hash(core)])
    assert done.status == 201, done
    page = await thread.call(again, endpoints.read_page)
    assert [item.item is None for item in page.items] == [False] * len(page.items)
    assert (await ask(thread, CLIENT, endpoints.read_page)).status == 404


async def test_a_message_held_over_the_end_of_a_cover_is_not_shown_to_the_cover(
    clinic: Clinic, thread: Company
) -> None:
    """AT-98"""
    until = MORNING - timedelta(minutes=30)
    await thread.bring_in(CLIENT, COLLEAGUE, Role.CO_THERAPIST, until=until)
    held = await clinic.say(CLIENT, "held over it", thread.talk)
    seen = (await changes(thread, COLLEAGUE)).cursor
    await clinic.clock.turn_to(MORNING)
    assert (await ask(thread, COLLEAGUE, endpoints.read_page)).status == 404
    await clinic.make_rounds()
    assert (await ask(thread, COLLEAGUE, endpoints.read_page)).status == 404
    assert thread.talk.thread not in [one.thread for one in (await changes(thread, COLLEAGUE, seen)).threads]
    shown = await thread.call(THERAPIST, endpoints.read_page)
    assert held.envelope in [item.item for item in shown.items]


async def test_colleagues_know_each_other_and_nobody_else_does(clinic: Clinic) -> None:
    token = clinic.people[THERAPIST].token
    found = await clinic.line.call(endpoints.read_colleagues, token=token)
    assert {one.chain for one in found.colleagues} == {
        clinic.people[name].chain.chain_id for name in (THERAPIST, COLLEAGUE)
    }
    assert await chain_status(clinic, THERAPIST, clinic.people[COLLEAGUE]) == 200
    assert await chain_status(clinic, CLIENT, clinic.people[COLLEAGUE]) == 404
