"""Opens a ledger wherever it is, and turns what its database says into kdorch's own errors.

The two databases have their own rooms, :mod:`dialects.sqlite` and :mod:`dialects.postgres`; this is the door.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from orchestrator.domain.errors import LedgerError
from orchestrator.ledger.dialects import sqlite
from orchestrator.ledger.dialects.schema import BUSY_TIMEOUT_S, READ_ONLY, SCHEMA, Schema, migrate
from orchestrator.ledger.dialects.sqlite import APPLICATION_ID, fingerprint
from orchestrator.ledger.place import LedgerPlace
from orchestrator.ledger.times import utc_text

__all__ = ["APPLICATION_ID", "BUSY_TIMEOUT_S", "READ_ONLY", "SCHEMA", "Schema", "fingerprint", "migrate", "open_engine",
           "translated", "utc_text"]


def open_engine(place: LedgerPlace, *, clock: Callable[[], datetime], read_only: bool = False,
                on_upgrade: Callable[[str], None] | None = None, schema: Schema = SCHEMA, create: bool = True,
                root: Path | None = None) -> Engine:
    """An engine on a ledger of the newest schema.

    Creates a file if asked to ``create``, or upgrades it with a backup beside it, unless ``read_only``; on a server
    only the owner of the tables upgrades, and nobody creates in passing. A file is never created where something is
    left of a lost one, evidence in ``root`` among it. Raises :class:`LedgerError` where there is no ledger,
    :class:`LedgerCorrupt`, :class:`SchemaNewer`, :class:`SchemaBehind` (older, and not to be upgraded from here),
    :class:`LedgerTampered` (its guards are not those of its revision) or :class:`LedgerBusy`.
    """
    with translated(place):
        if isinstance(place, Path):
            return sqlite.open_engine(place, clock=clock, read_only=read_only, on_upgrade=on_upgrade, schema=schema,
                                      create=create, root=root)
        # Imported here because most ledgers are files.
        from orchestrator.ledger.dialects import postgres

        return postgres.open_engine(place, read_only=read_only, on_upgrade=on_upgrade, schema=schema)


@contextmanager
def translated(place: LedgerPlace) -> Iterator[None]:
    """Turn the database's errors into ours. A full disk stays an ``OSError``, because it is about the disk."""
    try:
        yield
    except DBAPIError as error:
        if isinstance(place, Path):
            if isinstance(error.orig, sqlite3.Error):
                raise sqlite.translate(place, error.orig) from error
            raise
        from orchestrator.ledger.dialects import postgres

        # Not "from error": its words are the driver's, and those may repeat what the URL held.
        raise postgres.translate(place, error) from None
    except sqlite3.Error as error:
        if not isinstance(place, Path):
            raise
        raise sqlite.translate(place, error) from error
    except OverflowError as error:
        raise LedgerError(f"{place}: a number is too large to be recorded; nothing was written") from error
