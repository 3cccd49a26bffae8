"""Renders the frozen DDL of this directory, which is written for SQLite, for PostgreSQL.

One text for both, so that the two cannot drift. What differs is here: types, ``IS``, ``GLOB`` and JSON; generated
columns, which may not read each other and are therefore written out; triggers, each of which becomes a function whose
``search_path`` is fixed, so that no temporary table can stand in for a real one, and is enabled ``ALWAYS``.

PostgreSQL gets guards that SQLite cannot have: the chain's hashes and the digests that are ids are computed by the
server, TRUNCATE is refused, and every statement that writes first takes the one writers' lock.

Standard library only; nothing here depends on the code of ``orchestrator``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

WRITERS_LOCK = 0x6B646F72
"""Key of the advisory lock that every writing transaction holds to its end."""
DIGESTS = {"policies": ("policy_id", "body"), "runs": ("run_id", "spec_json"), "evidence": ("evidence_id", "statement")}
"""Tables whose key is the sha256 of one of their columns."""

# Fragments that are neither types nor operators. Each stands in the DDL as it is written here.
_FRAGMENTS = (
    # A condition where SQLite has a number that is 0 or 1, and the other way round.
    ("WHEN fail_mask & 1 THEN", "WHEN fail_mask & 1 <> 0 THEN"),
    ("WHEN missing_mask & 1 THEN", "WHEN missing_mask & 1 <> 0 THEN"),
    ("SELECT kind = 'csv' FROM", "SELECT CASE WHEN kind = 'csv' THEN 1 ELSE 0 END FROM"),
    ("min(v.val_u6 IS NOT NULL)", "min(CASE WHEN v.val_u6 IS NOT NULL THEN 1 ELSE 0 END)"),
    ("WHEN override_json IS NULL THEN 1", "WHEN override_json IS NULL THEN true"),
    ("WHEN NEW.override_json IS NULL THEN 1", "WHEN NEW.override_json IS NULL THEN true"),
    ("NOT json_valid(override_json) THEN 0", "NOT json_valid(override_json) THEN false"),
    ("NOT json_valid(NEW.override_json) THEN 0", "NOT json_valid(NEW.override_json) THEN false"),
    # A subquery in FROM needs a name.
    ("v.parser_id = m.parser_id)\n     WHERE hit = 1 AND hit_before = 1",
     "v.parser_id = m.parser_id) AS read\n     WHERE hit AND hit_before"),
    ("AND x.seq < s.event_seq))\nWHERE place", "AND x.seq < s.event_seq)) AS fresh\nWHERE place"),
    # SQLite joins in the order of the rows; sums of BIGINT are NUMERIC.
    ("group_concat(evidence_id, ' ')", "string_agg(evidence_id, ' ' ORDER BY place)"),
    ("sum(bad)", "sum(bad)::bigint"), ("sum(margin)", "sum(margin)::bigint"),
    ("sum(margin * margin)", "sum(margin * margin)::bigint"),
)
_TABLE = re.compile(r"CREATE TABLE (\w+) \((.*)\n\) STRICT, WITHOUT ROWID;?$", re.S)
_TRIGGER = re.compile(r"CREATE TRIGGER (\w+) (BEFORE|AFTER) (\w+) ON (\w+)(?: WHEN (.*?))?\nBEGIN(.*)END;?$", re.S)
_RAISE = re.compile(r"SELECT RAISE\(ABORT, ('(?:[^']|'')*')\)\s*(?:WHERE (.*?))?;", re.S)
_GENERATED = re.compile(r'^    (\w+) (?:BIGINT|TEXT COLLATE "C")( NOT NULL)? GENERATED ALWAYS AS \((.*?)\) STORED',
                        re.M | re.S)
_JSON_OF = re.compile(r"(NEW\.\w+) (IS(?: NOT)?) (json_extract\([^)]*\))")
_OF_JSON = re.compile(r"(json_extract\([^)]*\)) (IS(?: NOT)?) (NEW\.\w+|'[^']*')")
_GLOB = re.compile(r"\b(NOT )?GLOB '([^']*)'")
_WORD_OUTSIDE_TEXT = re.compile(r"'[^']*'|\b(?!coalesce\b)[a-z_]\w*\b")

_FUNCTIONS = (
    """CREATE FUNCTION kd_json_valid(body text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM body::json;
    RETURN true;
EXCEPTION WHEN others THEN
    RETURN false;
END $$""",
    """CREATE FUNCTION kd_json_extract(body text, path text) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp AS $$
    SELECT nullif(body::jsonb #> string_to_array(substr(path, 3), '.'), 'null'::jsonb)
$$""",
    """CREATE FUNCTION kd_json_each(body text, path text DEFAULT '$') RETURNS TABLE (value text)
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_array_elements_text(body::jsonb #> string_to_array(substr(path, 3), '.'))
$$""",
    # A text as Python's json.dumps writes it with ensure_ascii: what enters an entry's hash.
    """CREATE FUNCTION kd_json_string(words text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    quoted text := to_json(words)::text;
    told text := '';
    letter text;
    code integer;
BEGIN
    IF quoted COLLATE "C" !~ '[^ -~]' THEN
        RETURN quoted;
    END IF;
    FOREACH letter IN ARRAY string_to_array(quoted, NULL) LOOP
        code := ascii(letter);
        told := told || CASE
            WHEN code < 127 THEN letter
            WHEN code < 65536 THEN '\\u' || lpad(to_hex(code), 4, '0')
            ELSE '\\u' || to_hex(55296 + ((code - 65536) >> 10))
                 || '\\u' || to_hex(56320 + ((code - 65536) & 1023)) END;
    END LOOP;
    RETURN told;
END $$""",
    """CREATE FUNCTION kd_sha256(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp AS $$
    SELECT encode(sha256(convert_to(words, 'UTF8')), 'hex')
$$""",
    """CREATE FUNCTION kd_no_truncate() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
        MESSAGE = TG_TABLE_NAME || ': nothing is ever deleted';
END $$""",
    # The guards read other rows. They see them all only under the lock, and only where each statement looks anew.
    f"""CREATE FUNCTION kd_one_writer() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = TG_TABLE_NAME || ': written only in transactions that are read committed';
    END IF;
    PERFORM pg_advisory_xact_lock({WRITERS_LOCK});
    RETURN NULL;
END $$""",
)
_HASHED = ("kd_sha256('[' || NEW.seq || ',' || kd_json_string(NEW.prev_hash) || ',' || kd_json_string(NEW.at) || ',' "
           "|| kd_json_string(NEW.kind) || ',' || kd_json_string(NEW.subject) || ',' || kd_json_string(NEW.payload) "
           "|| ']')")


class Writer:
    """Runs statements of the DDL, rendered, on a connection inside its transaction. Call it with one statement."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._schema = self.plain("SELECT quote_ident(current_schema())").scalar_one()

    def __call__(self, statement: str) -> Any:
        if (match := _TABLE.match(statement)) is not None:
            return self._each(_table(match[1], match[2]))
        if (match := _TRIGGER.match(statement)) is not None:
            return self._each(self._trigger(*match.groups()))
        if (match := re.match(r"DROP TRIGGER (\w+)$", statement)) is not None:
            return self.plain(f"DROP FUNCTION {match[1]}() CASCADE")
        return self.plain(_expression(statement))

    def plain(self, statement: str) -> Any:
        """Run a statement of PostgreSQL's own, in which ``%`` means itself."""
        return self._connection.exec_driver_sql(statement, execution_options={"no_parameters": True})

    def functions(self) -> None:
        """Create what the rendered DDL calls."""
        self._each(list(_FUNCTIONS))

    def guard(self, table: str) -> None:
        """Add the guards that only PostgreSQL has to a table that was just made."""
        self._each([
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
            "EXECUTE FUNCTION kd_no_truncate()",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_no_truncate",
            f"CREATE TRIGGER {table}_one_writer BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH STATEMENT "
            "EXECUTE FUNCTION kd_one_writer()",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_one_writer"])
        if table == "events":
            self._each(self._function("events_hash", "BEFORE", "INSERT", table, [
                ("'events: the hash is not that of the entry'", f"NEW.hash IS DISTINCT FROM {_HASHED}")]))
        if table in DIGESTS:
            key, column = DIGESTS[table]
            self._each(self._function(f"{table}_digest", "BEFORE", "INSERT", table, [
                (f"'{table}: the id is not the sha256 of {column}'",
                 f"NEW.{key} IS DISTINCT FROM kd_sha256(NEW.{column})")]))

    def columns(self, table: str) -> list[str]:
        """The columns of a table that the database does not compute, in order."""
        found = self.plain(f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass AND attnum > 0 "
                           "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum")
        return [name for (name,) in found]

    def take_away(self, table: str) -> list[str]:
        """Drop a table to which others refer; returns the statements that tie them to it again."""
        found = self.plain("SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, "
                           "pg_get_constraintdef(oid)) FROM pg_constraint WHERE contype = 'f' "
                           f"AND confrelid = '{table}'::regclass AND conrelid <> confrelid ORDER BY conname")
        again = [statement for (statement,) in found]
        self.plain(f"DROP TABLE {table} CASCADE")
        return again

    def _each(self, statements: list[str]) -> None:
        for statement in statements:
            self.plain(statement)

    def _trigger(self, name: str, moment: str, event: str, table: str, when: str | None, body: str) -> list[str]:
        rules = [(message, when or where or "true") for message, where in _RAISE.findall(body)]
        return self._function(name, moment, event, table, [
            (message, "true" if rule == "1" else _expression(rule)) for message, rule in rules])

    def _function(self, name: str, moment: str, event: str, table: str, rules: list[tuple[str, str]]) -> list[str]:
        checks = "\n".join(
            f"    IF ({rule}) THEN\n        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', "
            f"MESSAGE = {message};\n    END IF;" for message, rule in rules)
        return [
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql\n"
            f"SET search_path = {self._schema}, pg_temp AS $kd$\nBEGIN\n{checks}\n"
            f"    RETURN {'OLD' if event == 'DELETE' else 'NEW'};\nEND $kd$",
            f"CREATE TRIGGER {name} {moment} {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"]


def _table(name: str, body: str) -> list[str]:
    body = re.sub(r"\bINTEGER\b", "BIGINT", re.sub(r"\bREAL\b", "DOUBLE PRECISION", body))
    body = _expression(re.sub(r"^(    \w+) TEXT\b", r'\1 TEXT COLLATE "C"', body, flags=re.M))
    computed: dict[str, str] = {}

    def written_out(match: re.Match[str]) -> str:
        column, expression = match[1], match[3]
        if column.endswith("_numbers"):
            expression = _WORD_OUTSIDE_TEXT.sub(lambda m: m[0] if m[0][0] == "'" else f"{m[0]}::text", expression)
        for other, told in computed.items():
            expression = re.sub(rf"\b{other}\b", lambda _, t=told: f"({t})", expression)  # type: ignore[misc]
        computed[column] = expression
        return match[0].replace(match[3], expression)

    return [f"CREATE TABLE {name} ({_GENERATED.sub(written_out, body)}\n)"]


def _expression(sql: str) -> str:
    """Operators and functions of SQLite in PostgreSQL's words."""
    for ours, theirs in _FRAGMENTS:
        sql = sql.replace(ours, theirs)
    sql = _JSON_OF.sub(r"to_jsonb(\1) \2 \3", sql)
    sql = _OF_JSON.sub(lambda m: f"{m[1]} {m[2]} to_jsonb({m[3]}{'::text' if m[3][0] == chr(39) else ''})", sql)
    sql = _GLOB.sub(lambda m: f"{'!' if m[1] else ''}~ '{_regular(m[2])}'", sql)
    sql = re.sub(r"\bIS (?!NOT\b|NULL\b)", "IS NOT DISTINCT FROM ", sql)
    sql = re.sub(r"\bIS NOT (?!NULL\b|DISTINCT\b)", "IS DISTINCT FROM ", sql)
    return re.sub(r"\bjson_(valid|extract|each)\(", r"kd_json_\1(", sql)


def _regular(glob: str) -> str:
    """A GLOB pattern as a regular expression; the DDL's patterns hold ``*``, sets and plain characters."""
    return "^" + "".join(".*" if c == "*" else c for c in glob) + "$"


def writer(connection: Any) -> Callable[[str], Any]:
    """What runs a statement of the DDL on this connection: as it stands, or rendered."""
    return connection.exec_driver_sql if connection.dialect.name == "sqlite" else Writer(connection)  # type: ignore[no-any-return]
