"""What another of one's devices did to one's own chain, in words: nobody is let in unnoticed (tep.md §5.2).

Pure. Whoever did not do it themselves learns in the same sentence what to do.
"""

from etherapy.sdk.devices.own_chain import device_name, recorded_at
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import Kept
from etherapy.sdk.verifying.person import Person
from etherapy.tep.chain import Chain
from etherapy.tep.links import DeviceClass, Link, Op, device_id, parse_link


def news_of(kept: Kept, person: Person, device: bytes) -> tuple[Finding, ...]:
    """The links that are new to this device's person and were signed by another device of theirs."""
    if kept.known_seq < 0:
        return ()
    links = kept.chains[person.chain.chain_id].links
    fresh = [(seq, parse_link(links[seq])) for seq in range(kept.known_seq + 1, person.chain.seq + 1)]
    return tuple(
        Finding(kind=Kind.DEVICES, words=_in_words(person, seq, link), proof={"link": link.whole})
        for seq, link in fresh
        if device not in (link.core.signer, _came(link))
    )


def _in_words(person: Person, seq: int, link: Link) -> str:
    signer = device_name(person.chain.devices[link.core.signer])
    when = f"{recorded_at(person, seq):%Y-%m-%d %H:%M} UTC"
    return f"{when}: your {signer} {_done(person.chain, link)}"


def _done(chain: Chain, link: Link) -> str:
    target = chain.devices.get(link.core.target or b"")
    match link.core.op:
        case Op.ADD if link.core.device_class == DeviceClass.RECOVERY:
            return "made a new recovery code"
        case Op.REVOKE if target is not None and target.device_class == DeviceClass.RECOVERY:
            return "ended the old recovery code"
        case Op.ADD:
            return f"let in another device, {device_name(chain.devices[_came(link)])}"
        case Op.REVOKE if target is not None:
            return f"took out {device_name(target)}"
        case Op.ANNOUNCE_RECOVERY:
            return "announced a new recovery code; it can be prevented for 72 hours"
        case Op.COMPLETE_RECOVERY:
            return "replaced the recovery code"
        case Op.CLOSE:
            return "closed the account"
    return "renewed its key"


def _came(link: Link) -> bytes:
    return b"" if link.core.sign_pk is None else device_id(link.core.sign_pk)
