"""Whether it is time for a questionnaire: decided on the device, by the rules that were verified (R-26)."""

from collections.abc import Iterator

from etherapy.rules.calendar import instant, local_date, zone
from etherapy.rules.measure_offers import RISK_BEARING, Offer, offer_at
from etherapy.sdk.messages.reading import Reading
from etherapy.sdk.messages.sealing import open_envelope
from etherapy.sdk.threads.desk import ThreadDesk
from etherapy.sdk.threads.rules_seen import rules_of
from etherapy.tep.envelope import parse_envelope
from etherapy.tep.kinds import Body, Measure, parse_body


class Offering(Reading):
    """Asks for questionnaires, or does not. `Session` has it."""

    async def measure_offer(self, thread: bytes, instrument: str, risk_bearing: bool | None = None) -> Offer:
        """Whether a questionnaire is offered now, and else from when on. Ask before showing its first item.

        One with questions about danger is not offered while nobody reads within the agreed hours. Without
        `risk_bearing`, what is known of the instrument counts. The server learns of none of it.

            if (await me.measure_offer(thread, "phq-9")).now: ...
        """
        desk = self.desk(thread)
        async with desk.lock:
            await desk.load()
            await desk.follow_rules()
            rules = rules_of(desk.state.sheets)
            assert rules is not None
            place = zone(rules.timetable.zone_name)
            taken = list(_taken(desk, self.chain, instrument))
        last = local_date(place, max(taken)) if taken else None
        risky = instrument in RISK_BEARING if risk_bearing is None else risk_bearing
        return offer_at(rules, instant(await self.now()), risky, last)


def _taken(desk: ThreadDesk, chain: bytes, instrument: str) -> Iterator[int]:
    """When one answered it (ms): in what is placed, and in what this device has sent and still waits."""
    placed = (one.body for one in desk.log.letters.conversation.shown() if one.author == chain)
    for body in (*placed, *_waiting(desk)):
        if isinstance(body, Measure) and body.instrument == instrument:
            yield body.taken_at


def _waiting(desk: ThreadDesk) -> Iterator[Body | None]:
    """What is inside one's own messages that are not placed yet, as far as this device can open them."""
    for item in desk.state.own.values():
        sealed = item.envelope or item.sealed
        if item.state in ("outbox", "held") and sealed is not None:
            opened = open_envelope(desk, parse_envelope(sealed))
            if opened is not None:
                yield parse_body(opened.payload)
