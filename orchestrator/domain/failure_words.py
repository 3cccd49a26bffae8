"""What a sealed failure was, in words: its class, its phase, the memory it wanted, the line that says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_CLASSES = {
    "oom": "out of memory", "nan": "the loss became NaN or infinite",
    "nccl": "communication between GPUs failed (NCCL)",
    "xid": "the GPU reported an error (Xid)", "jit_crash": "a kernel compiled just in time crashed",
    "disk_full": "the host's disk was full", "missing_backend": "a required back end is missing on the host",
    "bad_input": "the trainer refused its input", "teacher_mismatch": "the teacher does not fit the student",
    "killed": "it was killed from outside", "code_error": "an error of the trainer's code",
}


def failure_words(exit_json: str | None) -> str:
    """The seal's failure as one line; empty for an attempt that did not fail, or left no seal."""
    seal: Mapping[str, Any] = json.loads(exit_json) if exit_json else {}
    failure = seal.get("failure")
    if not isinstance(failure, dict):
        return ""
    words = _CLASSES.get(str(failure.get("class")), str(failure.get("class")))
    if failure.get("phase"):
        words += f" in {failure['phase']}"
    sizes = [f"{name} {failure[key] / 1024:.2f} GiB" for key, name in (
        ("tried_mib", "tried"), ("free_mib", "free"), ("shortfall_mib", "short by"))
        if isinstance(failure.get(key), int | float)]
    if sizes:
        words += f" ({', '.join(sizes)})"
    return words + (f": {failure['line']}" if failure.get("line") else "")
