"""Rules of the laptop's codec: what is refused, what is ignored, and that equal documents are equal bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.domain.errors import ContractError, MalformedDocument, UnknownContract
from orchestrator.wire import codec
from orchestrator.wire.documents import (
    DispatchDocument,
    Resolved,
    parse_dispatch,
    parse_environment,
    parse_exit,
    parse_hello,
    parse_manifest,
    parse_object,
    parse_observation,
    parse_status,
)

RUN = "ab" * 32
SEAL = {
    "contract": "v1", "run_id": RUN, "attempt": 1, "outcome": "completed", "exit_code": 0, "signal": None,
    "reason": None, "witness": "supervisor", "boot_id": "boot", "started_at": "2026-02-14T20:41:17Z",
    "ended_at": "2026-02-14T20:41:34.500Z", "wall_ms": 17250, "cpu_ms": 30120, "manifest_sha256": "cd" * 32,
    "train_log_bytes": 12,
}
STATUS = {
    "contract": "v1", "run_id": RUN, "attempt": 1, "phase": "running", "beat": 3, "at": "2026-02-14T20:41:17Z",
    "queue_position": None, "train_log_bytes": 12, "last_line": None, "deadline_at": None, "load": {},
}


def dispatch(**changes):
    return DispatchDocument(**{
        "run_id": RUN, "attempt": 1, "host": "h100", "bundle": "cd" * 32, "python": "python3", "slots": 1, "gpus": 0,
        "deadline_s": 3600.0, "grace_s": 10.0, "beat_s": 1.0, "disk_floor_bytes": 0, "resolved": Resolved(),
        "trainer_env": {"B": "2", "A": "1"}, "resume_from": None, **changes})


def manifest(*files, **changes):
    return {
        "contract": "v1", "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
        "subject": [{"name": name, "digest": {"sha256": "ef" * 32}, "annotations": {"size_bytes": size}}
                    for name, size in files],
        "predicate": {
            "buildDefinition": {
                "buildType": "https://kdorch.dev/run/v1",
                "externalParameters": {"run_id": RUN, "attempt": 1, "spec_sha256": RUN, "dispatch_sha256": "cd" * 32}},
            "runDetails": {"builder": {"id": "h100"}, "metadata": {"invocationId": f"{RUN}/1"}}},
        **changes,
    }


def test_equal_dispatches_are_equal_bytes():
    reordered = dispatch(trainer_env={"A": "1", "B": "2"})
    assert dispatch().to_bytes() == reordered.to_bytes()
    assert dispatch().to_bytes().endswith(b"}\n")
    assert parse_dispatch(dispatch().to_bytes(), "dispatch.json") == dispatch()


def test_keys_are_sorted_and_nothing_is_padded():
    text = dispatch().to_bytes().decode()
    assert list(json.loads(text)) == sorted(json.loads(text))
    assert ": " not in text
    assert ", " not in text


def test_a_newer_writer_may_add_keys():
    assert parse_exit({**SEAL, "energy_j": 3}, "exit.json") == parse_exit(SEAL, "exit.json")


@pytest.mark.parametrize("version", ["v2", 1, None, ["v1"]])
def test_another_contract_is_refused_by_its_version(version):
    with pytest.raises(UnknownContract) as caught:
        parse_exit({**SEAL, "contract": version}, "exit.json")
    assert repr(version) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(("change", "says"), [
    ({"attempt": True}, "attempt"), ({"attempt": 1.0}, "attempt"), ({"attempt": "1"}, "attempt"),
    ({"attempt": 0}, "attempt"),
    ({"wall_ms": -1}, "wall_ms"), ({"wall_ms": 2**63}, "wall_ms"), ({"outcome": "fine"}, "outcome"),
    ({"run_id": RUN.upper()}, "run_id"), ({"ended_at": "2026-02-14T20:41:34+01:00"}, "ended_at"),
])
def test_a_seal_of_the_wrong_type_is_refused_by_file_and_key(change, says):
    with pytest.raises(MalformedDocument, match=rf"exit\.json: {says}"):
        parse_exit({**SEAL, **change}, "exit.json")


@pytest.mark.parametrize("key", sorted(set(SEAL) - {"contract"}))
def test_every_key_of_a_seal_is_needed(key):
    with pytest.raises(MalformedDocument, match=key):
        parse_exit({k: v for k, v in SEAL.items() if k != key}, "exit.json")


def test_a_long_value_is_not_repeated_whole():
    with pytest.raises(MalformedDocument) as caught:
        parse_exit({**SEAL, "run_id": "x" * 10_000}, "exit.json")
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(("data", "says"), [
    (b"", "not JSON"), (b"{", "not JSON"), (b"[]", "not a JSON object"), (b'{"a":1,"a":2}', "'a' occurs twice"),
    (b'{"a":Infinity}', "Infinity"), (b"\xff", "utf-8"), (b"[" * 100_000, "nested too deeply"),
    (b" " * (codec.DOCUMENT_LIMIT_BYTES + 1), "at most"),
])
def test_what_is_no_document_is_refused_by_name(data, says):
    with pytest.raises(MalformedDocument, match=says) as caught:
        parse_object(data, "status.json")
    assert caught.value.path == "status.json"


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_get_past_as_a_seal(data):
    with pytest.raises(ContractError):
        parse_exit(data, "exit.json")


def test_the_environment_may_leave_everything_unknown():
    environment = parse_environment(b'{"contract":"v1"}', "environment.json")
    assert environment.oom_fallback is None
    assert environment.gpu_model is None


def test_a_status_may_say_nothing_of_the_load():
    assert parse_status(STATUS, "status.json").load.other_cpu_fraction is None


def test_a_manifest_lists_its_files_flat():
    got = parse_manifest(manifest(("train.log", 3), ("checkpoints/best.pt", 0)), "manifest.json")
    assert [(f.name, f.sha256, f.size_bytes) for f in got.files] == [("train.log", "ef" * 32, 3),
                                                                    ("checkpoints/best.pt", "ef" * 32, 0)]
    assert got.external_parameters == {"run_id": RUN, "attempt": 1, "spec_sha256": RUN, "dispatch_sha256": "cd" * 32}
    assert got.usage == {}


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/passwd", "./x", "a//b", "a/", "", "..", ".", "C:/x",
                                  "a\\b", "a\nb", "a\x00b", "x" * 1025])
def test_a_name_that_leaves_the_run_directory_is_refused(name):
    with pytest.raises(MalformedDocument, match="subject"):
        parse_manifest(manifest(("train.log", 1), (name, 1)), "manifest.json")


@pytest.mark.parametrize("name", ["train.log", "checkpoints/best.pt", "..train", "a..b/c", ".hidden", "naïve", "~x"])
def test_a_name_below_the_run_directory_is_accepted(name):
    assert parse_manifest(manifest((name, 1)), "manifest.json").files[0].name == name


@pytest.mark.parametrize("names", [("train.log", "train.log"), ("train.log", "TRAIN.log"), ("a", "a/b"),
                                   ("a/b/c", "A/b"), ("exit.json",), ("manifest.json",), ("stop.request",)])
def test_files_that_cannot_lie_side_by_side_are_refused(names):
    with pytest.raises(MalformedDocument, match=r"manifest\.json: file"):
        parse_manifest(manifest(*((n, 1) for n in names)), "manifest.json")


def test_a_negative_size_is_refused():
    with pytest.raises(MalformedDocument, match="size_bytes"):
        parse_manifest(manifest(("train.log", -1)), "manifest.json")


def test_a_statement_about_something_else_is_refused():
    with pytest.raises(MalformedDocument, match="predicateType"):
        parse_manifest(manifest(("train.log", 1), predicateType="https://example.org/other"), "manifest.json")


def test_a_sealed_observation_carries_its_seal():
    base = {"run_id": RUN, "attempt": 1, "state": "sealed", "boot_id": "boot", "train_log_bytes": 12}
    assert parse_observation({**base, "exit": SEAL}, "probe").exit == parse_exit(SEAL, "exit.json")
    with pytest.raises(MalformedDocument, match="sealed"):
        parse_observation(base, "probe")
    with pytest.raises(MalformedDocument, match="sealed"):
        parse_observation({**base, "state": "running", "exit": SEAL}, "probe")


def test_an_observation_speaks_of_one_attempt():
    with pytest.raises(MalformedDocument, match="another attempt"):
        parse_observation({"run_id": RUN, "attempt": 2, "state": "running", "status": STATUS}, "probe")


def test_plain_data_with_a_value_that_json_does_not_have_is_refused():
    answer = {"contract": "v1", "python": "3.11", "boot_id": "b", "now": float("nan"), "root": "/", "pid": 1}
    with pytest.raises(MalformedDocument, match="not plain data"):
        parse_hello(answer, "hello")


def test_the_environment_names_the_processor_of_a_run_on_it_and_old_documents_stay_as_they_are() -> None:
    named = parse_environment(b'{"contract":"v1","cpu_model":"EPYC"}', "e")
    assert named.cpu_model == "EPYC"
    assert b'"cpu_model":"EPYC"' in named.to_bytes()
    assert b"cpu_model" not in parse_environment(b'{"contract":"v1"}', "e").to_bytes()
