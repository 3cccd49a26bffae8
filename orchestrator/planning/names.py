"""Names of runs: what varies, then ``-s<seed>``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator.planning.campaign_model import RUN_NAME_PATTERN
from orchestrator.planning.findings import at
from orchestrator.planning.grid import Cell

TWIN_SUFFIX = "-twin"
LONGEST_NAME = 120
_FIELD = re.compile(r"\{([^{}:]*)(?::([^{}]*))?\}")
_FORMAT = re.compile(r"0?[0-9]{0,2}(?:\.[0-9]{1,2})?[defg%]?")


def run_name(cell: Cell, spec: Mapping[str, Any], *, stage: str, template: str | None) -> str:
    """The name of a run within its campaign. Raises ``ValueError`` with what is wrong with the template.

    ``spec`` is the finished spec as plain data. A template's fields are dotted spec paths with a number format;
    a field that is a named axis value (``_name``), or ``name`` of an explicit run, stands for that name.
    """
    if template is not None:
        base = _FIELD.sub(lambda m: _filled(m[1], m[2] or "", cell, spec), template)
        if "{" in base or "}" in base:
            raise ValueError("a brace is not closed; fields look like {schedule.boost:.1f}")
    else:
        base = "-".join([*([cell.name] if cell.name else []), *cell.words]) or stage
    name = f"{base}-s{spec['seed']}"
    if len(name) > LONGEST_NAME - len(TWIN_SUFFIX):
        raise ValueError(f"the name {name[:40]}… is longer than {LONGEST_NAME - len(TWIN_SUFFIX)} characters")
    if re.fullmatch(RUN_NAME_PATTERN, name) is None:
        raise ValueError(f"{name!r} is no run name: letters, digits and . _ + = @ - only")
    return name


def _filled(path: str, form: str, cell: Cell, spec: Mapping[str, Any]) -> str:
    if _FORMAT.fullmatch(form) is None:
        raise ValueError(f"{form!r} is no number format such as .2f")
    if path == "name":
        return cell.name
    value = at(spec, path.split("."))
    if path in cell.labels and (value is None or isinstance(value, dict | str)):
        return cell.labels[path]
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{{{path}}} is not a number or word of the spec")
    try:
        return format(value, form)
    except ValueError:
        raise ValueError(f"{{{path}:{form}}}: {value!r} cannot be shown so") from None


def qualified_names(campaign: str, shorts: Mapping[str, list[str]]) -> dict[tuple[str, str], str]:
    """``(stage, short name) → CAMPAIGN/RUN``, or ``CAMPAIGN/STAGE/RUN`` for stages that share a run name."""
    owners: dict[str, set[str]] = {}
    for stage, names in shorts.items():
        for name in names:
            owners.setdefault(name, set()).add(stage)
    shared = {stage for stages in owners.values() if len(stages) > 1 for stage in stages}
    return {(stage, name): f"{campaign}/{stage}/{name}" if stage in shared else f"{campaign}/{name}"
            for stage, names in shorts.items() for name in names}
