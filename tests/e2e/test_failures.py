"""How runs go wrong, and what a campaign makes of it: every end is named, and only what has no result runs again."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.e2e.kdorch import Laptop, attempts, trainer_starts, until

ONE = """
campaign: one
deadline: {deadline}
defaults:
  entry: simulated
  horizon: 100
  simulated: {{step_ms: 10, real_step_ms: {pace}, decay_steps: 60, fault: "{fault}", fault_step: 30}}
stages:
  - {{name: only, role: ce, axes: {{seed: [0]}}, policy: ce-baseline}}
"""


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path)


def write(laptop: Laptop, *, fault: str = "none", pace: float = 0.2, deadline: str = "2m") -> None:
    (laptop.cwd / "one.yaml").write_text(ONE.format(fault=fault, pace=pace, deadline=deadline))


@pytest.mark.parametrize(("fault", "outcome", "label", "again"), [
    ("exit", "failed", "failed", True),
    ("torn_line", "failed", "failed", True),
    ("oom", "oom", "oom", True),
    ("nan", "nan", "failed", False),
])
def test_a_failure_is_named_and_only_what_has_no_result_gets_another_attempt(laptop: Laptop, fault: str, outcome: str,
                                                                            label: str, again: bool) -> None:
    write(laptop, fault=fault)
    laptop.run("campaign", "launch", "one.yaml")
    row, = laptop.rows()
    assert (row["outcome"], row["verdict"]) == (outcome, "reject")
    assert label in row["labels"]
    laptop.run("campaign", "launch", "one.yaml", "--exit-status", code=1)
    assert [a.name for a in attempts(laptop.home / "host")] == (["1", "2"] if again else ["1"])


def test_a_smaller_batch_is_a_fallback_that_is_judged_aloud_and_never_promoted(laptop: Laptop) -> None:
    write(laptop, fault="oom")
    with (laptop.cwd / "one.yaml").open("a") as file:
        file.write("retries: {oom: {action: smaller_batch, times: 1}}\n")
    err = laptop.run("campaign", "launch", "one.yaml").stderr.decode()
    assert "planned (attempt 2, after oom (1 of 1): with a smaller batch, as a fallback)" in err
    assert err.count("one/only-s0: rejected") == 2  # each attempt has its verdict said
    row, = laptop.rows()
    assert (row["status"], row["outcome"], row["verdict"]) == ("rejected", "completed", "reject")
    assert "fallback" in row["labels"]
    assert "no_oom_fallback" in row["failed_gates"]


def test_a_run_that_overstays_its_deadline_is_timed_out_by_its_host(laptop: Laptop) -> None:
    write(laptop, fault="hang", deadline="1s")
    laptop.run("campaign", "launch", "one.yaml")
    row, = laptop.rows()
    assert row["outcome"] == "timed_out"
    assert "timed-out" in row["labels"]


def _running(laptop: Laptop) -> dict[str, dict[str, int]]:
    """What ``started.json`` says, once the trainer has really begun to train."""
    for log in (laptop.home / "host").glob("runs/*/attempts/1/train.log"):
        if b"train_loss" in log.read_bytes():
            return json.loads((log.parent / "started.json").read_text())
    return {}


def test_a_run_whose_supervisor_and_trainer_were_killed_is_sealed_unwitnessed_and_tried_again(laptop: Laptop) -> None:
    write(laptop, pace=20)
    driving = laptop.start("campaign", "launch", "one.yaml")
    until(lambda: bool(_running(laptop)), "the run starts")
    started = _running(laptop)
    os.kill(started["supervisor"]["pid"], signal.SIGKILL)
    os.kill(started["trainer"]["pid"], signal.SIGKILL)
    _, err = driving.communicate(timeout=120)
    assert driving.returncode == 0
    assert b"attempt 2, after failed: supervisor_lost (1 of" in err
    row, = laptop.rows()
    assert (row["status"], row["outcome"]) == ("baseline", "completed")
    found = list(attempts(laptop.home / "host"))
    assert [a.name for a in found] == ["1", "2"]
    assert [trainer_starts(a) for a in found] == [1, 1]
    seal = json.loads((found[0] / "exit.json").read_text())
    assert (seal["witness"], seal["outcome"], seal["exit_code"]) == ("adopter", "failed", None)


def test_an_orphaned_trainer_gets_another_supervisor_and_its_result_counts(laptop: Laptop) -> None:
    write(laptop, pace=20)
    driving = laptop.start("campaign", "launch", "one.yaml")
    until(lambda: bool(_running(laptop)), "the run starts")
    started = _running(laptop)
    os.kill(started["supervisor"]["pid"], signal.SIGKILL)
    _, err = driving.communicate(timeout=120)
    assert b"its supervisor on local was gone; another one watches it now" in err
    attempt, = attempts(laptop.home / "host")
    assert trainer_starts(attempt) == 1
    seal = json.loads((attempt / "exit.json").read_text())
    assert (seal["witness"], seal["outcome"], seal["exit_code"]) == ("adopter", "completed", 0)
    row, = laptop.rows()
    assert (row["status"], row["outcome"]) == ("baseline", "completed")
    laptop.run("ledger", "verify")


def test_a_cancelled_run_ends_as_cancelled_and_says_so(laptop: Laptop) -> None:
    write(laptop, pace=200)
    laptop.run("campaign", "launch", "one.yaml", "--detach")
    until(lambda: bool(_running(laptop)), "the run starts")
    assert b"asked to stop" in laptop.run("run", "cancel", "one/only-s0").stderr
    laptop.run("watch", "one")
    row, = laptop.rows()
    assert row["outcome"] == "cancelled"
    assert b"already ended" in laptop.run("run", "cancel", "one/only-s0").stderr
    assert b"val_loss" in laptop.run("run", "logs", "one/only-s0").stdout
