"""Visibility: what each side sees of what the other does with messages."""

from collections.abc import Iterator
from typing import ClassVar

from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller


class Visibility(Rule, frozen=True, kw_only=True, tag="visibility"):
    """What is shown of a message after it is sent (R-21).

    Nobody is ever shown that somebody types or is present: the product has no such signal, and no field
    makes one. That a message was opened invites reading into silence, so it is off until agreed.
    """

    layers: ClassVar[frozenset[str]] = frozenset({"practice", "therapist", "agreement"})
    words = {
        "en": {
            "in_inbox": "Clients see since when a message is in the inbox.",
            "not_in_inbox": "Clients do not see since when a message is in the inbox.",
            "opened_by_therapist": "It may be shown to clients that a message was opened.",
            "opened_by_client": "It may be shown to the therapist that a message was opened.",
            "unopened": "Nobody sees whether a message was opened.",
            "presence": "Nobody sees whether somebody types or is there.",
            "open_early": "The client is told when a held message was opened before its time.",
        },
        "de": {
            "in_inbox": "Klientinnen und Klienten sehen, seit wann eine Nachricht im Posteingang ist.",
            "not_in_inbox": "Klientinnen und Klienten sehen nicht, seit wann eine Nachricht im Posteingang "
            "ist.",
            "opened_by_therapist": "Klientinnen und Klienten darf gezeigt werden, dass eine "
            "Nachricht geöffnet wurde.",
            "opened_by_client": "Der Therapeutin oder dem Therapeuten darf gezeigt werden, dass eine "
            "Nachricht geöffnet wurde.",
            "unopened": "Niemand sieht, ob eine Nachricht geöffnet wurde.",
            "presence": "Niemand sieht, ob jemand schreibt oder da ist.",
            "open_early": "Wird eine zurückgehaltene Nachricht vor ihrer Zeit geöffnet, wird das mitgeteilt.",
        },
    }

    in_inbox_shown: bool = True
    """Clients see since when a message is in the inbox."""
    opened_by_therapist_shown: bool = False
    """Whether devices may tell a client that the therapist's has opened a message, and the other way."""
    opened_by_client_shown: bool = False
    open_early_told: bool = False
    """The client is told when a therapist opened a held message early."""

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        yield "in_inbox_shown", teller("in_inbox" if self.in_inbox_shown else "not_in_inbox")
        if self.opened_by_therapist_shown:
            yield "opened_by_therapist_shown", teller("opened_by_therapist")
        if self.opened_by_client_shown:
            yield "opened_by_client_shown", teller("opened_by_client")
        if not self.opened_by_therapist_shown and not self.opened_by_client_shown:
            yield "opened_by_therapist_shown", teller("unopened")
        yield "*", teller("presence")
        if self.open_early_told:
            yield "open_early_told", teller("open_early")
