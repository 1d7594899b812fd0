"""Devices that ask to be linked, and the links that bring them in, as apps make them (tep.md §5.9)."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from os import urandom
from typing import Any

from etherapy.binary import B64, Hash32, Id16
from etherapy.crypto.keys import DeviceKeys
from etherapy.crypto.pairing import confirmation, new_pairing_secret
from etherapy.protocol import endpoints, pairing
from etherapy.protocol.endpoint import Endpoint
from etherapy.rules.calendar import milliseconds
from etherapy.signing import SigningKey
from etherapy.tep import linking
from etherapy.tep.links import DeviceClass, device_id, newcomer_bytes, signer_bytes
from etherapy.tep.pairing import code_of, lookup_id, request_hash
from etherapy.tep.signed import pack_signed
from tests.server.asking import Answer, Ask
from tests.server.clinic import Clinic
from tests.server.people import Somebody


@dataclass(frozen=True)
class Newcomer:
    """A new device whose keys nobody knows yet."""

    device_class: int = DeviceClass.DESKTOP
    keys: DeviceKeys = field(default_factory=DeviceKeys.generate)
    secret: bytes = field(default_factory=new_pairing_secret)

    @property
    def lookup(self) -> bytes:
        name = request_hash(self.keys.sign.public, self.keys.hpke.public, int(self.device_class))
        return lookup_id(code_of(name))

    def asking(self) -> pairing.AskLink:
        return pairing.AskLink(
            Id16(self.lookup),
            Hash32(self.keys.sign.public),
            B64(self.keys.hpke.public),
            self.device_class,  # type: ignore[arg-type]  # tests ask as classes that are refused as well
        )

    def ask(self, practice: bytes) -> Ask:
        endpoint = endpoints.ask_link
        return Ask(endpoint.method, endpoint.fill({"practice": practice}), body=self.asking())

    def offer(self, who: Somebody, now: datetime, signer: SigningKey | None = None) -> pairing.OfferLink:
        """What a device of `who` says after it read the QR code."""
        by = signer or who.keys.sign
        core = linking.add_core(
            who.chain,
            device_id(by.public),
            self.keys.sign.public,
            self.keys.hpke.public,
            self.device_class,
            milliseconds(now),
        ).pack()
        return pairing.OfferLink(
            B64(core), B64(by.sign(signer_bytes(core))), Hash32(confirmation(self.secret, core))
        )

    def agree(self, core: bytes, signature: bytes) -> bytes:
        """The whole link, with this device's own signature."""
        return pack_signed(core, [signature, self.keys.sign.sign(newcomer_bytes(core))])


async def wait(clinic: Clinic, who: Somebody, new: Newcomer | None = None) -> Newcomer:
    """A new device that waits in somebody's practice."""
    new = new or Newcomer()
    await clinic.line.call(endpoints.ask_link, new.asking(), practice=who.practice)
    return new


async def offered(clinic: Clinic, who: Somebody, new: Newcomer | None = None) -> tuple[Newcomer, bytes]:
    """A new device that somebody agreed to, with the link that it will upload."""
    new = await wait(clinic, who, new)
    offer = new.offer(who, clinic.now)
    await clinic.line.call(endpoints.offer_link, offer, token=who.token, lookup=new.lookup)
    return new, new.agree(offer.core, offer.signature)


async def complete(clinic: Clinic, who: Somebody, new: Newcomer, link: bytes) -> Somebody:
    """The device is linked; the same person with a longer chain."""
    body = pairing.CompleteLink(B64(link))
    await clinic.line.call(endpoints.complete_link, body, practice=who.practice, lookup=new.lookup)
    return clinic.settle(replace(who, links=(*who.links, link)))


async def set_passphrase(clinic: Clinic, who: Somebody, name: str = "") -> pairing.SetPassphrase:
    """A passphrase for somebody; what a device derives from it stands for it."""
    body = pairing.SetPassphrase(name or who.name, Id16(urandom(16)), Hash32(urandom(32)))
    await clinic.line.call(endpoints.set_passphrase, body, token=who.token)
    return body


async def ask_for(
    clinic: Clinic,
    endpoint: Endpoint[Any, Any],
    who: Somebody | None,
    body: Any = None,
    query: str = "",
    **path: Any,
) -> Answer:
    ask = Ask(endpoint.method, endpoint.fill(path), query, body)
    return await clinic.line.ask(ask, who.token if who else None)


async def progress(clinic: Clinic, who: Somebody, new: Newcomer, query: str = "") -> pairing.LinkProgress:
    """Where its request stands."""
    return await clinic.line.call(
        endpoints.read_link_progress, query=query, practice=who.practice, lookup=new.lookup
    )


async def finish(clinic: Clinic, who: Somebody, new: Newcomer, link: bytes) -> Answer:
    """Whatever is answered to the whole link."""
    place: dict[str, Any] = {"practice": who.practice, "lookup": new.lookup}
    return await ask_for(clinic, endpoints.complete_link, None, pairing.CompleteLink(B64(link)), **place)


async def try_passphrase(
    clinic: Clinic,
    who: Somebody,
    known: pairing.SetPassphrase,
    new: Newcomer,
    *,
    name: str | None = None,
    auth: bytes | None = None,
) -> Answer:
    """Whatever is answered to somebody who names these."""
    body = pairing.PassphraseLogin(name or known.name, Hash32(auth or known.auth), Id16(new.lookup))
    path = endpoints.passphrase_login.fill({"practice": who.practice})
    return await clinic.line.ask(Ask("POST", path, body=body))


async def pending(clinic: Clinic, who: Somebody) -> tuple[Newcomer, pairing.PendingSession]:
    """A new device of somebody who knew the passphrase."""
    known, new = await set_passphrase(clinic, who), await wait(clinic, who)
    body = pairing.PassphraseLogin(known.name, known.auth, Id16(new.lookup))
    found = await clinic.line.call(endpoints.passphrase_login, body, practice=who.practice)
    return new, found
