"""The seal names what went wrong in a trainer, and the line that says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.wire.documents import parse_exit
from tests.integration.fake_programs import program
from tests.integration.supervised import HOST_PYTHON, HostRoot, Placed, simulated_spec
from worker.wire import parse


def sealed(host: HostRoot, attempt: Placed) -> dict[str, object]:
    """The seal, read by both sides."""
    assert host.launch(attempt) == "started"
    seal = attempt.seal()
    data = attempt.file("exit.json").read_bytes()
    read = parse_exit(data, "exit.json")
    assert parse("exit", data, "exit.json") == seal
    assert (read.failure is None) == (seal["failure"] is None)
    return seal


@pytest.mark.parametrize(("fault", "word", "line"), [
    ({"fault": "exit", "exit_code": 7}, "code_error", None),
    ({"fault": "exit", "exit_code": 13}, "missing_backend", None),
    ({"fault": "exit", "exit_code": 14}, "teacher_mismatch", None),
    ({"fault": "nan"}, "nan", None),
    ({"fault": "oom"}, "oom", "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.21 GiB."),
    ({"fault": "torn_line"}, "killed", None),
])
def test_a_failed_trainer_is_named(host: HostRoot, fault: dict[str, object], word: str, line: str | None) -> None:
    seal = sealed(host, host.place(simulated_spec(fault_step=3, **fault)))
    failure = seal["failure"]
    assert isinstance(failure, dict)
    assert (seal["outcome"], failure["class"], seal["witness"]) == ("failed", word, "supervisor")
    if line is not None:
        assert failure["line"].startswith(line)
        assert (failure["tried_mib"], failure["free_mib"]) == (pytest.approx(9.21 * 1024), pytest.approx(3.32 * 1024))


def test_bad_input_is_named(host: HostRoot) -> None:
    failure = sealed(host, host.place(simulated_spec(), resume_from=1))["failure"]
    assert isinstance(failure, dict)
    assert failure["class"] == "bad_input"
    assert "cannot resume" in failure["line"]


@pytest.mark.parametrize(("words", "code", "word"), [
    ("NVRM: Xid (PCI:0000:1b:00): 79, pid=812, GPU has fallen off the bus.", 1, "xid"),
    ("torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:1970, unhandled cuda error", 1, "nccl"),
    ("OSError: [Errno 28] No space left on device", 1, "disk_full"),
    ("RuntimeError: Expected all tensors to be on the same device", 1, "code_error"),
])
def test_what_a_trainer_of_ones_own_says_is_read(host: HostRoot, tmp_path: Path, words: str, code: int,
                                                 word: str) -> None:
    python = program(tmp_path / "bin" / "python3", f"#!/bin/sh\necho '{words}' >&2\nexit {code}\n")
    failure = sealed(host, host.place(python=str(python)))["failure"]
    assert isinstance(failure, dict)
    assert (failure["class"], failure["line"]) == (word, words)


def test_what_is_no_failure_of_the_trainer_has_no_class(host: HostRoot) -> None:
    completed = sealed(host, host.place())
    refused = sealed(host, host.place(simulated_spec(seed=1), python="python-of-another-age"))
    late = sealed(host, host.place(simulated_spec(seed=2, fault="hang", fault_step=3), deadline_s=0.5))
    assert [(s["outcome"], s["failure"]) for s in (completed, refused, late)] == [
        ("completed", None), ("refused", None), ("timed_out", None)]


def test_a_trainer_says_farewell_with_its_exit_code(host: HostRoot) -> None:
    codes = []
    for seed, fault in enumerate(({}, {"fault": "exit", "exit_code": 9}, {"fault": "nan"}, {"fault": "oom"})):
        attempt = host.place(simulated_spec(seed=seed, fault_step=3, **fault), python=HOST_PYTHON)
        sealed(host, attempt)
        codes.append(attempt.log.splitlines()[-1])
    assert codes == [f"trainer_exit code={code}" for code in (0, 9, 11, 12)]
