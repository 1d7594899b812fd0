"""Requests of devices after a restore."""

from etherapy.binary import B64
from etherapy.protocol import endpoints
from etherapy.protocol.healing import Heal, LostItem
from tests.server.clinic import Clinic
from tests.server.named import Made, Named, fill_in, maker
from tests.server.people import Somebody


@maker
async def heal_thread(clinic: Clinic, who: Somebody, named: Named) -> Made:
    """Something that the server never promised: judged, refused, and answered as that."""
    body = Heal([LostItem(B64(bytes(259)), envelope=B64(bytes(300)))])
    return Made(fill_in(endpoints.heal_thread, named, body))
