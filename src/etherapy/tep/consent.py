"""Consents: that somebody may come into a thread, by word of clients and owner (tep_amendments.md A-6).

The signatures may be given days apart and are kept beside the core; the commit that brings the newcomer in
names the core's hash. Malformed codes beyond those of the profile: consent, history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from etherapy.signing import SigningKey, verify
from etherapy.tep import cbor
from etherapy.tep.chain import Chain, Device
from etherapy.tep.labels import digest, label, plain_digest
from etherapy.tep.malformed import Malformed
from etherapy.tep.shape import boolean, instant, keyed, numbered, octets, uint, version_one
from etherapy.tep.signed import Signed, pack_signed, parse_signed

MAX_CONSENT = 1024
CLOCK_SLACK_MS = 120_000
"""How far the clocks of two honest machines may be apart (A-3, A-5)."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What is agreed to: `newcomer` (a chain_id) takes part in this role from `since` until `until` (ms).

    `until` 0 means open, and somebody who is there for a time gets no history.
    """

    thread: bytes
    newcomer: bytes
    role: int
    history: bool
    since: int
    until: int
    nonce: bytes
    home: bytes

    def pack(self) -> bytes:
        """The core bytes, which are what is signed and kept."""
        place = (self.thread, self.newcomer, self.role, self.history)
        data = cbor.encode(numbered(1, *place, self.since, self.until, self.nonce, self.home))
        parse_consent(data)
        return data


def parse_consent(data: bytes) -> Consent:
    """The consent behind its core bytes."""
    core = keyed(cbor.decode(data, limit=MAX_CONSENT), range(9), what="consent")
    version_one(core[0])
    found = Consent(
        octets(core[1], 16, "thread"),
        octets(core[2], 32, "newcomer"),
        uint(core[3], "role", 1, 4),
        boolean(core[4], "history"),
        instant(core[5], "from"),
        instant(core[6], "until"),
        octets(core[7], 16, "nonce"),
        octets(core[8], 32, "home"),
    )
    if found.until and found.until <= found.since:
        raise Malformed("range", "consent: ends before it begins")
    if found.until and found.history:
        raise Malformed("history", "consent: whoever is there for a time gets no history")
    return found


def consent_hash(core: bytes) -> bytes:
    """The name of a consent, in commits."""
    return digest("consent-hash", core)


def sign_consent(core: bytes, key: SigningKey) -> bytes:
    """One member's signature over a consent."""
    return key.sign(_signed_bytes(core))


def consent_verifies(core: bytes, sig: bytes, chain: Chain) -> bool:
    """Whether any active device of this chain signed the consent."""
    return signed_by(core, sig, chain.active())


def signed_by(core: bytes, sig: bytes, devices: Sequence[Device]) -> bool:
    """Whether one of these devices signed the consent."""
    message = _signed_bytes(core)
    return any(verify(device.sign_pk, message, sig) for device in devices)


def check_consent(
    core: bytes,
    signatures: Mapping[bytes, bytes],
    *,
    thread: bytes,
    home: bytes,
    signers: Sequence[Chain],
    at: int,
) -> Consent:
    """The consent, if it is for this thread, in force at `at` (ms) and signed by all `signers`.

    Malformed (consent) otherwise. `signatures` by chain_id; those of others are not looked at.
    """
    found = check_terms(core, thread=thread, home=home, at=at)
    for chain in signers:
        if not consent_verifies(core, signatures.get(chain.chain_id, b""), chain):
            raise Malformed("consent", "consent: not signed by everybody who must sign")
    return found


def check_terms(core: bytes, *, thread: bytes, home: bytes, at: int) -> Consent:
    """The consent, if it is for this thread and admits at `at` (ms), whoever signed it."""
    found = parse_consent(core)
    if (found.thread, found.home) != (thread, home):
        raise Malformed("consent", "consent: for another thread or another home")
    if at + CLOCK_SLACK_MS < found.since:
        raise Malformed("consent", "consent: not yet in force")
    if found.until and at >= found.until + CLOCK_SLACK_MS:
        raise Malformed("consent", "consent: its time has passed")
    return found


def pack_signed_consent(core: bytes, signatures: Sequence[bytes]) -> bytes:
    """The container for keeping and handing on: signatures of the clients by chain_id, then of the owner."""
    parse_consent(core)
    return pack_signed(core, list(signatures))


def parse_signed_consent(data: bytes) -> tuple[Consent, Signed]:
    """A consent and its container; nothing is verified yet."""
    signed = parse_signed(data, MAX_CONSENT)
    return parse_consent(signed.core), signed


def _signed_bytes(core: bytes) -> bytes:
    return label("consent") + plain_digest(core)
