"""The listing that is kept ready, held against the ledger that it is kept for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from orchestrator.ledger.listing_cache import BUSY_S, COLUMNS, ORDER, bring_up_to_date, cache_path
from orchestrator.ledger.place import LedgerPlace

Row = dict[str, Any]


def differences(ledger: LedgerPlace,
                reading: Callable[[], AbstractContextManager[Connection]]) -> list[tuple[str, str]]:
    """What the next listing would show that the ledger does not say, or leave out: a run's name, and a sentence.

    Nothing is written. A file that the next listing would make anew shows nothing of its own.
    """
    place = cache_path(ledger)
    if not place.is_file():
        return []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as kept, \
            closing(sqlite3.connect(":memory:", isolation_level=None)) as anew:
        try:
            with closing(sqlite3.connect(f"file:{quote(str(place.resolve()))}?mode=ro", uri=True,
                                         timeout=BUSY_S)) as file:
                file.backup(kept)
            with reading() as connection:
                for cache in (kept, anew):
                    bring_up_to_date(cache, connection)
            found = [_shown(cache) for cache in (kept, anew)]
        except sqlite3.Error:
            return []
    wrong = []
    for name, shown, true in _paired(*found):
        if shown is None:
            wrong.append((name, "the listing kept ready leaves it out"))
        elif true is None:
            wrong.append((name, "the listing kept ready shows it; the ledger has no such row"))
        else:
            wrong += [(name, f"the listing kept ready says {column} {shown[column]!r}; the ledger says {value!r}")
                      for column, value in true.items() if shown[column] != value][:1]
    return wrong


def _shown(cache: sqlite3.Connection) -> list[Row]:
    """Every row that a listing can give, in each of its forms."""
    names = [n for n in COLUMNS if n != "told_as"]
    rows = cache.execute(f"SELECT {', '.join(names)}, told.json, told.csv "  # noqa: S608 - columns of our own
                         f"FROM listed LEFT JOIN told USING (told_as) ORDER BY {ORDER}")
    return [dict(zip((*names, "json", "csv"), row, strict=True)) for row in rows]


def _paired(shown: list[Row], true: list[Row]) -> Iterator[tuple[str, Row | None, Row | None]]:
    """Rows of one place of a run, side by side; each row stands in one pair."""
    left = {(row["campaign_id"], row["run_id"]): row for row in true}
    for row in shown:
        yield str(row["name"]), row, left.pop((row["campaign_id"], row["run_id"]), None)
    for row in left.values():
        yield str(row["name"]), None, row
