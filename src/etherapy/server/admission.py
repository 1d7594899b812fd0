"""From uploaded links to a person or a device that may be stored: verified chains, leaves, LinkPromises."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from etherapy.protocol.problems import InvitationExpired, InvitationSpent, NoSuchLink
from etherapy.rules.calendar import milliseconds
from etherapy.rules.canonical import canonical_json
from etherapy.server.judging import expect, readable, verified
from etherapy.server.keys import ServerSecrets
from etherapy.server.parts import Ctx
from etherapy.store.database import Record
from etherapy.store.people import AuditLeaf, NewAccount, NewDevice, NewLink
from etherapy.tep.chain import Chain, Device, verify_chain
from etherapy.tep.leaves import chain_link_leaf, leaf_hash
from etherapy.tep.links import parse_link
from etherapy.tep.receipts import sign_receipt
from etherapy.tep.statements import LinkPromise, LogName

SEQUENCED_WITHIN = timedelta(minutes=10)
"""By when a leaf has its place in the log (tep_amendments.md A-6)."""
MOST_FIRST_LINKS = 8


async def find_invitation(ctx: Ctx, practice: bytes, lookup: bytes) -> Record:
    """An invitation that can still be accepted."""
    row = await ctx.parts.people.invitation(practice, lookup, ctx.now)
    if row is None:
        raise NoSuchLink()
    if row["spent"]:
        raise InvitationSpent()
    if row["expired"]:
        raise InvitationExpired()
    return row


def read_chain_upload(links: Sequence[bytes]) -> Chain:
    """A whole new chain: genesis with a recovery device in the same upload, or the stated opt-out
    (tep.md §5.2)."""
    expect(0 < len(links) <= MOST_FIRST_LINKS, "links")
    with readable():
        parsed = [parse_link(link) for link in links]
    with verified():
        chain = verify_chain(parsed)
    expect(chain.complete() and not chain.closed, "recovery")
    return chain


def new_link(
    secrets: ServerSecrets,
    practice: bytes,
    generation: int,
    account: bytes,
    chain_id: bytes,
    seq: int,
    link: bytes,
    link_hash: bytes,
    now: datetime,
    random: Callable[[int], bytes],
) -> NewLink:
    """A link with its leaf and the server's promise to sequence it."""
    leaf = chain_link_leaf(account, chain_id, seq, link_hash)
    promise = LinkPromise(
        log=LogName.KEYS,
        generation=generation,
        practice=practice,
        leaf_hash=leaf_hash(leaf),
        at=milliseconds(now),
        sequenced_by=milliseconds(now + SEQUENCED_WITHIN),
        key_id=secrets.receipt_id,
    )
    return NewLink(link, sign_receipt(promise, secrets.receipt, secrets.receipt_id), random(16), leaf)


def new_account(
    secrets: ServerSecrets,
    practice: bytes,
    generation: int,
    chain: Chain,
    links: Sequence[bytes],
    now: datetime,
    random: Callable[[int], bytes],
) -> NewAccount:
    """A person under a fresh random pseudonym."""
    account = random(16)
    return NewAccount(
        account=account,
        chain=chain.chain_id,
        head=chain.head,
        links=[
            new_link(
                secrets,
                practice,
                generation,
                account,
                chain.chain_id,
                seq,
                link,
                chain.hashes[seq],
                now,
                random,
            )
            for seq, link in enumerate(links)
        ],
        devices=[new_device(device) for device in chain.devices.values()],
    )


def new_device(device: Device) -> NewDevice:
    """A device of a chain, as the store keeps it."""
    return NewDevice(device.device_id, device.sign_pk, device.hpke_hash, device.device_class)


def audit_leaf(random: Callable[[int], bytes], act: str, **facts: object) -> AuditLeaf:
    """An audit record; bytes become hex. It must hold no content, no key and no name of a client."""
    shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in facts.items()}
    return AuditLeaf(random(16), random(32), canonical_json({"act": act, **shown}))
