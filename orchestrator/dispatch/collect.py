"""Pulls a sealed attempt's evidence, refuses what does not match its manifest, derives and measures.

Files arrive in ``<n>.partial`` and are resumed by offset; of a log that was followed, the laptop's own copy is where
it begins. Only when every digest is right is the directory renamed to ``<n>``, so an evidence directory is whole or
absent. By then it is on this machine's disk: what the ledger settles on is never fetched again. Checkpoints stay on
the host; the manifest names their digests.
Everything here but the lock of :func:`collecting` may run in a thread: it touches no ledger.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.derived.summary import summary_csv
from orchestrator.dispatch.agent import HostAgent, Wanted
from orchestrator.dispatch.durable import sync_directory, sync_tree
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.logs import LogCopy
from orchestrator.dispatch.measure import measure, repeated, validation_records
from orchestrator.domain.errors import EvidenceRefused, TransferCorrupt
from orchestrator.domain.metrics import Curve
from orchestrator.ledger.evidence_bytes import KEPT_ON_HOST
from orchestrator.ledger.rows import EvidenceRecord, FileRecord, MeasurementRecord, ValidationRecord
from orchestrator.wire.documents import (
    DispatchDocument,
    EnvironmentDocument,
    ExitDocument,
    Manifest,
    parse_dispatch,
    parse_environment,
    parse_exit,
    parse_manifest,
)
from orchestrator.wire.spec import Spec
from orchestrator.wire.trainlog import parse_log

CHUNK_BYTES = 4 << 20
"""How much of a log is asked for at once where it is read as it stands."""

LOG_LIMIT_BYTES = 256 << 20
FILE_LIMIT_BYTES = 16 << 20
FILES_LIMIT = 1000
DERIVED = "derived"
"""What is computed here from the verified log; no host may send files of that name."""
SUMMARY = "summary.csv"
NEEDED = ("train.log", "status.json")

_DRAWING = threading.Lock()
"""Evidence of several hosts is collected at once; matplotlib wants to be used by one thread at a time."""


@dataclass(frozen=True)
class Collected:
    """Verified evidence with what was measured from it, ready for the ledger."""

    evidence: EvidenceRecord
    measurement: MeasurementRecord
    validations: list[ValidationRecord]
    curve: Curve
    seal: ExitDocument


@contextmanager
def collecting(home: Home, run_id: str) -> Iterator[bool]:
    """Hold the run's collection lock; yields False at once when another process is collecting it."""
    path = home.evidence_lock(run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _check_names(manifest: Manifest, run_id: str, attempt: int, spec_digest: str) -> None:
    asked = manifest.external_parameters
    for key, want in (("run_id", run_id), ("attempt", attempt), ("spec_sha256", spec_digest)):
        if asked.get(key) != want:
            raise EvidenceRefused(
                f"manifest.json of run {run_id[:12]} speaks of {key} {asked.get(key)!r}, not {want!r}")
    names = {f.name for f in manifest.files}
    for name in NEEDED:
        if name not in names:
            raise EvidenceRefused(f"manifest.json of run {run_id[:12]} does not list {name}")
    if len(manifest.files) > FILES_LIMIT:
        raise EvidenceRefused(f"manifest.json of run {run_id[:12]} lists {len(manifest.files)} files; "
                              f"at most {FILES_LIMIT} are accepted")
    for file in manifest.files:
        if file.name.partition("/")[0] == DERIVED:
            raise EvidenceRefused(f"manifest.json of run {run_id[:12]} lists {file.name}; that name is reserved")
        limit = LOG_LIMIT_BYTES if file.name == "train.log" else FILE_LIMIT_BYTES
        if not file.name.startswith(KEPT_ON_HOST) and file.size_bytes > limit:
            raise EvidenceRefused(f"{file.name} of run {run_id[:12]} is {file.size_bytes} bytes; "
                                  f"at most {limit} are accepted")


def _pull_all(agent: HostAgent, home: Home, run_id: str, attempt: int) -> None:
    """Fill and verify the partial directory, add the derived files, and put it in its final place."""
    partial = home.evidence_in_progress(run_id, attempt)
    partial.mkdir(parents=True, exist_ok=True)
    seal_bytes, manifest_bytes = agent.read_small(run_id, attempt, ("exit.json", "manifest.json"))
    for name, data in (("exit.json", seal_bytes), ("manifest.json", manifest_bytes)):
        if len(data) > FILE_LIMIT_BYTES:
            raise EvidenceRefused(f"{name} of run {run_id[:12]} is larger than {FILE_LIMIT_BYTES} bytes")
    seal = parse_exit(seal_bytes, "exit.json")
    if (seal.run_id, seal.attempt) != (run_id, attempt):
        raise EvidenceRefused(f"exit.json of run {run_id[:12]} speaks of another run or attempt")
    found = hashlib.sha256(manifest_bytes).hexdigest()
    if found != seal.manifest_sha256:
        raise EvidenceRefused(f"manifest.json of run {run_id[:12]}: the seal promises sha256 {seal.manifest_sha256}, "
                              f"the host sent {found}")
    manifest = parse_manifest(manifest_bytes, "manifest.json")
    _check_names(manifest, run_id, attempt, spec_digest=run_id)
    copy = LogCopy(home, run_id, attempt)
    wanted = [Wanted(f.name, f.size_bytes, f.sha256) for f in manifest.files if not f.name.startswith(KEPT_ON_HOST)]
    whole = any(w.name == "train.log" and w.size == copy.offset for w in wanted)
    copy.hand_over(partial / ("train.log" if whole else "train.log.part"))
    try:
        agent.read_many(run_id, attempt, wanted, partial)
    except TransferCorrupt as error:
        name = error.path.removeprefix(f"{agent.name}: ")
        raise EvidenceRefused(
            f"{name} of run {run_id[:12]}: the manifest promises {error.want}, the host sent {error.got}",
            hint="run the command again; if it persists, the file was altered after sealing") from None
    log = (partial / "train.log").read_bytes()
    if len(log) != seal.train_log_bytes:
        raise EvidenceRefused(
            f"train.log of run {run_id[:12]} has {len(log)} bytes; the seal says {seal.train_log_bytes}")
    (partial / "manifest.json").write_bytes(manifest_bytes)
    (partial / "exit.json").write_bytes(seal_bytes)
    names = {f.name for f in manifest.files}
    for left_over in [p for p in partial.rglob("*.part") if p.relative_to(partial).as_posix() not in names]:
        left_over.unlink()  # of an earlier try
    with _DRAWING:
        write_derived(parse_log(log), partial / DERIVED)
    final = home.evidence(run_id, attempt)
    if final.exists():
        shutil.rmtree(partial)
    else:
        sync_tree(partial)
        partial.rename(final)
    copy.drop()


def write_derived(curve: Curve, directory: Path) -> None:
    """Write ``summary.csv`` and the plots: pure functions of the verified ``train.log``."""
    # Not before the first run ends: it loads for most of a second, and every launch and watch would wait for it.
    from orchestrator.derived.plots import run_plots

    directory.mkdir(parents=True, exist_ok=True)
    (directory / SUMMARY).write_bytes(summary_csv(curve))
    for name, data in run_plots(curve, title="").items():
        (directory / name).write_bytes(data)


def _environment(directory: Path) -> EnvironmentDocument | None:
    path = directory / "environment.json"
    return parse_environment(path.read_bytes(), "environment.json") if path.exists() else None


def _dispatch(directory: Path) -> DispatchDocument | None:
    path = directory / "dispatch.json"
    return parse_dispatch(path.read_bytes(), "dispatch.json") if path.exists() else None


def read_evidence(home: Home, run_id: str, attempt: int, spec: Spec) -> Collected:
    """Measure an evidence directory that is already in place."""
    directory = home.evidence(run_id, attempt)
    manifest_bytes = (directory / "manifest.json").read_bytes()
    manifest = parse_manifest(manifest_bytes, "manifest.json")
    seal = parse_exit((directory / "exit.json").read_bytes(), "exit.json")
    log = (directory / "train.log").read_bytes()
    curve = parse_log(log)
    evidence = EvidenceRecord(
        evidence_id=hashlib.sha256(manifest_bytes).hexdigest(),
        run_id=run_id,
        attempt_no=attempt,
        kind="sealed",
        statement=manifest_bytes.decode(),
        directory=str(directory.relative_to(home.root)),
        files=tuple(FileRecord(path=f.name, sha256=f.sha256, size_bytes=f.size_bytes) for f in manifest.files),
        derived=tuple(_record(p) for p in sorted((directory / DERIVED).iterdir())),
    )
    measurement = measure(spec, seal, _environment(directory), curve, usage=manifest.usage,
                          before=repeated(_dispatch(directory), log, curve))
    return Collected(evidence, measurement, validation_records(curve), curve, seal)


def _record(path: Path) -> FileRecord:
    data = path.read_bytes()
    return FileRecord(path=path.name, sha256=hashlib.sha256(data).hexdigest(), size_bytes=len(data))


def collect(agent: HostAgent, home: Home, run_id: str, attempt: int, spec: Spec,
            sign: Callable[[Path], None] = lambda _directory: None) -> Collected:
    """Pull (or reuse) and measure the evidence of a sealed attempt; ``sign`` is given its directory in between.

    The caller holds :func:`collecting`. Raises :class:`EvidenceRefused` naming the file that is wrong; the attempt
    then stays in ``collecting`` and the next command tries again.
    """
    if not home.evidence(run_id, attempt).exists():
        _pull_all(agent, home, run_id, attempt)
    # Also of one that is there already: whoever put it there may have died before its name was on the disk.
    for directory in home.evidence(run_id, attempt).parents[:3]:
        sync_directory(directory)
    sign(home.evidence(run_id, attempt))
    return read_evidence(home, run_id, attempt, spec)
