"""The story in its steps. Each says what it expects, and stops the telling where that does not hold."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from etherapy.binary import Id16
from etherapy.cli.demo.evening import CLIENT_ZONE, THERAPIST_ZONE, Evening, choose_evening
from etherapy.cli.demo.people import Cast
from etherapy.cli.demo.stage import Stage
from etherapy.cli.demo.telling import DidNotHold, Telling, on_wall
from etherapy.cli.showing import show_words
from etherapy.protocol import endpoints
from etherapy.protocol.people import AskChallenge
from etherapy.rules.calendar import instant
from etherapy.sdk.connection import Connection
from etherapy.sdk.entering import enrol, join
from etherapy.sdk.promises import ReceiptRefused, verify_bundle
from etherapy.sdk.session import Session
from etherapy.sdk.staff_link import new_staff_link
from etherapy.sdk.supervisor import AuditedRecord, Supervisor
from etherapy.sdk.therapist import Therapist
from etherapy.sdk.transport import Transport
from etherapy.server.operate.installation import read_installation
from etherapy.server.operate.leaks import search_store
from etherapy.server.operate.practices import LinkOffer, create_practice, create_staff_link
from etherapy.server.operate.turning import turn_clock
from etherapy.tep.serverkeys import verify_server_chain

THERAPIST, SUPERVISOR, PRACTICE = "Dr Vale", "Ruth", "Elm Street Practice"
EMERGENCY = "Messages are not for emergencies. If you are in danger, call or text 988, or call 911."
RULES = [
    {
        "kind": "window.weekly",
        "zone": THERAPIST_ZONE,
        "windows": [{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "09:00", "end": "17:00"}],
    },
    {"kind": "response.target", "target": {"count": "business_days", "n": 1}},
    {"kind": "off_hours.policy", "policy": "hold_with_ack"},
]
LATER = timedelta(minutes=25)
Found = TypeVar("Found")
Member = TypeVar("Member", bound=Connection)

_PATIENCE = 30.0
"""Seconds for what the server's own workers do in their own time."""


class Story:
    """A telling on a stage. `steps` are to be told in their order, each once."""

    def __init__(self, stage: Stage, cast: Cast, telling: Telling) -> None:
        self.stage, self.cast, self.telling = stage, cast, telling
        self.evening: Evening | None = None

    @property
    def steps(self) -> list[tuple[str, str, Callable[[], Awaitable[None]]]]:
        """Name, title and telling of each step."""
        return [
            (
                "practice",
                "A practice is furnished, from nothing. Everything in it is synthetic.",
                self.furnish,
            ),
            (
                "preview",
                "Monday night. The client sees what would happen before sending anything.",
                self.preview,
            ),
            ("send", "It is sealed on the client's device, sent, and held with a signed promise.", self.send),
            ("quiet", "The therapist's evening stays quiet.", self.stay_quiet),
            (
                "morning",
                "Tuesday, 9:00. One batch in the inbox, opened on the therapist's device.",
                self.wake,
            ),
            ("reply", "The therapist answers.", self.reply),
            ("read", "The client reads the answer.", self.read),
            ("supervision", "The supervisor sees settings and decisions, and no content.", self.supervise),
            ("search", "The whole database is dumped and searched for their words.", self.search),
            ("receipt", "The promise is checked offline, by anybody.", self.verify),
            ("evening", "The stage is yours: it is 22:40 of the next working day.", self.hand_over),
        ]

    @property
    def night(self) -> Evening:
        """The evening of this telling."""
        if self.evening is None:
            raise DidNotHold("the story has no evening yet")
        return self.evening

    async def furnish(self) -> None:
        """Server, practice, therapist, supervisor, client: by the same ways as everywhere."""
        tell = self.telling
        await self.stage.start()
        tell.say(f"A server of its own is up at {self.stage.origin}, with a PostgreSQL of its own.")
        async with self.stage.site() as site:
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
                link = new_staff_link(self.stage.origin, practice.practice_id, there.secrets.server_id)
                offer = LinkOffer(link.lookup_id, link.staff_pk)
                await create_staff_link(site, there, practice.practice_id, offer, [role], name)
                links[role] = link.text
        tell.expect(
            there.synthetic, "the installation is marked as synthetic: only so can its clock be turned"
        )
        await (await self._enrol(links["supervisor"], "supervisor", Supervisor)).close()
        vale = await self._enrol(links["therapist"], "therapist", Therapist)
        invitation = await vale.invite("the client of this story")
        await vale.close()
        self._keep_secret(invitation.text.rpartition(".")[2])
        client, self.cast.thread, code = await join(invitation.text, self.cast.profiles["client"])
        self._keep_secret(code)
        await client.close()
        tell.say(
            f"{THERAPIST} in New York reads Monday to Friday, 9:00 to 17:00, and answers within one working day. "
            f"{SUPERVISOR} supervises. A client in Chicago joined by an invitation link."
        )
        self.evening = choose_evening(there.now() + timedelta(minutes=1))
        await self._turn(self.evening.written_at)

    async def preview(self) -> None:
        """Who reads, when, reply by when: before anything is sent, on both walls."""
        async with self.cast.speaking("client", Session) as client:
            found = await client.preview(self.cast.thread, self.cast.texts[0])
        self.telling.quote("what the client is shown", show_words(found.words))
        decision = found.decision
        self.telling.expect(
            decision.code == "held", "it would be held, not lost and not pushed into the night"
        )
        self._expect_times(decision.release_at, decision.reply_by)
        said = " ".join(found.words.lines)
        self.telling.expect("Eastern" in said and "your time" in said, "every time is given on both walls")

    async def send(self) -> None:
        """Two messages of one night: one turn, one promise, one acknowledgement."""
        tell, cast = self.telling, self.cast
        async with cast.speaking("client", Session) as client:
            first = await client.send(cast.thread, cast.texts[0])
        tell.quote("the client writes", cast.texts[0])
        tell.quote("the client's own app, from the signed promise", first.acknowledgement or "(nothing)")
        tell.expect(first.state == "held", "the message is held; nobody but its sender can know of it")
        self._expect_times(first.promise.release_at, first.promise.reply_by)
        tell.facts["release_at"] = _written(first.promise.release_at)
        tell.facts["reply_by"] = _written(first.promise.reply_by)
        await self._turn(self.night.written_at + LATER)
        async with cast.speaking("client", Session) as client:
            second = await client.send(cast.thread, cast.texts[1])
            waiting = await client.waiting(cast.thread)
        tell.quote("the client adds, at 23:05", cast.texts[1])
        self._expect_times(second.promise.release_at, second.promise.reply_by)
        tell.expect(
            first.acknowledgement is not None and second.acknowledgement is None,
            "there was one automatic acknowledgement, and it says that no person wrote it",
        )
        tell.expect(len(waiting) == 2, "both can still be taken back")
        cast.mids = [first.mid, second.mid]

    async def stay_quiet(self) -> None:
        """Nothing to see, nothing to be told, nothing to be inferred."""
        async with self.cast.speaking("therapist", Therapist) as vale:
            news, inbox, notices = await vale.sync(), await vale.inbox(), await vale.notices()
        self.telling.expect(inbox == [] and notices == [], "the inbox is empty, and there was no notice")
        self.telling.expect(news.messages == (), "a sync brings no message, and no trace of one")

    async def wake(self) -> None:
        """One batch, one notice, opened on the therapist's device and nowhere else."""
        tell, cast = self.telling, self.cast
        await self._turn(self.night.opens_at)
        async with cast.speaking("therapist", Therapist) as vale:
            inbox = await vale.inbox()
            news = await vale.sync()
            notices = await self._until(vale.notices, bool)
        tell.expect(
            len(inbox) == 1 and inbox[0].count == 2, "one batch is in the inbox: one client, two messages"
        )
        tell.expect(
            inbox[0].reply_by == self.night.reply_by, f"to be answered by {self._walls(inbox[0].reply_by)}"
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

    async def reply(self) -> None:
        """Inside the hours an answer goes out at once."""
        async with self.cast.speaking("therapist", Therapist) as vale:
            sent = await vale.send(self.cast.thread, self.cast.texts[2])
            inbox = await vale.inbox()
        self.telling.quote(f"{THERAPIST} writes", self.cast.texts[2])
        self.telling.expect(sent.state == "placed", "it was placed at once")
        self.telling.expect(inbox == [], "nobody waits for an answer any more")

    async def read(self) -> None:
        """The client's device verifies as well, and finds the promise kept."""
        async with self.cast.speaking("client", Session) as client:
            news = await client.sync()
            messages = await client.messages(self.cast.thread)
        for message in messages:
            if not message.mine:
                self.telling.quote("the client reads", message.text or "(nothing)")
        self.telling.expect(
            [one.text for one in messages] == list(self.cast.texts), "three messages, in their order"
        )
        self.telling.expect(
            news.findings == () and all(one.standing == "good" for one in messages),
            "what was promised at night was kept in the morning, to the second",
        )

    async def supervise(self) -> None:
        """Settings and decisions under pseudonyms, each held against the signed log."""
        tell = self.telling
        async with self.cast.speaking("supervisor", Supervisor) as ruth:
            settings = await ruth.settings()
            records = await self._until(ruth.decisions, _has_placed_and_proved)
        tell.quote(
            f"{SUPERVISOR} sees the settings", [f"{one.name}, version {one.version}" for one in settings]
        )
        placed = [one for one in records if one.act == "message.placed"]
        tell.quote(f"{SUPERVISOR} sees the decisions", [_record_line(one) for one in placed])
        tell.expect(len(placed) >= 2, "each message has its decision record")
        tell.expect(all(one.proved for one in placed), "each is in the log that the server signed")
        seen = repr(settings) + repr(records)
        tell.expect(not any(word in seen for word in self.cast.planted), "and no word of what was written")

    async def search(self) -> None:
        """In every spelling, with a control that the search would have found it."""
        files = [self.stage.log, self.stage.settings.data / "keys" / "server.json"]
        async with self.stage.site() as site:
            found = await search_store(site, self.cast.planted, files)
        self.telling.facts["leak_hits"] = len(found.hits)
        self.telling.say(
            f"{found.searched_bytes:,} bytes: a dump of every table, the server's log and its keys; searched for "
            f"{len(self.cast.planted)} words, codes and link secrets as text, hexadecimal, base64 and UTF-16."
        )
        self.telling.expect(found.missed == [], "planted in a copy, each spelling of each word is found")
        self.telling.expect(found.hits == [], "in what the server keeps, none is")

    async def verify(self) -> None:
        """A file that proves what was promised, to anybody, without the server."""
        async with self.cast.speaking("client", Session) as client:
            data = await client.export_receipt(self.cast.thread, self.cast.mids[0])
        file = self.stage.place / "receipt.json"
        file.write_bytes(data)
        promise = verify_bundle(data)
        pinned = verify_server_chain(self.cast.profiles["client"].identity.server_links).server_id
        self._expect_times(promise.release_at, promise.reply_by)
        self.telling.expect(
            promise.server_id == pinned, "signed by the very server that the invitation pinned"
        )
        changed = data.replace(b'"receipt": "A', b'"receipt": "B', 1)
        try:
            verify_bundle(changed)
            refused = False
        except ReceiptRefused:
            refused = changed != data
        self.telling.expect(refused, "with one character changed it is refused")

    async def hand_over(self) -> None:
        """The clock is turned on to the next evening."""
        await self._turn(self.night.next_evening)
        async with self.cast.speaking("client", Session) as client:
            await client.sync()
            decision = (await client.preview(self.cast.thread, "and now?")).decision
        self.telling.expect(decision.code == "held", "what is written now is held until the next morning")

    async def _enrol(self, link: str, role: str, kind: type[Member]) -> Member:
        self._keep_secret(link.rpartition(".")[2])
        session, code = await enrol(link, self.cast.profiles[role], kind)
        self._keep_secret(code)
        return session

    def _keep_secret(self, secret: str) -> None:
        self.cast.secrets.append(secret)

    async def _turn(self, to: datetime) -> None:
        """Turn the clock, and wait until the server goes by it."""
        async with self.stage.site() as site:
            await turn_clock(site, to=to)
        async with Transport(self.stage.origin) as transport:
            practice = Id16(self.cast.profiles["client"].identity.practice)
            ask = AskChallenge(practice, Id16(bytes(16)))

            async def server_time() -> datetime:
                return instant((await transport.call(endpoints.ask_challenge, ask)).time)

            await self._until(server_time, lambda at: at >= to)
        self.telling.say(f"The clock is turned: {self._walls(to)}.")

    async def _until(self, ask: Callable[[], Awaitable[Found]], enough: Callable[[Found], bool]) -> Found:
        deadline = time.monotonic() + _PATIENCE
        while not enough(found := await ask()) and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        return found

    def _expect_times(self, release_at: datetime | None, reply_by: datetime | None) -> None:
        self.telling.expect(release_at == self.night.opens_at, f"released {self._walls(self.night.opens_at)}")
        self.telling.expect(
            reply_by == self.night.reply_by, f"an answer by {self._walls(self.night.reply_by)}"
        )

    def _walls(self, at: datetime | None) -> str:
        return "never" if at is None else f"{on_wall(at, THERAPIST_ZONE)} ({on_wall(at, CLIENT_ZONE)})"


def _has_placed_and_proved(records: list[AuditedRecord]) -> bool:
    placed = [one for one in records if one.act == "message.placed"]
    return len(placed) >= 3 and all(one.proved for one in placed)


def _record_line(record: AuditedRecord) -> str:
    facts = record.facts
    return (
        f"{record.index}: by {facts.get('by')}, accepted {facts.get('accepted_at')}, "
        f"release {facts.get('release_at')}, reply by {facts.get('reply_by')}, placed {facts.get('placed_at')}"
    )


def _written(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
