"""Who may call what, and what is told of ids that are not one's own. A route without a row fails the build.

Written out by hand and never derived from the endpoint table, which it is there to check.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

ROLES = ("client", "therapist", "supervisor", "administrator")
CALLERS = (
    "A.client",
    "A.other_client",
    "A.far_client",
    "A.therapist",
    "A.other_therapist",
    "A.supervisor",
    "A.administrator",
)
NEAR = {
    "A.client": "A.other_client",
    "A.other_client": "A.client",
    "A.far_client": "A.client",
    "A.therapist": "A.far_client",
    "A.other_therapist": "A.client",
    "A.supervisor": "A.far_client",
    "A.administrator": "A.far_client",
}
"""Whose things of the same practice are not a caller's: for two clients of one therapist, each other's."""

Fields = tuple[str, ...]
"""Which ids of a request are exchanged together (fields of `asks.Named`)."""


@dataclass(frozen=True, slots=True)
class Row:
    """`good`: the status that each role gets for what is its own. `strange`: the one status for each set of
    exchanged ids, whether these are another's in the same practice, another practice's or nobody's.

    `near` names sets where what exists in the same practice is told apart, with that status and the reason.
    """

    good: Mapping[str, int]
    is_open: bool = False
    strange: Mapping[Fields, int] = field(default_factory=dict)
    near: Mapping[Fields, tuple[int, str]] = field(default_factory=dict)

    @property
    def takes_ids(self) -> bool:
        """Whether a strange id is taken by the call: from then on it exists for whoever comes next."""
        return not self.is_open and min(self.strange.values(), default=400) < 300


def _for(status: int, *roles: str) -> dict[str, int]:
    return {role: status if role in roles or not roles else 403 for role in ROLES}


THREAD: Fields = ("thread", "inner_thread")
MESSAGE: Fields = ("mid", "item_hash")
WRITERS = ("client", "therapist")
AUDITORS = ("supervisor", "administrator")
STAFF = ("therapist", "supervisor", "administrator")

ROWS: dict[str, Row] = {
    "live": Row(_for(200), is_open=True),
    "openapi": Row(_for(200), is_open=True),
    "read_server_keys": Row(_for(200), is_open=True),
    "read_crisis_card": Row(_for(200), is_open=True),
    "ask_challenge": Row(
        _for(200), is_open=True, strange={("practice",): 200, ("device",): 200, ("practice", "device"): 200}
    ),
    "login": Row(
        _for(201), is_open=True, strange={("practice",): 401, ("device",): 401, ("practice", "device"): 401}
    ),
    "logout": Row(_for(204)),
    "read_person": Row(_for(200)),
    "enrol_staff": Row(
        _for(201), is_open=True, strange={("practice",): 404, ("lookup",): 404, ("practice", "lookup"): 404}
    ),
    "invite": Row(
        _for(201, "therapist"),
        strange={("lookup",): 201, ("inner_thread",): 201, ("home_practice",): 422, ("chain",): 422},
        near={
            ("lookup",): (409, "a look-up id, 128 random bits, is taken once in a practice"),
            ("inner_thread",): (409, "a thread id, 128 random bits, is taken once in a practice"),
            ("home_practice",): (201, "the same practice is one's own"),
        },
    ),
    "read_invitation": Row(_for(200), is_open=True, strange={("practice",): 404, ("lookup",): 404}),
    "join": Row(_for(201), is_open=True, strange={("practice",): 404, ("lookup",): 404}),
    "accept_membership": Row(_for(201), is_open=True, strange={("practice",): 404, ("lookup",): 404}),
    "read_chain": Row(_for(200), strange={("chain",): 404}),
    "add_link": Row(
        _for(201),
        strange={("chain",): 422, ("new_device",): 201},
        near={("new_device",): (409, "a device, proven by its own signature, is once in a practice")},
    ),
    "ask_link": Row(_for(201), is_open=True, strange={("lookup",): 422, ("practice", "lookup"): 422}),
    "read_link_progress": Row(
        _for(200), is_open=True, strange={("practice",): 404, ("lookup",): 404, ("practice", "lookup"): 404}
    ),
    "complete_link": Row(
        _for(201), is_open=True, strange={("practice",): 404, ("lookup",): 404, ("practice", "lookup"): 404}
    ),
    "read_link_requests": Row(_for(200)),
    "read_link_request": Row(_for(200), strange={("lookup",): 404}),
    "offer_link": Row(_for(204), strange={("lookup",): 404}),
    "refuse_link": Row(_for(204), strange={("lookup",): 404}),
    "set_passphrase": Row(_for(204)),
    "drop_passphrase": Row(_for(204)),
    "ask_salt": Row(_for(200), is_open=True, strange={("practice",): 200}),
    "passphrase_login": Row(
        _for(201), is_open=True, strange={("practice",): 401, ("lookup",): 404, ("practice", "lookup"): 401}
    ),
    "read_changes": Row(_for(200, *WRITERS)),
    "read_page": Row(_for(200, *WRITERS), strange={("thread",): 404}),
    "read_joining": Row(_for(200, *WRITERS), strange={("thread",): 404}),
    "read_inbox": Row(_for(200, "therapist")),
    "read_generation": Row(_for(200)),
    "read_thread_generation": Row(_for(200, *WRITERS), strange={("thread",): 404}),
    "heal_thread": Row(_for(200, *WRITERS), strange={("thread",): 404}),
    "read_notices": Row(_for(200, *WRITERS)),
    "preview": Row(_for(200, *WRITERS), strange={("thread",): 404}),
    "send_message": Row(
        _for(200, *WRITERS),
        strange={
            THREAD: 404,
            ("thread",): 422,
            ("inner_thread",): 422,
            ("device",): 404,
            ("commit_hash",): 409,
            (*THREAD, "device", "commit_hash"): 404,
        },
    ),
    "read_message": Row(
        _for(200, *WRITERS), strange={("thread",): 404, ("mid",): 404, ("thread", "mid"): 404}
    ),
    "open_early": Row(_for(204, "therapist"), strange={("thread",): 404}),
    "read_record": Row(
        _for(200, *WRITERS), strange={("thread",): 404, ("mid",): 404, ("thread", "mid"): 404}
    ),
    "explain_message": Row(
        _for(200, *WRITERS), strange={("thread",): 404, ("mid",): 404, ("thread", "mid"): 404}
    ),
    "recall_message": Row(
        {**_for(200, "client"), "therapist": 409, "supervisor": 403, "administrator": 403},
        strange={
            THREAD: 404,
            ("thread",): 422,
            ("inner_thread",): 422,
            ("mid",): 404,
            ("item_hash",): 404,
            MESSAGE: 404,
            ("device",): 422,
            (*THREAD, *MESSAGE): 404,
            (*THREAD, *MESSAGE, "device"): 404,
        },
    ),
    "replace_message": Row(
        {**_for(200, "client"), "therapist": 409, "supervisor": 403, "administrator": 403},
        strange={
            THREAD: 404,
            ("thread",): 422,
            ("inner_thread",): 422,
            ("mid",): 404,
            ("item_hash",): 404,
            MESSAGE: 404,
            ("device",): 422,
            ("commit_hash",): 409,
            (*THREAD, *MESSAGE): 404,
            (*THREAD, *MESSAGE, "device"): 404,
        },
    ),
    "read_all_waiting": Row(_for(200, *WRITERS)),
    "read_waiting": Row(_for(200, *WRITERS), strange={("thread",): 404}),
    "commit_epoch": Row(
        _for(201, *WRITERS),
        strange={
            THREAD: 404,
            ("thread",): 404,
            ("inner_thread",): 422,
            ("chain",): 422,
            ("commit_hash",): 409,
        },
    ),
    "read_people": Row(_for(200, *WRITERS), strange={("thread",): 404}),
    "sign_consent": Row(_for(200, *WRITERS), strange={THREAD: 404, ("thread",): 404, ("inner_thread",): 422}),
    "leave_thread": Row(
        {**_for(204, "client"), "therapist": 422, "supervisor": 403, "administrator": 403},
        strange={THREAD: 404, ("thread",): 422, ("inner_thread",): 422},
    ),
    "give_history": Row(
        _for(204, *WRITERS),
        strange={THREAD: 404, ("thread",): 404, ("inner_thread",): 422, ("device",): 422},
    ),
    "read_grants": Row(_for(200, *WRITERS), strange={("thread",): 404}),
    "read_colleagues": Row(_for(200, "therapist")),
    "read_sheet": Row(_for(200, *WRITERS), strange={("thread",): 404}),
    "read_rule_words": Row(_for(200, *WRITERS), strange={("thread",): 404}),
    "read_next_opening": Row(_for(200, *WRITERS), strange={("thread",): 404}),
    "read_own_rules": Row(_for(200, *WRITERS)),
    "set_own_rules": Row(_for(200, *WRITERS)),
    "check_own_rules": Row(_for(200, *WRITERS)),
    "read_practice_rules": Row(_for(200, "administrator")),
    "set_practice_rules": Row(_for(200, "administrator")),
    "check_practice_rules": Row(_for(200, "administrator")),
    "read_agreement": Row(_for(200, "therapist"), strange={("thread",): 404}),
    "set_agreement": Row(_for(200, "therapist"), strange={("thread",): 404}),
    "check_agreement": Row(_for(200, "therapist"), strange={("thread",): 404}),
    "read_exceptions": Row(_for(200, "therapist"), strange={("thread",): 404}),
    "set_exceptions": Row(_for(200, "therapist"), strange={("thread",): 404}),
    "check_exceptions": Row(_for(200, "therapist"), strange={("thread",): 404}),
    "read_alerts": Row(_for(200, *STAFF)),
    "acknowledge_alert": Row(_for(204, *STAFF), strange={("alert",): 404}),
    "close_alert": Row(_for(204, *STAFF), strange={("alert",): 404}),
    "read_alert_status": Row(
        _for(200, *WRITERS), strange={("thread",): 404, ("mid",): 404, ("thread", "mid"): 404}
    ),
    "read_tasks": Row(_for(200, *STAFF)),
    "read_open_tasks": Row(_for(200, *AUDITORS)),
    "close_task": Row(_for(204, *STAFF), strange={("task",): 404}),
    "read_checkpoint": Row(_for(200)),
    "prove_inclusion": Row(_for(200)),
    "prove_consistency": Row(_for(200)),
    "read_leaves": Row(_for(200)),
    "read_settings": Row(_for(200, *AUDITORS)),
    "read_decisions": Row(_for(200, *AUDITORS)),
}

NOT_IDS = frozenset({"nonce", "auth", "salt", "sign_pk"})
"""Fields that have the form of an id and name nothing; a new device's key is bound to its look-up id."""
