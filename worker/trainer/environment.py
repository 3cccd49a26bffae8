"""What really ran: the content of ``environment.json``."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch

from worker.gpu import gpus
from worker.trainer.spec import TrainSpec


def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str | None:
    """The processor's name as Linux tells it, else the machine's architecture."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    told = dict(line.partition(":")[::2] for line in reversed(lines))  # the first processor's lines win
    named = {key.strip(): value.strip() for key, value in told.items()}
    return named.get("model name") or platform.machine() or None


def describe(spec: TrainSpec, device: torch.device, *, corpus_sha256: str, parameters: int, compiled: bool,
             teacher_eval_val: float | None, oom_fallback: bool = False,
             attention_backend: str = "sdpa", attention_fallback: bool = False) -> dict[str, Any]:
    """Library versions, device, precision, threads, corpus, size. Null where a machine does not say.

    ``parameters`` and ``compiled`` are those of the student, or of the teacher where there is no student."""
    cuda = device.type == "cuda"
    return {
        "contract": "v1",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "device": device.type,
        "gpu_model": torch.cuda.get_device_name(device) if cuda else None,
        "cpu_model": None if cuda else cpu_model(),
        "driver": next((gpu.driver for gpu in gpus()), None) if cuda else None,
        "cuda": torch.version.cuda if cuda else None,
        "precision": spec.precision,
        "threads": torch.get_num_threads(),
        "corpus_sha256": corpus_sha256,
        "parameters": parameters,
        "attention_backend": attention_backend,
        "compiled": compiled,
        "oom_fallback": oom_fallback,
        "attention_fallback": attention_fallback,
        "teacher_eval_val": teacher_eval_val,
    }
