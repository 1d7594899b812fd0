"""Every endpoint, once: routes, OpenAPI, SDK calls, metrics and limits are read off this table."""

from typing import Final

from etherapy.binary import Hash32
from etherapy.protocol import (
    agreed_rules,
    alerts,
    crisis_cards,
    healing,
    invitations,
    logs,
    membership,
    messages,
    pairing,
    people,
    rule_words,
    supervision,
    tasks,
    threads,
)
from etherapy.protocol.endpoint import OPEN, SEALED_BODY, Access, Endpoint
from etherapy.protocol.problems import (
    AlreadyPlaced,
    BadFormat,
    BadRules,
    Busy,
    CardNotShown,
    Declined,
    DeviceRevoked,
    DeviceTaken,
    DeviceWaiting,
    InvitationExpired,
    InvitationSpent,
    LoginFailed,
    MidTaken,
    NameTaken,
    NoSeat,
    NoSuchAlert,
    NoSuchChain,
    NoSuchLink,
    NoSuchLog,
    NoSuchMessage,
    NoSuchRequest,
    NoSuchTask,
    NoSuchThread,
    NotHeld,
    OpeningForbidden,
    StaleChain,
    StaleEpoch,
    StaleVersion,
    ThreadClosed,
    TooManyWaiting,
    Unverified,
)

# fmt: off

WRITERS: Final[Access] = frozenset({"client", "therapist"})
THERAPIST: Final[Access] = frozenset({"therapist"})
ADMINISTRATOR: Final[Access] = frozenset({"administrator"})
AUDITORS: Final[Access] = frozenset({"supervisor", "administrator"})
STAFF: Final[Access] = frozenset({"therapist", "supervisor", "administrator"})

# --- getting in ---------------------------------------------------------------------------------------------

read_server_keys = Endpoint("GET", "/server/keys", gives=people.ServerKeys, access=OPEN)

read_crisis_card = Endpoint(
    "GET", "/crisis-card", gives=crisis_cards.CrisisCard, query=crisis_cards.CrisisCardQuery, access=OPEN,
)

ask_challenge = Endpoint(
    "POST", "/login/challenges", takes=people.AskChallenge, gives=people.Challenge, access=OPEN,
    repeatable=True,
)

login = Endpoint(
    "POST", "/login", takes=people.Login, gives=people.Session, access=OPEN, status=201,
    problems=(LoginFailed, DeviceRevoked), cost=5,
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
    status=201, problems=(BadFormat, Unverified, StaleChain, DeviceTaken, ThreadClosed),
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

accept_membership = Endpoint(
    "POST", "/practices/{practice}/invitations/{lookup}/acceptance", takes=membership.AcceptMembership,
    gives=membership.MembershipAccepted, access=OPEN, status=201, body_limit=SEALED_BODY, cost=5,
    problems=(NoSuchLink, InvitationExpired, InvitationSpent, BadFormat, Unverified, StaleChain, DeviceTaken,
    ThreadClosed),
)

# --- devices ------------------------------------------------------------------------------------------------

read_chain = Endpoint(
    "GET", "/chains/{chain}", gives=people.Chain, where={"chain": Hash32}, query=threads.PageQuery,
    problems=(NoSuchChain,),
)

add_link = Endpoint(
    "POST", "/chain", takes=people.AddLink, gives=people.LinkAdded, status=201, body_limit=SEALED_BODY,
    repeatable=True, problems=(BadFormat, Unverified, StaleChain, DeviceTaken, Busy),
)

ask_link = Endpoint(
    "POST", "/practices/{practice}/device-requests", takes=pairing.AskLink, gives=pairing.LinkAsked,
    access=OPEN, status=201, repeatable=True, cost=5, problems=(BadFormat, Unverified, TooManyWaiting),
)

read_link_progress = Endpoint(
    "GET", "/practices/{practice}/device-requests/{lookup}", gives=pairing.LinkProgress,
    query=pairing.ProgressQuery, access=OPEN, waits=True, problems=(NoSuchRequest,),
)

complete_link = Endpoint(
    "POST", "/practices/{practice}/device-requests/{lookup}/link", takes=pairing.CompleteLink,
    gives=people.LinkAdded, access=OPEN, status=201, body_limit=SEALED_BODY, repeatable=True, cost=5,
    problems=(NoSuchRequest, BadFormat, Unverified, StaleChain, DeviceTaken, Busy),
)

read_link_requests = Endpoint("GET", "/device-requests", gives=pairing.LinkRequests)

read_link_request = Endpoint(
    "GET", "/device-requests/{lookup}", gives=pairing.LinkRequest, problems=(NoSuchRequest,),
)

offer_link = Endpoint(
    "POST", "/device-requests/{lookup}/offer", takes=pairing.OfferLink, repeatable=True,
    problems=(NoSuchRequest, BadFormat, Unverified, StaleChain),
)

refuse_link = Endpoint("DELETE", "/device-requests/{lookup}", problems=(NoSuchRequest,))

set_passphrase = Endpoint(
    "PUT", "/passphrase", takes=pairing.SetPassphrase, cost=5, problems=(Unverified, NameTaken),
)

drop_passphrase = Endpoint("DELETE", "/passphrase")

ask_salt = Endpoint(
    "POST", "/practices/{practice}/salts", takes=pairing.AskSalt, gives=pairing.Salt, access=OPEN,
    repeatable=True,
)

passphrase_login = Endpoint(
    "POST", "/practices/{practice}/passphrase-logins", takes=pairing.PassphraseLogin,
    gives=pairing.PendingSession, access=OPEN, status=201, cost=10, problems=(LoginFailed, NoSuchRequest,
    DeviceWaiting),
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

read_notices = Endpoint("GET", "/notices", gives=threads.Notices, query=threads.NoticeQuery, access=WRITERS)

# --- writing ------------------------------------------------------------------------------------------------

preview = Endpoint(
    "POST", "/threads/{thread}/previews", takes=messages.AskPreview, gives=messages.Previewed,
    access=WRITERS, repeatable=True, problems=(NoSuchThread,),
)

send_message = Endpoint(
    "POST", "/threads/{thread}/messages", takes=messages.SendMessage, gives=messages.Sent, access=WRITERS,
    repeatable=True, body_limit=SEALED_BODY, problems=(NoSuchThread, BadFormat, Unverified, MidTaken,
    StaleEpoch, NoSeat, ThreadClosed, Declined, CardNotShown, Busy),
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

read_record = Endpoint(
    "GET", "/threads/{thread}/messages/{mid}/record", gives=messages.MessageRecord, access=WRITERS,
    problems=(NoSuchThread, NoSuchMessage),
)

recall_message = Endpoint(
    "POST", "/threads/{thread}/recalls", takes=messages.Recall, gives=messages.Sent, access=WRITERS,
    repeatable=True, problems=(NoSuchThread, NoSuchMessage, BadFormat, Unverified, AlreadyPlaced, NotHeld,
    Busy),
)

replace_message = Endpoint(
    "POST", "/threads/{thread}/replacements", takes=messages.Replace, gives=messages.Sent, access=WRITERS,
    repeatable=True, body_limit=SEALED_BODY, problems=(NoSuchThread, NoSuchMessage, BadFormat, Unverified,
    AlreadyPlaced, NotHeld, MidTaken, StaleEpoch, NoSeat, ThreadClosed, Declined, CardNotShown, Busy),
)

open_early = Endpoint(
    "POST", "/threads/{thread}/opening", takes=messages.OpenEarly, access=THERAPIST,
    problems=(NoSuchThread, OpeningForbidden),
)

read_waiting = Endpoint(
    "GET", "/threads/{thread}/waiting", gives=messages.Waiting, access=WRITERS, problems=(NoSuchThread,),
)

read_all_waiting = Endpoint("GET", "/waiting", gives=messages.AllWaiting, access=WRITERS)

commit_epoch = Endpoint(
    "POST", "/threads/{thread}/epochs", takes=threads.Commit, gives=threads.Committed, access=WRITERS,
    status=201, repeatable=True, body_limit=SEALED_BODY, problems=(NoSuchThread, BadFormat, Unverified,
    StaleEpoch, StaleChain, ThreadClosed, Busy),
)

# --- who is in a thread -------------------------------------------------------------------------------------

read_people = Endpoint(
    "GET", "/threads/{thread}/people", gives=membership.ThreadPeople, access=WRITERS,
    problems=(NoSuchThread,),
)

sign_consent = Endpoint(
    "POST", "/threads/{thread}/consents", takes=membership.SignConsent, gives=membership.ConsentSigned,
    access=WRITERS, repeatable=True, problems=(NoSuchThread, BadFormat, Unverified, ThreadClosed),
)

leave_thread = Endpoint(
    "POST", "/threads/{thread}/leave", takes=membership.LeaveThread, access=WRITERS, repeatable=True,
    problems=(NoSuchThread, BadFormat, Unverified, Busy),
)

give_history = Endpoint(
    "POST", "/threads/{thread}/grants", takes=membership.GiveHistory, access=WRITERS, repeatable=True,
    body_limit=SEALED_BODY, problems=(NoSuchThread, BadFormat, Unverified, NoSeat),
)

read_grants = Endpoint(
    "GET", "/threads/{thread}/grants", gives=membership.Grants, access=WRITERS, problems=(NoSuchThread,),
)

read_colleagues = Endpoint("GET", "/colleagues", gives=membership.Colleagues, access=THERAPIST)

# --- rules --------------------------------------------------------------------------------------------------

read_sheet = Endpoint(
    "GET", "/threads/{thread}/rules", gives=threads.Sheet, query=threads.SheetQuery, access=WRITERS,
    problems=(NoSuchThread,),
)

read_rule_words = Endpoint(
    "GET", "/threads/{thread}/rules/words", gives=rule_words.SheetInWords, query=rule_words.RuleWordsQuery,
    access=WRITERS, problems=(NoSuchThread, BadRules), cost=3,
)

read_next_opening = Endpoint(
    "GET", "/threads/{thread}/next-opening", gives=rule_words.NextOpening, query=rule_words.RuleWordsQuery,
    access=WRITERS, problems=(NoSuchThread, BadRules),
)

read_own_rules = Endpoint("GET", "/rules", gives=agreed_rules.RuleSet, access=WRITERS)

set_own_rules = Endpoint(
    "PUT", "/rules", takes=agreed_rules.SetRules, gives=agreed_rules.RulesSet, access=WRITERS,
    problems=(BadRules, StaleVersion, Busy), cost=5,
)

check_own_rules = Endpoint(
    "POST", "/rules/check", takes=agreed_rules.SetRules, gives=agreed_rules.RulesChecked,
    query=rule_words.RuleWordsQuery, access=WRITERS, repeatable=True, problems=(BadRules, StaleVersion),
    cost=5,
)

read_practice_rules = Endpoint("GET", "/practice/rules", gives=agreed_rules.RuleSet, access=ADMINISTRATOR)

set_practice_rules = Endpoint(
    "PUT", "/practice/rules", takes=agreed_rules.SetRules, gives=agreed_rules.RulesSet,
    access=ADMINISTRATOR, problems=(BadRules, StaleVersion, Busy), cost=5,
)

check_practice_rules = Endpoint(
    "POST", "/practice/rules/check", takes=agreed_rules.SetRules, gives=agreed_rules.RulesChecked,
    query=rule_words.RuleWordsQuery, access=ADMINISTRATOR, repeatable=True,
    problems=(BadRules, StaleVersion), cost=5,
)

read_agreement = Endpoint(
    "GET", "/threads/{thread}/agreement", gives=agreed_rules.RuleSet, access=THERAPIST,
    problems=(NoSuchThread,),
)

set_agreement = Endpoint(
    "PUT", "/threads/{thread}/agreement", takes=agreed_rules.SetRules, gives=agreed_rules.RulesSet,
    access=THERAPIST, problems=(NoSuchThread, ThreadClosed, BadRules, StaleVersion, Busy), cost=5,
)

check_agreement = Endpoint(
    "POST", "/threads/{thread}/agreement/check", takes=agreed_rules.SetRules, gives=agreed_rules.RulesChecked,
    query=rule_words.RuleWordsQuery, access=THERAPIST, repeatable=True,
    problems=(NoSuchThread, ThreadClosed, BadRules, StaleVersion), cost=5,
)

read_exceptions = Endpoint(
    "GET", "/threads/{thread}/exceptions", gives=agreed_rules.RuleSet, access=THERAPIST,
    problems=(NoSuchThread,),
)

set_exceptions = Endpoint(
    "PUT", "/threads/{thread}/exceptions", takes=agreed_rules.SetRules, gives=agreed_rules.RulesSet,
    access=THERAPIST, problems=(NoSuchThread, ThreadClosed, BadRules, StaleVersion, Busy), cost=5,
)

check_exceptions = Endpoint(
    "POST", "/threads/{thread}/exceptions/check", takes=agreed_rules.SetRules,
    gives=agreed_rules.RulesChecked, query=rule_words.RuleWordsQuery, access=THERAPIST, repeatable=True,
    problems=(NoSuchThread, ThreadClosed, BadRules, StaleVersion), cost=5,
)

# --- alerts and tasks ---------------------------------------------------------------------------------------

read_alerts = Endpoint(
    "GET", "/alerts", gives=alerts.AlertList, query=alerts.AlertQuery, access=STAFF, waits=True,
)

acknowledge_alert = Endpoint(
    "POST", "/alerts/{alert}/acknowledgement", access=STAFF, repeatable=True, problems=(NoSuchAlert,),
)

close_alert = Endpoint(
    "POST", "/alerts/{alert}/closing", takes=alerts.CloseAlert, access=STAFF, repeatable=True,
    problems=(NoSuchAlert,),
)

read_alert_status = Endpoint(
    "GET", "/threads/{thread}/messages/{mid}/alerts", gives=alerts.AlertStatus,
    query=alerts.AlertStatusQuery, access=WRITERS, problems=(NoSuchMessage,),
)

read_tasks = Endpoint("GET", "/tasks", gives=tasks.Tasks, access=STAFF)

read_open_tasks = Endpoint("GET", "/supervision/tasks", gives=tasks.OpenTasks, access=AUDITORS)

close_task = Endpoint(
    "POST", "/tasks/{task}/closing", takes=tasks.CloseTask, access=STAFF, repeatable=True,
    problems=(NoSuchTask,),
)

# --- after a restore ----------------------------------------------------------------------------------------

read_generation = Endpoint("GET", "/practice/generation", gives=healing.Generation)

read_thread_generation = Endpoint(
    "GET", "/threads/{thread}/generation", gives=healing.ThreadGeneration, access=WRITERS,
    problems=(NoSuchThread,),
)

heal_thread = Endpoint(
    "POST", "/threads/{thread}/healing", takes=healing.Heal, gives=healing.Healed, access=WRITERS,
    repeatable=True, body_limit=SEALED_BODY, problems=(NoSuchThread,), cost=5,
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
