"""By what a page of a thread is judged, besides the page itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from etherapy.crypto.keys import DeviceKeys
from etherapy.sdk.keeping.kept import OwnItem
from etherapy.sdk.verifying.beginnings import Began
from etherapy.sdk.verifying.person import Person
from etherapy.tep.membership import Papers


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a device knows and has fetched before it takes the page."""

    people: Mapping[bytes, Person]
    """By chain id: the verified chains of everybody in a roster of the page."""
    openers: Sequence[DeviceKeys]
    """The device's keys, by which epochs are opened."""
    own: Mapping[bytes, OwnItem]
    """What this device made, by mid."""
    began: Began | None = None
    """Needed with epoch 0."""
    papers: Papers = field(default_factory=Papers)
    """Needed with commits that name some."""
