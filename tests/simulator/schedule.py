"""Random lives of a thread: people write, take back, link, lose and revoke devices, in every order and
half online."""

from collections.abc import Callable
from random import Random
from typing import Final

from etherapy.tep.epoch import Role
from tests.simulator.host import HOUR
from tests.simulator.phone import Phone
from tests.simulator.scene import Scene

MOST_DEVICES: Final = 4
"""Of one person, the recovery device not counted."""

Step = Callable[[Scene, Random], None]


def _pick(scene: Scene, dice: Random, role: int | None = None) -> Phone:
    return dice.choice(scene.alive(role))


def write(scene: Scene, dice: Random) -> None:
    """Somebody writes; in closed hours it is held."""
    _pick(scene, dice).write(f"text {dice.random()}")


def write_urgently(scene: Scene, dice: Random) -> None:
    """A client's urgent message is placed at once, whatever waits."""
    _pick(scene, dice, Role.CLIENT).write(f"urgent {dice.random()}", urgent=True)


def take_back(scene: Scene, dice: Random) -> None:
    """A held message is recalled by the device that sent it."""
    found = [
        (phone, mid)
        for phone in scene.alive()
        for mid, item in phone.own.items()
        if item.state == "held" and scene.host.accepted[mid].state == "held"
    ]
    if found:
        phone, mid = dice.choice(found)
        phone.take_back(mid)


def replace(scene: Scene, dice: Random) -> None:
    """A held or returned message gets other words, from any device of its author."""
    waiting = [
        (phone, mid)
        for mid, item in scene.host.accepted.items()
        if item.state in ("held", "returned")
        for phone in scene.alive()
        if phone.person.chain.chain_id == item.author
    ]
    if waiting:
        phone, mid = dice.choice(waiting)
        phone.replace(mid, f"better {dice.random()}")


def link(scene: Scene, dice: Random) -> None:
    """A new device; whoever brought it in may go offline before it commits."""
    phone = _pick(scene, dice)
    if sum(one.person is phone.person for one in scene.alive()) < MOST_DEVICES:
        scene.phones.append(phone.link())


def revoke(scene: Scene, dice: Random) -> None:
    """A device is lost and revoked by another one, which may have kept its waiting messages first."""
    phone = _pick(scene, dice)
    others = [one for one in scene.alive() if one.person is phone.person and one is not phone]
    if not others:
        return
    lost = dice.choice(others)
    if dice.random() < 0.5:
        for mid in [mid for mid, item in lost.own.items() if item.state == "held"]:
            if scene.host.accepted[mid].state == "held":
                phone.replace(mid, f"kept {dice.random()}")
    phone.revoke(lost)


def rotate(scene: Scene, dice: Random) -> None:
    """A device changes its X-Wing key."""
    _pick(scene, dice).rotate()


def ask_for_cover(scene: Scene, dice: Random) -> None:
    """Vale names a cover, once, for some hours; the client may agree much later, or never."""
    if not scene.host.consents:
        cover = next(one for one in scene.host.people.values() if one.role == Role.CO_THERAPIST)
        until = scene.host.now + dice.randrange(HOUR, 8 * HOUR)
        _pick(scene, dice, Role.THERAPIST).ask_for_cover(cover, until)


def agree_to_cover(scene: Scene, dice: Random) -> None:
    """The client agrees; whoever syncs next brings the cover in."""
    for core, _ in scene.host.consents.values():
        _pick(scene, dice, Role.CLIENT).agree(core)


def sync(scene: Scene, dice: Random) -> None:
    """Somebody opens the app."""
    _pick(scene, dice).sync()


def wait(scene: Scene, dice: Random) -> None:
    """Time goes by; windows open and close."""
    scene.host.pass_time(dice.randrange(1, 2 * HOUR))


def open_earlier(scene: Scene, dice: Random) -> None:
    """The rules open earlier than promised."""
    scene.host.open_earlier(scene.host.now + dice.randrange(HOUR))


STEPS: Final[dict[Step, int]] = {
    write: 6,
    write_urgently: 1,
    take_back: 1,
    replace: 2,
    link: 2,
    revoke: 2,
    rotate: 1,
    sync: 5,
    wait: 3,
    open_earlier: 1,
    ask_for_cover: 1,
    agree_to_cover: 1,
}
"""What happens, and how often."""


CALM: Final[dict[Step, int]] = {write: 3, sync: 3, wait: 2}
"""The same while nobody loses a device, so that whoever could notice something is still there."""


def live(scene: Scene, dice: Random, steps: int, often: dict[Step, int] = STEPS) -> None:
    """So many random steps."""
    for _ in range(steps):
        dice.choices(list(often), weights=list(often.values()))[0](scene, dice)


def speak(scene: Scene) -> None:
    """Everybody says something, at once where the hours allow it, so that views meet."""
    for phone in scene.alive():
        phone.write("still here", urgent=phone.person.role == Role.CLIENT)


def settle_down(scene: Scene) -> None:
    """Everybody comes online, twice, so that everything there is to see has been seen, and time runs on."""
    for _ in range(3):
        for phone in scene.alive():
            phone.sync()
    scene.host.pass_time(4 * HOUR)
    for phone in scene.alive():
        phone.sync()
