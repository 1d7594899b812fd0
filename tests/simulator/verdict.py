"""What must hold after any schedule, whatever the server did (tep.md §10: 32, 33, 37; A-13: 90, 91)."""

from etherapy.sdk.findings import Kind
from etherapy.sdk.verifying.message import Message
from etherapy.tep.epoch import Role
from tests.simulator.phone import Phone, opens
from tests.simulator.scene import Scene


def breaches(scene: Scene) -> list[str]:
    """Secrecy that was broken: a removed device can open what was sealed by somebody who knew of its removal.

    The removed device has all it ever had, and from the server every commit with every row.
    """
    found = []
    for gone in [one for one in scene.phones if one.gone]:
        reach = opens(gone.secrets, scene.host.commits, gone.every_key())
        for phone in scene.phones:
            found += [
                "a removed device reads on"
                for letter in phone.letters
                if gone.device in letter.removed and letter.commit_hash in reach
            ]
    return found


def losses(scene: Scene) -> list[str]:
    """What an honest server must not lose: every active device reads all that was placed since it was
    seated, all
    see one order, and each recovery code opens everything."""
    found = []
    for phone in scene.alive():
        if phone.log.n != scene.host.n or phone.log.spine.t != scene.host.ts[-1]:
            found.append("a device did not read to the end")
        found += [f"unreadable: {one.findings}" for one in phone.log.messages if _owed(scene, phone, one)]
    for person in scene.host.people.values():
        reach = opens({}, scene.host.commits, [person.code.keys()])
        if any(
            commit.commit_hash not in reach
            for commit in scene.host.commits
            if any(row.chain_id == person.chain.chain_id for row in commit.core.roster)
        ):
            found.append("a recovery code does not open an epoch")
    for mid, item in scene.host.accepted.items():
        if item.state == "held":
            found.append("a message was never placed")
        if item.state == "placed" and not _shown_once(scene, mid):
            found.append("a placed message is not shown exactly once")
    return found


def false_alarms(scene: Scene) -> list[str]:
    """Findings that accuse somebody although everybody was honest."""
    return [f"false alarm: {one}" for phone in scene.alive() for one in phone.alarms]


def alarms(scene: Scene) -> set[Kind]:
    """What the devices of honest people found."""
    return {one.kind for phone in scene.alive() for one in phone.alarms}


def _owed(scene: Scene, phone: Phone, message: Message) -> bool:
    """Whether a message without a text was sealed to this device, or its epoch was granted to it."""
    if message.text is not None:
        return False
    envelopes = [one.envelope for one in scene.host.accepted.values()]
    epoch = next(one.header.commit_hash for one in envelopes if one.item_hash == message.item_hash)
    sealed = any(one.commit_hash == epoch and phone.device in one.sealed_rows for one in scene.host.commits)
    return sealed or epoch in phone.granted


def _shown_once(scene: Scene, mid: bytes) -> bool:
    readers = [one for one in scene.alive() if one.person.role != Role.CO_THERAPIST]
    return all(sum(one.mid == mid for one in phone.log.messages) == 1 for phone in readers)
