"""The few phrases of the ledger's own queries that SQLite and PostgreSQL say differently."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, TextClause, text

_IN_POSTGRES = (
    # A list of ids travels as one JSON text, however long it is.
    ("SELECT value FROM json_each(:ids)", "SELECT jsonb_array_elements_text(CAST(:ids AS jsonb))"),
    ("group_concat(p.kind, ' ')", "string_agg(p.kind, ' ' ORDER BY p.kind)"),
    ("instr(c.stage || ':', ':')", "strpos(c.stage || ':', ':')"),
    # SQLite takes the bare columns beside min() from the row that holds the minimum.
    ("SELECT campaign_id, run_id, min(ordinal), step, train_time_ms FROM steps WHERE hit = 1 AND hit_before = 1\n"
     "GROUP BY campaign_id, run_id",
     "SELECT DISTINCT ON (campaign_id, run_id) campaign_id, run_id, ordinal, step, train_time_ms FROM steps\n"
     "WHERE hit AND hit_before ORDER BY campaign_id, run_id, ordinal"),
    ("WHERE t.campaign_id = c.campaign_id AND q.target_u6 IS NOT NULL)\n",
     "WHERE t.campaign_id = c.campaign_id AND q.target_u6 IS NOT NULL) AS stages\n"),
)


def said(connection: Connection, query: str) -> TextClause:
    """A query of this room, written for SQLite, in the words of the database behind ``connection``."""
    return _said(query, connection.dialect.name)


@cache
def _said(query: str, dialect: str) -> TextClause:
    if dialect == "postgresql":
        for ours, theirs in _IN_POSTGRES:
            query = query.replace(ours, theirs)
    return text(query)
