"""The far end: what a person's device does with keys, words and the protocol.

from etherapy.sdk import Profile, Session, join

me, thread, code = await join(link, Profile.open(place))
sent = await me.send(thread, "Hello")

Its rooms, from the door to the ground: `entering` (invitation, staff link, another device, recovery code),
`messages` and `threads` (what is sent, fetched and agreed), `devices` (one's own), `watching` (the server's
keys, logs and chains), `verifying` (pure: what of all that is believed), `keeping` (files). Beside them
stands what a person holds: a Session, a Therapist, an Administrator, a Supervisor, each a Connection.
"""

from etherapy.sdk.administrator import Administrator
from etherapy.sdk.connection import Connection
from etherapy.sdk.entering.enrolling import enrol, join
from etherapy.sdk.entering.linking import link_device
from etherapy.sdk.entering.recovering import recover
from etherapy.sdk.faults import DeviceFault
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.keeping.profile import Profile
from etherapy.sdk.session import Session
from etherapy.sdk.supervisor import Supervisor
from etherapy.sdk.therapist import Therapist
from etherapy.sdk.verifying.message import Message, SentMessage, Synced, ThreadView, WaitingMessage
from etherapy.sdk.verifying.promises import PromiseView, verify_bundle, verify_promise

__all__ = [
    "Administrator",
    "Connection",
    "DeviceFault",
    "Finding",
    "Kind",
    "Message",
    "Profile",
    "PromiseView",
    "SentMessage",
    "Session",
    "Supervisor",
    "Synced",
    "Therapist",
    "ThreadView",
    "WaitingMessage",
    "enrol",
    "join",
    "link_device",
    "recover",
    "verify_bundle",
    "verify_promise",
]
