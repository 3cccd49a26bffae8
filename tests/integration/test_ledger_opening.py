"""Opening a ledger: made, upgraded after a backup, or refused with one clear error; never half-written."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from orchestrator.domain.errors import (
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerTampered,
    SchemaBehind,
    SchemaNewer,
)
from orchestrator.ledger import engine
from orchestrator.ledger.dialects import sqlite
from orchestrator.ledger.engine import SCHEMA, Schema
from orchestrator.ledger.listing_cache import Asked
from tests.e2e.kdorch import Laptop
from tests.integration.ledger_kit import Clock, campaign, contents, open_ledger, raw, tell

CSV = Path(__file__).parent / "data" / "ledger_of_record.csv"
NEXT = '''"""Add a table, for a test."""

from alembic import op

revision = "{revision}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql("CREATE TABLE added (a INTEGER) STRICT")
    {more}
'''


def next_schema(tmp_path: Path, *, more: str = "pass") -> Schema:
    """The shipped migrations and one more, as a later kdorch would bring them."""
    scripts = tmp_path / "later-migrations"
    shutil.copytree(SCHEMA.scripts, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "9999_add_a_table.py").write_text(
        NEXT.format(revision="9999", before=SCHEMA.head, more=more))
    with closing(sqlite3.connect(":memory:")) as connection:
        with open_ledger(tmp_path / "model.sqlite"):
            pass
        with closing(raw(tmp_path / "model.sqlite")) as model:
            model.backup(connection)
        connection.execute("CREATE TABLE added (a INTEGER) STRICT")
        return Schema(scripts, {**SCHEMA.fingerprints, "9999": engine.fingerprint(connection)})


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_opening_makes_the_ledger_and_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with open_ledger(path) as ledger:
        tell(ledger)
    before = contents(path)
    told: list[str] = []
    with open_ledger(path, on_upgrade=told.append):
        pass
    assert contents(path) == before
    assert told == []
    assert not list(tmp_path.glob("*backup*"))


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.touch()
    with open_ledger(path) as ledger:
        assert ledger.rows() == []


def test_an_older_ledger_is_upgraded_after_a_backup(tmp_path: Path) -> None:
    path, schema, told = tmp_path / "ledger.sqlite", next_schema(tmp_path), []
    with open_ledger(path) as ledger:
        tell(ledger)
    before = contents(path)
    with open_ledger(path, schema=schema, on_upgrade=told.append) as ledger:
        assert len(ledger.rows()) == 6
        ledger.verify_chain()
    (backup,) = tmp_path.glob("ledger.sqlite.backup-*")
    assert backup.name.startswith(f"ledger.sqlite.backup-{SCHEMA.head}-20260214T2000")
    assert contents(backup) == before
    assert backup.name in told[0]
    after = contents(path)
    assert after.pop("added") == []
    assert after.pop("alembic_version") == [("9999",)]
    del before["alembic_version"]
    assert after == before
    with open_ledger(backup) as restored:  # a backup is a ledger
        assert len(restored.rows()) == 6


def test_an_upgrade_that_fails_leaves_the_old_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with open_ledger(path) as ledger:
        tell(ledger)
    before = contents(path)
    with pytest.raises(RuntimeError, match="in the middle"), \
            open_ledger(path, schema=next_schema(tmp_path, more='raise RuntimeError("in the middle")')):
        pass
    assert contents(path) == before
    with open_ledger(path) as ledger:
        assert len(ledger.rows()) == 6


def test_a_creation_that_fails_leaves_nothing_that_looks_like_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with pytest.raises(RuntimeError, match="in the middle"), \
            open_ledger(path, schema=next_schema(tmp_path, more='raise RuntimeError("in the middle")')):
        pass
    assert contents(path) == {}
    with open_ledger(path) as ledger:
        assert ledger.rows() == []


def test_a_newer_ledger_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with open_ledger(path, schema=next_schema(tmp_path)):
        pass
    before = digest(path)
    for read_only in (False, True):
        with pytest.raises(SchemaNewer, match="9999") as refusal, open_ledger(path, read_only=read_only):
            pass
        assert refusal.value.hint is not None
        assert "upgrade kdorch" in refusal.value.hint
    assert digest(path) == before


def test_read_only_never_upgrades_and_never_writes(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with pytest.raises(LedgerError, match="no ledger"), open_ledger(path, read_only=True):
        pass
    assert not path.exists()
    with open_ledger(path) as ledger:
        tell(ledger)
    before = digest(path)
    with open_ledger(path, read_only=True) as ledger:
        assert len(ledger.rows()) == 6
        with pytest.raises(LedgerError, match="readonly"):
            ledger.record_campaign(campaign("a" * 64, "new"))
        with pytest.raises(LedgerError, match="readonly"):
            ledger.set_reachability("h100", True)
    with pytest.raises(SchemaBehind, match="needs 9999"), \
            open_ledger(path, read_only=True, schema=next_schema(tmp_path)):
        pass
    assert digest(path) == before


def _noise(path: Path) -> None:
    path.write_bytes(b"this is not a database at all" * 100)


def _torn(path: Path) -> None:
    with open_ledger(path) as ledger:
        tell(ledger)
    with closing(raw(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\x00" * 4096 + data[8192:len(data) // 2])


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")


def _foreign_with_alembic(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
        connection.commit()


def _two_versions(path: Path) -> None:
    with open_ledger(path):
        pass
    with closing(raw(path)) as connection:
        connection.execute("INSERT INTO alembic_version VALUES ('9998')")


@pytest.mark.parametrize("spoil", [_noise, _torn, _foreign, _foreign_with_alembic, _two_versions, Path.mkdir],
                         ids=["noise", "torn", "foreign", "foreign_with_alembic", "two_versions", "directory"])
def test_what_is_not_a_ledger_is_refused_and_not_touched(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    path = tmp_path / "ledger.sqlite"
    spoil(path)
    before = digest(path) if path.is_file() else ""
    with pytest.raises(LedgerError, match=r"ledger\.sqlite") as refusal, open_ledger(path) as ledger:
        ledger.rows()
    assert isinstance(refusal.value, LedgerCorrupt | LedgerTampered)
    assert refusal.value.exit_code == 4
    assert refusal.value.hint
    assert (digest(path) if path.is_file() else "") == before


def test_a_ledger_without_its_guards_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with open_ledger(path) as ledger:
        tell(ledger)
    with closing(raw(path)) as connection:
        connection.execute("DROP TRIGGER verdicts_no_delete")
    with pytest.raises(LedgerTampered, match="tables and triggers"), open_ledger(path):
        pass
    with open_ledger(path, read_only=True) as ledger:  # it can still be looked at
        assert len(ledger.rows()) == 6


def test_a_ledger_that_is_held_too_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.sqlite"
    with open_ledger(path):
        pass
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.05)
    with closing(raw(path)) as holder, open_ledger(path) as ledger:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy, match="another process"):
            ledger.record_campaign(campaign())
        assert ledger.rows() == []  # readers do not wait
        holder.execute("ROLLBACK")
        ledger.record_campaign(campaign())
        assert [c.name for c in ledger.campaigns()] == ["story"]


def test_a_full_disk_is_one_clear_error_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with open_ledger(path) as ledger:
        tell(ledger)

        @event.listens_for(ledger._engine, "begin")
        def _no_more_pages(connection: object) -> None:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()  # type: ignore[attr-defined]
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

        before = contents(path)
        big = campaign("b" * 64, "big")
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)) as full:
            ledger.record_campaign(type(big)(**{**vars(big), "source_text": "x" * 4_000_000}))
        assert (full.value.errno, full.value.filename) == (errno.ENOSPC, str(path))
        assert contents(path) == before
        ledger.verify_chain()


FULL = """
import resource, signal, sys
from pathlib import Path
from datetime import UTC, datetime, timedelta
from orchestrator.ledger.store import Ledger
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
try:
    Ledger.open(Path(sys.argv[1]), clock=lambda: datetime.now(UTC))
except Exception as error:
    print(type(error).__name__)
"""


def test_a_ledger_that_cannot_be_made_whole_can_be_made_later(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).parents[2])
    assert done.stdout.strip() in ("LedgerError", "OSError")
    with open_ledger(path) as ledger:
        assert ledger.head()[0] == 0


def test_the_clock_must_know_its_zone(tmp_path: Path) -> None:
    from datetime import datetime

    path = tmp_path / "ledger.sqlite"
    with open_ledger(path, clock=lambda: datetime(2026, 1, 1)) as ledger, pytest.raises(ValueError, match="zone"):
        ledger.record_campaign(campaign())
    with open_ledger(path, clock=Clock()) as ledger:
        ledger.record_campaign(campaign())
        assert ledger.campaigns()[0].recorded_at.endswith("Z")


def test_a_clock_that_goes_backwards_changes_no_order(tmp_path: Path) -> None:
    """What happened first is told by the chain's numbers, never by times."""
    moments = iter(datetime(2026, 3, 1, tzinfo=UTC) - timedelta(hours=n) for n in range(10_000))
    path = tmp_path / "ledger.sqlite"
    with open_ledger(path, clock=lambda: next(moments)) as ledger:
        story = tell(ledger)
        events = ledger.events()
        assert [e.at for e in events] != sorted(e.at for e in events)
        assert [e.seq for e in events] == list(range(1, len(events) + 1))
        assert ledger.verify_chain()[0] == len(events)
        assert ledger.current_attempt(story.ids["good"]).state.value == "finished"
        assert ledger.listing(Asked()).rows == ledger.rows()


def _newer(path: Path) -> None:
    with open_ledger(path):
        pass
    with closing(raw(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9998'")


def _half_migrated(path: Path) -> None:
    """As of a migration that was run by hand and stopped halfway: the tables of one schema, the number of another."""
    with open_ledger(path):
        pass
    with closing(raw(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")


@pytest.mark.parametrize(("spoil", "words"), [
    (_noise, "is not a usable ledger"), (_torn, "ledger.sqlite"), (_foreign, "a database of another program"),
    (_newer, "has schema 9998, which this kdorch does not know"), (_half_migrated, "are not those of schema 0001"),
], ids=["noise", "torn", "foreign", "newer", "half_migrated"])
@pytest.mark.parametrize("command", [("ledger",), ("ledger", "import", "a.log"), ("ledger", "stats")],
                         ids=["list", "import", "stats"])
def test_every_command_says_in_one_message_what_is_wrong_with_the_ledger(
        tmp_path: Path, spoil: Callable[[Path], None], words: str, command: tuple[str, ...]) -> None:
    laptop = Laptop(tmp_path)
    laptop.home.mkdir()
    path = laptop.home / "ledger.sqlite"
    spoil(path)
    (tmp_path / "a.log").write_text("step:1/1 val_loss:3.0 train_time:5ms step_avg:5.00ms\n")
    before = digest(path)
    told = laptop.run(*command, code=4)
    message, hint = told.stderr.decode().splitlines()
    assert words in message
    assert message.startswith("kdorch: ")
    assert hint.startswith("  hint: ")
    assert digest(path) == before


def test_a_ledger_without_the_rights_to_it_is_one_message() -> None:
    """A superuser is refused nothing, so a child of ours becomes somebody else first."""
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        home.chmod(0o755)
        for name, mode in (("unreadable", 0o600), ("unwritable", 0o644)):
            path = home / name / "ledger.sqlite"
            path.parent.mkdir(mode=0o755)
            with open_ledger(path) as ledger:
                tell(ledger)
            path.chmod(mode)
            if os.geteuid() != 0:
                path.chmod(mode & 0o444 if name == "unwritable" else 0)
                path.parent.chmod(0o555)
            read_end, write_end = os.pipe()
            child = os.fork()
            if child == 0:
                if os.geteuid() == 0:
                    os.setuid(65534)
                os.write(write_end, _refusal_to_write(path).encode())
                os._exit(0)
            os.close(write_end)
            with os.fdopen(read_end) as told:
                said = told.read()
            os.waitpid(child, 0)
            path.parent.chmod(0o755)
            assert said.startswith(f"LedgerError: {path}: "), said
            assert "check the permissions and the disk" in said
            assert len(said.splitlines()) == 2


def _refusal_to_write(path: Path) -> str:
    try:
        with open_ledger(path) as ledger:
            ledger.record_campaign(campaign("d" * 64, "other"))
    except LedgerError as error:
        return f"{type(error).__name__}: {error}\n{getattr(error, 'hint', '')}"
    return "nothing was refused"


@pytest.mark.parametrize("read_only", [False, True])
def test_a_ledger_on_a_network_file_system_is_refused_before_it_is_touched(read_only: bool, tmp_path: Path) -> None:
    mounts, far = tmp_path / "mountinfo", (tmp_path / "far").resolve()
    far.mkdir()
    (tmp_path / "link").symlink_to(far)
    mounts.write_text(f"1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 0:40 / {far} rw - nfs4 server:/x rw,vers=4.2\n")
    with pytest.raises(LedgerError, match="lies on nfs4, a network file system") as refused:
        sqlite.open_engine(tmp_path / "link" / "ledger.sqlite", clock=Clock(), read_only=read_only, mounts=mounts)
    assert refused.value.exit_code == 4
    assert "KDORCH_HOME" in (refused.value.hint or "")
    assert "PostgreSQL" in (refused.value.hint or "")
    assert list(far.iterdir()) == []


@pytest.mark.parametrize("table", ["1 0 8:1 / / rw - ext4 /dev/sda rw\n", None], ids=["a local disk", "no table"])
def test_a_ledger_on_a_local_disk_is_opened_and_so_is_one_where_no_table_is_shown(table: str | None,
                                                                                  tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    if table is not None:
        mounts.write_text(table)
    sqlite.open_engine(tmp_path / "ledger.sqlite", clock=Clock(), mounts=mounts).dispose()
    assert (tmp_path / "ledger.sqlite").exists()


@pytest.mark.parametrize("left", ["ledger.sqlite.listing", "ledger.sqlite.backup-0002-x", "ledger.sqlite-wal",
                                  "evidence/abc/1"])
@pytest.mark.parametrize("is_there", [True, False])
def test_no_new_ledger_takes_the_place_of_one_that_was_lost(left: str, is_there: bool, tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    laptop.run("ledger", "import", str(CSV))
    path = laptop.home / "ledger.sqlite"
    shutil.rmtree(laptop.home / "evidence")
    for old in laptop.home.glob("ledger.sqlite*"):
        old.unlink()
    (laptop.home / left).parent.mkdir(parents=True, exist_ok=True)
    (laptop.home / left).write_bytes(b"x")
    if is_there:
        path.touch()
    before = sorted(p.name for p in laptop.home.iterdir() if not p.name.endswith(".lock"))
    for arguments in (("ledger",), ("ledger", "stats"), ("ledger", "import", str(CSV)), ("report", "imported")):
        said = laptop.run(*arguments, code=4).stderr.decode()
        assert f"a ledger has been here: {left.partition('/')[0]}" in said
        assert "backup" in said
    assert sorted(p.name for p in laptop.home.iterdir() if not p.name.endswith(".lock")) == before


def test_a_listing_makes_no_ledger(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    laptop.home.mkdir(parents=True, exist_ok=True)
    path = laptop.home / "ledger.sqlite"
    path.touch()
    assert b"there is no ledger" in laptop.run("ledger", code=4).stderr
    assert path.stat().st_size == 0
