"""Two people with as many devices as wanted, and all that they sign: what the formats are measured on."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from os import urandom

from etherapy.crypto.epochs import new_epoch
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.messages import seal_message
from etherapy.crypto.recovery import RecoveryCode
from etherapy.signing import SigningKey
from etherapy.tep import linking
from etherapy.tep.chain import Chain, verify_chain
from etherapy.tep.consent import Consent
from etherapy.tep.envelope import Envelope
from etherapy.tep.epoch import Commit, CommitReason, Role, parse_commit
from etherapy.tep.kinds import Text
from etherapy.tep.links import DeviceClass
from etherapy.tep.payload import Kind, Payload, View
from etherapy.tep.placing import thread_start
from etherapy.tep.serverkeys import ServerKey, Use
from etherapy.tep.statements import Decision, Promise

NOW = 1_780_000_000_000
HOME = sha256(b"home").digest()
THREAD, PRACTICE = bytes(range(16, 32)), bytes(range(16))


@dataclass
class Somebody:
    """A person, the first device's keys, and the whole chain."""

    keys: DeviceKeys
    links: list[bytes]
    others: list[DeviceKeys]

    @cached_property
    def chain(self) -> Chain:
        return verify_chain(self.links)


def somebody(devices: int) -> Somebody:
    """A person with so many devices, the recovery code's among them where there are two or more."""
    keys = DeviceKeys.generate()
    first = DeviceClass.PHONE
    links = [linking.begin_chain(keys.sign, keys.hpke.public, first, urandom(16), NOW, opt_out=devices == 1)]
    chain = Chain.begin(links[0])
    others: list[DeviceKeys] = []
    for number in range(1, devices):
        new = RecoveryCode.generate().keys() if number == 1 else DeviceKeys.generate()
        kind = DeviceClass.RECOVERY if number == 1 else DeviceClass.DESKTOP
        link = linking.add_device(chain, keys.sign, new.sign, new.hpke.public, kind, NOW)
        chain = chain.add(link)
        links.append(link)
        others.append(new)
    return Somebody(keys, links, others)


class Talk:
    """A client and a therapist in their second epoch, with a message and its promise."""

    def __init__(self, client: int = 2, therapist: int = 3) -> None:
        self.anna, self.vale = somebody(client), somebody(therapist)
        self.members = [(self.anna.chain, int(Role.CLIENT)), (self.vale.chain, int(Role.THERAPIST))]
        self.chains = {chain.chain_id: chain for chain, _ in self.members}
        self.receipts = SigningKey.generate()
        self.key_id = ServerKey.of(self.receipts.public, Use.RECEIPTS, NOW - 1000, NOW + 10**9).key_id
        self.first = parse_commit(self._epoch(0, None)[0])
        self.whole, self.secret = self._epoch(1, self.first)
        self.commit = parse_commit(self.whole)

    def _epoch(self, number: int, before: Commit | None) -> tuple[bytes, bytes]:
        return new_epoch(
            self.members,
            self.vale.keys,
            thread=THREAD,
            epoch=number,
            reason=CommitReason.REQUEST if number else CommitReason.CREATE,
            charter_hash=sha256(b"charter").digest(),
            view=(number, thread_start(THREAD, HOME)),
            home=HOME,
            prev=before.commit_hash if before else bytes(32),
        )

    def next_epoch(self) -> tuple[bytes, bytes]:
        """One more epoch over the same people."""
        return self._epoch(2, self.commit)

    def payload(self, text: str) -> Payload:
        """A text with a full view, as devices send it."""
        seen = View(500, HOME, 3, HOME, 2000, HOME)
        return Payload(Kind.TEXT, Text(text).pack(), NOW, seen)

    def seal(self, text: str) -> bytes:
        """An envelope by the client's device."""
        return seal_message(
            self.payload(text), secret=self.secret, commit=self.commit, key=self.anna.keys.sign
        )

    def promise(self, envelope: Envelope) -> Promise:
        """What the server would promise for it."""
        header = envelope.header
        return Promise(
            Decision.HELD, 0, 1, THREAD, header.mid, envelope.item_hash, 500, header.epoch, 3, HOME,
            NOW, NOW, NOW + 1000, NOW + 2000, self.key_id,
        )  # fmt: skip

    def consent(self) -> bytes:
        """The core of a consent to a cover."""
        cover = somebody(1).chain.chain_id
        return Consent(THREAD, cover, Role.CO_THERAPIST, False, NOW, NOW + 10**9, urandom(16), HOME).pack()
