"""What others can see and check afterwards: the supervisor, a thief of the database, anybody at all."""

from datetime import datetime

from etherapy.cli.demo.evening import THERAPIST_ZONE
from etherapy.cli.demo.scene import SUPERVISOR, Scene
from etherapy.cli.showing import show_time
from etherapy.rules.written import tell_documents
from etherapy.sdk.session import Session
from etherapy.sdk.supervisor import AuditedRecord, Supervisor
from etherapy.sdk.verifying.promises import ReceiptRefused, verify_bundle
from etherapy.server.operate.leaks import search_store
from etherapy.tep.serverkeys import verify_server_chain


async def supervise(scene: Scene) -> None:
    """Settings and decisions under pseudonyms, each held against the signed log."""
    tell = scene.telling
    async with scene.cast.speaking("supervisor", Supervisor) as ruth:
        settings = await ruth.settings()
        records = await scene.until(ruth.decisions, _has_placed_and_proved)
    in_force = [
        line
        for one in settings
        for line in (
            f"{one.name}, version {one.version}",
            *(f"  {rule}" for rule in tell_documents(one.rules)),
        )
    ]
    tell.quote(f"{SUPERVISOR} sees the settings", in_force)
    placed = [one for one in records if one.act == "message.placed"]
    tell.quote(f"{SUPERVISOR} sees the decisions", [line for one in placed for line in _record_lines(one)])
    tell.expect(len(placed) >= 2, "each message of the night has its decision record")
    tell.expect(all(one.proved for one in placed), "each is in the log that the server signed")
    seen = repr(settings) + repr(records)
    words = (scene.cast.night, scene.cast.later, scene.cast.morning)
    tell.expect(not any(word in seen for word in words), "and no word of what was written")


async def search(scene: Scene) -> None:
    """In every spelling, with a control that the search would have found it."""
    files = [scene.stage.log, scene.stage.settings.data / "keys" / "server.json"]
    async with scene.stage.site() as site:
        found = await search_store(site, scene.cast.planted, files)
    scene.telling.facts["leak_hits"] = len(found.hits)
    scene.telling.say(
        f"{found.searched_bytes:,} bytes: a dump of every table, the server's log and its keys; searched "
        f"for {len(scene.cast.planted)} words, codes and link secrets as text, hexadecimal, base64, UTF-16."
    )
    scene.telling.expect(found.missed == [], "planted in a copy, each spelling of each word is found")
    scene.telling.expect(found.hits == [], "in what the server keeps, none is")


async def verify(scene: Scene) -> None:
    """A file that proves what was promised, to anybody, without the server."""
    async with scene.cast.speaking("client", Session) as client:
        data = await client.export_receipt(scene.cast.thread, scene.cast.mids[0])
    file = scene.stage.place / "receipt.json"
    file.write_bytes(data)
    promise = verify_bundle(data)
    pinned = verify_server_chain(scene.cast.profiles["client"].identity.server_links).server_id
    scene.expect_times(promise.release_at, promise.reply_by)
    scene.telling.expect(promise.server_id == pinned, "signed by the very server that the invitation pinned")
    changed = data.replace(b'"receipt": "A', b'"receipt": "B', 1)
    try:
        verify_bundle(changed)
        refused = False
    except ReceiptRefused:
        refused = changed != data
    scene.telling.expect(refused, "with one character changed it is refused")


async def hand_over(scene: Scene) -> None:
    """The clock is turned on to the next evening."""
    await scene.turn(scene.night.next_evening)
    async with scene.cast.speaking("client", Session) as client:
        await client.sync()
        decision = (await client.preview(scene.cast.thread, "and now?")).decision
    scene.telling.expect(decision.code == "held", "what is written now is held until the next morning")


def _has_placed_and_proved(records: list[AuditedRecord]) -> bool:
    placed = [one for one in records if one.act == "message.placed"]
    return len(placed) >= 2 and all(one.proved for one in placed)


def _record_lines(record: AuditedRecord) -> list[str]:
    facts = record.facts
    accepted, placed, release, reply_by = (
        show_time(datetime.fromisoformat(facts[name]), THERAPIST_ZONE) if facts.get(name) else ""
        for name in ("accepted_at", "placed_at", "release_at", "reply_by")
    )
    answer = f"; an answer by {reply_by}" if reply_by else ""
    return [
        f"record {record.index}, by the {facts['by']} {facts['account'][:8]}, by a clock in New York",
        f"  accepted {accepted}; placed {placed}",
        f"  promised: released {release}{answer}",
    ]
