"""What our own commands can answer instead of what was asked for. The door's own problems are in door.py."""

from dataclasses import dataclass
from datetime import datetime

from etherapy.binary import B64, Hash32
from etherapy.protocol.problem import Problem
from etherapy.rules.explain import Preview


class LoginFailed(Problem, status=401):
    """The login was not accepted. Ask for a new challenge and sign it with a device of this practice."""


@dataclass(eq=False)
class DeviceRevoked(Problem, status=401):
    """This device was taken out by another device of its person."""

    links: list[B64]
    """The person's links up to the one that did it, so that the device need not take anybody's word."""


class WrongRole(Problem, status=403):
    """This is for another role in the practice."""


class NoSuchThread(Problem, status=404):
    """There is no such thread, or it is not yours."""


class NoSuchMessage(Problem, status=404):
    """There is no such message of yours in this thread."""


class NoSuchChain(Problem, status=404):
    """There is no such chain, or you share no thread with its owner."""


class NoSuchLog(Problem, status=404):
    """There is no such log."""


class NoSuchLink(Problem, status=404):
    """This link is unknown, used or expired; ask whoever gave it to you for a new one."""


class NoSuchRequest(Problem, status=404):
    """No new device waits under this code, or not any more: start again on the new device."""


class InvitationExpired(Problem, status=410):
    """This invitation has expired; ask your therapist for a new one."""


class InvitationSpent(Problem, status=410):
    """This invitation was already accepted. If it was not by you, tell your therapist."""


@dataclass(eq=False)
class BadFormat(Problem, status=400):
    """A TEP/1 structure is not well-formed."""

    what: str
    """Which structure or field, as a short code."""


@dataclass(eq=False)
class Unverified(Problem, status=422):
    """A signature, hash or rule of TEP/1 does not hold."""

    what: str
    """Which one, as a short code."""


@dataclass(eq=False)
class BadRules(Problem, status=422):
    """These rules cannot be put in force."""

    field: str
    fault: str
    mend: str
    whose: str = ""
    """Whose rules do not fit, where they are not those that were written, such as `Dr Vale`."""


@dataclass(eq=False)
class StaleEpoch(Problem, status=409):
    """The thread has a newer epoch: verify it, seal again under it and send with the same mid."""

    newest: B64


class StaleChain(Problem, status=409):
    """Somebody's device chain has grown meanwhile: fetch it, verify it, and try again."""


class StaleVersion(Problem, status=409):
    """This was changed by somebody else meanwhile: read it again and decide anew."""


@dataclass(eq=False)
class MidTaken(Problem, status=409):
    """Another message of yours has this id; nothing was stored, the other one is untouched."""

    item_hash: Hash32


class NoSuchAlert(Problem, status=404):
    """No such alert was sent to you."""


class NoSuchTask(Problem, status=404):
    """There is no such task of yours."""


@dataclass(eq=False)
class AlreadyPlaced(Problem, status=409):
    """It is too late to take this message back: it was placed."""

    entry: B64
    placed_at: datetime


class NotHeld(Problem, status=409):
    """This message does not wait any more: it was recalled or returned."""


class NoSeat(Problem, status=409):
    """This device is not in the thread's newest epoch: commit one that includes it, or link the device
    first."""


class ThreadClosed(Problem, status=409):
    """This thread is closed; it can be read and exported."""


class DeviceTaken(Problem, status=409):
    """A device or chain with these keys exists in this practice."""


class NameTaken(Problem, status=409):
    """Somebody else in this practice logs in by this name; choose another."""


class DeviceWaiting(Problem, status=409):
    """Another new device waits by this passphrase: agree to it or refuse it on a device that you have, or
    wait a quarter of an hour."""


@dataclass(eq=False)
class TooManyWaiting(Problem, status=503):
    """Too many new devices wait in this practice at the moment; try again in some minutes."""

    retry_after: int | None = 120


@dataclass(eq=False)
class Declined(Problem, status=409):
    """The rules that were agreed do not allow this message now. Keep it as a draft."""

    reasons: list[str]
    """Codes, such as `budget_exhausted`."""
    retry_from: datetime | None
    """From when on it would be taken; None: nobody knows."""
    words: Preview
    """What to show: sentences, emergency text and crisis card."""


class OpeningForbidden(Problem, status=409):
    """The practice does not let anybody open what is held before its time."""


@dataclass(eq=False)
class CardNotShown(Problem, status=409):
    """Nobody is on call for urgent messages now: show the crisis card, and send with its name."""

    words: Preview


@dataclass(eq=False)
class Busy(Problem, status=503):
    """The thread changed again and again while this was decided; try once more."""

    retry_after: int | None = 1
