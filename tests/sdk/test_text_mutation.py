"""Texts that people hand on, changed in single bits: links, codes of devices, receipt files (AT-01)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from etherapy.sdk.devices.link_text import Scanned, read_shown_code
from etherapy.sdk.entering.staff_link import new_staff_link
from etherapy.sdk.faults import BadLink
from etherapy.sdk.links import read_link, write_invite_link
from etherapy.sdk.verifying.promises import ReceiptRefused, verify_bundle, write_bundle
from etherapy.tep.invite import LinkText, parse_link_text
from etherapy.tep.malformed import Malformed
from etherapy.tep.receipts import sign_receipt
from etherapy.tep.statements import Promise, State, Status, StatusReason, promise_hash
from tests.sdk.small_world import SmallWorld
from tests.sdk.test_own_items import held
from tests.tep.world import PRACTICE, THREAD, Dice, flips

ORIGIN = "https://therapy.example"
dice = Dice("texts")
PINNED, SECRET = dice(32), dice(16)
TEXTS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "invitation": (
        write_invite_link(ORIGIN, PRACTICE, PINNED, SECRET),
        lambda text: read_link(text, "client"),
    ),
    "staff link": (
        new_staff_link(ORIGIN, PRACTICE, PINNED, dice).text,
        lambda text: read_link(text, "staff"),
    ),
    "new device": (
        Scanned(ORIGIN, PRACTICE, PINNED, SECRET).text(),
        read_shown_code,
    ),
    "fragment": (LinkText(False, PINNED, SECRET).text(), parse_link_text),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_link_with_a_bit_changed_is_refused_or_leads_elsewhere(name: str):
    """AT-01, AT-05: no two links say the same; what a link pins is held against what the server shows."""
    text, read = TEXTS[name]
    original = read(text)
    scheme, where, rest = text.rpartition("://")  # whose letters may be small or capital
    for changed in flips(rest.encode()):
        try:
            found = read(scheme + where + changed.decode())
        except (BadLink, Malformed, UnicodeDecodeError, ValueError):
            continue
        assert found != original, changed


def test_a_file_with_a_receipt_and_a_bit_changed_is_refused():
    """AT-01: of everything in it, the server's keys, promises, the envelope and a status."""
    world = SmallWorld(seed="bundle")
    item = held(world)
    assert item.receipt is not None
    host, key = world.host.receipts, world.host.key_id
    first = verify_bundle(write_bundle(world.host.links, item.receipt, item.envelope))
    promise = item.receipt[:192]
    revised = replace(Promise.unpack(promise), rev=1, previous=promise_hash(promise))
    later = sign_receipt(revised, host, key)
    waits = Status(
        State.HELD, StatusReason.NONE, 1, THREAD, item.mid, item.attempts[0], bytes(32), world.at, key
    )
    whole = write_bundle(
        world.host.links, item.receipt, item.envelope, [later], sign_receipt(waits, host, key)
    )
    assert verify_bundle(whole) == first
    for at in range(len(whole)):
        changed = whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
        with pytest.raises(ReceiptRefused):
            verify_bundle(changed)
