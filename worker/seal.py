"""The seal: freeze the status, hash what was left, write the manifest, and last of all ``exit.json``.

A full disk is no reason to lose a result. Room for these documents is set aside before the trainer starts, and what
fails is tried again for a while. Given up, the attempt stays without a seal: half a seal is never written.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from worker.durable import sync_directory, write_all, write_atomic
from worker.faults import crash_point
from worker.manifest import Facts, statement, take_inventory
from worker.paths import AttemptDir
from worker.wire import CONTRACT, Document, sha256_hex, to_bytes

PATIENCE_S = 600.0
RETRY_S = 0.5
RESERVE_BYTES = 128 << 10
_RESERVE = ".reserve"


@dataclass(frozen=True)
class Ending:
    """How the attempt ended: one of the contract's outcomes, why in words, what the process's end was, and the
    contract's ``failure`` where something went wrong in the trainer."""

    outcome: str
    reason: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    failure: Document | None = None


@dataclass(frozen=True)
class Account:
    """The figures of the seal: times, and who saw the end. ``started_at`` None: the trainer never ran."""

    boot_id: str
    started_at: str | None
    ended_at: str
    wall_ms: int
    cpu_ms: int
    witness: str = "supervisor"


def set_reserve_aside(attempt: AttemptDir) -> None:
    """Occupy what sealing will need. Raises ``OSError`` when the disk has not even that."""
    fd = os.open(attempt.file(_RESERVE), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        write_all(fd, bytes(RESERVE_BYTES))
        os.fsync(fd)
    finally:
        os.close(fd)


def seal(attempt: AttemptDir, ending: Ending, account: Account, facts: Facts, *, freeze: Callable[[], None],
         note: Callable[[str], None], patience_s: float = PATIENCE_S,
         monotonic: Callable[[], float] = time.monotonic) -> bool:
    """Seal the attempt. ``freeze`` writes the last status. Returns False when it could not be done in time."""
    until = monotonic() + patience_s
    while True:
        try:
            _seal(attempt, ending, account, facts, freeze)
        except OSError as error:
            if monotonic() >= until:
                note(f"gave up sealing: {error}")
                return False
            note(f"sealing failed and is tried again: {error}")
            time.sleep(RETRY_S)
        else:
            return True


def _seal(attempt: AttemptDir, ending: Ending, account: Account, facts: Facts, freeze: Callable[[], None]) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(attempt.file(_RESERVE))
    _remove_leftovers(attempt)
    log = attempt.file("train.log")
    if not os.path.lexists(log):
        os.close(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
    freeze()
    inventory = take_inventory(attempt.path)
    crash_point("before_manifest")
    manifest = to_bytes(statement(facts, inventory))
    write_atomic(attempt.file("manifest.json"), manifest)
    crash_point("before_exit")
    sizes = {s.name: s.size_bytes for s in inventory.subjects}
    document: Document = {
        "contract": CONTRACT, "run_id": attempt.run_id, "attempt": attempt.number,
        "outcome": ending.outcome, "exit_code": ending.exit_code, "signal": ending.signal, "reason": ending.reason,
        "failure": ending.failure, "witness": account.witness,
        "boot_id": account.boot_id, "started_at": account.started_at,
        "ended_at": account.ended_at, "wall_ms": account.wall_ms, "cpu_ms": account.cpu_ms,
        "manifest_sha256": sha256_hex(manifest), "train_log_bytes": sizes.get("train.log", 0),
    }
    write_atomic(attempt.file("exit.json"), to_bytes(document))
    sync_directory(os.path.dirname(attempt.path))
    crash_point("after_exit")


def _remove_leftovers(attempt: AttemptDir) -> None:
    """Temporary files of this supervisor and of one that died before it."""
    for name in os.listdir(attempt.path):
        if name.startswith(".") and ".json.tmp-" in name:
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                os.unlink(attempt.file(name))
