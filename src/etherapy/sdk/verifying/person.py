"""A device chain with its LinkPromises, read as the person it stands for (tep.md §5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass

from etherapy.protocol.people import ChainLink
from etherapy.sdk.keeping.kept import KnownLinks
from etherapy.tep.chain import Chain
from etherapy.tep.leaves import chain_link_leaf, leaf_hash
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import KeyDates, verify_receipt
from etherapy.tep.statements import LinkPromise, LogName


@dataclass(frozen=True, slots=True)
class Person:
    """A verified chain with every state it has had, and when each link was recorded (ms)."""

    account: bytes
    history: tuple[Chain, ...]
    recorded: tuple[int, ...]

    @property
    def chain(self) -> Chain:
        """The chain as it is now."""
        return self.history[-1]

    def at(self, seq: int) -> Chain | None:
        """The chain as it was after link `seq`; None if it is not that long yet."""
        return self.history[seq] if seq < len(self.history) else None

    def revoked_at(self, device: bytes) -> int | None:
        """When the revocation of a device was recorded (ms); None while it is active or unknown."""
        found = self.chain.devices.get(device)
        if found is None or found.revoked_seq is None:
            return None
        return self.recorded[found.revoked_seq]


def read_person(known: KnownLinks, keys: dict[bytes, KeyDates], practice: bytes) -> Person:
    """The person behind links with their LinkPromises; Malformed when a link or a promise does not hold."""
    history: list[Chain] = []
    recorded: list[int] = []
    for seq, (link, promise) in enumerate(zip(known.links, known.promises, strict=True)):
        said = verify_receipt(promise, keys)
        if not isinstance(said, LinkPromise) or said.log != LogName.KEYS or said.practice != practice:
            raise Malformed("promise", "chain: the promise for a link is another statement")
        recorded.append(said.at)
        history.append(history[-1].add(link, said.at) if history else Chain.begin(link))
        name = history[-1].head
        leaf = chain_link_leaf(known.account, history[-1].chain_id, seq, name)
        if said.leaf_hash != leaf_hash(leaf):
            raise Malformed("promise", "chain: the promise for a link is for another link")
    if not history or not history[-1].complete():
        raise Malformed("recovery", "chain: ends before it has a recovery device, and did not opt out")
    return Person(known.account, tuple(history), tuple(recorded))


def known_links(account: bytes, links: Sequence[ChainLink]) -> KnownLinks:
    """Links as the server gives them, ready to be read."""
    return KnownLinks(
        account=account,
        links=[bytes(one.link) for one in links],
        promises=[bytes(one.link_promise) for one in links],
        indexes=[one.index for one in links],
    )
