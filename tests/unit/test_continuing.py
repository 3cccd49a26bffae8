"""Which run is the beginning of which: the laptop's rule, the host's, and that they agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.planning.continuing import beginning_of, horizon_matters
from orchestrator.wire.spec import Spec, run_id_of, spec_bytes
from tests.unit.trainer_kit import merged
from worker.continuing import difference
from worker.simulated import Schedule
from worker.trainer.schedule import base_multiplier
from worker.trainer.spec import ScheduleSpec

KD = {"mode": "kd", "kd": {"teacher": {"from": "teachers.best"}}}
BASE: dict[str, Any] = {"horizon": 300, "validation": {"every": 25}}


def spec_of(*parts: dict[str, Any]) -> Spec:
    return Spec.model_validate(merged(BASE, *parts))


def body_of(spec: Spec) -> dict[str, Any]:
    """The spec as the host reads it."""
    read: dict[str, Any] = json.loads(spec_bytes(spec))
    return read


def host_says(short: Spec, long: Spec) -> str:
    schedule = ScheduleSpec(**{"shape": "policy", **body_of(long)["schedule"]})
    return difference(body_of(short), body_of(long), lambda step, horizon: base_multiplier(schedule, step, horizon))


@pytest.mark.parametrize(("part", "words"), [
    ({"schedule": {"boost": 2.0, "hold": 0.1, "drop_to_base": 0.3}}, "schedule.boost"),
    ({"schedule": {"cooldown": 0.2}}, "schedule.cooldown"),
    ({"schedule": {"shape": "legacy"}}, "schedule.shape: legacy"),
    ({"stages": [{"until": 0.5, "batch_sequences": 8}, {"until": 1.0}]}, "stages"),
    ({"stop_at_target": {"from": "teachers.best"}}, "stops at its target"),
    ({**KD, "kd": {**KD["kd"], "stop": {"max_fraction": 0.5}}}, "max_fraction"),
    ({**KD, "kd": {**KD["kd"], "divergence": "topk", "teacher_logits": "cached"}}, "cached"),
    ({"checkpoint": {"keep_every": 50}}, "keep_every"),
    ({"checkpoint": {"keep_last": False}}, "keep_last"),
    ({"validation": {"every": 30}}, "does not divide the shorter horizon 100"),
])
def test_what_looks_at_the_horizon_begins_anew_and_the_host_would_refuse_it(part: dict[str, Any], words: str) -> None:
    long = spec_of(part)
    assert words in horizon_matters(long, 100)
    assert beginning_of(long, 100) is None
    assert host_says(spec_of(part, {"horizon": 100}), long)


def test_a_plain_run_begins_with_the_same_run_over_fewer_steps() -> None:
    long = spec_of(KD, {"schedule": {"warmup_steps": 40, "finish": 0.5}})
    short = long.model_copy(update={"horizon": 100})
    assert beginning_of(long, 100) == run_id_of(short)
    assert host_says(short, long) == ""
    assert beginning_of(long, 300) is None
    assert host_says(long, short) == "it has 300 steps, and this run 100"
    assert host_says(short.model_copy(update={"seed": 9, "precision": "bf16"}), long) == "its precision and seed differ"


FRACTION = st.sampled_from([0.0, 0.1, 0.25, 1.0])


@given(boost=st.sampled_from([1.0, 2.0]), edges=st.tuples(FRACTION, FRACTION), cooldown=FRACTION,
       warmup=st.integers(0, 60), steps=st.integers(1, 12).map(lambda n: 25 * n), horizon=st.integers(2, 400))
def test_what_the_laptop_lets_go_on_the_host_does_too(boost: float, edges: tuple[float, float], cooldown: float,
                                                      warmup: int, steps: int, horizon: int) -> None:
    long = spec_of({"horizon": horizon, "schedule": {
        "boost": boost, "hold": min(edges), "drop_to_base": max(edges), "cooldown": cooldown, "warmup_steps": warmup}})
    if beginning_of(long, steps) is None:
        return
    assert host_says(long.model_copy(update={"horizon": steps}), long) == ""
    schedule = body_of(long)["schedule"]
    for step in range(1, steps + 1):
        assert Schedule(schedule, steps).at(step) == Schedule(schedule, horizon).at(step)
