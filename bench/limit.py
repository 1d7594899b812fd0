"""pgbench calling the very function of a send on the very same threads: what the database alone can do."""

import asyncio
import os
import tempfile
import time
from datetime import UTC, datetime
from hashlib import sha256
from os import urandom
from pathlib import Path

from bench.callers import Load
from bench.scene import Writing
from etherapy.binary import unb64
from etherapy.postgres.cluster import OPERATE, SERVE
from etherapy.store.connection import Connection, connect
from etherapy.tep.envelope import parse_envelope
from tests.crash.house import House

_TABLE = """
CREATE TABLE IF NOT EXISTS bench_send (
  kind text, nr integer, practice_id uuid, token bytea, thread_id uuid, account_id uuid, device_id uuid,
  commit_hash bytea, envelope bytea, decision bytea, PRIMARY KEY (kind, nr))
"""
_ROW = "INSERT INTO bench_send VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_SCRIPT = """\
\\set nr :client_id * :share + random(0, :share - 1)
SELECT a.outcome
  FROM bench_send b
  JOIN thread t ON t.practice_id = b.practice_id AND t.thread_id = b.thread_id
 CROSS JOIN LATERAL accept_message(
         b.practice_id, b.token, ARRAY['client'], now(), b.thread_id, b.account_id, b.device_id,
         gen_random_uuid(), sha256(uuid_send(gen_random_uuid())), b.envelope, 0, b.commit_hash,
         true, false, true, 1, 1024, t.replies, t.version, now(), now(), {release_at},
         now() + interval '9 days',
         NULL, NULL, {release_at}, NULL, NULL, NULL, {reason}, substring(b.envelope FOR 259),
         sha256(uuid_send(gen_random_uuid())),
         b.decision, '{{}}', gen_random_uuid(), sha256(uuid_send(gen_random_uuid())),
         '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '') a
 WHERE b.kind = '{kind}' AND b.nr = :nr;
"""


_BECOMES = {"at once": ("now()", "1"), "held": ("now() + interval '2 days'", "NULL")}
"""SQL for the instant of release and for the reason of placing."""


async def prepare(house: House, writings: list[Writing]) -> None:
    """Keep what the script needs to know of each thread in a table beside ours."""
    connection = await connect(house.dsn(OPERATE), timeout=10)
    await connection.execute(_TABLE)
    await connection.execute(f"GRANT SELECT ON bench_send TO {SERVE}")
    for writing in writings:
        decision = await _decision(connection, writing)
        for nr, (thread, token) in enumerate(zip(writing.threads, writing.tokens, strict=True)):
            envelope = thread.seal(thread.client, "x" * 800, mid=urandom(16), at=datetime.now(UTC))
            await connection.execute(
                _ROW,
                *(writing.kind, nr, writing.place.practice, sha256(unb64(token)).digest(), thread.thread),
                *(thread.client.account, thread.client.keys.device_id),
                *(parse_envelope(envelope).header.commit_hash, envelope, decision),
            )
    await connection.close()


async def _decision(connection: Connection, writing: Writing) -> bytes:
    """A decision as the server wrote one, so that rows are as long as real ones."""
    found = await connection.fetchval(
        "SELECT decision FROM message WHERE practice_id = $1 LIMIT 1", writing.place.practice
    )
    return bytes(found or b"{}")


async def press(house: House, writing: Writing, clients: int, seconds: int) -> Load:
    """Sends by so many sessions for so long; counted is what was accepted."""
    release_at, reason = _BECOMES[writing.kind]
    script = _SCRIPT.format(kind=writing.kind, release_at=release_at, reason=reason)
    connection = await connect(house.dsn(OPERATE), timeout=10)
    counted = "SELECT sum(accepted) FROM thread WHERE practice_id = $1"
    before = await connection.fetchval(counted, writing.place.practice)
    with tempfile.TemporaryDirectory(prefix="etherapy-bench-") as place:
        (Path(place) / "send.sql").write_text(script)
        begun = time.perf_counter()
        await _pgbench(house, writing, clients, seconds, Path(place))
        spent = time.perf_counter() - begun
        latencies = [int(line.split()[2]) / 1e6 for log in Path(place).glob("log*") for line in log.open()]
    accepted = await connection.fetchval(counted, writing.place.practice) - before
    await connection.close()
    load = Load(min(spent, float(seconds)), latencies[: int(accepted)])
    load.refused = len(latencies) - load.count
    return load


async def _pgbench(house: House, writing: Writing, clients: int, seconds: int, place: Path) -> None:
    environment = os.environ | {"PGOPTIONS": f"-c app.practice={writing.place.practice.hex()}"}
    process = await asyncio.create_subprocess_exec(
        str(house.bin_dir / "pgbench"), "--no-vacuum", "--protocol=prepared", "--log", "--log-prefix=log",
        f"--client={clients}", f"--jobs={min(clients, 2)}", f"--time={seconds}",
        f"--define=share={len(writing.threads) // clients}", "--file=send.sql", house.dsn(SERVE),
        cwd=place, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"pgbench failed:\n{said.decode()[-2000:]}")
