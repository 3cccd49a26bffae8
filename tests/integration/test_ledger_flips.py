"""One flipped bit anywhere in a ledger of fifty runs or in its evidence, five hundred times: each is found.

Files of evidence are flipped a batch at a time, each in a file of its own, and each must be named by a disagreement of
its own, so that none is found for another's sake. Rows, events and raw bytes of the database are flipped one by one.
A raw byte may lie where nobody's data do (a page's free space, a counter in the header): then every row must read as
before, and the schema too.
"""

from __future__ import annotations

import random
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.evidence_ledger import add_runs
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.verify import verify_ledger
from orchestrator.ledger.verification.replay import KEYS
from tests.integration.ledger_kit import open_ledger
from tests.integration.proven_ledger import without_guards

RUNS = 50
IN_FILES, BATCH = 250, 10
IN_ROWS, IN_PAGES = 150, 100
TABLES = (*KEYS, "events", "policies", "evidence_files", "validations", "attempt_edges", "replication_rules", "anchors")


@pytest.fixture(scope="module")
def fifty(proof: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The ledger that has one of everything, with runs added to make fifty."""
    root = tmp_path_factory.mktemp("flips") / "home"
    shutil.copytree(proof.root, root)
    home = Home(root)
    with closing(sqlite3.connect(home.ledger)) as connection:
        there, = connection.execute("SELECT count(*) FROM runs").fetchone()
    with open_ledger(home.ledger) as ledger:
        add_runs(home, ledger, RUNS - there, steps=75)
    with closing(sqlite3.connect(home.ledger)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("VACUUM")
    told = verify_ledger(home, full=True)
    assert told.disagreements == ()
    assert told.checked["runs"] == RUNS
    return home


def test_one_flipped_bit_in_any_file_of_evidence_is_found(fifty: Home) -> None:
    dice = random.Random(11)
    files = [p for p in sorted((fifty.root / "evidence").rglob("*")) if p.is_file() and p.stat().st_size]
    assert {p.name for p in files} >= {"train.log", "manifest.json", "exit.json", "status.json", "summary.csv",
                                       "loss.png", "ledger_of_record.csv"}
    for _ in range(IN_FILES // BATCH):
        kept = {path: path.read_bytes() for path in dice.sample(files, BATCH)}
        for path, data in kept.items():
            path.write_bytes(_flipped(data, dice))
        told = verify_ledger(fifty, full=True)
        named = {d.where for d in told.disagreements}
        assert set(map(str, kept)) <= named
        for path, data in kept.items():
            path.write_bytes(data)


def test_one_flipped_bit_in_any_row_or_event_is_found(fifty: Home) -> None:
    kept = fifty.ledger.read_bytes()
    done = 0
    for cell, value in _flips(fifty, random.Random(7)):
        try:
            _overwrite(fifty.ledger, cell, value)
        except sqlite3.IntegrityError:
            continue  # SQLite itself would not take it: a key that is there already
        assert _is_found(fifty), f"{cell.table}.{cell.column}: {cell.value!r} -> {value!r}"
        fifty.ledger.write_bytes(kept)
        done += 1
        if done == IN_ROWS:
            return


def test_one_flipped_bit_of_the_files_pages_is_found_or_in_nobodys_data(fifty: Home) -> None:
    dice = random.Random(13)
    kept = fifty.ledger.read_bytes()
    before = _everything(fifty.ledger)
    empty = 0
    for _ in range(IN_PAGES):
        data = _flipped(kept, dice)
        fifty.ledger.write_bytes(data)
        if verify_ledger(fifty, full=False).agrees:
            if _everything(fifty.ledger) == before:
                empty += 1
            else:
                at = next(i for i, (a, b) in enumerate(zip(kept, data, strict=True)) if a != b)
                assert not verify_ledger(fifty, full=True).agrees, f"byte {at}"
        fifty.ledger.write_bytes(kept)
    assert empty < IN_PAGES, "some of the file is somebody's data"


def _is_found(home: Home) -> bool:
    """Whether the whole verification finds something. What the quick one finds, the full one finds too: it runs the
    same checks and then more, so that the files need not be read for it."""
    return not (verify_ledger(home, full=False).agrees and verify_ledger(home, full=True).agrees)


def _flipped(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << dice.randrange(8))]) + data[at + 1:]


def _everything(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table and of the schema, as stored."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.text_factory = bytes
        schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").fetchall()
        tables = [name.decode() for kind, name, _, _ in schema if kind == b"table"]
        return {"": schema, **{t: connection.execute(f'SELECT * FROM "{t}"').fetchall() for t in tables}}


@dataclass(frozen=True)
class Cell:
    table: str
    column: str
    key: dict[str, Any]
    value: Any


def _cells(connection: sqlite3.Connection) -> list[Cell]:
    found = []
    for table in TABLES:
        info = connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
        keys = [row[1] for row in info if row[5]]
        columns = [row[1] for row in info if row[6] == 0]
        for values in connection.execute(f"SELECT {', '.join(columns)} FROM {table}"):
            row = dict(zip(columns, values, strict=True))
            found += [Cell(table, c, {k: row[k] for k in keys}, row[c]) for c in columns if row[c] not in (None, "")]
    return found


def _flips(home: Home, dice: random.Random) -> Iterator[tuple[Cell, Any]]:
    """Cells of any table, each table as likely as another, with one bit of their value flipped."""
    with closing(sqlite3.connect(home.ledger)) as connection:
        cells = _cells(connection)
    by_table = {table: [c for c in cells if c.table == table] for table in TABLES}
    assert all(by_table.values()), [t for t, c in by_table.items() if not c]
    while True:
        cell = dice.choice(by_table[dice.choice(TABLES)])
        yield cell, _one_bit_off(cell.value, dice)


def _one_bit_off(value: Any, dice: random.Random) -> Any:
    """The value with a bit flipped as it lies in the file; of a text the bytes, which may be no UTF-8 any more."""
    if isinstance(value, int):
        return value ^ (1 << dice.randrange(min(62, max(1, value.bit_length()))))
    if isinstance(value, float):
        return struct.unpack(">d", _flipped(struct.pack(">d", value), dice))[0]
    return _flipped(value.encode(), dice)


def _overwrite(path: Path, cell: Cell, value: Any) -> None:
    """Change one cell with every guard out of the way, and put the guards back."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        guards = without_guards(connection, cell.table)
        where = " AND ".join(f"{k} = ?" for k in cell.key)
        taken = "CAST(? AS TEXT)" if isinstance(value, bytes) else "?"
        changed = connection.execute(f"UPDATE {cell.table} SET {cell.column} = {taken} WHERE {where}",
                                     (value, *cell.key.values()))
        assert changed.rowcount == 1
        for sql in guards:
            connection.execute(sql)
        connection.commit()
