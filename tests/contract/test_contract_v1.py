"""The treaty of ``tests/contract/v1``: both codecs read every golden file, each reads what the other writes."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from orchestrator.domain import metrics
from orchestrator.domain.errors import ContractError
from orchestrator.wire import documents
from orchestrator.wire.documents import PARSERS, parse_environment, parse_hello, parse_manifest, parse_observation
from orchestrator.wire.schemas import MODELS, schema_bytes
from orchestrator.wire.spec import Spec, run_id_of, spec_bytes
from orchestrator.wire.trainlog import parse_log
from worker import fields as worker_fields
from worker import manifest as worker_manifest
from worker import wire as worker_wire
from worker.trainer.emit import Emit

V1 = Path(__file__).parent / "v1"
GOLDEN = sorted((V1 / "golden").glob("*.json"))
SPECS = [p for p in GOLDEN if p.name.startswith("spec.")]
DOCUMENTS = [p for p in GOLDEN if p.name.split(".")[0] in PARSERS]
ANSWERS = [p for p in GOLDEN if p not in SPECS and p not in DOCUMENTS]
CASES = json.loads((V1 / "malformed" / "cases.json").read_text())
ROOT = Path(__file__).parents[2]
NOT_AS_WRITTEN = ("exit.unknown-keys.json", "exit.defaults.json", "dispatch.defaults.json")
"""Documents that this version reads and would write with other keys."""


def kind(path: Path) -> str:
    return path.name.split(".")[0]


def names(paths: list[Path]) -> list[str]:
    return [p.name for p in paths]


def laptop_reads(name: str, data: bytes, path: str) -> object:
    if name == "observation":
        return parse_observation(data, path)
    if name == "hello":
        return parse_hello(data, path)
    return PARSERS[name](data, path)


def test_every_kind_of_document_has_a_golden_file():
    assert {kind(p) for p in GOLDEN} == set(MODELS)
    assert {kind(p) for p in DOCUMENTS} == set(PARSERS)


@pytest.mark.parametrize("path", DOCUMENTS, ids=names(DOCUMENTS))
def test_the_laptop_reads_every_golden_document(path):
    document = PARSERS[kind(path)](path.read_bytes(), path.name)
    if path.name not in NOT_AS_WRITTEN:
        assert document.to_bytes() == path.read_bytes()


@pytest.mark.parametrize("path", DOCUMENTS + SPECS, ids=names(DOCUMENTS + SPECS))
def test_the_host_reads_every_golden_document(path):
    document = worker_wire.parse(kind(path), path.read_bytes(), path.name)
    if kind(path) != "spec":
        assert worker_wire.to_bytes(document) == path.read_bytes()


@pytest.mark.parametrize("path", ANSWERS, ids=names(ANSWERS))
def test_the_laptop_reads_every_golden_answer(path):
    laptop_reads(kind(path), path.read_bytes(), path.name)


@pytest.mark.parametrize("path", SPECS, ids=names(SPECS))
def test_a_spec_is_its_canonical_form_and_its_digest_the_run(path):
    spec = Spec.model_validate_json(path.read_bytes())
    assert spec_bytes(spec) == path.read_bytes()
    assert run_id_of(spec) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("path", GOLDEN, ids=names(GOLDEN))
def test_golden_files_hold_against_the_schemas(path):
    schema = json.loads((V1 / "schemas" / f"{kind(path)}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(path.read_text()))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_the_schemas_have_not_drifted(name):
    committed = (V1 / "schemas" / f"{name}.json").read_bytes()
    assert schema_bytes(name) == committed, "python -m orchestrator.wire.schemas tests/contract/v1/schemas"


def test_there_is_no_schema_without_a_model():
    assert {p.stem for p in (V1 / "schemas").glob("*.json")} == set(MODELS)


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_laptop_refuses_every_malformed_file_by_name(name):
    case = CASES[name]
    with pytest.raises(ContractError) as caught:
        laptop_reads(name.split(".")[0], (V1 / "malformed" / name).read_bytes(), name)
    assert type(caught.value).__name__ == case["error"]
    assert case["says"] in str(caught.value)
    if case["error"] == "MalformedDocument":
        assert name in str(caught.value)


@pytest.mark.parametrize("name", sorted(n for n, case in CASES.items() if case["host_refuses"]))
def test_the_host_refuses_malformed_files_by_name(name):
    with pytest.raises(worker_wire.ContractError) as caught:
        worker_wire.parse(name.split(".")[0], (V1 / "malformed" / name).read_bytes(), name)
    assert type(caught.value).__name__ == CASES[name]["error"]
    assert name in str(caught.value)


def test_every_malformed_file_has_a_case():
    assert {p.name for p in (V1 / "malformed").glob("*.json")} - {"cases.json"} == set(CASES)


def test_a_document_of_a_later_kdorch_may_say_more():
    data = (V1 / "golden" / "exit.unknown-keys.json").read_bytes()
    assert b"energy_j" not in documents.parse_exit(data, "exit.json").to_bytes()
    assert worker_wire.parse("exit", data, "exit.json")["outcome"] == "completed"


@pytest.mark.parametrize("kind", ["dispatch", "exit"])
def test_a_key_that_an_earlier_kdorch_did_not_write_reads_as_its_default(kind):
    full, short = ((V1 / "golden" / f"{kind}{part}.json").read_bytes() for part in ("", ".defaults"))
    assert short != full
    assert PARSERS[kind](short, kind) == PARSERS[kind](full, kind)
    read = worker_wire.parse(kind, short, kind)
    assert {**worker_fields.DEFAULTS[kind], **read} == json.loads(full)
    if kind == "dispatch":
        assert worker_wire.parse_dispatch(short, kind) == worker_wire.parse_dispatch(full, kind)


def test_both_sides_know_the_same_defaults():
    for kind, defaults in worker_fields.DEFAULTS.items():
        if kind in documents.DOCUMENTS:
            fields = documents.DOCUMENTS[kind].model_fields
            assert {key: fields[key].default for key in defaults} == defaults
            assert {key for key, field in fields.items() if not field.is_required()} - {"contract"} == set(defaults)


def test_the_golden_set_belongs_together():
    golden = V1 / "golden"
    manifest = parse_manifest((golden / "manifest.json").read_bytes(), "manifest.json")
    seal = documents.parse_exit((golden / "exit.json").read_bytes(), "exit.json")
    assert seal.manifest_sha256 == hashlib.sha256((golden / "manifest.json").read_bytes()).hexdigest()
    assert seal.run_id == hashlib.sha256((golden / "spec.json").read_bytes()).hexdigest()
    by_name = {f.name: f for f in manifest.files}
    for name in ("train.log", "dispatch.json", "claim.json", "started.json", "environment.json"):
        data = (golden / name).read_bytes()
        assert (by_name[name].sha256, by_name[name].size_bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    asked = manifest.external_parameters
    assert asked["dispatch_sha256"] == by_name["dispatch.json"].sha256
    assert (asked["run_id"], asked["spec_sha256"], asked["attempt"]) == (seal.run_id, seal.run_id, 1)
    assert manifest.usage["other_cpu_fraction"] == 0.031


def test_the_golden_log_is_read():
    curve = parse_log((V1 / "golden" / "train.log").read_bytes())
    assert (len(curve.train), len(curve.validations), curve.total_steps) == (150, 7, 1000)
    assert (curve.kd_stop_step, curve.end_reason, metrics.final_step(curve)) == (125, "stopped", 150)
    assert (curve.peak_allocated_mib, curve.peak_reserved_mib) == (312, 340)
    assert metrics.final_val(curve) == 2.057545
    assert metrics.train_time_ms(curve) == 6286
    assert not curve.torn


def test_the_hostile_log_gives_its_data_and_nothing_else():
    curve = parse_log((V1 / "malformed" / "train.hostile.log").read_bytes())
    assert [(p.step, repr(p.train_loss)) for p in curve.train] == [(1, "5.4"), (2, "5.3"), (3, "5.2"), (4, "nan")]
    assert [(p.step, repr(p.val_loss)) for p in curve.validations] == [(0, "5.5"), (5, "inf"), (6, "4.8")]
    assert [m.kind for m in curve.markers] == ["nan"]
    assert curve.torn


def test_the_host_reads_what_the_laptop_writes():
    document = documents.DispatchDocument(
        run_id="ab" * 32, attempt=2, host="gb10", bundle="cd" * 32, python="python3", slots=1, gpus=1, deadline_s=60,
        grace_s=5, beat_s=0.5, disk_floor_bytes=1 << 30,
        resolved=documents.Resolved(
            teacher=documents.ResolvedTeacher(run_id="ef" * 32, checkpoint_sha256=None, final_val=1.9345),
            target_val=1.9345),
        trainer_env={"OMP_WAIT_POLICY": "PASSIVE", "GREETING": "grüß"}, resume_from=1)
    read = worker_wire.parse_dispatch(document.to_bytes(), "dispatch.json")
    assert (read.run_id, read.attempt, read.deadline_s, read.beat_s) == (document.run_id, 2, 60.0, 0.5)
    assert read.resolved == document.resolved.model_dump()
    assert read.trainer_env == document.trainer_env
    assert read.resume_from == 1


def test_the_laptop_reads_the_manifest_that_the_host_writes(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best.pt").write_bytes(b"weights")
    (tmp_path / "train.log").write_bytes(b"step:0/1 val_loss:5.0 train_time:0ms step_avg:nanms\n")
    (tmp_path / "supervisor.log").write_text("not evidence")
    (tmp_path / "link").symlink_to("train.log")
    dispatch = worker_wire.parse_dispatch((V1 / "golden" / "dispatch.json").read_bytes(), "dispatch.json")
    facts = worker_manifest.Facts(dispatch, "ab" * 32, {}, None, worker_wire.utc(1_771_100_000.5),
                                  {"other_cpu_fraction": 0.25})
    written = worker_manifest.statement(facts, worker_manifest.take_inventory(str(tmp_path)))
    manifest = parse_manifest(worker_wire.to_bytes(written), "manifest.json")
    assert [(f.name, f.size_bytes) for f in manifest.files] == [("checkpoints/best.pt", 7), ("train.log", 52)]
    assert manifest.files[0].sha256 == hashlib.sha256(b"weights").hexdigest()
    assert (manifest.host, manifest.started_on, manifest.finished_on) == ("h100", None, "2026-02-14T20:13:20.500Z")
    assert manifest.external_parameters["run_id"] == dispatch.run_id
    assert manifest.usage == {"other_cpu_fraction": 0.25}


def test_the_laptop_reads_what_the_trainer_says():
    out = io.StringIO()
    emit = Emit(50, out)
    emit.talk("corpus python-stdlib")
    emit.validation(0, 5.545177, 0.0)
    emit.train(1, 5.4, 41.25, hard=5.4, soft=0.9, lr_mult=3.0)
    emit.train(2, float("nan"), 82.5)
    emit.validation(25, 4.0000004, 1031.25)
    emit.kd_stop(25, 4.0, 3.96, 0.05)
    emit.profile(2, {"student": 1.5, "teacher": 0.25, "soft": 0.5, "backward": 3.0, "optimizer": 0.125})
    emit.verdict("F-DISTILL-SMOKE-001", False, "val_loss 4.0\nthen 4.1")
    emit.peak(312, 340)
    emit.run_end(25, "nan")
    curve = parse_log(out.getvalue().encode())
    assert [(p.step, p.train_time_ms, p.step_avg_ms) for p in curve.train] == [(1, 41.25, 41.25), (2, 82.5, 41.25)]
    assert curve.train[0].tail == "hard:5.4 soft:0.9 lr_mult:3"
    assert [(p.step, p.val_loss) for p in curve.validations] == [(0, 5.545177), (25, 4.0)]
    assert (curve.kd_stop_step, curve.peak_allocated_mib, curve.end_reason) == (25, 312, "nan")
    assert curve.total_steps == 50
    assert [(m.kind, m.step, m.text) for m in curve.markers if m.kind in ("profile", "verdict")] == [
        ("profile", 2, "profile step:2 student_ms:1.500 teacher_ms:0.250 soft_ms:0.500 backward_ms:3.000 "
                       "optimizer_ms:0.125"),
        ("verdict", None, "verdict F-DISTILL-SMOKE-001 FAIL val_loss 4.0 then 4.1")]


def test_a_profile_of_every_step_pushes_no_other_mark_out():
    steps = 20_000
    lines = "".join(f"profile step:{n} student_ms:1.0\n" for n in range(steps))
    log = f"step:0/9 val_loss:1 train_time:0ms step_avg:0ms\n{lines}run_end step:9 reason:horizon\n"
    curve = parse_log(log.encode())
    assert curve.end_reason == "horizon"
    assert sum(m.kind == "profile" for m in curve.markers) == steps


def test_the_laptop_reads_what_the_simulated_trainer_leaves(tmp_path):
    spec = Spec.model_validate({"entry": "simulated", "horizon": 50, "simulated": {"step_ms": 10.5}})
    run_id = run_id_of(spec)
    attempt = tmp_path / "runs" / run_id / "attempts" / "1"
    attempt.mkdir(parents=True)
    (attempt.parents[1] / "spec.json").write_bytes(spec_bytes(spec))
    (attempt / "dispatch.json").write_bytes(documents.DispatchDocument(
        run_id=run_id, attempt=1, host="local", bundle="ab" * 32, python=sys.executable, slots=1, gpus=0, deadline_s=60,
        grace_s=1, beat_s=1, disk_floor_bytes=0, resolved=documents.Resolved(), trainer_env={},
        resume_from=None).to_bytes())
    done = subprocess.run([sys.executable, "-m", "worker.simulated", "--root", str(tmp_path), "--run", run_id,
                           "--attempt", "1"], cwd=ROOT, capture_output=True, check=True, timeout=60)
    curve = parse_log(done.stdout)
    assert [p.step for p in curve.train] == list(range(1, 51))
    assert [p.step for p in curve.validations] == [0, 25, 50]
    assert (metrics.train_time_ms(curve), curve.end_reason, curve.torn) == (525, "horizon", False)
    environment = parse_environment((attempt / "environment.json").read_bytes(), "environment.json")
    assert (environment.device, environment.oom_fallback) == ("cpu", False)
