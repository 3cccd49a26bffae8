"""The GPU probe: whatever a check does, it ends alone. Real processes; what stands in for torch is given to them."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.fake_programs import BARE_PYTHON, program
from worker.probe import probe
from worker.probe_checks import NotTried
from worker.probe_gpu import isolated


def passes(_torch: Any) -> dict[str, Any]:
    return {"ok": True, "devices": 2}


def is_not_tried(_torch: Any) -> dict[str, Any]:
    raise NotTried("flash_attn is not installed")


def crashes(_torch: Any) -> dict[str, Any]:
    ctypes.string_at(0)
    return {"ok": True}


def runs_out_of_memory(_torch: Any) -> dict[str, Any]:
    raise RuntimeError("CUDA out of memory. Tried to allocate 16.00 MiB. GPU 0 has a total capacity of 79.15 GiB of "
                       "which 2.00 MiB is free.")


def fails_just_in_time(_torch: Any) -> dict[str, Any]:
    os.write(2, b"ptxas fatal   : Value 'sm_121a' is not defined for option 'gpu-name'\n")
    os._exit(1)


def hangs(_torch: Any) -> dict[str, Any]:
    time.sleep(600)
    return {"ok": True}


def leaves_a_child(_torch: Any) -> dict[str, Any]:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    return {"ok": True}


def talks(_torch: Any) -> dict[str, Any]:
    os.write(1, b"warming up\n" * 100_000)
    return {"ok": True}


@pytest.mark.parametrize(("check", "ok", "failure", "words"), [
    (passes, True, None, None),
    (is_not_tried, None, None, "flash_attn is not installed"),
    (crashes, False, "code_error", "SIGSEGV"),
    (runs_out_of_memory, None, "oom", "16.00 MiB"),
    (fails_just_in_time, False, "jit_crash", "sm_121a"),
    (talks, True, None, None),
    (leaves_a_child, True, None, None),
])
def test_each_end_of_a_check_is_told(check: Any, ok: bool | None, failure: str | None, words: str | None) -> None:
    found = isolated(check, None, 60.0)
    assert (found["ok"], found.get("failure")) == (ok, failure), found
    assert (words in found["error"]) if words else found["error"] is None
    assert found["ms"] < 60_000


def test_a_check_that_hangs_is_ended_at_its_deadline() -> None:
    found = isolated(hangs, None, 0.5)
    assert (found["ok"], found["error"]) == (False, "no end within 0.5 s")


@pytest.mark.torch
def test_torch_here_computes_and_says_that_there_is_no_gpu_to_try() -> None:
    found = probe(sys.executable)
    assert found["torch"]
    assert "error" not in found
    checks = found["checks"]
    assert (checks["kernel"]["ok"], checks["backward"]["ok"]) == (True, True)
    if checks["kernel"]["device"] == "cpu":
        assert {checks[name]["ok"] for name in ("fa2", "fa3", "sdpa_flash", "compiled")} == {None}
        assert checks["fa3"]["error"] == "torch sees no GPU"


def test_a_python_without_torch_says_so() -> None:
    found = probe(BARE_PYTHON)
    assert (found["torch"], found["checks"]) == (None, {})
    assert "No module named 'torch'" in found["torch_error"]


def test_an_interpreter_that_hangs_or_is_none_costs_its_deadline_at_most(tmp_path: Path) -> None:
    slow = program(tmp_path / "slow", "#!/bin/sh\nexec sleep 600\n")
    assert probe(str(slow), patience_s=0.5)["error"] == "no answer within 0.5 s"
    odd = program(tmp_path / "odd", "#!/bin/sh\necho 'no such thing' >&2; exit 4\n")
    assert probe(str(odd))["error"] == "the probe ended with status 4: no such thing"
    assert "cannot be run" in probe(str(tmp_path))["error"]
