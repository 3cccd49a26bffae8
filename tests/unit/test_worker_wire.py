"""The host's codec of the contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker import wire

DIGEST = "a" * 64
DISPATCH: dict[str, Any] = {
    "contract": "v1", "run_id": DIGEST, "attempt": 1, "host": "h100", "bundle": DIGEST, "python": "python3",
    "slots": 1, "gpus": 0, "deadline_s": 3600, "grace_s": 10, "beat_s": 1.0, "disk_floor_bytes": 0,
    "resolved": {"teacher": {"run_id": DIGEST, "checkpoint_sha256": DIGEST, "final_val": 1.97}, "target_val": 1.97},
    "trainer_env": {"OMP_WAIT_POLICY": "PASSIVE"}, "resume_from": None,
}


def test_a_document_reads_back_as_it_was_written() -> None:
    data = wire.to_bytes(DISPATCH)
    assert data.endswith(b"}\n")
    assert wire.parse("dispatch", data, "d") == DISPATCH
    parsed = wire.parse_dispatch(data, "d")
    assert (parsed.deadline_s, parsed.trainer_env, parsed.resume_from) == (3600.0, {"OMP_WAIT_POLICY": "PASSIVE"}, None)


def test_unknown_keys_are_ignored() -> None:
    assert wire.parse_dispatch(wire.to_bytes({**DISPATCH, "mood": "good"}), "d").host == "h100"


@pytest.mark.parametrize("version", ["v2", "", None, 1])
def test_another_version_is_refused_by_name(version: object) -> None:
    with pytest.raises(wire.UnknownContract, match="d: contract"):
        wire.parse("dispatch", wire.to_bytes({**DISPATCH, "contract": version}), "d")


@pytest.mark.parametrize("key", sorted(set(DISPATCH) - {"contract"}))
def test_every_key_must_be_there(key: str) -> None:
    document = {k: v for k, v in DISPATCH.items() if k != key}
    with pytest.raises(wire.MalformedDocument, match=f"'{key}' is missing"):
        wire.parse("dispatch", wire.to_bytes(document), "d")


@pytest.mark.parametrize(("key", "value"), [
    ("run_id", "A" * 64), ("run_id", "a" * 63), ("run_id", DIGEST + "\n"), ("attempt", 0), ("attempt", True),
    ("attempt", "1"), ("slots", 0), ("slots", 10**6), ("gpus", -1), ("gpus", 1.0), ("deadline_s", 0),
    ("deadline_s", "9"), ("grace_s", -1), ("beat_s", None), ("python", ""), ("python", "a\nb"), ("host", 3),
    ("disk_floor_bytes", -1), ("resolved", {"teacher": {"run_id": DIGEST}, "target_val": None}),
    ("resolved", {"teacher": None, "target_val": "low"}), ("resolved", []), ("trainer_env", {"A=B": "c"}),
    ("trainer_env", {"PATH": 1}), ("trainer_env", {"LD_PRELOAD": "x"}), ("trainer_env", {"A": "\0"}),
    ("resume_from", 0), ("continue_from", {"run_id": DIGEST, "attempt": 1}), ("continue_from", DIGEST),
])
def test_a_wrong_value_is_refused_by_its_key(key: str, value: object) -> None:
    with pytest.raises(wire.MalformedDocument, match=f"d: key '{key}' is"):
        wire.parse("dispatch", wire.to_bytes({**DISPATCH, key: value}), "d")


@pytest.mark.parametrize("data", [
    b"", b"null", b"[]", b"{", b"\xff", b'{"contract":"v1","contract":"v1"}', b'{"contract":NaN}',
    b"[" * 200_000, b'{"a":' * 100_000,
])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(wire.MalformedDocument):
        wire.parse("status", data, "s")


def test_not_a_number_is_never_written() -> None:
    with pytest.raises(ValueError, match="JSON"):
        wire.to_bytes({"val": float("nan")})


@pytest.mark.parametrize("name", ["train.log", "checkpoints/best.bin", ".reserve", "a b", "ä"])
def test_plain_relative_names_are_safe(name: str) -> None:
    assert wire.is_safe_name(name)


@pytest.mark.parametrize("name", ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "../a", "a/.", "a\n", "a\0b", None,
                                  "a\\b", "C:", "c:/x", "\udc80", "a" * 2000])
def test_all_other_names_are_not(name: object) -> None:
    assert not wire.is_safe_name(name)


@pytest.mark.parametrize(("seconds", "text"), [
    (0.0, "1970-01-01T00:00:00.000Z"), (1767225599.9996, "2025-12-31T23:59:59.999Z"),
    (1767225600.25, "2026-01-01T00:00:00.250Z"),
])
def test_times_are_utc_with_milliseconds_rounded_down(seconds: float, text: str) -> None:
    assert wire.utc(seconds) == text


def test_every_kind_needs_its_contract() -> None:
    for kind in wire.KINDS:
        with pytest.raises(wire.UnknownContract):
            wire.parse(kind, json.dumps({}).encode(), kind)


def test_an_environment_may_leave_out_what_it_does_not_know() -> None:
    assert wire.parse("environment", b'{"contract":"v1","torch":"2.9"}', "e")["torch"] == "2.9"
    with pytest.raises(wire.MalformedDocument, match="'threads' is 'two'"):
        wire.parse("environment", b'{"contract":"v1","threads":"two"}', "e")
