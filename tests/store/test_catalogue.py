"""The lint over the catalogue: our schema passes, and each rule catches what was planted against it."""

import asyncpg
import pytest

from etherapy.store.catalogue import Finding, lint_catalogue
from etherapy.store.connection import connect
from etherapy.store.migrate import migrate
from tests.store.test_migrate import WALL

GOOD = (
    "CREATE TABLE note (practice_id uuid NOT NULL, id uuid NOT NULL, word text, n bigint,"
    " PRIMARY KEY (practice_id, id));" + WALL.format("note")
)
SETS = "PERFORM set_config('app.practice', p_practice::text, true);"


def function(name: str, body: str, arguments: str = "p_practice uuid", more: str = "") -> str:
    return (
        f"CREATE FUNCTION {name}({arguments}) RETURNS void LANGUAGE plpgsql {more} AS $$ BEGIN {body} END $$;"
    )


async def lint(dsn: str, *statements: str) -> list[str]:
    connection = await connect(dsn, timeout=5)
    try:
        for statement in statements:
            await connection.execute(statement)
        return [str(finding) for finding in await lint_catalogue(connection)]
    finally:
        await connection.close()


async def test_our_schema_keeps_every_rule(store):
    assert await lint(store.operate_dsn) == []


async def test_a_good_table_and_a_good_function_are_left_alone(scratch):
    store = await scratch()
    good = function("good", f"{SETS} INSERT INTO note VALUES (p_practice, p_practice);")
    batch = function(
        "batch",
        "FOR i IN 1..2 LOOP PERFORM set_config('app.practice', p_practices[i]::text, true); END LOOP;",
        "p_practices uuid[]",
    )
    caller = function("caller", "PERFORM good(p_practice); DELETE FROM note;")
    pure = "CREATE FUNCTION pure(n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT n + 1';"
    whole = function("whole", "PERFORM 1;", "p_word text")
    assert await lint(store.operate_dsn, GOOD, good, batch, caller, pure, whole) == []


BAD_TABLES = {
    "note: has no primary key": "ALTER TABLE note DROP CONSTRAINT note_pkey",
    "note: practice_id may be null": (
        "ALTER TABLE note DROP CONSTRAINT note_pkey; ALTER TABLE note ALTER practice_id DROP NOT NULL"
    ),
    "note: has no column practice_id uuid": "ALTER TABLE note RENAME practice_id TO practice",
    "note: is not logged: a crash would empty it": "ALTER TABLE note SET UNLOGGED",
    "note: primary key note_pkey does not begin with practice_id": (
        "ALTER TABLE note DROP CONSTRAINT note_pkey; ALTER TABLE note ADD PRIMARY KEY (id, practice_id)"
    ),
    "note: unique note_word_key does not begin with practice_id": "ALTER TABLE note ADD UNIQUE (word)",
    "note: unique by_word does not begin with practice_id": (
        "CREATE UNIQUE INDEX by_word ON note (lower(word))"
    ),
    "note: exclusion no_twin does not begin with practice_id": (
        "ALTER TABLE note ADD CONSTRAINT no_twin EXCLUDE USING btree (n WITH =)"
    ),
    "child: foreign key to_note does not begin with practice_id": (
        "CREATE TABLE child (practice_id uuid NOT NULL PRIMARY KEY, note uuid, CONSTRAINT to_note"
        " FOREIGN KEY (note, practice_id) REFERENCES note (id, practice_id));" + WALL.format("child")
    ),
    "note: row level security is off": "ALTER TABLE note DISABLE ROW LEVEL SECURITY",
    "note: row level security is not forced on its owner": "ALTER TABLE note NO FORCE ROW LEVEL SECURITY",
    "note: has no policy": "DROP POLICY one_practice ON note",
    "note: policy open does not compare practice_id with the practice that was set": (
        "CREATE POLICY open ON note FOR SELECT USING (true)"
    ),
    "note: policy free does not compare practice_id with the practice that was set": (
        "CREATE POLICY free ON note FOR INSERT WITH CHECK (true)"
    ),
    "note: has a trigger: ring": (
        "CREATE FUNCTION ring() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;"
        "CREATE TRIGGER ring BEFORE INSERT ON note FOR EACH ROW EXECUTE FUNCTION ring()"
    ),
    "note: has a rule: nothing": "CREATE RULE nothing AS ON DELETE TO note DO INSTEAD NOTHING",
    "counter: is a sequence: positions are counted in rows": "CREATE SEQUENCE counter",
    "note_m_seq: is a sequence: positions are counted in rows": (
        "ALTER TABLE note ADD COLUMN m bigint GENERATED ALWAYS AS IDENTITY"
    ),
    "peek: is a view that reads with its owner's rights": "CREATE VIEW peek AS SELECT * FROM note",
    "note: column at has a default that is made in the database": (
        "ALTER TABLE note ADD COLUMN at timestamptz DEFAULT now()"
    ),
    "schema_migration: names a practice but is listed as belonging to none": (
        "CREATE TABLE schema_migration (practice_id uuid PRIMARY KEY)"
    ),
}
TWIN = "ALTER TABLE note ADD UNIQUE (id, practice_id)"


@pytest.mark.parametrize("said", BAD_TABLES)
async def test_a_table_against_the_rules_is_reported(scratch, said):
    store = await scratch()
    twin = TWIN if "foreign key" in said else "SELECT 1"
    assert said in await lint(store.operate_dsn, GOOD, twin, BAD_TABLES[said])


BAD_FUNCTIONS = {
    "bad: does not take p_practice first": function(
        "bad", f"{SETS} DELETE FROM note;", "p_word text, p_practice uuid"
    ),
    "dynamic: does not take p_practice first": function("dynamic", "EXECUTE p_word;", "p_word text"),
    "bad: does not set the practice": function("bad", "DELETE FROM note;"),
    "bad: touches a table before it sets the practice": function("bad", f"DELETE FROM note; {SETS}"),
    "bad: runs with its owner's rights": function("bad", SETS, more="SECURITY DEFINER"),
    "bad: uses now: it should be handed in": function("bad", f"{SETS} PERFORM now();"),
    "bad: uses CURRENT_TIMESTAMP: it should be handed in": function(
        "bad", f"{SETS} PERFORM CURRENT_TIMESTAMP;"
    ),
    "bad: uses gen_random_uuid: it should be handed in": function(
        "bad", f"{SETS} PERFORM gen_random_uuid();"
    ),
    "bad: uses pg_notify: it should be handed in": function("bad", f"{SETS} PERFORM pg_notify('a', 'b');"),
    "bad: uses pg_advisory_xact_lock: it should be handed in": function(
        "bad", f"{SETS} PERFORM pg_advisory_xact_lock(1);"
    ),
    "bad: exists twice, with other arguments": function("bad", SETS)
    + function("bad", SETS, "p_practice uuid, p_more text"),
}


@pytest.mark.parametrize("said", BAD_FUNCTIONS)
async def test_a_function_against_the_rules_is_reported(scratch, said):
    store = await scratch()
    assert await lint(store.operate_dsn, GOOD, BAD_FUNCTIONS[said]) == [said]


async def test_words_in_comments_do_not_count(scratch):
    store = await scratch()
    commented = function(
        "good", f"-- unlike now() or DELETE FROM note\n{SETS} /* nextval( */ DELETE FROM note;"
    )
    assert await lint(store.operate_dsn, GOOD, commented) == []


async def test_the_wall_holds_for_the_serving_role_with_no_practice_set(scratch, tmp_path):
    """What the lint asks for does what it is asked for: guarantees.md G12, third layer."""
    store = await scratch()
    (tmp_path / "functions").mkdir()
    (tmp_path / "0001_note.sql").write_text(GOOD)
    await migrate(store.operate_dsn, tmp_path)
    connection = await asyncpg.connect(store.operate_dsn)
    await connection.execute("INSERT INTO note VALUES (gen_random_uuid(), gen_random_uuid())")
    await connection.close()
    served = await asyncpg.connect(store.serve_dsn)
    assert await served.fetchval("SELECT count(*) FROM note") == 0
    await served.execute("BEGIN; SELECT set_config('app.practice', gen_random_uuid()::text, true); COMMIT")
    assert await served.fetchval("SELECT count(*) FROM note") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await served.execute("INSERT INTO note VALUES (gen_random_uuid(), gen_random_uuid())")
    await served.close()


def test_a_finding_reads_as_one_line():
    assert str(Finding("note", "has no policy")) == "note: has no policy"
