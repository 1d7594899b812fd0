"""A device that is revoked with something waiting looks to all others like one without (G5)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.people import AddLink
from etherapy.rules.calendar import milliseconds
from etherapy.tep import linking
from tests.server.asking import Ask
from tests.server.chains import code_keys
from tests.server.clinic import Clinic
from tests.server.furnishing import Furnished
from tests.server.twins import twins


async def both_turn(both: Any, by: timedelta) -> None:
    for clinic in (both.quiet, both.secret):
        clinic.people.pop("A.client", None)  # no session of it opens any more
    await both.turn_to(both.quiet.now + by)


async def test_nobody_notices_that_something_waited_on_a_revoked_device(
    furnished: Furnished, tmp_path: Path
) -> None:
    """AT-78: a returned message leaves no trace for others."""
    async with twins(furnished, tmp_path) as both:
        talk = both.quiet.talks["A.client"]

        async def hide(clinic: Clinic) -> None:
            await clinic.say("A.client", "secretly held", talk)

        await both.hide(hide)
        who = both.quiet.people["A.client"]
        link = linking.revoke_device(
            who.chain, code_keys(who).sign, who.keys.device_id, milliseconds(both.quiet.now)
        )
        # the sender itself is told the same here: only its own list of what waited would differ
        answer = await both.ask("A.client", Ask("POST", "/chain", body=AddLink(B64(link))))
        assert answer.status == 201
        for turned in (timedelta(0), timedelta(hours=6)):
            await both_turn(both, turned)
            for caller in ("A.therapist", "A.other_client", "A.supervisor", "A.administrator"):
                for path, query in (
                    ("/changes", ""),
                    ("/inbox", ""),
                    (endpoints.read_page.fill({"thread": talk.thread}), ""),
                    ("/logs/keys/checkpoint", ""),
                    ("/logs/keys/leaves", ""),
                    ("/logs/audit/checkpoint", ""),
                    ("/supervision/decisions", ""),
                    (endpoints.read_chain.fill({"chain": who.chain.chain_id}), ""),
                ):
                    await both.ask(caller, Ask("GET", path, query))
        assert not both.told_apart()
