"""From the parts of a stage to specs: defaults, the stage's own spec, explicit runs, zipped lists and axes.

Every part is a :class:`Layer`: a piece of a spec, where in the spec it goes, and where in the file it stands. Layers
are laid over each other in one fixed order (defaults, stage, run, zip, axes as written, the last axis fastest), so a
problem found in the finished spec can be led back to the line that caused it.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.planning.campaign_model import RUN_NAME_PATTERN, Stage
from orchestrator.planning.draws import RandomSearch
from orchestrator.planning.findings import DocPath, Findings

MAX_RUNS = 10_000
_SPEC_PATH = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_WORDS = frozenset({("simulated", "fault")})
"""Places where ``nan`` is a word."""
_NOT_FINITE = re.compile(r"[-+]?(?:nan|inf|infinity)", re.IGNORECASE)
_RESERVED = {
    ("kd", "teacher"): "the teacher is named by the stage: 'teacher: {from: STAGE.best}'",
    ("stop_at_target",): "the stage says this: 'target' and 'stop_at_target: true'",
    ("contract",): "the contract's version is not a campaign's to choose",
}
RESERVED_KEYS = frozenset(path[-1] for path in _RESERVED)
"""Keys of a spec that a campaign never writes itself."""


@dataclass(frozen=True)
class Layer:
    """``value`` goes over the spec at ``prefix``; it stands in the file at ``doc``."""

    prefix: tuple[str, ...]
    value: Any
    doc: DocPath
    booleans: tuple[tuple[str, ...], ...] = field(init=False)
    """Spec paths at which this layer gives a boolean: a typed number would take it for 0 or 1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "booleans",
                           tuple(p for p, v in _leaves(self.value, self.prefix) if isinstance(v, bool)))


@dataclass(frozen=True)
class Cell:
    """One combination: its layers, the explicit run's name, and words for a default name."""

    layers: tuple[Layer, ...]
    name: str
    words: tuple[str, ...]
    labels: Mapping[str, str]


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    else:
        yield path, value


def overlay(base: Any, prefix: Sequence[str], value: Any) -> Any:
    """``base`` with ``value`` merged in at ``prefix``. Nothing is changed in place; untouched parts are shared."""
    if prefix:
        inner = base if isinstance(base, dict) else {}
        return {**inner, prefix[0]: overlay(inner.get(prefix[0]), prefix[1:], value)}
    if isinstance(base, dict) and isinstance(value, dict):
        return {**base, **{k: overlay(base.get(k), (), v) for k, v in value.items()}}
    return value


def assemble(base: Any, layers: Sequence[Layer]) -> Any:
    """All layers over ``base``, in order."""
    for layer in layers:
        base = overlay(base, layer.prefix, layer.value)
    return base


def locate(layers: Sequence[Layer], where: Sequence[str | int], otherwise: DocPath) -> DocPath:
    """Where in the file the value at a spec path comes from: the deepest, then the latest layer that touches it."""
    best, depth = otherwise, 0
    for layer in reversed(layers):
        n = len(layer.prefix)
        if tuple(where[:n]) == layer.prefix:
            rest, value, doc = list(where[n:]), layer.value, layer.doc
            while rest and isinstance(value, Mapping) and rest[0] in value:
                value, doc = value[str(rest[0])], (*doc, rest.pop(0))
            found = len(where) - len(rest)
        elif where and layer.prefix[: len(where)] == tuple(where):
            doc, found = layer.doc, len(where)
        else:
            continue
        if found > depth:
            best, depth = doc, found
    return best


def count_cells(stage: Stage) -> int:
    """How many runs the stage asks for (without controls), from the lengths alone."""
    zipped = max((len(v) for v in (stage.zip or {}).values()), default=1)
    runs = len(stage.runs) if stage.runs is not None else 1
    drawn = stage.random.draws if stage.random is not None else 1
    drawn *= stage.search.optuna.trials if stage.search is not None else 1
    return runs * zipped * drawn * math.prod(len(v) for v in (stage.axes or {}).values())


def check_shape(stage: Stage, doc: DocPath, findings: Findings) -> None:
    """Empty lists, lists that do not zip, and paths that are none."""
    if stage.runs is not None and not stage.runs:
        findings.add((*doc, "runs"), "the grid is empty: expected at least one run")
    for kind, columns in (("zip", stage.zip), ("axes", stage.axes)):
        if columns is None:
            continue
        if not columns:
            findings.add((*doc, kind), "the grid is empty: expected at least one spec path with a list of values")
        for path, values in columns.items():
            if not values:
                findings.add((*doc, kind, path), "the grid is empty: expected at least one value")
            if _SPEC_PATH.fullmatch(path) is None:
                findings.add((*doc, kind, path), "expected a dotted path into the spec, such as schedule.boost")
    if stage.random is not None:
        for path, among in stage.random.over.items():
            if among == ():
                findings.add((*doc, "random", "over", path), "expected at least one value")
            if _SPEC_PATH.fullmatch(path) is None:
                findings.add((*doc, "random", "over", path), "expected a dotted path into the spec")
            elif path in (stage.axes or {}) or path in (stage.zip or {}):
                findings.add((*doc, "random", "over", path), "stands in 'axes' or 'zip' as well")
    lengths = {p: len(v) for p, v in (stage.zip or {}).items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{p} has {n}" for p, n in lengths.items())
        findings.add((*doc, "zip"), f"zipped lists advance together and need equal lengths: {shown}")
    both = sorted(set(stage.zip or {}) & set(stage.axes or {}))
    for path in both:
        findings.add((*doc, "axes", path), "stands in 'zip' as well")


def check_layer(layer: Layer, findings: Findings) -> None:
    """What no typed model can say as well: reserved places, and words that a number would take for infinite."""
    for path, value in _leaves(layer.value, layer.prefix):
        doc = (*layer.doc, *path[len(layer.prefix):])
        for reserved, why in _RESERVED.items():
            if path[: len(reserved)] == reserved:
                findings.add(doc, why)
        if isinstance(value, str) and path not in _WORDS and _NOT_FINITE.fullmatch(value.strip()):
            findings.add(doc, f"expected a finite number, not {value!r}")


def cells(stage: Stage, doc: DocPath, findings: Findings) -> Iterator[Cell]:
    """Every combination in plan order."""
    columns: list[list[tuple[tuple[Layer, ...], str, tuple[str, ...], dict[str, str]]]] = []
    if stage.runs is not None:
        columns.append([_explicit(r, (*doc, "runs", i), findings) for i, r in enumerate(stage.runs)])
    if stage.zip:
        rows = [[_axis_value(p, v, i, (*doc, "zip", p, i), findings) for p, v in zip(stage.zip, row, strict=True)]
                for i, row in enumerate(zip(*stage.zip.values(), strict=True))]
        columns.append([_side_by_side(row, vary=len(rows) > 1) for row in rows])
    if stage.random is not None and all(among != () for among in stage.random.over.values()):
        columns.append(_drawn(stage.random, (*doc, "random"), findings))
    for path, values in (stage.axes or {}).items():
        shown = [_axis_value(path, v, i, (*doc, "axes", path, i), findings) for i, v in enumerate(values)]
        columns.append([_side_by_side([one], vary=len(shown) > 1) for one in shown])
    for parts in itertools.product(*columns):
        yield Cell(
            layers=tuple(layer for p in parts for layer in p[0]),
            name=next((p[1] for p in parts if p[1]), ""),
            words=tuple(word for p in parts for word in p[2]),
            labels={k: v for p in parts for k, v in p[3].items()},
        )


def _drawn(random: RandomSearch, doc: DocPath,
           findings: Findings) -> list[tuple[tuple[Layer, ...], str, tuple[str, ...], dict[str, str]]]:
    try:
        drawn = random.columns()
    except ValueError as error:
        findings.add(doc, str(error))
        return []
    rows = [[_axis_value(p, v, i, (*doc, "over", p), findings) for p, v in zip(drawn, row, strict=True)]
            for i, row in enumerate(zip(*drawn.values(), strict=True))]
    return [_side_by_side(row, vary=len(rows) > 1) for row in rows]


def _explicit(run: Mapping[str, Any], doc: DocPath,
              findings: Findings) -> tuple[tuple[Layer, ...], str, tuple[str, ...], dict[str, str]]:
    name = run.get("name")
    if not isinstance(name, str) or re.fullmatch(RUN_NAME_PATTERN, name) is None:
        findings.add((*doc, "name") if "name" in run else doc,
                     "a run in 'runs' needs a name of letters, digits and . _ + = @ -")
        name = "unnamed"
    layer = Layer((), {k: v for k, v in run.items() if k != "name"}, doc)
    check_layer(layer, findings)
    return (layer,), name, (), {}


def _axis_value(path: str, value: Any, index: int, doc: DocPath,
                findings: Findings) -> tuple[Layer, str, str | None]:
    label = None
    if isinstance(value, dict) and "_name" in value:
        label = value["_name"]
        if not isinstance(label, str) or re.fullmatch(RUN_NAME_PATTERN, label) is None:
            findings.add((*doc, "_name"), "expected a name of letters, digits and . _ + = @ -")
            label = f"{index}"
        value = {k: v for k, v in value.items() if k != "_name"}
    layer = Layer(tuple(path.split(".")), value, doc)
    check_layer(layer, findings)
    return layer, label or _word(path, value, index), label


def _side_by_side(values: Sequence[tuple[Layer, str, str | None]],
                  *, vary: bool) -> tuple[tuple[Layer, ...], str, tuple[str, ...], dict[str, str]]:
    words = tuple(word for layer, word, _ in values if layer.prefix != ("seed",)) if vary else ()
    labels = {".".join(layer.prefix): label or word for layer, word, label in values}
    return tuple(layer for layer, _, _ in values), "", words, labels


def _word(path: str, value: Any, index: int) -> str:
    """How a value shows in a default name: ``boost2``, ``alpha0.3``, ``kind_muon``."""
    key = path.rpartition(".")[2]
    if isinstance(value, bool):
        return f"{key}_{'on' if value else 'off'}"
    if isinstance(value, int | float):
        return f"{key}{value:g}" if isinstance(value, float) else f"{key}{value}"
    if isinstance(value, str):
        return f"{key}_{re.sub(r'[^A-Za-z0-9._-]+', '_', value)[:40]}"
    return f"{key}{index}"
