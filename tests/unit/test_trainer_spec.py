"""Rules of the trainer's reading of ``spec.json``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.wire.spec import CheckpointSpec, GrownPart, MeasureSpec, Part, Spec, StageSpec, run_id_of, spec_bytes
from worker.trainer import spec as trainer_spec
from worker.trainer.errors import BadInput
from worker.trainer.spec import parse_spec

GOLDEN = Path(__file__).parents[1] / "contract" / "v1" / "golden" / "spec.json"


def body(**changes: Any) -> dict[str, Any]:
    """A spec as the laptop writes it, with some dotted keys changed; ``...`` removes one."""
    out: dict[str, Any] = json.loads(spec_bytes(Spec()))
    for dotted, value in changes.items():
        *parents, last = dotted.split(".")
        at = out
        for part in parents:
            at = at[part]
        if value is ...:
            del at[last]
        else:
            at[last] = value
    return out


def test_the_golden_spec_is_read_with_its_numbers() -> None:
    spec = parse_spec(json.loads(GOLDEN.read_bytes()))
    assert spec.kd is not None
    assert (spec.mode, spec.seed, spec.kd.norm_max, spec.stop_at_target) == ("kd", 1, 10.0, True)
    assert isinstance(spec.kd.norm_max, float)


def test_the_laptops_defaults_make_a_whole_spec() -> None:
    spec = parse_spec(body())
    assert (spec.model.layers, spec.kd, spec.stop_at_target) == (4, None, False)


def test_what_came_later_is_not_written_where_it_changes_nothing_and_is_read_where_it_is_missing() -> None:
    later = {"stages": (StageSpec(until=1.0, window=256),), "gradient_checkpointing": True,
             "measure": MeasureSpec(profile=True)}
    assert not later.keys() & body().keys()
    assert "shape" not in body()["schedule"]
    spec = Spec(**later, checkpoint=CheckpointSpec(keep_every=5))
    written = json.loads(spec_bytes(spec))
    assert later.keys() <= written.keys()
    assert Spec.model_validate(written) == spec
    read = parse_spec(written)
    assert (read.stages[0].window, read.gradient_checkpointing, read.measure.profile, read.checkpoint.keep_every) == (
        256, True, True, 5)
    assert run_id_of(Spec(measure=MeasureSpec())) == run_id_of(Spec()) != run_id_of(spec)


@pytest.mark.parametrize("laptops", GrownPart.__subclasses__())
def test_what_came_later_has_the_same_default_on_both_sides(laptops: type[GrownPart]) -> None:
    here = getattr(trainer_spec, "TrainSpec" if laptops is Spec else laptops.__name__, None)
    for name in laptops.later:
        assert here is not None
        default = here.__dataclass_fields__[name].default
        theirs = laptops.model_fields[name].default
        assert (dataclasses.asdict(default) if dataclasses.is_dataclass(default) else default) == (
            theirs.model_dump() if isinstance(theirs, Part) else theirs)


def test_unknown_keys_are_ignored() -> None:
    assert parse_spec({**body(), "colour": "red"}) == parse_spec(body())


@pytest.mark.parametrize(("change", "words"), [
    ({"contract": "v2"}, "contract 'v2' is unknown"),
    ({"model.layers": ...}, "key model.layers is missing"),
    ({"model": 3}, "model is 3; expected an object"),
    ({"model.layers": "4"}, "model.layers is '4'; expected an integer"),
    ({"model.layers": True}, "model.layers is True; expected an integer"),
    ({"model.layers": 0}, "model.layers is 0; expected at least 1"),
    ({"model.head_dim": 7}, "model.head_dim is 7"),
    ({"model.tied_embeddings": 1}, "model.tied_embeddings is 1; expected true or false"),
    ({"optimizer.lr": None}, "optimizer.lr is None; expected a number"),
    ({"optimizer.lr": float("nan")}, "expected a finite number"),
    ({"optimizer.kind": "sgd"}, "optimizer.kind is 'sgd'; expected one of 'muon', 'adamw'"),
    ({"precision": "fp8"}, "precision is 'fp8'; expected one of 'fp32', 'bf16'"),
    ({"entry": "simulated"}, "entry is 'simulated'"),
    ({"mode": "kd"}, "and a 'kd' section go together"),
    ({"data.microbatch_sequences": 3}, "data.microbatch_sequences is 3; expected a divisor"),
    ({"data.corpus": "shards"}, "expected both data.train and data.validation"),
    ({"schedule.hold": 0.5}, "schedule.hold is later than schedule.drop_to_base"),
])
def test_a_bad_spec_is_refused_by_key(change: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput) as refused:
        parse_spec(body(**change), "runs/x/spec.json")
    assert words in str(refused.value)
    assert str(refused.value).startswith("runs/x/spec.json: ")
    assert refused.value.exit_code == 10
