"""Crisis cards for whoever asks."""

from etherapy.protocol.crisis_cards import CrisisCard, CrisisCardQuery
from etherapy.rules.crisis import card_for
from etherapy.rules.explain import show_card
from etherapy.rules.languages import words_in
from etherapy.server.parts import Ctx


async def read_crisis_card(ctx: Ctx, query: CrisisCardQuery) -> CrisisCard:
    """The crisis card of a place: for somebody who is elsewhere than they have declared."""
    card = card_for(query.region)
    return CrisisCard(card, show_card(card, words_in(query.language)))
