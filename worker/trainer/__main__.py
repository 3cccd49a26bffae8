"""``python -m worker.trainer --root ROOT --run ID --attempt N``: one run; the exit code says how it ended.

The last line of the log is ``trainer_exit code=<n>``, whichever way this program ends by itself. With several GPUs in
``dispatch.json`` it starts one process for each (:mod:`worker.trainer.distributed`) and ends as they do.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from worker.continuing import beginning_of
from worker.durable import read_file, write_atomic
from worker.paths import AttemptDir, PathRefused, Root
from worker.trainer.errors import BackendMissing, BadInput, OutOfMemory, TrainerError
from worker.wire import DOCUMENT_LIMIT_BYTES, ContractError, Dispatch, Document, parse, parse_dispatch, to_bytes

LIBRARIES = ("numpy", "torch", "safetensors")
"""What a host's Python needs to train."""

INTERRUPTED = 128 + signal.SIGINT


class _StopFlag:
    """Raised by SIGTERM; looked at between steps."""

    def __init__(self) -> None:
        self._raised = False

    def __call__(self, _number: int, _frame: object) -> None:
        self._raised = True

    def raised(self) -> bool:
        return self._raised


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the contract's exit code; words about a failure go to the log, as its last line that is not data."""
    parser = argparse.ArgumentParser(prog="python -m worker.trainer", description=__doc__, allow_abbrev=False)
    parser.add_argument("--root", required=True)
    parser.add_argument("--run", required=True, metavar="ID")
    parser.add_argument("--attempt", required=True, type=int, metavar="N")
    asked = parser.parse_args(argv)
    root = Root.at(asked.root)
    try:
        try:
            return _run(root, root.attempt(asked.run, asked.attempt))
        except (ContractError, PathRefused) as error:
            raise BadInput(str(error)) from None
    except TrainerError as error:
        # Where memory ran out torch's own words stand: readers of logs know them.
        words = str(error) if isinstance(error, OutOfMemory) else f"{type(error).__name__}: {error}"
        rank = os.environ.get("RANK", "0")
        print(("" if rank == "0" else f"[rank{rank}]: ") + " ".join(words.split()), flush=True)
        return error.exit_code


def _run(root: Root, attempt: AttemptDir) -> int:
    """Train as the documents say. Raises :class:`TrainerError`, ``ContractError`` or ``PathRefused``."""
    stop = _StopFlag()
    signal.signal(signal.SIGTERM, stop)
    spec_path = root.spec(attempt.run_id)
    body = parse("spec", _read(spec_path), spec_path)
    dispatch_path = attempt.file("dispatch.json")
    dispatch = parse_dispatch(_read(dispatch_path), dispatch_path)
    _require_libraries()

    from worker.trainer.distributed import is_rank, join, leave, run_ranks
    from worker.trainer.emit import Emit
    from worker.trainer.schedule import base_multiplier
    from worker.trainer.spec import parse_spec
    from worker.trainer.train import Inputs, train

    spec = parse_spec(overridden(body, dispatch.override), spec_path)
    if dispatch.gpus > 1 and not is_rank():
        return run_ranks(dispatch.gpus, ("--root", root.path, "--run", attempt.run_id, "--attempt",
                                         str(attempt.number)))
    teacher = dispatch.resolved.get("teacher") or {}
    inputs = Inputs(
        root=Path(root.path), out=Path(attempt.path), run_id=attempt.run_id,
        teacher_sha256=teacher.get("checkpoint_sha256"), teacher_final_val=teacher.get("final_val"),
        target_val=dispatch.resolved.get("target_val"), resume=_resumed(root, attempt, dispatch),
        beginning=beginning_of(root, dispatch, body, lambda step, horizon: base_multiplier(
            spec.schedule, step, horizon)),
        oom_fallback=dispatch.override is not None,
    )
    ranks = join()

    def write_environment(facts: Document) -> None:
        if ranks.main:
            write_atomic(attempt.file("environment.json"), to_bytes(facts))

    try:
        train(spec, inputs, Emit(spec.horizon, silent=not ranks.main), write_environment, stop_asked=stop.raised,
              ranks=ranks)
    finally:
        leave()
    return 0


def overridden(body: dict[str, Any], override: Document | None) -> dict[str, Any]:
    """The spec with the smaller batch that an attempt after an out-of-memory takes; of stages the larger ones shrink.

    >>> overridden({"data": {"batch_sequences": 8, "microbatch_sequences": None}},
    ...            {"reason": "oom_fallback", "spec": {"data": {"microbatch_sequences": 2}}})
    {'data': {'batch_sequences': 8, 'microbatch_sequences': 2}}
    """
    if override is None:
        return body
    changed = copy.deepcopy(body)
    smaller = override["spec"]["data"]
    changed["data"].update(smaller)
    for stage in changed.get("stages", ()):
        for key, most in smaller.items():
            if stage.get(key) is not None:
                stage[key] = min(stage[key], most)
    return changed


def said_goodbye(program: Callable[[], int]) -> int:
    """Run to the exit code, and print it as the log's last line whatever happens."""
    code = 1
    try:
        code = program()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException:  # noqa: BLE001 - the error of the code is told whole; only the farewell comes after it
        traceback.print_exc()
    finally:
        if not os.environ.get("TORCHELASTIC_RUN_ID"):  # the process that started the ranks speaks for them
            sys.stderr.flush()
            print(f"trainer_exit code={code}", flush=True)
    return code


def _resumed(root: Root, attempt: AttemptDir, dispatch: Dispatch) -> Path | None:
    return None if dispatch.resume_from is None else Path(root.attempt(attempt.run_id, dispatch.resume_from).path)


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
    sys.exit(said_goodbye(main))
