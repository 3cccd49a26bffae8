"""What an observation of a host proves about an attempt in its present state: at most one event."""

from __future__ import annotations

from orchestrator.dispatch.agent import HostAgent
from orchestrator.dispatch.measure import outcome_of
from orchestrator.domain.errors import HostUnfit
from orchestrator.domain.lifecycle import Event, Outcome, State
from orchestrator.ledger.reads import Reads
from orchestrator.ledger.rows import AttemptRow
from orchestrator.wire.documents import Observation


def no_news(attempt: AttemptRow) -> str:
    """The observation that would be no news for this attempt; the host answers at once on any other."""
    return {State.QUEUED: "waiting", State.RUNNING: "running", State.COLLECTING: "sealed"}.get(attempt.state, "")


def needs_its_root(attempt: AttemptRow, seen: Observation) -> bool:
    """Whether the observation says that the attempt is not there. That proves something only of the root that it was
    placed in: elsewhere, or where a disk is not mounted, nothing is there either."""
    return seen.state == "absent" and attempt.state in (State.QUEUED, State.RUNNING)


def is_in_its_root(ledger: Reads, agent: HostAgent, attempt: AttemptRow) -> bool:
    """Whether the host shows the root that the attempt was placed in; not where either of the two has no name."""
    return agent.root_id is not None and ledger.placed_in(attempt.run_id, attempt.attempt_no) == agent.root_id


def another_root(host: str, name: str) -> HostUnfit:
    """What a host is unfit for whose root is not, or not provably, the one that a run was placed in."""
    return HostUnfit(f"{host}: {name} was placed there and is not there now, and nothing proves that this is the "
                     "directory it was placed in",
                     hint="is the root's disk mounted, and are 'root:' and 'address:' in hosts.yaml those of then? If "
                          f"what was there is gone for good, 'kdorch run lost {name}' ends the run as lost")


def event_of(attempt: AttemptRow, seen: Observation) -> tuple[Event, Outcome | None, str] | None:
    """The event that an observation proves for an attempt in its present state, or None. One that
    :func:`needs_its_root` must be of that root."""
    early = attempt.state in (State.STAGING, State.QUEUED)
    if attempt.state is State.COLLECTING:
        return None
    match seen.state:
        case "sealed":
            assert seen.exit is not None
            return Event.ENDED, outcome_of(seen.exit), seen.exit.reason or seen.exit.outcome
        case "waiting" if attempt.state is State.STAGING:
            return Event.CLAIMED, None, "waits for a slot"
        case "running" | "orphan" if early:
            return Event.STARTED, None, "trainer started"
        case "lost_reboot" if early and seen.started is None:
            return Event.NEVER_STARTED, None, "the host rebooted before the trainer ran"
        case "claimed" if attempt.state is State.QUEUED:
            return Event.NEVER_STARTED, None, "its supervisor died before the trainer ran"
        case "lost_reboot":
            return Event.ENDED, Outcome.LOST_REBOOT, "the host rebooted"
        case "lost_supervisor":
            return Event.ENDED, Outcome.LOST_SUPERVISOR, "supervisor and trainer are gone without a seal"
        case "absent" if needs_its_root(attempt, seen):
            return Event.ENDED, Outcome.LOST_SUPERVISOR, "the attempt's directory is gone from the host"
    return None
