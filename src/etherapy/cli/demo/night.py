"""The night: a practice is furnished, somebody cannot sleep and writes, and nobody is woken."""

from datetime import timedelta
from typing import Any, TypeVar

from etherapy.cli.demo.evening import THERAPIST_ZONE, choose_evening
from etherapy.cli.demo.scene import SUPERVISOR, THERAPIST, Scene
from etherapy.cli.demo.telling import as_written
from etherapy.cli.showing import show_words
from etherapy.sdk.connection import Connection
from etherapy.sdk.entering.enrolling import enrol, join
from etherapy.sdk.entering.staff_link import new_staff_link
from etherapy.sdk.session import Session
from etherapy.sdk.supervisor import Supervisor
from etherapy.sdk.therapist import Therapist
from etherapy.server.operate.installation import read_installation
from etherapy.server.operate.practices import LinkOffer, create_practice, create_staff_link
from etherapy.tep.invite import parse_link_text

PRACTICE = "Elm Street Practice"
EMERGENCY = "Messages are not for emergencies. If you are in danger, call or text 988, or call 911."
RULES: list[dict[str, Any]] = [
    {
        "kind": "window.weekly",
        "zone": THERAPIST_ZONE,
        "windows": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}],
    },
    {"kind": "response.target", "target": {"count": "business_days", "n": 1}},
    {"kind": "off_hours.policy", "policy": "hold_with_ack"},
]
LATER = timedelta(minutes=25)

Member = TypeVar("Member", bound=Connection)


async def furnish(scene: Scene) -> None:
    """Server, practice, therapist, supervisor, client: by the same ways as everywhere."""
    tell = scene.telling
    await scene.stage.start()
    tell.say(f"A server of its own is up at {scene.stage.origin}, with a PostgreSQL of its own.")
    async with scene.stage.site() as site:
        there = await read_installation(site)
        practice = await create_practice(
            site,
            there,
            name=PRACTICE,
            zone=THERAPIST_ZONE,
            region="US",
            emergency_text=EMERGENCY,
            rules=RULES,
        )
        links = {}
        for role, name in (("therapist", THERAPIST), ("supervisor", SUPERVISOR)):
            link = new_staff_link(scene.stage.origin, practice.practice_id, there.secrets.server_id)
            offer = LinkOffer(link.lookup_id, link.staff_pk)
            await create_staff_link(site, there, practice.practice_id, offer, [role], name)
            links[role] = link.text
    tell.expect(there.synthetic, "the installation is marked as synthetic: only so can its clock be turned")
    await (await _enrol(scene, links["supervisor"], "supervisor", Supervisor)).close()
    vale = await _enrol(scene, links["therapist"], "therapist", Therapist)
    invitation = await vale.invite("the client of this story")
    await vale.close()
    scene.cast.secrets.append(parse_link_text(invitation.text).secret)
    client, scene.cast.thread, code = await join(invitation.text, scene.cast.profiles["client"])
    scene.cast.secrets.append(code)
    await client.close()
    tell.say(
        f"{THERAPIST} in New York reads Monday to Friday, 9:00 to 17:00, and answers within one working "
        f"day. {SUPERVISOR} supervises. A client in Chicago joined by an invitation link."
    )
    scene.evening = choose_evening(there.now() + timedelta(minutes=1))
    await scene.turn(scene.evening.written_at)


async def _enrol(scene: Scene, link: str, role: str, kind: type[Member]) -> Member:
    scene.cast.secrets.append(parse_link_text(link).secret)
    session, code = await enrol(link, scene.cast.profiles[role], kind)
    scene.cast.secrets.append(code)
    return session


async def preview(scene: Scene) -> None:
    """Who reads, when, reply by when: before anything is sent, on both walls."""
    async with scene.cast.speaking("client", Session) as client:
        found = await client.preview(scene.cast.thread, scene.cast.texts[0])
    scene.telling.quote("what the client is shown", show_words(found.words))
    decision = found.decision
    scene.telling.expect(decision.code == "held", "it would be held, not lost and not pushed into the night")
    scene.expect_times(decision.release_at, decision.reply_by)
    said = " ".join(found.words.lines)
    scene.telling.expect("Eastern" in said and "your time" in said, "every time is given on both walls")


async def send(scene: Scene) -> None:
    """Two messages of one night: one turn, one promise, one acknowledgement."""
    tell, cast = scene.telling, scene.cast
    async with cast.speaking("client", Session) as client:
        first = await client.send(cast.thread, cast.texts[0])
    tell.quote("the client writes", cast.texts[0])
    tell.quote("the client's own app, from the signed promise", first.acknowledgement or "(nothing)")
    tell.expect(first.state == "held", "the message is held; nobody but its sender can know of it")
    scene.expect_times(first.promise.release_at, first.promise.reply_by)
    tell.facts["release_at"] = as_written(first.promise.release_at)
    tell.facts["reply_by"] = as_written(first.promise.reply_by)
    await scene.turn(scene.night.written_at + LATER)
    async with cast.speaking("client", Session) as client:
        second = await client.send(cast.thread, cast.texts[1])
        waiting = await client.waiting(cast.thread)
    tell.quote("the client adds, at 23:05", cast.texts[1])
    scene.expect_times(second.promise.release_at, second.promise.reply_by)
    tell.expect(
        first.acknowledgement is not None and second.acknowledgement is None,
        "there was one automatic acknowledgement, and it says that no person wrote it",
    )
    tell.expect(len(waiting) == 2, "both can still be taken back")
    cast.mids = [first.mid, second.mid]


async def stay_quiet(scene: Scene) -> None:
    """Nothing to see, nothing to be told, nothing to be inferred."""
    async with scene.cast.speaking("therapist", Therapist) as vale:
        news, inbox, notices = await vale.sync(), await vale.inbox(), await vale.notices()
    scene.telling.expect(inbox == [] and notices == [], "the inbox is empty, and there was no notice")
    scene.telling.expect(news.messages == (), "a sync brings no message, and no trace of one")
