"""The far end: what a person's device does with keys, words and the protocol.

from etherapy.sdk import Profile, Session, join

me, thread, code = await join(link, Profile.open(place))
sent = await me.send(thread, "Hello")
"""

from etherapy.sdk.administrator import Administrator
from etherapy.sdk.connection import Connection
from etherapy.sdk.entering import enrol, join
from etherapy.sdk.faults import DeviceFault
from etherapy.sdk.findings import Finding, Kind
from etherapy.sdk.linking import link_device
from etherapy.sdk.message import Message, SentMessage, Synced, ThreadView, WaitingMessage
from etherapy.sdk.profile import Profile
from etherapy.sdk.promises import PromiseView, verify_bundle, verify_promise
from etherapy.sdk.recovering import recover
from etherapy.sdk.session import Session
from etherapy.sdk.supervisor import Supervisor
from etherapy.sdk.therapist import Therapist

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
