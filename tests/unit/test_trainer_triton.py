"""Rules of the Triton kernel, run by Triton's interpreter on the CPU: the same rows as plain torch's.

Skipped only where triton is not installed; on a machine with a GPU ``tests/gpu`` runs the compiled kernel instead.
"""

from __future__ import annotations

import os

import pytest
import torch

from tests.unit.kd_kit import CAPS, CPU, Case, relative_error
from worker.trainer.kd.loss import LossBackend, loss_backend

pytestmark = pytest.mark.torch

if torch.cuda.is_available():
    pytest.skip("the compiled kernel is tested in tests/gpu", allow_module_level=True)
os.environ.setdefault("TRITON_INTERPRET", "1")  # read once, when triton is imported
pytest.importorskip("triton")


def triton_rows(chunk: int = 5) -> LossBackend:
    from worker.trainer.kd.triton_kd import TritonRows

    return LossBackend("triton", TritonRows(block=16), chunk)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy on entries outside a mask, whose result nobody takes
@pytest.mark.parametrize("kind", ["ce", "exact", "topk", "sampled"])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("cap", CAPS)
def test_the_kernel_gives_the_losses_and_gradients_of_plain_torch(kind: str, temperature: float, cap: str) -> None:
    for real, norm, stride in ((None, "off", 1), (30, "exact", 1), (30, "off", 2)):
        case = Case.drawn(tokens=7, vocab=37, real=real, masked=(2,), cap=CAPS[cap], dtype=torch.float32)
        soft = None if kind == "ce" else case.soft(kind, temperature, stride)
        (one, *found), (other, *expected) = (case.loss(backend, soft, norm=norm)
                                             for backend in (triton_rows(), loss_backend("torch", CPU)))
        for a, b in ((one.total.detach(), other.total.detach()), (one.hard, other.hard), (one.soft, other.soft)):
            assert float(a) == pytest.approx(float(b), rel=1e-5, abs=1e-6)
        for g, h in zip(found, expected, strict=True):
            assert relative_error(g, h) < 1e-5


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_kernel_reads_and_writes_bf16_and_counts_in_float32() -> None:
    case = Case.drawn(tokens=7, vocab=37, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        one, other = (case.loss(backend, case.soft("exact")) for backend in (triton_rows(), loss_backend("torch", CPU)))
    assert float(one[0].total.detach()) == pytest.approx(float(other[0].total.detach()), rel=1e-4)
    assert relative_error(one[1], other[1]) < 5e-3
    assert relative_error(one[2], other[2]) < 5e-3
