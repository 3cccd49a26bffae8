"""A ledger's schema as PostgreSQL's own catalogues tell it: its fingerprint, its owner, and who may do what."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import Connection, TextClause, text

from orchestrator.ledger.tables import METADATA, VIEWS

_MOVED = {
    "attempts": ("bundle", "dispatch_sha256", "ended_at", "exit_json", "finished_at", "host", "outcome", "placed_at",
                 "started_at", "state"),
    "campaign_runs": ("reference_run_id", "teacher_run_id", "twin_run_id"),
    "host_reachability": ("checked_at", "detail", "reachable", "since"),
    "asset_locations": ("present", "seen_at"),
}
"""The columns that the lifecycle changes; nothing else is ever updated."""
_FILLED_BY_MIGRATIONS = ("parsers", "attempt_edges", "alembic_version")


def _use() -> dict[str, frozenset[str]]:
    use = {name: {"SELECT"} for name in (*METADATA.tables, *VIEWS, "alembic_version")}
    for table in METADATA.tables:
        if table not in _FILLED_BY_MIGRATIONS:
            use[table].add("INSERT")
        if table in _MOVED:
            use[table].add(f"UPDATE ({', '.join(_MOVED[table])})")
    return {name: frozenset(rights) for name, rights in use.items()}


USE = _use()
"""What a role needs that uses a ledger, by relation, in the words of GRANT. It may have no more."""

# HERE stands for the namespace that the ledger lies in.
_HERE = "current_schema()::regnamespace"
_STRUCTURE = {
    "relations": """
        SELECT c.relname, c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relispartition
        FROM pg_class AS c WHERE c.relnamespace = HERE AND c.relkind NOT IN ('i', 't', 'c') ORDER BY 1""",
    "columns": """
        SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), l.collname, a.attnotnull, a.attgenerated,
               a.attidentity, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum)
        FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
        WHERE c.relnamespace = HERE AND c.relkind IN ('r', 'v') AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY 1, a.attnum""",
    "constraints": """
        SELECT c.relname, k.conname, k.contype, k.convalidated, k.condeferrable, f.relname, k.confupdtype,
               k.confdeltype,
               ARRAY(SELECT attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(n, i)
                     JOIN pg_attribute ON attrelid = k.conrelid AND attnum = u.n
                     -- The columns of a CHECK are a set.
                     ORDER BY CASE k.contype WHEN 'c' THEN attname::text END COLLATE "C", i),
               ARRAY(SELECT attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(n, i)
                     JOIN pg_attribute ON attrelid = k.confrelid AND attnum = u.n ORDER BY i)
        FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid LEFT JOIN pg_class AS f ON f.oid = k.confrelid
        WHERE k.connamespace = HERE AND k.contype <> 'n' ORDER BY 1, 2""",
    "indexes": """
        SELECT c.relname, t.relname, i.indisunique, i.indisvalid, i.indisready, i.indpred IS NULL
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_class AS t ON t.oid = i.indrelid
        WHERE c.relnamespace = HERE AND t.relkind = 'r' ORDER BY 1""",
    "triggers": """
        SELECT c.relname, t.tgname, t.tgtype, t.tgenabled, t.tgdeferrable, p.proname, t.tgnargs, t.tgqual IS NULL
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_proc AS p ON p.oid = t.tgfoid
        WHERE c.relnamespace = HERE AND NOT t.tgisinternal ORDER BY 1, 2""",
    # The triggers behind foreign keys have names with numbers in them; what counts is that they are switched on.
    "switched_off": """
        SELECT c.relname, t.tgenabled, count(*)
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE c.relnamespace = HERE AND t.tgisinternal AND t.tgenabled <> 'O' GROUP BY 1, 2 ORDER BY 1, 2""",
    "functions": """
        SELECT p.proname, pg_get_function_identity_arguments(p.oid), p.prosrc, p.provolatile, p.prosecdef,
               p.proisstrict, p.proretset, l.lanname,
               replace(array_to_string(p.proconfig, ';'), 'search_path=' || quote_ident(current_schema()),
                       'search_path=*')
        FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang WHERE p.pronamespace = HERE ORDER BY 1, 2""",
    "rules": """
        SELECT c.relname, r.rulename, r.ev_type, r.ev_enabled, r.is_instead
        FROM pg_rewrite AS r JOIN pg_class AS c ON c.oid = r.ev_class WHERE c.relnamespace = HERE ORDER BY 1, 2""",
    "row_policies": """
        SELECT c.relname, p.polname FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
        WHERE c.relnamespace = HERE ORDER BY 1, 2""",
    "children": """
        SELECT c.relname, count(*) FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhparent
        WHERE c.relnamespace = HERE AND c.relkind <> 'I' GROUP BY 1 ORDER BY 1""",
    "operators": "SELECT count(*) FROM pg_operator WHERE oprnamespace = HERE",
}
_EXPRESSIONS = {
    "constraints": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = HERE "
                   "AND contype = 'c' ORDER BY conname",
    "values": """
        SELECT c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attrdef AS d JOIN pg_class AS c ON c.oid = d.adrelid
        JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        WHERE c.relnamespace = HERE ORDER BY 1, 2""",
    "views": "SELECT relname, pg_get_viewdef(oid) FROM pg_class WHERE relnamespace = HERE AND relkind = 'v' "
             "ORDER BY relname",
    "indexes": """
        SELECT c.relname, pg_get_expr(i.indpred, i.indrelid)
        FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        WHERE c.relnamespace = HERE AND i.indpred IS NOT NULL ORDER BY 1""",
}
_RIGHTS = """
    SELECT coalesce(r.rolname, 'PUBLIC'), c.relname, NULL, x.privilege_type
    FROM pg_class AS c CROSS JOIN aclexplode(c.relacl) AS x LEFT JOIN pg_roles AS r ON r.oid = x.grantee
    WHERE c.relnamespace = HERE AND c.relkind IN ('r', 'v') AND x.grantee <> c.relowner
    UNION ALL
    SELECT coalesce(r.rolname, 'PUBLIC'), c.relname, a.attname, x.privilege_type
    FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid CROSS JOIN aclexplode(a.attacl) AS x
    LEFT JOIN pg_roles AS r ON r.oid = x.grantee
    WHERE c.relnamespace = HERE AND x.grantee <> c.relowner
    UNION ALL
    SELECT coalesce(r.rolname, 'PUBLIC'), NULL, NULL, x.privilege_type
    FROM pg_namespace AS n CROSS JOIN aclexplode(n.nspacl) AS x LEFT JOIN pg_roles AS r ON r.oid = x.grantee
    WHERE n.oid = HERE AND x.privilege_type = 'CREATE' AND x.grantee <> n.nspowner
      AND x.grantee <> (SELECT relowner FROM pg_class WHERE oid = 'events'::regclass)
    UNION ALL
    SELECT rolname, 'events', NULL, 'another owner than the others'
    FROM pg_roles WHERE oid IN (SELECT relowner FROM pg_class WHERE relnamespace = HERE AND relkind IN ('r', 'v'))
      AND oid <> (SELECT relowner FROM pg_class WHERE oid = 'events'::regclass)
    ORDER BY 1, 2, 3, 4"""


def server(connection: Connection) -> int:
    """The server's major release."""
    return int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000


def whoami(connection: Connection) -> str:
    return str(connection.execute(text("SELECT current_user")).scalar_one())


def owner(connection: Connection) -> str:
    """The role that owns the ledger's tables."""
    return str(connection.execute(text("SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'events'::regclass")
                                  ).scalar_one())


def structure(connection: Connection) -> str:
    """Digest of tables, columns, keys, triggers with their state, and functions with their bodies."""
    return _digest(connection, _STRUCTURE)


def expressions(connection: Connection) -> str:
    """Digest of CHECKs, computed columns, views and partial indexes as the server renders them."""
    return _digest(connection, _EXPRESSIONS)


def excess_rights(connection: Connection) -> list[str]:
    """What roles other than the owner may do beyond :data:`USE`, in sentences."""
    columns = {(table, column) for table, names in _MOVED.items() for column in names}
    found = []
    for role, relation, column, right in connection.execute(_said(_RIGHTS)):
        if column is None and right in USE.get(relation, ()):
            continue
        if column is not None and (right in USE.get(relation, ()) or (
                right == "UPDATE" and (relation, column) in columns)):
            continue
        if relation is None:
            found.append(f"{role} may create tables and functions beside the ledger's")
        elif "owner" in right:
            found.append(f"{role} owns some of its tables")
        else:
            found.append(f"{role} has the right {right} on {relation}{f' ({column})' if column else ''}")
    return found


def _said(query: str) -> TextClause:
    return text(query.replace("= HERE", f"= {_HERE}"))


def _digest(connection: Connection, queries: dict[str, str]) -> str:
    digest = hashlib.sha256()
    for name, query in queries.items():
        for row in connection.execute(_said(query)):
            digest.update(f"{json.dumps([name, *map(_plain, row)])}\n".encode())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | bool | list) else str(value)
