"""A checked campaign laid out: every run with its spec, identity, name, twin, reference and policy.

All of it follows from the file alone. A selector states the runs it chooses from by their identity, and those are
digests of specs, so the identity of every later run is settled before the first one has started; what is open until
then is only which of them is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.domain.verdict import Role
from orchestrator.planning.building import Builder, lay_run, owns, reference_mark
from orchestrator.planning.campaign_model import Campaign, Stage
from orchestrator.planning.continuing import horizon_matters
from orchestrator.planning.findings import DocPath, Findings
from orchestrator.planning.grid import (
    MAX_RUNS,
    Layer,
    assemble,
    cells,
    check_layer,
    check_shape,
    count_cells,
    locate,
)
from orchestrator.planning.halving import Unfolded, unfold
from orchestrator.planning.names import TWIN_SUFFIX, qualified_names
from orchestrator.planning.open_runs import expand_open, ranked_source
from orchestrator.planning.pairing import reference_for, twin_body
from orchestrator.planning.policy import Choice, known_stage, plan_policies
from orchestrator.planning.stages import LaidRun, Layout, PlannedStage, Ranked
from orchestrator.planning.trials import check_search, expand_trials
from orchestrator.wire.spec import Selector, Spec, canonical_digest

_FAILURES_SHOWN = 20


def lay_out(campaign: Campaign, findings: Findings) -> Layout:
    """Expand and check a campaign. Problems go to ``findings``; the layout is whole only when there are none."""
    _check_size(campaign, findings)
    check_layer(Layer((), campaign.defaults, ("defaults",)), findings)
    if "kd" in campaign.defaults and not any(s.role == "kd" or s.teacher for s in campaign.stages):
        findings.add(("defaults", "kd"), "no stage distils; this would decide nothing")
    campaign, places = unfold(campaign, findings)
    builder = Builder(campaign, findings)
    seen: set[str] = set()
    for stage, place in zip(campaign.stages, places, strict=True):
        if stage.name in seen:
            findings.add((*place.doc, "name"), f"two stages are named {stage.name!r}")
            continue
        seen.add(stage.name)
        _lay_stage(builder, stage, place)
    findings.check()
    total = sum(len(r) for r in builder.runs.values())
    if total > MAX_RUNS:
        findings.stop(f"{total:,} runs with their control arms; at most {MAX_RUNS:,} are planned at once")
    return Layout(tuple(builder.stages), _named(campaign.campaign, builder.runs))


def _check_size(campaign: Campaign, findings: Findings) -> None:
    """Refuse a campaign that is too large before anything is expanded."""
    counts = [count_cells(s) for s in campaign.stages]
    if sum(counts) > MAX_RUNS:
        largest = max(range(len(counts)), key=counts.__getitem__)
        findings.stop(f"the campaign asks for {sum(counts):,} runs; at most {MAX_RUNS:,} are planned at once",
                      where=("stages", largest, "axes" if campaign.stages[largest].axes else "name"))


def _lay_stage(builder: Builder, stage: Stage, place: Unfolded) -> None:
    findings, role, doc = builder.findings, Role(stage.role), place.doc
    check_shape(stage, doc, findings)
    teacher = builder.choice_of(stage.teacher.from_, stage, (*doc, "teacher")) if stage.teacher else None
    target = _target_choice(builder, stage, teacher, doc)
    _check_fields(builder, stage, doc)
    policies = plan_policies(stage, doc, builder.earlier(), target, builder.all_names, findings)
    shape_is_right = all((stage.axes or {"": (0,)}).values()) and stage.runs != () and \
        len({len(v) for v in (stage.zip or {"": (0,)}).values()}) == 1
    wants = ranked_source(builder, stage, doc)
    if not shape_is_right or (stage.settings is not None and not wants):
        runs = []
    elif stage.search is not None:
        runs = expand_trials(builder, stage, doc, _base_layers(builder, stage, doc, teacher, target), teacher,
                             target if stage.stop_at_target else None) if check_search(stage, doc, builder) else []
    elif wants:
        runs = expand_open(builder, stage, doc, _base_layers(builder, stage, doc, teacher, target), wants,
                           teacher, target if stage.stop_at_target else None)
    else:
        runs = _expand(builder, stage, doc, teacher, target)
    if teacher is not None:
        _check_teacher_fits(builder, teacher, runs, doc)
    if place.continues_at is not None:
        _check_goes_on(builder, runs, doc, place.continues_at)
    if stage.compare_with is not None:
        runs = _with_references(builder, stage, runs, doc)
    if stage.duel:
        _check_duel(runs, doc, findings)
    builder.runs[stage.name] = _interleaved(runs) if stage.duel else runs
    choice, top = _choices(builder, stage, runs, policies[stage.name].admits if policies else None)
    needs = {c.stage for c in (teacher, target, *wants) if c is not None}
    needs |= {p.budget_of.partition(".")[0] for p in policies.values() if p.budget_of}
    needs |= {name for i, name in enumerate(stage.after)
              if known_stage(name, stage, builder.earlier(), builder.all_names, (*doc, "after", i), findings)}
    deadline = stage.deadline if stage.deadline is not None else builder.campaign.deadline
    guard = stage.budget_guard if stage.budget_guard is not None else builder.campaign.budget_guard
    builder.stages.append(PlannedStage(
        stage.name, role, policies, choice, tuple(sorted(needs)), deadline, doc,
        builder.campaign.needs.merged(stage.needs), guard and role is Role.TEACHER, top=top, wants=wants,
        stop=_stop_word(stage), expects=stage.expects, after=stage.after, controls=stage.controls,
        compare_with=stage.compare_with, duel=stage.duel, rung=place.rung, continues_at=place.continues_at,
        search=stage.search.optuna if stage.search is not None else None))


def _stop_word(stage: Stage) -> str:
    """What the stage must have come to, where the file does not say."""
    if stage.stop is not None:
        return stage.stop
    if stage.role == "teacher":
        return "teacher_found"
    return "target_compared" if stage.role == "kd" and stage.compare_with is not None else "none"


def _choices(builder: Builder, stage: Stage, runs: Sequence[LaidRun],
             admits: Mapping[str, Any] | None) -> tuple[Choice | None, tuple[Ranked, ...]]:
    """What the stage offers to later ones: its best run, and its best configurations by rank."""
    select = stage.select
    if select is None:
        return None, ()
    choice, top = None, []
    among = tuple(sorted(r.mark for r in runs if r.role is not Role.CONTROL))
    whole = bool(admits is not None and runs)
    if select.best is not None and whole:
        selector = Selector.model_validate({"from": f"{stage.name}.best", "by": select.best, "among": among,
                                            "admitted": dict(admits or {})})
        key = canonical_digest(selector.model_dump(mode="json", by_alias=True))
        choice = builder.choices[stage.name] = Choice(stage.name, key, select.best, selector)
    elif select.best is not None:  # wrong already; later stages are still checked as far as that goes
        builder.choices[stage.name] = Choice(stage.name, "0" * 64, select.best,
                                             Selector.model_validate({"from": f"{stage.name}.best"}))
    for rank in range(1, select.count + 1):
        key = canonical_digest({"from": f"{stage.name}.top", "rank": rank, "by": select.top_by, "among": list(among),
                                "admitted": dict(admits or {})}) if whole else "0" * 64
        top.append(Ranked(stage.name, f"{stage.name}.top", rank, select.top_by, key))
    builder.tops[stage.name] = tuple(top)
    return choice, tuple(top)


def _check_duel(runs: Sequence[LaidRun], doc: DocPath, findings: Findings) -> None:
    arms = {r.name.removesuffix(f"-s{r.spec.seed}") for r in runs}
    if len(arms) == 1:
        findings.add((*doc, "duel"), f"a duel needs two configurations or more, and this stage has one, {arms.pop()}; "
                                     "seeds are its repeats")


def _interleaved(runs: Sequence[LaidRun]) -> list[LaidRun]:
    """Repeat by repeat, every second one backwards: what drifts on the machine then favours nobody."""
    repeats: dict[int, list[LaidRun]] = {}
    for run in runs:
        repeats.setdefault(run.spec.seed, []).append(run)
    return [run for i, group in enumerate(repeats.values()) for run in (group if i % 2 == 0 else group[::-1])]


def _target_choice(builder: Builder, stage: Stage, teacher: Choice | None, doc: DocPath) -> Choice | None:
    """The choice whose final loss is the target: what the stage says, else the teacher of a KD stage."""
    if stage.target is None:
        return teacher if stage.role == "kd" and (stage.policy is None or stage.policy.target is None) else None
    if stage.target.from_ is None:
        return None
    return builder.choice_of(stage.target.from_, stage, (*doc, "target"))


def _check_fields(builder: Builder, stage: Stage, doc: DocPath) -> None:
    """Keys that do not go with the stage's role, and references that lead nowhere."""
    findings = builder.findings
    if stage.role == "kd" and stage.teacher is None:
        findings.add(doc, "a kd stage needs 'teacher: {from: STAGE.best}'")
    if stage.role not in ("kd", "measurement") and stage.teacher is not None:
        findings.add((*doc, "teacher"), f"a {stage.role} stage has no teacher")
    if stage.role != "teacher" and stage.budget_guard:
        findings.add((*doc, "budget_guard"), "only a teacher is held to a budget of its own train time")
    if stage.role != "kd" and stage.controls:
        findings.add((*doc, "controls"), "only a kd stage has control arms")
    if stage.stop_at_target and (stage.target is None or stage.target.from_ is None) and \
            (stage.role != "kd" or stage.target is not None):
        findings.add((*doc, "stop_at_target"), "a run can only stop at the loss of a chosen run: "
                                               "'target: {from: STAGE.best}'")
    aims = stage.role == "kd" or stage.target is not None or \
        (stage.policy is not None and stage.policy.target is not None)
    if stage.select is not None and not aims:
        for word, key in (("best", stage.select.best), ("top", stage.select.top_by if stage.select.top else None)):
            if key == "steps_to_target":
                findings.add((*doc, "select", word), "steps_to_target needs a target on this stage")
    if stage.stop == "teacher_found" and stage.role != "teacher":
        findings.add((*doc, "stop"), "only a teacher stage finds teachers")
    if stage.stop == "target_compared" and (stage.role != "kd" or stage.compare_with is None):
        findings.add((*doc, "stop"), "steps to target are compared in a kd stage with compare_with")
    if stage.duel and stage.role != "measurement":
        findings.add((*doc, "duel"), "only a measurement holds alternatives against each other by their step times")
    if stage.expects and stage.role != "measurement":
        findings.add((*doc, "expects"), "only a measurement asks about how runs fail")
    if stage.compare_with is not None:
        where = (*doc, "compare_with")
        earlier = builder.earlier()
        if known_stage(stage.compare_with, stage, earlier, builder.all_names, where, findings) and \
                earlier.roles[stage.compare_with] is not Role.CE:
            findings.add(where, f"expected a stage of role ce; {stage.compare_with!r} has role "
                                f"{earlier.roles[stage.compare_with].value}")


def _base_layers(builder: Builder, stage: Stage, doc: DocPath, teacher: Choice | None,
                 target: Choice | None) -> tuple[Layer, ...]:
    """What every run of the stage shares."""
    defaults = dict(builder.campaign.defaults)
    implied: dict[str, Any] = {}
    if stage.role == "kd" or stage.teacher is not None:
        implied = {"mode": "kd", "kd": {"teacher": teacher.selector if teacher else {"from": "unknown.best"}}}
    else:
        defaults.pop("kd", None)  # what defaults say of KD is meant for the stages that distil
    if stage.stop_at_target and target is not None:
        implied["stop_at_target"] = target.selector
    layers = (Layer(("kd",), implied.pop("kd"), (*doc, "teacher")),) if "kd" in implied else ()
    given = (Layer((), defaults if stage.settings is None else {}, ("defaults",)),  # else they are in the settings
             Layer((), stage.spec, (*doc, "spec")))
    check_layer(given[1], builder.findings)
    return (*layers, Layer((), implied, doc), *given)


def _expand(builder: Builder, stage: Stage, doc: DocPath, teacher: Choice | None,
            target: Choice | None) -> list[LaidRun]:
    """All runs of the stage in plan order, each arm followed by its twin where it has one of its own."""
    base_layers = _base_layers(builder, stage, doc, teacher, target)
    base = assemble({}, base_layers)
    stop = target if stage.stop_at_target else None
    runs: list[LaidRun] = []
    names: set[str] = set()
    failures = 0
    for cell in cells(stage, doc, builder.findings):
        layers = (*base_layers, *cell.layers)
        raw = assemble(base, cell.layers)
        run = lay_run(builder, stage, doc, cell, layers, raw, Role(stage.role), teacher=teacher, stop_target=stop)
        if run is None:
            failures += 1
            if failures >= _FAILURES_SHOWN:
                break
            continue
        if run.name in names:
            builder.findings.add((*doc, "names") if stage.names else doc,
                                 f"two runs are named {run.name!r}; give 'names:' with fields that tell them apart")
            continue
        names.add(run.name)
        if not owns(builder, run, doc):
            continue
        runs.append(run)
        if stage.controls:
            twin = lay_run(builder, stage, doc, cell, layers, twin_body(raw), Role.CONTROL, suffix=TWIN_SUFFIX,
                           stop_target=stop)
            if twin is None:
                continue
            known = builder.owners.get(twin.mark)
            runs[-1] = replace(run, twin=reference_mark(known or twin))
            if known is None:
                names.add(twin.name)
                builder.owners[twin.mark] = twin
                runs.append(twin)
    return runs


def _with_references(builder: Builder, stage: Stage, runs: list[LaidRun], doc: DocPath) -> list[LaidRun]:
    """Each run with the CE run of the same seed that it is compared with."""
    assert stage.compare_with is not None
    candidates = [(reference_mark(r), r.spec) for r in builder.runs.get(stage.compare_with, [])]
    by_seed: dict[int, list[tuple[str, Spec]]] = {}
    for name, spec in candidates:
        by_seed.setdefault(spec.seed, []).append((name, spec))
    paired = []
    for run in runs:
        reference, fitting = reference_for(run.spec, by_seed.get(run.spec.seed, []))
        if fitting > 1:
            builder.findings.add((*doc, "compare_with"), f"stage {stage.compare_with!r} has {fitting} runs with seed "
                                                         f"{run.spec.seed} to compare with; expected one")
        paired.append(replace(run, reference=reference))
    return paired


def _check_teacher_fits(builder: Builder, teacher: Choice, runs: Sequence[LaidRun], doc: DocPath) -> None:
    """A teacher must leave a checkpoint, and speak the student's vocabulary."""
    candidates = builder.runs.get(teacher.stage, [])
    students = [r for r in runs if r.role is not Role.CONTROL]
    for run in candidates:
        if not run.spec.checkpoint.keep_best:
            builder.findings.add(locate(run.layers, ("checkpoint", "keep_best"), run.doc),
                                 f"stage {teacher.stage!r} is a teacher's and must keep its best checkpoint")
        misfit = next((s for s in students if s.spec.model.vocab_size != run.spec.model.vocab_size), None)
        if misfit is not None:
            builder.findings.add((*doc, "teacher"), f"{run.name} has a vocabulary of {run.spec.model.vocab_size}, "
                                                    f"the student {misfit.name} one of {misfit.spec.model.vocab_size}")
            return


def _check_goes_on(builder: Builder, runs: Sequence[LaidRun], doc: DocPath, steps: int) -> None:
    """Somebody asks that rungs go on from each other's checkpoints: then there must be a run that can."""
    specs = [s for r in runs if r.role is not Role.CONTROL
             for s in (r.settings.possible if r.settings is not None else (r.spec,))]
    reasons = dict.fromkeys(horizon_matters(spec, steps) for spec in specs)
    if specs and "" not in reasons:
        builder.findings.add((*doc, "halving", "resume"), f"no run can go on from the rung of {steps} steps: "
                             f"{'; '.join(reasons)}. Leave 'resume' out, or change that")


def _named(campaign: str, runs: dict[str, list[LaidRun]]) -> tuple[LaidRun, ...]:
    """The runs with their full names, in plan order."""
    final = qualified_names(campaign, {stage: [r.name for r in rs] for stage, rs in runs.items()})
    marks = {f"{stage}/{short}": name for (stage, short), name in final.items()}

    def full() -> Iterator[LaidRun]:
        for stage, members in runs.items():
            for run in members:
                yield replace(run, name=final[(stage, run.name)],
                              reference=marks[run.reference] if run.reference else None,
                              twin=marks[run.twin] if run.twin else None)

    return tuple(full())
