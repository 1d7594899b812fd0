"""The schema judged by PostgreSQL's own catalogue: ready for Citus, one practice walled off from another.

The rules are decisions.md D-8, D-9, D-26 and parts.md 2.2. The tests run them, and so does `etherapy doctor`
on a live database: what was added by hand is found too.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from etherapy.store.connection import Connection

WITHOUT_ROW_SECURITY = frozenset({"practice_due"})
"""Tables that name a practice but are read across practices, and hold no content (decisions.md D-28)."""

WITHOUT_PRACTICE = frozenset({"crisis_check", "installation", "schema_migration", "server_link"})
"""Tables of the whole installation. Nothing in them belongs to a practice."""

ACROSS_PRACTICES = frozenset({"claim_due"})
"""Functions that reach tables of practices without taking one, each with its reason in its own file."""

_SETS = re.compile(r"set_config\s*\(\s*'app\.practice'", re.IGNORECASE)
_FORBIDDEN = re.compile(
    r"\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|nextval|pg_notify"
    r"|pg_(?:try_)?advisory_\w+|random|gen_random_uuid)\s*\(|\b(?:current_timestamp|localtimestamp"
    r"|current_date|current_time|notify)\b",
    re.IGNORECASE,
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is not as the rules say: which table or function, and what about it."""

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name}: {self.what}"


async def lint_catalogue(connection: Connection) -> list[Finding]:
    """Everything in the schema `public` that breaks a rule, sorted; an empty list is what one wants."""
    found = [
        *await _judge_tables(connection),
        *await _judge_keys(connection),
        *await _judge_row_security(connection),
        *await _judge_extras(connection),
        *await _judge_functions(connection),
    ]
    return sorted(set(found))


async def _judge_tables(connection: Connection) -> list[Finding]:
    found = []
    for row in await connection.fetch(_TABLES):
        name, of_practice = row["name"], row["name"] not in WITHOUT_PRACTICE
        if not row["has_key"]:
            found.append(Finding(name, "has no primary key"))
        if row["persistence"] != "p":
            found.append(Finding(name, "is not logged: a crash would empty it"))
        if of_practice and row["practice_type"] != "uuid":
            found.append(Finding(name, "has no column practice_id uuid"))
        elif of_practice and not row["practice_not_null"]:
            found.append(Finding(name, "practice_id may be null"))
        elif not of_practice and row["practice_type"]:
            found.append(Finding(name, "names a practice but is listed as belonging to none"))
    return found


async def _judge_keys(connection: Connection) -> list[Finding]:
    rows = await connection.fetch(_KEYS)
    return [
        Finding(row["name"], f"{row['kind']} {row['key']} does not begin with practice_id")
        for row in rows
        if row["name"] not in WITHOUT_PRACTICE and not row["practice_first"]
    ]


async def _judge_row_security(connection: Connection) -> list[Finding]:
    found = []
    for row in await connection.fetch(_SECURITY):
        name = row["name"]
        if name in WITHOUT_PRACTICE | WITHOUT_ROW_SECURITY:
            continue
        if not row["enabled"]:
            found.append(Finding(name, "row level security is off"))
        if not row["forced"]:
            found.append(Finding(name, "row level security is not forced on its owner"))
        if not row["policies"]:
            found.append(Finding(name, "has no policy"))
        found += [
            Finding(name, f"policy {policy} does not compare practice_id with the practice that was set")
            for policy in row["loose"] or ()
        ]
    return found


async def _judge_extras(connection: Connection) -> list[Finding]:
    return [Finding(row["name"], row["what"]) for row in await connection.fetch(_EXTRAS)]


@dataclass(frozen=True, slots=True)
class _Function:
    name: str
    source: str
    first: str
    immutable: bool
    definer: bool


async def _judge_functions(connection: Connection) -> list[Finding]:
    rows = await connection.fetch(_FUNCTIONS)
    functions = [
        _Function(
            row["name"],
            _COMMENT.sub(" ", row["source"] or ""),
            row["first"] or "",
            row["volatility"] == "i",
            row["definer"],
        )
        for row in rows
    ]
    tables = [row["name"] for row in await connection.fetch(_TABLES) if row["name"] not in WITHOUT_PRACTICE]
    names = [function.name for function in functions]
    found = [Finding(name, "exists twice, with other arguments") for name in names if names.count(name) > 1]
    setters = _functions_that_set(functions)
    for function in functions:
        found += _judge_function(function, setters, tables)
    return found


def _judge_function(function: _Function, setters: frozenset[str], tables: list[str]) -> list[Finding]:
    found = []
    if function.definer:
        found.append(Finding(function.name, "runs with its owner's rights"))
    if used := _FORBIDDEN.search(function.source):
        found.append(Finding(function.name, f"uses {used[0].strip('( ')}: it should be handed in"))
    if function.immutable or function.name in ACROSS_PRACTICES:
        return found
    if function.first not in ("p_practice uuid", "p_practices uuid[]"):
        if _mentions(function.source, tables):
            found.append(Finding(function.name, "does not take p_practice first"))
        return found
    begins = _where_set(function, setters)
    if begins is None:
        return [*found, Finding(function.name, "does not set the practice")]
    if _touches(function.source[:begins], tables):
        found.append(Finding(function.name, "touches a table before it sets the practice"))
    return found


def _functions_that_set(functions: Iterable[_Function]) -> frozenset[str]:
    """Those that set the practice themselves or begin by calling one that does."""
    known: frozenset[str] = frozenset()
    while True:
        more = frozenset(f.name for f in functions if _where_set(f, known) is not None)
        if more == known:
            return known
        known = more


def _where_set(function: _Function, setters: frozenset[str]) -> int | None:
    """Where in its text the practice is set: there itself, or by handing it to one that does."""
    places = [match.start() for match in _SETS.finditer(function.source)]
    if setters:
        calls = rf"\b(?:{'|'.join(sorted(setters))})\s*\(\s*p_practices?\b"
        places += [match.start() for match in re.finditer(calls, function.source)]
    return min(places, default=None)


def _touches(source: str, tables: list[str]) -> bool:
    """Whether this text reads or writes one of the tables."""
    names = "|".join(map(re.escape, tables)) or "(?!)"
    return bool(re.search(rf"\b(?:from|join|into|update|using)\s+(?:only\s+)?(?:{names})\b", source, re.I))


def _mentions(source: str, tables: list[str]) -> bool:
    """Whether this text could reach a table of a practice: it names one, or makes statements up."""
    names = "|".join(map(re.escape, [*tables, "execute"]))
    return bool(re.search(rf"\b(?:{names})\b", source, re.I))


_OURS = "c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')"

_TABLES = f"""
SELECT c.relname::text AS name, c.relpersistence::text AS persistence,
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS has_key,
       format_type(a.atttypid, a.atttypmod) AS practice_type, a.attnotnull AS practice_not_null
  FROM pg_class c
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'practice_id' AND NOT a.attisdropped
 WHERE {_OURS}
"""

_KEYS = f"""
SELECT c.relname::text AS name, k.relname::text AS key,
       CASE WHEN i.indisprimary THEN 'primary key' WHEN i.indisexclusion THEN 'exclusion'
            ELSE 'unique' END AS kind,
       coalesce(a.attname = 'practice_id', false) AS practice_first
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class k ON k.oid = i.indexrelid
  LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
 WHERE {_OURS} AND (i.indisunique OR i.indisexclusion)
UNION ALL
SELECT c.relname::text, f.conname::text, 'foreign key',
       a.attname = 'practice_id' AND b.attname = 'practice_id'
  FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
  JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
  JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = f.confkey[1]
 WHERE {_OURS} AND f.contype = 'f'
"""

_COMPARES = r"practice_id = \(NULLIF\(current_setting\(''app\.practice''::text, true\), ''''::text\)\)::uuid"

_SECURITY = f"""
SELECT c.relname::text AS name, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
       (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive) AS policies,
       (SELECT array_agg(p.polname::text) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
           AND NOT (coalesce(pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
                      ~ '{_COMPARES}'
                AND coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid))
                      ~ '{_COMPARES}')) AS loose
  FROM pg_class c WHERE {_OURS}
"""

_EXTRAS = f"""
SELECT c.relname::text AS name, 'has a trigger: ' || t.tgname AS what
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE {_OURS} AND NOT t.tgisinternal
UNION ALL
SELECT c.relname::text, 'has a rule: ' || r.rulename
  FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE {_OURS}
UNION ALL
SELECT c.relname::text, 'is a sequence: positions are counted in rows'
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'S'
UNION ALL
SELECT c.relname::text, 'is a view that reads with its owner''s rights'
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm')
   AND NOT coalesce(c.reloptions::text ~ 'security_invoker=(true|on)', false)
UNION ALL
SELECT c.relname::text, 'column ' || a.attname || ' has a default that is made in the database'
  FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid
  JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
 WHERE {_OURS} AND c.relname <> 'schema_migration'
   AND pg_get_expr(d.adbin, d.adrelid) ~* '(\\mnow\\(|current_|timestamp\\(|nextval|random)'
"""

_FUNCTIONS = """
SELECT p.proname::text AS name, p.prosrc AS source, p.provolatile::text AS volatility, p.prosecdef AS definer,
       p.proargnames[1] || ' ' || format_type(p.proargtypes[0], NULL) AS first
  FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace AND p.prokind IN ('f', 'p')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
"""
