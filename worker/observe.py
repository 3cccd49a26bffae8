"""What can be proved about an attempt, and nothing else: the order of the proofs is the contract's."""

from __future__ import annotations

import os
from typing import Any

from worker import wire
from worker.durable import read_file
from worker.locks import is_held
from worker.paths import AttemptDir
from worker.process import Identity, boot_id, is_alive
from worker.wire import ContractError, Document


def read_document(attempt: AttemptDir, kind: str) -> Document | None:
    """The attempt's document of this kind, or None when it is not there or not readable as one.

    An unreadable one is treated as absent: documents are renamed into place whole, so it is not the supervisor's.
    """
    path = attempt.file(f"{kind}.json")
    try:
        data = read_file(path, wire.DOCUMENT_LIMIT_BYTES + 1)
        return None if data is None else wire.parse(kind, data, path)
    except (OSError, ContractError):
        return None


def state_of(attempt: AttemptDir) -> str:
    """One of absent, sealed, lost_reboot, waiting, running, orphan, claimed, lost_supervisor."""
    if not attempt.exists():
        return "absent"
    if _is_sealed(attempt):
        return "sealed"
    claim = read_document(attempt, "claim")
    if claim is not None and claim["boot_id"] != boot_id():
        return "lost_reboot"
    held = is_held(attempt.file("supervisor.lock"))
    # Its mere presence counts: one that cannot be read does not prove that the trainer never ran.
    has_started = os.path.lexists(attempt.file("started.json"))
    if held:
        return "running" if has_started else "waiting"
    # A supervisor seals first and lets go of its lock afterwards: a lock found free may mean that it just ended well.
    if _is_sealed(attempt):
        return "sealed"
    if not has_started:
        return "claimed"
    started = read_document(attempt, "started")
    if started is None:
        return "lost_supervisor"
    trainer = Identity(started["trainer"]["pid"], started["trainer"]["ticks"])
    return "orphan" if is_alive(trainer) else "lost_supervisor"


def observe(attempt: AttemptDir) -> dict[str, Any]:
    """The observation of one attempt, with the documents that are there."""
    state = state_of(attempt)
    return {
        "run_id": attempt.run_id,
        "attempt": attempt.number,
        "state": state,
        "exit": read_document(attempt, "exit") if state == "sealed" else None,
        "status": read_document(attempt, "status"),
        "started": read_document(attempt, "started"),
        "boot_id": boot_id(),
        "train_log_bytes": log_bytes(attempt),
    }


def log_bytes(attempt: AttemptDir) -> int:
    """The size of ``train.log`` now; 0 when there is none."""
    try:
        return os.stat(attempt.file("train.log"), follow_symlinks=False).st_size
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _is_sealed(attempt: AttemptDir) -> bool:
    return os.path.lexists(attempt.file("exit.json"))

