"""A ledger on a PostgreSQL server: made and upgraded by its owner, used by a role that may only add.

Writers queue on one advisory lock, taken before a transaction reads anything, so that what it decides from is still so
when it writes. Reading transactions see one moment and can write nothing. The guards take the same lock themselves:
they hold for whoever comes in by another door.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DataError, DBAPIError

from orchestrator.domain.errors import (
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerTampered,
    SchemaBehind,
    UsageError,
)
from orchestrator.ledger.dialects import postgres_catalog as catalog
from orchestrator.ledger.dialects.schema import BUSY_TIMEOUT_S, KNOWN_SERVERS, READ_ONLY, SCHEMA, Schema, migrate
from orchestrator.ledger.place import ServerPlace

WRITERS_LOCK = 0x6B646F72
"""The key of the lock that every writing transaction holds; the migrations' triggers take the same."""
CONNECT_TIMEOUT_S = 10
OLDEST_SERVER = 15
_TAKE_LOCK = f"SET LOCAL lock_timeout = '{BUSY_TIMEOUT_S:.0f}s'; SELECT pg_advisory_xact_lock({WRITERS_LOCK})"
_LOOK_AT_ONE_MOMENT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_BUSY = ("40001", "40P01", "53300", "55P03")
_NO_DRIVER = 'pip install "kdorch[postgres]", or pip install "psycopg[binary]"'


def open_engine(place: ServerPlace, *, read_only: bool = False, on_upgrade: Callable[[str], None] | None = None,
                schema: Schema = SCHEMA) -> Engine:
    """See :func:`orchestrator.ledger.engine.open_engine`. Upgrades only where this role owns the tables."""
    engine = engine_on(place, read_only=read_only)
    try:
        with engine.connect().execution_options(**{READ_ONLY: True}) as connection, connection.begin():
            found = revision(connection, place)
            owned = found is not None and catalog.owner(connection) == catalog.whoami(connection)
            if found == schema.head and not read_only:
                check_guards(connection, place, schema)
        if found is None:
            raise LedgerError(f"{place}: there is no ledger in this database",
                              hint="its owner makes one: kdorch ledger init --to URL --app-role NAME")
        if found != schema.head:
            schema.refuse_newer(place, found)
            if read_only or not owned:
                raise SchemaBehind(f"{place} has schema {found}; this kdorch needs {schema.head}",
                                   hint="its owner upgrades it: kdorch ledger init --to URL")
            make(place, on_upgrade=on_upgrade, schema=schema)
    except BaseException:
        engine.dispose()
        raise
    return engine


def make(place: ServerPlace, *, app_role: str | None = None, on_upgrade: Callable[[str], None] | None = None,
         schema: Schema = SCHEMA) -> str:
    """Make the ledger or bring it to the newest schema, in one transaction, and let ``app_role`` use it.

    Needs the rights to create tables, or to be their owner. Returns in words what was done. Raises
    :class:`UsageError` for a role that there is not or that is the owner, and all that opening raises.
    """
    engine = engine_on(place)
    try:
        with engine.begin() as connection:
            _check_server(connection, place)
            found = revision(connection, place)
            did = f"made with schema {schema.head}"
            if found is not None:
                schema.refuse_newer(place, found)
                check_guards(connection, place, schema)
                did = f"has schema {found} already"
            if found not in (None, schema.head):
                did = f"upgraded from schema {found} to {schema.head}"
                if on_upgrade is not None:
                    on_upgrade(f"upgrading {place} from schema {found} to {schema.head}, all or nothing")
            if found != schema.head:
                migrate(connection, schema.scripts)
                check_guards(connection, place, schema)
            if app_role is not None:
                _let_use(connection, place, app_role)
                did += f"; {app_role} may use it"
    finally:
        engine.dispose()
    return did


def engine_on(place: ServerPlace, *, read_only: bool = False) -> Engine:
    """An engine on the database as it is. Raises :class:`LedgerError` where the driver is not installed."""
    try:
        engine = create_engine(
            place.url, pool_size=4, max_overflow=12, pool_pre_ping=True, hide_parameters=True,
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "application_name": "kdorch",
                          "client_encoding": "utf8", "tcp_user_timeout": int(BUSY_TIMEOUT_S * 1000)})
    except ModuleNotFoundError:
        raise LedgerError(f"{place}: a ledger on PostgreSQL needs the driver psycopg, which is not installed",
                          hint=_NO_DRIVER) from None
    except ImportError as error:
        raise LedgerError(f"{place}: psycopg cannot be loaded: {error}", hint=_NO_DRIVER) from None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reads = read_only or connection.get_execution_options().get(READ_ONLY, False)
        connection.exec_driver_sql(_LOOK_AT_ONE_MOMENT if reads else _TAKE_LOCK)

    return engine


def revision(connection: Connection, place: ServerPlace) -> str | None:
    """The schema revision of the database; None where no ledger is. Raises for what is another program's."""
    there = connection.execute(text("SELECT to_regclass('alembic_version'), to_regclass('events')")).one()
    if there == (None, None):
        return None
    if None in there:
        raise LedgerCorrupt(f"{place} holds tables of another program", hint="give the ledger a database of its own")
    versions = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    if len(versions) != 1:
        raise LedgerCorrupt(f"{place} does not say which schema it has", hint="restore a backup of the database")
    return str(versions[0])


def check_guards(connection: Connection, place: ServerPlace, schema: Schema) -> None:
    """Refuse to write where tables, triggers or rights are not those of the revision."""
    wrong = disagreements(connection, place, schema)
    if wrong:
        raise LedgerTampered(f"{place}: {wrong[0]}", hint="somebody changed it by hand; its owner restores a backup "
                                                          "or takes the change back before anything is written")


def disagreements(connection: Connection, place: ServerPlace, schema: Schema) -> list[str]:
    """What of the schema and of other roles' rights is not as this revision has it, in sentences."""
    found = revision(connection, place)
    expected = None if found is None else schema.on_postgres.get(found)
    wrong = []
    if expected is None:
        wrong.append(f"schema {found} is not known")
    elif catalog.structure(connection) != expected.structure or (
            catalog.server(connection) in KNOWN_SERVERS and catalog.expressions(connection) != expected.expressions):
        wrong.append(f"its tables, views and triggers are not those of schema {found}")
    return wrong + catalog.excess_rights(connection)


def translate(place: ServerPlace, error: DBAPIError | Exception) -> Exception:
    """The driver's error as ours. No password is ever repeated."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    state = getattr(cause, "sqlstate", None) or ""
    words = place.without_password(" ".join(str(getattr(getattr(cause, "diag", None), "message_primary", None)
                                                or cause).split()))
    if state in _BUSY:
        return LedgerBusy(f"{place}: another process held the ledger for more than {BUSY_TIMEOUT_S:.0f} s ({words})",
                          hint="run the same command again; if it persists, look for a process that hangs")
    if state.startswith("28") or "authentication failed" in words or "no password supplied" in words:
        return LedgerError(f"{place}: the server refused the role or its password",
                           hint="check the user in KDORCH_LEDGER and the password in ~/.pgpass or PGPASSWORD")
    if state == "3D000" or ("does not exist" in words and "database" in words):
        return LedgerError(f"{place}: the server has no such database",
                           hint="the server's administrator makes one: createdb")
    if state.startswith(("22", "54")) or isinstance(error, DataError):
        return LedgerError(f"{place}: a value cannot be recorded: {words}; nothing was written")
    if not state or state.startswith(("08", "57P")):
        return LedgerError(f"{place}: the server does not answer: {words}",
                           hint="check host and port, and that the server runs; nothing was written")
    if state.startswith("23"):
        return LedgerError(f"{place} refused: {words}", hint="nothing was written")
    if state == "42501":
        return LedgerError(f"{place}: {words}", hint="the ledger's owner lets a role use it: "
                                                     "kdorch ledger init --to URL --app-role NAME")
    return LedgerError(f"{place}: {words}")


def _check_server(connection: Connection, place: ServerPlace) -> None:
    if (release := catalog.server(connection)) < OLDEST_SERVER:
        raise LedgerError(f"{place}: PostgreSQL {release} is too old", hint=f"{OLDEST_SERVER} or newer is needed")
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise LedgerError(f"{place}: the database's encoding is {encoding}; a ledger needs UTF8",
                          hint="createdb --encoding UTF8 --template template0")


def _let_use(connection: Connection, place: ServerPlace, role: str) -> None:
    """Give a role the rights that it needs, and take every other away. Idempotent."""
    if connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first() is None:
        raise UsageError(f"{place}: there is no role {role!r}",
                         hint="the server's administrator makes one: createuser --pwprompt")
    if role == catalog.owner(connection):
        raise UsageError(f"{place}: {role} owns the tables", hint="the role that uses a ledger must be another one, so "
                                                                  "that it cannot take the guards away")

    def run(statement: str) -> Any:
        return connection.exec_driver_sql(statement, execution_options={"no_parameters": True})

    quote = connection.dialect.identifier_preparer.quote_identifier
    schema = connection.execute(text("SELECT quote_ident(current_schema())")).scalar_one()
    run(f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {quote(role)}")
    run(f"GRANT USAGE ON SCHEMA {schema} TO {quote(role)}")
    for relation, rights in catalog.USE.items():
        run(f"GRANT {', '.join(sorted(rights))} ON {relation} TO {quote(role)}")
