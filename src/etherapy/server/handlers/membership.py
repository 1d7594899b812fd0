"""Who is in a thread: consents that let somebody in, and invitations to a thread that is there (tep.md §5.4,
tep_amendments.md A-6, A-10)."""

from typing import Final

from etherapy.binary import B64, Hash32, Id16
from etherapy.protocol.membership import (
    AcceptMembership,
    Admission,
    Colleague,
    Colleagues,
    ConsentPaper,
    ConsentSigned,
    MembershipAccepted,
    MemberSignature,
    SignConsent,
    ThreadMember,
    ThreadPeople,
)
from etherapy.protocol.problem import Problem
from etherapy.protocol.problems import (
    DeviceTaken,
    InvitationExpired,
    InvitationSpent,
    StaleChain,
    ThreadClosed,
)
from etherapy.rules.calendar import milliseconds
from etherapy.server.admission import audit_leaf, find_invitation, new_account, read_chain_upload
from etherapy.server.judging import expect, readable, verified
from etherapy.server.parts import Ctx
from etherapy.server.succession import chains_of
from etherapy.store.database import Record
from etherapy.tep.chain import verify_chain
from etherapy.tep.charter import charter_in_force
from etherapy.tep.consent import Consent, consent_hash, consent_verifies, parse_consent
from etherapy.tep.epoch import Role
from etherapy.tep.invite import parse_accept, parse_invite
from etherapy.tep.joining import check_accept, check_invite
from etherapy.tep.signed import Signed


async def read_people(ctx: Ctx, thread: bytes) -> ThreadPeople:
    """Everybody who is or was in a thread, and every paper that its commits name."""
    membership = ctx.parts.membership
    people = await membership.people(ctx.caller, ctx.now, thread)
    papers = await membership.papers(ctx.caller, ctx.now, thread)
    return ThreadPeople(
        members=[_member(row) for row in people],
        charter=next(B64(row["body"]) for row in papers if row["kind"] == "charter"),
        consents=[_consent(row) for row in papers if row["kind"] == "consent"],
        leaves=[B64(row["body"]) for row in papers if row["kind"] == "leave"],
        admissions=[_admission(row) for row in papers if row["kind"] == "admission"],
    )


def _member(row: Record) -> ThreadMember:
    return ThreadMember(
        Id16(row["account_id"]),
        Hash32(row["chain_id"]),
        row["role"],
        row["name"],
        row["start_n"],
        row["until"],
        row["ended_at"],
        None if row["consent_hash"] is None else Hash32(row["consent_hash"]),
        None if row["start_t"] is None else Hash32(row["start_t"]),
    )


def _consent(row: Record) -> ConsentPaper:
    pairs = zip(row["signers"], row["signatures"], strict=True)
    signatures = [MemberSignature(Hash32(chain), B64(signature)) for chain, signature in pairs]
    return ConsentPaper(B64(row["body"]), signatures, row["name"])


def _admission(row: Record) -> Admission:
    return Admission(
        B64(row["body"]),
        B64(row["more"]),
        Id16(row["account_id"]),
        Hash32(row["chain_id"]),
        B64(row["signatures"][0]),
    )


async def sign_consent(ctx: Ctx, thread: bytes, body: SignConsent) -> ConsentSigned:
    """Propose that somebody comes into the thread, or sign what the owner proposed."""
    with readable():
        consent = parse_consent(body.core)
    roster = await ctx.parts.membership.roster(ctx.caller, ctx.now, thread, 0)
    expect((consent.thread, consent.home) == (thread, roster.home), "home")
    expect(not consent.until or consent.until > milliseconds(ctx.now), "until")
    own = chains_of(roster)[roster.people[roster.caller].chain]
    expect(consent_verifies(body.core, body.signature, own), "signature")
    await _check_role(ctx, thread, consent)
    said = await ctx.parts.membership.sign_consent(
        ctx.caller,
        ctx.now,
        thread,
        consent_hash(body.core),
        body.core,
        consent.newcomer,
        consent.role,
        body.signature,
    )
    ctx.parts.hub.tell(ctx.caller.practice, said.told)
    if said.outcome == "closed":
        raise ThreadClosed()
    if said.outcome == "again":
        ctx.mark_repeated()
    expect(said.outcome in ("signed", "again"), said.outcome)
    return ConsentSigned(said.complete)


async def _check_role(ctx: Ctx, thread: bytes, consent: Consent) -> None:
    """A thread has one owning therapist; who was invited comes in the role of the invitation."""
    expect(consent.role != Role.THERAPIST, "role")
    if consent.role == Role.CO_THERAPIST:
        return
    rows = await ctx.parts.membership.papers(ctx.caller, ctx.now, thread)
    invited = {
        (row["chain_id"], parse_invite(row["body"]).invite.role) for row in rows if row["kind"] == "admission"
    }
    expect((consent.newcomer, consent.role) in invited, "newcomer")


async def accept_membership(
    ctx: Ctx, practice: bytes, lookup: bytes, body: AcceptMembership
) -> MembershipAccepted:
    """Somebody new accepts an invitation to a thread that is there, and waits for the consents."""
    row = await find_invitation(ctx, practice, lookup)
    expect(not row["opens"], "opens")
    client = read_chain_upload(body.links)
    with readable():
        invite, accept = parse_invite(row["invite"]), parse_accept(body.accept)
    with verified():
        therapist = verify_chain(row["links"])
        check_invite(invite, therapist, milliseconds(ctx.now))
        check_accept(accept, invite, client)
    charter = Signed(row["charter"], (row["charter_sig"], bytes(body.charter_signature)), b"")
    expect(charter_in_force(charter, [therapist, client]), "charter_signature")
    person = new_account(
        ctx.parts.secrets, practice, row["generation"], client, body.links, ctx.now, ctx.parts.random
    )
    said = await ctx.parts.membership.accept(
        practice,
        lookup,
        ctx.now,
        accept=body.accept,
        owner_seq=therapist.seq,
        charter_signature=body.charter_signature,
        person=person,
        audit=audit_leaf(
            ctx.parts.random,
            "membership.accepted",
            account=person.account,
            thread=row["thread_id"],
            role=invite.invite.role,
            at=ctx.now.isoformat(),
        ),
    )
    ctx.parts.hub.tell(practice, said.told)
    if said.outcome != "accepted":
        raise _REFUSALS[said.outcome]()
    ctx.parts.expect(practice, ctx.now)
    promises = [B64(link.link_promise) for link in person.links]
    return MembershipAccepted(Id16(person.account), Id16(row["thread_id"]), promises)


_REFUSALS: Final[dict[str, type[Problem]]] = {
    "spent": InvitationSpent,
    "expired": InvitationExpired,
    "moved": StaleChain,
    "taken": DeviceTaken,
    "closed": ThreadClosed,
}


async def read_colleagues(ctx: Ctx) -> Colleagues:
    """The therapists of the practice, whom one may ask to cover."""
    rows = await ctx.parts.membership.colleagues(ctx.caller, ctx.now)
    return Colleagues(
        [Colleague(Id16(row["account_id"]), Hash32(row["chain_id"]), row["name"]) for row in rows]
    )
