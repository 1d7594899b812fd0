"""What is measured of TEP/1: each operation as the program does it, beside its bare library calls."""

from collections.abc import Iterator
from os import urandom

from bench import bare
from bench.people import HOME, NOW, THREAD, Talk, somebody
from bench.stopwatch import Act, Operation
from etherapy.crypto.epochs import open_epoch
from etherapy.crypto.grants import make_grant, open_grant
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.messages import open_message
from etherapy.crypto.passphrase import derive_auth
from etherapy.tep import linking
from etherapy.tep.chain import verify_chain
from etherapy.tep.consent import check_consent, sign_consent
from etherapy.tep.envelope import envelope_verifies, padded_size, parse_envelope
from etherapy.tep.epoch import parse_commit
from etherapy.tep.epoch_rules import check_follows, check_roster
from etherapy.tep.grant import grant_verifies, parse_grant
from etherapy.tep.links import DeviceClass
from etherapy.tep.placing import Entry, ItemType, Reason, thread_next
from etherapy.tep.recall import Recall, RecallMode, parse_recall, recall_verifies, sign_recall
from etherapy.tep.receipts import KeyDates, sign_receipt, sign_receipts, verify_receipt
from etherapy.tep.statements import Head, Promise, promise_hash

TEXT = "x" * 1024
ROSTERS = {2: (1, 1), 5: (2, 3), 16: (8, 8)}
"""Devices in a roster: how many are the client's and the therapist's."""


def operations() -> Iterator[Operation]:
    """All of them, in the order in which a thread lives."""
    talk = Talk()
    yield from _chains()
    for devices, shares in ROSTERS.items():
        yield from _epochs(devices, Talk(*shares))
    yield from _messages(talk)
    yield from _statements(talk)
    yield from _membership(talk)
    yield from _slow()


def _chains() -> Iterator[Operation]:
    person, new = somebody(3), DeviceKeys.generate()
    chain, key = person.chain, person.keys.sign

    def add() -> None:
        linking.add_device(chain, key, new.sign, new.hpke.public, DeviceClass.DESKTOP, NOW)

    link = linking.add_device(chain, key, new.sign, new.hpke.public, DeviceClass.DESKTOP, NOW)
    yield Operation("chain: sign an added device", add, lambda: bare.sign(2), "2 sign")
    yield Operation("chain: take one link", lambda: chain.add(link), lambda: bare.verify(2), "2 verify")
    whole = somebody(8).links
    yield Operation(
        "chain: verify 8 devices", lambda: verify_chain(whole), lambda: bare.verify(16), "16 verify"
    )


def _epochs(devices: int, talk: Talk) -> Iterator[Operation]:
    def judge() -> None:
        commit = parse_commit(talk.whole)
        check_roster(commit, talk.chains)
        check_follows(commit.core, talk.first)

    yield Operation(
        f"epoch, {devices} devices: make",
        talk.next_epoch,
        _both(lambda: bare.seal(devices), bare.sign),
        f"{devices} HPKE seal, sign",
    )
    yield Operation(f"epoch, {devices} devices: judge", judge, bare.verify, "verify")
    if devices == 5:
        opened = lambda: open_epoch(talk.commit, talk.anna.keys)  # noqa: E731 - measured, not named
        yield Operation("epoch: open one's row", opened, bare.Opening(), "HPKE open")


def _messages(talk: Talk) -> Iterator[Operation]:
    sealed = talk.seal(TEXT)
    envelope = parse_envelope(sealed)
    cipher = bare.Cipher(padded_size(len(talk.payload(TEXT).pack())))
    key, receipts = talk.anna.keys.sign.public, {talk.key_id: _dates(talk)}
    receipt = sign_receipt(talk.promise(envelope), talk.receipts, talk.key_id)
    head = sign_receipt(Head(1, THREAD, 501, HOME, NOW, talk.key_id), talk.receipts, talk.key_id)

    def accept() -> None:
        if not envelope_verifies(parse_envelope(sealed), key):
            raise AssertionError

    def receive() -> None:
        found = parse_envelope(sealed)
        verify_receipt(receipt, receipts)
        if not envelope_verifies(found, key):
            raise AssertionError
        open_message(found, talk.secret, talk.commit)

    def send() -> None:
        made = parse_envelope(talk.seal(TEXT))
        promise = verify_receipt(receipt, receipts)
        if not isinstance(promise, Promise) or made.header.epoch != promise.epoch:
            raise AssertionError

    yield Operation(
        "message of 1 KiB: seal", lambda: talk.seal(TEXT), _both(cipher.encrypt, bare.sign), "encrypt, sign"
    )
    opens = lambda: open_message(envelope, talk.secret, talk.commit)  # noqa: E731 - measured, not named
    yield Operation("message of 1 KiB: open", opens, cipher.decrypt, "decrypt")
    yield Operation(
        "device: send, with the promise's check",
        send,
        _both(cipher.encrypt, bare.sign, bare.verify),
        "encrypt, sign, verify",
    )
    yield Operation(
        "device: receive, with the promise's check",
        receive,
        _both(cipher.decrypt, lambda: bare.verify(2)),
        "decrypt, 2 verify",
    )
    yield Operation("server: check an envelope", accept, bare.verify, "verify")
    yield Operation("device: check a head", lambda: verify_receipt(head, receipts), bare.verify, "verify")


def _statements(talk: Talk) -> Iterator[Operation]:
    envelope = parse_envelope(talk.seal(TEXT))
    promise = talk.promise(envelope)
    sixteen = [promise] * 16
    entry = Entry(ItemType.ENVELOPE, Reason.DUE, 1, 501, NOW, envelope.item_hash, promise_hash(promise))
    recall = Recall(
        RecallMode.RECALL, THREAD, envelope.header.mid, talk.anna.keys.device_id, envelope.item_hash,
        bytes(32), NOW,
    )  # fmt: skip
    key = talk.anna.keys.sign
    signed = parse_recall(sign_recall(recall, key))
    yield Operation(
        "server: a promise, d = 0",
        lambda: sign_receipt(promise, talk.receipts, talk.key_id),
        bare.sign,
        "sign",
    )
    yield Operation(
        "server: 16 promises, d = 4",
        lambda: sign_receipts(sixteen, talk.receipts, talk.key_id, 4),
        bare.sign,
        "sign",
    )
    placing = lambda: thread_next(HOME, entry.pack())  # noqa: E731 - measured, not named
    yield Operation("placing: entry and T_n", placing, lambda: bare.digest([130]), "SHA-256")
    yield Operation("recall: sign", lambda: sign_recall(recall, key), bare.sign, "sign")
    yield Operation("recall: check", lambda: recall_verifies(signed, key.public), bare.verify, "verify")


def _membership(talk: Talk) -> Iterator[Operation]:
    core, members = talk.consent(), (talk.anna, talk.vale)
    signatures = {one.chain.chain_id: sign_consent(core, one.keys.sign) for one in members}
    signers = [one.chain for one in members]
    to = talk.vale.chain.devices[talk.vale.others[-1].device_id]
    secrets = {epoch: urandom(32) for epoch in range(50)}
    whole = make_grant(THREAD, talk.vale.keys, to, secrets)
    grant = parse_grant(whole)

    def take() -> None:
        found = parse_grant(whole)
        if not grant_verifies(found, talk.vale.keys.sign.public):
            raise AssertionError
        open_grant(found, talk.vale.others[-1])

    yield Operation(
        "consent: check client's and owner's",
        lambda: check_consent(core, signatures, thread=THREAD, home=HOME, signers=signers, at=NOW),
        lambda: bare.verify(2),
        "2 verify",
    )
    text = bytes(len(grant.blob) - 1136)
    yield Operation(
        "grant of 50 epochs: make",
        lambda: make_grant(THREAD, talk.vale.keys, to, secrets),
        _both(lambda: bare.seal(1, text), bare.sign),
        "HPKE seal, sign",
    )
    yield Operation(
        "grant of 50 epochs: take", take, _both(bare.Opening(text), bare.verify), "HPKE open, verify"
    )


def _slow() -> Iterator[Operation]:
    stretch = lambda: derive_auth("a passphrase", bytes(16), "https://therapy.example", "anna")  # noqa: E731
    yield Operation("passphrase: derive", stretch, bare.stretch, "Argon2id")


def _dates(talk: Talk) -> KeyDates:
    return talk.receipts.public, NOW - 1000, NOW + 10**9


def _both(*acts: Act) -> Act:
    def act() -> None:
        for one in acts:
            one()

    return act
