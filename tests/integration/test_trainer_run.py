"""The trainer as a program, under a real supervisor: a tiny CE run, a KD run from it, stops, and exit codes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from orchestrator.wire.documents import parse_environment
from orchestrator.wire.spec import Spec, run_id_of
from orchestrator.wire.trainlog import parse_log
from tests.integration.supervised import REPOSITORY, HostRoot, Placed, wait_for
from tests.unit.trainer_kit import DATA_LINE, KD, Bench, place_shards, spec_of
from worker.trainer.__main__ import overridden
from worker.wire import parse

pytestmark = pytest.mark.torch

ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[HostRoot]:
    root = HostRoot(tmp_path)
    place_shards(tmp_path)
    yield root
    root.close()


def run(host: HostRoot, spec: Spec, **dispatch: Any) -> Placed:
    """Launch, and wait for the seal."""
    attempt = host.place(spec, trainer_env=ENVIRONMENT, **dispatch)
    assert host.launch(attempt) == "started"
    attempt.seal()
    return attempt


def adopted(host: HostRoot, attempt: Placed) -> str:
    checkpoint = attempt.file("checkpoints/best.safetensors")
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    asset = Path(host.root.asset(digest))
    asset.parent.mkdir(parents=True, exist_ok=True)
    asset.write_bytes(checkpoint.read_bytes())
    return digest


def test_a_teacher_is_trained_and_a_student_distils_from_it_until_its_target(host: HostRoot) -> None:
    teacher = run(host, spec_of({"horizon": 20, "seed": 7, "model": {"layers": 1}}))
    assert teacher.seal()["outcome"] == "completed"
    curve = parse_log(teacher.file("train.log").read_bytes())
    assert (len(curve.train), len(curve.validations), curve.end_reason) == (20, 5, "horizon")
    final_val = curve.validations[-1].val_loss

    digest = adopted(host, teacher)
    until_target = {"horizon": 400, "stop_at_target": {"from": "teachers.best"}, "kd": {"stop": {"min_step": 5}}}
    student = run(
        host, spec_of(KD, until_target),
        resolved={"teacher": {"run_id": teacher.run_id, "checkpoint_sha256": digest, "final_val": final_val},
                  "target_val": final_val})
    log = student.file("train.log").read_bytes()
    curve = parse_log(log)
    assert student.seal()["outcome"] == "completed", log.decode()
    assert curve.end_reason == "target_confirmed"
    assert curve.kd_stop_step is not None
    assert [v.val_loss <= final_val for v in curve.validations[-3:]] == [False, True, True]
    talk = [line for line in log.decode().splitlines() if not DATA_LINE.fullmatch(line)]
    assert len(talk) == 3, "the headline and two markers of what was chosen"

    environment = parse_environment(student.file("environment.json").read_bytes(), "environment.json")
    assert environment.teacher_eval_val == pytest.approx(final_val, abs=1e-6)
    assert environment.torch is not None
    assert environment.cpu_model
    manifest = parse("manifest", student.file("manifest.json").read_bytes(), "manifest.json")
    assert {"checkpoints/best.safetensors", "checkpoints/last.pt", "train.log", "environment.json"} <= {
        subject["name"] for subject in manifest["subject"]}


def test_a_stopped_run_saves_its_place_and_the_next_attempt_tells_the_whole_curve(host: HostRoot) -> None:
    spec = spec_of({"horizon": 800, "validation": {"every": 200}})
    first = host.place(spec, trainer_env=ENVIRONMENT)
    host.launch(first)
    wait_for(lambda: "step:20/800 train_loss" in first.log, "some steps")
    first.file("stop.request").write_text('{"contract":"v1","reason":"changed my mind"}\n')
    seal = first.seal()
    assert (seal["outcome"], seal["exit_code"], seal["signal"]) == ("cancelled", 143, None)
    stopped = parse_log(first.file("train.log").read_bytes())
    assert stopped.end_reason == "stopped"
    assert 20 <= len(stopped.train) < 800

    second = run(host, spec, attempt=2, resume_from=1)
    assert second.seal()["outcome"] == "completed", second.log
    curve = parse_log(second.file("train.log").read_bytes())
    assert [point.step for point in curve.train] == list(range(1, 801))
    assert [point.step for point in curve.validations] == [0, 200, 400, 600, 800]
    assert (curve.timer_resets, curve.end_reason) == (0, "horizon")


def test_a_run_goes_on_from_a_shorter_one_and_trains_only_what_is_left(host: HostRoot) -> None:
    short, long = ({"horizon": n, "validation": {"every": 20}} for n in (20, 60))
    first = run(host, spec_of(short))
    last = hashlib.sha256(first.file("checkpoints/last.pt").read_bytes()).hexdigest()
    begun = {"run_id": first.run_id, "attempt": 1, "sha256": last}
    again = run(host, spec_of(long), continue_from=begun)
    assert again.seal()["outcome"] == "completed", again.log
    curve = parse_log(again.file("train.log").read_bytes())
    assert [point.step for point in curve.train] == list(range(1, 61))
    assert [point.step for point in curve.validations] == [0, 20, 40, 60]
    assert {point.train_time_ms for point in parse_log(first.file("train.log").read_bytes()).train} <= {
        point.train_time_ms for point in curve.train}

    shrunk = {**long, "schedule": {"cooldown": 0.5}}
    before = run(host, spec_of({**short, **shrunk, "horizon": 20}))
    last = hashlib.sha256(before.file("checkpoints/last.pt").read_bytes()).hexdigest()
    refused = run(host, spec_of(shrunk), continue_from={"run_id": before.run_id, "attempt": 1, "sha256": last}).seal()
    assert refused["exit_code"] == 10
    assert "the learning rate of step 12 depends on the horizon" in refused["reason"]


def exit_of(host: HostRoot, spec: Spec, *, pythonpath: str = "", **dispatch: Any) -> tuple[int, str]:
    """Run the program without a supervisor; its exit code and its last words, which only the farewell follows."""
    placed = host.place(spec, **dispatch)
    attempt = Path(placed.directory.path)
    attempt.mkdir(parents=True)
    documents = host.path / "runs" / placed.run_id / "dispatch"
    (attempt / "dispatch.json").write_bytes((documents / f"{placed.digest}.json").read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "worker.trainer", "--root", str(host.path), "--run", placed.run_id, "--attempt",
         str(placed.number)],
        cwd=REPOSITORY, env={"PYTHONPATH": pythonpath, "OMP_NUM_THREADS": "1"}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False)
    assert done.stderr == ""
    *_, words, farewell = ["", *done.stdout.splitlines()]
    assert farewell == f"trainer_exit code={done.returncode}"
    return done.returncode, words


def test_a_host_without_torch_is_told_what_to_install(host: HostRoot, tmp_path: Path) -> None:
    shadow = tmp_path / "shadow"
    shadow.mkdir()
    (shadow / "torch.py").write_text("raise ImportError('libtorch.so: cannot open shared object file')\n")
    code, words = exit_of(host, spec_of(), pythonpath=str(shadow))
    assert code == 13
    assert words.startswith(f"BackendMissing: torch is not installed in {sys.executable}")
    assert "pip install" in words


def test_a_model_that_no_memory_can_hold_is_out_of_memory_in_words_that_log_readers_know(host: HostRoot) -> None:
    code, words = exit_of(host, spec_of({"model": {"model_dim": 65536, "mlp_ratio": 1e5}}))
    assert code == 12
    assert words.startswith("torch.OutOfMemoryError: ")


def test_inputs_that_do_not_fit_end_with_ten_and_one_line(host: HostRoot) -> None:
    assert exit_of(host, spec_of({"model": {"vocab_size": 4}}))[0] == 10
    code, words = exit_of(host, spec_of(KD))
    assert (code, words) == (10, "BadInput: dispatch.json: resolved.teacher names no checkpoint; a kd run needs one")


def test_documents_that_are_missing_end_with_ten(host: HostRoot) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "worker.trainer", "--root", str(host.path), "--run", "a" * 64, "--attempt", "1"],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 10
    assert done.stdout == f"BadInput: {host.path}/runs/{'a' * 64}/spec.json is missing\ntrainer_exit code=10\n"


def test_a_program_that_is_asked_wrongly_takes_its_leave_as_well(host: HostRoot) -> None:
    done = subprocess.run([sys.executable, "-m", "worker.trainer", "--root"], cwd=REPOSITORY, capture_output=True,
                          text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "trainer_exit code=2\n")


def test_an_attempt_after_an_out_of_memory_takes_the_smaller_batch_and_says_so(host: HostRoot) -> None:
    spec = spec_of({"horizon": 2})
    code, _ = exit_of(host, spec, override={"reason": "oom_fallback", "spec": {"data": {"microbatch_sequences": 2}}})
    assert code == 0
    environment = Path(host.root.attempt(run_id_of(spec), 1).file("environment.json"))
    assert parse_environment(environment.read_bytes(), "environment.json").oom_fallback is True
    assert overridden({"data": {"batch_sequences": 8}, "stages": [{"batch_sequences": 4}, {"batch_sequences": None}]},
                      {"spec": {"data": {"batch_sequences": 2}}}) == {
        "data": {"batch_sequences": 2}, "stages": [{"batch_sequences": 2}, {"batch_sequences": None}]}


def test_a_run_whose_loss_is_no_number_is_sealed_with_its_evidence(host: HostRoot) -> None:
    placed = run(host, spec_of({"optimizer": {"lr": 1e39}}))
    seal = placed.seal()
    assert (seal["outcome"], seal["exit_code"], seal["failure"]["class"]) == ("failed", 11, "nan")
    assert placed.log.endswith("trainer_exit code=11\n")
    manifest = parse("manifest", placed.file("manifest.json").read_bytes(), "manifest.json")
    assert {"train.log", "environment.json"} <= {subject["name"] for subject in manifest["subject"]}


def test_two_processes_train_what_one_trains(host: HostRoot) -> None:
    shape = {"layers": 1, "heads": 2, "head_dim": 4, "model_dim": 8, "vocab_size": 32}
    spec = spec_of(KD, {"horizon": 5, "data": {"microbatch_sequences": 1},
                        "kd": {"microbatches": 3, "random_teacher": shape}})
    alone = Bench(host.path).run(spec)
    code, _ = exit_of(host, spec, gpus=2)
    assert code == 0
    together = Path(host.root.attempt(run_id_of(spec), 1).path)
    one, two = (torch.load(d / "checkpoints" / "last.pt", weights_only=True)
                for d in (alone.out, together))
    assert two["progress"]["train_losses"] == pytest.approx(one["progress"]["train_losses"], abs=1e-4)
    assert two["progress"]["last_val"] == pytest.approx(one["progress"]["last_val"], abs=1e-4)
    assert two["norm"]["soft"].item() == pytest.approx(one["norm"]["soft"].item(), rel=1e-3)
    for name, weight in one["model"].items():
        torch.testing.assert_close(two["model"][name], weight, atol=1e-4, rtol=1e-3)


def test_the_exit_code_of_a_rank_is_the_runs(host: HostRoot) -> None:
    code, words = exit_of(host, spec_of(), gpus=2)
    assert code == 10
    assert "1 microbatches cannot be shared equally by 2 processes" in words
