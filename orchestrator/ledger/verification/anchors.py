"""Heads that were written down outside of the ledger's file, looked for where kdorch puts them, and held against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.ledger import git_notes
from orchestrator.ledger.anchors import HOST_FILE, found_in
from orchestrator.ledger.dialects.examining import Examined
from orchestrator.ledger.verification.court import check_head
from orchestrator.ledger.verification.findings import Findings
from orchestrator.ledger.verification.proving import all_rows

READ_BYTES = 16 << 20


@dataclass(frozen=True)
class HostAnchors:
    """What a host keeps: the text of each document by its place, as the ledger names it. ``places`` is how the places
    of that host begin; ``all`` is false where the host has more than it gives back."""

    places: str
    documents: Mapping[str, str]
    all: bool


def check_anchors(connection: Examined, root: Path, found: Findings, files: Iterable[Path] = (),
                  hosts: Iterable[HostAnchors] = ()) -> None:
    """Check the anchors below ``root`` (reports, evidence), in ``files``, on ``hosts`` and in git notes.

    ``files`` are reports and host documents that were kept elsewhere; one that names no head is a disagreement, because
    somebody asked for it. A repository that is not there any more is passed over.
    """
    for host in hosts:
        _check_host(connection, host, found)
    for path in (*sorted(root.glob("reports/*/report.md")), *sorted(root.glob(f"evidence/**/{HOST_FILE}"))):
        _check_file(connection, path, found, needed=False)
    for path in files:
        _check_file(connection, path, found, needed=True)
    _check_notes(connection, found)


def _check_file(connection: Examined, path: Path, found: Findings, *, needed: bool) -> None:
    try:
        with path.open("rb") as handle:
            heads = found_in(handle.read(READ_BYTES).decode("utf-8", "replace"))
    except OSError as error:
        found.add("anchor", str(path), f"cannot be read: {error.strerror or error}")
        return
    if needed and not heads:
        found.add("anchor", str(path), "names no head of a chain")
    for head in heads:
        found.checked["anchors"] += 1
        check_head(connection, head, str(path), found)


def _check_host(connection: Examined, host: HostAnchors, found: Findings) -> None:
    """Hold what a host keeps against the chain, and the ledger's list of what it should keep against the host."""
    for place, text in sorted(host.documents.items()):
        heads = found_in(text)
        if not heads:
            found.add("anchor", place, "names no head of a chain")
        for head in heads:
            found.checked["anchors"] += 1
            check_head(connection, head, place, found)
    for row in all_rows(connection, "anchors"):
        if not row["place"].startswith(host.places) or (row["place"] not in host.documents and not host.all):
            continue
        if (row["seq"], row["hash"]) not in found_in(host.documents.get(row["place"], "")):
            found.add("anchor", row["place"], f"the host no longer keeps the head of event {row['seq']}")


def _check_notes(connection: Examined, found: Findings) -> None:
    """Check the git notes that the ledger's own list of anchors speaks of, as they are now."""
    for row in all_rows(connection, "anchors"):
        place = git_notes.place_of(row["place"])
        if place is None or not place.repository.is_dir():
            continue
        heads = found_in(git_notes.read(place) or "")
        if (row["seq"], row["hash"]) not in heads:
            found.add("anchor", row["place"], f"the note no longer holds the head of event {row['seq']}")
        for head in heads:
            found.checked["anchors"] += 1
            check_head(connection, head, row["place"], found)
