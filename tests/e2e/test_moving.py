"""Runs that wait are withdrawn and moved; those that have started are left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.kdorch import Laptop, attempts, trainer_starts, until

TWO = """
campaign: two
deadline: 5m
defaults:
  entry: simulated
  horizon: 1000
  simulated: {{step_ms: 10, real_step_ms: {pace}, decay_steps: 60}}
stages:
  - {{name: only, role: ce, axes: {{seed: [0, 1]}}, policy: ce-baseline}}
"""


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """A laptop with two hosts, both of them this machine, each with one slot; two runs placed on the first."""
    laptop = Laptop(tmp_path / "laptop")
    laptop.home.mkdir(parents=True)
    (laptop.home / "hosts.yaml").write_text(
        "hosts:\n" + "".join(f"  {name}: {{transport: local, root: {tmp_path / name}, slots: 1}}\n"
                             for name in ("here", "there")) + "lanes: {default: [here]}\n")
    (laptop.cwd / "two.yaml").write_text(TWO.format(pace=100))
    laptop.run("campaign", "launch", "two.yaml", "--detach")
    until(lambda: _starts(tmp_path / "here") == 1, "the first run trains")
    return laptop


def _starts(root: Path) -> int:
    return sum(trainer_starts(a) for a in attempts(root))



def test_a_run_that_waits_is_moved_and_runs_once(laptop: Laptop, tmp_path: Path) -> None:
    said = laptop.run("run", "move", "two/only-s1", "--to", "there").stderr.decode()
    assert "two/only-s1 is placed on there" in said
    until(lambda: _starts(tmp_path / "there") == 1, "it trains on the other host")
    refused = laptop.run("run", "move", "two/only-s1", "--to", "here", code=2).stderr.decode()
    assert "has started on there and stays there" in refused
    for name in ("two/only-s0", "two/only-s1"):
        laptop.run("run", "cancel", name)
    laptop.run("watch", "two")
    rows = {r["name"]: r for r in laptop.rows()}
    assert (rows["two/only-s1"]["host"], rows["two/only-s1"]["outcome"]) == ("there", "cancelled")
    assert (_starts(tmp_path / "here"), _starts(tmp_path / "there")) == (1, 1)
    laptop.run("ledger", "verify")


def test_a_run_that_waits_is_withdrawn_and_one_that_started_is_not(laptop: Laptop, tmp_path: Path) -> None:
    waiting = laptop.run("run", "logs", "two/only-s1", code=2).stderr.decode()
    assert "two/only-s1 has no log yet: its trainer has not started on here" in waiting
    said = laptop.run("run", "withdraw", "two/only-s1").stderr.decode()
    assert "withdrawn from here; its trainer never ran" in said
    refused = laptop.run("run", "withdraw", "two/only-s0", code=2).stderr.decode()
    assert "has started on here and stays there" in refused
    again = laptop.run("run", "withdraw", "two/only-s1", code=2).stderr.decode()
    assert "has ended (withdrawn)" in again
    laptop.run("run", "cancel", "two/only-s0")
    laptop.run("watch", "two")
    assert _starts(tmp_path / "here") == 1
    stands = {r["name"]: (r["status"], r["outcome"], r["verdict"]) for r in laptop.rows()}
    assert stands == {"two/only-s0": ("rejected", "cancelled", "reject"),
                      "two/only-s1": ("cancelled", "withdrawn", None)}  # nothing of it can be judged
    gone = json.loads(laptop.run("host", "gc", "here", "--keep-days", "0", "--json").stdout)
    assert [r["kind"] for r in gone["removed"]].count("attempt") == 2, gone["kept"]
    laptop.run("ledger", "verify")


def test_a_host_that_is_not_there_is_named(laptop: Laptop) -> None:
    said = laptop.run("run", "move", "two/only-s1", "--to", "nowhere", code=2).stderr.decode()
    assert "there is no host 'nowhere'" in said
    laptop.run("run", "withdraw", "two/only-s1")
    laptop.run("run", "cancel", "two/only-s0")
    laptop.run("watch", "two")
