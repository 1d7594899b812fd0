"""What the leaves of the keys log say about devices, whichever call happened to read them (tep.md §5.13).

A leaf in one's own name that none of one's devices made is an alarm. A leaf of anybody's chain that is longer
than what the server shows of it exposes a link that is being hidden, such as a revocation.
"""

from typing import TYPE_CHECKING

from etherapy.sdk.findings import Finding, Kind
from etherapy.tep import cbor
from etherapy.tep.malformed import Malformed

if TYPE_CHECKING:
    from etherapy.sdk.connection import Connection


class LeafWatch:
    """Judges leaves as they are read. `newer_server`: one was a key link of the server not shown yet."""

    def __init__(self, link: "Connection") -> None:
        self._link = link
        self._found: list[Finding] = []
        self.newer_server = False

    def take(self, leaves: tuple[bytes, ...]) -> None:
        """Judge new leaves; what is found is kept at once, for they are read only once."""
        found = [one for leaf in leaves if (one := self.judge(leaf)) is not None]
        self._link.note(found)
        self._found += found

    def findings(self) -> list[Finding]:
        """What was found since this was asked last."""
        found, self._found = self._found, []
        return found

    def judge(self, leaf: bytes) -> Finding | None:
        """A leaf in one's own name that is none of one's own links, or a server link that is none of ours."""
        link = self._link
        try:
            listed = cbor.decode(leaf, limit=4096)
        except Malformed:
            words = "a leaf of the keys log is malformed"
            return Finding(kind=Kind.KEYS_FORK, words=words, proof={"leaf": leaf})
        identity, server = link.profile.identity, link.server
        match listed:
            case [1, account, bytes(chain), int(seq), bytes(name)]:
                if account == identity.account and not self._is_own(chain, seq, name):
                    words = "the keys log has a link in your name that none of your devices made"
                    return Finding(kind=Kind.OWN_LEAF, words=words, proof={"leaf": leaf})
                link.people.expect_link(chain, seq)
            case [2, server.server_id, int(seq), name] if seq >= len(server.hashes):
                self.newer_server = True
            case [2, server.server_id, int(seq), name] if server.hashes[seq] != name:
                words = "the keys log has another key link of the server than was shown"
                return Finding(kind=Kind.SERVER_KEYS, words=words, proof={"leaf": leaf})
        return None

    def _is_own(self, chain: bytes, seq: int, name: bytes) -> bool:
        """Whether it is a link of one's own chain; a newer one is judged when the chain is looked at."""
        me = self._link.profile.identity.chain
        known = self._link.people.person(me)
        then = None if known is None else known.at(seq)
        return chain == me and (then is None or then.head == name)
