"""Giving the history: commit first, grant afterwards, to nobody unconfirmed (tep.md §5.5, §5.9).

A grant is believed only between devices that had seats together, while its receiver has one, and only as
far as
each secret is the one that its epoch promised to everybody.
"""

from collections.abc import Iterable

from etherapy.binary import B64
from etherapy.crypto.epochs import check_secret
from etherapy.crypto.errors import CannotOpen
from etherapy.crypto.grants import make_grant, open_grant
from etherapy.crypto.keys import DeviceKeys
from etherapy.protocol import endpoints
from etherapy.protocol.membership import GiveHistory
from etherapy.sdk.faults import NotConfirmed, NotInThread
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.tep.chain import Chain, Device
from etherapy.tep.epoch import CommitCore
from etherapy.tep.grant import Grant, check_grant, parse_grant
from etherapy.tep.malformed import Malformed

_EPOCHS_A_GRANT = 500
_GRANTS_A_CALL = 8
"""So many of so many epochs fit a body: 20 KB each, a third more in JSON (docs/performance.md)."""


async def grant_history(desk: ThreadDesk, chain: bytes, devices: Iterable[bytes] | None = None) -> int:
    """Give the epochs that this device can open to a member's devices, or only to some; how many grants.

    NotConfirmed for somebody else who was not compared with in session on this device: whatever the server
    says, they may be another person (AT-54). NotInThread for who is not in the newest roster.
    """
    newest = desk.log.epochs.newest
    row = newest.core.user(chain) if newest else None
    if newest is None or row is None:
        raise NotInThread("whoever is to get the history is not in this thread's newest epoch")
    if chain != desk.link.chain:
        _expect_allowed(desk, chain)
    person = desk.link.people.person(chain)
    found = None if person is None else person.at(row.chain_seq)
    wanted = set(row.device_ids()) if devices is None else set(devices)
    grants = [] if found is None else _make(desk, found, wanted & set(row.device_ids()))
    for at in range(0, len(grants), _GRANTS_A_CALL):
        body = GiveHistory([B64(one) for one in grants[at : at + _GRANTS_A_CALL]])
        await desk.link.transport.call(endpoints.give_history, body, thread=desk.thread)
    return len(grants)


async def take_grants(desk: ThreadDesk) -> bool:
    """Open what was granted to this device; whether an epoch opened that was closed before."""
    newest = desk.log.epochs.newest
    if newest is None or newest.core.row_of(desk.link.keys.device_id) is None:
        return False
    answer = await desk.link.transport.call(endpoints.read_grants, thread=desk.thread)
    before = len(desk.state.secrets)
    for one in answer.grants:
        desk.link.note(take_grant(desk, bytes(one)))
    if len(desk.state.secrets) == before:
        return False
    desk.link.profile.save_thread(desk.state)
    await desk.read_anew()
    return True


def take_grant(desk: ThreadDesk, data: bytes, keys: DeviceKeys | None = None) -> list[Finding]:
    """Take over the secrets of one grant, as far as they hold; what is wrong with the others. `keys`: of the
    device that it was given to, where that is not this one."""
    epochs = desk.log.epochs
    try:
        signed = parse_grant(data)
        roster = _last_together(desk, signed.grant)
        if roster is None:
            return []
        check_grant(signed, roster, _chains(desk, roster))
        secrets = open_grant(signed, keys or desk.link.keys)
    except (Malformed, CannotOpen) as bad:
        return [_bad(desk, f"a history that was given to this device does not hold: {bad}", data)]
    found: list[Finding] = []
    for epoch, secret in secrets.items():
        commit = epochs.numbered(epoch)
        if commit is None:
            continue  # from before this person's time: nothing here was sealed in it
        try:
            check_secret(commit, secret)
        except CannotOpen:
            found.append(_bad(desk, "an older key given to this device is not the promised one", data))
            continue
        desk.state.secrets.setdefault(commit.commit_hash, secret)
    return found


def _last_together(desk: ThreadDesk, grant: Grant) -> CommitCore | None:
    """The newest roster with both devices, or the last that had both.

    The giver may have been taken out since: of a new phone and an old one this is the usual order. What was
    given stays good, since each secret is held against its epoch. None where the giver read here once, but
    never together with the receiver: that accuses nobody, and is not believed.
    """
    cores = [one.commit.core for one in desk.log.epochs.commits]
    both = [one for one in cores if one.row_of(grant.giver) and one.row_of(grant.receiver)]
    if both:
        return both[-1]
    return None if any(one.row_of(grant.giver) for one in cores) else cores[-1]


def _expect_allowed(desk: ThreadDesk, chain: bytes) -> None:
    consent = desk.consent_to(chain)
    if consent is not None and not consent.history:
        raise NotConfirmed(
            "it was agreed that this person sees nothing from before", "ask everybody to agree"
        )
    if chain not in desk.state.confirmed:
        raise NotConfirmed("it is not sure yet that this is the person you mean")


def _make(desk: ThreadDesk, chain: Chain, wanted: set[bytes]) -> list[bytes]:
    secrets = {
        one.commit.core.epoch: desk.state.secrets[one.commit.commit_hash]
        for one in desk.log.epochs.commits
        if one.commit.commit_hash in desk.state.secrets
    }
    numbers = sorted(secrets)
    parts = [numbers[at : at + _EPOCHS_A_GRANT] for at in range(0, len(numbers), _EPOCHS_A_GRANT)]
    me = desk.link.keys.device_id
    to: list[Device] = [one for one in chain.active() if one.device_id in wanted and one.device_id != me]
    return [
        make_grant(desk.thread, desk.link.keys, device, {epoch: secrets[epoch] for epoch in part})
        for device in to
        for part in parts
    ]


def _chains(desk: ThreadDesk, roster: CommitCore) -> dict[bytes, Chain]:
    people = {row.chain_id: desk.link.people.person(row.chain_id) for row in roster.roster}
    return {chain: person.chain for chain, person in people.items() if person is not None}


def _bad(desk: ThreadDesk, words: str, data: bytes) -> Finding:
    return desk.log.find(Kind.BAD_GRANT, words, desk.log.n, {"grant": data})
