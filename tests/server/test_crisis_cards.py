"""Help is not behind a login: whoever is elsewhere asks for the card of that place."""

from datetime import date

import pytest

from etherapy.rules import crisis
from etherapy.rules.crisis import CARDS, Check
from etherapy.sdk.crisis_cards import find_crisis_card
from etherapy.sdk.transport import Transport
from tests.conftest import RunningServer


async def test_anybody_gets_the_card_of_the_place_where_they_say_to_be(server: RunningServer) -> None:
    async with Transport(server.origin) as transport:
        there = await find_crisis_card(transport, "jp", "de")
        nowhere = await find_crisis_card(transport)
    assert (there.card.region, there.card.emergency) == ("JP", "119 or 110")
    assert "119 or 110" in "\n".join(there.lines)
    assert nowhere.card.region == nowhere.card.emergency == ""


async def test_a_card_that_the_operator_verified_says_so_and_the_built_in_one_serves_without_a_network(
    server: RunningServer,
) -> None:
    crisis.adopt([Check("US", CARDS["US"].version, date(2026, 3, 1), "Ola Berg", "called 988")])
    try:
        async with Transport(server.origin) as transport:
            assert (await find_crisis_card(transport, "US")).card.verified_on == date(2026, 3, 1)
    finally:
        crisis.adopt([])
    async with Transport("http://127.0.0.1:9", attempts=1) as transport:
        offline = await find_crisis_card(transport, "US")
    assert offline.card == CARDS["US"] and "988" in offline.lines[0]


@pytest.mark.parametrize("query", ["region=USA", "region=1", "country=US"])
async def test_what_is_no_country_is_refused(server: RunningServer, query: str) -> None:
    import aiohttp

    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server.origin}/crisis-card?{query}") as answer,
    ):
        assert answer.status == 400 or answer.status == 422
