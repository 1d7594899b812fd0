"""How many bytes each format of TEP/1 has on the wire. JSON adds a third to each of them."""

from collections.abc import Iterator
from os import urandom

from bench.operations import ROSTERS
from bench.people import HOME, NOW, PRACTICE, THREAD, Talk, somebody
from etherapy.crypto.grants import make_grant
from etherapy.crypto.keys import DeviceKeys
from etherapy.merkle.tree import empty_root
from etherapy.signing import SigningKey
from etherapy.tep import linking
from etherapy.tep.charter import Charter, charter_hash, sign_charter
from etherapy.tep.consent import pack_signed_consent, sign_consent
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.epoch import Role
from etherapy.tep.invite import Invite, InviteAccept, parse_invite, sign_accept, sign_invite
from etherapy.tep.leaving import Leave, sign_leave
from etherapy.tep.links import DeviceClass
from etherapy.tep.placing import Entry, ItemType, Reason
from etherapy.tep.recall import Recall, RecallMode, sign_recall
from etherapy.tep.receipts import sign_receipt
from etherapy.tep.restore import RestoreStatement, pack_mark, sign_restore
from etherapy.tep.rulesheet import RuleSheet
from etherapy.tep.serverkeys import ServerKey, Use, first_server_link
from etherapy.tep.signed import pack_signed
from etherapy.tep.statements import Head, LinkPromise, LogName, State, Status, StatusReason, promise_hash

Size = tuple[str, int]


def sizes() -> Iterator[Size]:
    """Name and bytes of each format."""
    talk = Talk()
    yield from _links()
    for devices, shares in ROSTERS.items():
        yield f"commit, {devices} devices", len(Talk(*shares).whole)
    for length in (0, 200, 1000, 4000):
        yield f"envelope, text of {length}", len(talk.seal("x" * length))
    yield from _statements(talk)
    yield from _papers(talk)
    yield from _beginnings(talk)


def _links() -> Iterator[Size]:
    person, new = somebody(3), DeviceKeys.generate()
    chain, key = person.chain, person.keys.sign
    yield "link: genesis", len(person.links[0])
    added = linking.add_device(chain, key, new.sign, new.hpke.public, DeviceClass.DESKTOP, NOW)
    yield "link: add", len(added)
    target = person.others[-1].device_id
    yield "link: revoke", len(linking.revoke_device(chain, key, target, NOW))
    yield "link: rotate", len(linking.rotate_key(chain, key, new.hpke.public, NOW))


def _statements(talk: Talk) -> Iterator[Size]:
    envelope = parse_envelope(talk.seal("x"))
    promise, mid = talk.promise(envelope), envelope.header.mid
    status = Status(
        State.RECALLED, StatusReason.SENDER, 1, THREAD, mid, envelope.item_hash, HOME, NOW, talk.key_id
    )
    link = LinkPromise(LogName.KEYS, 1, PRACTICE, HOME, NOW, NOW + 1, talk.key_id)
    head = Head(1, THREAD, 501, HOME, NOW, talk.key_id)
    for name, core in (("promise", promise), ("status", status), ("link promise", link), ("head", head)):
        yield f"receipt: {name}", len(sign_receipt(core, talk.receipts, talk.key_id))
    entry = Entry(ItemType.ENVELOPE, Reason.DUE, 1, 501, NOW, envelope.item_hash, promise_hash(promise))
    yield "entry", len(entry.pack())
    keys = talk.anna.keys
    recall = Recall(RecallMode.RECALL, THREAD, mid, keys.device_id, envelope.item_hash, bytes(32), NOW)
    yield "recall", len(sign_recall(recall, keys.sign))


def _papers(talk: Talk) -> Iterator[Size]:
    core = talk.consent()
    signatures = [sign_consent(core, one.keys.sign) for one in (talk.anna, talk.vale)]
    yield "consent, 2 signatures", len(pack_signed_consent(core, signatures))
    leave = Leave(THREAD, talk.anna.chain.chain_id, talk.anna.keys.device_id, NOW, urandom(16), HOME)
    yield "leave", len(sign_leave(leave, talk.anna.keys.sign))
    to = talk.vale.chain.devices[talk.vale.others[-1].device_id]
    for count in (1, 50, 1000):
        secrets = {epoch: urandom(32) for epoch in range(count)}
        yield f"grant of {count} epochs", len(make_grant(THREAD, talk.vale.keys, to, secrets))


def _beginnings(talk: Talk) -> Iterator[Size]:
    vale, anna, key = talk.vale.chain, talk.anna.chain, SigningKey.generate()
    erase = {int(Role.CLIENT): 1, int(Role.THERAPIST): 5}
    charter = Charter(HOME, THREAD, 1, bytes(32), vale.chain_id, 3650, 35, erase, HOME, urandom(16)).pack()
    yield (
        "charter, 2 signatures",
        len(pack_signed(charter, [sign_charter(charter, one.keys.sign) for one in (talk.vale, talk.anna)])),
    )
    invite = sign_invite(
        Invite(
            HOME, PRACTICE, THREAD, vale.chain_id, vale.seq, vale.head, 0, empty_root(), Role.CLIENT,
            charter_hash(charter), key.public, NOW, urandom(16),
        ),
        talk.vale.keys.sign,
    )  # fmt: skip
    yield "invite", len(invite)
    accept = InviteAccept(parse_invite(invite).invite_hash, anna.chain_id, anna.seq, anna.head, urandom(16))
    yield "accept", len(sign_accept(accept, talk.anna.keys.sign, key))
    members = tuple(sorted((one.chain_id, HOME) for one in (vale, anna)))
    yield "rule sheet, 2 people", len(RuleSheet(THREAD, 1, bytes(32), NOW, HOME, members).pack())
    keys = [ServerKey.of(SigningKey.generate().public, use, NOW, NOW + 1) for use in Use]
    yield "server link, 3 keys", len(first_server_link("https://therapy.example", key, keys))
    restored = sign_restore(RestoreStatement(PRACTICE, NOW // 1000, 1, NOW, HOME), key)
    yield "restore statement", len(restored)
    yield "generation mark, 1,000 threads", len(pack_mark(restored, 500, 1000, [HOME] * 10))
