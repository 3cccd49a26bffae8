"""Assets by name: bring one here, list them, send them to hosts, fetch them back, forget them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from orchestrator.dispatch import asset_store
from orchestrator.dispatch.asset_store import Moved
from orchestrator.dispatch.asset_transfer import agent_of, ensure_on_host, fetch, quiet
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import Session
from orchestrator.domain.errors import UsageError
from orchestrator.ledger.read_only_sql import ask
from orchestrator.ledger.rows import AssetRow
from orchestrator.ledger.store import Ledger

KINDS = ("checkpoint", "shards", "cache")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True)
class AssetLine:
    """One named asset as it is listed. ``hosts`` are those that were last known to have it; ``here``: this machine."""

    name: str
    kind: str
    sha256: str
    size_bytes: int
    here: bool
    hosts: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def add_asset(home: Home, ledger: Ledger, name: str, path: Path, *, kind: str, link: bool = False,
              moved: Moved = quiet) -> AssetLine:
    """Bring a file or directory into the store and give it a name; adding the same again changes nothing.

    Raises :class:`UsageError` for a name that is none, and for one that is another asset's already.
    """
    if not _NAME.fullmatch(name) or _DIGEST.fullmatch(name):
        raise UsageError(f"{name!r} is not a name for an asset",
                         hint="up to 64 characters a-z, 0-9, '.', '_' and '-', and not one that could be a digest")
    before = ledger.asset_named(name)
    asset = asset_store.add(home, path, link=link, moved=moved)
    if before is not None and before.sha256 != asset.sha256:
        raise UsageError(f"{name} is already the name of {before.sha256[:12]}; {path} is {asset.sha256[:12]}",
                         hint=f"'kdorch asset rm {name}' frees the name, or choose another")
    if before is None or before.kind != kind:
        ledger.name_asset(name, asset.sha256, asset.size_bytes, kind)
    return next(line for line in list_assets(home, ledger) if line.name == name)


def list_assets(home: Home, ledger: Ledger) -> list[AssetLine]:
    """Every named asset, by name."""
    return sorted((_line(home, ledger, row) for row in ledger.assets()), key=lambda line: line.name)


def push_named(session: Session, reference: str, host: str, moved: Moved = quiet) -> tuple[bool, str | None]:
    """Send an asset to a host; whether bytes had to move, and where shards appear there.

    What lies there is held against its digest first, and replaced where it was altered.
    """
    sha256 = resolve(session.ledger, reference)
    sent = ensure_on_host(session, host, sha256, moved, check=True)
    session.ledger.record_asset_location(sha256, host)
    row = session.ledger.asset_named(reference)
    if row is None or row.kind != "shards":
        return sent, None
    answer, _ = agent_of(session, host).request("asset_place", sha256=sha256, name=row.name)
    return sent, str(answer["path"])


def pull_named(session: Session, reference: str, *, source: str | None, into: Path | None,
               moved: Moved = quiet) -> Path:
    """Bring an asset into the store, and with ``into`` a copy of it there; returns where it lies."""
    asset = fetch(session, resolve(session.ledger, reference), moved, source=source)
    if into is None:
        return session.home.asset(asset.sha256)
    asset_store.export(session.home, asset, into)
    return into


def remove_named(home: Home, ledger: Ledger, name: str) -> int:
    """Forget a name and remove from this machine what nothing else needs; returns the bytes that became free.

    Copies on hosts go with the next ``kdorch host gc``.
    """
    row = ledger.asset_named(name)
    if row is None:
        raise UsageError(f"no asset is called {name!r}", hint="'kdorch asset list' shows their names")
    ledger.forget_asset(name)
    asset = asset_store.listed(home, row.sha256)
    return asset_store.discard(home, asset, _needed(home, ledger)) if asset is not None else 0


def resolve(ledger: Ledger, reference: str) -> str:
    """The digest behind a name, a digest, or the unique beginning of one. Raises :class:`UsageError`."""
    row = ledger.asset_named(reference)
    if row is not None:
        return row.sha256
    if not _DIGEST.fullmatch(reference):
        raise UsageError(f"no asset is called {reference!r}", hint="'kdorch asset list' shows their names")
    if len(reference) == 64:
        return reference
    known = {a.sha256 for a in ledger.assets()} | _checkpoints(ledger)
    found = sorted(d for d in known if d.startswith(reference))
    if len(found) != 1:
        raise UsageError(f"{len(found) or 'no'} assets begin with {reference}", hint="give more of the digest")
    return found[0]


def _checkpoints(ledger: Ledger) -> set[str]:
    files = ask(ledger.path, "SELECT DISTINCT sha256 FROM evidence_files WHERE path LIKE 'checkpoints/%'",
                limit=10**7)
    return {str(row[0]) for row in files.rows}


def _needed(home: Home, ledger: Ledger) -> frozenset[str]:
    """Digests in the store that names which are left stand for."""
    found: set[str] = set()
    for row in ledger.assets():
        asset = asset_store.listed(home, row.sha256)
        found.add(row.sha256)
        if asset is not None:
            found.update(digest for digest, _ in asset.parts)
    return frozenset(found)


def _line(home: Home, ledger: Ledger, row: AssetRow) -> AssetLine:
    return AssetLine(row.name, row.kind, row.sha256, row.size_bytes,
                     asset_store.stored(home, row.sha256) is not None, tuple(ledger.asset_locations(row.sha256)))


def table(lines: list[AssetLine]) -> str:
    """The list for people."""
    cells = [["name", "kind", "sha256", "size", "here", "hosts"], *(
        [a.name, a.kind, a.sha256[:12], f"{a.size_bytes / 1e6:.1f} MB", "yes" if a.here else "-",
         " ".join(a.hosts) or "-"] for a in lines)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in cells)


def as_data(lines: list[AssetLine]) -> list[Mapping[str, Any]]:
    """The list for scripts."""
    return [line.as_dict() for line in lines]
