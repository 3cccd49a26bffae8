"""A ledger in a file: creates it, upgrades it after a backup, refuses what is not one.

Every connection begins its write transactions with BEGIN IMMEDIATE. A plain BEGIN that reads and then writes fails
at once when somebody else wrote in between, whatever the time-out; with IMMEDIATE writers queue and none fails.
Only creating and upgrading are exclusive, by a lock file beside the ledger.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

from orchestrator.domain.errors import (
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerTampered,
    SchemaBehind,
)
from orchestrator.domain.file_systems import NETWORK_FILE_SYSTEMS, file_system_of
from orchestrator.ledger.dialects.schema import BUSY_TIMEOUT_S, READ_ONLY, SCHEMA, Schema, migrate
from orchestrator.ledger.times import utc_text

APPLICATION_ID = 0x6B646F72
UPGRADE_LOCK_TIMEOUT_S = 120.0
MOUNTS = Path("/proc/self/mountinfo")


def open_engine(path: Path, *, clock: Callable[[], datetime], read_only: bool = False,
                on_upgrade: Callable[[str], None] | None = None, schema: Schema = SCHEMA, create: bool = True,
                root: Path | None = None, mounts: Path = MOUNTS) -> Engine:
    """See :func:`orchestrator.ledger.engine.open_engine`. ``mounts`` is the kernel's table of mounts."""
    _refuse_network(path, mounts)
    found = _revision(path)
    if found is None:
        refuse_anew(path, root)
        if read_only or not create:
            raise LedgerError(f"{path}: there is no ledger", hint="launch a campaign or import something first")
    if read_only:
        assert found is not None
        if found != schema.head:
            schema.refuse_newer(path, found)
            raise SchemaBehind(f"{path} has schema {found}; this kdorch needs {schema.head}",
                               hint="run any kdorch command that writes; it upgrades the ledger after a backup")
        return engine_on(path, read_only=True)
    if found != schema.head:
        with _upgrade_lock(path):
            found = _revision(path)
            if found is None:
                refuse_anew(path, root)
            if found != schema.head:
                _upgrade(path, found, clock, on_upgrade, schema)
    _check_guards(path, schema)
    return engine_on(path, read_only=False)


def _refuse_network(path: Path, mounts: Path) -> None:
    """Readers and writers of a write-ahead log share memory, which machines do not have in common, and the locks of
    network file systems may be granted twice. Where the kernel shows no table, as on macOS, nothing is known."""
    try:
        table = mounts.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return
    kind = file_system_of(str(path.parent.resolve()), table)
    if kind in NETWORK_FILE_SYSTEMS:
        raise LedgerError(f"{path} lies on {kind}, a network file system, where SQLite may lose or corrupt what it "
                          "writes", hint="set KDORCH_HOME to a directory on a local disk; for a ledger that several "
                                         "machines use, give KDORCH_LEDGER a PostgreSQL database (see the README)")


def refuse_anew(path: Path, root: Path | None) -> None:
    """Raise :class:`LedgerCorrupt` where an absent or empty file has beside it what only a ledger leaves there.

    A ledger that was lost must not become a new one, of which everything agrees. ``root`` is where evidence is kept.
    """
    left = [p for p in (path.with_name(path.name + ".listing"), *sorted(path.parent.glob(f"{path.name}.backup-*")))
            if p.exists() and not p.name.endswith(".partial")]
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size and not (path.exists() and path.stat().st_size):
        left.append(log)  # one beside a file with a header is of a creation that was cut short
    evidence = None if root is None else root / "evidence"
    if evidence is not None and evidence.is_dir() and any(evidence.iterdir()):
        left.append(evidence)
    if left:
        is_there = "is empty" if path.exists() else "is not there"
        raise LedgerCorrupt(f"{path} {is_there}, and a ledger has been here: {', '.join(p.name for p in left)}",
                            hint=f"put a copy or a backup ({path.name}.backup-*) in its place; to begin a new ledger, "
                                 "set KDORCH_HOME elsewhere or move those away")


def translate(path: Path, error: sqlite3.Error) -> Exception:
    """SQLite's error as ours. A full disk stays an ``OSError``, because it is about the disk."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return LedgerBusy(f"{path}: another process held the ledger for more than {BUSY_TIMEOUT_S:.0f} s",
                          hint="run the same command again; if it persists, look for a process that hangs")
    if code == sqlite3.SQLITE_FULL:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _corrupt(path, str(error))
    if code == sqlite3.SQLITE_CONSTRAINT:
        return LedgerError(f"{path} refused: {error}", hint="nothing was written")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        return LedgerError(f"{path}: {error}", hint="check the permissions and the disk; nothing was written")
    if code == sqlite3.SQLITE_TOOBIG:
        return LedgerError(f"{path}: a text is too long to be recorded; nothing was written")
    return LedgerError(f"{path}: {error}")


def _corrupt(path: Path, what: str) -> LedgerCorrupt:
    return LedgerCorrupt(f"{path} is not a usable ledger: {what}",
                         hint=f"put it aside and restore a backup ({path.name}.backup-*), or set KDORCH_HOME elsewhere")


def _connect(path: Path, mode: str, *, foreign_keys: bool = True) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode={mode}", uri=True, isolation_level=None,
                                 timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    try:
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        connection.execute("PRAGMA recursive_triggers = ON")
        if mode != "ro":
            connection.execute("PRAGMA synchronous = FULL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def engine_on(path: Path, *, read_only: bool, foreign_keys: bool = True) -> Engine:
    """An engine on the file as it is; what its schema is was looked at before."""
    mode = "ro" if read_only else "rw"
    engine = create_engine("sqlite://", creator=lambda: _connect(path, mode, foreign_keys=foreign_keys),
                           poolclass=QueuePool, pool_size=4, max_overflow=12)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads = read_only or connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _revision(path: Path) -> str | None:
    """The schema revision of the file; None where there is nothing yet. Raises for what is not a ledger."""
    if not path.exists() or path.stat().st_size == 0:
        return None
    if not path.is_file():
        raise _corrupt(path, "not a file")
    with closing(_connect(path, "ro")) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        if not tables and application == 0:
            return None
        if application != APPLICATION_ID or "alembic_version" not in tables:
            raise _corrupt(path, "a database of another program")
        versions = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        if len(versions) != 1:
            raise _corrupt(path, "it does not say which schema it has")
        return str(versions[0][0])


@contextmanager
def _upgrade_lock(path: Path) -> Iterator[None]:
    """Held while a ledger is created or upgraded."""
    deadline = time.monotonic() + UPGRADE_LOCK_TIMEOUT_S
    with path.with_name(path.name + ".lock").open("a") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LedgerBusy(f"{path}: another process has been upgrading it for "
                                     f"{UPGRADE_LOCK_TIMEOUT_S:.0f} s") from None
                time.sleep(0.02)
        yield


def _upgrade(path: Path, found: str | None, clock: Callable[[], datetime], on_upgrade: Callable[[str], None] | None,
             schema: Schema) -> None:
    """Bring the file to the head in one transaction; an existing ledger is copied first."""
    if found is None:
        with closing(_connect(path, "rwc")) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    else:
        schema.refuse_newer(path, found)
        _check_guards(path, schema)
        backup = _back_up(path, found, clock())
        if on_upgrade is not None:
            on_upgrade(f"upgrading {path} from schema {found} to {schema.head}; the old one is kept as {backup.name}")
    # A migration may make a table anew, which SQLite allows only without foreign keys; all are checked at its end.
    engine = engine_on(path, read_only=False, foreign_keys=False)
    try:
        with engine.begin() as connection_:
            migrate(connection_, schema.scripts)
            if (broken := connection_.exec_driver_sql("PRAGMA foreign_key_check").first()) is not None:
                raise _corrupt(path, f"a row of {broken[0]} refers to {broken[2]} where nothing is")
    finally:
        engine.dispose()


def _back_up(path: Path, revision: str, now: datetime) -> Path:
    """A whole copy beside the ledger; it has its name only once it is complete."""
    stamp = utc_text(now).replace(":", "").replace("-", "")
    target = path.with_name(f"{path.name}.backup-{revision}-{stamp}")
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    with closing(_connect(path, "rw")) as connection:
        connection.execute("VACUUM INTO ?", (str(partial),))
    partial.replace(target)
    return target


def fingerprint(connection: sqlite3.Connection) -> str:
    """Digest of every table, index, view and trigger; Alembic's own table is left out."""
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' "
                              "AND tbl_name <> 'alembic_version' ORDER BY type, name").fetchall()
    digest = hashlib.sha256()
    for kind, name, table, sql in rows:
        digest.update(f"{kind}|{name}|{table}|{' '.join(sql.split())}\n".encode())
    return digest.hexdigest()


def _check_guards(path: Path, schema: Schema) -> None:
    """Refuse to write into a ledger whose tables or triggers are not those of its revision."""
    revision = _revision(path)
    with closing(_connect(path, "ro")) as connection:
        found = fingerprint(connection)
    if revision is None or found != schema.fingerprints.get(revision):
        raise LedgerTampered(f"{path}: its tables and triggers are not those of schema {revision}",
                             hint="somebody changed them by hand; restore a backup before writing to it")
