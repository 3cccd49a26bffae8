"""Lays out stages whose runs take the settings of chosen configurations: one run per place, seed and axis value.

Which configurations these will be is open, so everything that can be checked is checked for each that may be chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orchestrator.domain.verdict import Role
from orchestrator.planning.building import Builder, lay_run, owns, reference_mark
from orchestrator.planning.campaign_model import Stage
from orchestrator.planning.findings import DocPath
from orchestrator.planning.grid import Cell, Layer, cells
from orchestrator.planning.names import TWIN_SUFFIX
from orchestrator.planning.policy import Choice, known_stage
from orchestrator.planning.settings import distinct, mark_of, raw_over
from orchestrator.planning.stages import LaidRun, OpenSettings, Ranked
from orchestrator.wire.spec import Spec


def ranked_source(builder: Builder, stage: Stage, doc: DocPath) -> tuple[Ranked, ...]:
    """The places that the stage takes its settings from; says what is wrong with them. Empty without settings."""
    if stage.settings is None:
        return ()
    where, name, findings = (*doc, "settings"), stage.settings.stage, builder.findings
    earlier = builder.earlier()
    if not known_stage(name, stage, earlier, builder.all_names, where, findings):
        return ()
    if earlier.roles[name].value != stage.role:
        findings.add(where, f"stage {name!r} has role {earlier.roles[name].value}; settings go from a stage to one of "
                            "the same role")
        return ()
    if stage.names is not None:
        findings.add((*doc, "names"), "runs with chosen settings are named by their place: top1-s0, top2-s0, …")
    if stage.settings.from_.endswith(".best"):
        choice = builder.choice_of(stage.settings.from_, stage, where)
        return (Ranked(name, choice.text, 1, choice.by, choice.key),) if choice is not None else ()
    if not builder.tops.get(name):
        findings.add(where, f"stage {name!r} ranks nothing; give it 'select: {{top: 4 by steps_to_target}}'")
    return builder.tops.get(name, ())


def expand_open(builder: Builder, stage: Stage, doc: DocPath, base: tuple[Layer, ...], wants: Sequence[Ranked],
                teacher: Choice | None, stop: Choice | None) -> list[LaidRun]:
    """All runs of the stage in plan order: by place, then as the stage writes them, each arm followed by its twin."""
    sources = distinct([s for r in builder.runs.get(wants[0].stage, []) if r.role is not Role.CONTROL
                        for s in (r.settings.possible if r.settings is not None else (r.spec,))])
    found = [(cell, arms) for cell in cells(stage, doc, builder.findings)
             if (arms := _possible(builder, stage, doc, cell, base, sources))]
    runs: list[LaidRun] = []
    for place in wants:
        for cell, arms in found:
            layers = (*base, *cell.layers)
            name = f"{place.text.rpartition('.')[2]}{place.rank if place.text.endswith('.top') else ''}"
            called = "-".join([name, *([cell.name] if cell.name else []), *cell.words]) + f"-s{arms[0].spec.seed}"
            arm = _open(arms, place, layers, called, control=False)
            arm = replace(arm, stop_target=stop, teacher=teacher if arm.spec.kd is not None else None)
            if not owns(builder, arm, doc):
                continue
            if not stage.controls:
                runs.append(arm)
                continue
            twins = [t for s in sources if (t := lay_run(builder, stage, doc, _unnamed(cell), layers,
                                                         raw_over(s, layers, control=True), Role.CONTROL))]
            if not twins:
                continue
            twin = replace(_open(twins, place, layers, called + TWIN_SUFFIX, control=True), stop_target=stop)
            builder.owners[twin.mark] = twin
            runs += [replace(arm, twin=reference_mark(twin)), twin]
    return runs


def _possible(builder: Builder, stage: Stage, doc: DocPath, cell: Cell, base: tuple[Layer, ...],
              sources: Sequence[Spec]) -> list[LaidRun]:
    """The run with each of the settings that may be chosen; nothing when one of them makes no run."""
    layers = (*base, *cell.layers)
    if not any(layer.prefix == ("seed",) or (not layer.prefix and "seed" in layer.value) for layer in layers):
        builder.findings.add(doc, "a stage with chosen settings names its own seeds, best fresh ones: "
                                  "'axes: {seed: [10, 11, 12]}'")
        return []
    arms = []
    for source in sources:
        run = lay_run(builder, stage, doc, _unnamed(cell), layers, raw_over(source, layers, control=False),
                      Role(stage.role))
        if run is None:
            return []
        other = builder.owners.get(run.identity)
        if other is not None:
            builder.findings.add(doc, f"with the settings of {wants_words(stage)} this may ask for exactly what "
                                      f"{other.stage}/{other.name} asks for; give it seeds or a horizon of its own")
            return []
        arms.append(run)
    return arms


def wants_words(stage: Stage) -> str:
    """Where a stage takes its settings from, as the file says it."""
    return stage.settings.from_ if stage.settings is not None else ""


def _unnamed(cell: Cell) -> Cell:
    return replace(cell, name="", words=(), labels={})


def _open(possible: Sequence[LaidRun], place: Ranked, layers: tuple[Layer, ...], name: str, *,
          control: bool) -> LaidRun:
    mark = mark_of(place, layers, control=control)
    settings = OpenSettings(place, layers, tuple(r.spec for r in possible))
    return replace(possible[0], name=name, identity=mark, marked=mark, layers=layers, settings=settings, open=True)
