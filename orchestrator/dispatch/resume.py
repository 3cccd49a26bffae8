"""Whether a new attempt may go on where an earlier one on the same host left off, or where a shorter run ended.

A checkpoint to resume from is written while training when ``checkpoint.every`` asks for it, and when the trainer is
asked to stop. It stays on the host where it was written. The resumed attempt repeats the earlier log up to that step,
so its own log tells the whole curve and its train time carries over; nothing is resumed across an override, because
the steps before and after would not be of one configuration.

A run that has another for its beginning (``planning.continuing``) continues from that one's last checkpoint, by the
digest that its manifest holds. Only its first attempt does: where that fails, the next begins anew.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.dispatch.agent import HostAgent, RequestRefused
from orchestrator.domain.lifecycle import Outcome, State
from orchestrator.ledger.rows import AttemptRow, CheckpointSource
from orchestrator.ledger.store import Ledger
from orchestrator.planning.plan import PlannedRun
from orchestrator.wire.spec import Spec

LAST_CHECKPOINT = "checkpoints/last.pt"
_TAKEN_UP = frozenset({Outcome.LOST_REBOOT, Outcome.LOST_SUPERVISOR, Outcome.TIMED_OUT, Outcome.CANCELLED,
                       Outcome.NCCL, Outcome.XID, Outcome.DISK_FULL, Outcome.FAILED})


def can_resume(spec: Spec) -> bool:
    """Whether the run's trainer can go on from a checkpoint at all; the simulated one cannot."""
    return spec.entry == "gpt"


def resume_points(attempts: Sequence[AttemptRow], host: str) -> list[int]:
    """The earlier attempts that the last of ``attempts`` might take up on ``host``, latest first."""
    current = attempts[-1]
    if current.override_json is not None:
        return []
    return [a.attempt_no for a in reversed(attempts[:-1])
            if a.host == host and a.state is State.FINISHED and a.outcome in _TAKEN_UP and a.override_json is None]


def resume_from(agent: HostAgent, attempts: Sequence[AttemptRow], spec: Spec) -> int | None:
    """The attempt to take up on the agent's host: the latest that left a checkpoint there; None to begin anew."""
    if not can_resume(spec):
        return None
    for number in resume_points(attempts, agent.name):
        if _holds(agent, attempts[-1].run_id, number, LAST_CHECKPOINT):
            return number  # else it left none, and an earlier one may have
    return None


def continuation(ledger: Ledger, run: PlannedRun, attempt: AttemptRow, host: str) -> CheckpointSource | None:
    """The checkpoint that an attempt on this host continues from, as far as the ledger knows; None to begin anew."""
    if run.continues is None or attempt.attempt_no > 1 or attempt.override_json is not None:
        return None
    found = ledger.last_checkpoint(run.continues)
    return found if found is not None and found.host == host else None


def still_there(agent: HostAgent, found: CheckpointSource) -> bool:
    """Whether the agent's host, which may have been tidied up since, holds a file in the checkpoint's place. The
    trainer looks at its digest."""
    return _holds(agent, found.run_id, found.attempt_no, found.path)


def _holds(agent: HostAgent, run_id: str, attempt: int, path: str) -> bool:
    try:
        agent.read(run_id, attempt, path, limit=1)
    except RequestRefused:
        return False
    return True
