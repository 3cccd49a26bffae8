"""Rules of expansion: which runs a campaign holds, in what order, under what name, and what makes two of them one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.domain.errors import CampaignFileError
from orchestrator.domain.verdict import Role
from orchestrator.planning.campaign_file import load_campaign, shipped_campaigns
from orchestrator.planning.layout import LaidRun
from orchestrator.planning.parts import SpecParts
from orchestrator.wire.spec import run_id_of, spec_bytes
from tests.unit.planning_campaigns import CE, KD, load


def runs(directory: Path, text: str, *settings: str) -> tuple[LaidRun, ...]:
    return load(directory, text, *settings).layout.runs


def names(directory: Path, text: str, *settings: str) -> list[str]:
    return [r.name.partition("/")[2] for r in runs(directory, text, *settings)]


def refusal(directory: Path, text: str) -> CampaignFileError:
    with pytest.raises(CampaignFileError) as caught:
        load(directory, text)
    return caught.value


def test_axes_are_a_product_in_the_order_written_the_last_fastest(tmp_path: Path) -> None:
    text = CE + "    axes: {schedule.boost: [2, 3], seed: [0, 1], model.layers: [1, 2]}\n"
    assert names(tmp_path, text) == ["boost2-layers1-s0", "boost2-layers2-s0", "boost2-layers1-s1", "boost2-layers2-s1",
                                     "boost3-layers1-s0", "boost3-layers2-s0", "boost3-layers1-s1", "boost3-layers2-s1"]


def test_zipped_lists_advance_together_and_multiply_with_axes(tmp_path: Path) -> None:
    text = CE + "    zip: {model.layers: [1, 2], horizon: [100, 50]}\n    axes: {seed: [0, 1]}\n"
    assert [(r.spec.model.layers, r.spec.horizon, r.spec.seed) for r in runs(tmp_path, text)] == [
        (1, 100, 0), (1, 100, 1), (2, 50, 0), (2, 50, 1)]


def test_explicit_runs_keep_their_names_and_multiply_with_axes(tmp_path: Path) -> None:
    text = CE + "    runs: [{name: a, horizon: 5}, {name: b}]\n    axes: {seed: [3, 4], optimizer.lr: [0.1, 1e-4]}\n"
    assert names(tmp_path, text) == ["a-lr0.1-s3", "a-lr0.0001-s3", "a-lr0.1-s4", "a-lr0.0001-s4",
                                     "b-lr0.1-s3", "b-lr0.0001-s3", "b-lr0.1-s4", "b-lr0.0001-s4"]


def test_an_axis_of_mappings_is_merged_and_named(tmp_path: Path) -> None:
    text = CE + "    axes: {schedule: [{_name: mild, boost: 2, hold: 0.1, drop_to_base: 0.2}, {boost: 3}]}\n"
    found = runs(tmp_path, text, "defaults.schedule.cooldown=0.25")
    assert [r.name for r in found] == ["base/mild-s0", "base/schedule1-s0"]
    assert [(r.spec.schedule.boost, r.spec.schedule.cooldown) for r in found] == [(2.0, 0.25), (3.0, 0.25)]


def test_words_and_switches_show_in_default_names(tmp_path: Path) -> None:
    text = CE + "    axes: {optimizer.kind: [muon, adamw], compile: [true, false]}\n"
    assert names(tmp_path, text)[:2] == ["kind_muon-compile_on-s0", "kind_muon-compile_off-s0"]


def test_a_stage_in_which_nothing_varies_is_named_after_itself(tmp_path: Path) -> None:
    assert names(tmp_path, CE + "    axes: {seed: [7], horizon: [10]}\n") == ["baseline-s7"]


def test_run_names_that_two_stages_share_carry_the_stage(tmp_path: Path) -> None:
    text = """\
        campaign: c
        stages:
          - {name: one, role: ce, runs: [{name: a}, {name: b, horizon: 4}]}
          - {name: two, role: ce, runs: [{name: a, horizon: 5}]}
          - {name: three, role: ce, runs: [{name: c, horizon: 6}]}
        """
    assert [r.name for r in runs(tmp_path, text)] == ["c/one/a-s0", "c/one/b-s0", "c/two/a-s0", "c/c-s0"]


@pytest.mark.parametrize(("template", "words"), [
    ("{schedule.boots}", "{schedule.boots} is not a number or word"),
    ("{schedule}", "is not a number or word"),
    ("{schedule.boost:>9999999999}", "is no number format"),
    ("{schedule.boost.__class__}", "is not a number or word"),
    ("{optimizer.kind:.2f}", "cannot be shown so"),
    ("{schedule.boost", "a brace is not closed"),
    ("a b", "is no run name"),
    ("a/b", "is no run name"),
    ("x" * 150, "is longer than"),
    ("{horizon}", "two runs are named '1000-s0'"),
])
def test_a_name_template_that_cannot_be_is_refused_at_its_line(tmp_path: Path, template: str, words: str) -> None:
    error = refusal(tmp_path, CE + f"    names: {template!r}\n    axes: {{schedule.boost: [2, 3]}}\n")
    assert words in error.message
    assert error.line == 5


@pytest.mark.parametrize(("grid", "words"), [
    ("axes: {}", "the grid is empty"),
    ("axes: {seed: []}", "the grid is empty"),
    ("runs: []", "the grid is empty"),
    ("zip: {seed: []}", "the grid is empty"),
    ("zip: {seed: [1, 2], horizon: [1]}", "equal lengths: seed has 2, horizon has 1"),
    ("axes: {seed: 3}", "expected a list"),
    ("axes: {schedule.boosts: [1]}", "unknown key 'boosts'"),
    ("axes: {Schedule: [1]}", "expected a dotted path"),
    ("axes: {seed: [0, 1, 0]}", "two runs are named 'baseline-s0'"),
    ("axes: {seed: [0, x]}", "expected a valid integer"),
    ("axes: {schedule: [fast]}", "expected a mapping"),
    ("axes: {schedule: [{_name: 'a b'}]}", "expected a name"),
    ("runs: [{horizon: 3}]", "needs a name"),
    ("runs: [{name: a b}]", "needs a name"),
    ("runs: [{name: a, horizon: 0}]", "greater than or equal to 1"),
    ("runs: [{name: a}, {name: b}]", "ask for exactly the same"),
])
def test_a_grid_that_cannot_be_is_refused_at_its_line(tmp_path: Path, grid: str, words: str) -> None:
    error = refusal(tmp_path, CE + "    description: a line between\n    " + grid + "\n")
    assert words in error.message
    assert error.line == (3 if words.startswith(("two runs", "ask for")) else 6)


def test_a_campaign_of_ten_million_runs_is_refused_by_count_without_being_expanded(tmp_path: Path) -> None:
    axes = ", ".join(f"{p}: [{', '.join(map(str, range(1, 11)))}]" for p in
                     ("seed", "horizon", "model.layers", "model.heads", "optimizer.lr", "schedule.boost", "threads"))
    error = refusal(tmp_path, CE + f"    axes: {{{axes}}}\n")
    assert "asks for 10,000,000 runs; at most 10,000" in error.message
    assert error.line == 5


def test_the_same_run_twice_in_a_campaign_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, "campaign: c\nstages: [{name: a, role: ce}, {name: b, role: ce}]\n")
    assert "runs a/a-s0 and b/b-s0 ask for exactly the same" in error.message


def test_1e_4_and_0_0001_and_a_quoted_1e_4_are_one_run(tmp_path: Path) -> None:
    ids = {runs(tmp_path, CE + f"    spec: {{optimizer: {{lr: {lr}}}}}\n")[0].identity
           for lr in ("1e-4", "0.0001", '"1e-4"', "1.0E-4", "'0.00010'")}
    assert len(ids) == 1


def test_the_order_of_keys_makes_no_other_run(tmp_path: Path) -> None:
    one = runs(tmp_path, CE + "    spec: {horizon: 5, model: {layers: 2, heads: 2}}\n")
    two = runs(tmp_path, CE + "    spec: {model: {heads: 2, layers: 2}, horizon: 5}\n")
    assert one[0].identity == two[0].identity


def test_host_lane_name_policy_and_deadline_make_no_other_run(tmp_path: Path) -> None:
    plain = {r.identity for r in runs(tmp_path, KD)}
    moved = KD.replace("campaign: demo", "campaign: other\ndescription: x\nenvironment: {A: b}\nhost: h100")
    for before, after in (("deadline: 5m", "deadline: 9h"), ("teacher-10pct", "thrifty"), ("name: small", "name: s")):
        moved = moved.replace(before, after)
    assert {r.identity for r in runs(tmp_path, moved)} == plain
    assert {r.identity for r in runs(tmp_path, moved, "stages.baseline.policy={name: p, trend_points: 2}")} == plain


def test_a_run_is_known_by_the_digest_of_its_spec(tmp_path: Path) -> None:
    for run in runs(tmp_path, KD):
        assert run.identity == run_id_of(run.spec)
        assert run.size_bytes == len(spec_bytes(run.spec))


def test_a_selector_states_the_sorted_candidates_and_what_admits_them(tmp_path: Path) -> None:
    found = runs(tmp_path, KD)
    teachers = sorted(r.identity for r in found if r.stage == "teachers")
    arm = next(r for r in found if r.role is Role.KD)
    assert arm.spec.kd is not None
    selector = arm.spec.kd.teacher
    assert (selector.from_, selector.by, list(selector.among)) == ("teachers.best", "final_val", teachers)
    baseline = next(r for r in found if r.stage == "baseline")
    assert selector.admitted["budget"] == {"fraction": "0.1", "of": baseline.identity}
    assert arm.spec.stop_at_target == selector


def test_other_candidates_or_another_bar_make_other_students(tmp_path: Path) -> None:
    def arms(*settings: str) -> set[str]:
        return {r.identity for r in runs(tmp_path, KD, *settings) if r.role is Role.KD}
    plain = arms()
    assert plain.isdisjoint(arms("stages.teachers.runs.small.horizon=90"))
    assert plain.isdisjoint(arms("stages.teachers.policy.budget.fraction=0.05"))
    assert plain.isdisjoint(arms("stages.teachers.select.best=best_val"))
    assert plain == arms("stages.teachers.policy.name=other")


def test_each_arm_has_a_twin_that_is_the_same_run_without_kd(tmp_path: Path) -> None:
    found = {r.name: r for r in runs(tmp_path, KD)}
    arms = [r for r in found.values() if r.role is Role.KD]
    assert len(arms) == 4
    for arm in arms:
        assert arm.twin == arm.name + "-twin"
        twin = found[arm.twin]
        assert (twin.role, twin.spec.mode, twin.spec.kd) == (Role.CONTROL, "ce", None)
        same = {"schedule", "seed", "horizon", "data", "model", "optimizer", "validation", "stop_at_target"}
        assert all(getattr(twin.spec, k) == getattr(arm.spec, k) for k in same)
        assert twin.reference == arm.reference


def test_arms_that_differ_only_in_kd_share_one_twin(tmp_path: Path) -> None:
    found = runs(tmp_path, KD, "stages.arms.axes={kd.alpha: [0.3, 0.5], schedule.boost: [2], seed: [0]}",
                 "defaults.schedule.drop_to_base=0.3")
    arms = [r for r in found if r.role is Role.KD]
    assert [a.twin for a in arms] == ["demo/alpha0.3-s0-twin"] * 2
    assert [r.name for r in found if r.role is Role.CONTROL] == ["demo/alpha0.3-s0-twin"]


def test_a_twin_that_the_baseline_already_is_is_not_run_again(tmp_path: Path) -> None:
    found = runs(tmp_path, KD, "stages.arms.axes={seed: [0, 1]}", "stages.arms.stop_at_target=false")
    arms = [r for r in found if r.role is Role.KD]
    assert [a.twin for a in arms] == ["demo/baseline-s0", "demo/baseline-s1"]
    assert not [r for r in found if r.role is Role.CONTROL]


def test_an_arm_is_compared_with_the_ce_run_of_its_seed(tmp_path: Path) -> None:
    pairs = {(r.spec.seed, r.reference) for r in runs(tmp_path, KD) if r.stage == "arms"}
    assert pairs == {(0, "demo/baseline-s0"), (1, "demo/baseline-s1")}


def test_of_two_ce_runs_of_a_seed_the_comparable_one_is_the_reference(tmp_path: Path) -> None:
    found = runs(tmp_path, KD, "stages.baseline.axes={horizon: [150, 200], seed: [0, 1]}")
    assert {r.reference for r in found if r.stage == "arms"} == {"demo/horizon200-s0", "demo/horizon200-s1"}


def test_defaults_about_kd_are_for_the_stages_that_distil(tmp_path: Path) -> None:
    found = runs(tmp_path, KD, "defaults.kd={alpha: 0.25}")
    assert {r.spec.kd.alpha for r in found if r.spec.kd is not None} == {0.25}
    assert all(r.spec.kd is None for r in found if r.role is not Role.KD)


def test_a_measurement_may_distil_with_a_teacher(tmp_path: Path) -> None:
    text = KD[:KD.index("  - name: arms")] + \
        "  - {name: probe, role: measurement, teacher: {from: teachers.best}, spec: {horizon: 20}}\n"
    probe = runs(tmp_path, text)[-1]
    assert (probe.role, probe.spec.mode, probe.name) == (Role.MEASUREMENT, "kd", "demo/probe-s0")


@pytest.mark.parametrize("name", shipped_campaigns())
def test_identities_are_digests_of_the_canonical_spec_however_they_are_computed(tmp_path: Path, name: str) -> None:
    parts = SpecParts()
    for run in load_campaign(name, cwd=tmp_path).layout.runs:
        data = spec_bytes(run.spec)
        again = parts.spec(json.loads(data))
        assert again == run.spec
        assert parts.body(again) == json.loads(data)
        assert parts.canonical(again, parts.body(again)) == data
        if not run.open:
            assert (run.identity, run.size_bytes) == (run_id_of(run.spec), len(data))
