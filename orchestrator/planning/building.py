"""Parts of the layout that several kinds of stages share: what is known so far, and one run from its layers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from orchestrator.domain.verdict import Role
from orchestrator.planning.campaign_model import Campaign, Stage
from orchestrator.planning.complaints import complaints
from orchestrator.planning.findings import DocPath, Findings, at
from orchestrator.planning.grid import RESERVED_KEYS, Cell, Layer, locate
from orchestrator.planning.names import run_name
from orchestrator.planning.parts import SpecParts
from orchestrator.planning.policy import Choice, Earlier, known_stage
from orchestrator.planning.stages import LaidRun, PlannedStage, Ranked
from orchestrator.wire.spec import Spec


@dataclass
class Builder:
    """A campaign while it is laid out: its stages, runs and choices so far."""

    campaign: Campaign
    findings: Findings
    stages: list[PlannedStage] = field(default_factory=list)
    runs: dict[str, list[LaidRun]] = field(default_factory=dict)
    choices: dict[str, Choice] = field(default_factory=dict)
    tops: dict[str, tuple[Ranked, ...]] = field(default_factory=dict)
    owners: dict[str, LaidRun] = field(default_factory=dict)
    parts: SpecParts = field(default_factory=SpecParts)

    @property
    def all_names(self) -> frozenset[str]:
        return frozenset(s.name for s in self.campaign.stages)

    def earlier(self) -> Earlier:
        return Earlier(
            roles={s.name: s.role for s in self.stages},
            policies={s.name: s.policies[s.name] for s in self.stages if s.name in s.policies},
            choices=self.choices,
            first_runs={name: runs[0].mark for name, runs in self.runs.items() if runs},
        )

    def choice_of(self, selector: str, stage: Stage, where: DocPath) -> Choice | None:
        """The choice behind ``STAGE.best``; says what is wrong with it."""
        name = selector.partition(".")[0]
        earlier = self.earlier()
        if not known_stage(name, stage, earlier, self.all_names, where, self.findings):
            return None
        if name not in self.choices:
            self.findings.add(where, f"stage {name!r} chooses nothing; give it 'select: {{best: final_val}}'")
            return None
        return self.choices[name]


def lay_run(builder: Builder, stage: Stage, doc: DocPath, cell: Cell, layers: tuple[Layer, ...], raw: dict[str, Any],
            role: Role, *, suffix: str = "", teacher: Choice | None = None,
            stop_target: Choice | None = None) -> LaidRun | None:
    """One run of a stage, or None after saying what is wrong with it. Its name ends in ``suffix``; ``teacher`` is who
    teaches it if it distils."""
    findings = builder.findings
    try:
        spec = builder.parts.spec(raw)
    except ValidationError as error:
        for where, message in complaints(error, Spec, RESERVED_KEYS):
            findings.add(locate(layers, where, (*doc, "spec")), message)
        return None
    body = builder.parts.body(spec)
    for path in (p for layer in layers for p in layer.booleans):
        if isinstance(at(raw, path), bool) and not (isinstance(at(body, path), bool) or _is_flag(spec, path)):
            findings.add(locate(layers, path, doc), "expected a number or word here, not true or false")
            return None
    try:
        name = run_name(cell, body, stage=stage.name, template=stage.names)
    except ValueError as error:
        findings.add((*doc, "names") if stage.names else doc, str(error))
        return None
    data = builder.parts.canonical(spec, body)
    return LaidRun(stage.name, role, name + suffix, spec, hashlib.sha256(data).hexdigest(), len(data), layers, doc,
                   teacher=teacher if spec.kd is not None else None, stop_target=stop_target)


def _is_flag(spec: Spec, path: DocPath) -> bool:
    """Whether true or false is meant there, also where the body leaves it out because it is the default."""
    value: Any = spec
    for part in path:
        value = value[part] if isinstance(part, int) else getattr(value, part, None)
    return isinstance(value, bool)


def owns(builder: Builder, run: LaidRun, doc: DocPath) -> bool:
    """Whether no other run of the campaign has this very spec."""
    other = builder.owners.setdefault(run.mark, run)
    if other is run:
        return True
    builder.findings.add(doc, f"runs {other.stage}/{other.name} and {run.stage}/{run.name} ask for exactly the same; "
                              "one run stands in a campaign once")
    return False


def reference_mark(run: LaidRun) -> str:
    """How a run is pointed at before names are final."""
    return f"{run.stage}/{run.name}"
