"""What roles in a thread are called wherever people and programs read them."""

from collections.abc import Mapping
from typing import Final, Literal

from etherapy.tep.epoch import Role

RoleName = Literal["client", "therapist", "co_therapist", "family"]
ROLE_NAMES: Final[Mapping[int, RoleName]] = {
    Role.CLIENT: "client",
    Role.THERAPIST: "therapist",
    Role.CO_THERAPIST: "co_therapist",
    Role.FAMILY: "family",
}
