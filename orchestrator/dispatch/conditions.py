"""How the stop conditions of a campaign stand by the ledger. Read again only after the ledger has moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrator.domain.lifecycle import Outcome
from orchestrator.domain.stopping import Condition, EndedRun, stage_condition
from orchestrator.domain.verdict import Role
from orchestrator.ledger.reads import Reads
from orchestrator.ledger.rows import LedgerRow
from orchestrator.planning.plan import Plan, PlannedRun
from orchestrator.wire.spec import config_id_of

Ended = Callable[[Sequence[PlannedRun]], frozenset[str]]
"""The ids of those among the runs that ended for good."""


class Conditions:
    """Looks at one ledger."""

    def __init__(self, ledger: Reads) -> None:
        self._ledger = ledger
        self._seen: tuple[tuple[int, str], str] | None = None
        self._found: list[Condition] = []
        self._configurations: dict[str, str] = {}

    def conditions(self, plan: Plan, runs: Sequence[PlannedRun], ended: Ended) -> list[Condition]:
        """How each stage's condition stands, in the order of the plan. ``runs`` are those that are to be made."""
        now = (self._ledger.head(), plan.plan_hash)
        if self._seen != now:
            self._seen, self._found = now, self._conditions(plan, runs, self._rows(plan), ended(runs))
        return self._found

    def _rows(self, plan: Plan) -> dict[str, LedgerRow]:
        if not self._ledger.find_campaigns(plan.campaign_id):
            return {}
        return {r.run_id: r for r in self._ledger.rows(campaign=plan.campaign_id)}

    def _conditions(self, plan: Plan, runs: Sequence[PlannedRun], rows: dict[str, LedgerRow],
                    over: frozenset[str]) -> list[Condition]:
        ended = {run.name: _ended(run, self._configuration(run), rows.get(run.run_id or ""), over) for run in runs}
        return [stage_condition(stage.name, stage.stop, [ended[r.name] for r in runs if r.stage == stage.name], ended)
                for stage in plan.stages]

    def _configuration(self, run: PlannedRun) -> str:
        """What the run shares with its other seeds; worked out once, since the ledger moves often."""
        if run.role is not Role.KD:
            return ""
        if run.identity not in self._configurations:
            self._configurations[run.identity] = config_id_of(run.spec)
        return self._configurations[run.identity]


def _ended(run: PlannedRun, configuration: str, row: LedgerRow | None, over: frozenset[str]) -> EndedRun:
    """The run as far as conditions are concerned; one that is finished and not judged yet has not ended."""
    waits = row is not None and row.verdict is None and row.outcome == Outcome.COMPLETED
    return EndedRun(
        name=run.name, role=run.role, over=not waits and run.run_id in over, horizon=run.spec.horizon,
        reference=run.reference_name, configuration=configuration, verdict=row.verdict if row else None,
        failed_gates=row.failed_gates if row else (), outcome=row.outcome if row else None,
        train_time_ms=row.train_time_ms if row else None, budget_ms=row.budget_ms if row else None,
        steps_to_target=row.steps_to_target if row else None,
        time_to_target_ms=row.time_to_target_ms if row else None, final_val=row.final_val if row else None)
