"""Rules of stop conditions: when a stage has come to what it must, and what is said when it cannot any more."""

from __future__ import annotations

import dataclasses

from orchestrator.domain.stopping import EndedRun, stage_condition, whole_condition
from orchestrator.domain.verdict import Role

TEACHER = EndedRun(name="t", role=Role.TEACHER, over=True, verdict="promote", failed_gates=(), outcome="completed",
                   horizon=100, train_time_ms=90, budget_ms=100, steps_to_target=None, time_to_target_ms=None,
                   final_val=2.0)
CE = dataclasses.replace(TEACHER, name="ce", role=Role.CE, budget_ms=None, steps_to_target=80, time_to_target_ms=800)
ARM = dataclasses.replace(CE, name="kd", role=Role.KD, steps_to_target=60, time_to_target_ms=700, reference="ce")


def teachers(*runs: EndedRun) -> tuple[str, str]:
    found = stage_condition("teachers", "teacher_found", runs, {})
    return found.state, found.reason


def arms(*runs: EndedRun, reference: EndedRun = CE) -> tuple[str, str]:
    found = stage_condition("arms", "target_compared", runs, {"ce": reference})
    return found.state, found.reason


def test_one_teacher_within_budget_is_enough_and_the_search_still_ends_with_all() -> None:
    dear = dataclasses.replace(TEACHER, name="dear", verdict="reject", failed_gates=("budget",), train_time_ms=101)
    assert teachers(TEACHER, dear) == ("met", "1 of 2 teachers are within budget and learn steadily (t)")
    assert teachers(TEACHER, dataclasses.replace(dear, over=False))[1].endswith("; 1 still to end")


def test_when_every_teacher_misses_the_reason_names_each() -> None:
    dear = dataclasses.replace(TEACHER, name="dear", verdict="reject", failed_gates=("budget",), train_time_ms=101)
    flat = dataclasses.replace(TEACHER, name="flat", verdict="reject", failed_gates=("val_trend",))
    lost = dataclasses.replace(TEACHER, name="lost", verdict=None, outcome="lost_reboot")
    stopped = dataclasses.replace(TEACHER, name="stopped", verdict="reject", failed_gates=("evidence_complete",),
                                  outcome="over_budget", train_time_ms=60)
    assert teachers(stopped)[1] == ("none of 1 teachers passed: stopped: stopped after 60 ms, certain to overrun its "
                                    "budget of 100 ms")
    state, reason = teachers(dear, flat, lost)
    assert state == "missed"
    assert reason == ("none of 3 teachers passed: dear: took 101 ms of a budget of 100 ms; flat: val_trend; "
                      "lost: lost_reboot")
    assert teachers(dear, dataclasses.replace(flat, over=False))[0] == "open"
    assert teachers()[0] == "open"


def test_a_kd_stage_is_answered_by_steps_of_both_or_by_the_reason_why_not() -> None:
    state, reason = arms(ARM)
    assert state == "met"
    assert "kd with 60 steps in 700 ms, plain CE (ce with 80 steps in 800 ms)" in reason
    never = dataclasses.replace(ARM, steps_to_target=None)
    assert arms(never) == ("missed", "no KD arm reached the target: kd: not within 100 steps, final loss 2.0000")
    assert arms(ARM, never)[0] == "met", "one arm that can be compared answers the question"
    assert arms(dataclasses.replace(ARM, reference=None))[0] == "missed"


def test_plain_ce_that_never_arrives_is_compared_with_by_a_bound_and_one_without_a_result_is_not() -> None:
    never = dataclasses.replace(CE, steps_to_target=None)
    state, reason = arms(ARM, reference=never)
    assert state == "met"
    assert reason.endswith("fewest: kd with 60 steps in 700 ms, plain CE not always, so only a bound of the saving is "
                           "known (ce: not within 100 steps, final loss 2.0000)")
    assert arms(ARM, reference=dataclasses.replace(never, outcome="nan"))[0] == "met"
    assert arms(ARM, reference=dataclasses.replace(never, outcome="lost_reboot"))[0] == "missed"


def test_the_fewest_steps_are_those_of_a_configuration_over_its_seeds() -> None:
    def seeds(name: str, *steps: int | None, verdict: str = "promote") -> list[EndedRun]:
        return [dataclasses.replace(ARM, name=f"{name}-s{i}", configuration=name, steps_to_target=n, verdict=verdict)
                for i, n in enumerate(steps)]

    lucky, steady = seeds("lucky", 40, 70), seeds("steady", 50, 50)
    assert arms(*lucky, *steady)[1].endswith("fewest: steady-s0 and its other seeds with 50 steps on average over 2 "
                                             "seeds, plain CE (ce with 80 steps in 800 ms)")
    assert "fewest: lucky-s0" in arms(*lucky, *seeds("half", 10, None))[1], "who arrives with every seed comes first"
    assert "the 1 of 2 seeds that arrived" in arms(*seeds("half", 10, None))[1]
    assert "fewest: lucky-s0" in arms(*lucky, *seeds("failed", 10, 10, verdict="reject"))[1]


def test_nothing_is_said_while_arms_or_what_they_are_compared_with_still_run() -> None:
    assert arms(dataclasses.replace(ARM, over=False))[0] == "open"
    assert arms(ARM, reference=dataclasses.replace(CE, over=False)) == (
        "open", "the runs to compare with have not ended: ce")


def test_the_whole_is_missed_with_its_first_missed_stage_and_met_with_all() -> None:
    met = stage_condition("teachers", "teacher_found", [TEACHER], {})
    missed = stage_condition("arms", "target_compared", [dataclasses.replace(ARM, steps_to_target=None)], {"ce": CE})
    plain = stage_condition("late", "none", [dataclasses.replace(CE, over=False)], {})
    assert whole_condition([met, missed, plain]).state == "missed"
    assert "ended at stage arms: no KD arm reached the target" in whole_condition([met, missed, plain]).reason
    assert whole_condition([met, plain]).state == "open"
    assert whole_condition([met]).state == "met"
