"""Two people and their thread, the same in every run: what the tests of formats and secrets build upon."""

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256

from etherapy.crypto.epochs import new_epoch, open_epoch
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.messages import seal_message
from etherapy.crypto.recovery import RecoveryCode
from etherapy.signing import SigningKey
from etherapy.tep import epoch, linking, payload
from etherapy.tep.chain import Chain, verify_chain
from etherapy.tep.links import DeviceClass
from etherapy.tep.placing import thread_start
from etherapy.tep.serverkeys import ServerKey, ServerKeys, Use, first_server_link, home, verify_server_chain

NOW = 1_780_000_000_000
PRACTICE = bytes(range(16))
THREAD = bytes(range(16, 32))
CHARTER_HASH = sha256(b"charter").digest()


class Dice:
    """Random bytes that fall alike in every run: a stand-in for os.urandom, by seed."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._thrown = 0

    def __call__(self, length: int) -> bytes:
        self._thrown += 1
        made = b""
        while len(made) < length:
            made += sha256(
                self._seed + self._thrown.to_bytes(4, "big") + len(made).to_bytes(4, "big")
            ).digest()
        return made[:length]


@dataclass
class Person:
    """Somebody with a first device and a recovery code; `links` is their whole chain."""

    keys: DeviceKeys
    code: RecoveryCode
    links: list[bytes]
    dice: Dice = field(repr=False)

    @property
    def chain(self) -> Chain:
        return verify_chain(self.links)

    def add(self, device_class: int = DeviceClass.DESKTOP, by: SigningKey | None = None) -> DeviceKeys:
        """A further device, brought in by the first one (or `by`)."""
        keys = DeviceKeys.generate(self.dice)
        signer = by or self.keys.sign
        self.links.append(
            linking.add_device(
                self.chain, signer, keys.sign, keys.hpke.public, device_class, NOW + len(self.links)
            )
        )
        return keys

    def revoke(self, keys: DeviceKeys, by: SigningKey | None = None) -> None:
        self.links.append(linking.revoke_device(self.chain, by or self.keys.sign, keys.device_id, NOW))


def person(name: str, device_class: int = DeviceClass.PHONE) -> Person:
    """A person with a phone and a recovery device."""
    dice = Dice(name)
    keys, code = DeviceKeys.generate(dice), RecoveryCode.generate(dice)
    link0 = linking.begin_chain(keys.sign, keys.hpke.public, device_class, dice(16), NOW)
    recovery = code.keys()
    link1 = linking.add_device(
        Chain.begin(link0), keys.sign, recovery.sign, recovery.hpke.public, DeviceClass.RECOVERY, NOW + 1
    )
    return Person(keys, code, [link0, link1], dice)


@dataclass
class Server:
    """A server's keys: the offline root, and the key that signs receipts."""

    root: SigningKey
    receipts: SigningKey
    links: list[bytes]

    @property
    def keys(self) -> ServerKeys:
        return verify_server_chain(self.links)

    @property
    def key_id(self) -> bytes:
        return ServerKey.of(self.receipts.public, Use.RECEIPTS, 0, 1).key_id


def server(name: str = "server") -> Server:
    dice = Dice(name)
    root, receipts = SigningKey(dice(32)), SigningKey(dice(32))
    keys = [ServerKey.of(receipts.public, Use.RECEIPTS, NOW - 1000, NOW + 10**9)]
    return Server(root, receipts, [first_server_link("https://therapy.example", root, keys)])


@dataclass
class Thread:
    """A thread of a client and a therapist with its epochs, oldest first."""

    client: Person
    therapist: Person
    home: bytes
    commits: list[epoch.Commit]
    secrets: list[bytes]

    def commit(self, by: Person | None = None, **changed: object) -> epoch.Commit:
        """The next epoch over the chains as they are now."""
        author = by or self.therapist
        fields: dict[str, object] = {
            "thread": THREAD,
            "epoch": len(self.commits),
            "reason": epoch.CommitReason.REQUEST if self.commits else epoch.CommitReason.CREATE,
            "charter_hash": CHARTER_HASH,
            "view": (len(self.commits), thread_start(THREAD, self.home)),
            "home": self.home,
            "prev": self.commits[-1].commit_hash if self.commits else bytes(32),
        }
        whole, secret = new_epoch(self.members(), author.keys, **(fields | changed))  # type: ignore[arg-type]
        self.commits.append(epoch.parse_commit(whole))
        self.secrets.append(secret)
        return self.commits[-1]

    def members(self) -> list[tuple[Chain, int]]:
        return [(self.client.chain, epoch.Role.CLIENT), (self.therapist.chain, epoch.Role.THERAPIST)]

    def chains(self) -> dict[bytes, Chain]:
        return {chain.chain_id: chain for chain, _ in self.members()}

    def message(self, body: str = "Hello", by: DeviceKeys | None = None, **changed: object) -> bytes:
        """An envelope in the newest epoch."""
        key = (by or self.client.keys).sign
        return seal_message(
            text(body),
            secret=self.secrets[-1],
            commit=self.commits[-1],
            key=key,
            **changed,  # type: ignore[arg-type]
        )


def text(body: str, **changed: object) -> payload.Payload:
    """A text with a view of an empty thread."""
    view = payload.View(0, bytes(32), 1, sha256(b"rules").digest())
    return payload.Payload(payload.Kind.TEXT, body, NOW, view, **changed)  # type: ignore[arg-type]


def thread() -> Thread:
    """A fresh thread in its first epoch."""
    made = Thread(person("client"), person("therapist"), home(server().keys.server_id, PRACTICE), [], [])
    made.commit()
    return made


@cache
def settled() -> Thread:
    """One thread for tests that only look. Never change it."""
    found = thread()
    assert open_epoch(found.commits[0], found.client.keys) == found.secrets[0]
    return found


def flips(data: bytes) -> list[bytes]:
    """`data` with each single bit changed in turn."""
    return [
        data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
        for at in range(len(data))
        for bit in range(8)
    ]
