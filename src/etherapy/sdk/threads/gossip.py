"""Whether the keys log that the others saw is the one that this device sees (A-7)."""

from typing import TYPE_CHECKING

from etherapy.sdk.faults import Refuted
from etherapy.sdk.findings import Finding, Kind

if TYPE_CHECKING:
    from etherapy.sdk.threads.desk import ThreadDesk


async def compare_logs(desk: "ThreadDesk") -> list[Finding]:
    """Whether the keys log that senders saw is the one that this device sees."""
    found: list[Finding] = []
    for claim in desk.log.claims():
        try:
            agreed = await desk.link.keys_log.agrees(claim.size, claim.root)
        except Refuted as refuted:
            found.append(refuted.finding)
            continue
        if not agreed:
            note = desk.link.keys_log.copy.note.encode()
            words = "the other side was shown another log of devices"
            proof = {"envelope": claim.envelope, "checkpoint": note}
            found.append(desk.log.find(Kind.KEYS_FORK, words, claim.n, proof))
    return found
