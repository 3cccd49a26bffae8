"""The seal and what it covers."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path

import pytest

from orchestrator.wire.documents import PARSERS, parse_observation
from orchestrator.wire.spec import KdSpec, Selector, Spec
from tests.integration.supervised import HostRoot, Placed, simulated_spec, wait_for
from worker.manifest import Facts
from worker.observe import observe
from worker.seal import Account, Ending, seal
from worker.wire import parse, parse_dispatch


def test_the_manifest_lists_every_file_with_its_digest_and_the_seal_names_the_manifest(host: HostRoot) -> None:
    attempt = host.place(resolved={"teacher": {"run_id": "c" * 64, "checkpoint_sha256": "d" * 64, "final_val": 1.9},
                                   "target_val": None})
    host.launch(attempt)
    sealed = attempt.seal()
    data = attempt.file("manifest.json").read_bytes()
    assert sealed["manifest_sha256"] == hashlib.sha256(data).hexdigest()
    statement = parse("manifest", data, "manifest.json")
    listed = {s["name"]: (s["digest"]["sha256"], s["annotations"]["size_bytes"]) for s in statement["subject"]}
    directory = Path(attempt.directory.path)
    unlisted = {"manifest.json", "exit.json", "supervisor.lock", "supervisor.log"}
    found = {str(p.relative_to(directory)): p.read_bytes() for p in directory.rglob("*") if p.is_file()}
    assert listed == {n: (hashlib.sha256(d).hexdigest(), len(d)) for n, d in found.items() if n not in unlisted}
    assert [s["name"] for s in statement["subject"]] == sorted(listed)
    build = statement["predicate"]["buildDefinition"]
    assert build["externalParameters"] == {"run_id": attempt.run_id, "attempt": 1, "spec_sha256": attempt.run_id,
                                           "dispatch_sha256": attempt.digest}
    assert build["internalParameters"] == attempt.document("environment.json")
    assert [(d["name"], d["digest"]["sha256"][0]) for d in build["resolvedDependencies"]] == [
        ("bundle", "b"), ("teacher checkpoint", "d")]
    details = statement["predicate"]["runDetails"]
    assert details["builder"] == {"id": "here"}
    assert details["metadata"] == {"invocationId": f"{attempt.run_id}/1", "startedOn": sealed["started_at"],
                                   "finishedOn": sealed["ended_at"]}
    assert details["byproducts"][0]["content"]["wall_ms"] == sealed["wall_ms"]


def test_both_sides_read_every_document_that_a_host_writes(host: HostRoot) -> None:
    attempt = host.place()
    host.launch(attempt)
    attempt.seal()
    for name in ("claim", "started", "status", "environment", "manifest", "exit"):
        data = attempt.file(f"{name}.json").read_bytes()
        document = parse(name, data, name)
        assert data == (json.dumps(document, sort_keys=True, separators=(",", ":")) + "\n").encode()
        PARSERS[name](data, name)
    assert attempt.document("status.json")["phase"] == "sealed"
    seen = parse_observation(observe(attempt.directory), "observation")
    assert (seen.state, seen.exit is not None) == ("sealed", True)


def test_links_and_pipes_are_left_out_and_named(host: HostRoot) -> None:
    attempt = host.place(simulated_spec(horizon=100000, real_step_ms=5))
    host.launch(attempt)
    wait_for(lambda: "step:2/" in attempt.log, "the trainer at work")
    attempt.file("passwords").symlink_to("/etc/passwd")
    attempt.file("elsewhere").symlink_to("/etc")
    os.mkfifo(attempt.file("pipe"))
    Path(attempt.directory.path, "odd\nname").write_text("x")
    attempt.file("stop.request").write_text("")
    assert attempt.seal()["outcome"] == "cancelled"
    statement = attempt.document("manifest.json")
    names = {s["name"] for s in statement["subject"]}
    assert not names & {"passwords", "elsewhere", "pipe", "odd\nname"}
    assert {"train.log", "checkpoints/last.bin"} <= names
    left_out = statement["predicate"]["runDetails"]["byproducts"][1]
    assert left_out["name"] == "left_out"
    assert set(left_out["content"]) == {"passwords", "elsewhere", "pipe", "'odd\\nname'"}


def sealable(host: HostRoot) -> tuple[Placed, Facts]:
    attempt = host.place()
    Path(attempt.directory.path).mkdir(parents=True)
    path = host.root.dispatch(attempt.run_id, attempt.digest)
    dispatch = parse_dispatch(Path(path).read_bytes(), path)
    return attempt, Facts(dispatch, attempt.digest, {}, None, "2026-01-01T00:00:00Z")


ACCOUNT = Account("boot", None, "2026-01-01T00:00:00Z", 0, 0)


def test_sealing_is_tried_again_until_there_is_room(host: HostRoot) -> None:
    attempt, facts = sealable(host)
    tries: list[str] = []

    def freeze() -> None:
        if len(tries) < 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        attempt.file("status.json").write_text("{}\n")

    assert seal(attempt.directory, Ending("completed"), ACCOUNT, facts, freeze=freeze, note=tries.append)
    assert len(tries) == 2
    assert attempt.document("exit.json")["outcome"] == "completed"


def test_sealing_that_is_given_up_leaves_no_seal(host: HostRoot) -> None:
    attempt, facts = sealable(host)
    notes: list[str] = []
    attempt.file("manifest.json").mkdir()  # cannot be replaced by a file
    clock = iter(range(0, 10000, 400))
    assert not seal(attempt.directory, Ending("completed"), ACCOUNT, facts, freeze=lambda: None, note=notes.append,
                    monotonic=lambda: float(next(clock)))
    assert not attempt.file("exit.json").exists()
    assert notes[-1].startswith("gave up sealing")
    assert not list(Path(attempt.directory.path).glob(".*tmp*"))


def kd_spec(**changes: object) -> Spec:
    body = simulated_spec(seed=3, horizon=200, noise=0.01, kd_gain=1.0, boost_gain=0.5).model_dump(by_alias=True)
    body |= {"mode": "kd", "kd": KdSpec(teacher=Selector.model_validate({"from": "teachers.best"})).model_dump(
        by_alias=True), "schedule": {"boost": 3.0, "hold": 0.2, "drop_to_base": 0.4}}
    return Spec.model_validate(body | changes)


TEACHER = {"teacher": {"run_id": "c" * 64, "checkpoint_sha256": None, "final_val": 2.6}, "target_val": 2.5}


def test_the_simulated_trainer_prints_the_same_log_every_time(host: HostRoot) -> None:
    attempts = [host.place(kd_spec(), attempt=n, resolved=TEACHER) for n in (1, 2)]
    for attempt in attempts:
        assert host.launch(attempt) == "started"
        assert attempt.seal()["outcome"] == "completed"
    assert attempts[0].log == attempts[1].log
    checkpoints = [a.file("checkpoints/best.bin").read_bytes() for a in attempts]
    assert checkpoints[0] == checkpoints[1]


def test_the_simulated_trainer_distils_until_the_margin_and_stops_at_its_target(host: HostRoot) -> None:
    attempt = host.place(kd_spec(stop_at_target={"from": "teachers.best"}), resolved=TEACHER)
    host.launch(attempt)
    attempt.seal()
    lines = attempt.log.splitlines()
    stops = [line for line in lines if line.startswith("kd_stop ")]
    assert len(stops) == 1
    stopped_at = int(stops[0].split("step:")[1].split()[0])
    assert all(("kd:1" in line) == (int(line.split(":")[1].split("/")[0]) <= stopped_at)
               for line in lines if "train_loss" in line)
    validations = [float(line.split("val_loss:")[1].split()[0]) for line in lines if "val_loss" in line]
    assert validations[-1] <= 2.5 >= validations[-2] > 0
    assert validations[-3] > 2.5
    assert lines[-2].endswith("reason:target_confirmed")


@pytest.mark.parametrize("resolved", [
    {"teacher": None, "target_val": None},
    {"teacher": {"run_id": "c" * 64, "checkpoint_sha256": "d" * 64, "final_val": 2.6}, "target_val": None},
])
def test_a_run_that_distils_without_its_teacher_at_hand_is_refused_as_bad_input(
        host: HostRoot, resolved: dict[str, object]) -> None:
    attempt = host.place(kd_spec(), resolved=resolved)
    host.launch(attempt)
    sealed = attempt.seal()
    assert (sealed["exit_code"], sealed["outcome"]) == (10, "failed")
    assert "teacher" in sealed["reason"]
