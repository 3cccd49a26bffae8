"""``python -m worker.probe_gpu``: what this interpreter's torch can really do on this machine's GPUs.

Nothing is believed that was not done: memory is allocated, kernels run, gradients flow, and results are compared.
torch is imported once; each check runs in a forked child with a deadline, so that a crash, a hang or a poisoned CUDA
context ends its own check alone. The parent never touches CUDA, since a CUDA context does not survive a fork.
Prints everything known so far as one JSON line after each check. Needs no package but those it looks for.
"""

from __future__ import annotations

import faulthandler
import importlib.metadata
import json
import os
import platform
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from worker import probe_checks
from worker.failures import classify

CHECKS: tuple[tuple[str, Callable[[Any], dict[str, Any]], float], ...] = (
    ("kernel", probe_checks.kernel, 60.0),
    ("backward", probe_checks.backward, 60.0),
    ("sdpa_flash", probe_checks.sdpa_flash, 45.0),
    ("fa2", probe_checks.fa2, 45.0),
    ("fa3", probe_checks.fa3, 45.0),
    ("compiled", probe_checks.compiled, 120.0),
)
"""Name, check and its deadline in seconds."""

_READ = 1 << 16
_KEPT = 32 << 10


def main(argv: list[str]) -> int:
    """Print what is found; 0 also where torch is missing, which is a finding."""
    found: dict[str, Any] = {"python": platform.python_version(), "torch": None, "cuda": None, "checks": {},
                             **{name: _version(name) for name in ("numpy", "flash_attn", "triton")}}
    try:
        import torch
    except Exception as error:  # noqa: BLE001 - a torch that does not load can raise anything, and that is the finding
        # Its distribution may be there all the same.
        found["torch_error"] = f"{type(error).__name__}: {error}"[:400]
        _tell(found)
        return 0
    found["torch"], found["cuda"] = str(torch.__version__), torch.version.cuda
    found["architectures"] = _architectures(torch)
    _tell(found)
    if "--versions" in argv:
        return 0
    for name, check, patience_s in CHECKS:
        found["checks"][name] = isolated(check, torch, patience_s)
        _tell(found)
        if name == "kernel" and found["checks"][name].get("ok") is not True:
            break  # nothing above it can work, and each would wait for its deadline
    return 0


def isolated(check: Callable[[Any], dict[str, Any]], torch: Any, patience_s: float) -> dict[str, Any]:
    """The check's own answer, or how its process ended: ``{"ok": bool | None, "error": …, "failure": …, "ms": …}``.

    ``ok`` is null where the check could not be tried; ``failure`` is the class of a failure.
    """
    began = time.monotonic()
    answer_end, answer = os.pipe()
    words_end, words = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _child(check, torch, answer, words)
    os.close(answer)
    os.close(words)
    told, said, timed_out = _listen(pid, answer_end, words_end, began + patience_s)
    _, status = os.waitpid(pid, 0)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # compilers that it started
    code = os.waitstatus_to_exitcode(status)
    result: dict[str, Any] = {"ok": False, "error": None}
    with suppress(ValueError):
        result.update(json.loads(told))
    if timed_out:
        result.update(ok=False, error=f"no end within {patience_s:g} s")
    elif code != 0 or not told:
        failure = classify("failed", code if code >= 0 else None, -code if code < 0 else None, said)
        line = (failure or {}).get("line")
        how = f"ended by signal {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        result.update(ok=False, failure=(failure or {}).get("class"), error=f"{how}{f': {line}' if line else ''}"[:400])
        if result["failure"] == "oom":
            result["ok"] = None  # somebody uses the memory; it says nothing about the kernels
    result["ms"] = round((time.monotonic() - began) * 1000)
    return result


def _child(check: Callable[[Any], dict[str, Any]], torch: Any, answer: int, words: int) -> None:
    """Never returns. What the check prints, and what libraries print below Python, goes to ``words``."""
    code = 1
    try:
        os.setpgid(0, 0)
        os.dup2(words, 1)
        os.dup2(words, 2)
        faulthandler.enable(2)
        try:
            os.write(answer, json.dumps(check(torch)).encode())
            code = 0
        except probe_checks.NotTried as reason:
            os.write(answer, json.dumps({"ok": None, "error": str(reason)[:400]}).encode())
            code = 0
        except BaseException:  # noqa: BLE001 - the parent reads the traceback from the words
            os.write(2, traceback.format_exc().encode("utf-8", "replace"))
    finally:
        os._exit(code)


def _listen(pid: int, answer: int, words: int, until: float) -> tuple[bytes, bytes, bool]:
    """Everything the child tells and says until it ends, or until its deadline, when it is killed."""
    heard = {answer: bytearray(), words: bytearray()}
    open_ends = {answer, words}
    timed_out = False
    while answer in open_ends:  # helpers of the child may hold the other end for ever
        left = until - time.monotonic()
        if left <= 0 and not timed_out:
            timed_out = True
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ready, _, _ = select.select(list(open_ends), [], [], max(0.0, left) if not timed_out else 5.0)
        if timed_out and not ready:
            break
        for fd in ready:
            data = os.read(fd, _READ)
            if not data:
                open_ends.discard(fd)
            heard[fd] += data
            del heard[fd][:-_KEPT]
    if words in open_ends and select.select([words], [], [], 0)[0]:
        heard[words] += os.read(words, _READ)
    os.close(answer)
    os.close(words)
    return bytes(heard[answer]), bytes(heard[words]), timed_out


def _architectures(torch: Any) -> list[str]:
    """The GPU architectures that this build of torch has kernels for. Asks the library, not the driver."""
    try:
        return str(torch._C._cuda_getArchFlags() or "").split()
    except AttributeError:  # a build without CUDA
        return []


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _tell(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"kdorch_probe": 1, **found}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
