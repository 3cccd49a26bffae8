"""A ledger that can be written: every write is one short transaction, under one time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from orchestrator.ledger.engine import translated, utc_text
from orchestrator.ledger.place import LedgerPlace
from orchestrator.ledger.reads import Reads


class Writing(Reads):
    """Questions, and the transaction that every write is made in."""

    def __init__(self, path: LedgerPlace, engine: Engine, clock: Callable[[], datetime],
                 root: Path | None = None) -> None:
        super().__init__(path, engine, root)
        self._clock = clock

    @contextmanager
    def _writing(self) -> Iterator[tuple[Connection, str]]:
        """A write transaction and the time it is recorded under."""
        with translated(self.path), self._engine.begin() as connection:
            yield connection, utc_text(self._clock())
