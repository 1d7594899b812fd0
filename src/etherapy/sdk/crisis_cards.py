"""Where help is found now, with a network or without one; and where somebody says to be."""

from etherapy.protocol import endpoints
from etherapy.protocol.crisis_cards import CrisisCard, CrisisCardQuery
from etherapy.protocol.door import TooManyRequests, Unavailable
from etherapy.rules.calendar import instant
from etherapy.rules.crisis import card_for
from etherapy.rules.explain import show_card
from etherapy.rules.languages import words_in
from etherapy.sdk.own_rules import OwnRules
from etherapy.sdk.transport import Transport, Unreachable


async def find_crisis_card(transport: Transport, region: str = "", language: str = "en") -> CrisisCard:
    """The crisis card of a place, as the server's operator has verified it.

    Where the server cannot be asked, the one that is built in, which says that nobody verified it. Nothing
    is told but the country: no session is needed, and none is used.

        card = await find_crisis_card(me.transport, "JP")
    """
    try:
        return await transport.call(endpoints.read_crisis_card, query=CrisisCardQuery(region, language))
    except (Unreachable, Unavailable, TooManyRequests):
        card = card_for(region)
        return CrisisCard(card, show_card(card, words_in(language)))


async def declare_place(me: OwnRules, country: str, area: str = "", zone: str = "") -> CrisisCard:
    """Say where one is from now on, and get the card of that place; other own rules stay as they are.

    BadRules for what is no place. Today's date is kept with it, for it is asked for again after a while.

        card = await declare_place(me, "JP", zone="Asia/Tokyo")
    """
    before = await me.own_rules()
    today = instant(await me.now()).date()
    place = {"kind": "region", "country": country, "area": area, "zone": zone, "confirmed_on": str(today)}
    others = [rule for rule in before.rules if rule["kind"] != "region"]
    await me.set_own_rules([*others, place], before.version)
    return await find_crisis_card(me.transport, country, me.language)
