"""Follows runs that are already launched, without launching anything."""

from __future__ import annotations

from orchestrator.dispatch.events import Emit, Note
from orchestrator.dispatch.follow import Follower
from orchestrator.dispatch.session import Session
from orchestrator.domain.errors import UnknownRun
from orchestrator.domain.lifecycle import State

ROUND_S = 1.0


def runs_of(session: Session, reference: str) -> dict[str, str]:
    """``run_id → name`` for a campaign's name or id, or for a run. Raises :class:`UnknownRun` for neither."""
    campaigns = session.ledger.find_campaigns(reference)
    if campaigns:
        latest = campaigns[-1]
        return {m.run_id: m.name for m in session.ledger.members(latest.campaign_id)}
    try:
        run_id = session.ledger.find_run(reference)
    except UnknownRun as error:
        raise UnknownRun(error.message, hint="'kdorch ledger' lists runs and campaigns; "
                                             "'kdorch campaign launch FILE' starts one") from None
    return {run_id: session.ledger.name_of(run_id)}


def watch_runs(session: Session, reference: str, emit: Emit) -> bool:
    """Follow until every run asked about has ended. True when all of them passed their gates."""
    names = runs_of(session, reference)
    follower = Follower(session.home, session.ledger, session.pool, emit,
                        names=lambda run_id: names.get(run_id, run_id[:12]))
    already = {a.run_id for a in session.ledger.current_attempts(names) if a.state in (State.FINISHED, State.ABANDONED)}
    for run_id in sorted(already, key=lambda r: names[r]):
        follower.announce(run_id)
    planned = [names[a.run_id] for a in session.ledger.current_attempts(names) if a.state is State.PLANNED]
    while heard := [a for a in follower.live(names) if a.host not in session.pool.unusable_hosts]:
        follower.round(names, ROUND_S)
        follower.rest(heard)
    follower.leave_anchors()
    if follower.live(names):
        session.pool.require_usable()
    if planned:
        emit(Note(f"{len(planned)} planned and not launched yet ({', '.join(planned[:3])}"
                  f"{', …' if len(planned) > 3 else ''}); 'kdorch campaign launch' carries on"))
    rows = [r for r in session.ledger.rows() if r.run_id in names and r.name == names[r.run_id]]
    return bool(rows) and all(r.verdict == "promote" for r in rows)
