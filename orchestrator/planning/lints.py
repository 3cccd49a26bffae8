"""Holds a laid-out campaign against rules of method (``lint_names``). Every finding has the line that causes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from orchestrator.domain.errors import LintError
from orchestrator.domain.verdict import Role
from orchestrator.planning.campaign_file import CampaignSource
from orchestrator.planning.findings import DocPath
from orchestrator.planning.grid import locate
from orchestrator.planning.lint_names import LINTS
from orchestrator.planning.pairing import differences
from orchestrator.planning.stages import LaidRun

DEEP_TAIL = 0.5
"""From this fraction of the horizon on a learning rate still above base counts as held into the CE tail."""
STOP_PRIORS = {"mode": "val_margin", "margin": 0.05, "min_step": 25}
TEMPERATURES = (1.0, 2.0)
SHOWN = 20

SpecPath = tuple[str, ...]
Found = Iterator[tuple[SpecPath, str]]
Rule = Callable[["_Case"], Found]


def lint(source: CampaignSource) -> list[LintError]:
    """Every rule that the campaign breaks and does not allow itself to, in the order of the file; each once a line."""
    found: dict[tuple[int, str, str], LintError] = {}
    allowed = set(source.campaign.allow)
    runs = {r.name: r for r in source.layout.runs}

    def note(name: str, what: str, where: DocPath) -> None:
        line = source.line_of(where)
        key = (line or 0, name, what)
        if name not in allowed and key not in found:
            found[key] = LintError(name, f"{what}: {LINTS[name]}", path=source.path, line=line)

    for stage in source.layout.stages:
        if stage.role is Role.KD and not stage.controls and not stage.rung:
            note("no-controls", f"stage {stage.name} has no controls", stage.doc)
        if stage.role is Role.KD and stage.compare_with is None and not stage.rung:
            note("no-reference", f"stage {stage.name} is compared with nothing", stage.doc)
        if stage.role is Role.KD and stage.compare_with is not None:
            for run in source.layout.runs:
                if run.stage == stage.name and run.reference is None:
                    note("comparison-mismatch", f"stage {stage.compare_with} has no run with seed {run.spec.seed}",
                         (*stage.doc, "compare_with"))
    for run in source.layout.runs:
        if run.role is Role.CONTROL:
            continue  # what is wrong with a twin is wrong with its arm
        if run.settings is not None and run.settings.source.rank > 1:
            continue  # the first place says what every place may become
        if run.trial is not None and run.trial.number > 1:
            continue
        reference = runs.get(run.reference) if run.reference else None
        still_open = run.settings or run.trial
        for spec in still_open.possible if still_open is not None else (run.spec,):
            case = _Case(replace(run, spec=spec), reference)
            for name, rule in _RULES.items():
                for path, what in rule(case):
                    note(name, what, locate(run.layers, path, run.doc))
    return [found[key] for key in sorted(found)]


def require_clean(source: CampaignSource) -> None:
    """Raise one :class:`LintError` that lists everything :func:`lint` finds."""
    found = lint(source)
    if not found:
        return
    names = sorted({e.name for e in found})
    rest = [e.message for e in found[1:SHOWN]]
    if len(found) > SHOWN:
        rest.append(f"and {len(found) - SHOWN} more")
    error = LintError(found[0].name, "")
    error.message = "\n".join([found[0].message, *rest])
    error.args = (error.message,)
    error.hint = f"fix it, or write 'allow: [{', '.join(names)}]' in the campaign file if it is meant"
    raise error


@dataclass(frozen=True)
class _Case:
    """A run, and the CE run that it is compared with."""

    run: LaidRun
    reference: LaidRun | None


def _constant_weight(case: _Case) -> Found:
    if case.run.role is Role.KD and case.run.spec.schedule.boost == 1.0:
        yield ("schedule", "boost"), "KD with schedule.boost 1"


def _boost_in_tail(case: _Case) -> Found:
    """The rate is still above base after half the horizon, and the ramp at the KD stop does not bring it down."""
    schedule = case.run.spec.schedule
    if case.run.role is Role.KD and schedule.boost * schedule.finish > 1.0 and schedule.boost > 1.0 and \
            schedule.drop_to_base > DEEP_TAIL:
        yield ("schedule", "drop_to_base"), (f"boost {schedule.boost:g} lasts to {schedule.drop_to_base:g} of the "
                                             "horizon")


def _dynamic_norm(case: _Case) -> Found:
    if case.run.spec.kd is not None and case.run.role is Role.KD and case.run.spec.kd.dynamic_norm == "off":
        yield ("kd", "dynamic_norm"), "kd.dynamic_norm is off"


def _mismatch(case: _Case) -> Found:
    if case.run.role is Role.KD and case.reference is not None:
        for word in differences(case.run.spec, case.reference.spec):
            where = "data" if word == "batch" else word
            yield (where,), f"{case.run.stage} and its reference {case.reference.name} differ in {word}"


def _temperature(case: _Case) -> Found:
    low, high = TEMPERATURES
    if case.run.spec.kd is not None and not low <= case.run.spec.kd.temperature <= high:
        yield ("kd", "temperature"), f"temperature {case.run.spec.kd.temperature:g}"


def _stop_priors(case: _Case) -> Found:
    if case.run.spec.kd is not None and case.run.role is Role.KD:
        for key, prior in STOP_PRIORS.items():
            value = getattr(case.run.spec.kd.stop, key)
            if value != prior:
                yield ("kd", "stop", key), f"kd.stop.{key} is {value}, not {prior}"


def _tied(case: _Case) -> Found:
    """Against the run it is compared with; a run that is compared with none against the reference model, untied."""
    expected = case.reference.spec.model.tied_embeddings if case.reference is not None else False
    if case.run.spec.entry == "gpt" and case.run.spec.model.tied_embeddings != expected:
        words = ("tied", "untied") if expected else ("untied", "tied")
        yield ("model", "tied_embeddings"), f"embeddings are {words[1]}, those of the reference {words[0]}"


def _shapes(case: _Case) -> Found:
    model = case.run.spec.model
    if case.run.spec.entry != "gpt":
        return
    if model.heads % 2:
        yield ("model", "heads"), f"{model.heads} heads"
    if model.head_dim % 4:
        yield ("model", "head_dim"), f"head_dim {model.head_dim}"


_RULES: Mapping[str, Rule] = {
    "constant-weight-kd": _constant_weight,
    "boost-in-ce-tail": _boost_in_tail,
    "dynamic-norm-off": _dynamic_norm,
    "comparison-mismatch": _mismatch,
    "temperature-range": _temperature,
    "kd-stop-priors": _stop_priors,
    "tied-embeddings": _tied,
    "kernel-shapes": _shapes,
}
