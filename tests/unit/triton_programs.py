"""What tests ask of the Triton kernel in a process of its own; prints one JSON object.

    TRITON_INTERPRET=1 python -m tests.unit.triton_programs interpret     errors against plain torch, by case
    python -m tests.unit.triton_programs compile                          bytes of machine code, by GPU and program

Of its own, because whether kernels are interpreted is settled when triton is imported, and torch's compiler imports it.
"""

from __future__ import annotations

import inspect
import json
import sys
import warnings
from typing import Any

import torch

from tests.unit.kd_kit import CAPS, CPU, Case, relative_error
from worker.trainer.kd.loss import LossBackend, loss_backend, trouble_with_triton

CASES: dict[str, tuple[str, float, str, int | None, str, int]] = {
    "ce": ("ce", 1.0, "tanh", 30, "off", 1),
    "exact": ("exact", 1.0, "uncapped", None, "off", 1),
    "exact, capped, s of the microbatch": ("exact", 1.0, "seed", 30, "exact", 1),
    "exact, T 2, stride 2": ("exact", 2.0, "tanh", 30, "off", 2),
    "topk, T 2, capped": ("topk", 2.0, "seed", 30, "off", 1),
    "sampled, stride 2": ("sampled", 1.0, "uncapped", None, "off", 2),
}
"""Kind, temperature, softcap, real vocabulary, norm, stride: each branch of the kernel at least once."""

PROGRAMS: dict[str, dict[str, Any]] = {
    "exact": {"T": 2.0, "TEACHER": True, "SUMS": True, "GRADIENT": True, "SOFT": True},
    "words": {"T": 1.0, "TEACHER": False, "SUMS": False, "GRADIENT": True, "SOFT": True},
}
GPUS = {90: ("exact", "words"), 121: ("exact",)}
"""H100 and H200; GB10."""


def interpret() -> dict[str, float]:
    """The worst error of losses and gradients of each case, and of one in bf16."""
    from worker.trainer.kd.triton_kd import TritonRows

    ours, plain = LossBackend("triton", TritonRows(block=16), 3), loss_backend("torch", CPU)
    found = {"trouble": float(trouble_with_triton(CPU) is not None)}
    for name, (kind, temperature, cap, real, norm, stride) in CASES.items():
        case = Case.drawn(tokens=5, vocab=37, real=real, masked=(2,), cap=CAPS[cap], dtype=torch.float32)
        soft = None if kind == "ce" else case.soft(kind, temperature, stride)
        found[name] = _worst(*(case.loss(backend, soft, norm=norm) for backend in (ours, plain)))
    case = Case.drawn(tokens=5, vocab=37, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found["bf16"] = _worst(*(case.loss(backend, case.soft("exact")) for backend in (ours, plain)))
    return found


def compile_for_gpus() -> dict[str, int]:
    """The size of what ptxas makes of each program. Raises where it makes nothing."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from worker.trainer.kd.triton_kd import TritonRows, _rows

    rows, found = TritonRows(), {}
    cap = {f"{whose}{part}": value for whose in ("", "TEACHER_")
           for part, value in (("SIZE", 11.5), ("SHIFT", 5.0), ("SCALE", 15.0))}
    for capability, programs in GPUS.items():
        for name in programs:
            constants = {"V": 50257, "COLUMNS": 50304, "BLOCK": rows.block, **cap, **PROGRAMS[name]}
            types = {"student": "*bf16", "teacher": "*bf16", "y_ptr": "*i64"}
            signature = {key: "constexpr" if key in constants else types.get(
                key, "*fp32" if key.endswith("_ptr") else "i32") for key in inspect.signature(_rows.fn).parameters}
            made = triton.compile(ASTSource(_rows, signature, constants), target=GPUTarget("cuda", capability, 32),
                                  options={"num_warps": rows.warps})
            found[f"sm_{capability} {name}"] = len(made.asm["cubin"])
    return found


def _worst(one: Any, other: Any) -> float:
    pairs = [(getattr(one[0], name), getattr(other[0], name)) for name in ("total", "hard", "soft")]
    losses = [float((a - b).detach().abs()) / max(1.0, float(b.detach().abs())) for a, b in pairs]
    return max(*losses, *(relative_error(a, b) for a, b in zip(one[1:], other[1:], strict=True)))


if __name__ == "__main__":
    warnings.simplefilter("ignore", RuntimeWarning)  # numpy on entries outside a mask, whose result nobody takes
    sys.stdout.write(json.dumps(interpret() if sys.argv[1] == "interpret" else compile_for_gpus()) + "\n")
