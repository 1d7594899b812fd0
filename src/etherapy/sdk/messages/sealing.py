"""What this device seals, signs and opens of its own in a thread."""

from etherapy.crypto.errors import CannotOpen
from etherapy.crypto.messages import Opened, open_message, seal_message
from etherapy.sdk.faults import NotInThread
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.tep.envelope import Envelope
from etherapy.tep.epoch import Commit
from etherapy.tep.malformed import Malformed
from etherapy.tep.payload import Payload
from etherapy.tep.recall import Recall, RecallMode, sign_recall
from etherapy.tep.shape import ZEROS_32


def seal(
    desk: ThreadDesk,
    commit: Commit,
    payload: Payload | bytes,
    *,
    mid: bytes,
    service_class: int,
    urgent: bool,
) -> bytes:
    """The envelope of a payload in an epoch, signed by this device. NotInThread if it has not its secret."""
    secret = desk.state.secrets.get(commit.commit_hash)
    if secret is None:
        raise NotInThread("this device could not open the thread's newest epoch")
    return seal_message(
        payload,
        secret=secret,
        commit=commit,
        key=desk.link.keys.sign,
        service_class=service_class,
        urgent=urgent,
        mid=mid,
    )


def open_envelope(desk: ThreadDesk, envelope: Envelope) -> Opened | None:
    """What is in an envelope that is not placed; None if this device cannot open it."""
    name = envelope.header.commit_hash
    commit, secret = desk.log.epochs.of(name), desk.state.secrets.get(name)
    if commit is None or secret is None:
        return None
    try:
        return open_message(envelope, secret, commit)
    except (Malformed, CannotOpen):
        return None


def recall_of(desk: ThreadDesk, mid: bytes, item_hash: bytes, instead: bytes | None = None) -> bytes:
    """This device's signed word that a message is taken back, or that the item `instead` takes its place."""
    recall = Recall(
        mode=RecallMode.RECALL if instead is None else RecallMode.REPLACE,
        thread=desk.thread,
        mid=mid,
        device=desk.link.keys.device_id,
        item_hash=item_hash,
        new_item_hash=instead or ZEROS_32,
        at=desk.link.device_time(),
    )
    return sign_recall(recall, desk.link.keys.sign)
