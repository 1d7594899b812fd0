"""Rosters beside the chains of their users, as far as this device knows them (A-5, A-6). Pure."""

from collections.abc import Iterable, Mapping

from etherapy.sdk.verifying.person import Person
from etherapy.tep.chain import Chain
from etherapy.tep.consent import CLOCK_SLACK_MS, Consent, parse_consent, signed_by
from etherapy.tep.epoch import CommitCore, Role
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
    core: CommitCore,
    papers: Papers,
    named: Mapping[bytes, Consent],
    chains: Mapping[bytes, Chain],
    owner: bytes,
    at: int,
) -> dict[bytes, Consent]:
    """For somebody who was not there before: the consents by which others came in earlier.

    One for each, in force at `at` (ms) and signed by the owner, whatever became of the device since. Of
    several that were asked for, the one to which most clients agreed, then the earliest, let them in.
    """
    found: dict[bytes, Consent] = dict(named)
    taken = {one.newcomer for one in named.values()}
    clients = [row.chain_id for row in core.roster if row.role == Role.CLIENT]
    waiting: list[tuple[int, int, bytes, Consent]] = []
    for name, (data, signatures) in papers.consents.items():
        consent, signers = parse_consent(data), _signers(data, signatures, chains)
        ended = consent.until != 0 and consent.until + CLOCK_SLACK_MS <= at
        row = core.user(consent.newcomer)
        if owner in signers and not ended and consent.since <= at + CLOCK_SLACK_MS and row is not None:
            agreed = sum(one in signers for one in clients)
            waiting += [(-agreed, consent.since, name, consent)] if row.role == consent.role else []
    for _, _, name, consent in sorted(waiting, key=lambda one: one[:3]):
        if consent.newcomer not in taken:
            found[name] = consent
            taken.add(consent.newcomer)
    return found


def _signers(data: bytes, signatures: Mapping[bytes, bytes], chains: Mapping[bytes, Chain]) -> set[bytes]:
    """Whose signatures under a consent verify, by any device that they have or had."""
    return {
        one
        for one, sig in signatures.items()
        if one in chains and signed_by(data, sig, list(chains[one].devices.values()))
    }
