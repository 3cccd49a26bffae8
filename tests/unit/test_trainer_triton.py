"""Rules of the Triton kernel without a GPU: interpreted on the CPU it computes what plain torch does, and it can be
built for the GPUs that we name. On a machine with a GPU ``tests/gpu`` runs the compiled kernel as well.

Skipped where triton is not installed, but not in CI on a machine that triton has wheels for.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.unit.triton_programs import CASES, GPUS
from worker.trainer.errors import BackendMissing
from worker.trainer.kd.loss import loss_backend, trouble_with_triton

CPU = torch.device("cpu")
HAS_WHEELS = (sys.platform, platform.machine()) == ("linux", "x86_64")
pytestmark = [pytest.mark.torch, pytest.mark.skipif(
    importlib.util.find_spec("triton") is None and not (os.environ.get("CI") and HAS_WHEELS),
    reason="triton is not installed")]


def told(word: str, cache: Path, **environment: str) -> dict[str, float]:
    inherited = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    ended = subprocess.run([sys.executable, "-m", "tests.unit.triton_programs", word], cwd=Path(__file__).parents[2],
                           env={**inherited, "TRITON_CACHE_DIR": str(cache), **environment}, capture_output=True,
                           text=True, stdin=subprocess.DEVNULL, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def test_the_kernel_gives_the_losses_and_gradients_of_plain_torch(tmp_path: Path) -> None:
    errors = told("interpret", tmp_path, TRITON_INTERPRET="1")
    assert errors.keys() == {*CASES, "bf16", "trouble"}
    assert errors.pop("bf16") < 5e-3, "it reads and writes bf16, and counts in float32"
    assert max(errors.values()) < 1e-5, errors


@pytest.mark.skipif(torch.cuda.is_available(), reason="there it works")
def test_a_kernel_that_cannot_be_made_here_is_a_reason_and_no_crash() -> None:
    """Without a driver triton raises at the first launch, as it does where its compiler lacks a part."""
    trouble = trouble_with_triton(CPU)
    assert trouble is not None
    assert trouble.startswith("a kernel of triton does not run here: ")
    with pytest.raises(BackendMissing, match="backend is 'triton', but"):
        loss_backend("triton", CPU)
    assert loss_backend("auto", CPU).note == ""


def test_the_kernel_can_be_built_for_the_gpus_that_we_name(tmp_path: Path) -> None:
    sizes = told("compile", tmp_path)
    assert sizes.keys() == {f"sm_{capability} {name}" for capability, names in GPUS.items() for name in names}
    assert min(sizes.values()) > 0
