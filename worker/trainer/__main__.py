"""``python -m worker.trainer --root ROOT --run ID --attempt N``: one run; the exit code says how it ended."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from worker.durable import write_atomic
from worker.paths import AttemptDir, Root
from worker.trainer.errors import BackendMissing, BadInput, OutOfMemory, TrainerError
from worker.wire import to_bytes


def _document(path: str) -> dict[str, Any]:
    try:
        body = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from None
    if not isinstance(body, dict):
        raise BadInput(f"{path} does not hold an object")
    return body


def run(root: Root, attempt: AttemptDir) -> int:
    """Train as the documents say. Raises :class:`TrainerError`."""
    try:
        import torch
    except ImportError as error:
        raise BackendMissing(f"torch cannot be imported by {sys.executable} ({error}); install it there with "
                             "\"pip install 'kdorch[worker]'\", or set 'python:' for this host to one that "
                             "has it") from None
    from worker.trainer.emit import Emit
    from worker.trainer.spec import parse_spec
    from worker.trainer.train import Inputs, train

    spec = parse_spec(_document(root.spec(attempt.run_id)))
    dispatch = _document(attempt.file("dispatch.json"))
    resolved = dispatch.get("resolved") or {}
    teacher = resolved.get("teacher") or {}
    resume = dispatch.get("resume_from")
    inputs = Inputs(
        root=Path(root.path), out=Path(attempt.path),
        teacher_sha256=teacher.get("checkpoint_sha256"), teacher_final_val=teacher.get("final_val"),
        target_val=resolved.get("target_val"),
        resume=None if resume is None else
        Path(root.attempt(attempt.run_id, resume).path) / "checkpoints" / "last.pt",
    )
    try:
        train(spec, inputs, Emit(spec.horizon),
              lambda facts: write_atomic(attempt.file("environment.json"), to_bytes(facts)))
    except torch.OutOfMemoryError as error:
        raise OutOfMemory(str(error)) from None
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m worker.trainer", description=__doc__)
    parser.add_argument("--root", required=True)
    parser.add_argument("--run", required=True)
    parser.add_argument("--attempt", required=True, type=int)
    asked = parser.parse_args()
    root = Root.at(asked.root)
    try:
        return run(root, root.attempt(asked.run, asked.attempt))
    except TrainerError as error:
        print(f"{type(error).__name__}: {error}", flush=True)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
