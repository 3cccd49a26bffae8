"""A run that goes on from a shorter one's checkpoint, under a real supervisor; and what its host refuses."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.wire.spec import Spec
from tests.integration.supervised import HostRoot, Placed, simulated_spec
from worker.wire import parse


@pytest.fixture
def short(host: HostRoot) -> Placed:
    """A run over 50 steps that has ended."""
    attempt = host.place(simulated_spec(noise=0.1))
    assert host.launch(attempt) == "started"
    assert attempt.seal()["outcome"] == "completed"
    return attempt


def continue_from(attempt: Placed) -> dict[str, Any]:
    last = attempt.file("checkpoints/last.bin").read_bytes()
    return {"run_id": attempt.run_id, "attempt": attempt.number, "sha256": hashlib.sha256(last).hexdigest()}


def ended(host: HostRoot, spec: Spec, **dispatch: Any) -> Placed:
    attempt = host.place(spec, **dispatch)
    assert host.launch(attempt) == "started"
    attempt.seal()
    return attempt


def test_its_log_is_that_of_the_run_from_the_start_and_its_manifest_names_the_checkpoint(
        host: HostRoot, short: Placed, tmp_path: Path) -> None:
    long = simulated_spec(horizon=150, noise=0.1)
    again = ended(host, long, continue_from=continue_from(short))
    first, *rest = again.log.splitlines()
    assert first == "resumed after step 50; the lines up to there are the shorter run's"
    other = HostRoot(tmp_path / "other")
    try:
        assert rest == ended(other, long).log.splitlines()
    finally:
        other.close()
    manifest = parse("manifest", again.file("manifest.json").read_bytes(), "manifest.json")
    assert {"name": "checkpoint to continue from", "digest": {"sha256": continue_from(short)["sha256"]}} in \
        manifest["predicate"]["buildDefinition"]["resolvedDependencies"]


@pytest.mark.parametrize(("part", "words"), [
    ({"seed": 1}, "its seed differ"),
    ({"every": 20}, "its validation differ"),
    ({"horizon": 40}, "it has 50 steps, and this run 40"),
])
def test_another_run_is_no_beginning(host: HostRoot, short: Placed, part: dict[str, Any], words: str) -> None:
    seal = ended(host, simulated_spec(**{"horizon": 150, "noise": 0.1, **part}),
                 continue_from=continue_from(short)).seal()
    assert (seal["outcome"], seal["exit_code"]) == ("failed", 10)
    assert f"the run cannot continue from run {short.run_id[:12]}: {words}" in seal["reason"]


def test_a_checkpoint_that_was_altered_or_is_gone_is_not_gone_on_from(host: HostRoot, short: Placed) -> None:
    asked = continue_from(short)
    short.file("checkpoints/last.bin").write_bytes(b"{}")
    seal = ended(host, simulated_spec(horizon=150, noise=0.1), continue_from=asked).seal()
    assert seal["exit_code"] == 10
    assert f"not the checkpoint {asked['sha256']} to continue from" in seal["reason"]
    spec = Path(host.path) / "runs" / short.run_id / "spec.json"
    spec.write_bytes(json.dumps({**json.loads(spec.read_bytes()), "seed": 3}).encode())
    seal = ended(host, simulated_spec(horizon=200, noise=0.1), continue_from=asked).seal()
    assert "missing, or not the spec of that run" in seal["reason"]


def test_an_attempt_does_one_of_the_two(host: HostRoot, short: Placed) -> None:
    attempt = host.place(simulated_spec(horizon=150), resume_from=1, continue_from=continue_from(short))
    assert host.launch(attempt) == "refused"
