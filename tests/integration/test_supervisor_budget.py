"""The budget guard on a real run; what it decides from which lines is in ``tests/unit/test_budget_guard.py``."""

from __future__ import annotations

import re

from tests.integration.supervised import HostRoot, simulated_spec


def test_a_run_that_cannot_keep_its_budget_is_stopped_early_with_the_figures(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(horizon=2000, real_step_ms=5, step_ms=100), budget_ms=60_000)
    assert host.launch(attempt) == "started"
    seal = attempt.seal()
    assert (seal["outcome"], seal["exit_code"], seal["failure"]) == ("over_budget", 143, None)
    told = re.fullmatch(r"its budget is 60000 ms of train time: at step (\d+) of 2000 it stands at (\d+) ms and would "
                        r"need at least (\d+) ms", seal["reason"])
    assert told is not None, seal["reason"]
    step, stands_at, least = map(int, told.groups())
    assert (stands_at, step >= 100) == (100 * step, True)
    assert 60_000 < least <= 200_000
    assert f"run_end step:{step}" in attempt.log or attempt.starts == 1
    assert int(attempt.log.count("train_loss")) < 1000, "stopped long before the budget was used up"


def test_a_run_that_keeps_its_budget_is_left_alone(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(horizon=200, real_step_ms=2, step_ms=100), budget_ms=20_000)
    assert host.launch(attempt) == "started"
    assert attempt.seal()["outcome"] == "completed"


def test_a_run_that_may_stop_at_a_target_is_stopped_when_its_budget_is_used_up(host: HostRoot) -> None:
    spec = simulated_spec(horizon=100_000, real_step_ms=5, step_ms=100)
    body = spec.model_dump(by_alias=True) | {"stop_at_target": {"from": "teachers.best"}}
    attempt = host.place(type(spec).model_validate(body), budget_ms=5_000,
                         resolved={"teacher": None, "target_val": 0.5})
    assert host.launch(attempt) == "started"
    seal = attempt.seal()
    assert seal["outcome"] == "over_budget"
    stands_at = re.fullmatch(r".* it stands at (\d+) ms", seal["reason"])
    assert stands_at is not None, seal["reason"]
    assert int(stands_at[1]) > 5_000
