"""Requests about threads and rules: what is sent, taken back, committed and agreed."""

import os
from dataclasses import replace
from typing import Any

from etherapy.binary import B64
from etherapy.crypto.epochs import new_epoch
from etherapy.protocol import endpoints
from etherapy.protocol.agreed_rules import SetRules
from etherapy.protocol.messages import AskPreview, OpenEarly, Recall, Replace, SendMessage
from etherapy.protocol.threads import Commit
from etherapy.rules.calendar import milliseconds
from etherapy.tep import epoch as tep
from etherapy.tep.envelope import Header, padded_size, parse_envelope, sign_envelope
from etherapy.tep.placing import thread_start
from etherapy.tep.recall import Recall as RecallCore
from etherapy.tep.recall import RecallMode, sign_recall
from tests.server.clinic import Clinic
from tests.server.named import MAKERS, WHOLE_TABLE, Made, Named, fill_in, maker, own, talk_of
from tests.server.people import (
    Somebody,
    Talk,
    seal,
    somebody,
)


@maker
async def preview(clinic: Clinic, who: Somebody, named: Named) -> Made:
    return Made(fill_in(endpoints.preview, named, AskPreview()))


@maker
async def open_early(clinic: Clinic, who: Somebody, named: Named) -> Made:
    return Made(fill_in(endpoints.open_early, named, OpenEarly("crisis_call")))


@maker
async def send_message(clinic: Clinic, who: Somebody, named: Named) -> Made:
    envelope = envelope_of(clinic, who, named)
    return Made(fill_in(endpoints.send_message, named, SendMessage(B64(envelope))))


def envelope_of(clinic: Clinic, who: Somebody, named: Named) -> bytes:
    """Sealed as it should be where all is one's own; else signed over what it names."""
    talk = talk_of(clinic, who)
    if (named.inner_thread, named.commit_hash, named.device) == own_place(talk, who) and is_member(talk, who):
        return seal(talk, who, "one more").envelope
    size = padded_size(40) + 16
    header = Header(
        named.inner_thread,
        talk.commit.core.epoch,
        named.device,
        os.urandom(16),
        os.urandom(24),
        os.urandom(32),
        named.commit_hash,
        1,
        False,
        1,
        size,
    )
    return sign_envelope(header, os.urandom(size), who.keys.sign)


def own_place(talk: Talk, who: Somebody) -> tuple[bytes, bytes, bytes]:
    return talk.thread, talk.commit.commit_hash, who.keys.device_id


def is_member(talk: Talk, who: Somebody) -> bool:
    return who.name in (talk.client, talk.therapist)


@maker
async def recall_message(clinic: Clinic, who: Somebody, named: Named) -> Made:
    """Of a message of one's own that waits; a therapist has none, so an answer that is placed."""
    recall = await _recall(clinic, who, named, RecallMode.RECALL, bytes(32))
    return Made(fill_in(endpoints.recall_message, named, Recall(recall)))


@maker
async def replace_message(clinic: Clinic, who: Somebody, named: Named) -> Made:
    """As to take back, with a message of one's own device instead."""
    envelope = envelope_of(clinic, who, replace(named, device=who.keys.device_id))
    item_hash = parse_envelope(envelope).item_hash
    recall = await _recall(clinic, who, named, RecallMode.REPLACE, item_hash)
    return Made(fill_in(endpoints.replace_message, named, Replace(recall, B64(envelope))))


async def _recall(clinic: Clinic, who: Somebody, named: Named, mode: RecallMode, new: bytes) -> B64:
    talk, mine = talk_of(clinic, who), own(clinic, who)
    named_message = (named.mid, named.item_hash)
    if named_message == (mine.mid, mine.item_hash) and who.name == talk.client:
        message = await clinic.say(who.name, "to be recalled", talk)
        named_message = (message.mid, message.item_hash)
    core = RecallCore(
        mode,
        named.inner_thread,
        named_message[0],
        named.device,
        named_message[1],
        new,
        milliseconds(clinic.now),
    )
    return B64(sign_recall(core, who.keys.sign))


@maker
async def commit_epoch(clinic: Clinic, who: Somebody, named: Named) -> Made:
    """The next epoch for the same two people; with another `chain`, a stranger's in the client's place."""
    talk = talk_of(clinic, who)
    client, therapist = clinic.people[talk.client], clinic.people[talk.therapist]
    if named.chain != who.chain.chain_id:
        client = next(
            (one for one in clinic.people.values() if one.chain.chain_id == named.chain), None
        ) or somebody("nobody", who.practice, clinic.now)
    whole, secret = new_epoch(
        [(therapist.chain, tep.Role.THERAPIST), (client.chain, tep.Role.CLIENT)],
        who.keys if who in (client, therapist) else therapist.keys,
        thread=named.inner_thread,
        epoch=talk.commit.core.epoch + 1,
        reason=tep.CommitReason.REQUEST,
        charter_hash=talk.charter_hash,
        view=(0, thread_start(talk.thread, talk.home)),
        home=talk.home,
        prev=named.commit_hash,
    )
    grows = replace(talk, commit=tep.parse_commit(whole), secret=secret)
    return Made(
        fill_in(endpoints.commit_epoch, named, Commit(B64(whole))),
        lambda: clinic.talks.update({talk.client: grows}),
    )


async def _set_rules(clinic: Clinic, who: Somebody, named: Named, reading: str, setting: str) -> Made:
    answer = await clinic.line.ask(fill_in(WHOLE_TABLE[reading], named), who.token)
    said: dict[str, Any] = answer.json() if answer.status == 200 else {"version": 0, "rules": []}
    return Made(fill_in(WHOLE_TABLE[setting], named, SetRules(said["version"], said["rules"])))


def _rules_maker(reading: str, setting: str) -> None:
    async def maker(clinic: Clinic, who: Somebody, named: Named) -> Made:
        return await _set_rules(clinic, who, named, reading, setting)

    MAKERS[setting] = maker


for _set in ("own_rules", "practice_rules", "agreement", "exceptions"):
    _rules_maker(f"read_{_set}", f"set_{_set}")
    _rules_maker(f"read_{_set}", f"check_{_set}")


def _log_maker(name: str, query: str) -> None:
    async def maker(clinic: Clinic, who: Somebody, named: Named) -> Made:
        return Made(fill_in(WHOLE_TABLE[name], named, None, query, log="keys"))

    MAKERS[name] = maker


for _name, _query in [
    ("read_checkpoint", ""),
    ("prove_inclusion", "index=0&size=1"),
    ("prove_consistency", "old=1&new=2"),
    ("read_leaves", ""),
]:
    _log_maker(_name, _query)
