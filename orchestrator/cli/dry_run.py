"""The dry run for people: the plan as a table, and one run with its files and its launch script."""

from __future__ import annotations

import json
from itertools import groupby

from orchestrator.domain.errors import UnknownRun
from orchestrator.planning.dry_run import (
    DryRunDocument,
    ShownHost,
    ShownLane,
    ShownRun,
    dispatch_preview,
    launch_script,
)
from orchestrator.planning.findings import at
from orchestrator.planning.plan import Plan, PlannedRun


def show_plan(plan: Plan, document: DryRunDocument) -> str:
    """Every run by stage, what each is held to, and what would be sent. The same plan gives the same text."""
    totals = document.totals
    lines = [f"campaign {document.campaign}: {totals.runs} runs ({totals.new} new, {totals.running} running, "
             f"{totals.done} done, {totals.retry} to retry, {totals.unresolved} waiting for a choice)"]
    for stage, group in groupby(document.runs, key=lambda r: r.stage):
        runs, later = _proposed(plan, stage, list(group))
        lines += ["", f"stage {stage}: {_stage_words(plan, stage)}",
                  *(f"  {words}" for lane in document.lanes if lane.stage == stage and (words := lane_words(lane)))]
        width = max((len(r.name) for r in runs), default=0)
        lines += [f"  {r.name:<{width}}  {r.role:<8} {r.host:<10} {r.gpus} gpu  {r.steps:>6} steps  "
                  f"{_limit(r):<18} {_standing(r)}{_values(plan, r)}" for r in runs]
        lines += later
    if document.max_parallel is not None:
        lines += ["", f"at most {document.max_parallel} at once: "
                      + ", ".join(f"{n} on {host}" for host, n in document.shares.items())]
    if document.preparations:
        lines += ["", "hosts:", *(f"  {line}" for line in document.preparations)]
    if document.edits:
        lines += ["", *document.edits]
    lines += ["", f"bundle {document.bundle.digest[:12]}, {document.bundle.size_bytes} bytes; "
                  f"at most {document.transfer_bytes} bytes would be sent",
              *(f"problem: {p}" for p in document.problems),
              f"plan {document.plan_hash}",
              "nothing was opened or written" + (
                  "" if document.problems else
                  f"; 'kdorch campaign launch FILE --plan {document.plan_hash[:12]}' launches exactly this")]
    return "\n".join(lines) + "\n"


def _proposed(plan: Plan, stage: str, runs: list[ShownRun]) -> tuple[list[ShownRun], list[str]]:
    """A search's runs as far as they are proposed, and how many follow."""
    open_ = {r.name: r.trial for r in plan.runs if r.stage == stage and r.trial_is_open}
    search = plan.stage(stage).search
    if not open_ or search is None:
        return runs, []
    trials = len(set(open_.values()))
    return [r for r in runs if r.name not in open_], [
        f"  and {trials} more of {search.trials} trials ({len(open_)} runs), {min(search.batch, trials)} at a time, "
        f"proposed by Optuna from the {search.by} of those before"]


def _values(plan: Plan, run: ShownRun) -> str:
    """What a trial tries."""
    search = plan.stage(run.stage).search
    if search is None:
        return ""
    body = run.spec.model_dump(mode="json", by_alias=True)
    return "  " + ", ".join(f"{path.rpartition('.')[2]} {at(body, path.split('.'))}" for path in search.over)


def lane_words(lane: ShownLane) -> str:
    """The hosts in order, and those that are left out with the reason; empty where there is nothing to choose."""
    if len(lane.hosts) < 2 and all(h.fitness == "fit" for h in lane.hosts):
        return ""
    usable = [h for h in lane.hosts if h.fitness != "unfit"]
    equal = [h for h in usable if h.spread]
    usable = [h for h in usable if not h.spread or h is equal[0]]
    used = [_with_reasons(h) + (f" (waits there for up to {h.max_wait_s} s)"
                                if h.max_wait_s is not None and h is not usable[-1] else "") for h in usable]
    left = [_with_reasons(h) for h in lane.hosts if h.fitness == "unfit"]
    if equal:
        used[usable.index(equal[0])] = f"whichever of {', '.join(h.host for h in equal)} has the shortest queue"
    words = f"goes to {', else to '.join(used)}" if used else "has no host"
    return words + (f"; not to {', '.join(left)}" if left else "")


def _with_reasons(host: ShownHost) -> str:
    return f"{host.host} ({'; '.join(host.reasons)})" if host.reasons else host.host


def _stage_words(plan: Plan, name: str) -> str:
    words = []
    for key, policy in plan.stage(name).policies.items():
        budget = policy.budget_words()
        words.append(f"{'controls: ' if key.endswith(':control') else ''}policy {policy.name}"
                     f"{f', budget {budget}' if budget else ''}"
                     f"{f', target: final loss of {policy.target_of}' if policy.target_of else ''}")
    return "; ".join(words)


def _limit(run: ShownRun) -> str:
    if run.budget is None:
        return f"<= {run.deadline_s} s wall"
    return f"<= {run.budget.limit_ms} ms" if run.budget.limit_ms is not None else "budget derived"


def _standing(run: ShownRun) -> str:
    if run.unresolved:
        return f"waits for {', '.join(run.unresolved)}"
    return f"{run.standing}  settings of {run.settings_from}" if run.settings_from else run.standing


def find_run(plan: Plan, reference: str) -> PlannedRun:
    """A run of the plan by name, by id, or by a unique prefix of either. Raises :class:`UnknownRun`."""
    exact = [r for r in plan.runs if reference in (r.name, r.name.partition("/")[2], r.run_id, r.identity)]
    found = exact or [r for r in plan.runs if any(
        text.startswith(reference) for text in (r.name, r.identity, r.name.partition("/")[2]))]
    if len(found) == 1:
        return found[0]
    some = ", ".join(r.name for r in (found or plan.runs)[:5])
    problem = f"{len(found)} runs of the plan answer to" if found else "no run of the plan answers to"
    raise UnknownRun(f"{problem} {reference!r}", hint=f"some of them: {some}")


def show_run(plan: Plan, document: DryRunDocument, reference: str, *, as_json: bool) -> str:
    """One run: its files, its ``dispatch.json`` and the script that would launch it by hand."""
    run = find_run(plan, reference)
    shown = next(r for r in document.runs if r.name == run.name)
    dispatch = json.loads(dispatch_preview(plan, run))
    script = launch_script(plan, run)
    if as_json:
        body = {**shown.model_dump(mode="json", by_alias=True), "dispatch": dispatch, "launch_script": script,
                "plan_hash": plan.plan_hash}
        return json.dumps(body, indent=2, sort_keys=True) + "\n"
    files = "\n".join(f"  {f.path}  {f.size_bytes if f.size_bytes is not None else 'size known later'}"
                      for f in shown.files)
    spec = json.dumps(shown.spec.model_dump(mode="json", by_alias=True), indent=2, sort_keys=True)
    return (f"{run.name} on {run.host}\n\nfiles below the host's root:\n{files}\n\nspec.json:\n{spec}\n\n"
            f"dispatch.json:\n{json.dumps(dispatch, indent=2, sort_keys=True)}\n\nlaunch.sh:\n{script}")
