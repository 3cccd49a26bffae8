"""Rules of method: each lint fires where its rule is broken, at the line that breaks it, and can be allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.domain.errors import LintError
from orchestrator.planning.campaign_file import load_campaign, shipped_campaigns
from orchestrator.planning.lint_names import LINTS
from orchestrator.planning.lints import lint, require_clean
from tests.unit.planning_campaigns import KD, load

BREAKING = {
    "constant-weight-kd": ("stages.arms.axes.schedule.boost=[1.0]",),
    "boost-in-ce-tail": ("stages.arms.axes.schedule.drop_to_base=[0.6]",),
    "dynamic-norm-off": ("stages.arms.spec={kd: {dynamic_norm: off}}",),
    "comparison-mismatch": ("stages.arms.spec={horizon: 300}",),
    "temperature-range": ("stages.arms.spec={kd: {temperature: 4.0}}",),
    "kd-stop-priors": ("stages.arms.spec={kd: {stop: {margin: 0.1}}}",),
    "tied-embeddings": ("stages.arms.spec={model: {tied_embeddings: true}}",),
    "kernel-shapes": ("defaults.model={layers: 2, heads: 3}",),
    "no-controls": ("stages.arms.controls=false",),
    "no-reference": ("stages.arms.compare_with=null",),
}


def broken(directory: Path, *settings: str) -> set[str]:
    return {e.name for e in lint(load(directory, KD, *settings))}


def test_a_campaign_that_keeps_the_rules_has_no_lint(tmp_path: Path) -> None:
    assert broken(tmp_path) == set()


def test_every_lint_is_tried_here() -> None:
    assert set(BREAKING) == set(LINTS)


@pytest.mark.parametrize("name", BREAKING)
def test_breaking_a_rule_gives_its_lint_alone_and_allowing_it_none(tmp_path: Path, name: str) -> None:
    assert broken(tmp_path, *BREAKING[name]) == {name}
    assert broken(tmp_path, *BREAKING[name], f"allow=[{name}]") == set()


@pytest.mark.parametrize(("setting", "name"), [
    ("stages.arms.spec={kd: {temperature: 0.5}}", "temperature-range"),
    ("stages.arms.spec={kd: {stop: {mode: never}}}", "kd-stop-priors"),
    ("stages.arms.spec={kd: {stop: {min_step: 50}}}", "kd-stop-priors"),
    ("stages.arms.spec={data: {batch_sequences: 8}}", "comparison-mismatch"),
    ("stages.arms.spec={data: {sequence_length: 32}}", "comparison-mismatch"),
    ("stages.arms.spec={validation: {every: 50}}", "comparison-mismatch"),
    ("stages.arms.axes.seed=[0, 2]", "comparison-mismatch"),
    ("defaults.model={layers: 2, head_dim: 30}", "kernel-shapes"),
    ("defaults.model={layers: 2, tied_embeddings: true}", "tied-embeddings"),
])
def test_other_ways_to_break_a_rule(tmp_path: Path, setting: str, name: str) -> None:
    assert broken(tmp_path, setting) == {name}


@pytest.mark.parametrize("setting", [
    "stages.arms.spec={kd: {temperature: 2.0}}",
    "stages.arms.spec={kd: {temperature: 1.0, alpha: 0.3, stop: {sign: -1}}}",
    "stages.arms.axes.schedule.drop_to_base=[0.5]",
    "stages.arms.spec={data: {microbatch_sequences: 4}}",
    "stages.arms.spec={schedule: {finish: 0.3}}",
])
def test_the_edge_of_a_rule_is_within_it(tmp_path: Path, setting: str) -> None:
    assert broken(tmp_path, setting) == set()


def test_a_late_drop_is_no_tail_when_the_kd_stop_brings_the_rate_down(tmp_path: Path) -> None:
    late = "stages.arms.axes.schedule.drop_to_base=[0.8]"
    assert broken(tmp_path, late, "stages.arms.spec={schedule: {finish: 0.3}}") == set()
    assert broken(tmp_path, late, "stages.arms.spec={schedule: {finish: 0.6}}") == {"boost-in-ce-tail"}


def test_a_lint_names_the_line_and_the_values_that_break_the_rule(tmp_path: Path) -> None:
    text = KD.replace("schedule.boost: [2.0, 3.0]", "schedule.boost: [1.0, 3.0]")
    (error,) = lint(load(tmp_path, text))
    assert error.message.startswith("c.yaml:22: [constant-weight-kd] KD with schedule.boost 1: ")


def test_the_simulated_trainer_has_no_kernels(tmp_path: Path) -> None:
    assert broken(tmp_path, "defaults.entry=simulated", "defaults.simulated={}",
                  "defaults.model={layers: 2, heads: 3, head_dim: 7, tied_embeddings: true}") == set()


def test_all_broken_rules_are_told_in_one_error(tmp_path: Path) -> None:
    source = load(tmp_path, KD, "stages.arms.controls=false", "stages.arms.spec={kd: {dynamic_norm: off}}")
    with pytest.raises(LintError) as caught:
        require_clean(source)
    assert caught.value.exit_code == 2
    assert "[no-controls]" in str(caught.value)
    assert "[dynamic-norm-off]" in str(caught.value)
    assert "allow: [dynamic-norm-off, no-controls]" in str(caught.value.hint)


@pytest.mark.parametrize("name", shipped_campaigns())
def test_shipped_campaigns_keep_the_rules(tmp_path: Path, name: str) -> None:
    require_clean(load_campaign(name, cwd=tmp_path))
