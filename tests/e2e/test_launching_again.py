"""Launching again carries on what has no result. What has one keeps it, and what a person stopped stays so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.kdorch import Laptop, attempts, trainer_starts, until

DEAR = """
campaign: dear
deadline: 2m
defaults:
  entry: simulated
  horizon: 300
  validation: {every: 30}
  simulated: {step_ms: 30, real_step_ms: 20, decay_steps: 40}
stages:
  - {name: teachers, role: teacher, axes: {seed: [0]}, budget_guard: true, policy: {name: limit, budget_ms: 2000}}
"""
SLOW = """
campaign: slow
deadline: 2m
defaults: {entry: simulated, horizon: 100, simulated: {step_ms: 10, real_step_ms: 200, decay_steps: 40}}
stages:
  - {name: only, role: ce, axes: {seed: [0]}, policy: ce-baseline}
"""


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    for name, text in (("dear", DEAR), ("slow", SLOW)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return Laptop(tmp_path)


def test_a_run_that_was_over_its_budget_is_not_tried_until_it_passes(laptop: Laptop) -> None:
    for _ in range(2):
        laptop.run("campaign", "launch", "dear.yaml")
        row, = laptop.rows()
        assert (row["outcome"], row["verdict"]) == ("over_budget", "reject")
    refused = laptop.run("run", "retry", "dear/teachers-s0", code=2).stderr.decode()
    assert "dear/teachers-s0 has its result (over_budget); it is not run again" in refused
    assert [trainer_starts(a) for a in attempts(laptop.home / "host")] == [1]


def test_a_run_that_a_person_cancelled_runs_again_when_a_person_says_so(laptop: Laptop) -> None:
    def tries(wanted: int, why: str) -> None:
        until(lambda: [trainer_starts(a) for a in attempts(laptop.home / "host")] == [1] * wanted, why)

    laptop.run("campaign", "launch", "slow.yaml", "--detach")
    tries(1, "it trains")
    laptop.run("run", "cancel", "slow/only-s0")
    said = laptop.run("campaign", "launch", "slow.yaml").stderr.decode()
    said += laptop.run("campaign", "launch", "slow.yaml").stderr.decode()
    assert "slow/only-s0 was cancelled, and stays so; 'kdorch run retry slow/only-s0' runs it again" in said
    assert len(list(attempts(laptop.home / "host"))) == 1
    laptop.run("run", "retry", "slow/only-s0")
    tries(2, "a person asked for it")

    laptop.run("campaign", "cancel", "slow")
    laptop.run("watch", "slow")
    laptop.run("campaign", "resume", "slow", "--detach")
    tries(3, "a campaign that is resumed takes up what was cancelled with it")
    laptop.run("campaign", "cancel", "slow")
    laptop.run("watch", "slow")
