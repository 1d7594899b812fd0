"""What can go wrong on a device, one class for each cause, each with what to do next.

What the server refuses comes as the classes of `protocol.problems`; what keys refuse as those of
`crypto.errors`. No message here ever holds a text, a key, a code or a link.
"""

from etherapy.sdk.findings import Finding


class DeviceFault(Exception):
    """A cause in one sentence, and `mend`: what the person can do."""

    mend = ""

    def __init__(self, cause: str, mend: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.mend = mend or type(self).mend

    def __str__(self) -> str:
        return f"{self.cause}; {self.mend}" if self.mend else self.cause


class ProfileInUse(DeviceFault):
    """Another process has this profile open."""

    mend = "close the other program, or use another profile"


class ProfileDamaged(DeviceFault):
    """A file of the profile cannot be read."""

    mend = "put a copy back, or recover into a new profile with the recovery code"


class ProfileTooNew(DeviceFault):
    """The profile was written by a newer release."""

    mend = "upgrade this program"


class NotEnrolled(DeviceFault):
    """This profile belongs to nobody yet."""

    mend = "enrol with a staff link, join by an invitation, or recover with the recovery code"


class AlreadyEnrolled(DeviceFault):
    """This profile belongs to somebody already."""

    mend = "use an empty profile"


class BadLink(DeviceFault):
    """This is not a link of the kind that is needed here, or a part of it is missing."""

    mend = "copy the whole link again, or ask for a new one"


class WrongServer(DeviceFault):
    """Whoever answers is not the server that was pinned."""

    mend = "check the address; if it is right, tell your practice before you write anything"


class Refuted(DeviceFault):
    """The server's answer does not hold. `finding` says what, with the evidence."""

    mend = "nothing was believed; keep the evidence and tell your practice"

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.words)
        self.finding = finding


class NoSuchThreadHere(DeviceFault):
    """This device knows no such thread."""

    mend = "sync first, then choose one of the threads listed"


class ThreadHalted(DeviceFault):
    """What the server shows of a thread contradicts itself, so nothing is sent to it."""

    mend = "export the findings and show them to the other person and to your practice"

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.words)
        self.finding = finding


class NotSentYet(DeviceFault):
    """It is not known whether the message arrived. It waits on this device, sealed, under `mid`."""

    mend = "it is sent again, as the same message, at the next sync"

    def __init__(self, cause: str, mid: bytes) -> None:
        super().__init__(cause)
        self.mid = mid


class TooLong(DeviceFault):
    """The text does not fit into one message."""

    mend = "divide it, or shorten it"


class NotInThread(DeviceFault):
    """This device has no seat in the thread's newest epoch and cannot take one."""

    mend = "sync once more; if it stays, let another of your devices look after this thread"


class ForeignMid(DeviceFault):
    """The server holds another message of yours under this message's id, not made by this device."""

    mend = "a copy of this device may exist: revoke it from another device, and tell your practice"


class NothingHeld(DeviceFault):
    """There is no waiting message of yours with this id."""

    mend = "see what is waiting"


class NoSuchPerson(DeviceFault):
    """The recovery code belongs to nobody in this practice."""

    mend = "check address and practice; each practice has its own code"
