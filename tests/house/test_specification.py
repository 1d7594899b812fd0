"""The specification is the code's: labels, limits, layouts and numbers of docs/tep.md are those in use."""

import re
from pathlib import Path

import pytest

from etherapy.crypto import passphrase
from etherapy.tep import (
    chain,
    charter,
    consent,
    envelope,
    epoch,
    grant,
    invite,
    leaving,
    links,
    pairing,
    payload,
    placing,
    reading,
    recall,
    receipts,
    restore,
    rulesheet,
    serverkeys,
    statements,
)
from etherapy.tep.kinds import READERS, SafetyPlan, care, writing

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/tep.md").read_text(encoding="utf-8")
LABEL = re.compile(r"""(?:label|digest|_keys)\(\s*(?:secret,\s*)?"([a-z0-9-]+)"(?:,\s*"([a-z0-9-]+)")?""")


def used_labels() -> set[str]:
    """Every label that the code hashes, signs or derives under."""
    found: set[str] = set()
    for room in ("tep", "crypto", "server", "sdk"):
        for file in (ROOT / "src/etherapy" / room).rglob("*.py"):
            for first, second in LABEL.findall(file.read_text(encoding="utf-8")):
                found |= {first} | ({second} if second else set())
    return found


def printed_labels() -> set[str]:
    """Those of the page's table."""
    table = PAGE.partition("### Labels")[2].partition("\n\nThree salts")[0]
    return set(re.findall(r"`([a-z0-9-]+)`", table))


def test_every_label_is_printed_and_every_printed_label_is_used():
    assert printed_labels() == used_labels()


@pytest.mark.parametrize(
    ("words", "number"),
    [
        ("| envelope |", envelope.MAX_ENVELOPE),
        ("| payload |", envelope.MAX_PAYLOAD),
        ("| chain link |", links.MAX_LINK),
        ("| commit |", epoch.MAX_COMMIT),
        ("| charter |", charter.MAX_CHARTER),
        ("| rule sheet |", rulesheet.MAX_SHEET),
        ("| server link |", serverkeys.MAX_SERVER_LINK),
        ("| invite, accept |", invite.MAX_INVITE),
        ("| consent |", consent.MAX_CONSENT),
        ("| leave |", leaving.MAX_LEAVE),
        ("| grant |", grant.MAX_GRANT),
        ("| restore statement |", restore.MAX_STATEMENT),
        ("| generation mark |", restore.MAX_MARK),
        ("| receipt |", receipts.MAX_RECEIPT),
    ],
)
def test_every_limit_is_the_one_in_force(words: str, number: int):
    assert re.search(rf"{re.escape(words)} {number:,}\b", PAGE), f"{words} {number:,}"


@pytest.mark.parametrize(
    "form",
    [
        envelope.FORM,
        statements.Promise.LAYOUT._struct.format,
        statements.Head.LAYOUT._struct.format,
        statements.Status.LAYOUT._struct.format,
        statements.LinkPromise.LAYOUT._struct.format,
        placing.Entry.LAYOUT._struct.format,
        recall.Recall.LAYOUT._struct.format,
    ],
)
def test_every_fixed_layout_is_printed_as_it_is(form: str):
    assert f"`{form}`" in PAGE


def test_the_numbers_in_sentences_are_those_of_the_code():
    pinned = passphrase.PINNED
    for words in (
        f"At most {chain.MAX_ACTIVE} active devices",
        f"{chain.RECOVERY_DELAY_MS // 3_600_000} hours lie between both",
        f"At most {epoch.MAX_USERS} users, {epoch.MAX_ROSTER_DEVICES} devices",
        f"hashes, at most {epoch.MAX_CONSENTS}",
        f"blob {epoch.ROW_BYTES}",
        f"{links.MAX_LINKS} links",
        f"{grant.MAX_EPOCHS:,} epochs",
        f"first {8 * pairing.CODE_BYTES - 4} bits",
        f"{pairing.CODE_CHARACTERS} characters",
        f"empty (at most {payload.MAX_OVERDUE})",
        f"(tolerance {reading.TOLERANCE_MS // 1000} s)",
        f"placed_at + {consent.CLOCK_SLACK_MS // 1000} s",
        f"{receipts.UNPROVEN_AFTER_MS // 86_400_000} days after the end of its key",
        f"{pinned.memory_kib // 1024} MiB, t = {pinned.passes}, p = {pinned.lanes}",
        f"at most {writing.MAX_SUBJECT} bytes",
        f"version 1..{care.MAX_VERSION:,}",
    ):
        assert words in PAGE, words


def test_every_kind_has_its_row():
    table = PAGE.partition("### Kinds")[2].partition("A key that would hold")[0]
    kinds = {int(one) for one in re.findall(r"^\| (\d+) ", table, re.MULTILINE)}
    assert kinds == {int(kind) for kind in payload.Kind}
    assert set(READERS) < kinds
    assert len(SafetyPlan.step_names()) == 7


def test_every_file_of_vectors_is_explained_and_every_explained_one_is_there():
    named = set(re.findall(r"`([a-z]+\.json)`", PAGE))
    assert named == {one.name for one in (ROOT / "tests/golden/tep").glob("*.json")}
