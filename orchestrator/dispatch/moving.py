"""Takes back a run that still waits for its turn, and moves it to another host.

Only the host can say that a trainer has not started. So a run is asked back there, its supervisor seals it as
withdrawn, and only then does it get a new attempt elsewhere: at no time can two hosts hold one attempt.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass

from orchestrator.dispatch.events import Emit
from orchestrator.dispatch.follow import Follower
from orchestrator.dispatch.launch import Launcher
from orchestrator.dispatch.on_record import plan_of_record
from orchestrator.dispatch.session import Session
from orchestrator.domain.errors import HostUnreachable, StaleRun, UsageError
from orchestrator.domain.lifecycle import TERMINAL_STATES, Event, Outcome, State
from orchestrator.ledger.rows import AttemptRow
from orchestrator.planning.plan import Plan, PlannedRun

ANSWER_S = 30.0
"""How long a supervisor may take to seal a run that was asked back: it looks four times a second."""

ROUND_S = 0.5


@dataclass(frozen=True)
class _Case:
    """A run that is to be taken back."""

    session: Session
    run_id: str
    name: str
    attempt: AttemptRow


def withdraw_run(session: Session, reference: str, emit: Emit) -> str:
    """Take a waiting run back; says in words what that came to. A run whose trainer started is left alone."""
    case = _case(session, reference)
    if case.attempt.state is State.PLANNED:
        _withdraw_planned(case)
        return f"{case.name} was not launched yet; it is withdrawn"
    ended = _ask_back(case, "withdrawn by user", emit)
    return (f"{case.name} is withdrawn from {ended.host}; its trainer never ran. Launching its campaign again, or "
            f"'kdorch run retry {case.name}', gives it another attempt")


def move_run(session: Session, reference: str, to: str, emit: Emit) -> str:
    """Move a run that waits to host ``to``; says in words what that came to.

    Raises :class:`UsageError` for a host that cannot take it, :class:`HostUnreachable` while the host where it waits
    is silent.
    """
    case = _case(session, reference)
    attempt = case.attempt
    session.inventory.host(to)
    plan = plan_of_record(session, case.run_id)
    run = next(r for r in plan.runs if r.run_id == case.run_id)
    _require_fit(plan, run, to)
    if attempt.host == to:
        return f"{case.name} waits on {to} already"
    session.ledger.note("run_moved", case.run_id, {"attempt_no": attempt.attempt_no, "from": attempt.host, "to": to})
    if attempt.state is not State.PLANNED:
        ended = _ask_back(case, f"moved to {to} by user", emit)
        with suppress(StaleRun):  # a campaign that is driven elsewhere saw the end first, and reads the same note
            session.ledger.new_attempt(case.run_id, after=ended.attempt_no, reason=f"moved from {ended.host} to {to}")
    Launcher(session, emit).launch([run], plan)
    now = session.ledger.current_attempt(case.run_id)
    if now.host is None:
        return f"{case.name} goes to {to} as soon as that host answers; 'kdorch campaign launch' places it"
    return f"{case.name} is placed on {now.host}; 'kdorch watch {case.name}' follows it"


def _case(session: Session, reference: str) -> _Case:
    run_id = session.ledger.find_run(reference)
    attempt = session.ledger.current_attempt(run_id)
    case = _Case(session, run_id, session.ledger.name_of(run_id), attempt)
    if attempt.state in TERMINAL_STATES:
        raise UsageError(f"{case.name} has ended ({attempt.outcome})",
                         hint=f"'kdorch run retry {case.name}' gives a run without a result another attempt")
    if attempt.state in (State.RUNNING, State.COLLECTING):
        raise _too_late(case, attempt)
    return case


def _withdraw_planned(case: _Case) -> None:
    try:
        case.session.ledger.advance(case.run_id, case.attempt.attempt_no, Event.WITHDRAW, expect=State.PLANNED,
                                    outcome=Outcome.WITHDRAWN)
    except StaleRun:
        raise UsageError(f"{case.name} was launched in this very moment", hint="run the command again") from None


def _ask_back(case: _Case, reason: str, emit: Emit) -> AttemptRow:
    """Ask the host to seal the attempt unless its trainer started; returns it, withdrawn. Raises what it is instead."""
    session, attempt = case.session, case.attempt
    assert attempt.host is not None
    agent = session.pool.agent(attempt.host)
    if agent is None:
        raise HostUnreachable(f"host {attempt.host} does not answer; nothing proves that {case.name} has not started",
                              hint="run the command again when it answers; until then the run stays where it is")
    agent.stop(case.run_id, attempt.attempt_no, reason, only_waiting=True)
    follower = Follower(session.home, session.ledger, session.pool, emit, names=lambda _: case.name)
    until = time.monotonic() + ANSWER_S
    while True:
        now = session.ledger.current_attempt(case.run_id)
        if now.attempt_no != attempt.attempt_no or now.state in (State.RUNNING, *TERMINAL_STATES):
            ended = next(a for a in session.ledger.attempts(case.run_id) if a.attempt_no == attempt.attempt_no)
            if ended.outcome is Outcome.WITHDRAWN:
                return ended
            raise _too_late(case, ended)
        if attempt.host in session.pool.unusable_hosts:
            raise session.pool.unusable_hosts[attempt.host]
        if time.monotonic() > until:
            raise HostUnreachable(f"{attempt.host} has not said within {ANSWER_S:.0f} s what became of {case.name}",
                                  hint=f"'kdorch why {case.name}' asks again; the request stands")
        follower.round([case.run_id], ROUND_S)
        follower.rest([now])


def _require_fit(plan: Plan, run: PlannedRun, to: str) -> None:
    candidate = next((c for c in run.candidates if c.host == to), None)
    if candidate is not None and not candidate.usable:
        raise UsageError(f"{run.name} cannot run on {to}: {'; '.join(candidate.reasons)}")
    if plan.hosts[to].gpus < run.gpus:
        raise UsageError(f"{run.name} needs {run.gpus} GPU{'' if run.gpus == 1 else 's'}; {to} has "
                         f"{plan.hosts[to].gpus}", hint="'kdorch host list' says how many each host has")


def _too_late(case: _Case, attempt: AttemptRow) -> UsageError:
    if attempt.state is State.RUNNING:
        return UsageError(f"{case.name} has started on {attempt.host} and stays there",
                          hint=f"'kdorch run cancel {case.name}' stops it")
    return UsageError(f"{case.name} has ended on {attempt.host} ({attempt.outcome})")
