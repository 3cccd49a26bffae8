"""Rules of scales, and of what an edited file keeps of the campaign that was launched."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from orchestrator.domain.errors import CampaignFileError, UsageError
from orchestrator.planning.campaign_file import load_campaign, shipped_campaigns
from orchestrator.planning.changes import compare
from orchestrator.planning.lints import lint
from orchestrator.planning.plan import Nothing, make_plan
from orchestrator.resources import shipped
from tests.unit.planning_campaigns import BUNDLE, KD, LANES, LOCAL, load

SCALED = KD + """\
scales:
  small:
    host: local
    defaults: {horizon: 90}
    stages:
      teachers: {spec: {horizon: 30}, runs: [{name: only, model: {layers: 1}}]}
      arms: {axes: {schedule.boost: [2.0]}}
"""
SHIPPED = [(name, scale) for name in shipped_campaigns()
           for scale in yaml.safe_load((shipped("campaigns") / name).read_text()).get("scales", {})]


def at(directory: Path, text: str, scale: str | None, *settings: str) -> set[tuple[str, int]]:
    (directory / "c.yaml").write_text(text)
    source = load_campaign("c.yaml", scale=scale, overrides=settings, cwd=directory)
    return {(r.name, r.spec.horizon) for r in source.layout.runs}


def test_a_scale_is_a_campaign_of_its_own_with_what_it_changes(tmp_path: Path) -> None:
    assert at(tmp_path, SCALED, "small") == {
        *((f"demo_small/baseline-s{s}", 90) for s in (0, 1)), ("demo_small/only-s0", 30),
        *((f"demo_small/arms-s{s}{t}", 90) for s in (0, 1) for t in ("", "-twin"))}


def test_without_a_scale_the_section_changes_nothing(tmp_path: Path) -> None:
    assert at(tmp_path, SCALED, None) == at(tmp_path, KD, None)


def test_set_comes_after_the_scale(tmp_path: Path) -> None:
    assert ("demo_small/baseline-s0", 77) in at(tmp_path, SCALED, "small", "defaults.horizon=77")


def test_what_is_wrong_in_a_scale_is_said_with_its_own_line(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(SCALED.replace("{spec: {horizon: 30}", "{spec: {horizon: 0}"))
    with pytest.raises(CampaignFileError) as caught:
        load_campaign("c.yaml", scale="small", cwd=tmp_path)
    assert caught.value.line == SCALED.splitlines().index(
        "      teachers: {spec: {horizon: 30}, runs: [{name: only, model: {layers: 1}}]}") + 1
    (tmp_path / "c.yaml").write_text(SCALED.replace("      arms: {axes", "      armz: {axes"))
    with pytest.raises(CampaignFileError, match="there is no stage 'armz'; stages: baseline, teachers, arms"):
        load_campaign("c.yaml", scale="small", cwd=tmp_path)


def test_a_scale_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(SCALED)
    with pytest.raises(UsageError, match="no scale 'tiny'") as caught:
        load_campaign("c.yaml", scale="tiny", cwd=tmp_path)
    assert caught.value.hint == "it has small"


@pytest.mark.parametrize(("name", "scale"), SHIPPED)
def test_every_shipped_scale_can_run_on_this_machine(tmp_path: Path, name: str, scale: str) -> None:
    source = load_campaign(name, scale=scale, cwd=tmp_path)
    plan = make_plan(source, LOCAL, LANES, BUNDLE, Nothing())
    assert lint(source) == []
    assert plan.misfits == ()
    assert {r.host for r in plan.runs} == {"local"}


def test_teachers_that_are_certain_to_overrun_are_stopped_wherever_something_is_trained(tmp_path: Path) -> None:
    def guarded(name: str, scale: str | None) -> list[str]:
        source = load_campaign(name, scale=scale, cwd=tmp_path)
        return [s.name for s in source.layout.stages if s.budget_guard]

    for name in ("hill_climb", "teacher_budget"):
        assert guarded(name, None) == guarded(name, "cpu") == ["teachers"]
    assert guarded("hill_climb", "rehearsal") == []


@pytest.mark.parametrize("name", ["ce_baseline", "teacher_budget", "lr_grid", "hill_climb", "teacher_infer_ab",
                                  "soft_loss_probe", "kernel_isolates", "max_batch", "distill_smoke"])
def test_every_campaign_of_the_domain_has_a_scale_for_a_cpu(name: str) -> None:
    assert (f"{name}.yaml", "cpu") in SHIPPED


def test_an_edit_keeps_adds_and_orphans_runs(tmp_path: Path) -> None:
    before = load(tmp_path, KD).layout
    after = load(tmp_path, KD, "stages.arms.axes.schedule.boost=[2.0, 4.0]", "stages.arms.policy={name: other}").layout
    changes = compare(before, after)
    arms = {(s, t) for s in (0, 1) for t in ("", "-twin")}
    assert {r.name for r in changes.new} == {f"demo/boost4-s{s}{t}" for s, t in arms}
    assert {r.name for r in changes.orphaned} == {f"demo/boost3-s{s}{t}" for s, t in arms}
    assert len(changes.kept) == len(after.runs) - 4
    assert changes.policies == ("arms", "arms:control")
    assert compare(before, before).nothing
