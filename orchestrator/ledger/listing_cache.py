"""The ledger's listing, kept ready: what ``listing`` computes, in one flat table that can be filtered in milliseconds.

Theory of operation. A row of the listing changes only when something happened to its run, to its teacher or to its
campaign, and whatever happens is an event of the chain with that run or campaign as its subject. So the table remembers
the number and the hash of the last event that it has seen; what came since names the rows to compute anew. A table that
has seen an event which the ledger does not have (a restored backup, another ledger) is made from scratch, as is one
that was written by another edition of kdorch or that cannot be read. Whether a host answers is no event, so that is
compared on its own.

The file lies beside the ledger and is worth nothing: it may be deleted at any time, where it cannot be written the
table is made in memory, and nothing but a person's listing ever reads it. Verdicts, budgets, choices and promotions are
decided from the ledger itself. ``kdorch ledger verify`` holds it against the ledger, names what differs, and removes
it then, so that the next listing is computed anew.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from orchestrator.domain.lifecycle import ALL_LABELS, LIVE_STATES
from orchestrator.ledger import chain, listing, queries
from orchestrator.ledger.place import LedgerPlace, beside
from orchestrator.ledger.rows import LedgerRow
from orchestrator.ledger.where import LABEL_BIT, Condition, labelled

KEYS = tuple(f.name for f in fields(LedgerRow))
RANKED_BY = ("best_val", "final_val", "steps_to_target", "time_to_target_ms")
"""Sorting by one of these, from low to high, ranks single runs by a noisy number from the best: the first of them is
partly luck."""
_LISTS = ("labels", "failed_gates")
_LIST_PLACES = tuple(KEYS.index(name) for name in _LISTS)
_EDITION = 3
"""Higher whenever ``listing`` gives other rows for the same ledger."""
BUSY_S = 60.0
_MAPPED_BYTES = 1 << 30
_CHUNK = 500
_MANY_RUNS = 5000
ORDER = "campaign_seq, ordinal, event_seq, name"
COLUMNS = (*KEYS, "label_bits", "campaign_id", "campaign_seq", "ordinal", "event_seq", "changed_at", "told_as")
# Columns without a type keep values as they are and compare text with text and numbers with numbers only.
_TABLES = f"""
CREATE TABLE seen (edition TEXT, seq INTEGER, hash TEXT, reachable TEXT);
CREATE TABLE listed ({", ".join(COLUMNS[:-1])}, told_as INTEGER PRIMARY KEY);
CREATE TABLE told (told_as INTEGER PRIMARY KEY, json, csv);
CREATE INDEX by_run ON listed (run_id);
CREATE INDEX by_order ON listed ({ORDER});
CREATE INDEX by_campaign ON listed (campaign_id);
"""
_INSERT = f"INSERT INTO listed VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608 - marks
_INSERT_LINE = "INSERT INTO told VALUES (?, ?, ?)"
_CELLS = f"SELECT {', '.join(KEYS)} FROM listed"  # noqa: S608 - keys of a dataclass
_LINES = {"json": "SELECT told.json FROM listed CROSS JOIN told USING (told_as)",
          "csv": "SELECT told.csv FROM listed CROSS JOIN told USING (told_as)"}
# A run's row changes with the run itself, its teacher and its campaign; a challenge of it also with other seeds of its
# configuration, whose confirmation answers it.
_TOUCHED = text("""
SELECT run_id FROM campaign_runs WHERE run_id IN (SELECT subject FROM events WHERE seq > :seq)
UNION SELECT run_id FROM campaign_runs WHERE teacher_run_id IN (SELECT subject FROM events WHERE seq > :seq)
UNION SELECT run_id FROM campaign_runs WHERE campaign_id IN (SELECT subject FROM events WHERE seq > :seq)
UNION SELECT h.run_id FROM challenges AS h JOIN runs AS a ON a.run_id = h.run_id
      JOIN runs AS b ON b.config_id = a.config_id WHERE b.run_id IN (SELECT subject FROM events WHERE seq > :seq)
""")


@dataclass(frozen=True)
class Asked:
    """Which rows, and in which order: plan order, newest campaign last, or by the key ``sort`` with null last, from
    high to low where the key has a ``-`` before it.

    ``since`` is a UTC time in the ledger's own form: runs whose latest attempt moved at or after it. Of more rows than
    ``limit`` the newest are given, or with ``sort`` the first.
    """

    status: str | None = None
    campaign: str | None = None
    host: str | None = None
    since: str | None = None
    where: Condition | None = None
    sort: str | None = None
    limit: int | None = None
    lines_of: str | None = None
    """Give each row as a line that is there already: ``json``, an object with all keys, or ``csv``."""


@dataclass(frozen=True)
class Listed:
    """What was found, and how many there were before ``limit``. ``ranked`` is how many runs were ranked from the best,
    before ``limit`` too; a run in two campaigns is one, and another order ranks none.

    ``cells`` are the values of each row in the order of :data:`KEYS`, those that are lists joined by ``;``; ``lines``
    the rows as text where they were asked for so, and then there are no cells.
    """

    total: int = 0
    cells: list[tuple[Any, ...]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    ranked: int = 0

    @property
    def size(self) -> int:
        return len(self.cells) or len(self.lines)

    @cached_property
    def rows(self) -> list[LedgerRow]:
        return [_row(values) for values in self.cells]


class _Unusable(Exception):
    """The table could not be read or written, which says nothing of the ledger."""


def ask(path: LedgerPlace, reading: Callable[[], AbstractContextManager[Connection]], asked: Asked,
        on_build: Callable[[int], None] = lambda _runs: None) -> Listed:
    """Answer for the ledger ``path``, which ``reading`` opens a transaction on.

    ``on_build`` is told the number of rows when so many must be computed that it takes a while. Raises
    :class:`UsageError` for a label, a key or a campaign that does not exist.
    """
    listing.check_status(asked.status)
    listing.check_sort(None if asked.sort is None else asked.sort.removeprefix("-"))
    place = cache_path(path)
    try:
        return _ask(place, reading, asked, on_build)
    except (_Unusable, sqlite3.Error):
        # Locked for too long, on a disk that is full or read-only, or no table of ours: it is only a cache.
        again = place if _discard_broken(place) else None
    try:
        return _ask(again, reading, asked, on_build)
    except (_Unusable, sqlite3.Error):
        if again is None:
            raise
    return _ask(None, reading, asked, on_build)


def cache_path(ledger: LedgerPlace) -> Path:
    """Where the table of this ledger lies, always on this machine."""
    return beside(ledger, ".listing")


def forget(ledger: LedgerPlace) -> None:
    """Remove the table where that is possible; the next listing makes it anew."""
    with suppress(OSError):
        cache_path(ledger).unlink()


def _ask(place: Path | None, reading: Callable[[], AbstractContextManager[Connection]], asked: Asked,
         on_build: Callable[[int], None]) -> Listed:
    with _opened(place) as cache, reading() as connection:
        campaigns = None if asked.campaign is None else listing.campaign_ids(connection, asked.campaign)
        try:
            bring_up_to_date(cache, connection, on_build)
            return _answer(cache, asked, campaigns)
        except sqlite3.Error as error:  # the ledger's own errors come from SQLAlchemy
            raise _Unusable from error


@contextmanager
def _opened(place: Path | None) -> Iterator[sqlite3.Connection]:
    """The cache in a transaction of its own that nobody else is in. Taken before the ledger is read, so that the
    ledger is never older than what the cache has seen of it."""
    with closing(sqlite3.connect(":memory:" if place is None else place, isolation_level=None,
                                 timeout=BUSY_S)) as cache:
        cache.execute("PRAGMA synchronous = OFF")
        cache.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
        cache.execute("BEGIN IMMEDIATE")
        yield cache
        cache.execute("COMMIT")


def _discard_broken(place: Path) -> bool:
    """Remove the file where it is no table of ours; False where something else is wrong."""
    try:
        with closing(sqlite3.connect(place, timeout=0)) as cache:
            cache.execute("SELECT edition, seq, hash, reachable FROM seen").fetchone()
            cache.execute("SELECT count(*) FROM listed").fetchone()
            return False
    except sqlite3.OperationalError as error:
        if "no such" not in str(error):
            return False
    except sqlite3.DatabaseError:
        pass
    try:
        place.unlink()
    except OSError:
        return False
    return True


def bring_up_to_date(cache: sqlite3.Connection, connection: Connection,
                     on_build: Callable[[int], None] = lambda _runs: None) -> None:
    """Make the table what the ledger says, from what it has seen already where that holds."""
    seq, digest = chain.head(connection)
    reachable = {host: seen.reachable for host, seen in queries.reachability(connection).items()}
    known = _seen(cache, connection)
    if known is None:
        _start(cache)
        campaigns = [c.campaign_id for c in queries.all_campaigns(connection)]
        count = connection.execute(text("SELECT count(*) FROM campaign_runs")).scalar_one()
        if count > _MANY_RUNS:
            on_build(count)
        for campaign in campaigns:
            _insert(cache, listing.placed(connection, campaigns=[campaign]))
    elif known != (seq, reachable):
        before, was_reachable = known
        touched = {str(r.run_id) for r in connection.execute(_TOUCHED, {"seq": before})}
        touched |= _on_hosts(cache, {h for h in reachable.keys() | was_reachable.keys()
                                     if reachable.get(h, True) != was_reachable.get(h, True)})
        if len(touched) > _MANY_RUNS:
            on_build(len(touched))
        _replace(cache, connection, sorted(touched))
    else:
        return
    cache.execute("DELETE FROM seen")
    cache.execute("INSERT INTO seen VALUES (?, ?, ?, ?)", (_edition(), seq, digest, json.dumps(reachable)))


def _edition() -> str:
    """What the table's rows depend on besides the ledger."""
    said = json.dumps([_EDITION, COLUMNS, ALL_LABELS])
    return hashlib.sha256(said.encode()).hexdigest()


def _seen(cache: sqlite3.Connection, connection: Connection) -> tuple[int, dict[str, bool]] | None:
    """The last event that the table has seen, and which hosts answered then; None where it must be made anew."""
    if cache.execute("SELECT 1 FROM sqlite_schema WHERE name = 'seen'").fetchone() is None:
        return None
    row = cache.execute("SELECT edition, seq, hash, reachable FROM seen").fetchone()
    if row is None or row[0] != _edition():
        return None
    if row[1] == 0:
        return None  # nothing had happened yet; there is nothing to lose
    stands = connection.execute(text("SELECT hash FROM events WHERE seq = :seq"), {"seq": row[1]}).scalar_one_or_none()
    return (row[1], json.loads(row[3])) if stands == row[2] else None


def _start(cache: sqlite3.Connection) -> None:
    for (name,) in cache.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        cache.execute(f'DROP TABLE "{name}"')
    for statement in _TABLES.split(";"):
        cache.execute(statement)


def _on_hosts(cache: sqlite3.Connection, hosts: Iterable[str]) -> set[str]:
    """Runs on their way on these hosts."""
    states = [s.value for s in LIVE_STATES]
    return {r[0] for r in cache.execute(
        "SELECT run_id FROM listed WHERE host IN (SELECT value FROM json_each(?)) "
        "AND state IN (SELECT value FROM json_each(?))", (json.dumps(sorted(hosts)), json.dumps(states)))}


def _replace(cache: sqlite3.Connection, connection: Connection, runs: list[str]) -> None:
    for at in range(0, len(runs), _CHUNK):
        some = runs[at:at + _CHUNK]
        ids = (json.dumps(some),)
        cache.execute("DELETE FROM told WHERE told_as IN (SELECT told_as FROM listed WHERE run_id IN "
                      "(SELECT value FROM json_each(?)))", ids)
        cache.execute("DELETE FROM listed WHERE run_id IN (SELECT value FROM json_each(?))", ids)
        _insert(cache, listing.placed(connection, runs=some))


def _insert(cache: sqlite3.Connection, found: Iterable[listing.Placed]) -> None:
    after: int = cache.execute("SELECT coalesce(max(told_as), 0) FROM listed").fetchone()[0] + 1
    cells, lines = [], []
    for told_as, p in enumerate(found, after):
        values = {key: getattr(p.row, key) for key in KEYS}
        cells.append((*(";".join(v) if k in _LISTS else v for k, v in values.items()),
                      sum(LABEL_BIT[label] for label in p.row.labels), p.campaign_id, p.campaign_seq, p.ordinal,
                      p.event_seq, p.changed_at, told_as))
        lines.append((told_as, json.dumps(values, allow_nan=False), _csv_line(cells[-1][:len(KEYS)])))
    cache.executemany(_INSERT, cells)
    cache.executemany(_INSERT_LINE, lines)


def _csv_line(values: tuple[Any, ...]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()


def _answer(cache: sqlite3.Connection, asked: Asked, campaigns: list[str] | None) -> Listed:
    parts: list[tuple[str, tuple[Any, ...]]] = []
    for condition in (None if asked.status is None else labelled(asked.status), asked.where):
        if condition is not None:
            parts.append((condition.sql, condition.parameters))
    if campaigns is not None:
        parts.append(("campaign_id IN (SELECT value FROM json_each(?))", (json.dumps(campaigns),)))
    if asked.host is not None:
        parts.append(("host = ?", (asked.host,)))
    if asked.since is not None:
        parts.append(("changed_at >= ?", (asked.since,)))
    where = f" WHERE {' AND '.join(sql for sql, _ in parts)}" if parts else ""
    values = tuple(v for _, some in parts for v in some)
    total = -1
    if asked.limit is not None:
        count = f"SELECT count(*) FROM listed{where}"  # noqa: S608 - words of this module and of ``where``
        total = cache.execute(count, values).fetchone()[0]
    ranked = 0
    if asked.sort in RANKED_BY:
        having = f"{where} {'AND' if where else 'WHERE'} {asked.sort} IS NOT NULL"
        ranked = cache.execute(f"SELECT count(DISTINCT run_id) FROM listed{having}",  # noqa: S608 - words of ours
                               values).fetchone()[0]
    order = ORDER
    if asked.sort is not None:
        key = asked.sort.removeprefix("-")
        order = f"{key} IS NULL, {key}{' DESC' if key != asked.sort else ''}, {ORDER}"
    newest_first = asked.sort is None and asked.limit is not None and total > asked.limit
    if newest_first:
        order = ", ".join(f"{column} DESC" for column in ORDER.split(", "))
    what = _CELLS if asked.lines_of is None else _LINES[asked.lines_of]
    found = cache.execute(f"{what}{where} ORDER BY {order} LIMIT ?",
                          (*values, -1 if asked.limit is None else asked.limit)).fetchall()
    if newest_first:
        found.reverse()
    total = len(found) if asked.limit is None else total
    if asked.lines_of is not None:
        return Listed(total, lines=[line for (line,) in found], ranked=ranked)
    return Listed(total, cells=found, ranked=ranked)


def _row(values: tuple[Any, ...]) -> LedgerRow:
    told = list(values)
    for at in _LIST_PLACES:
        told[at] = tuple(told[at].split(";")) if told[at] else ()
    return LedgerRow(*told)
