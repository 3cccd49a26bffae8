"""The shipped hill-climb in rehearsal, through the real command: all stages, every way it may end, killed anywhere.

The simulated trainer's clock and curves repeat exactly, so two campaigns can be compared number by number.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kdorch import Laptop, attempts, trainer_starts, until

CLIMB = ("campaign", "launch", "hill_climb.yaml", "--scale", "rehearsal")
MISS = ("--set", "stages.teachers.policy.budget.fraction=0.001")
KILLS = 10
RESULT = ("name", "mode", "status", "labels", "verdict", "failed_gates", "train_time_ms", "budget_ms", "steps",
          "best_val", "final_val", "steps_to_target", "time_to_target_ms")


def asked(laptop: Laptop, query: str) -> list[tuple[Any, ...]]:
    """Rows of the ledger; none while there is no ledger to read."""
    path = laptop.home / "ledger.sqlite"
    if not path.exists():
        return []
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []  # being created in this moment
    finally:
        connection.close()


def story(laptop: Laptop) -> dict[str, Any]:
    """Everything that a campaign came to, without the times at which it did."""
    return {
        "rows": [{key: row[key] for key in RESULT} for row in laptop.rows()],
        "choices": sorted(asked(laptop, "SELECT key, selector, chosen_run_id, final_val_u6, reason FROM resolutions")),
        "policies": sorted(asked(laptop, "SELECT stage, policy_id FROM stage_policies")),
        "report": report(laptop),
    }


def report(laptop: Laptop) -> str:
    """What the report says but for the machine, whose load and head of the chain are of one day."""
    (page,) = (laptop.home / "reports").glob("*/report.md")
    said, _, rest = page.read_text().partition("## The machine")
    assert rest
    return said


@pytest.fixture(scope="module")
def climbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Laptop, str]:
    """A climb that nobody disturbed, and what it said."""
    laptop = Laptop(tmp_path_factory.mktemp("climb"))
    return laptop, laptop.run(*CLIMB).stderr.decode()


def by_name(laptop: Laptop) -> dict[str, dict[str, Any]]:
    return {r["name"].removeprefix("hill_climb_rehearsal/"): r for r in laptop.rows()}


def test_the_climb_goes_through_all_stages_and_says_what_each_came_to(climbed: tuple[Laptop, str]) -> None:
    laptop, said = climbed
    rows = by_name(laptop)
    assert all(r["verdict"] is not None for r in rows.values())
    assert (rows["quick-s0"]["status"], rows["dear-s0"]["failed_gates"]) == ("promoted", ["budget"])
    assert "Stage teachers: 2 of 3 teachers are within budget" in said
    assert "Stage sweep: steps to the target are compared for 2 of 2 KD arms" in said
    assert "Stage long: steps to the target are compared for 5 of 5 KD arms" in said
    assert "Not done" not in said


def test_the_long_runs_have_the_chosen_settings_over_the_long_horizon_and_fresh_seeds(
        climbed: tuple[Laptop, str]) -> None:
    laptop, _ = climbed
    (chosen,) = [json.loads(spec) for (spec,) in asked(
        laptop, "SELECT spec_json FROM runs JOIN resolutions ON chosen_run_id = run_id "
                "WHERE selector = 'sweep.top #1'")]
    specs = {name.removeprefix("hill_climb_rehearsal/"): json.loads(spec) for name, spec in asked(
        laptop, "SELECT name, spec_json FROM campaign_runs JOIN runs USING (run_id)")}
    for seed in (10, 11, 12, 13, 14):
        arm, twin = specs[f"top1-s{seed}"], specs[f"top1-s{seed}-twin"]
        assert (arm["horizon"], arm["seed"], chosen["horizon"], chosen["seed"]) == (400, seed, 300, 0)
        assert arm["schedule"] == twin["schedule"] == chosen["schedule"]
        assert (arm["kd"]["alpha"], twin["kd"], twin["mode"]) == (chosen["kd"]["alpha"], None, "ce")


def test_the_report_lists_every_choice_and_says_what_was_chosen(climbed: tuple[Laptop, str]) -> None:
    told = report(climbed[0])
    pinned = asked(climbed[0], "SELECT selector FROM resolutions")
    assert {s for (s,) in pinned} == {"teachers.best", "sweep.top #1", "long.best"}
    for (selector,) in pinned:
        assert f"`{selector}` is **hill_climb_rehearsal/" in told
    assert "hill_climb_rehearsal/top1 (boost 3, drop_to_base 0.35, finish 0.5, hold 0.2), taught by" in told


def test_the_climb_ends_with_its_best_configuration_confirmed_or_rejected(climbed: tuple[Laptop, str]) -> None:
    told = report(climbed[0])
    (asked_for,) = asked(climbed[0], "SELECT passed, seeds, stop_step, bad FROM replications")
    assert asked_for == (1, 5, 175, 0)
    said = "confirmed by one-sided-t-p05, 5 fresh seeds at step 175 (mean loss "
    assert told.count(said) == 2, "in the answer and in a section of its own"
    assert "which plain CE over the same seeds does not pass" in told.partition("\n\n##")[0]
    assert f"**hill_climb_rehearsal/top1** is {said}" in told, "the configuration, not one of its seeds"
    assert asked(climbed[0], "SELECT DISTINCT kind FROM promotions JOIN resolutions ON chosen_run_id = run_id "
                             "WHERE selector = 'long.best'") == [("confirmed",)]


def test_a_climb_without_a_teacher_in_budget_ends_there_with_the_reason(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    said = laptop.run(*CLIMB, *MISS, "--exit-status", code=1).stderr.decode()
    assert "the campaign ended at stage teachers: none of 3 teachers passed" in said
    assert "quick-s0: took 150 ms of a budget of 4 ms" in said
    rows = by_name(laptop)
    assert set(rows) == {"baseline-s0", "quick-s0", "cheap-s0", "dear-s0"}, "nothing behind the teachers was taken up"
    assert laptop.run(*CLIMB, *MISS, "--exit-status", code=1).stderr.decode().count("ended at stage teachers") == 1


def test_killed_at_ten_random_moments_and_resumed_it_comes_to_the_same(climbed: tuple[Laptop, str],
                                                                      tmp_path: Path) -> None:
    laptop, dice, killed = Laptop(tmp_path), random.Random(6), 0
    for _ in range(KILLS):
        steps = dice.randint(1, 18)
        process = laptop.start(*CLIMB)
        until(_moved_on(laptop, steps, lambda p=process: p.poll() is not None), f"{steps} more events")
        if process.poll() is None:
            process.kill()
            killed += 1
        process.communicate()
    assert killed >= KILLS // 2, "most of the kills must fall into the campaign"
    laptop.run(*CLIMB)
    assert story(laptop) == story(climbed[0])
    assert {trainer_starts(a) for a in attempts(laptop.home / "host")} == {1}


def _moved_on(laptop: Laptop, events: int, or_else: Callable[[], bool]) -> Callable[[], bool]:
    def count() -> int:
        return len(asked(laptop, "SELECT seq FROM events"))

    before = count()
    return lambda: count() >= before + events or or_else()


def test_a_paused_climb_starts_nothing_until_it_is_resumed(climbed: tuple[Laptop, str], tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    process = laptop.start(*CLIMB)
    until(_moved_on(laptop, 30, lambda: process.poll() is not None), "30 events")
    laptop.run("campaign", "pause", "hill_climb_rehearsal")
    process.communicate()
    assert b"nothing: it is paused" in laptop.run("campaign", "show", "hill_climb_rehearsal").stdout
    assert b"is paused since" in laptop.run(*CLIMB, code=2).stderr
    laptop.run("campaign", "resume", "hill_climb_rehearsal")
    assert story(laptop) == story(climbed[0])
    assert b"every run has ended" in laptop.run("campaign", "show", "hill_climb_rehearsal").stdout


def test_a_report_rendered_later_tells_why_stages_did_not_start_as_the_launch_did(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    laptop.run(*CLIMB, *MISS)
    page = laptop.home / "reports" / "hill_climb_rehearsal" / "report.md"
    launched = page.read_bytes()
    assert b"stage teachers: the campaign ended at stage teachers: none of 3 teachers passed" in launched
    page.unlink()
    laptop.run("report", "hill_climb_rehearsal")
    assert page.read_bytes() == launched


def test_a_report_names_a_stage_of_which_nothing_could_be_chosen(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    (tmp_path / "dear.yaml").write_text("""\
campaign: dear
host: local
allow: [constant-weight-kd, no-controls, no-reference]
defaults: {entry: simulated, simulated: {step_ms: 10}, horizon: 50}
stages:
  - name: teachers
    role: teacher
    policy: {name: cheap, budget_ms: 1}
    select: {best: final_val}
    stop: none
  - {name: arms, role: kd, teacher: {from: teachers.best}, stop: none}
""")
    laptop.run("campaign", "launch", "dear.yaml")
    page = laptop.home / "reports" / "dear" / "report.md"
    launched = page.read_bytes()
    assert b"stage teachers: teachers.best: none of 1 passed its gates (dear/teachers-s0: budget)" in launched
    assert b"stage arms: stage arms waits for teachers.best" in launched
    page.unlink()
    laptop.run("report", "dear")
    assert page.read_bytes() == launched


def test_a_teacher_certain_to_overrun_is_stopped_has_missed_and_the_report_tells_what_that_spared(
        tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    (tmp_path / "guarded.yaml").write_text("""\
campaign: guarded
host: local
defaults: {entry: simulated, horizon: 300, simulated: {step_ms: 10, real_step_ms: 0.2}}
stages:
  - {name: baseline, role: ce, policy: ce-baseline}
  - name: teachers
    role: teacher
    runs:
      - {name: quick, horizon: 150, simulated: {step_ms: 1}}
      - {name: dear, horizon: 3000, simulated: {step_ms: 8, real_step_ms: 20}}
    policy: {name: tenth, budget: {fraction: 0.10, of: baseline}}
    budget_guard: true
    select: {best: final_val}
""")
    said = laptop.run("campaign", "launch", "guarded.yaml").stderr.decode()
    assert "Stage teachers: 1 of 2 teachers are within budget" in said
    rows = {r["name"].removeprefix("guarded/"): r for r in laptop.rows()}
    assert (rows["dear-s0"]["verdict"], rows["dear-s0"]["steps"] < 3000) == ("reject", True)
    assert "budget-miss" in rows["dear-s0"]["labels"]
    page = (laptop.home / "reports" / "guarded" / "report.md").read_text()
    assert "of training, at the runs' own median steps: guarded/dear-s0 was certain to overrun a budget." in page
