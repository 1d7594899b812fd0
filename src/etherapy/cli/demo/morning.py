"""The morning: one batch, opened where it should be, and an answer."""

from etherapy.cli.demo.scene import THERAPIST, Scene, show_walls
from etherapy.sdk.session import Session
from etherapy.sdk.therapist import Therapist


async def wake(scene: Scene) -> None:
    """One batch, one notice, opened on the therapist's device and nowhere else."""
    tell, cast = scene.telling, scene.cast
    await scene.turn(scene.night.opens_at)
    async with cast.speaking("therapist", Therapist) as vale:
        inbox = await vale.inbox()
        news = await vale.sync()
        notices = await scene.until(vale.notices, bool)
    tell.expect(
        len(inbox) == 1 and inbox[0].count == 2, "one batch is in the inbox: one client, two messages"
    )
    tell.expect(
        inbox[0].reply_by == scene.night.reply_by, f"to be answered by {show_walls(inbox[0].reply_by)}"
    )
    for message in news.messages:
        tell.quote(f"{THERAPIST} reads", message.text or "(nothing)")
    tell.expect(
        [one.text for one in news.messages] == list(cast.texts[:2]), "both were opened, in their order"
    )
    tell.expect(
        all(one.standing == "good" for one in news.messages) and news.findings == (),
        "signatures, promises and places were verified, and all of them hold",
    )
    tell.expect(
        len(notices) == 1, f"{THERAPIST} was told once, that there is something to read, and not what"
    )


async def reply(scene: Scene) -> None:
    """Inside the hours an answer goes out at once."""
    async with scene.cast.speaking("therapist", Therapist) as vale:
        sent = await vale.send(scene.cast.thread, scene.cast.texts[2])
        inbox = await vale.inbox()
    scene.telling.quote(f"{THERAPIST} writes", scene.cast.texts[2])
    scene.telling.expect(sent.state == "placed", "it was placed at once")
    scene.telling.expect(inbox == [], "nobody waits for an answer any more")


async def read(scene: Scene) -> None:
    """The client's device verifies as well, and finds the promise kept."""
    async with scene.cast.speaking("client", Session) as client:
        news = await client.sync()
        messages = await client.messages(scene.cast.thread)
    for message in messages:
        if not message.mine:
            scene.telling.quote("the client reads", message.text or "(nothing)")
    scene.telling.expect(
        [one.text for one in messages] == list(scene.cast.texts), "three messages, in their order"
    )
    scene.telling.expect(
        news.findings == () and all(one.standing == "good" for one in messages),
        "what was promised at night was kept in the morning, to the second",
    )
