"""A thread to play with: Anna (client) and Vale (therapist), who joined as people join (A-10), and Lind,
who may cover for Vale for a while (A-6)."""

from dataclasses import dataclass, field

from etherapy.crypto.epochs import new_epoch
from etherapy.crypto.invitation import invitation_keys
from etherapy.sdk.verifying.beginnings import Began
from etherapy.tep.charter import charter_hash
from etherapy.tep.epoch import CommitReason, Role, parse_commit
from etherapy.tep.invite import Invite, InviteAccept, parse_accept, parse_invite, sign_accept, sign_invite
from tests.simulator.host import HOUR, Host
from tests.simulator.phone import Phone
from tests.tep.world import PRACTICE, THREAD, Dice


@dataclass
class Scene:
    """The server and every device there ever was."""

    host: Host
    phones: list[Phone] = field(default_factory=list)

    def alive(self, role: int | None = None) -> list[Phone]:
        """Devices of those who are in the thread, which nobody removed."""
        return [one for one in self.phones if not one.gone and role in (None, one.person.role)]


def begin(seed: str, *, eager_grants: bool = False) -> Scene:
    """A thread in its first epoch. The same seed gives the same bytes."""
    host = Host(Dice(seed))
    anna, anna_keys = host.enrol("anna", Role.CLIENT)
    vale, vale_keys = host.enrol("vale", Role.THERAPIST)
    link = invitation_keys(host.dice(16))
    charter = host.charter(vale, vale_keys, anna_keys)
    invite = sign_invite(
        Invite(
            host.keys.keys.server_id, PRACTICE, THREAD, vale.chain.chain_id, vale.chain.seq, vale.chain.head,
            0, bytes(32), Role.CLIENT, charter_hash(charter), link.signing.public, host.now + 7 * 24 * HOUR,
            host.dice(16),
        ),
        vale_keys.sign,
    )  # fmt: skip
    named = parse_invite(invite)
    accept = sign_accept(
        InviteAccept(named.invite_hash, anna.chain.chain_id, anna.chain.seq, anna.chain.head, host.dice(16)),
        anna_keys.sign,
        link.signing,
    )
    began = Began(named, parse_accept(accept))
    whole, secret = new_epoch(
        [(vale.chain, vale.role), (anna.chain, anna.role)],
        anna_keys,
        thread=THREAD,
        epoch=0,
        reason=CommitReason.CREATE,
        charter_hash=charter_hash(charter),
        view=(0, host.ts[0]),
        home=host.home,
        consents=(named.invite_hash, began.accept.accept_hash),
        random=host.dice,
    )
    host.commit(whole, parse_commit(whole))
    scene = Scene(host)
    lind, lind_keys = host.enrol("lind", Role.CO_THERAPIST)
    for person, keys in ((anna, anna_keys), (vale, vale_keys), (lind, lind_keys)):
        scene.phones.append(Phone(host, person, keys, began, eager_grants))
    scene.phones[0].secrets[host.newest.commit_hash] = secret
    for phone in scene.phones:
        phone.sync()
    return scene
