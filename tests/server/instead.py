"""Messages that take the place of others, as a sender's devices make them (tep_amendments.md A-4)."""

from datetime import datetime

from etherapy.binary import B64
from etherapy.protocol import endpoints, messages
from etherapy.rules.calendar import milliseconds
from etherapy.signing import SigningKey
from etherapy.tep.links import device_id
from etherapy.tep.recall import Recall, RecallMode, sign_recall
from etherapy.tep.receipts import parse_receipt, read_core
from etherapy.tep.statements import Promise, Status
from tests.server.asking import Answer, Ask
from tests.server.clinic import Clinic
from tests.server.people import Sealed, Somebody, Talk


def replacing(
    key: SigningKey, thread: bytes, old: Sealed, new: Sealed, now: datetime, /, **how: bytes
) -> messages.Replace:
    """The body by which one message takes the place of another; `how` puts other values into the Recall."""
    said: dict[str, bytes] = {
        "thread": thread,
        "mid": old.mid,
        "device": device_id(key.public),
        "item_hash": old.item_hash,
        "new_item_hash": new.item_hash,
    }
    core = Recall(mode=RecallMode.REPLACE, at=milliseconds(now), **{**said, **how})
    return messages.Replace(B64(sign_recall(core, key)), B64(new.envelope))


async def replace(
    clinic: Clinic, by: Somebody, talk: Talk, old: Sealed, new: Sealed, **how: bytes
) -> messages.Sent:
    """A message that was taken in the place of another."""
    body = replacing(by.keys.sign, talk.thread, old, new, clinic.now, **how)
    return await clinic.line.call(endpoints.replace_message, body, token=by.token, thread=talk.thread)


async def asked(clinic: Clinic, by: Somebody, talk: Talk, body: messages.Replace) -> Answer:
    """Whatever the server answers."""
    endpoint = endpoints.replace_message
    ask = Ask(endpoint.method, endpoint.fill({"thread": talk.thread}), body=body)
    return await clinic.line.ask(ask, by.token)


async def waiting(clinic: Clinic, by: Somebody, talk: Talk) -> dict[bytes, messages.WaitingMessage]:
    """Somebody's own messages of a thread that wait or came back, by mid."""
    found = await clinic.line.call(endpoints.read_waiting, token=by.token, thread=talk.thread)
    return {bytes(one.mid): one for one in found.messages}


async def look(clinic: Clinic, by: Somebody, talk: Talk, message: Sealed) -> messages.Sent:
    """What became of an own message."""
    return await clinic.line.call(endpoints.read_message, token=by.token, thread=talk.thread, mid=message.mid)


def promise_of(receipt: bytes) -> Promise:
    found = read_core(parse_receipt(receipt).core)
    assert isinstance(found, Promise)
    return found


def status_of(receipt: bytes | None) -> Status:
    assert receipt is not None
    found = read_core(parse_receipt(receipt).core)
    assert isinstance(found, Status)
    return found
