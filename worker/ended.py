"""Whether an attempt without a seal is over: by proofs that this host has itself, never by silence.

Proofs are another boot than the claim's, or a free supervisor lock and no process left of the trainer. One whose
trainer was started can then never run again. A claim without a start may be launched again until it is emptied.
"""

from __future__ import annotations

import os
import time

from worker.adoption import Orphan
from worker.locks import is_held
from worker.observe import read_document, state_of
from worker.paths import AttemptDir
from worker.process import Identity

EMPTIED = "emptied.json"


def why_alive(attempt: AttemptDir) -> str | None:
    """What of an unsealed attempt lives, or may; None where it is proved that nothing does."""
    state = state_of(attempt)
    if state == "sealed":
        return "it is sealed, and its evidence was not collected"
    if state in ("waiting", "running") or is_held(attempt.file("supervisor.lock")):
        return "its supervisor is alive"
    if state == "orphan":
        return "its trainer is alive"
    if state == "lost_supervisor":
        started = read_document(attempt, "started")
        if started is None:
            return "nobody can tell which process its trainer was"
        trainer = Identity(started["trainer"]["pid"], started["trainer"]["ticks"])
        if Orphan(trainer, attempt.file("train.log"), time.sleep).left():
            return "processes that its trainer started are alive"
    return None


def can_never_run(attempt: AttemptDir) -> bool:
    """Whether no trainer of this attempt runs, or ever will: what it was given is not needed any more."""
    if any(os.path.lexists(attempt.file(name)) for name in ("exit.json", EMPTIED)):
        return True
    return os.path.lexists(attempt.file("started.json")) and why_alive(attempt) is None
