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

    mend = (
        "enrol with a staff link, join by an invitation, link it with another of your devices, or recover "
        "with the recovery code"
    )


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


class BadForm(DeviceFault):
    """What was to be said has not the form that its kind needs."""

    mend = "nothing was sent; change it, and try again"


class NotAgreed(DeviceFault):
    """The rules of the thread do not offer this kind of message."""

    mend = "nothing was sent; write it in another way, or ask for a change of what is agreed"


class NotPlacedYet(DeviceFault):
    """The message still waits, so nobody has read what is to be changed."""

    mend = "correct it with `replace`, or take it back with `recall`: then nobody ever sees the first wording"


class NoSuchMessage(DeviceFault):
    """There is no message with this id that this can be done to."""

    mend = "sync once more, then choose one of the messages listed"


class NotInThread(DeviceFault):
    """This device has no seat in the thread's newest epoch and cannot take one."""

    mend = "what was read here stays; try another of your devices, or ask the therapist whose thread it is"


class LinkLost(NotInThread):
    """The server lost a change of somebody's devices with its restore, so no epoch can be made for them
    yet."""

    mend = "ask them to open the app once: their devices bring it back; then try again"


class ForeignMid(DeviceFault):
    """The server holds another message of yours under this message's id, not made by this device."""

    mend = "a copy of this device may exist: revoke it from another device, and tell your practice"


class NothingHeld(DeviceFault):
    """There is no waiting message of yours with this id."""

    mend = "see what is waiting"


class CannotReplay(DeviceFault):
    """The decision about a message cannot be made again on this device."""


class NoSuchPerson(DeviceFault):
    """The recovery code belongs to nobody in this practice."""

    mend = "check address and practice; each practice has its own code"


class Quarantined(DeviceFault):
    """What the server shows of one's own devices cannot be, so this device only reads (tep.md §7)."""

    mend = (
        "you can still read here; look at the findings, call your practice, and get in on a fresh profile "
        "with your recovery code"
    )

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"this device only reads now: {finding.words}")
        self.finding = finding


class Revoked(DeviceFault):
    """One's own devices have taken this one out; its keys and texts were wiped."""

    mend = (
        "link it anew with another of your devices, or use your recovery code; if this was not you, do it now"
    )


class NotThisDevice(DeviceFault):
    """The kind of this device does not allow it (tep.md §5.2, §5.10)."""

    mend = "do it on your phone or computer, or with your recovery code"


class NoSuchDevice(DeviceFault):
    """None of one's own devices is meant, or more than one."""

    mend = "see your devices with their ids in the list, and write more of the id"


class TooManyDevices(DeviceFault):
    """A person has at most eight devices, the recovery code included."""

    mend = "take out one that you do not use any more, then try again"


class LinkEnded(DeviceFault):
    """Nothing waits under this code: it was refused, or its 15 minutes are over."""

    mend = "start again on the new device and use the code that it shows then"


class WrongAccount(DeviceFault):
    """Whoever offered to take this device in is not who its person meant."""

    mend = "nothing was joined; start again, and use only a code that you see on your own device"


class TooEarly(DeviceFault):
    """A recovery code is replaced 72 hours after that was announced."""

    mend = "do it again then; until that time your other devices can prevent it"


class NotYourCode(DeviceFault):
    """A recovery code, but not the one that is in force for this person."""

    mend = "look for the newest paper; without it, announce a new code and wait 72 hours"


class NothingAnnounced(DeviceFault):
    """No replacement of the recovery code stands in one's own chain."""

    mend = "announce one first"


class WrongPassphrase(DeviceFault):
    """Name and passphrase do not belong together."""

    mend = "try again, or show the code of this device to another one of yours: that needs no passphrase"


class NotConfirmed(DeviceFault):
    """History goes only to people whom this device's person recognised, and to whom all agreed."""

    mend = "compare the 60 digits with them in session, then confirm them on this device"


class NoSuchMember(DeviceFault):
    """Nobody of this thread is meant, or more than one."""

    mend = "see who is in the thread, with their ids, and write more of the id"


class NoSuchConsent(DeviceFault):
    """No question of this kind is open in the thread."""

    mend = "sync once more and see what is asked; whoever proposed it can propose it again"


class NotYours(DeviceFault):
    """Somebody else decides this."""

    mend = "ask the therapist whose thread it is"
