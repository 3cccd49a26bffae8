"""Opens what a command needs: home, hosts, bundle, ledger, connections; and puts it all away again."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.dispatch.bundle import Bundle, build_bundle
from orchestrator.dispatch.events import Emit
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.pool import HostPool
from orchestrator.domain.errors import LedgerError
from orchestrator.ledger.dialects.sqlite import refuse_anew
from orchestrator.ledger.store import Ledger
from orchestrator.resources import worker_source
from orchestrator.transport.inventory import Inventory, load_inventory


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Session:
    """An open ledger with connections to hosts."""

    home: Home
    inventory: Inventory
    bundle: Bundle
    ledger: Ledger
    pool: HostPool


def inventory_of(home: Home, hosts_file: Path | None) -> Inventory:
    """The hosts file that was given, or the one in the home, or only the implicit host ``local``."""
    return load_inventory(hosts_file if hosts_file is not None else home.hosts_file, home.root,
                          required=hosts_file is not None)


def this_bundle() -> Bundle:
    """The worker code of this installation."""
    return build_bundle(worker_source())


@contextmanager
def open_ledger(home: Home, *, on_upgrade: Callable[[str], None] | None = None,
                create: bool = True) -> Iterator[Ledger]:
    """The ledger for reading and writing, upgraded (after a backup) where needed; created too unless ``create`` is
    false, as whoever only lists asks for it."""
    home.root.mkdir(parents=True, exist_ok=True)
    place = home.ledger
    place.parent.mkdir(parents=True, exist_ok=True)
    with Ledger.open(place, clock=utc_now, on_upgrade=on_upgrade, root=home.root,
                     create=create) as ledger:
        yield ledger


def no_ledger_yet(home: Home) -> bool:
    """Whether there is no ledger. Raises :class:`LedgerError` where something is left of one that was lost."""
    if home.ledger.exists():
        return False
    if isinstance(home.ledger, Path):
        refuse_anew(home.ledger, home.root)
    return True


@contextmanager
def peek_ledger(home: Home) -> Iterator[Ledger | None]:
    """A copy of the ledger to look at, or None where there is none.

    Even a read-only connection to a WAL database makes files beside it. A dry run must leave no trace, so it looks
    at a copy in a temporary directory. A server is asked itself, in transactions that can write nothing.
    """
    there = home.ledger
    if not isinstance(there, Path):
        with Ledger.open(there, clock=utc_now, read_only=True) as ledger:
            yield ledger
        return
    if not there.exists() or not there.stat().st_size:
        refuse_anew(there, home.root)
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="kdorch-peek-") as place:
        for suffix in ("", "-wal"):
            source = there.with_name(there.name + suffix)
            if source.exists():
                shutil.copy2(source, Path(place) / source.name)
        copy = Path(place) / there.name
        try:
            ledger = Ledger.open(copy, clock=utc_now)
        except LedgerError as error:
            # What is wrong with the copy is wrong with the ledger, and that is what a person must look at.
            raise type(error)(error.message.replace(str(copy), str(there)), hint=error.hint) from None
        with ledger:
            yield ledger


@contextmanager
def open_session(home: Home, hosts_file: Path | None, emit: Emit, *,
                 on_upgrade: Callable[[str], None] | None = None) -> Iterator[Session]:
    """Everything a command that talks to hosts needs. Connections are made when first used."""
    inventory = inventory_of(home, hosts_file)
    bundle = this_bundle()
    with open_ledger(home, on_upgrade=on_upgrade) as ledger:
        with HostPool(home, inventory, bundle, ledger, emit, monotonic=time.monotonic) as pool:
            yield Session(home, inventory, bundle, ledger, pool)
