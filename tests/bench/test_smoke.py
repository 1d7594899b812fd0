"""The hammer still works: every measurement is taken once, in small. No figure is judged here."""

import sys
from pathlib import Path

from bench.crypto import crypto_document, crypto_table, measure_crypto
from bench.measures import SMOKE, measure
from bench.meter import machine
from bench.report import document, table
from bench.rules import measure_rules, rules_document, rules_table
from bench.sizes import sizes
from etherapy.tep.epoch import MAX_COMMIT
from etherapy.tep.grant import MAX_GRANT


async def test_every_measurement_is_taken_and_told(open_place: Path):
    found = await measure(SMOKE, open_place)
    shown = document(found)
    kinds = [(one["kind"], one["connections"]) for one in shown["sends"]]
    assert kinds == [(kind, count) for count in SMOKE.connections for kind in ("at once", "held")]
    assert all(one["count"] > 0 and one["refused"] == 0 for one in (*shown["sends"], *shown["reads"]))
    assert all(one["pgbench"]["rate"] > 0 and one["of_pgbench"] > 0 for one in shown["sends"])
    assert all(one["name"] in table(found) for one in shown["reads"])


def test_every_operation_of_the_encryption_is_measured_beside_its_bare_calls():
    found = measure_crypto(0.001, 1)
    shown = crypto_document(found)
    assert all(one["us"] > 0 and one["bare_us"] > 0 for one in shown["operations"])
    names = [one["name"] for one in shown["operations"]]
    assert len(names) == len(set(names)) > 20
    for word in (
        "chain",
        "epoch",
        "message",
        "device: send",
        "server",
        "placing",
        "recall",
        "consent",
        "grant",
    ):
        assert any(word in name for name in names), word
    assert shown["bytes"]["entry"] == 88 and shown["bytes"]["recall"] == 192
    assert all(name in crypto_table(found) for name in (*names, *shown["bytes"]))


async def test_decisions_are_measured_beside_a_signature_and_beside_a_send(open_place: Path):
    found = await measure_rules(SMOKE, open_place, 0.01, 1)
    shown = rules_document(found)
    names = [one["name"] for one in shown["decisions"]]
    assert len(names) == len(set(names)) == 6
    assert all(one["us"] > 0 and one["of_a_check"] > 0 for one in shown["decisions"])
    assert [one["kind"] for one in shown["shares"]] == ["at once", "held"]
    assert all(0 < one["of_the_send"] < 1 for one in shown["shares"])
    assert all(name in rules_table(found) for name in names)


def test_the_largest_roster_fits_a_commit_and_a_thousand_epochs_a_grant():
    """A roster has at most 64 devices; sizes are measured on what is really made."""
    shown = dict(sizes())
    assert shown["commit, 16 devices"] * 4 < MAX_COMMIT
    assert shown["grant of 1000 epochs"] < MAX_GRANT


def test_the_machine_is_named_without_its_names_and_places():
    assert set(machine()) == {"cpu", "cores", "memory_gib", "system", "python"}
    assert not any(sys.prefix in str(value) or "/" in str(value) for value in machine().values())
