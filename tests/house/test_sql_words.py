"""What SQL here never says: it reads no clock of its own (decisions.md D-6), and its write path has no
triggers, notifications or advisory locks (D-9)."""

import re
from pathlib import Path

import pytest

SCHEMA = Path(__file__).parents[2] / "schema"

CLOCK = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\("
    r"|\b(current_timestamp|current_time|current_date|localtimestamp|localtime)\b"
    r"|'(now|today|tomorrow|yesterday)'",
    re.IGNORECASE,
)
MACHINERY = re.compile(
    r"\bpg_notify\b|\b(notify|listen)\s+\w+|\b(create|returns)\s[^;]*?\btrigger\b|\bpg_(try_)?advisory_\w+",
    re.IGNORECASE,
)
COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def said(text: str, never: re.Pattern[str]) -> list[str]:
    return [found.group() for found in never.finditer(COMMENT.sub(" ", text))]


def test_no_function_reads_a_clock():
    files = sorted((SCHEMA / "functions").glob("*.sql"))
    assert files
    assert {path.name: said(path.read_text(), CLOCK) for path in files} == {path.name: [] for path in files}


def test_no_sql_file_has_a_trigger_a_notification_or_an_advisory_lock():
    files = sorted(SCHEMA.rglob("*.sql"))
    assert files
    assert {path.name: said(path.read_text(), MACHINERY) for path in files} == {
        path.name: [] for path in files
    }


@pytest.mark.parametrize(
    "text",
    [
        "SELECT now()",
        "SELECT NOW ( )",
        "placed_at < current_timestamp",
        "DEFAULT CURRENT_DATE",
        "clock_timestamp()",
        "statement_timestamp()",
        "transaction_timestamp()",
        "localtimestamp(3)",
        "'now'::timestamptz",
        "timeofday()",
    ],
)
def test_every_clock_of_the_database_is_noticed(text: str):
    assert said(text, CLOCK)


@pytest.mark.parametrize(
    "text",
    [
        "NOTIFY thread_changed;",
        "PERFORM pg_notify('a', 'b');",
        "LISTEN thread_changed;",
        "CREATE TRIGGER t AFTER INSERT ON message EXECUTE FUNCTION f();",
        "CREATE OR REPLACE CONSTRAINT TRIGGER t",
        "CREATE FUNCTION f()\nRETURNS trigger LANGUAGE plpgsql",
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT pg_try_advisory_lock(1)",
    ],
)
def test_every_kind_of_machinery_is_noticed(text: str):
    assert said(text, MACHINERY)


@pytest.mark.parametrize(
    "text",
    [
        "-- never now()\nSELECT p_now",
        "/* no\n trigger: NOTIFY x */ SELECT 1",
        "now_at, p_now, notify_at",
        "known(1)",
    ],
)
def test_comments_and_names_that_only_look_alike_are_let_through(text: str):
    assert said(text, CLOCK) + said(text, MACHINERY) == []
