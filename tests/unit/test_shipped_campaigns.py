"""Rules of the campaigns that ship: what their specs come down to on a GPU, beside what the lints say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from orchestrator.planning.campaign_file import load_campaign
from worker.trainer.model import GPT, count_parameters
from worker.trainer.spec import parse_spec
from worker.trainer.stages import Stages

ON_A_GPU = ["ce_baseline", "teacher_budget", "lr_grid", "hill_climb", "teacher_infer_ab", "soft_loss_probe",
            "kernel_isolates", "max_batch", "distill_smoke"]
STUDENT, TEACHER = 543_818_890, 296_388_714


def specs(directory: Path, name: str, scale: str | None = None, *settings: str) -> dict[str, dict[str, Any]]:
    """The spec of every run that can be known beforehand, by the run's own name."""
    layout = load_campaign(f"{name}.yaml", scale=scale, overrides=settings, cwd=directory).layout
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


def parameters(spec: dict[str, Any]) -> int:
    with torch.device("meta"):
        return count_parameters(GPT(parse_spec(spec).model, spec["data"]["sequence_length"]))


@pytest.mark.torch
@pytest.mark.parametrize("name", ON_A_GPU)
def test_on_a_gpu_a_campaign_trains_the_reference_student_and_teacher(tmp_path: Path, name: str) -> None:
    found = specs(tmp_path, name)
    shaped = {(spec["model"]["layers"], spec["model"]["head_dim"]): spec for spec in found.values()}
    assert parameters(shaped[3 if name == "teacher_budget" else 11, 128]) == (
        TEACHER if name == "teacher_budget" else STUDENT)
    if (3, 128) in shaped:
        assert parameters(shaped[3, 128]) == TEACHER
    assert (3, 128) in shaped or name in ("ce_baseline", "max_batch")
    for spec in found.values():
        assert spec["attention"]["require_flash"]
        assert spec["kd"] is None or spec["kd"]["compile_teacher"]


@pytest.mark.torch
@pytest.mark.parametrize(("setting", "expected"), [
    ("model.bigram_vocab_size=2", 350_653_066), ("model.layers=3", 489_554_538)])
def test_the_references_other_sizes_are_one_setting_away(tmp_path: Path, setting: str, expected: int) -> None:
    found = specs(tmp_path, "ce_baseline", None, f"defaults.{setting}")
    assert {parameters(spec) for spec in found.values()} == {expected}


@pytest.mark.torch
@pytest.mark.parametrize("name", ["ce_baseline", "lr_grid", "hill_climb"])
def test_a_climb_on_a_gpu_has_the_references_schedule(tmp_path: Path, name: str) -> None:
    spec = next(spec for spec in specs(tmp_path, name).values() if spec["horizon"] == 1555)
    length = spec["data"]["sequence_length"]
    assert [(s.begin, s.end, s.batch * length, s.micro * length) for s in Stages.of(parse_spec(spec)).all] == [
        (0, 505, 131072, 16384), (505, 1010, 262144, 32768), (1010, 1555, 393216, 49152)]


@pytest.mark.torch
@pytest.mark.parametrize("name", ON_A_GPU)
def test_on_a_cpu_a_campaign_stays_small(tmp_path: Path, name: str) -> None:
    for spec in specs(tmp_path, name, "cpu").values():
        assert parameters(spec) < 1_000_000
        assert not spec.get("stages")
        assert "attention" not in spec
        assert spec["kd"] is None or "compile_teacher" not in spec["kd"]
