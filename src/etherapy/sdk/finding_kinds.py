"""Every kind of finding with what may be behind it and what to do about it (tep.md §8.1).

The words are for people who did not build this: what it means for them comes before what it is called.
"""

from enum import StrEnum
from typing import Self

TELL = "keep the proof and show it to the other person and to your practice"


class Kind(StrEnum):
    """What was found: a stable text that may be compared, what may be behind it, and what to do about it.

    `grave`: it accuses somebody, is kept, and is shown first. The others are worth showing beside what they
    concern.
    """

    cause: str
    mend: str
    grave: bool

    def __new__(cls, text: str, cause: str = "", mend: str = "", grave: bool = True) -> Self:
        """One kind with its words."""
        made = str.__new__(cls, text)
        made._value_, made.cause, made.mend, made.grave = text, cause, mend, grave
        return made

    BROKEN_LOG = (
        "broken_log",
        "what the server shows of this thread does not add up: something was left out, moved or put in",
        TELL,
    )
    FORK = (
        "fork",
        "the server signed two histories of one thread, so it shows different people different things",
        TELL,
    )
    ROLLBACK = (
        "rollback",
        "the server shows less than this device has seen already: it went back, or hides something",
        "write nothing until your practice says whether the server was restored from a backup; " + TELL,
    )
    BAD_CHARTER = (
        "bad_charter",
        "the terms of the thread are not the ones that both sides signed",
        "write nothing here; " + TELL,
    )
    BAD_COMMIT = (
        "bad_commit",
        "a change of who reads this thread breaks the rules for such changes",
        "write nothing here until you have asked the other person whether they made it; " + TELL,
    )
    SECRET_MISMATCH = (
        "secret_mismatch",
        "whoever changed the thread's keys gave this device other keys than they committed to",
        "write nothing here; ask the other person to begin a new epoch from another device; " + TELL,
    )
    NO_ROW = (
        "no_row",
        "a part of this thread was sealed before this device, or you, belonged to it, or not for it",
        "ask for the history: another of your devices or your therapist can give it to this one",
        False,
    )
    BAD_ENVELOPE = (
        "bad_envelope",
        "something was placed as a message that no device of this thread signed in this form",
        TELL,
    )
    BAD_PROMISE = (
        "bad_promise",
        "the server's signed word about a message is missing, is for another one, or is not its own",
        TELL,
    )
    EPOCH = (
        "epoch",
        "a message was sealed under keys that it could not have had where it was placed",
        "do not take it for a message of that person; ask them in person or by telephone",
    )
    ACCEPTANCE = (
        "acceptance",
        "a message was taken after its keys had been replaced, which an honest server refuses",
        "do not take it for a message of that person; ask them in person or by telephone",
    )
    REMOVED_DEVICE = (
        "removed_device",
        "a message comes from a device that had been removed before it was placed",
        "do not take it for a message of that person; if you lost the device, revoke it and say so",
    )
    REVOKED_MEANWHILE = (
        "revoked_meanwhile",
        "its device was revoked shortly before the message was placed; it may have been written before that",
        "ask the person whether they wrote it",
        False,
    )
    EARLY = (
        "early",
        "a message was shown before the time that its sender was promised",
        TELL,
    )
    INVERSION = (
        "inversion",
        "the server showed two messages of one person in another order than it had promised",
        "read both before you answer; " + TELL,
    )
    UNREADABLE = (
        "unreadable",
        "the keys of the epoch that this was sealed in are not on this device",
        "sync once more; if it stays, ask another of your devices or your therapist for the history",
        False,
    )
    CHEATING_SENDER = (
        "cheating_sender",
        "what is inside breaks the rules of sealing, which only the sending device can do",
        "do not rely on it; ask its author to write again from another device, and tell your practice",
    )
    CLASS_MISFIT = (
        "class_misfit",
        "it was declared to the server as something else than it is, so other rules were applied to it",
        "read it as what it is; its author may want to update their program",
        False,
    )
    UNKNOWN_KIND = (
        "unknown_kind",
        "its author's program is newer than this one",
        "update this program; the message is kept whole and is shown then",
        False,
    )
    BODY = (
        "body",
        "what is inside has the right kind, but not the form of it; its author's program may be faulty",
        "ask its author to send it again, or to say it in words",
        False,
    )
    FOREIGN_CHANGE = (
        "foreign_change",
        "somebody tried to change or take back what somebody else wrote; nothing was changed by it",
        "read the message as it stands, and ask the person who tried",
    )
    LOOSE_CHANGE = (
        "loose_change",
        "it belongs to something that this device does not have, cannot read, or cannot change",
        "sync once more; if it stays, ask its author what it was about",
        False,
    )
    BEFORE_JOINING = (
        "before_joining",
        "this was written before you belonged to the thread, and its history was not opened to you",
        "nothing is missing; whoever invited you can open the history, if everybody concerned agrees",
        False,
    )
    VIEW = (
        "view",
        "the sender's device saw another history of this thread than yours: the server shows you two",
        TELL,
    )
    KEYS_FORK = (
        "keys_fork",
        "the server shows different people different lists of devices",
        "compare the 60 digits in session before you write anything more; " + TELL,
    )
    RULES_FORK = (
        "rules_fork",
        "the server shows the two sides different rules under one number",
        "compare the rules in session; " + TELL,
    )
    SHEET = (
        "sheet",
        "the rules shown are not the ones that the server signed, or do not follow the earlier ones",
        TELL,
    )
    PLACED_AGAIN = (
        "placed_again",
        "one message was placed twice",
        "read it once; " + TELL,
    )
    NOT_MINE = (
        "not_mine",
        "something was signed with this device's key, but not by this program: a copy of the key may exist",
        "revoke this device from another one of yours, then tell your practice",
    )
    GONE = (
        "gone",
        "there was a message here, and its place is kept; it was erased, or the server withholds it",
        "ask the other person whether something was to be erased; if not, keep the proof",
        False,
    )
    MISSING = (
        "missing",
        "its author had sent more that should have been shown by now, and was not",
        "ask the author what is missing; it may still come",
        False,
    )
    RESTORED = (
        "restored",
        "the server lost its newest data and was restored from a backup; it says so under its own signature",
        "open the app once on each of your devices, so that they can bring back what was lost",
        False,
    )
    LOST = (
        "lost",
        "a message that was here before the server was restored has not come back yet",
        "this device has offered it to the server; ask its author to open the app, or to send it again",
        False,
    )
    UNPROVEN = (
        "unproven",
        "the server's word is signed with a key that ended long before this device first saw it",
        "take it as a claim: whoever stole the old key could have written it; ask for the newest word",
        False,
    )
    LATE = (
        "late",
        "the server did not show a message when it had promised to",
        "do not rely on its having been read; use another way if it matters, and keep the proof",
    )
    WORSE_PROMISE = (
        "worse_promise",
        "the server put off a message that it had promised for an earlier time",
        "do not rely on the earlier time; keep the proof and tell your practice",
    )
    OTHER_PROMISE = (
        "other_promise",
        "the server told others another time for this message than it told you",
        TELL,
    )
    PLACED_AFTER_RECALL = (
        "placed_after_recall",
        "the server confirmed that a message was taken back, and showed it to others all the same",
        "take it for read by the other person; keep the proof and tell your practice",
    )
    DROPPED = (
        "dropped",
        "a message that waited was taken out, though none of your devices asked for it",
        "send it again if it still matters; keep the proof and tell your practice",
    )
    CHAIN = (
        "chain",
        "somebody's list of devices contradicts itself, or is shorter than it was",
        "write nothing to this person until you have compared the 60 digits in session",
    )
    UNSEQUENCED = (
        "unsequenced",
        "a change of somebody's devices is not in the public list, though its time for that is over",
        "compare the 60 digits in session before you write anything more; " + TELL,
    )
    OWN_LEAF = (
        "own_leaf",
        "the public list has a change of your own devices that none of them made",
        "write nothing; look at your devices, revoke what you do not know, and tell your practice",
    )
    DEVICES = (
        "devices",
        "another of your devices changed which devices you have, or the recovery code",
        "if it was not you, take out the device that did it, at once, from this one",
        False,
    )
    SERVER_KEYS = (
        "server_keys",
        "the server's keys do not continue those that this device was given with its invitation",
        "check the address; if it is right, write nothing until your practice has explained it",
    )
    BAD_GRANT = (
        "bad_grant",
        "somebody gave this device keys to older messages that are not the keys of those messages",
        "ask another of your devices or your therapist for the history again; " + TELL,
    )
    PAPERS = (
        "papers",
        "the server shows a consent, or somebody's word that they leave, that nobody here signed",
        "agree to nothing here until you have asked the others; " + TELL,
    )
    CLOCK = (
        "clock",
        "the server dates what it signs now in the past, so lateness could not be shown",
        TELL,
    )
