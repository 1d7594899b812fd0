"""Every endpoint, once: routes, OpenAPI, SDK calls, metrics and limits are read off this table."""

from typing import Final

from etherapy.binary import Hash32
from etherapy.protocol import (
    agreed_rules,
    invitations,
    logs,
    messages,
    people,
    supervision,
    threads,
)
from etherapy.protocol.endpoint import OPEN, SEALED_BODY, Access, Endpoint
from etherapy.protocol.problems import (
    AlreadyPlaced,
    BadFormat,
    BadRules,
    Busy,
    Declined,
    DeviceTaken,
    InvitationExpired,
    InvitationSpent,
    LoginFailed,
    MidTaken,
    NoSeat,
    NoSuchChain,
    NoSuchLink,
    NoSuchLog,
    NoSuchMessage,
    NoSuchThread,
    NotHeld,
    StaleChain,
    StaleEpoch,
    StaleVersion,
    ThreadClosed,
    Unverified,
)

# fmt: off

WRITERS: Final[Access] = frozenset({"client", "therapist"})
THERAPIST: Final[Access] = frozenset({"therapist"})
ADMINISTRATOR: Final[Access] = frozenset({"administrator"})
AUDITORS: Final[Access] = frozenset({"supervisor", "administrator"})

# --- getting in ---------------------------------------------------------------------------------------------

read_server_keys = Endpoint("GET", "/server/keys", gives=people.ServerKeys, access=OPEN)

ask_challenge = Endpoint(
    "POST", "/login/challenges", takes=people.AskChallenge, gives=people.Challenge, access=OPEN,
    repeatable=True,
)

login = Endpoint(
    "POST", "/login", takes=people.Login, gives=people.Session, access=OPEN, status=201,
    problems=(LoginFailed,), cost=5,
)

logout = Endpoint("POST", "/logout")

read_person = Endpoint("GET", "/person", gives=people.Person)

enrol_staff = Endpoint(
    "POST", "/practices/{practice}/staff-links/{lookup}", takes=people.Enrol, gives=people.Enrolled,
    access=OPEN, status=201, body_limit=SEALED_BODY, cost=5, problems=(NoSuchLink, BadFormat, Unverified,
    DeviceTaken),
)

invite = Endpoint(
    "POST", "/invitations", takes=invitations.Invite, gives=invitations.Invited, access=THERAPIST,
    status=201, problems=(BadFormat, Unverified, StaleChain, DeviceTaken),
)

read_invitation = Endpoint(
    "GET", "/practices/{practice}/invitations/{lookup}", gives=invitations.Invitation, access=OPEN,
    problems=(NoSuchLink, InvitationExpired, InvitationSpent),
)

join = Endpoint(
    "POST", "/practices/{practice}/invitations/{lookup}", takes=invitations.Join, gives=invitations.Joined,
    access=OPEN, status=201, body_limit=SEALED_BODY, cost=5, problems=(NoSuchLink, InvitationExpired,
    InvitationSpent, BadFormat, Unverified, StaleChain, DeviceTaken),
)

# --- devices ------------------------------------------------------------------------------------------------

read_chain = Endpoint(
    "GET", "/chains/{chain}", gives=people.Chain, where={"chain": Hash32}, query=threads.PageQuery,
    problems=(NoSuchChain,),
)

add_link = Endpoint(
    "POST", "/chain", takes=people.AddLink, gives=people.LinkAdded, status=201, body_limit=SEALED_BODY,
    problems=(BadFormat, Unverified, StaleChain, DeviceTaken),
)

# --- reading ------------------------------------------------------------------------------------------------

read_changes = Endpoint(
    "GET", "/changes", gives=threads.Changes, query=threads.SyncQuery, access=WRITERS, waits=True,
)

read_page = Endpoint(
    "GET", "/threads/{thread}/items", gives=threads.Page, query=threads.PageQuery, access=WRITERS,
    problems=(NoSuchThread,),
)

read_joining = Endpoint(
    "GET", "/threads/{thread}/joining", gives=invitations.Joining, access=WRITERS, problems=(NoSuchThread,),
)

read_inbox = Endpoint("GET", "/inbox", gives=threads.Inbox, query=threads.InboxQuery, access=THERAPIST)

read_notices = Endpoint("GET", "/notices", gives=threads.Notices, query=threads.NoticeQuery, access=THERAPIST)

# --- writing ------------------------------------------------------------------------------------------------

preview = Endpoint(
    "POST", "/threads/{thread}/previews", takes=messages.AskPreview, gives=messages.Previewed,
    access=WRITERS, repeatable=True, problems=(NoSuchThread,),
)

send_message = Endpoint(
    "POST", "/threads/{thread}/messages", takes=messages.SendMessage, gives=messages.Sent, access=WRITERS,
    repeatable=True, body_limit=SEALED_BODY, problems=(NoSuchThread, BadFormat, Unverified, MidTaken,
    StaleEpoch, NoSeat, ThreadClosed, Declined, Busy),
)

read_message = Endpoint(
    "GET", "/threads/{thread}/messages/{mid}", gives=messages.Sent, access=WRITERS,
    problems=(NoSuchMessage,),
)

explain_message = Endpoint(
    "GET", "/threads/{thread}/messages/{mid}/explanation", gives=messages.Explanation,
    query=messages.ExplanationQuery, access=WRITERS,
    problems=(NoSuchMessage,),
)

recall_message = Endpoint(
    "POST", "/threads/{thread}/recalls", takes=messages.Recall, gives=messages.Sent, access=WRITERS,
    repeatable=True, problems=(NoSuchThread, NoSuchMessage, BadFormat, Unverified, AlreadyPlaced, NotHeld),
)

read_waiting = Endpoint(
    "GET", "/threads/{thread}/waiting", gives=messages.Waiting, access=WRITERS, problems=(NoSuchThread,),
)

commit_epoch = Endpoint(
    "POST", "/threads/{thread}/epochs", takes=threads.Commit, gives=threads.Committed, access=WRITERS,
    status=201, repeatable=True, body_limit=SEALED_BODY, problems=(NoSuchThread, BadFormat, Unverified,
    StaleEpoch, StaleChain, ThreadClosed),
)

# --- rules --------------------------------------------------------------------------------------------------

read_sheet = Endpoint(
    "GET", "/threads/{thread}/rules", gives=threads.Sheet, query=threads.SheetQuery, access=WRITERS,
    problems=(NoSuchThread,),
)

read_own_rules = Endpoint("GET", "/rules", gives=agreed_rules.RuleSet, access=THERAPIST)

set_own_rules = Endpoint(
    "PUT", "/rules", takes=agreed_rules.SetRules, gives=agreed_rules.RulesSet, access=THERAPIST,
    problems=(BadRules, StaleVersion, Busy), cost=5,
)

read_practice_rules = Endpoint("GET", "/practice/rules", gives=agreed_rules.RuleSet, access=ADMINISTRATOR)

set_practice_rules = Endpoint(
    "PUT", "/practice/rules", takes=agreed_rules.SetRules, gives=agreed_rules.RulesSet,
    access=ADMINISTRATOR, problems=(BadRules, StaleVersion, Busy), cost=5,
)

# --- logs and supervision -----------------------------------------------------------------------------------

read_checkpoint = Endpoint(
    "GET", "/logs/{log}/checkpoint", gives=logs.Checkpoint, where={"log": str}, problems=(NoSuchLog,),
)

prove_inclusion = Endpoint(
    "GET", "/logs/{log}/inclusion", gives=logs.InclusionProof, where={"log": str},
    query=logs.InclusionQuery, problems=(NoSuchLog,),
)

prove_consistency = Endpoint(
    "GET", "/logs/{log}/consistency", gives=logs.ConsistencyProof, where={"log": str},
    query=logs.ConsistencyQuery, problems=(NoSuchLog,),
)

read_leaves = Endpoint(
    "GET", "/logs/{log}/leaves", gives=logs.Leaves, where={"log": str}, query=logs.LeavesQuery,
    problems=(NoSuchLog,),
)

read_settings = Endpoint("GET", "/supervision/settings", gives=supervision.Settings, access=AUDITORS)

read_decisions = Endpoint(
    "GET", "/supervision/decisions", gives=supervision.Decisions, query=supervision.DecisionsQuery,
    access=AUDITORS,
)
