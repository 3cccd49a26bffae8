"""Validation losses that the trainer gave before, by kind of run and seed: what changes them changes the science.

``python -m tests.unit.test_trainer_golden`` writes them anew, when a change is meant to change them. The
tolerance is for other CPUs: ATen's plainest kernels in place of those for AVX2 changed no loss by more than 1e-6.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.unit.trainer_kit import KD, Bench, small_bench, spec_of

pytestmark = pytest.mark.torch

GOLDEN = Path(__file__).parent / "data" / "golden_losses.json"
TOLERANCE = 2e-3
RUNS: dict[str, dict[str, Any]] = {
    "ce": {},
    "ce, muon": {"optimizer": {"kind": "muon"}},
    "kd, boosted until it stops": {
        **KD, "kd": {**KD["kd"], "stop": {"mode": "never", "max_fraction": 0.5}},
        "schedule": {"boost": 2.0, "hold": 0.2, "drop_to_base": 0.4, "finish": 0.5, "finish_ramp_steps": 3}},
    "kd, first tokens at a temperature": {
        **KD, "kd": {**KD["kd"], "divergence": "topk", "topk": 4, "temperature": 2.0, "dynamic_norm": "off"}},
    "kd, in stages": {**KD, "stages": [{"until": 0.5, "batch_sequences": 2}, {"until": 1, "microbatch_sequences": 2}]},
}


def curve(bench: Bench, name: str, seed: int) -> list[float]:
    """The validation losses of one of :data:`RUNS`."""
    part = RUNS[name]
    teacher = bench.teacher() if "kd" in part else None
    return bench.run(spec_of({"horizon": 20, "seed": seed}, part), teacher=teacher).values("val_loss")


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", list(RUNS))
def test_the_losses_are_those_of_before(tmp_path: Path, name: str, seed: int) -> None:
    expected = json.loads(GOLDEN.read_bytes())[name][str(seed)]
    assert curve(small_bench(tmp_path), name, seed) == pytest.approx(expected, abs=TOLERANCE)


def test_the_golden_losses_are_of_these_runs_and_tell_them_apart() -> None:
    golden = json.loads(GOLDEN.read_bytes())
    assert set(golden) == set(RUNS)
    curves = [losses for seeds in golden.values() for losses in seeds.values()]
    for number, one in enumerate(curves):
        for other in curves[:number]:
            assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 2 * TOLERANCE


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        bench = small_bench(Path(where))
        GOLDEN.write_text(json.dumps({name: {seed: curve(bench, name, seed) for seed in (0, 1)} for name in RUNS},
                                     indent=1) + "\n")
