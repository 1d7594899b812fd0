"""Who is in a thread, and what is asked about it, in the words of the people concerned (A-6).

Roles, times and devices come from what members signed. Names are what the practice calls its staff, or what
is written on this device: nobody signed them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from etherapy.protocol.membership import Admission, ThreadPeople
from etherapy.rules.calendar import instant, zone
from etherapy.sdk.threads.causes import Standing
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.verifying.roles import ROLE_NAMES, RoleName
from etherapy.tep.consent import Consent, consent_verifies, parse_consent
from etherapy.tep.epoch import Role, RosterRow
from etherapy.tep.invite import parse_invite
from etherapy.tep.malformed import Malformed
from etherapy.tep.membership import signers_of

_IN_WORDS: Final[Mapping[int, str]] = {
    Role.CLIENT: "a client",
    Role.THERAPIST: "the therapist",
    Role.CO_THERAPIST: "a colleague of your therapist",
    Role.FAMILY: "a member of the family",
}


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody of a thread.

    `reads`: all of it, or only what was written since they came. `left_out` are devices of theirs that do not
    read here although they are in use. `confirmed`: their 60 digits were compared on this device.
    """

    chain: bytes
    name: str
    role: RoleName
    standing: Literal["present", "waiting", "left"]
    mine: bool = False
    since: datetime | None = None
    until: datetime | None = None
    reads: Literal["everything", "since_then", "nothing"] = "everything"
    devices: int = 0
    left_out: int = 0
    confirmed: bool = False
    device_ids: tuple[bytes, ...] = ()
    """Of the devices that read here, the recovery code's among them."""


@dataclass(frozen=True, slots=True)
class Question:
    """A consent that is not complete or not carried out yet.

    `words` is the question to answer with yes or no, `missing` the names of those who have still to agree;
    `mine`: this person's answer is asked.
    """

    consent: bytes
    newcomer: bytes
    name: str
    role: RoleName
    history: bool
    since: datetime
    until: datetime | None
    words: str
    missing: tuple[str, ...]
    mine: bool


def participants(desk: ThreadDesk, people: ThreadPeople) -> list[Participant]:
    """Everybody: who is there by the newest epoch, who waits to come in, and who was there once."""
    found = list(_present(desk))
    known = {one.chain for one in found}
    for one in people.admissions:
        if one.chain not in known and not _was_here(desk, bytes(one.chain)):
            found.append(_waiting(desk, one))
            known.add(bytes(one.chain))
    for member in people.members:
        if member.chain not in known and member.role in ROLE_NAMES:
            chain = bytes(member.chain)
            name = name_of(desk, chain, member.role)
            found.append(Participant(chain, name, ROLE_NAMES[member.role], "left", reads="nothing"))
            known.add(chain)
    return found


def _was_here(desk: ThreadDesk, chain: bytes) -> bool:
    """Whether an epoch had this person, who therefore waits for nothing any more, whatever they answered."""
    return chain in desk.log.epochs.users()


def questions(desk: ThreadDesk, standing: Standing, place: str) -> list[Question]:
    """The consents that still wait for somebody, or for their time; only such as the owner has signed.

    Their times are told on the wall of `place` (empty: UTC).
    """
    owner = standing.chains.get(standing.owner)
    found: list[Question] = []
    for name, (core, signatures) in standing.papers.consents.items():
        try:
            consent = parse_consent(core)
        except Malformed:
            continue
        over = consent.until != 0 and consent.until <= standing.at
        signed = owner is not None and consent_verifies(core, signatures.get(standing.owner, b""), owner)
        if over or not signed or consent.newcomer in standing.newest.core.users():
            continue
        missing = standing.missing(core, signatures)
        mine = desk.link.chain in missing and desk.link.chain in signers_of(
            standing.newest.core, standing.owner
        )
        found.append(_question(desk, name, consent, missing, mine, place))
    return found


def name_of(desk: ThreadDesk, chain: bytes, role: int) -> str:
    """What somebody is called here; where nobody has a name for them, what they are."""
    if chain == desk.link.chain:
        return "you"
    state, epochs = desk.state, desk.log.epochs
    if chain in state.names:
        return state.names[chain]
    if state.label and epochs.owner == desk.link.chain and _began_here(desk, chain, role):
        return state.label
    if chain == epochs.owner and state.owner_name:
        return state.owner_name
    return f"{ROLE_NAMES.get(role, 'client').replace('_', '-')} {chain.hex()[:6]}"


def ambiguous_names(desk: ThreadDesk) -> dict[bytes, str]:
    """Names of all who were ever here, but of the therapist; and of clients only where there were several."""
    roles = {row.chain_id: row.role for one in desk.log.epochs.commits for row in one.commit.core.roster}
    several = sum(role == Role.CLIENT for role in roles.values()) > 1
    wanted = {Role.CO_THERAPIST, Role.FAMILY} | ({Role.CLIENT} if several else set())
    return {chain: name_of(desk, chain, role) for chain, role in roles.items() if role in wanted}


def _began_here(desk: ThreadDesk, chain: bytes, role: int) -> bool:
    """Whether somebody is the client for whom the thread was made, and whom its label is about."""
    commits = desk.log.epochs.commits
    return role == Role.CLIENT and bool(commits) and commits[0].commit.core.user(chain) is not None


def _present(desk: ThreadDesk) -> Iterator[Participant]:
    epochs = desk.log.epochs
    for row in epochs.newest.core.roster if epochs.newest else ():
        until = epochs.ends.get(row.chain_id, 0)
        consent = desk.consent_to(row.chain_id)
        yield Participant(
            chain=row.chain_id,
            name=name_of(desk, row.chain_id, row.role),
            role=ROLE_NAMES[row.role],
            standing="present",
            mine=row.chain_id == desk.link.chain,
            since=instant(epochs.since[row.chain_id]),
            until=instant(until) if until else None,
            reads="since_then" if consent is not None and not consent.history else "everything",
            devices=len(row.devices),
            left_out=_left_out(desk, row),
            confirmed=row.chain_id in desk.state.confirmed,
            device_ids=tuple(row.device_ids()),
        )


def _waiting(desk: ThreadDesk, one: Admission) -> Participant:
    chain, role = bytes(one.chain), _invited_role(one)
    return Participant(
        chain,
        name_of(desk, chain, role),
        ROLE_NAMES[role],
        "waiting",
        reads="nothing",
        confirmed=chain in desk.state.confirmed,
    )


def _left_out(desk: ThreadDesk, row: RosterRow) -> int:
    person = desk.link.people.person(row.chain_id)
    chain = None if person is None else person.at(row.chain_seq)
    return 0 if chain is None else len(chain.active()) - len(row.devices)


def _invited_role(one: Admission) -> int:
    try:
        return parse_invite(one.invite).invite.role
    except Malformed:
        return Role.CLIENT


def _question(
    desk: ThreadDesk, name: bytes, consent: Consent, missing: list[bytes], mine: bool, place: str
) -> Question:
    newest = desk.log.epochs.newest
    assert newest is not None
    rows = {row.chain_id: row.role for row in newest.core.roster}
    return Question(
        consent=name,
        newcomer=consent.newcomer,
        name=name_of(desk, consent.newcomer, consent.role),
        role=ROLE_NAMES[consent.role],
        history=consent.history,
        since=instant(consent.since),
        until=instant(consent.until) if consent.until else None,
        words=ask(desk, consent, place or "UTC", asked=mine),
        missing=tuple(name_of(desk, one, rows.get(one, Role.THERAPIST)) for one in missing),
        mine=mine,
    )


def ask(desk: ThreadDesk, consent: Consent, place: str = "UTC", *, asked: bool = True) -> str:
    """The question that a consent answers: what it opens, from when to when; and to whoever is asked, that no
    is an answer."""
    who = name_of(desk, consent.newcomer, consent.role)
    own = consent.role == Role.CO_THERAPIST and desk.log.epochs.owner == desk.link.chain
    what = "your colleague" if own else _IN_WORDS[consent.role]
    begins = f"{instant(consent.since).astimezone(zone(place)):%-d %b %Y, %H:%M %Z}"
    times = f"from {begins}"
    if consent.until:
        ends = instant(consent.until).astimezone(zone(place))
        times += f" until {ends:%-d %b %Y, %H:%M %Z}, and not after that"
    before = (
        "They could also be given everything that was written here before."
        if consent.history
        else "They will not see anything that was written here before they come in."
    )
    free = " You may say no, and nothing changes; you may also ask in person first." if asked else ""
    return f"May {who} ({what}) read and write in this thread {times}? {before}{free}"
