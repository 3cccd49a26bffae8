"""Proving a ledger again from raw evidence: the files, their manifests, what the parser reads from them now.

``fast`` proves the ledger file and that every evidence file is there with its size; ``full``, the default, hashes each
file, measures each log and renders its summary anew, and holds the listing that is kept ready against the ledger.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.derived.summary import summary_csv
from orchestrator.dispatch.collect import DERIVED, SUMMARY, read_evidence
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import utc_now
from orchestrator.dispatch.signing import ANY_KEY, Rules, check
from orchestrator.domain.errors import KdorchError, LedgerError, SchemaBehind
from orchestrator.domain.metrics import Curve
from orchestrator.ledger.dialects.examining import Examined, examined
from orchestrator.ledger.evidence_bytes import KEPT_ON_HOST
from orchestrator.ledger.imports import remeasure
from orchestrator.ledger.rows import MeasurementRecord, ValidationRecord
from orchestrator.ledger.store import Ledger
from orchestrator.ledger.verification.anchors import HostAnchors, check_anchors
from orchestrator.ledger.verification.database import check_database
from orchestrator.ledger.verification.findings import Disagreement, Findings
from orchestrator.wire.documents import ExitDocument, parse_exit
from orchestrator.wire.spec import Spec

Row = Mapping[str, Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Verified:
    """What a verification came to. ``head`` is the chain's last number and hash; ``not_listed`` counts the rest."""

    full: bool
    head: tuple[int, str]
    checked: Mapping[str, int]
    disagreements: tuple[Disagreement, ...]
    not_listed: Mapping[str, int]

    @property
    def agrees(self) -> bool:
        return not self.disagreements


def verify_ledger(home: Home, *, full: bool, progress: Progress = lambda _done, _total: None,
                  anchors: Sequence[Path] = (), hosts: Sequence[HostAnchors] = (),
                  signatures: Rules = ANY_KEY) -> Verified:
    """Verify the ledger of ``home``; writes nothing. Raises :class:`LedgerError` where there is no ledger.

    ``anchors`` are files kept elsewhere that name heads of the chain, ``hosts`` what hosts keep beside evidence,
    ``signatures`` whose must be under it.
    """
    found = Findings()
    with examined(home.ledger) as connection:
        head = check_database(connection, found)
        try:
            check_anchors(connection, home.root, found, anchors, hosts)
            rows = [dict(r) for r in connection.execute(
                "SELECT e.*, r.spec_json FROM evidence AS e LEFT JOIN runs AS r ON r.run_id = e.run_id "
                "ORDER BY e.event_seq")]
            for number, row in enumerate(rows):
                progress(number, len(rows))
                _check_evidence(home, connection, row, found, full=full)
                if row["kind"] == "sealed":
                    check(home.root / row["directory"], signatures, found)
            progress(len(rows), len(rows))
            _check_named(home, connection, rows, found)
            if full:
                _check_listing(home, found)
        except (sqlite3.Error, LedgerError) as error:
            found.add("evidence", "the ledger file", f"cannot be read: {error}")
    return Verified(full, head, dict(found.checked), tuple(found.disagreements), dict(found.not_listed))


def _check_evidence(home: Home, connection: Examined, row: Row, found: Findings, *, full: bool) -> None:
    directory = home.root / row["directory"]
    where = f"evidence {row['evidence_id'][:12]} of run {row['run_id'][:12]}"
    before = len(found.disagreements)
    files = connection.execute("SELECT path, sha256, size_bytes FROM evidence_files WHERE evidence_id = ?",
                               (row["evidence_id"],))
    for path, sha256, size in files:
        if row["kind"] == "sealed" and path.startswith(KEPT_ON_HOST):
            continue  # its digest is recorded; the file itself stays on its host
        _check_file(directory / path, sha256, size, found, full=full)
    if row["kind"] == "sealed":
        _check_seal(connection, directory, row, found)
        _check_derived(connection, directory, row, found, full=full)
    if full and len(found.disagreements) == before:
        try:
            _measure_again(home, connection, directory, row, found, where)
        except (KdorchError, OSError, ValueError) as error:
            found.add("measurement", where, f"cannot be measured again: {error}")


def _check_listing(home: Home, found: Findings) -> None:
    """What people are shown, held against the ledger. One of an older schema, or that is damaged, is not listed."""
    try:
        with Ledger.open(home.ledger, clock=utc_now, read_only=True, root=home.root) as ledger:
            differences = ledger.listing_differences()
    except SchemaBehind:
        return
    except (LedgerError, ValueError, KeyError, TypeError, AttributeError) as error:
        found.add("listing", "the ledger itself", f"cannot be listed: {error}")
        return
    for name, words in differences:
        found.add("listing", name, words)


def _check_named(home: Home, connection: Examined, rows: Sequence[Row], found: Findings) -> None:
    """Evidence of an attempt that no row names, though nobody is collecting it: the ledger is another one, or was cut.

    A file whose import was refused may lie below ``evidence/imported`` and proves nothing.
    """
    named = {row["directory"] for row in rows}
    open_now = {(row[0], row[1]) for row in connection.execute(
        "SELECT run_id, attempt_no FROM attempts WHERE state NOT IN ('finished', 'abandoned')")}
    for path in sorted((home.root / "evidence").glob("*/*")):
        place = path.relative_to(home.root).as_posix()
        if path.name.isdecimal() and path.is_dir() and place not in named and (
                path.parent.name, int(path.name)) not in open_now:
            found.add("evidence", place, "no row of the ledger names it")


def _check_file(path: Path, sha256: str, size: int, found: Findings, *, full: bool) -> None:
    found.checked["files"] += 1
    try:
        if path.stat().st_size != size:
            found.add("file", str(path), f"has {path.stat().st_size} bytes; the evidence says {size}")
        elif full:
            with path.open("rb") as handle:
                if (have := hashlib.file_digest(handle, "sha256").hexdigest()) != sha256:
                    found.add("file", str(path), f"has sha256 {have}; the evidence says {sha256}")
    except OSError as error:
        found.add("file", str(path), f"cannot be read: {error.strerror or error}")


def _check_seal(connection: Examined, directory: Path, row: Row, found: Findings) -> None:
    """The documents that no manifest can list: the manifest itself and the seal."""
    for name, expected in (("manifest.json", row["statement"].encode()), ("exit.json", None)):
        found.checked["files"] += 1
        try:
            data = (directory / name).read_bytes()
        except OSError as error:
            found.add("file", str(directory / name), f"cannot be read: {error.strerror or error}")
            continue
        if expected is not None and data != expected:
            found.add("file", str(directory / name), "is not the manifest that the ledger holds")
        if expected is None:
            _check_exit(connection, directory / name, data, row, found)


def _check_exit(connection: Examined, path: Path, data: bytes, row: Row, found: Findings) -> None:
    kept = connection.execute("SELECT exit_json FROM attempts WHERE run_id = ? AND attempt_no = ?",
                              (row["run_id"], row["attempt_no"])).fetchone()
    try:
        seal = parse_exit(data, str(path))
        if kept is None or kept[0] is None or json.loads(kept[0]) != seal.model_dump(mode="json", by_alias=True):
            found.add("file", str(path), "is not the seal that the ledger holds")
        elif not _is_as_written(data, seal):
            found.add("file", str(path), "was altered after it was written")
        elif seal.manifest_sha256 != row["evidence_id"]:
            found.add("file", str(path), "seals another manifest")
    except (KdorchError, ValueError) as error:
        found.add("file", str(path), f"cannot be read: {error}")


def _is_as_written(data: bytes, seal: ExitDocument) -> bool:
    """Whether these bytes are the form in which a host writes this seal. An older one may lack a key with a default."""
    written = json.loads(data)
    whole = json.loads(seal.to_bytes())
    return (data == json.dumps(written, sort_keys=True, separators=(",", ":")).encode() + b"\n"
            and all(key in whole and whole[key] == value for key, value in written.items()))


def _measure_again(home: Home, connection: Examined, directory: Path, row: Row, found: Findings,
                   where: str) -> None:
    found.checked["measurements"] += 1
    if row["kind"] == "sealed":
        spec = Spec.model_validate_json(row["spec_json"])
        got = read_evidence(home, row["run_id"], row["attempt_no"], spec)
        measured, points = got.measurement, tuple(got.validations)
        _derive_again(directory / DERIVED / SUMMARY, got.curve, found)
    else:
        measured, points = remeasure(row["kind"], row["statement"], directory)
    stored = {dict(r)["parser_id"]: dict(r) for r in connection.execute(
        "SELECT * FROM measurements WHERE evidence_id = ?", (row["evidence_id"],))}
    if measured.parser_id not in stored:
        found.add("measurement", where, f"the ledger holds no measurement by {measured.parser_id}")
        return
    _same_figures(measured, stored[measured.parser_id], found, where)
    kept = tuple(ValidationRecord(*r) for r in connection.execute(
        "SELECT step, val_u6, train_time_ms, log_offset FROM validations WHERE evidence_id = ? AND parser_id = ? "
        "ORDER BY ordinal", (row["evidence_id"], measured.parser_id)))
    if kept != points:
        found.add("measurement", where, f"{len(kept)} validations are stored that are not the {len(points)} of the log")


def _derive_again(path: Path, curve: Curve, found: Findings) -> None:
    """Hold the summary against the log that it is a function of; whether one was recorded has been asked."""
    if path.is_file():
        found.checked["derived"] += 1
        if path.read_bytes() != summary_csv(curve):
            found.add("file", str(path), "is not what is computed from its log")


def _same_figures(measured: MeasurementRecord, stored: Row, found: Findings, where: str) -> None:
    for name, value in dataclasses.asdict(measured).items():
        if stored[name] != value:
            found.add("measurement", where, f"{name} is stored as {stored[name]!r}; the evidence says {value!r}")


def _check_derived(connection: Examined, directory: Path, row: Row, found: Findings, *, full: bool) -> None:
    """Hold what was computed here against its recorded digests. That is all for plots: no other matplotlib need draw
    the same bytes, and which one drew them is not recorded."""
    payload = connection.execute("SELECT payload FROM events WHERE seq = ?", (row["event_seq"],)).fetchone()
    try:
        files = json.loads(payload[0]).get("derived", ()) if payload is not None else ()
        for file in files:
            _check_file(directory / DERIVED / file["path"], file["sha256"], file["size_bytes"], found, full=full)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        found.add("event", f"event {row['event_seq']}", f"its list of derived files cannot be read: {error!r}")
