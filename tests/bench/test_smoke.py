"""The hammer still works: every measurement is taken once, in small. No figure is judged here."""

import sys
from pathlib import Path

from bench.measures import SMOKE, measure
from bench.meter import machine
from bench.report import document, table


async def test_every_measurement_is_taken_and_told(open_place: Path):
    found = await measure(SMOKE, open_place)
    shown = document(found)
    kinds = [(one["kind"], one["connections"]) for one in shown["sends"]]
    assert kinds == [(kind, count) for count in SMOKE.connections for kind in ("at once", "held")]
    assert all(one["count"] > 0 and one["refused"] == 0 for one in (*shown["sends"], *shown["reads"]))
    assert all(one["pgbench"]["rate"] > 0 and one["of_pgbench"] > 0 for one in shown["sends"])
    assert all(one["name"] in table(found) for one in shown["reads"])


def test_the_machine_is_named_without_its_names_and_places():
    assert set(machine()) == {"cpu", "cores", "memory_gib", "system", "python"}
    assert not any(sys.prefix in str(value) or "/" in str(value) for value in machine().values())
