"""The client's quiet hours: when their devices say nothing of new messages."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Annotated, ClassVar

from msgspec import Meta

from etherapy.rules.bad_rule import BadRule
from etherapy.rules.calendar import instant, milliseconds, zone
from etherapy.rules.quiet_hours import QuietWeek, quiet_until, quiet_week
from etherapy.rules.rule import Rule
from etherapy.rules.telling import Teller
from etherapy.rules.windows import DayWindow, WeekWindow

DEVICE = "device"
"""The zone that means: wherever the device is."""


class ClientQuietHours(Rule, frozen=True, kw_only=True, tag="client.quiet_hours"):
    """When a client is told of nothing new (R-09): notices wait, delivery does not.

    A client sets them alone and nobody else reads them, for `covert` periods are often those in which
    somebody else sees the device.
    """

    layers: ClassVar[frozenset[str]] = frozenset({"client"})
    in_sheet: ClassVar[bool] = False
    words = {
        "en": {
            "quiet": "Nothing new is announced from {hours}.",
            "covert": "Nothing shows at all: {hours}.",
            "window": "{days} {hours}",
            "zone": "These hours are those of {zone}.",
            "device": "These hours go by the clock of the device.",
        },
        "de": {
            "quiet": "Neues wird nicht angezeigt von {hours}.",
            "covert": "Gar nichts wird angezeigt: {hours}.",
            "window": "{days} {hours}",
            "zone": "Diese Zeiten gelten nach der Uhr in {zone}.",
            "device": "Diese Zeiten gelten nach der Uhr des Geräts.",
        },
    }

    zone: str = DEVICE
    """`device`: they move along with it; or a zone in which they stay."""
    start: str = ""
    """HH:MM; with `end` the hours of each night. They may cross midnight."""
    end: str = ""
    covert: Annotated[tuple[WeekWindow, ...], Meta(max_length=100)] = ()
    """Times of single weekdays in which nothing shows at all."""

    def __post_init__(self) -> None:
        if self.zone != DEVICE:
            try:
                zone(self.zone)
            except BadRule as bad:
                raise BadRule("zone", bad.problem, f"{bad.mend}, or device") from None
        _week(self.start, self.end, self.covert)

    def told_from(self, at: datetime, device_zone: str) -> datetime:
        """The first instant from `at` on at which the client may be told of something."""
        asked = milliseconds(at)
        told = quiet_until(_week(self.start, self.end, self.covert), self._zone(device_zone), asked)
        return at if told == asked else instant(told)

    def is_covert(self, at: datetime, device_zone: str) -> bool:
        """Whether nothing may show at all."""
        asked = milliseconds(at)
        return quiet_until(_week("", "", self.covert), self._zone(device_zone), asked) > asked

    def _zone(self, device_zone: str) -> str:
        return device_zone if self.zone == DEVICE else self.zone

    def tell(self, teller: Teller) -> Iterator[tuple[str, str]]:
        if self.start:
            yield "start", teller("quiet", hours=teller.hours(DayWindow(self.start, self.end)))
        if self.covert:
            hours = "; ".join(
                teller(
                    "window", days=teller.days(one.days), hours=teller.hours(DayWindow(one.start, one.end))
                )
                for one in self.covert
            )
            yield "covert", teller("covert", hours=hours)
        if self.start or self.covert:
            yield "zone", teller("device") if self.zone == DEVICE else teller("zone", zone=self.zone)


@lru_cache(maxsize=1024)
def _week(start: str, end: str, covert: tuple[WeekWindow, ...]) -> QuietWeek:
    return quiet_week(start, end, covert)
