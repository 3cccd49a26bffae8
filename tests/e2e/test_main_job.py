"""The main job through the real command: launch, relaunch, twenty at once, killed anywhere, over a real sshd."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.kdorch import DATA, Laptop, attempts, trainer_starts, until

RUNS = 2 + 3 + 2 * 2 * 2


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    shutil.copy(DATA / "small.yaml", tmp_path / "small.yaml")
    return Laptop(tmp_path)


def host_root(laptop: Laptop) -> Path:
    return laptop.home / "host"


def assert_each_run_once(root: Path) -> None:
    found = list(attempts(root))
    assert len(found) == RUNS
    assert {a.name for a in found} == {"1"}
    assert [trainer_starts(a) for a in found] == [1] * RUNS
    assert all((a / "exit.json").exists() for a in found)


def assert_the_story(rows: list[dict]) -> None:
    status = {r["name"]: r["status"] for r in rows}
    assert len(rows) == RUNS
    assert all(r["state"] == "finished" and r["verdict"] is not None for r in rows)
    assert status["small/baseline-s0"] == status["small/baseline-s1"] == "baseline"
    assert status["small/quick-s0"] == status["small/cheap-s0"] == "promoted"
    dear = next(r for r in rows if r["name"] == "small/dear-s0")
    assert dear["verdict"] == "reject"
    assert dear["failed_gates"] == ["budget"]
    assert {"budget-miss", "rejected"} <= set(dear["labels"])
    arms = [r for r in rows if r["mode"] == "kd"]
    assert len(arms) == 4
    assert all(r["steps_to_target"] is not None for r in arms)


def test_a_campaign_runs_from_its_file_to_enforced_verdicts_and_again_is_a_no_op(laptop: Laptop) -> None:
    first = laptop.run("campaign", "launch", "small.yaml", forked=False)
    rows = laptop.rows()
    assert_the_story(rows)
    assert_each_run_once(host_root(laptop))
    assert b"small/quick-s0" in first.stdout
    assert (laptop.home / "reports" / "small" / "report.md").exists()
    assert {r["name"] for r in laptop.rows("--status", "budget-pass")} >= {"small/quick-s0", "small/cheap-s0"}

    laptop.run("campaign", "launch", "small.yaml")
    assert_each_run_once(host_root(laptop))
    assert laptop.rows() == rows


def test_twenty_launches_at_once_start_each_run_once(laptop: Laptop) -> None:
    processes = [laptop.start("campaign", "launch", "small.yaml", forked=True) for _ in range(20)]
    errors = [p.communicate(timeout=480)[1] for p in processes]
    assert [p.returncode for p in processes] == [0] * 20, errors[0].decode()[-2000:]
    assert_each_run_once(host_root(laptop))
    assert_the_story(laptop.rows())


def _events(laptop: Laptop) -> int:
    """How many events the ledger holds; 0 while there is none to read."""
    path = laptop.home / "ledger.sqlite"
    if not path.exists():
        return 0
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
    try:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # being created in this moment
    finally:
        connection.close()


def test_killed_at_ten_points_and_launched_again_every_run_ends_once_with_a_verdict(laptop: Laptop) -> None:
    stopped_at: Counter[int] = Counter()
    for _ in range(10):
        before = _events(laptop)
        process = laptop.start("campaign", "launch", "small.yaml", forked=True)
        until(lambda p=process, b=before: _events(laptop) >= b + 6 or p.poll() is not None, "six more events")
        if process.poll() is None:
            process.kill()
            stopped_at[_events(laptop)] += 1
        process.communicate()
    assert len(stopped_at) >= 5, "the process must have been killed at different points of the campaign"
    laptop.run("campaign", "launch", "small.yaml")
    assert_each_run_once(host_root(laptop))
    assert_the_story(laptop.rows())


def test_watch_and_show_speak_of_a_finished_run(finished: Laptop) -> None:
    watched = finished.run("watch", "small/quick-s0", "--json")
    assert b'"event": "verdict"' in watched.stdout
    assert finished.run("watch", "small/dear-s0", "--exit-status", code=1)
    shown = finished.run("ledger", "show", "small/dear-s0").stdout.decode()
    assert "FAIL" in shown
    assert "train_time:800" in shown
    assert finished.run("ledger", "show", "small/nothing", code=2)
