"""A therapist invites; a client joins at any hour, alone, and every device can verify it
(tep_amendments.md A-10)."""

from dataclasses import dataclass

from etherapy.binary import B64, Hash32, Id16
from etherapy.protocol.invitations import Invitation, Invite, Invited, Join, Joined
from etherapy.protocol.logs import Checkpoint, ConsistencyProof
from etherapy.protocol.people import ChainLink
from etherapy.protocol.problems import (
    DeviceTaken,
    InvitationExpired,
    InvitationSpent,
    NoSuchLink,
    StaleChain,
    ThreadClosed,
)
from etherapy.rules.calendar import instant, milliseconds
from etherapy.rules.parts import NO_PART
from etherapy.server.admission import (
    audit_leaf,
    find_invitation,
    new_account,
    read_chain_upload,
)
from etherapy.server.judging import expect, expect_newest, readable, verified
from etherapy.server.parts import Ctx
from etherapy.server.proofs import prove_consistent
from etherapy.server.sheets import Authored, Kept, make_sheet, read_sets, rules_in_force
from etherapy.server.signed_answers import sign_head
from etherapy.store.database import Record
from etherapy.store.logs import KEYS
from etherapy.store.people import Joining, NewAccount
from etherapy.tep.chain import verify_chain
from etherapy.tep.charter import MAX_SIGNED_CHARTER, charter_hash, charter_in_force, parse_charter
from etherapy.tep.epoch import Commit, parse_commit
from etherapy.tep.invite import LINK_LIFE_MS, SignedAccept, SignedInvite, parse_accept, parse_invite
from etherapy.tep.joining import check_invite, check_joining
from etherapy.tep.placing import Entry, ItemType, Reason, thread_next, thread_start
from etherapy.tep.roster import CLIENT_SIDE
from etherapy.tep.serverkeys import home
from etherapy.tep.signed import Signed, pack_signed, parse_signed


async def invite(ctx: Ctx, body: Invite) -> Invited:
    """Keep a signed invitation with the charter it names, to a new thread or into one's own; only who holds
    the link can find it."""
    people, secrets = ctx.parts.people, ctx.parts.secrets
    me = await people.person(ctx.caller, ctx.now)
    with readable():
        signed = parse_invite(body.invite)
        charter = Signed(body.charter, (bytes(body.charter_signature),), b"")
        parse_charter(charter.core)
    rows = await people.chain(ctx.caller, ctx.now, me["chain_id"], 0)
    terms = signed.invite
    now = milliseconds(ctx.now)
    with verified():
        chain = verify_chain(
            [row["link"] for row in rows], [milliseconds(row["recorded_at"]) for row in rows]
        )
        check_invite(signed, chain, now)
    expect(terms.server_id == secrets.server_id and terms.practice == ctx.caller.practice, "home")
    expect(terms.role in CLIENT_SIDE, "role")
    expect(terms.expires_at <= now + LINK_LIFE_MS, "expiry")
    _check_charter(charter, signed, home(secrets.server_id, ctx.caller.practice))
    expect(charter_in_force(charter, [chain]), "charter_signature")
    sets = read_sets(await ctx.parts.rule_sets.read(ctx.caller, ctx.now, "own"))
    # a client who joins at night must get a promise
    rules_in_force(Authored(ctx.caller.practice, me["account_id"], sets))
    expires_at = instant(terms.expires_at)
    outcome = await people.create_invitation(
        ctx.caller,
        ctx.now,
        lookup=body.lookup,
        thread=terms.thread,
        role=terms.role,
        invite=body.invite,
        charter=body.charter,
        charter_hash=terms.charter_hash,
        charter_sig=body.charter_signature,
        chain_seq=chain.seq,
        expires_at=expires_at,
        audit=audit_leaf(
            ctx.parts.random,
            "client.invited",
            account=me["account_id"],
            thread=terms.thread,
            at=ctx.now.isoformat(),
        ),
    )
    if outcome == "stale_chain":
        raise StaleChain()
    if outcome == "taken":
        raise DeviceTaken()
    if outcome == "closed":
        raise ThreadClosed()
    expect(outcome == "created", outcome)
    return Invited(expires_at)


def _check_charter(charter: Signed, invite: SignedInvite, at_home: bytes) -> None:
    """The charter is the one that the invitation names, for its thread, its owner and this place."""
    terms, found = invite.invite, parse_charter(charter.core)
    expect(charter_hash(charter.core) == terms.charter_hash, "charter")
    expect((found.home, found.thread, found.owner) == (at_home, terms.thread, terms.therapist), "charter")


async def read_invitation(ctx: Ctx, practice: bytes, lookup: bytes) -> Invitation:
    """All that a joining device verifies before it seals anything."""
    row = await find_invitation(ctx, practice, lookup)
    with readable():
        seen = parse_invite(row["invite"]).invite.keys_size
    state = await ctx.parts.logs.state(practice, KEYS)
    if state is None or seen > state.size:
        raise NoSuchLink()
    proof = await prove_consistent(ctx.parts.logs, practice, KEYS, seen, state.size)
    links = zip(row["links"], row["link_promises"], row["link_indexes"], strict=True)
    return Invitation(
        invite=B64(row["invite"]),
        charter=B64(row["charter"]),
        charter_signature=B64(row["charter_sig"]),
        therapist_name=row["owner_name"],
        therapist_account=Id16(row["owner"]),
        therapist_chain=[ChainLink(B64(link), B64(promise), index) for link, promise, index in links],
        practice_name=row["practice_name"],
        generation=row["generation"],
        keys=Checkpoint(state.size, Hash32(state.root), state.note.decode()),
        keys_consistency=ConsistencyProof(proof),
        opens=row["opens"],
    )


async def join(ctx: Ctx, practice: bytes, lookup: bytes, body: Join) -> Joined:
    """A client joins: account, thread, charter, epoch 0 and first rule sheet, all or nothing (A-15.4)."""
    row = await find_invitation(ctx, practice, lookup)
    expect(row["opens"], "opens")
    client = read_chain_upload(body.links)
    uploaded = _verify_joining(ctx, row, body)
    person = new_account(
        ctx.parts.secrets, practice, row["generation"], client, body.links, ctx.now, ctx.parts.random
    )
    joining, joined = _joining(ctx, row, uploaded, person, body)
    outcome = await ctx.parts.people.join(practice, lookup, ctx.now, person, joining)
    if outcome == "joined":
        ctx.parts.hub.tell(practice, [row["owner"], person.account])
        ctx.parts.expect(practice, ctx.now)
        return joined
    raise {
        "spent": InvitationSpent(),
        "expired": InvitationExpired(),
        "moved": StaleChain(),
        "taken": DeviceTaken(),
    }[outcome]


@dataclass(frozen=True, slots=True)
class _Uploaded:
    """What was uploaded to join, parsed and verified."""

    invite: SignedInvite
    accept: SignedAccept
    charter: Signed
    commit: Commit
    owner_seq: int


def _verify_joining(ctx: Ctx, row: Record, body: Join) -> _Uploaded:
    with readable():
        invite = parse_invite(row["invite"])
        accept = parse_accept(body.accept)
        commit = parse_commit(body.commit)
        charter = pack_signed(row["charter"], (row["charter_sig"], bytes(body.charter_signature)))
        signed_charter = parse_signed(charter, MAX_SIGNED_CHARTER)
    with verified():
        therapist = verify_chain(row["links"])
        expect_newest(commit.core.roster, {therapist.chain_id: therapist})
        check_joining(
            commit,
            invite=invite,
            accept=accept,
            charter=signed_charter,
            therapist=therapist,
            client=verify_chain(body.links),
            now=milliseconds(ctx.now),
        )
    expect(commit.core.home == row["home"], "home")
    return _Uploaded(invite, accept, signed_charter, commit, therapist.seq)


def _joining(ctx: Ctx, row: Record, up: _Uploaded, person: NewAccount, body: Join) -> tuple[Joining, Joined]:
    secrets, thread = ctx.parts.secrets, up.commit.core.thread
    rules = rules_in_force(_authored(row, bytes(up.invite.invite.practice)))
    members = [(row["owner"], row["owner_chain"], NO_PART), (person.account, person.chain, NO_PART)]
    sheet = make_sheet(thread, 1, bytes(32), ctx.now, rules, members, ctx.parts.random)
    t0 = thread_start(thread, row["home"])
    named = charter_hash(up.charter.core)
    at = milliseconds(ctx.now)
    entries = [
        Entry(kind, Reason.NONE, row["generation"], n, at, item_hash)
        for n, (kind, item_hash) in enumerate(
            [(ItemType.CHARTER, named), (ItemType.COMMIT, up.commit.commit_hash)], start=1
        )
    ]
    t = t0
    for entry in entries:
        t = thread_next(t, entry)
    facts = {"thread": thread, "at": ctx.now.isoformat()}
    joining = Joining(
        accept=body.accept,
        owner_seq=up.owner_seq,
        practice_rules_version=row["practice_rules_version"],
        owner_rules_version=row["owner_rules_version"],
        t0=t0,
        suite=up.commit.core.suite,
        charter_hash=named,
        charter=up.charter.whole,
        commit=body.commit,
        commit_hash=up.commit.commit_hash,
        seats=up.commit.core.device_ids(),
        sheet=sheet.sheet,
        rules_hash=sheet.rules_hash,
        shared=sheet.shared,
        part=NO_PART,
        salts=tuple(one.salt for one in sheet.parts),
        audit=[
            audit_leaf(ctx.parts.random, "client.joined", account=person.account, **facts),
            audit_leaf(ctx.parts.random, "sheet.made", r=1, rules_hash=sheet.rules_hash, **facts),
        ],
    )
    joined = Joined(
        account=Id16(person.account),
        thread=Id16(thread),
        link_promises=[B64(link.link_promise) for link in person.links],
        entries=[B64(entry.pack()) for entry in entries],
        head=sign_head(secrets, thread, row["generation"], 2, t, ctx.now),
        rules_hash=Hash32(sheet.rules_hash),
    )
    return joining, joined


def _authored(row: Record, practice: bytes) -> Authored:
    """The rules under which a thread begins: nothing is agreed in it yet."""
    sets = {
        (practice, "practice"): Kept(row["practice_rules_version"], row["practice_rules"]),
        (row["owner"], "therapist"): Kept(row["owner_rules_version"], row["owner_rules"]),
    }
    return Authored(practice, row["owner"], sets)
