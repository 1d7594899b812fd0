"""Rosters beside the chains of their users, as far as this device knows them (A-5, A-6). Pure."""

from collections.abc import Iterable, Mapping

from etherapy.sdk.people import Person
from etherapy.tep.chain import Chain
from etherapy.tep.consent import Consent, consent_verifies, parse_consent
from etherapy.tep.epoch import CommitCore
from etherapy.tep.membership import Papers

CLOCK_TOLERANCE_MS = 120_000


def chains_of(core: CommitCore, people: Mapping[bytes, Person]) -> dict[bytes, Chain]:
    """The chains of a roster as they were at the links it names; whom we do not know is left out."""
    found: dict[bytes, Chain] = {}
    for row in core.roster:
        person = people.get(row.chain_id)
        chain = person.at(row.chain_seq) if person else None
        if chain is not None:
            found[row.chain_id] = chain
    return found


def gone_chains(
    before: CommitCore, after: CommitCore, people: Mapping[bytes, Person], at: int
) -> dict[bytes, Chain]:
    """The chains of those whom an epoch leaves out, as they were recorded when it was placed (`at`, ms)."""
    gone: Iterable[bytes] = before.users() - after.users()
    return {
        one: chain
        for one in gone
        if (person := people.get(one)) is not None
        and (chain := _recorded_by(person, at + CLOCK_TOLERANCE_MS)) is not None
    }


def _recorded_by(person: Person, at: int) -> Chain | None:
    grown = [chain for chain, recorded in zip(person.history, person.recorded, strict=True) if recorded <= at]
    return grown[-1] if grown else None


def known_consents(
    core: CommitCore, papers: Papers, named: Mapping[bytes, Consent], owner: Chain
) -> dict[bytes, Consent]:
    """For somebody who was not there before: the consents by which others came in earlier."""
    found: dict[bytes, Consent] = dict(named)
    taken = {one.newcomer for one in named.values()}
    for name, (data, signatures) in papers.consents.items():
        consent = parse_consent(data)
        signed = consent_verifies(data, signatures.get(owner.chain_id, b""), owner)
        if signed and consent.newcomer in core.users() and consent.newcomer not in taken:
            found[name] = consent
    return found
