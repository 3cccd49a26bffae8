"""What evidence of an attempt that repeats another one's steps comes to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.dispatch.measure import Repeated, comparison_key, measure, repeated, whole
from orchestrator.wire.documents import Continuation, DispatchDocument, EnvironmentDocument, ExitDocument, Resolved
from orchestrator.wire.spec import Spec, StageSpec
from orchestrator.wire.trainlog import parse_log

RUN, OTHER = "a" * 64, "c" * 64
LINES = "".join(f"step:{n}/4 train_loss:3.0000 train_time:{1000 * n}.00ms step_avg:1000.00ms\n" for n in range(1, 5))
LOG = ("resumed after step 3; the lines up to there are the earlier attempt's\n"
       "step:0/4 val_loss:4.000000 train_time:0.00ms step_avg:0.00ms\n" + LINES +
       "step:4/4 val_loss:2.900000 train_time:4000.00ms step_avg:1000.00ms\nrun_end step:4 reason:horizon\n").encode()
SPEC = Spec.model_validate({"horizon": 4})


def dispatched(**fields: Any) -> DispatchDocument:
    return DispatchDocument(**{
        "run_id": RUN, "attempt": 2, "host": "h100", "bundle": "b" * 64, "python": "python3", "slots": 1, "gpus": 0,
        "deadline_s": 60, "grace_s": 5, "beat_s": 1, "disk_floor_bytes": 0, "resolved": Resolved(), "trainer_env": {},
        "resume_from": None, **fields})


@pytest.mark.parametrize(("environment", "fell"), [
    ({"oom_fallback": False}, 0), ({"oom_fallback": False, "attention_fallback": False}, 0),
    ({"oom_fallback": False, "attention_fallback": True}, 1), ({"oom_fallback": True}, 1), ({}, None)])
def test_a_run_with_other_kernels_than_its_spec_names_did_not_run_as_asked(environment: dict[str, Any],
                                                                           fell: int | None) -> None:
    curve = parse_log(LOG)
    found = measure(SPEC, sealed(5000), EnvironmentDocument(**environment), curve, usage={})
    assert found.oom_fallback == fell


def sealed(wall_ms: int) -> ExitDocument:
    return ExitDocument(
        run_id=RUN, attempt=2, outcome="completed", exit_code=0, signal=None, reason=None, failure=None,
        witness="supervisor", boot_id="boot", started_at="2026-02-14T20:41:17.250Z",
        ended_at="2026-02-14T20:41:34.500Z", wall_ms=wall_ms, cpu_ms=0,
        manifest_sha256="d" * 64, train_log_bytes=len(LOG))


@pytest.mark.parametrize(("fields", "whose"), [
    ({"resume_from": 1}, (RUN, 1)),
    ({"attempt": 1, "continue_from": Continuation(run_id=OTHER, attempt=3, sha256="e" * 64)}, (OTHER, 3)),
])
def test_what_was_trained_elsewhere_is_not_held_against_the_wall_clock(
        fields: dict[str, Any], whose: tuple[str, int]) -> None:
    curve = parse_log(LOG)
    found = repeated(dispatched(**fields), LOG, curve)
    assert found == Repeated(3, 3000.0, *whose)
    assert whole(SPEC, sealed(1100), curve, found)
    assert not whole(SPEC, sealed(900), curve, found), "one second was trained here"
    record = measure(SPEC, sealed(1100), None, curve, usage={"load": {}}, before=found)
    assert (record.complete, record.train_time_ms) == (1, 4000)
    assert json.loads(record.usage_json) == {"load": {}, "repeated": {
        "run_id": whose[0], "attempt": whose[1], "step": 3, "train_time_ms": 3000.0}}


def test_a_trainers_word_alone_excuses_no_train_time() -> None:
    curve = parse_log(LOG)
    assert repeated(dispatched(), LOG, curve) is None
    assert repeated(None, LOG, curve) is None
    assert not whole(SPEC, sealed(1100), curve, None)
    assert whole(SPEC, sealed(4100), curve, None)


def test_runs_whose_batches_grow_otherwise_are_not_compared() -> None:
    there = EnvironmentDocument(corpus_sha256="f" * 64, device="cpu", precision="fp32", torch="2.13.0", threads=1)
    staged = [SPEC.model_copy(update={"stages": (StageSpec(until=until, batch_sequences=8), StageSpec(until=1.0))})
              for until in (0.25, 0.5)]
    assert len({comparison_key(spec, there) for spec in (SPEC, *staged)}) == 3
