"""Sealing anew what waits, once the people of its epoch are not those of the thread (A-4, A-5, A-6)."""

from etherapy.protocol.problem import Problem
from etherapy.sdk.faults import NotInThread, NotSentYet
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.messages.replacing import Waiting, replace
from etherapy.sdk.messages.sealing import open_envelope
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.tep.envelope import Envelope, parse_envelope
from etherapy.tep.epoch import Commit

_SUCCESSOR_AGE_MS = 10 * 24 * 3600 * 1000
"""Well before an old epoch may be shredded, 14 days after its successor (A-5)."""


async def reseal_own(desk: ThreadDesk) -> int:
    """Seal anew what this device has waiting under an epoch that somebody has left since, or in which a cover
    is missing whom its author agreed to; how many messages (A-5, A-6)."""
    newest, now = desk.log.epochs.newest, await desk.link.now()
    count = 0
    for item in list(desk.state.own.values()):
        if newest is None or item.state != "held" or item.envelope is None or item.replaced_by is not None:
            continue
        envelope = parse_envelope(item.envelope)
        before = desk.log.epochs.of(envelope.header.commit_hash)
        if before is None or not _is_due(desk, before, newest, now):
            continue
        count += await _reseal(desk, item, envelope)
    return count


async def _reseal(desk: ThreadDesk, item: OwnItem, envelope: Envelope) -> int:
    opened = open_envelope(desk, envelope)
    if opened is None:
        return 0
    payload = opened.payload_bytes
    try:
        await replace(desk, Waiting(item, envelope, payload), payload, zone=item.zone)
    except (Problem, NotSentYet, NotInThread):
        return 0  # it was placed or taken back meanwhile, or goes out with the next sync
    return 1


def _is_due(desk: ThreadDesk, before: Commit, newest: Commit, now: int) -> bool:
    """Whether a message of this epoch should be sealed for others: fewer, or one more who covers."""
    gone = set(before.core.device_ids()) - set(newest.core.device_ids())
    covers = {
        row.chain_id
        for row in newest.core.roster
        if row.chain_id not in before.core.users() and _agreed_to_cover(desk, row.chain_id)
    }
    return bool(gone or covers) or _is_old(desk, before, now)


def _agreed_to_cover(desk: ThreadDesk, user: bytes) -> bool:
    consent, name = desk.consent_to(user), desk.log.epochs.admitted.get(user, b"")
    covers = consent is not None and consent.until != 0
    return covers and desk.link.chain in desk.state.consents[name].signatures


def _is_old(desk: ThreadDesk, before: Commit, now: int) -> bool:
    epochs = desk.log.epochs
    after = next((at for at, one in enumerate(epochs.commits) if one.commit is before), None)
    if after is None or after + 1 >= len(epochs.commits):
        return False
    return now - epochs.placed_at[after + 1] > _SUCCESSOR_AGE_MS
