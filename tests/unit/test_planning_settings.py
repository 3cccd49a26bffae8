"""Rules of stages that take what others chose: places, settings, marks that never move, and halving."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.domain.errors import CampaignFileError
from orchestrator.domain.verdict import Gate, Role
from orchestrator.planning.lints import lint
from orchestrator.planning.plan import Plan, Resolved
from orchestrator.wire.spec import run_id_of
from tests.unit.planning_campaigns import KD, Past, load, planned

LONG = KD.replace("select: {best: steps_to_target}", "select: {top: 2 by steps_to_target}") + """\
  - {name: long_baseline, role: ce, spec: {horizon: 400}, axes: {seed: [7]}}
  - name: long
    role: kd
    settings: {from: arms.top}
    teacher: {from: teachers.best}
    compare_with: long_baseline
    controls: true
    spec: {horizon: 400}
    axes: {seed: [7]}
    select: {best: steps_to_target}
"""
HALVING = KD.replace("schedule.boost: [2.0, 3.0]", "schedule.boost: [2.0, 2.2, 2.4, 2.6, 2.8, 3.0, 3.2, 3.4, 3.6]") \
    .replace("    select: {best: steps_to_target}\n", "    halving: {eta: 3, rungs: 3}\n"
                                                     "    select: {best: steps_to_target}\n") \
    .replace("horizon: 200", "horizon: 450")


def chosen(plan: Plan, *names: str) -> Past:
    """A past in which the teacher is chosen, and these runs have the places of ``arms.top``."""
    teacher = plan.stage("teachers").choice
    assert teacher is not None
    by_name = {r.name: r.identity for r in plan.runs}
    places = {place.key: Resolved(by_name[name], None, 2_000_000)
              for place, name in zip(plan.stage("arms").top, names, strict=False)}
    return Past({teacher.key: Resolved(teacher.selector.among[0], "c" * 64, 2_100_000), **places})


def refused(directory: Path, text: str, words: str) -> None:
    with pytest.raises(CampaignFileError) as caught:
        load(directory, text)
    assert words in caught.value.message


def test_runs_of_a_place_are_open_until_it_is_taken_and_named_by_it(tmp_path: Path) -> None:
    long = [r for r in planned(tmp_path, LONG).runs if r.stage == "long"]
    assert [r.name for r in long] == ["demo/top1-s7", "demo/top1-s7-twin", "demo/top2-s7", "demo/top2-s7-twin"]
    assert all(r.run_id is None and "arms.top" in r.unresolved and r.spec_is_open for r in long)


def test_a_taken_place_gives_its_run_the_settings_of_the_chosen_and_the_rest_of_the_stage(tmp_path: Path) -> None:
    before = planned(tmp_path, LONG)
    plan = planned(tmp_path, LONG, past=chosen(before, "demo/boost3-s1", "demo/boost2-s0"))
    runs = {r.name: r for r in plan.runs}
    for name, source, boost in (("demo/top1-s7", "demo/boost3-s1", 3.0), ("demo/top2-s7", "demo/boost2-s0", 2.0)):
        run, twin = runs[name], runs[f"{name}-twin"]
        assert run.run_id == run.identity == run_id_of(run.spec)
        assert run.settings_from == source
        assert (run.spec.schedule.boost, run.spec.horizon, run.seed) == (boost, 400, 7)
        assert (twin.spec.schedule, twin.spec.kd, twin.role) == (run.spec.schedule, None, Role.CONTROL)
        assert (run.twin_name, run.reference_name) == (twin.name, "demo/long_baseline-s7")
        assert run.spec.stop_at_target is None, "what the source stage does with its target is its own affair"
    assert runs["demo/top1-s7"].spec.kd == runs["demo/boost3-s1"].spec.kd


def test_a_choice_moves_no_identity_of_the_plan(tmp_path: Path) -> None:
    before = planned(tmp_path, LONG)
    after = planned(tmp_path, LONG, past=chosen(before, "demo/boost3-s1", "demo/boost2-s0"))
    assert (before.plan_hash, before.campaign_id) == (after.plan_hash, after.campaign_id)
    assert [r.ordinal for r in before.runs] == [r.ordinal for r in after.runs]
    assert before.stage("long").choice == after.stage("long").choice


def test_two_chosen_schedules_that_come_to_one_twin_share_it(tmp_path: Path) -> None:
    text = LONG.replace("schedule.boost: [2.0, 3.0]", "schedule.boost: [2.0]\n      kd.alpha: [0.3, 0.5]")
    before = planned(tmp_path, text)
    plan = planned(tmp_path, text, past=chosen(before, "demo/alpha0.3-s0", "demo/alpha0.5-s0"))
    long = {r.name: r for r in plan.runs if r.stage == "long"}
    assert set(long) == {"demo/top1-s7", "demo/top1-s7-twin", "demo/top2-s7"}
    assert {r.twin_name for r in long.values() if r.role is Role.KD} == {"demo/top1-s7-twin"}


def test_editing_what_is_laid_over_the_settings_changes_the_campaign(tmp_path: Path) -> None:
    ids = {planned(tmp_path, LONG, *change).campaign_id for change in (
        (), ("stages.long.spec.horizon=410", "stages.long_baseline.spec.horizon=410"),
        ("stages.arms.select.top=1 by steps_to_target",), ("stages.arms.select.top=2 by final_val",))}
    assert len(ids) == 4


@pytest.mark.parametrize(("before", "after", "words"), [
    ("{from: arms.top}", "{from: arms.best}", "stage 'arms' chooses nothing"),
    ("{from: arms.top}", "{from: teachers.top}", "settings go from a stage to one of the same role"),
    ("top: 2 by steps_to_target", "best: steps_to_target", "stage 'arms' ranks nothing"),
    ("spec: {horizon: 400}\n    axes: {seed: [7]}\n    select", "spec: {horizon: 400}\n    select", "its own seeds"),
    ("spec: {horizon: 400}\n    axes: {seed: [7]}\n    select",
     "stop_at_target: true\n    axes: {seed: [1]}\n    select", "may ask for exactly what"),
    ("top: 2 by steps_to_target", "top: 2 by luck", "top"),
    ("    controls: true\n    spec: {horizon: 400}", "    names: x\n    spec: {horizon: 400}", "named by their place"),
])
def test_what_cannot_be_handed_on_is_refused(tmp_path: Path, before: str, after: str, words: str) -> None:
    assert before in LONG
    refused(tmp_path, LONG.replace(before, after), words)


def test_lints_look_at_everything_that_may_be_chosen(tmp_path: Path) -> None:
    text = LONG.replace("schedule.drop_to_base: [0.4]", "schedule.drop_to_base: [0.4, 0.7]")
    found = lint(load(tmp_path, text))
    assert {e.name for e in found} == {"boost-in-ce-tail"}


def test_halving_stands_for_a_stage_per_rung_with_a_shrunk_horizon(tmp_path: Path) -> None:
    plan = planned(tmp_path, HALVING)
    arms = {s: [r for r in plan.runs if r.stage == s and r.role is Role.KD] for s in ("arms_r1", "arms_r2", "arms")}
    assert {s: (len(rs), {r.spec.horizon for r in rs}) for s, rs in arms.items()} == {
        "arms_r1": (18, {50}), "arms_r2": (6, {150}), "arms": (2, {450})}
    spent = sum(r.spec.horizon for rs in arms.values() for r in rs)
    assert 18 * 450 / spent == 3.0
    for rung in ("arms_r1", "arms_r2"):
        gates = plan.stage(rung).policies[rung].gates
        assert Gate.BUDGET in gates
        assert not {Gate.COMPARABLE, Gate.TARGET_REACHED} & set(gates), "an early rung only ranks"
        assert {r.role for r in plan.runs if r.stage == rung} == {Role.KD}
    assert {r.role for r in plan.runs if r.stage == "arms"} == {Role.KD, Role.CONTROL}
    assert lint(load(tmp_path, HALVING)) == []


GOES_ON = """\
campaign: demo
defaults: {entry: simulated, simulated: {}}
host: local
stages:
  - name: wide
    role: ce
    spec: {horizon: 450}
    axes: {optimizer.lr: [1.0e-3, 2.0e-3, 4.0e-3], schedule.cooldown: [0.0], seed: [0, 1]}
    halving: {eta: 3, rungs: 2, resume: true}
    select: {best: final_val}
"""


def test_rungs_go_on_from_the_run_of_the_same_seed_in_the_rung_before(tmp_path: Path) -> None:
    first = planned(tmp_path, GOES_ON)
    by_name = {r.name: r for r in first.runs}
    place = first.stage("wide_r1").top[0]
    chosen = next(r for r in first.runs if r.stage == "wide_r1" and r.spec.optimizer.lr == 2e-3 and r.seed == 1)
    plan = planned(tmp_path, GOES_ON, past=Past({place.key: Resolved(chosen.identity, None, 2_000_000)}))
    last = [r for r in plan.runs if r.stage == "wide"]
    assert [(r.spec.horizon, r.seed, r.spec.optimizer.lr) for r in last] == [(450, 0, 2e-3), (450, 1, 2e-3)]
    assert [r.continues for r in last] == [next(
        r.identity for r in by_name.values() if (r.seed, r.spec.optimizer.lr, r.stage) == (s, 2e-3, "wide_r1"))
        for s in (0, 1)]
    assert all(r.continues is None for r in plan.runs if r.stage == "wide_r1")
    anew = planned(tmp_path, GOES_ON.replace(", resume: true", ""),
                   past=Past({place.key: Resolved(chosen.identity, None, 2_000_000)}))
    assert all(r.continues is None for r in anew.runs), "only where the file asks for it"


def test_a_schedule_that_shrinks_with_the_horizon_cannot_go_on(tmp_path: Path) -> None:
    refused(tmp_path, GOES_ON.replace("[0.0], seed", "[0.2], seed"),
            "no run can go on from the rung of 150 steps: schedule.cooldown is in fractions of the horizon")
    some = planned(tmp_path, GOES_ON.replace("[0.0], seed", "[0.0, 0.2], seed"))
    assert len(some.runs) == 12 + 4, "one that can is enough"


def test_too_few_configurations_for_the_rungs_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, HALVING.replace("rungs: 3", "rungs: 4"), "9 configurations do not make 4 rungs")


def test_random_search_draws_the_same_configurations_every_time(tmp_path: Path) -> None:
    over = "{draws: 8, seed: 1, over: {schedule.boost: {uniform: [2.0, 4.0]}, kd.alpha: [0.3, 0.5, 0.7]}}"
    text = KD.replace("    axes:\n      schedule.boost: [2.0, 3.0]", f"    random: {over}\n    axes:")

    def drawn(which: str) -> list[tuple[float, float]]:
        return [(r.spec.schedule.boost, r.spec.kd.alpha) for r in planned(tmp_path, which).runs if r.spec.kd]

    found = drawn(text)
    assert len(set(found)) == 8
    assert len(found) == 16, "each with both seeds"
    assert all(2.0 <= boost <= 4.0 and alpha in (0.3, 0.5, 0.7) for boost, alpha in found)
    assert drawn(text) == found
    assert drawn(text.replace("seed: 1", "seed: 2")) != found
    refused(tmp_path, text.replace("draws: 8", "draws: 9").replace("{uniform: [2.0, 4.0]}", "[2.0, 3.0]"),
            "only 6 different configurations")


def test_repeats_of_a_duel_interleave_and_turn_round(tmp_path: Path) -> None:
    text = """\
    campaign: ab
    stages:
      - {name: ab, role: measurement, duel: true, runs: [{name: A}, {name: B, threads: 2}], axes: {seed: [0, 1, 2]}}
    """
    names = [r.name.rpartition("/")[2] for r in planned(tmp_path, text).runs]
    assert names == ["A-s0", "B-s0", "B-s1", "A-s1", "A-s2", "B-s2"]


def test_a_duel_of_one_is_refused_and_its_seeds_make_no_second(tmp_path: Path) -> None:
    told = "a duel needs two configurations or more, and this stage has one, A; seeds are its repeats"
    with pytest.raises(CampaignFileError, match=told) as refused:
        load(tmp_path, """\
campaign: alone
stages:
  - {name: ab, role: measurement, duel: true, runs: [{name: A}], axes: {seed: [0, 1]}}
""")
    assert refused.value.key == "stages.ab.duel"


def test_an_end_that_a_stage_asks_about_is_done_and_any_other_is_to_be_tried_again(tmp_path: Path) -> None:
    text = "campaign: c\nstages: [{name: m, role: measurement, expects: [oom]}]\n"
    run = planned(tmp_path, text).runs[0]
    assert planned(tmp_path, text, past=Past(stands={run.identity: "oom"})).runs[0].standing == "done"
    other = text.replace(", expects: [oom]", "")
    assert planned(tmp_path, other, past=Past(stands={run.identity: "oom"})).runs[0].standing == "retry"
