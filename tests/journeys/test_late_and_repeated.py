"""What comes too late, or again, or cannot be known yet: each gets its own answer, none a fault."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from etherapy.binary import B64
from etherapy.crypto.epochs import new_epoch
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.messages import SendMessage
from etherapy.protocol.people import AddLink
from etherapy.protocol.threads import Commit
from etherapy.rules.calendar import milliseconds
from etherapy.tep import epoch as tep
from etherapy.tep import linking
from etherapy.tep.envelope import Header, padded_size, sign_envelope
from etherapy.tep.links import DeviceClass
from etherapy.tep.placing import thread_start
from tests.server.asking import Answer, Ask
from tests.server.clinic import ORIGIN, Clinic
from tests.server.furnishing import Furnished
from tests.server.people import Somebody, Talk, enrol, joining, somebody


@pytest.fixture
async def clinic(furnished: Furnished, tmp_path: Path) -> AsyncIterator[Clinic]:
    async with furnished.open(tmp_path) as found:
        yield found


async def another_device(clinic: Clinic, who: Somebody) -> Somebody:
    """The same person with one more device in the chain."""
    keys = DeviceKeys.generate()
    link = linking.add_device(
        who.chain, who.keys.sign, keys.sign, keys.hpke.public, DeviceClass.DESKTOP, milliseconds(clinic.now)
    )
    await clinic.line.call(endpoints.add_link, AddLink(B64(link)), token=who.token)
    return replace(who, links=(*who.links, link))


def next_epoch(
    talk: Talk,
    by: Somebody,
    therapist: Somebody,
    client: Somebody,
    view: tuple[int, bytes] | None = None,
    **how: int,
) -> bytes:
    whole, _ = new_epoch(
        [(therapist.chain, tep.Role.THERAPIST), (client.chain, tep.Role.CLIENT)],
        by.keys,
        thread=talk.thread,
        epoch=how.get("epoch", talk.commit.core.epoch + 1),
        reason=tep.CommitReason.DEVICE_ADDED,
        charter_hash=talk.charter_hash,
        view=view or (0, thread_start(talk.thread, talk.home)),
        home=talk.home,
        prev=talk.commit.commit_hash,
    )
    return whole


async def commit(clinic: Clinic, talk: Talk, by: Somebody, whole: bytes) -> Answer:
    path = endpoints.commit_epoch.fill({"thread": talk.thread})
    return await clinic.line.ask(Ask("POST", path, "", Commit(B64(whole))), by.token)


async def test_a_commit_is_answered_as_before_also_when_newer_ones_were_placed(clinic: Clinic) -> None:
    talk = clinic.talks["A.client"]
    client, therapist = clinic.people["A.client"], clinic.people["A.therapist"]
    client = await another_device(clinic, client)
    first = next_epoch(talk, client, therapist, client)
    answer = await commit(clinic, talk, client, first)
    assert answer.status == 201
    therapist = await another_device(clinic, therapist)
    grown = replace(talk, commit=tep.parse_commit(first))
    assert (await commit(clinic, talk, client, next_epoch(grown, client, therapist, client))).status == 201
    again = await commit(clinic, talk, client, first)
    assert (again.status, again.body) == (201, answer.body)
    lost = next_epoch(talk, therapist, therapist, client)
    assert (await commit(clinic, talk, therapist, lost)).problem == "stale-epoch"


async def test_a_commit_on_an_older_chain_is_told_that_the_chain_has_grown(clinic: Clinic) -> None:
    talk = clinic.talks["A.client"]
    client, therapist = clinic.people["A.client"], clinic.people["A.therapist"]
    await another_device(clinic, therapist)
    answer = await commit(clinic, talk, client, next_epoch(talk, client, therapist, client))
    assert (answer.status, answer.problem) == (409, "stale-chain")


async def test_whoever_joins_on_an_older_chain_is_told_so_and_can_join_after_all(clinic: Clinic) -> None:
    offer, therapist = clinic.offers["A.therapist"], clinic.people["A.therapist"]
    who = somebody("A.late_client", therapist.practice, clinic.now)
    path = endpoints.join.fill({"practice": who.practice, "lookup": offer.lookup})
    grown = await another_device(clinic, therapist)
    late = await clinic.line.ask(Ask("POST", path, "", joining(offer, therapist, who)[0]))
    assert (late.status, late.problem) == (409, "stale-chain")
    assert (await clinic.line.ask(Ask("POST", path, "", joining(offer, grown, who)[0]))).status == 201


@pytest.mark.parametrize("epoch", [2**31 - 1, 2**31, 2**32 - 1])
async def test_an_epoch_that_no_thread_has_is_refused_and_no_fault(clinic: Clinic, epoch: int) -> None:
    talk = clinic.talks["A.client"]
    client, therapist = clinic.people["A.client"], clinic.people["A.therapist"]
    size = padded_size(40) + 16
    header = Header(
        talk.thread, epoch, client.keys.device_id, os.urandom(16), os.urandom(24), os.urandom(32),
        talk.commit.commit_hash, 1, False, 1, size,
    )  # fmt: skip
    body = SendMessage(B64(sign_envelope(header, os.urandom(size), client.keys.sign)))
    path = endpoints.send_message.fill({"thread": talk.thread})
    sent = await clinic.line.ask(Ask("POST", path, "", body), client.token)
    assert (sent.status, sent.problem) == (409, "stale-epoch")
    far = next_epoch(talk, client, therapist, client, epoch=epoch)
    assert (await commit(clinic, talk, client, far)).problem == "unverified"


async def test_a_practice_cannot_agree_on_what_would_keep_the_first_client_of_a_therapist_out(
    clinic: Clinic,
) -> None:
    newcomer = somebody("A.new_therapist", clinic.practices["A"], clinic.now)
    newcomer = clinic.settle(await enrol(clinic.line, clinic.database, ORIGIN, newcomer, clinic.now))
    firm = SetRules(0, [{"kind": "response.target", "firm": True}])
    await clinic.line.call(endpoints.set_own_rules, firm, token=newcomer.token)
    offer = await clinic.leave_offer(newcomer.name)
    administrator = clinic.people["A.administrator"]
    written = await clinic.line.call(endpoints.read_practice_rules, token=administrator.token)
    others = [rule for rule in written.rules if rule["kind"] != "response.target"]
    none = SetRules(written.version, [*others, {"kind": "response.target", "target": {"count": "none"}}])
    refused = await clinic.line.ask(Ask("PUT", "/practice/rules", "", none), administrator.token)
    assert (refused.status, refused.problem) == (422, "bad-rules")
    client = somebody("A.first_client", newcomer.practice, clinic.now)
    body, _ = joining(offer, newcomer, client)
    await clinic.line.call(endpoints.join, body, practice=client.practice, lookup=offer.lookup)


async def test_a_commit_whose_view_is_not_the_threads_is_refused_before_it_can_halt_anybody(
    clinic: Clinic,
) -> None:
    talk = clinic.talks["A.client"]
    client, therapist = clinic.people["A.client"], clinic.people["A.therapist"]
    for view in ((2, bytes(32)), (2**63, bytes(32)), (0, bytes(32))):
        answer = await commit(clinic, talk, client, next_epoch(talk, client, therapist, client, view))
        assert (answer.status, answer.problem) == (422, "unverified")
