"""What can be done to one run: read its log, ask it to stop."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.dispatch.collect import CHUNK_BYTES
from orchestrator.dispatch.session import Session
from orchestrator.domain.errors import HostUnreachable, StaleRun, UsageError
from orchestrator.domain.lifecycle import TERMINAL_STATES, Event, Outcome, State


def read_log(session: Session, reference: str) -> Iterator[bytes]:
    """The bytes of ``train.log``: from verified evidence where there is some, else from the host as it stands."""
    run_id = session.ledger.find_run(reference)
    attempt = session.ledger.current_attempt(run_id)
    kept = session.home.evidence(run_id, attempt.attempt_no) / "train.log"
    if kept.is_file():
        yield kept.read_bytes()
        return
    if attempt.host is None or attempt.state is State.PLANNED:
        raise UsageError(f"run {reference} has not been launched; there is no log yet",
                         hint="'kdorch campaign launch FILE' launches it")
    agent = session.pool.agent(attempt.host)
    if agent is None:
        raise HostUnreachable(f"host {attempt.host} does not answer; the run is not affected")
    offset = 0
    while piece := agent.read(run_id, attempt.attempt_no, "train.log", offset=offset, limit=CHUNK_BYTES).body:
        yield piece
        offset += len(piece)


def cancel_run(session: Session, reference: str) -> str:
    """Stop a run wherever it is in its life; says in words what that came to. Repeating it does no harm."""
    run_id = session.ledger.find_run(reference)
    attempt = session.ledger.current_attempt(run_id)
    name = session.ledger.name_of(run_id)
    if attempt.state in TERMINAL_STATES:
        return f"{name} has already ended ({attempt.outcome}); nothing to stop"
    if attempt.state is State.PLANNED:
        try:
            session.ledger.advance(run_id, attempt.attempt_no, Event.WITHDRAW, expect=State.PLANNED,
                                   outcome=Outcome.WITHDRAWN)
        except StaleRun:
            return cancel_run(session, reference)  # it was launched in this very moment
        return f"{name} was not launched yet; it is withdrawn"
    assert attempt.host is not None
    agent = session.pool.agent(attempt.host)
    if agent is None:
        raise HostUnreachable(f"host {attempt.host} does not answer, so {name} cannot be asked to stop",
                              hint="its own deadline ends it; run the command again when the host answers")
    agent.stop(run_id, attempt.attempt_no, "cancelled by user")
    return f"{name} was asked to stop on {attempt.host}; 'kdorch watch {name}' collects what it leaves"
