"""A policy in a file of its own, or by name: for judging what is there by other numbers.

The file holds what a stage's ``policy:`` holds, with ``role:`` beside it, and every number in it is literal: there is
no stage that a budget or a target could be derived from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from orchestrator.domain.errors import CampaignFileError, UsageError
from orchestrator.domain.metrics import to_u6
from orchestrator.domain.verdict import DEFAULT_GATES, MAX_TREND_POINTS, Gate, Policy, Role
from orchestrator.planning.complaints import complaints
from orchestrator.planning.findings import Findings
from orchestrator.planning.piece import Piece
from orchestrator.planning.yaml_lines import FILE_LIMIT_BYTES, read_yaml

SUFFIXES = (".yaml", ".yml")


class PolicyFile(Piece):
    """A policy with literal numbers only. Without ``gates`` it asks what its role is asked by default."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=60)]
    role: Literal["ce", "teacher", "kd", "control", "measurement"]
    gates: tuple[Gate, ...] | None = None
    budget_ms: Annotated[int, Field(ge=1, lt=2**53)] | None = None
    budget_derivation: Annotated[str, Field(max_length=1000)] = ""
    trend_points: Annotated[int, Field(ge=1, le=MAX_TREND_POINTS)] = 3
    trend_min_drop: Annotated[float, Field(ge=0, lt=100, allow_inf_nan=False)] = 1e-6
    target: Annotated[float, Field(gt=0, lt=1000, allow_inf_nan=False)] | None = None


def is_file_reference(reference: str) -> bool:
    """Whether a person who names a policy so means a file."""
    return reference.endswith(SUFFIXES) or "/" in reference


def load_policy(path: Path) -> Policy:
    """Read a policy file. Raises :class:`CampaignFileError` for all that is wrong with it, with file, key and line."""
    try:
        with path.open("rb") as handle:
            data = handle.read(FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    located = read_yaml(data, Findings(str(path)))
    if not isinstance(located.value, dict):
        raise CampaignFileError(path, "the file holds no mapping; expected 'name:', 'role:' and the policy's numbers",
                                line=1)
    findings = Findings(str(path), located.lines, located.value)
    asked = _validated(located.value, findings)
    role = Role(asked.role)
    wanted = set(asked.gates if asked.gates is not None else DEFAULT_GATES[role])
    if asked.gates is None and asked.target is None:
        wanted.discard(Gate.TARGET_REACHED)
    if Gate.REPLICATED in wanted:
        findings.add(("gates",), "nothing can be replicated after the fact: a replication counts only where its policy "
                                 "was pinned to a campaign before the first run")
    if Gate.BUDGET in wanted and asked.budget_ms is None:
        findings.add((), "the gate budget needs budget_ms, a number of milliseconds")
    if Gate.TARGET_REACHED in wanted and asked.target is None:
        findings.add((), "the gate target_reached needs target, a loss")
    findings.check()
    drop = to_u6(asked.trend_min_drop)
    assert drop is not None
    return Policy(
        asked.name, role, tuple(g for g in Gate if g in wanted), budget_ms=asked.budget_ms,
        budget_derivation=asked.budget_derivation or ("" if asked.budget_ms is None else
                                                      f"{asked.budget_ms} ms, written in {path.name}"),
        trend_points=asked.trend_points, trend_min_drop_u6=drop,
        target_u6=None if asked.target is None else to_u6(asked.target))


def _validated(data: dict[str, Any], findings: Findings) -> PolicyFile:
    try:
        return PolicyFile.model_validate(data)
    except ValidationError as error:
        for where, message in complaints(error, PolicyFile):
            findings.add(where, message)
        findings.check()
        raise
