"""Rules of the plan: hosts, policies before they are pinned, choices, and a hash of what would be done."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

import pytest

from orchestrator.domain.errors import UnknownHost, UsageError
from orchestrator.domain.verdict import SHIPPED_POLICIES, Gate, Role
from orchestrator.planning.campaign_file import load_campaign
from orchestrator.planning.plan import Nothing, Plan, Resolved, make_plan, require_placeable
from orchestrator.wire.spec import canonical_bytes
from tests.unit.planning_campaigns import BUNDLE, CE, KD, LANES, LOCAL, Past, PlainHost, load, planned

HOSTS = {h.name: h for h in (PlainHost("local"), PlainHost("h100", gpus=1), PlainHost("big", gpus=8, slots=8))}


def on(directory: Path, text: str, *settings: str, host: str | None = None, lanes: dict | None = None,
       bundle: str = BUNDLE) -> Plan:
    return make_plan(load(directory, text, *settings, host=host), HOSTS, lanes if lanes is not None else LANES, bundle,
                     Nothing())


def test_the_same_campaign_twice_gives_equal_plans(tmp_path: Path) -> None:
    assert planned(tmp_path, KD) == planned(tmp_path, KD)


def test_a_run_goes_to_the_first_host_of_its_lane_with_gpus_enough(tmp_path: Path) -> None:
    lanes = {"default": ("local", "h100", "big")}
    for need, host in ((0, "local"), (1, "h100"), (2, "big")):
        assert {r.host for r in on(tmp_path, CE, f"defaults.needs.gpus={need}", lanes=lanes).runs} == {host}


def test_without_a_lane_or_host_it_is_the_default_lane_or_this_machine(tmp_path: Path) -> None:
    assert on(tmp_path, CE, lanes={"default": ("h100",)}).runs[0].host == "h100"
    assert on(tmp_path, CE, lanes={}).runs[0].host == "local"


def test_the_file_may_name_a_lane_or_a_host_and_the_command_line_overrides_both(tmp_path: Path) -> None:
    lanes = {"default": ("local",), "fast": ("big",)}
    assert on(tmp_path, "lane: fast\n" + CE, lanes=lanes).runs[0].host == "big"
    assert on(tmp_path, "host: h100\n" + CE, lanes=lanes).runs[0].host == "h100"
    for place in ("lane: fast\n", "host: h100\n"):
        assert on(tmp_path, place + CE, host="local", lanes=lanes).runs[0].host == "local"


def test_hosts_and_lanes_that_are_not_there_are_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownHost, match="no host moon; hosts: big, h100, local"):
        on(tmp_path, CE, host="moon")
    with pytest.raises(UsageError, match="no lane slow; lanes: default"):
        on(tmp_path, "lane: slow\n" + CE)


def test_a_run_that_no_host_can_take_can_be_looked_at_but_not_placed(tmp_path: Path) -> None:
    plan = on(tmp_path, CE, "defaults.needs.gpus=9", lanes={"default": ("h100", "big")})
    assert plan.misfits == ("a run of stage baseline needs 9 GPUs; h100 has 1, big has 8",)
    with pytest.raises(UsageError, match="1 of 1 runs cannot be placed"):
        require_placeable(plan)
    require_placeable(on(tmp_path, CE))


def test_shipped_policies_are_taken_as_they_are(tmp_path: Path) -> None:
    for name, role in (("teacher-budget-10pct", "teacher"), ("teacher-budget-5pct", "teacher"), ("ce-baseline", "ce")):
        text = f"campaign: c\nstages: [{{name: a, role: {role}, policy: {name}}}]\n"
        plan = planned(tmp_path, text).stage("a").policies["a"]
        shipped = SHIPPED_POLICIES[name]
        assert (plan.name, plan.gates, plan.budget_ms, plan.budget_derivation, plan.trend_points, plan.target_u6) == (
            shipped.name, shipped.gates, shipped.budget_ms, shipped.budget_derivation, shipped.trend_points, None)


def test_a_derived_budget_stays_a_rule_and_students_share_it(tmp_path: Path) -> None:
    plan = planned(tmp_path, KD)
    teachers = plan.stage("teachers").policies["teachers"]
    assert (teachers.budget_fraction, teachers.budget_of) == (Decimal("0.1"), "baseline.first")
    assert teachers.budget_ms is None
    arms = plan.stage("arms").policies
    assert (arms["arms"].budget_like, arms["arms"].budget_ms) == ("teachers", None)
    assert Gate.BUDGET in arms["arms"].gates
    assert arms["arms:control"].role is Role.CONTROL
    assert Gate.BUDGET not in arms["arms:control"].gates


def test_a_literal_budget_of_the_teachers_is_the_students(tmp_path: Path) -> None:
    plan = planned(tmp_path, KD, "stages.teachers.policy=teacher-budget-10pct")
    policy = plan.stage("arms").policies["arms"]
    assert (policy.budget_ms, policy.budget_like) == (69402, None)
    assert "69401.5 ms" in policy.budget_derivation


def test_the_target_is_the_teachers_final_loss_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    plan = planned(tmp_path, KD)
    choice = plan.stage("teachers").choice
    assert choice is not None
    for policy in plan.stage("arms").policies.values():
        assert (policy.target_key, policy.target_of, policy.target_u6) == (choice.key, "teachers.best", None)
    literal = planned(tmp_path, KD, "stages.arms.target=4.07", "stages.arms.stop_at_target=false")
    for policy in literal.stage("arms").policies.values():
        assert (policy.target_key, policy.target_u6) == (None, 4070000)


def test_gates_are_in_their_fixed_order_and_numbers_in_micro_nats(tmp_path: Path) -> None:
    policy = "{name: p, gates: [evidence_complete, val_trend], trend_points: 2, trend_min_drop: 0.01}"
    plan = planned(tmp_path, CE, f"stages.baseline.policy={policy}").stage("baseline").policies["baseline"]
    assert plan.gates == (Gate.VAL_TREND, Gate.EVIDENCE_COMPLETE)
    assert (plan.trend_points, plan.trend_min_drop_u6) == (2, 10000)


def test_stages_say_which_stages_they_need(tmp_path: Path) -> None:
    assert {s.name: s.needs for s in planned(tmp_path, KD).stages} == {
        "baseline": (), "teachers": ("baseline",), "arms": ("teachers",)}


def _resolved(directory: Path) -> tuple[Plan, Resolved]:
    before = planned(directory, KD)
    choice = before.stage("teachers").choice
    assert choice is not None
    chosen = Resolved(choice.selector.among[0], "c" * 64, 1974250)
    return planned(directory, KD, past=Past({choice.key: chosen})), chosen


def test_runs_that_wait_for_a_choice_have_no_id_and_say_for_what(tmp_path: Path) -> None:
    for run in planned(tmp_path, KD).runs:
        waits = run.stage == "arms"
        assert run.unresolved == (("teachers.best",) if waits else ())
        assert (run.run_id is None) == waits
        assert run.teacher_checkpoint_sha256 is None
        assert run.target_val is None


def test_a_pinned_choice_gives_the_runs_their_ids_teacher_and_target(tmp_path: Path) -> None:
    plan, chosen = _resolved(tmp_path)
    for run in plan.runs:
        assert run.run_id == run.identity
        distils = run.role is Role.KD
        assert run.teacher == (chosen if distils else None)
        assert run.target_val == (1.97425 if run.stage == "arms" else None)


def test_the_key_of_a_choice_is_the_digest_of_its_selector(tmp_path: Path) -> None:
    choice = planned(tmp_path, KD).stage("teachers").choice
    assert choice is not None
    assert choice.key == hashlib.sha256(
        canonical_bytes(choice.selector.model_dump(mode="json", by_alias=True))).hexdigest()


def test_what_is_known_of_a_run_shows_as_its_standing(tmp_path: Path) -> None:
    first = planned(tmp_path, KD).runs[0]
    assert first.run_id is not None
    past = Past(stands={first.run_id: "done"})
    assert [r.standing for r in planned(tmp_path, KD, past=past).runs][:2] == ["done", "new"]


def test_the_plan_hash_does_not_move_while_the_campaign_runs(tmp_path: Path) -> None:
    before = planned(tmp_path, KD)
    after, _ = _resolved(tmp_path)
    done = planned(tmp_path, KD, past=Past(stands=dict.fromkeys([r.identity for r in before.runs], "done")))
    assert before.plan_hash == after.plan_hash == done.plan_hash


def test_the_plan_hash_moves_with_runs_hosts_bundle_policies_and_overrides(tmp_path: Path) -> None:
    hashes = [
        on(tmp_path, KD).plan_hash,
        on(tmp_path, KD, "defaults.horizon=201").plan_hash,
        on(tmp_path, KD, "stages.teachers.runs.small.name=tiny").plan_hash,
        on(tmp_path, KD, "stages.arms.policy={name: p, trend_points: 2}").plan_hash,
        on(tmp_path, KD, "deadline=6m").plan_hash,
        on(tmp_path, KD, "description=x").plan_hash,  # says nothing new, but it is an override
        on(tmp_path, KD, host="h100").plan_hash,
        on(tmp_path, KD, lanes={"default": ("big",)}).plan_hash,
        on(tmp_path, KD, bundle="cd" * 32).plan_hash,
    ]
    assert len(set(hashes)) == len(hashes)


def test_a_remark_in_the_file_does_not_move_the_plan_hash(tmp_path: Path) -> None:
    assert planned(tmp_path, KD).plan_hash == planned(tmp_path, "# a remark\n" + KD.replace("0.10", "1e-1")).plan_hash


def test_lr_grid_holds_the_36_schedules_each_with_its_twin(tmp_path: Path) -> None:
    plan = make_plan(load_campaign("lr_grid.yaml", cwd=tmp_path), LOCAL, LANES, BUNDLE, Nothing())
    arms = {r.name: r for r in plan.runs if r.role is Role.KD}
    assert sorted(arms) == sorted(f"lr_grid/b{b:.1f}-h{h:.2f}-d{d:.2f}-s0" for b in (2, 3, 4, 5)
                                  for h in (0.15, 0.2, 0.25) for d in (0.3, 0.35, 0.4))
    assert all(arms[n].twin_name == f"{n}-twin" and arms[n].reference_name == "lr_grid/baseline-s0" for n in arms)
    assert sum(1 for r in plan.runs if r.role is Role.CONTROL) == 36
    assert [plan.stage(s).policies[s].budget_ms for s in ("teachers", "arms")] == [69402, 69402]
    spec = arms["lr_grid/b3.0-h0.20-d0.35-s0"].spec
    assert spec.data.batch_sequences * spec.data.sequence_length == 262144
    assert (spec.horizon, spec.model.layers, spec.validation.every, spec.needs.gpus) == (1555, 11, 25, 1)


def test_quickstart_runs_on_this_machine_without_a_gpu(tmp_path: Path) -> None:
    plan = make_plan(load_campaign("quickstart", cwd=tmp_path), HOSTS, {"default": ("h100",)}, BUNDLE, Nothing())
    assert {r.host for r in plan.runs} == {"local"}
    assert plan.misfits == ()
    assert {(r.role, r.seed) for r in plan.runs if r.stage != "teachers"} >= {
        (role, seed) for role in (Role.CE, Role.KD, Role.CONTROL) for seed in (0, 1)}
