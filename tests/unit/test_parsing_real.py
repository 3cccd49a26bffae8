"""The parser against public logs that are not ours to ship.

``KDORCH_REAL_LOGS`` names a folder of logs with ``logs_expected.json`` in it or beside it: by file name, figures that
somebody worked out without this parser.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from orchestrator.parsing import Record, parse_path
from orchestrator.parsing.curves import read_runs
from orchestrator.wire.loglines import classify, step_line

FOLDER = os.environ.get("KDORCH_REAL_LOGS")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="KDORCH_REAL_LOGS names no folder of public logs")

FIGURES = {"n_train_lines": "n_train_lines", "n_val": "n_validations", "final_step": "final_step",
           "total_steps": "total_steps", "final_val_loss": "final_val_loss", "best_val_loss": "best_val_loss",
           "final_train_time_ms": "final_train_time_ms", "median_step_ms": "median_step_ms",
           "p90_step_ms": "p90_step_ms"}


def expectations() -> dict[str, dict[str, Any]]:
    if FOLDER is None:
        return {}
    found = [p / "logs_expected.json" for p in (Path(FOLDER), Path(FOLDER).parent)]
    expected: dict[str, dict[str, Any]] = json.loads(next(p for p in found if p.exists()).read_text())
    return expected


def hit(record: Record) -> tuple[int | None, float | None, int | None]:
    return record.steps_to_target, record.time_to_target_ms, record.single_hit_step


@pytest.mark.parametrize("name", expectations())
def test_the_quick_reading_of_a_public_logs_step_lines_is_the_general_one(name: str) -> None:
    assert FOLDER is not None
    lines = [line for line in (Path(FOLDER) / name).read_bytes().split(b"\n") if line.startswith(b"step:")]
    assert [classify(line, 7) for line in lines] == [step_line(line, 7) for line in lines]


@pytest.mark.parametrize(("name", "expected"), expectations().items())
def test_the_figures_of_a_public_log(name: str, expected: dict[str, Any]) -> None:
    assert FOLDER is not None
    path = Path(FOLDER) / name
    records = parse_path(path)
    assert len(records) == expected["n_runs"]
    assert [run.record for run in read_runs(path.read_bytes())] == records
    if expected["n_runs"] > 1:
        return
    (record,) = records
    for theirs, ours in FIGURES.items():
        assert getattr(record, ours) == (None if expected[theirs] is None else pytest.approx(expected[theirs])), ours
    assert (record.timer_resets > 0) == (expected["timer_reset"] is not None)
    for key, told in expected.items():
        if key.startswith("target_"):
            (reached,) = parse_path(path, target=float(key.removeprefix("target_")))
            assert hit(reached) == (told["confirm_step"], told["confirm_time_ms"], told.get("single_hit_step"))
