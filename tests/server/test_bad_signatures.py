"""What a false signature costs the server: one verification, and no more of them than the limit (A-9)."""

from pathlib import Path

from etherapy.binary import B64, b64
from etherapy.protocol.messages import SendMessage
from etherapy.server.settings import Settings
from etherapy.tep.envelope import CT_AT, HEADER_BYTES
from tests.server.asking import Ask
from tests.server.furnishing import Furnished
from tests.server.matrix import fingerprint
from tests.server.people import seal

BURST = 20


async def test_false_signatures_are_limited_by_device_and_never_reach_the_database(
    furnished: Furnished, tmp_path: Path
) -> None:
    """AT-50: verification comes before any write, and a device that sends false ones is slowed down."""
    asked = Settings(limits=True, limit_device=1.0, limit_address=1000.0, limit_token=1000.0)
    async with furnished.open(tmp_path, settings=asked) as clinic:
        talk, client = clinic.talks["A.client"], clinic.people["A.client"]
        path = f"/threads/{b64(talk.thread)}/messages"
        before = await fingerprint(clinic.operate, client.practice)
        answers = []
        for number in range(BURST + 5):
            sealed = bytearray(seal(talk, client, f"false {number}").envelope)
            sealed[HEADER_BYTES + number] ^= 1
            assert HEADER_BYTES + number < CT_AT
            body = SendMessage(B64(bytes(sealed)))
            answers.append((await clinic.line.ask(Ask("POST", path, body=body), client.token)).status)
        assert answers == [422] * BURST + [429] * 5
        assert await fingerprint(clinic.operate, client.practice) == before
