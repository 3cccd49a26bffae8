"""``kdorch ledger verify`` on a real ledger: what it finds, by which name, and by which exit code.

The ledger comes from small campaigns with the simulated trainer and an imported CSV. Flipped bytes are in
``test_ledger_flips``, and what an owner of the files can do is in ``test_ledger_owner``.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.cli.verify import EXIT_DISAGREES
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.verify import Verified, verify_ledger
from orchestrator.ledger.anchors import HOST_FILE, anchor_line, found_in, host_document
from orchestrator.ledger.verification.replay import KEYS
from tests.e2e.kdorch import Laptop
from tests.integration.proven_ledger import without_guards


@pytest.fixture
def home(proof: Home, tmp_path: Path) -> Home:
    shutil.copytree(proof.root, tmp_path / "home")
    return Home(tmp_path / "home")


def kinds(told: Verified) -> set[str]:
    return {d.kind for d in told.disagreements}


def test_a_ledger_that_nobody_touched_agrees(home: Home) -> None:
    told = verify_ledger(home, full=True)
    assert told.disagreements == ()
    for word in ("events", "rows", "runs", "verdicts", "policies", "evidence", "files", "measurements",
                 "replications", "rejudgements", "anchors"):
        assert told.checked[word] > 0, word


def test_verifying_writes_nothing(home: Home) -> None:
    before = {p: p.stat().st_mtime_ns for p in home.root.rglob("*")}
    verify_ledger(home, full=True)
    assert {p: p.stat().st_mtime_ns for p in home.root.rglob("*")} == before


@pytest.mark.parametrize("statement", [
    "DROP TRIGGER {trigger}",
    "CREATE TRIGGER looser BEFORE INSERT ON verdicts BEGIN SELECT 1; END",
    "CREATE INDEX extra ON runs (mode)",
])
def test_a_guard_that_was_taken_away_or_added_is_found(home: Home, statement: str) -> None:
    with closing(sqlite3.connect(home.ledger)) as connection:
        name, = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger' LIMIT 1").fetchone()
        connection.execute(statement.format(trigger=name))
        connection.commit()
    assert kinds(verify_ledger(home, full=False)) == {"schema"}


@pytest.mark.parametrize("table", sorted(KEYS))
def test_a_row_that_was_removed_or_made_up_is_found(home: Home, table: str) -> None:
    with closing(sqlite3.connect(home.ledger)) as connection:
        guards = without_guards(connection, table)
        key = KEYS[table]
        row = connection.execute(f"SELECT {', '.join(key)} FROM {table} LIMIT 1").fetchone()
        if row is None:
            pytest.fail(f"the campaign left no row in {table}")
        connection.execute(f"DELETE FROM {table} WHERE {' AND '.join(f'{k} = ?' for k in key)}", row)
        for sql in guards:
            connection.execute(sql)
        connection.commit()
    told = verify_ledger(home, full=False)
    assert any(d.where.startswith(table) and "not there" in d.what for d in told.disagreements)


def test_a_summary_that_does_not_follow_from_its_log_is_found_though_its_digest_is_recorded(home: Home) -> None:
    path = min((home.root / "evidence").glob("*/1/derived/summary.csv"))
    before = path.read_bytes()
    after = before.replace(b"1", b"2")
    path.write_bytes(after)
    with closing(sqlite3.connect(home.ledger)) as connection:
        guards = without_guards(connection, "events")
        connection.execute("UPDATE events SET payload = replace(payload, ?, ?)",
                           [hashlib.sha256(data).hexdigest() for data in (before, after)])
        for sql in guards:
            connection.execute(sql)
        connection.commit()
    told = verify_ledger(home, full=True)
    assert ("file", str(path), "is not what is computed from its log") in [
        (d.kind, d.where, d.what) for d in told.disagreements]
    assert told.checked["derived"] > 1


def test_a_chain_cut_short_is_found_by_the_rows_it_no_longer_explains(home: Home) -> None:
    with closing(sqlite3.connect(home.ledger)) as connection:
        guards = without_guards(connection, "events")
        connection.execute("DELETE FROM events WHERE seq > (SELECT max(seq) FROM events) - 3")
        for sql in guards:
            connection.execute(sql)
        connection.commit()
    assert "row" in kinds(verify_ledger(home, full=False))


def test_a_cut_that_explains_itself_is_found_by_a_head_kept_elsewhere(home: Home, tmp_path: Path) -> None:
    with closing(sqlite3.connect(home.ledger)) as connection:
        head = connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    kept = tmp_path / "kept.txt"
    kept.write_text(f"on a whiteboard: {anchor_line(head)}\n")
    assert verify_ledger(home, full=False, anchors=[kept]).agrees
    with closing(sqlite3.connect(home.ledger)) as connection:
        guards = [g for table in ("events", "asset_names") for g in without_guards(connection, table)]
        connection.execute("DELETE FROM asset_names")
        connection.execute("DELETE FROM events WHERE seq = ?", (head[0],))
        for sql in guards:
            connection.execute(sql)
        connection.commit()
    assert verify_ledger(home, full=False).agrees  # the file by itself is flawless
    told = verify_ledger(home, full=False, anchors=[kept])
    assert [(d.kind, d.where) for d in told.disagreements] == [("anchor", str(kept))]
    assert "cut off" in told.disagreements[0].what


def test_reports_and_documents_from_hosts_are_anchors(home: Home) -> None:
    head = check_head(home)
    report = next(home.root.glob("reports/proof/report.md"))
    assert found_in(report.read_text())
    report.write_text(re.sub(r"`[0-9a-f]{64}`", f"`{'0' * 64}`", report.read_text()))
    kept = next((home.root / "evidence").rglob("train.log")).with_name(HOST_FILE)
    kept.write_bytes(host_document((head[0], "1" * 64), "r", 1, "2026-01-01T00:00:00.000Z"))
    told = verify_ledger(home, full=False)
    assert {(d.kind, d.where) for d in told.disagreements} == {("anchor", str(report)), ("anchor", str(kept))}


def check_head(home: Home) -> tuple[int, str]:
    return verify_ledger(home, full=False).head


def test_a_git_note_is_an_anchor(proof: Home, tmp_path: Path) -> None:
    shutil.copytree(proof.root.parent, tmp_path / "laptop")
    laptop = Laptop(tmp_path / "laptop")
    repository = tmp_path / "repository"
    git = ("git", "-C", str(repository), "-c", "user.name=Ada", "-c", "user.email=ada@h100.example")
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    laptop.run("ledger", "anchor", "--git-note", "--repository", str(repository), code=2)  # no commit yet
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "campaigns"], check=True)
    for name, value in (("user.name", "Ada"), ("user.email", "ada@h100.example")):
        subprocess.run(["git", "-C", str(repository), "config", name, value], check=True)
    line = laptop.run("ledger", "anchor", "--git-note", "--repository", str(repository)).stdout.decode().strip()
    note = subprocess.run([*git, "notes", "--ref=kdorch", "show"], check=True, capture_output=True, text=True).stdout
    assert note.strip() == line
    home = Home(laptop.home)
    assert verify_ledger(home, full=False).agrees
    subprocess.run([*git, "notes", "--ref=kdorch", "remove"], check=True, capture_output=True)
    assert any("no longer holds" in d.what for d in verify_ledger(home, full=False).disagreements)
    subprocess.run([*git, "notes", "--ref=kdorch", "add", "-m", anchor_line((1, "2" * 64))], check=True)
    assert any("made anew" in d.what for d in verify_ledger(home, full=False).disagreements)


def test_a_missing_file_a_missing_ledger_and_no_sqlite_file_are_named(home: Home, tmp_path: Path) -> None:
    log = next((home.root / "evidence").rglob("train.log"))
    log.unlink()
    told = verify_ledger(home, full=False)
    assert any(str(log) == d.where and "cannot be read" in d.what for d in told.disagreements)
    laptop = Laptop(tmp_path)
    assert b"there is no ledger" in laptop.run("ledger", "verify", code=4).stderr
    laptop.home.mkdir()
    (laptop.home / "ledger.sqlite").write_bytes(b"not a database at all" * 100)
    laptop.run("ledger", "verify", code=EXIT_DISAGREES)


def test_the_command_says_what_it_checked_and_exits_by_it(proof: Home) -> None:
    laptop = Laptop(proof.root.parent)
    done = laptop.run("ledger", "verify")
    assert re.search(rb"checked .*\b\d+ events", done.stderr)
    assert b"everything agrees" in done.stderr
    told = json.loads(laptop.run("ledger", "verify", "--fast", "--json").stdout)
    assert (told["agrees"], told["full"], told["disagreements"]) == (True, False, [])
    assert len(told["head"]["hash"]) == 64
