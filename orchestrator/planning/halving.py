"""Synchronous successive halving: many configurations over a short horizon, a third of them over the next, and so on.

A stage with ``halving`` stands for as many stages as it has rungs. The first holds every configuration over the
shortest horizon; each later one takes the best of the one before. Schedules are fractions of the horizon and so shrink
with it, because a loss early in a long schedule says little about its end. The early rungs only rank: they need no
control arms and no reference, and their gates are those that reject what is broken or over budget.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from orchestrator.domain.verdict import DEFAULT_GATES, Gate, Role
from orchestrator.planning.campaign_model import Campaign, PolicyRule, Select, SettingsOf, Stage
from orchestrator.planning.findings import DocPath, Findings
from orchestrator.planning.grid import count_cells

_COMPARING = (Gate.COMPARABLE, Gate.TARGET_REACHED)


class Unfolded(NamedTuple):
    """Where a stage stands in the file, whether it only ranks, and the horizon of the rung that it goes on from."""

    doc: DocPath
    rung: bool = False
    continues_at: int | None = None


def unfold(campaign: Campaign, findings: Findings) -> tuple[Campaign, list[Unfolded]]:
    """The campaign with a stage for each rung, and what is to be known of each stage."""
    stages: list[Stage] = []
    places: list[Unfolded] = []
    for i, stage in enumerate(campaign.stages):
        doc: DocPath = ("stages", i)
        rungs = _rungs(campaign, stage, doc, findings) if stage.halving is not None else [stage]
        stages += rungs
        before = [None, *(r.spec["horizon"] for r in rungs[:-1])]
        resume = stage.halving is not None and stage.halving.resume
        places += [Unfolded(doc, n < len(rungs) - 1, before[n] if resume else None) for n in range(len(rungs))]
    return campaign.model_copy(update={"stages": tuple(stages)}), places


def _rungs(campaign: Campaign, stage: Stage, doc: DocPath, findings: Findings) -> list[Stage]:
    assert stage.halving is not None
    where, eta, count = (*doc, "halving"), stage.halving.eta, stage.halving.rungs
    horizon = stage.spec.get("horizon", campaign.defaults.get("horizon"))
    if not isinstance(horizon, int) or "horizon" in (stage.axes or {}) or "horizon" in (stage.zip or {}):
        findings.add(where, "halving shrinks one horizon; give it in the stage's spec or in defaults")
        return [stage]
    if stage.settings is not None:
        findings.add(where, "a stage with chosen settings has nothing left to halve")
        return [stage]
    seeds = (stage.axes or {}).get("seed") or (stage.spec.get("seed", campaign.defaults.get("seed", 0)),)
    started = count_cells(stage) // (len(seeds) if "seed" in (stage.axes or {}) else 1)
    keeps = [max(1, started // eta**n) for n in range(count)]
    if keeps[-1] * eta ** (count - 1) > started:
        findings.add(where, f"{started} configurations do not make {count} rungs at a factor of {eta}; expected at "
                            f"least {eta ** (count - 1)}")
        return [stage]
    rungs: list[Stage] = []
    for n in range(count):
        last = n == count - 1
        change: dict[str, Any] = {"halving": None, "spec": {**stage.spec, "horizon": math.ceil(horizon / eta ** (
            count - 1 - n))}}
        if not last:
            change |= {"name": f"{stage.name}_r{n + 1}", "controls": False, "compare_with": None, "stop": "none",
                       "stop_at_target": False, "policy": _rung_policy(stage),
                       "select": Select(top=f"{keeps[n + 1]} by {stage.halving.by}")}
        if n > 0:
            change |= {"settings": SettingsOf.model_validate({"from": f"{rungs[-1].name}.top"}), "runs": None,
                       "zip": None, "random": None, "names": None, "axes": {"seed": tuple(seeds)},
                       "spec": {"horizon": change["spec"]["horizon"]}}
        rungs.append(stage.model_copy(update=change))
    return rungs


def _rung_policy(stage: Stage) -> PolicyRule | None:
    """The stage's policy without the gates that compare; a shipped policy stays as it is."""
    rule = stage.policy
    if rule is not None and rule.use is not None:
        return rule
    gates = tuple(g for g in (rule.gates if rule is not None and rule.gates is not None else
                              DEFAULT_GATES[Role(stage.role)]) if g not in _COMPARING)
    base = rule if rule is not None else PolicyRule(name=stage.name)
    return base.model_copy(update={"name": f"{base.name}-rung", "gates": gates, "replication": None})
