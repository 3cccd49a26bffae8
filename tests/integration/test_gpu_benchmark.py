"""The GPU measurements' program, rehearsed on the CPU with the real trainer: every part of it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.torch
def test_a_rehearsal_measures_every_figure_that_a_cpu_can_have(tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, ROOT / "benchmarks/gpu.py", "--rehearse"], capture_output=True, text=True,
                           env={**os.environ, "OUT": str(tmp_path / "out")}, stdin=subprocess.DEVNULL, check=False)
    assert ended.returncode == 0, ended.stderr
    rows = [line.split("|") for line in ended.stdout.splitlines() if line.startswith("| rehearsal")]
    measured = {row[1].strip().split(": ")[1]: row[2].strip() for row in rows}
    assert "not measured" not in measured.values(), ended.stdout + ended.stderr
    assert not any("peak memory" in name or "MFU" in name for name in measured), "a CPU has none to tell of"
    assert {"CE step", "CE step, larger stage", "teacher inference", "KD / CE, exact, dense",
            "recompiles after warm-up", "KD / CE, every 2nd step, 1 microbatch",
            "KD / CE, cached top-8 with tail"} <= set(measured)
    correct = [line for line in ended.stdout.splitlines() if line.startswith("| correct: ") and "attention" not in line]
    assert len(correct) == 6
    assert all("| ok;" in line for line in correct)
    assert not (tmp_path / "out").exists()
