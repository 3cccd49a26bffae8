"""Successive halving whose rungs go on from each other's checkpoints, through the real command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.kdorch import Laptop

CAMPAIGN = """
campaign: halved
deadline: 2m
defaults:
  entry: simulated
  horizon: 90
  validation: {{every: 10}}
  simulated: {{step_ms: 10, noise: 0.001}}
stages:
  - name: rates
    role: ce
    axes: {{simulated.decay_steps: [30, 40, 60], seed: [0, 1]}}
    halving: {{eta: 3, rungs: 2{resume}}}
    select: {{best: final_val}}
"""
FIGURES = ("name", "verdict", "steps", "train_time_ms", "best_val", "final_val")


def launched(where: Path, resume: str) -> tuple[Laptop, str]:
    where.mkdir()
    (where / "halved.yaml").write_text(CAMPAIGN.format(resume=resume))
    laptop = Laptop(where)
    return laptop, laptop.run("campaign", "launch", "halved.yaml").stderr.decode()


def figures(laptop: Laptop) -> list[list[Any]]:
    return [[row[key] for key in FIGURES] for row in laptop.rows()]


def test_rungs_go_on_and_the_figures_are_those_of_runs_from_the_start(tmp_path: Path) -> None:
    laptop, said = launched(tmp_path / "on", ", resume: true")
    for seed in (0, 1):
        assert f"halved/top1-s{seed}: goes on from the checkpoint of halved/decay_steps30-s{seed} on local" in said
    anew, said = launched(tmp_path / "anew", "")
    assert "goes on from" not in said
    assert figures(laptop) == figures(anew)
    asked = [json.loads(p.read_bytes())["continue_from"] for p in laptop.home.glob("evidence/*/*/dispatch.json")]
    assert sorted(bool(a) for a in asked) == [False] * 6 + [True] * 2

    assert b"everything agrees" in laptop.run("ledger", "verify").stderr
    text = (laptop.home / "reports" / "halved" / "report.md").read_text()
    assert "Going on from checkpoints spared 0.600 s of training, as the logs tell it: 2 runs began where a shorter " \
           "run had ended." in text
    assert "Halving rates spared about 1.80 s of training: all 6 runs over 90 steps would have taken about 5.40" in text
    assert "**Of 3 configurations halved over 2 rungs in stage rates decay_steps30 came out first, with loss " in text
    assert "| rates_r1 | 30 | 3 | 6 of 6 | decay_steps30 | place 1 of 3 admitted by lowest final" in text
    assert "| rates | 90 | 1 | 2 of 2 | decay_steps30 | lowest final validation loss (" in text
