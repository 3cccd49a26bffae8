"""A ledger moves from a file to a server and back with its chain, whole or not at all."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.errors import LedgerError, LedgerTampered, UsageError
from orchestrator.domain.verdict import Role
from orchestrator.ledger import copying
from orchestrator.ledger.copying import copy_ledger
from orchestrator.ledger.dialects import postgres
from orchestrator.ledger.place import LedgerPlace
from orchestrator.ledger.tables import METADATA
from tests.integration.ledger_kit import contents, open_ledger, teacher_policy, tell
from tests.integration.postgres_server import APP, PostgresLedger, PostgresServer, connected
from tests.integration.test_ledger_attacks import scene

pytestmark = pytest.mark.postgres
__all__ = ["scene"]


def copied(source: LedgerPlace, target: LedgerPlace) -> copying.Copied:
    return copy_ledger(source, target, clock=lambda: datetime.now(UTC))


def test_a_ledger_with_a_row_in_every_table_goes_to_a_server_and_back_unchanged(
        scene: tuple[Path, dict[str, str]], on_postgres: PostgresLedger, tmp_path: Path) -> None:
    path, back = tmp_path / "ledger.sqlite", tmp_path / "back.sqlite"
    path.write_bytes(scene[0].read_bytes())
    with open_ledger(path) as ledger:
        ledger.set_reachability("h100", False, "no answer")
        ledger.record_asset_location("a" * 64, "h100")
        head = ledger.head()
    there, again = copied(path, on_postgres.owner), copied(on_postgres.app, back)
    assert there == again
    assert there.head == head
    assert set(there.rows) == set(METADATA.tables)
    assert all(there.rows.values())
    assert contents(back) == contents(path)


def test_what_was_copied_goes_on_as_a_ledger(on_postgres: PostgresLedger, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        story = tell(ledger, kd_judged=False)
    copied(tmp_path / "ledger.sqlite", on_postgres.owner)
    with open_ledger(on_postgres.app) as ledger:
        story.ledger = ledger
        story.finish("arm")
        assert {r.name for r in ledger.rows(status="promoted")} == {"good", "arm"}
        with pytest.raises(LedgerError):
            ledger.pin_policy(story.campaign_id, "teachers", teacher_policy(10**9))
    copied(on_postgres.owner, tmp_path / "back.sqlite")
    with open_ledger(tmp_path / "back.sqlite") as ledger:
        story.ledger = ledger
        story.add("more", Role.TEACHER, "teachers")
        story.finish("more")
        assert ledger.verify_chain() == ledger.head()


def test_a_database_without_a_ledger_gets_one(postgres_server: PostgresServer, home: Path, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        tell(ledger)
    with postgres_server.ledger(home, made=False) as bare:
        copied(tmp_path / "ledger.sqlite", bare.owner)
        postgres.make(bare.owner, app_role=APP)
        with open_ledger(bare.app) as ledger:
            assert len(ledger.rows()) == 6


def test_a_place_that_holds_something_is_refused_and_left_alone(on_postgres: PostgresLedger, tmp_path: Path) -> None:
    source, other = tmp_path / "ledger.sqlite", tmp_path / "other.sqlite"
    for path in (source, other):
        with open_ledger(path) as ledger:
            tell(ledger)
    with open_ledger(on_postgres.app) as ledger:
        ledger.set_reachability("h100", True)
    before = contents(other)
    for target in (other, on_postgres.owner):
        with pytest.raises(UsageError, match="is not empty"):
            copied(source, target)
    assert contents(other) == before
    with pytest.raises(UsageError, match="onto itself"):
        copied(source, source)
    with pytest.raises(UsageError, match="no such directory"):
        copied(source, tmp_path / "nowhere" / "ledger.sqlite")
    with connected(on_postgres.owner) as owner:
        owner.execute("DELETE FROM host_reachability")
    with pytest.raises(LedgerError, match="must be owner"):
        copied(source, on_postgres.app)


def _broken_chain(connection: sqlite3.Connection) -> None:
    connection.execute("DROP TRIGGER events_no_update")
    connection.execute("UPDATE events SET at = '2020-01-01T00:00:00.000Z' WHERE seq = 5")


def _text_that_no_server_holds(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO host_reachability VALUES ('h', 0, 'x', 'x', 'no' || char(0) || 'answer')")


@pytest.mark.parametrize(("spoil", "error", "says"), [
    (_broken_chain, LedgerTampered, "entry 5"),
    (_text_that_no_server_holds, LedgerError, "cannot be recorded"),
], ids=["broken_chain", "text"])
def test_what_cannot_be_copied_leaves_the_target_empty(spoil: Any, error: type[LedgerError], says: str,
                                                       on_postgres: PostgresLedger, tmp_path: Path) -> None:
    source = tmp_path / "ledger.sqlite"
    with open_ledger(source) as ledger:
        tell(ledger)
    with closing(sqlite3.connect(source)) as connection:
        spoil(connection)
        connection.commit()
    with pytest.raises(error, match=says):
        copied(source, on_postgres.owner)
    with open_ledger(on_postgres.app) as ledger:
        assert ledger.head()[0] == 0
        tell(ledger)


def test_the_commands_make_copy_and_verify(postgres_server: PostgresServer, home: Path) -> None:
    import os

    with open_ledger(home / "ledger.sqlite") as ledger:
        tell(ledger)

    def run(*words: str, ledger: str = "", code: int = 0) -> str:
        done = subprocess.run([sys.executable, "-m", "orchestrator.cli.app", "ledger", *words], capture_output=True,
                              text=True, timeout=120,
                              env={**os.environ, "KDORCH_HOME": str(home), "KDORCH_LEDGER": ledger,
                                   "PYTHONPATH": str(Path.cwd())})
        assert done.returncode == code, done.stderr
        assert "Pa55" not in done.stderr
        return done.stdout + done.stderr

    with postgres_server.ledger(home, made=False) as bare:
        owner, app = bare.url(bare.owner), bare.url(bare.app)
        assert "made with schema 0003; kd_app may use it" in run("init", "--to", owner, "--app-role", APP)
        assert "6 runs, 5 verdicts" in run("copy", "--to", owner)
        assert "is not empty" in run("copy", "--to", owner, code=2)
        assert "'good" in run("show", "good", ledger=app) or "good" in run("show", "good", ledger=app)
        assert "is a file" in run("init", code=2)
