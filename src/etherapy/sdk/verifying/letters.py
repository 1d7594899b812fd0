"""From a placed envelope to a message that may be shown, with all that does not hold about it (A-5, A-9).

Pure. Nothing is dropped silently, and nothing is shown as normal that is not: what cannot be believed stays
visible as refused, without a text.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from etherapy.crypto.errors import CannotOpen, CommitmentBroken, PaddingBroken
from etherapy.crypto.messages import Opened, open_message
from etherapy.rules.calendar import instant
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.kept import KeptItem, OwnItem
from etherapy.sdk.verifying.conversation import Conversation
from etherapy.sdk.verifying.epochs import Epochs
from etherapy.sdk.verifying.evidence import Evidence
from etherapy.sdk.verifying.lost_history import LostHistory, was_healed
from etherapy.sdk.verifying.message import Message, text_of
from etherapy.sdk.verifying.origins import Believed, Origins, Refusal
from etherapy.sdk.verifying.spine import Spine
from etherapy.tep.envelope import Envelope
from etherapy.tep.epoch import Role
from etherapy.tep.kinds import Body, Text, parse_body
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import Kind as PayloadKind
from etherapy.tep.payload import Payload, View, fits_class
from etherapy.tep.placing import Entry, Reason
from etherapy.tep.reading import PlacedItem, unjustified_inversions
from etherapy.tep.receipts import Keys


@dataclass(frozen=True, slots=True)
class RootClaim:
    """A sender saw the keys log with this size and root; whether that is our log is asked at the server."""

    n: int
    size: int
    root: bytes
    envelope: bytes


class Letters:
    """The messages of one thread by position. `rules` are the sheets named so far, by number."""

    def __init__(self, thread: bytes, device: bytes, chain: bytes, keys: Keys) -> None:
        self._thread = thread
        self._device = device
        self._chain = chain
        self._origins = Origins(keys)
        self.conversation = Conversation()
        self._lost = LostHistory()
        self.rules: dict[int, bytes] = {}
        self.claims: list[RootClaim] = []

    @property
    def placed(self) -> Mapping[bytes, int]:
        """Positions of what was placed and is believed, by item hash."""
        return self._origins.placed

    def take(
        self,
        entry: Entry,
        kept: KeptItem,
        spine: Spine,
        epochs: Epochs,
        evidence: Evidence,
    ) -> Message:
        """The message at an entry."""
        message = self._read(entry, kept, spine, epochs, evidence)
        self.conversation.take(message)
        return message

    def _read(
        self, entry: Entry, kept: KeptItem, spine: Spine, epochs: Epochs, evidence: Evidence
    ) -> Message:
        item, receipt = kept.item, kept.promise
        proof = {"entry": entry.pack(), "envelope": item or b"", "receipt": receipt or b""}
        if item is None:
            return self._shell(entry, self._gap(entry, proof, spine, epochs))
        try:
            found = self._origins.believe(entry, item, receipt, epochs, evidence.people)
        except Refusal as refusal:
            return self._shell(entry, self._finding(refusal.kind, str(refusal), entry, proof))
        findings = [self._finding(kind, words, entry, proof) for kind, words in self._notice(found, evidence)]
        opened, closed = self._open(found.envelope, epochs)
        if closed is not None:
            findings.append(self._finding(closed.kind, str(closed), entry, proof))
        payload, body = None if opened is None else opened.payload, None
        if payload is not None:
            body, said = self._weigh(found, payload, spine)
            findings += [self._finding(kind, words, entry, proof) for kind, words in said]
        return self._message(found, payload, body, findings)

    def _gap(self, entry: Entry, proof: dict[str, bytes], spine: Spine, epochs: Epochs) -> Finding:
        """A position without its item: a gap that is shown as one (tep.md §5.8).

        Who joined without the history gets bare entries up to the commit that brought them in (A-3).
        """
        if spine.start.n and epochs.newest is None:
            return self._finding(Kind.BEFORE_JOINING, "this was written before you joined", entry, proof)
        return self._finding(Kind.GONE, "this message was erased, or is withheld", entry, proof)

    def _notice(self, found: Believed, evidence: Evidence) -> list[tuple[Kind, str]]:
        """What is to be said of a believed message from the outside (A-5 rules 4 and 5, A-3, A-9)."""
        said: list[tuple[Kind, str]] = []
        header, entry = found.envelope.header, found.entry
        person = evidence.people.get(found.author)
        revoked = person.revoked_at(header.device) if person else None
        if revoked is not None and revoked < entry.placed_at:
            said.append((Kind.REVOKED_MEANWHILE, "its device had been revoked before it was placed"))
        earlier = self._origins.earlier(found)
        placed = PlacedItem(entry, found.envelope, found.promise)
        if entry.reason != Reason.HEALED and unjustified_inversions(placed, earlier):
            said.append((Kind.INVERSION, "a later message was shown before this one, which was due"))
        if header.device == self._device and not _made(evidence.own, found.envelope):
            said.append((Kind.NOT_MINE, "signed by this device, but not made by it: a copy of it may exist"))
        said += self._agree_on_rules(found.promise.rules_rev, found.promise.rules_hash)
        return said

    def _open(self, envelope: Envelope, epochs: Epochs) -> tuple[Opened | None, Refusal | None]:
        commit, secret = (
            epochs.of(envelope.header.commit_hash),
            epochs.secrets.get(envelope.header.commit_hash),
        )
        if commit is None or secret is None:
            return None, Refusal(Kind.UNREADABLE, "its epoch is not open on this device")
        try:
            return open_message(envelope, secret, commit), None
        except (PaddingBroken, CommitmentBroken) as broken:
            return None, Refusal(Kind.CHEATING_SENDER, f"its sender broke the rules of sealing: {broken}")
        except CannotOpen as closed:
            return None, Refusal(Kind.UNREADABLE, str(closed))
        except Malformed as bad:
            return None, Refusal(Kind.CHEATING_SENDER, f"what is inside is malformed: {bad}")

    def _weigh(
        self, found: Believed, payload: Payload, spine: Spine
    ) -> tuple[Body | None, list[tuple[Kind, str]]]:
        """What is inside, and what is to be said of it (A-1, A-7)."""
        said: list[tuple[Kind, str]] = []
        body: Body | None = None
        try:
            body = parse_body(payload)
        except Malformed as bad:
            said.append((Kind.BODY, f"what is inside has not the form of its kind: {bad}"))
        doubt = self.conversation.judge(found.author, body)
        if doubt is not None:
            said.append(doubt)
        if payload.kind not in PayloadKind._value2member_map_:
            said.append((Kind.UNKNOWN_KIND, "this needs a newer program"))
        elif not fits_class(payload.kind, found.envelope.header.service_class):
            said.append((Kind.CLASS_MISFIT, "it travelled as something else than it is"))
        if payload.view is not None:
            said += self._compare(found, payload.view, spine)
        return body, said

    def _compare(self, found: Believed, view: View, spine: Spine) -> list[tuple[Kind, str]]:
        said: list[tuple[Kind, str]] = []
        healed, device = was_healed(found.promise, found.epoch_n, spine), found.envelope.header.device
        if self._lost.tells_of(found.entry, device, (view.n, view.t), spine, healed):
            return said
        unknown = view.n < spine.start.n  # before this person's time
        if view.n >= found.entry.n or not (unknown or spine.t_at(view.n) == view.t):
            said.append((Kind.VIEW, "its sender was shown another history of this thread"))
        if view.rules_rev:
            said += self._agree_on_rules(view.rules_rev, view.rules_hash)
        if view.keys_size is not None and view.keys_root is not None:
            whole = found.envelope.pack()
            self.claims.append(RootClaim(found.entry.n, view.keys_size, view.keys_root, whole))
        missing = [one for one in view.overdue if one not in self.placed]
        if missing:
            said.append((Kind.MISSING, f"{len(missing)} earlier message(s) of its sender are missing here"))
        return said

    def _agree_on_rules(self, rev: int, rules_hash: bytes) -> list[tuple[Kind, str]]:
        if self.rules.setdefault(rev, rules_hash) == rules_hash:
            return []
        return [(Kind.RULES_FORK, "you and the other side were shown different rules")]

    def _message(
        self, found: Believed, payload: Payload | None, body: Body | None, findings: list[Finding]
    ) -> Message:
        header = found.envelope.header
        refused = payload is None or any(one.kind == Kind.NOT_MINE for one in findings)
        standing = "refused" if refused else "noticed" if findings else "good"
        return Message(
            thread=self._thread,
            n=found.entry.n,
            placed_at=instant(found.entry.placed_at),
            standing=standing,  # type: ignore[arg-type]  # one of the three words
            mid=header.mid,
            item_hash=found.envelope.item_hash,
            author=found.author,
            device=header.device,
            role=found.role,
            mine=found.author == self._chain,
            text=None if payload is None or refused else text_of(payload),
            kind=0 if payload is None else payload.kind,
            service_class=header.service_class,
            urgent=header.urgent,
            reason=Reason(found.entry.reason),
            written_at=instant(payload.at) if payload is not None and payload.at else None,
            reply_to=None if payload is None else payload.reply_to,
            promise=found.view,
            findings=tuple(findings),
            payload=None if refused else payload,
            body=None if refused else body,
            subject=body.subject if isinstance(body, Text) and not refused else None,
        )

    def _shell(self, entry: Entry, finding: Finding) -> Message:
        return Message(
            self._thread,
            entry.n,
            instant(entry.placed_at),
            "refused",
            item_hash=entry.item_hash,
            reason=Reason(entry.reason),
            findings=(finding,),
        )

    def _finding(self, kind: Kind, words: str, entry: Entry, proof: dict[str, bytes]) -> Finding:
        return Finding(kind=kind, words=words, proof=proof, thread=self._thread, n=entry.n)


def by_therapist(message: Message) -> bool:
    """Whether a therapist's device sent it."""
    return message.role in (Role.THERAPIST, Role.CO_THERAPIST)


def is_by_others(message: Message) -> bool:
    """Whether it is believed to come from somebody else in the thread."""
    return message.standing != "refused" and not message.mine


def _made(own: Mapping[bytes, OwnItem], envelope: Envelope) -> bool:
    item = own.get(envelope.header.mid)
    return item is not None and envelope.item_hash in item.attempts
