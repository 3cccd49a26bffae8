"""What an observation proves, what may be chosen, and which runs are tried again: the pure parts of dispatch."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any, get_args

import pytest

from orchestrator.dispatch.choose import choose, place_words, rank_configurations
from orchestrator.dispatch.knowledge import needs_retry
from orchestrator.dispatch.proved import event_of
from orchestrator.domain.lifecycle import LIVE_STATES, TRANSITIONS, Event, Outcome, State
from orchestrator.ledger.rows import AttemptRow, LedgerRow
from orchestrator.wire.documents import Observation

RUN = "a" * 64
OBSERVED = get_args(Observation.model_fields["state"].annotation)
EXIT = {"contract": "v1", "run_id": RUN, "attempt": 1, "outcome": "completed", "exit_code": 0, "signal": None,
        "reason": None, "witness": "supervisor", "boot_id": "b", "started_at": "2026-01-01T00:00:00Z",
        "ended_at": "2026-01-01T00:00:01Z", "wall_ms": 1000, "cpu_ms": 10, "manifest_sha256": "c" * 64,
        "train_log_bytes": 10}
STARTED = {"contract": "v1", "run_id": RUN, "attempt": 1, "boot_id": "b", "started_at": "2026-01-01T00:00:00Z",
           "supervisor": {"pid": 2, "ticks": 1}, "trainer": {"pid": 3, "ticks": 1}, "pgid": 3, "slots": (0,),
           "gpu_uuids": ()}


def attempt(state: State) -> AttemptRow:
    empty: dict[str, Any] = {f.name: None for f in dataclasses.fields(AttemptRow)}
    return AttemptRow(**{**empty, "run_id": RUN, "attempt_no": 1, "state": state, "planned_at": ""})


def observation(state: str, *, started: bool) -> Observation:
    return Observation.model_validate({
        "run_id": RUN, "attempt": 1, "state": state, "exit": EXIT if state == "sealed" else None, "status": None,
        "started": STARTED if started else None, "boot_id": "b", "train_log_bytes": 10})


@pytest.mark.parametrize(("state", "seen", "started"),
                         list(itertools.product(sorted(LIVE_STATES), OBSERVED, (True, False))))
def test_every_observation_of_a_live_attempt_gives_a_legal_event_or_none(state: State, seen: str,
                                                                         started: bool) -> None:
    learned = event_of(attempt(state), observation(seen, started=started))
    if learned is not None:
        event, outcome, _ = learned
        assert event in TRANSITIONS[state]
        assert (outcome is not None) == (event is Event.ENDED)


@pytest.mark.parametrize("state", [State.STAGING, State.QUEUED])
@pytest.mark.parametrize("seen", ["lost_reboot", "claimed"])
def test_what_never_started_is_never_called_lost(state: State, seen: str) -> None:
    learned = event_of(attempt(state), observation(seen, started=False))
    assert learned is None or learned[0] is Event.NEVER_STARTED


def test_an_attempt_not_yet_on_its_host_is_not_lost() -> None:
    assert event_of(attempt(State.STAGING), observation("absent", started=False)) is None


def test_an_orphan_still_runs() -> None:
    assert event_of(attempt(State.RUNNING), observation("orphan", started=True)) is None


@pytest.mark.parametrize(("state", "outcome", "again"), [
    (State.FINISHED, Outcome.COMPLETED, False), (State.FINISHED, Outcome.NAN, False),
    (State.FINISHED, Outcome.OVER_BUDGET, False),
    (State.FINISHED, Outcome.FAILED, True), (State.FINISHED, Outcome.OOM, True),
    (State.FINISHED, Outcome.LOST_REBOOT, True), (State.FINISHED, Outcome.TIMED_OUT, True),
    (State.ABANDONED, Outcome.WITHDRAWN, True), (State.RUNNING, None, False),
])
def test_only_runs_without_a_result_are_tried_again(state: State, outcome: Outcome | None, again: bool) -> None:
    assert needs_retry(state, outcome) is again


def row(name: str, **given: Any) -> LedgerRow:
    empty: dict[str, Any] = {f.name: None for f in dataclasses.fields(LedgerRow)}
    return LedgerRow(**{**empty, "run_id": name, "name": name, "labels": (), "failed_gates": (), "status": "promoted",
                        "verdict": "promote", **given})


def alone(rows: list[LedgerRow]) -> dict[str, list[LedgerRow]]:
    return {r.name: [r] for r in rows}


def test_the_best_admitted_run_is_chosen_and_a_better_rejected_one_is_not() -> None:
    rows = [row("a", final_val=2.3), row("b", final_val=2.2), row("c", final_val=1.9, verdict="reject")]
    choice = choose(alone(rows), "final_val")
    assert choice.row is not None
    assert choice.row.name == "b"
    assert "2 admitted among 3" in choice.reason


def test_ties_go_to_the_better_loss_and_then_to_the_name() -> None:
    rows = [row("b", steps_to_target=100, final_val=2.2), row("a", steps_to_target=100, final_val=2.2),
            row("c", steps_to_target=100, final_val=2.1)]
    assert [choose(alone(rows[:n]), "steps_to_target").row.name for n in (2, 3)] == ["a", "c"]


def test_where_none_passed_the_reason_names_what_stopped_each() -> None:
    choice = choose(alone([row("a", verdict="reject", failed_gates=("budget",), final_val=2.0)]), "final_val")
    assert choice.row is None
    assert "a: budget" in choice.reason


def seeds(name: str, *steps: int | None, **changes: Any) -> list[LedgerRow]:
    return [row(f"{name}-s{i}", steps_to_target=n, final_val=2.0, **changes) for i, n in enumerate(steps)]


def test_of_several_seeds_the_configuration_is_chosen_first_and_a_typical_seed_stands_for_it() -> None:
    choice = choose({"l": seeds("lucky", 50, 150, 160), "s": seeds("steady", 95, 90, 60, 140)}, "steps_to_target")
    assert choice.row is not None
    assert choice.row.name == "steady-s0", "the seed nearest 92.5, the earlier of two as near"
    assert choice.reason == ("fewest steps to the target (96.25, mean of 4 seeds) of 2 configurations admitted among "
                             "2; the seed nearest their median stands for them")


def test_a_configuration_that_failed_with_a_seed_is_chosen_only_where_all_did_and_never_by_that_seed() -> None:
    half = [*seeds("half", 10), row("half-s1", verdict="reject", steps_to_target=5, final_val=2.0)]
    choice = choose({"h": half, "w": seeds("whole", 90, 90)}, "steps_to_target")
    assert choice.row is not None
    assert choice.row.name == "whole-s0"
    choice = choose({"h": half}, "steps_to_target")
    assert choice.row is not None
    assert choice.row.name == "half-s0"
    assert "mean of the 1 of 2 seeds that have one and passed" in choice.reason


def test_configurations_are_ranked_by_the_mean_over_seeds_and_every_seed_must_pass() -> None:
    found = rank_configurations({
        "lucky": [row(f"lucky-{i}", steps_to_target=n, final_val=2.0) for i, n in enumerate((50, 150))],
        "steady": [row(f"steady-{i}", steps_to_target=90, final_val=2.0) for i in range(2)],
        "half": [row("half-0", steps_to_target=10, final_val=1.0), row("half-1", verdict="reject", final_val=1.0)],
    }, "steps_to_target")
    assert [(p.row.name, p.score, p.seeds) for p in found] == [("steady-0", 90.0, 2), ("lucky-0", 100.0, 2)]
    assert "place 1 of 2 admitted by fewest steps to the target: 90 (mean of 2 seeds)" in place_words(
        found[0], 1, 2, "steps_to_target")


def test_a_seed_that_did_not_reach_the_target_ranks_its_configuration_last_and_does_not_drop_it() -> None:
    found = rank_configurations({
        "never": [row("never-0", steps_to_target=None, final_val=1.5)],
        "late": [row("late-0", steps_to_target=500, final_val=2.5)],
    }, "steps_to_target")
    assert [p.row.name for p in found] == ["late-0", "never-0"]
    assert "not reached by every seed" in place_words(found[1], 2, 2, "steps_to_target")


def test_equal_scores_go_to_the_better_loss_and_then_to_the_name() -> None:
    found = rank_configurations({name: [row(name, steps_to_target=100, final_val=val)]
                                 for name, val in (("b", 2.0), ("a", 2.0), ("c", 1.9))}, "steps_to_target")
    assert [p.row.name for p in found] == ["c", "a", "b"]
