"""``python -m worker.trainer --root ROOT --run ID --attempt N``: one run; the exit code says how it ended."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from worker.durable import read_file, write_atomic
from worker.paths import AttemptDir, PathRefused, Root
from worker.trainer.errors import BackendMissing, BadInput, OutOfMemory, TrainerError
from worker.wire import DOCUMENT_LIMIT_BYTES, ContractError, Document, parse, parse_dispatch, to_bytes

LIBRARIES = ("numpy", "torch", "safetensors")
"""What a host's Python needs to train."""


class _StopFlag:
    """Raised by SIGTERM; looked at between steps."""

    def __init__(self) -> None:
        self._raised = False

    def __call__(self, _number: int, _frame: object) -> None:
        self._raised = True

    def raised(self) -> bool:
        return self._raised


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the contract's exit code; words about a failure go to the log, as its last line."""
    parser = argparse.ArgumentParser(prog="python -m worker.trainer", description=__doc__, allow_abbrev=False)
    parser.add_argument("--root", required=True)
    parser.add_argument("--run", required=True, metavar="ID")
    parser.add_argument("--attempt", required=True, type=int, metavar="N")
    asked = parser.parse_args(argv)
    stop = _StopFlag()
    signal.signal(signal.SIGTERM, stop)
    root = Root.at(asked.root)
    try:
        try:
            _run(root, root.attempt(asked.run, asked.attempt), stop)
        except (ContractError, PathRefused) as error:
            raise BadInput(str(error)) from None
    except TrainerError as error:
        # Where memory ran out torch's own words stand: readers of logs know them.
        words = str(error) if isinstance(error, OutOfMemory) else f"{type(error).__name__}: {error}"
        print(" ".join(words.split()), flush=True)
        return error.exit_code
    return 0


def _run(root: Root, attempt: AttemptDir, stop: _StopFlag) -> None:
    """Train as the documents say. Raises :class:`TrainerError`, ``ContractError`` or ``PathRefused``."""
    spec_path = root.spec(attempt.run_id)
    body = parse("spec", _read(spec_path), spec_path)
    dispatch_path = attempt.file("dispatch.json")
    dispatch = parse_dispatch(_read(dispatch_path), dispatch_path)
    _require_libraries()
    import torch

    from worker.trainer.emit import Emit
    from worker.trainer.spec import parse_spec
    from worker.trainer.train import Inputs, train

    spec = parse_spec(body, spec_path)
    teacher = dispatch.resolved.get("teacher") or {}
    inputs = Inputs(
        root=Path(root.path), out=Path(attempt.path), run_id=attempt.run_id,
        teacher_sha256=teacher.get("checkpoint_sha256"), teacher_final_val=teacher.get("final_val"),
        target_val=dispatch.resolved.get("target_val"),
        resume=None if dispatch.resume_from is None else Path(root.attempt(attempt.run_id, dispatch.resume_from).path),
    )

    def write_environment(facts: Document) -> None:
        write_atomic(attempt.file("environment.json"), to_bytes(facts))

    try:
        train(spec, inputs, Emit(spec.horizon), write_environment, stop_asked=stop.raised)
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(f"torch.OutOfMemoryError: {error}") from None
    except RuntimeError as error:
        if "DefaultCPUAllocator" not in str(error):  # how torch says it on a CPU
            raise
        raise OutOfMemory(f"torch.OutOfMemoryError: {error}") from None


def _require_libraries() -> None:
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except (ImportError, OSError) as error:  # OSError: a shared library that it loads is not there
            raise BackendMissing(
                f"{name} is not installed in {sys.executable}, or does not load ({error}); install it with "
                f"\"{sys.executable} -m pip install {' '.join(LIBRARIES)}\", or point this host's 'python' in "
                "hosts.yaml at an interpreter that has it") from None


def _read(path: str) -> bytes:
    data = read_file(path, DOCUMENT_LIMIT_BYTES + 1)
    if data is None:
        raise BadInput(f"{path} is missing")
    return data


if __name__ == "__main__":
    sys.exit(main())
