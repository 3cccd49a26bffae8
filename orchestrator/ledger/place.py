"""Where a ledger is: a file, or a database of a PostgreSQL server.

``KDORCH_LEDGER`` names it: a path, or ``postgresql+psycopg://user@host:port/database``. Without it the ledger is a file
in ``KDORCH_HOME``. Evidence stays in ``KDORCH_HOME`` in either case.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from orchestrator.domain.errors import UsageError

FILE_NAME = "ledger.sqlite"
DRIVER = "postgresql+psycopg"
_SCHEMES = ("postgresql", "postgres", DRIVER)


@dataclass(frozen=True)
class ServerPlace:
    """A ledger on a PostgreSQL server. As text it has no password; ``root`` is what evidence is relative to.

    ``name``, ``parent`` and ``exists`` are those of a path, for whoever only shows or asks.
    """

    url: URL = field(repr=False)
    root: Path

    def __str__(self) -> str:
        at = self.url.host or self.url.query.get("host", "this machine")
        return (f"{self.url.username + '@' if self.url.username else ''}{at}"
                f"{f':{self.url.port}' if self.url.port else ''}/{self.url.database or ''}")

    def __fspath__(self) -> str:
        """Refused: whoever asks for this takes a server for a file."""
        raise UsageError(f"{self} is a PostgreSQL ledger and no file")

    @property
    def name(self) -> str:
        return str(self)

    @property
    def parent(self) -> Path:
        return self.root

    def exists(self) -> bool:
        """True: whether a ledger is there is found out by opening it."""
        return True

    def without_password(self, words: str) -> str:
        """``words`` with this place's password blotted out, wherever it stands."""
        password = self.url.password
        return words.replace(str(password), "***") if password else words


LedgerPlace = Path | ServerPlace


def ledger_place(given: str | None, root: Path) -> LedgerPlace:
    """The place that ``given`` names, the value of ``KDORCH_LEDGER`` or of an option; in ``root`` where it is empty.

    Raises :class:`UsageError` for a URL that cannot be read or is of another database. No message repeats the URL,
    since it may hold a password.
    """
    if not given:
        return root / FILE_NAME
    scheme, separator, _ = given.partition("://")
    if not separator:
        return Path(given).expanduser()
    if scheme not in _SCHEMES:
        raise UsageError(f"a ledger is a file or a PostgreSQL database, not {scheme[:40]!r}",
                         hint=f"such as {DRIVER}://kdorch@db.example/kdorch")
    try:
        url = make_url(given).set(drivername=DRIVER)
    except (ArgumentError, ValueError):
        raise UsageError("the ledger's URL cannot be read",
                         hint=f"its form is {DRIVER}://user:password@host:port/database, with odd characters of the "
                              "password as %40 and so on; or leave the password to ~/.pgpass") from None
    if not url.database:
        raise UsageError("the ledger's URL names no database", hint=f"such as {DRIVER}://kdorch@db.example/kdorch")
    return ServerPlace(url, root)


def beside(place: LedgerPlace, suffix: str) -> Path:
    """A file on this machine that belongs to the ledger: beside its file, or in the home, by the server's name."""
    if isinstance(place, Path):
        return place.with_name(place.name + suffix)
    digest = hashlib.sha256(str(place.url.set(password=None)).encode()).hexdigest()
    return place.root / f"postgres-{digest[:16]}{suffix}"
