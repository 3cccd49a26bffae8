"""Rules of the campaigns that ship: what their specs come down to on a GPU, beside what the lints say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.planning.campaign_file import load_campaign


def specs(directory: Path, name: str, scale: str | None = None) -> dict[str, dict[str, Any]]:
    """The spec of every run that can be known beforehand, by the run's own name."""
    layout = load_campaign(f"{name}.yaml", scale=scale, cwd=directory).layout
    return {run.name.partition("/")[2]: run.spec.model_dump(mode="json", by_alias=True)
            for run in layout.runs if run.spec is not None}


@pytest.mark.parametrize("scale", [None, "cpu"])
def test_the_arms_of_the_inference_duel_ask_the_teacher_in_two_ways(tmp_path: Path, scale: str | None) -> None:
    arms: dict[str, set[str]] = {}
    for name, spec in specs(tmp_path, "teacher_infer_ab", scale).items():
        if spec["mode"] == "teacher_only":
            kd = spec["kd"]  # nothing else of a spec reaches a teacher that is asked alone: 'compile' is the student's
            arms.setdefault(name.rpartition("-s")[0], set()).add(
                str((kd.get("compile_teacher"), kd.get("teacher_sdpa"), spec["threads"], spec["precision"])))
    assert len(arms) == 2
    one, other = arms.values()
    assert len(one) == len(other) == 1, "the seeds of an arm repeat one way"
    assert one != other
