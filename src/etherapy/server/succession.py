"""The next epoch of a thread: everything that the server can check of a commit, and what must follow from it
(tep.md §5.4, tep_amendments.md A-5, A-6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from etherapy.rules.calendar import instant, milliseconds
from etherapy.server.admission import audit_leaf
from etherapy.server.covering import MemberTerm, next_sheet
from etherapy.server.judging import expect, expect_newest, verified
from etherapy.server.parts import Ctx
from etherapy.server.returning import held_of, sign_returns
from etherapy.store.database import Record
from etherapy.store.messages import HeldItem
from etherapy.store.people import AuditLeaf
from etherapy.store.rosters import NewEpoch, NewMember, Person, Roster, Turnover
from etherapy.tep.chain import Chain, verify_chain
from etherapy.tep.charter import MAX_SIGNED_CHARTER
from etherapy.tep.consent import Consent, parse_consent
from etherapy.tep.epoch import Commit, parse_commit
from etherapy.tep.epoch_rules import check_follows, check_roster
from etherapy.tep.leaving import parse_leave
from etherapy.tep.membership import Changes, Papers, check_change
from etherapy.tep.placing import thread_start
from etherapy.tep.signed import parse_signed
from etherapy.tep.statements import StatusReason


@dataclass(frozen=True, slots=True)
class Filed:
    """The papers of a thread as commits are judged by them."""

    papers: Papers
    used: frozenset[bytes]
    """Hashes that an epoch has named already."""
    pending: frozenset[bytes]
    """Leaves that the next commit must carry out."""
    charter: bytes
    """The charter in force."""


def read_filed(rows: Sequence[Record]) -> Filed:
    """The papers behind the rows of read_papers.sql."""
    of: dict[str, list[Record]] = {"charter": [], "consent": [], "leave": [], "admission": []}
    for row in rows:
        of[row["kind"]].append(row)
    papers = Papers(
        {
            row["hash"]: (row["body"], dict(zip(row["signers"], row["signatures"], strict=True)))
            for row in of["consent"]
        },
        {row["hash"]: parse_leave(row["body"]) for row in of["leave"]},
        {row["chain_id"]: row["signatures"][0] for row in of["admission"]},
    )
    return Filed(
        papers,
        frozenset(row["hash"] for row in rows if row["used"]),
        frozenset(row["hash"] for row in of["leave"] if not row["used"]),
        parse_signed(of["charter"][0]["body"], MAX_SIGNED_CHARTER).core,
    )


def chains_of(roster: Roster) -> dict[bytes, Chain]:
    """The verified chains of everybody whom a commit may name, by chain_id."""
    with verified():
        return {person.chain: verify_chain(person.links) for person in roster.people.values()}


def check_commit(
    thread: bytes,
    commit: Commit,
    roster: Roster,
    chains: Mapping[bytes, Chain],
    filed: Filed,
    now: datetime,
    restored_n: int | None = None,
) -> Changes:
    """Who comes and who goes by a commit that follows the newest one. Unverified or StaleChain otherwise.

    `restored_n`: it was placed before a restore that kept positions up to there, and another member may bring
    it back; what its author had seen above is not there any more (A-8).
    """
    core, people = commit.core, roster.by_chain()
    expect(core.thread == thread and core.home == roster.home, "home")
    n, t = core.view
    if restored_n is None or n <= restored_n:
        expect(t == (roster.t if n else thread_start(thread, roster.home)), "view")
    own = core.row_of(core.committer)
    mine = roster.people[roster.caller].chain
    expect(own is not None and (restored_n is not None or own.chain_id == mine), "committer")
    owner = roster.people[roster.owner].chain
    with verified():
        newest = parse_commit(roster.newest)
        check_follows(core, newest)
        expect_newest(core.roster, chains)
        check_roster(commit, chains, newest.core, owner)
        return check_change(
            newest.core,
            commit,
            owner=owner,
            chains=chains,
            papers=filed.papers,
            charter=filed.charter,
            placed_at=milliseconds(now),
            ends={name: _or_open(person.until) for name, person in people.items()},
            used=filed.used,
            pending=filed.pending,
            slack=0,
        )


async def prepare_turnover(
    ctx: Ctx,
    thread: bytes,
    commit: Commit,
    roster: Roster,
    chains: Mapping[bytes, Chain],
    filed: Filed,
    changes: Changes,
) -> Turnover:
    """What must follow from a checked commit, signed and ready: returns, members, rule sheet, audit leaf."""
    come = _consents(commit, filed, changes)
    people = roster.by_chain()
    closes = roster.people[roster.owner].chain not in commit.core.users()
    devices = None if closes else _outside(commit, roster, chains)
    held = await held_of(ctx, _members(roster), devices, thread)
    returns = [
        sign_returns(ctx, items, reason, commit.commit_hash, ctx.now, roster.generation)
        for reason, items in _by_reason(commit, roster, held).items()
    ]
    moves = bool(changes.added or changes.left_out)
    return Turnover(
        present=[person.account for person in roster.people.values() if person.present],
        names=commit.core.consents,
        come=[_new_member(commit, people[one.newcomer], name, one) for name, one in come.items()],
        mids=[mid for one in returns for mid in one.mids],
        statuses=[status for one in returns for status in one.statuses],
        sheet=await next_sheet(ctx, thread, _terms(commit, people, come)) if moves else None,
        audit=_audit(ctx, thread, commit, roster, changes) if moves else None,
    )


def new_epoch(commit: Commit, whole: bytes, roster: Roster, turnover: Turnover) -> NewEpoch:
    """A commit as the command takes it, with the chain heads that it names, by account."""
    core, people = commit.core, roster.by_chain()
    return NewEpoch(
        epoch=core.epoch,
        suite=core.suite,
        prev=core.prev,
        commit=whole,
        commit_hash=commit.commit_hash,
        heads={people[row.chain_id].account: row.chain_head for row in core.roster if row.chain_id in people},
        seats=core.device_ids(),
        turnover=turnover,
    )


def _consents(commit: Commit, filed: Filed, changes: Changes) -> dict[bytes, Consent]:
    """The consents by which a checked commit brings people in, by hash."""
    named = filed.papers.named(commit.core.consents)
    return {name: one for name, one in named.items() if one.newcomer in changes.added}


def _new_member(commit: Commit, person: Person, name: bytes, consent: Consent) -> NewMember:
    """Who comes without history reads on from what the committer had seen; from nothing would be all."""
    seen = commit.core.view[0]
    expect(consent.history or seen > 0, "view")
    until = instant(consent.until) if consent.until else None
    return NewMember(person.account, consent.role, 0 if consent.history else seen, until, name)


def _members(roster: Roster) -> list[bytes]:
    return [person.account for person in roster.people.values() if person.role is not None]


def _outside(commit: Commit, roster: Roster, chains: Mapping[bytes, Chain]) -> list[bytes]:
    """Every device of somebody who is or was a member that the new epoch is not sealed to."""
    seats = set(commit.core.device_ids())
    members = (chains[person.chain] for person in roster.people.values() if person.role is not None)
    return [device for chain in members for device in chain.devices if device not in seats]


def _by_reason(
    commit: Commit, roster: Roster, held: Sequence[HeldItem]
) -> dict[StatusReason, list[HeldItem]]:
    """What goes back: by somebody who is left out, by a device that is, or because nobody is left to
    answer."""
    found: dict[StatusReason, list[HeldItem]] = {}
    for item in held:
        if commit.core.user(roster.people[item.account].chain) is None:
            reason = StatusReason.USER_REMOVED
        elif commit.core.row_of(item.device) is None:
            reason = StatusReason.DEVICE_REMOVED
        else:
            reason = StatusReason.THREAD_CLOSED
        found.setdefault(reason, []).append(item)
    return found


def _terms(commit: Commit, people: Mapping[bytes, Person], come: Mapping[bytes, Consent]) -> list[MemberTerm]:
    """The members as of the new epoch, with the times of the consents that let them in."""
    fresh = {one.newcomer: one for one in come.values()}
    terms = []
    for row in commit.core.roster:
        person = people[row.chain_id]
        consent = fresh.get(row.chain_id) or (parse_consent(person.consent) if person.consent else None)
        since, until = (consent.since, consent.until) if consent else (0, 0)
        terms.append(MemberTerm(person.account, row.chain_id, row.role, since, until))
    return terms


def _audit(ctx: Ctx, thread: bytes, commit: Commit, roster: Roster, changes: Changes) -> AuditLeaf:
    """Who came and who went, under pseudonyms."""
    people = roster.by_chain()
    return audit_leaf(
        ctx.parts.random,
        "thread.people_changed",
        thread=thread,
        by=roster.caller,
        epoch=commit.core.epoch,
        came=sorted(people[one].account.hex() for one in changes.added),
        went=sorted(people[one].account.hex() for one in changes.left_out),
        at=ctx.now.isoformat(),
    )


def _or_open(until: datetime | None) -> int:
    return 0 if until is None else milliseconds(until)
