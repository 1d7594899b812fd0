"""When a device only reads: what the server shows of its own person cannot be (tep.md §7).

A fork or a rollback of one's own chain, or a leaf in one's own name that none of one's devices made, mean
that somebody else may speak in that name. Then nothing is sent, sealed or signed into the chain: the one
place that every request passes refuses it, whoever asks.
"""

from collections.abc import Iterable
from typing import Any, Final

from etherapy.protocol import endpoints
from etherapy.protocol.endpoint import Endpoint
from etherapy.sdk.faults import Quarantined
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import Kept
from etherapy.sdk.keeping.profile import Profile

_OF_ONES_CHAIN: Final = frozenset({Kind.FORK, Kind.ROLLBACK})
_SPEAKS: Final[frozenset[Endpoint[Any, Any]]] = frozenset(
    {
        endpoints.send_message,
        endpoints.replace_message,
        endpoints.commit_epoch,
        endpoints.add_link,
        endpoints.offer_link,
        endpoints.complete_link,
        endpoints.give_history,
        endpoints.sign_consent,
        endpoints.leave_thread,
        endpoints.accept_membership,
        endpoints.invite,
        endpoints.set_passphrase,
    }
)
"""By which a device says something that others believe. Taking back what waits is not among them."""


def is_own_alarm(finding: Finding, chain: bytes) -> bool:
    """Whether a finding says that one's own devices are not what they were."""
    if finding.kind == Kind.OWN_LEAF:
        return True
    return finding.kind in _OF_ONES_CHAIN and bool(chain) and finding.proof.get("chain") == chain


def raise_alarm(kept: Kept, found: Iterable[Finding], chain: bytes) -> bool:
    """Begin the quarantine where one of these findings calls for it, and say so; the first cause stays."""
    alarm = next((one for one in found if is_own_alarm(one, chain)), None)
    if alarm is None or kept.quarantine is not None:
        return False
    kept.quarantine = alarm
    return True


def expect_free(kept: Kept, endpoint: Endpoint[Any, Any] = endpoints.send_message) -> None:
    """Quarantined when this may not be asked for now."""
    if kept.quarantine is not None and endpoint in _SPEAKS:
        raise Quarantined(kept.quarantine)


def end_quarantine(profile: Profile) -> None:
    """The cause is explained: by a restore statement that reconciles, or by the chain's being whole again."""
    profile.kept.quarantine = None
    profile.save()
