"""What waits of somebody who is removed goes back, and nobody but its sender ever learns of it (A-4, A-5)."""

from datetime import timedelta

from etherapy.protocol import endpoints
from etherapy.rules.calendar import milliseconds
from etherapy.tep import linking
from etherapy.tep.epoch import CommitReason, Role
from etherapy.tep.receipts import verify_receipt
from etherapy.tep.statements import State, StatusReason
from tests.server.chains import at_device, grow, with_device
from tests.server.clinic import MORNING, NIGHT, ORIGIN, Clinic
from tests.server.company import Company, company_of, couple
from tests.server.instead import look, promise_of, replace, status_of, waiting
from tests.server.people import Sealed, Somebody, log_in, seal, send

CLIENT, PARTNER, THERAPIST = "A.client", "A.partner_client", "A.therapist"
MONTH = timedelta(days=30)


async def from_lost_phone(clinic: Clinic) -> tuple[Company, Somebody, Sealed]:
    """A message that waits on a second device of the client's, which is then revoked by the first."""
    me, keys = await with_device(clinic, clinic.people[CLIENT])
    company = company_of(clinic)
    assert (await company.commit(CLIENT, CommitReason.DEVICE_ADDED)).status == 201
    lost = await at_device(clinic, me, keys)
    message = seal(company.talk, lost, "from the phone that is lost")
    await send(clinic.line, company.talk, lost, message)
    link = linking.revoke_device(me.chain, me.keys.sign, keys.device_id, milliseconds(clinic.now))
    return company, await grow(clinic, me, link), message


async def test_what_a_revoked_device_had_waiting_comes_back_with_the_link_as_its_cause(
    clinic: Clinic,
) -> None:
    """AT-91: returned in the transaction of the link; what other devices sent waits on."""
    company, me, message = await from_lost_phone(clinic)
    own = clinic.sent["A.client held"]
    found = await waiting(clinic, me, company.talk)
    assert {mid: one.state for mid, one in found.items()} == {own.mid: "held", message.mid: "returned"}
    status = status_of(found[message.mid].status)
    verify_receipt(bytes(found[message.mid].status or b""), clinic.secrets.known.receipt_keys())
    assert (status.state, status.reason) == (State.RETURNED, StatusReason.DEVICE_REMOVED)
    assert (status.item_hash, status.cause) == (message.item_hash, me.chain.head)
    assert status.thread == company.talk.thread
    assert bytes(found[message.mid].envelope) == message.envelope
    sent = await look(clinic, me, company.talk, message)
    assert (sent.state.state, sent.state.status) == ("returned", found[message.mid].status)


async def test_what_came_back_is_sent_again_with_its_first_time(clinic: Clinic) -> None:
    """AT-92: the other device seals it anew and it waits for the same opening."""
    company, me, message = await from_lost_phone(clinic)
    first = promise_of((await look(clinic, me, company.talk, message)).receipt)
    assert (await company.commit(CLIENT, CommitReason.DEVICE_REVOKED)).status == 201
    await clinic.clock.turn_to(NIGHT + timedelta(hours=1))
    new = seal(company.talk, me, message.text)
    sent = await replace(clinic, me, company.talk, message, new)
    promise = promise_of(sent.receipt)
    assert (promise.counted_from, promise.release_at) == (first.accepted_at, first.release_at)
    assert (await look(clinic, me, company.talk, message)).state.state == "replaced"


async def test_what_comes_back_after_its_time_is_judged_by_the_rules_of_today(clinic: Clinic) -> None:
    """AT-89: the old time is past; for thirty days it can be sent, and then its text is gone here."""
    company, me, message = await from_lost_phone(clinic)
    late = NIGHT + MONTH - timedelta(seconds=1)
    assert (await company.commit(CLIENT, CommitReason.DEVICE_REVOKED)).status == 201
    await clinic.clock.turn_to(late)
    me = clinic.settle(await log_in(clinic.line, ORIGIN, me))
    assert set(await waiting(clinic, me, company.talk)) == {message.mid}
    sent = await replace(clinic, me, company.talk, message, seal(company.talk, me, message.text))
    promise = promise_of(sent.receipt)
    assert promise.counted_from < promise.accepted_at == milliseconds(late) <= promise.release_at


async def test_a_message_that_came_back_is_gone_after_thirty_days(clinic: Clinic) -> None:
    company, me, message = await from_lost_phone(clinic)
    await clinic.clock.turn_to(NIGHT + MONTH)
    await clinic.make_rounds()
    me = clinic.settle(await log_in(clinic.line, ORIGIN, me))
    assert await waiting(clinic, me, company.talk) == {}
    kept = await clinic.operate.fetchrow(
        "SELECT state, envelope, header_hash FROM message WHERE mid = $1", message.mid
    )
    assert kept is not None
    assert (kept["state"], kept["envelope"], len(kept["header_hash"])) == ("returned", None, 32)


async def test_all_that_waits_is_shown_by_thread_and_device_to_its_sender_alone(clinic: Clinic) -> None:
    company, me, _ = await from_lost_phone(clinic)
    found = (await clinic.line.call(endpoints.read_all_waiting, token=me.token)).places
    assert {bytes(one.thread) for one in found} == {company.talk.thread}
    assert sorted((one.held, one.returned) for one in found) == [(0, 1), (1, 0)]
    own = next(one for one in found if one.held)
    assert bytes(own.device) == me.keys.device_id
    therapist = clinic.people[THERAPIST]
    assert (await clinic.line.call(endpoints.read_all_waiting, token=therapist.token)).places == []


async def test_whoever_is_left_out_gets_back_what_waited_and_reads_nothing_more(clinic: Clinic) -> None:
    """AT-91: by the commit that leaves them out, whose hash is the cause."""
    company = await couple(clinic)
    partner = clinic.people[PARTNER]
    message = seal(company.talk, partner, "what I never said")
    await send(clinic.line, company.talk, partner, message)
    answer = await company.commit(THERAPIST, CommitReason.USER_REMOVED, roles=company.without(PARTNER))
    assert answer.status == 201, answer
    found = await waiting(clinic, partner, company.talk)
    status = status_of(found[message.mid].status)
    assert (status.reason, status.cause) == (StatusReason.USER_REMOVED, company.talk.commit.commit_hash)
    places = (await clinic.line.call(endpoints.read_all_waiting, token=partner.token)).places
    assert [(one.held, one.returned) for one in places] == [(0, 1)]
    for other in (CLIENT, THERAPIST):
        assert message.mid not in await waiting(clinic, clinic.people[other], company.talk)
    await clinic.clock.turn_to(MORNING)
    therapist = clinic.settle(await log_in(clinic.line, ORIGIN, clinic.people[THERAPIST]))
    page = await clinic.line.call(endpoints.read_page, token=therapist.token, thread=company.talk.thread)
    assert message.envelope not in [bytes(one.item or b"") for one in page.items]


async def test_the_rest_of_the_couple_waits_on(clinic: Clinic) -> None:
    company = await couple(clinic)
    mine = clinic.sent["A.client held"]
    assert company.roles == {THERAPIST: Role.THERAPIST, CLIENT: Role.CLIENT, PARTNER: Role.CLIENT}
    await company.commit(THERAPIST, CommitReason.USER_REMOVED, roles=company.without(PARTNER))
    assert (await look(clinic, clinic.people[CLIENT], company.talk, mine)).state.state == "held"
