"""Rules of checkpoints: which are kept, how they are sealed, and what recomputing blocks leaves alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.trainer_kit import KD, Bench, small_bench, spec_of
from worker.trainer.checkpoint import DIGESTS, LAST, load_last, load_weights, save_last
from worker.trainer.errors import BadInput, NotSaved, Stopped
from worker.trainer.model import GPT
from worker.trainer.recompute import recompute_blocks

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return small_bench(tmp_path)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_run_that_nobody_goes_on_from_keeps_no_last_state(bench: Bench) -> None:
    measured = {"checkpoint": {"keep_best": False, "keep_last": False}}
    assert not (bench.run(spec_of(measured)).out / "checkpoints").exists()
    some = bench.run(spec_of(measured, {"checkpoint": {"every": 4}})).out / "checkpoints" / LAST
    assert load_last(some, CPU)["progress"]["step"] == 8, "the one at the end is left out"
    with pytest.raises(Stopped, match="it begins anew"):
        bench.run(spec_of(measured), stop_asked=lambda: True)


def test_a_finished_run_outlives_a_last_state_that_cannot_be_written(bench: Bench) -> None:
    spec = spec_of({"checkpoint": {"keep_best": False}, "measure": {"falsifiers": True}})
    expected = bench.run(spec)
    blocked = bench.root / "attempts" / "2"
    blocked.mkdir()
    (blocked / "checkpoints").write_text("a file where the directory should be")
    ran = bench.run(spec)
    assert ran.summary is not None
    assert ran.summary.reason == "horizon"
    assert ran.without_times() == expected.without_times()
    assert ran.lines[-2].startswith("run_end step:10 reason:horizon")
    assert ran.lines[-1].startswith("warning: NotSaved: ")


def test_a_state_that_a_run_cannot_do_without_ends_it_by_name(bench: Bench) -> None:
    for number, (part, given) in enumerate([({"checkpoint": {"keep_best": False, "every": 4}}, {}),
                                            ({"checkpoint": {"keep_best": True}}, {}),
                                            ({"checkpoint": {"keep_best": False}}, {"stop_asked": lambda: True})], 1):
        blocked = bench.root / "attempts" / str(number)
        blocked.mkdir(parents=True)
        (blocked / "checkpoints").write_text("a file where the directory should be")
        with pytest.raises(NotSaved, match=r"cannot be written: .*checkpoints"):
            bench.run(spec_of(part), **given)


def test_a_file_that_cannot_be_put_in_place_leaves_nothing_aside(tmp_path: Path) -> None:
    (tmp_path / LAST / "in the way").mkdir(parents=True)
    with pytest.raises(NotSaved, match="cannot be written"):
        save_last(tmp_path / LAST, {})
    assert {path.name for path in tmp_path.iterdir()} == {LAST, DIGESTS}


def test_the_weights_of_every_nth_step_stay(bench: Bench) -> None:
    where = bench.run(spec_of({"checkpoint": {"keep_every": 4}})).out / "checkpoints"
    assert sorted(p.name for p in where.glob("step-*")) == ["step-000004.safetensors", "step-000008.safetensors"]
    kept = [load_weights(where / f"step-00000{n}.safetensors") for n in (4, 8)]
    assert [weights.facts["step"] for weights in kept] == [4, 8]
    assert not torch.equal(kept[0].weights["head.weight"], kept[1].weights["head.weight"])


def test_a_kept_checkpoint_can_teach(bench: Bench) -> None:
    made = bench.run(spec_of({"horizon": 20, "seed": 7, "model": {"layers": 1}, "checkpoint": {"keep_every": 15}}))
    ran = bench.run(spec_of(KD), teacher=made.out / "checkpoints" / "step-000015.safetensors")
    assert ran.environment["teacher_eval_val"] == pytest.approx(made.values("val_loss")[3], abs=1e-6)


def test_every_checkpoint_is_sealed_by_its_digest(bench: Bench) -> None:
    where = bench.run(spec_of({"checkpoint": {"every": 3, "keep_every": 5}})).out / "checkpoints"
    seals = json.loads((where / DIGESTS).read_bytes())
    files = {p.name: digest(p) for p in where.iterdir() if p.name != DIGESTS}
    assert {name: digests[0] for name, digests in seals.items()} == files
    assert all(len(digests) <= 2 for digests in seals.values())


def test_one_altered_byte_is_found_before_a_run_goes_on(bench: Bench) -> None:
    first = bench.run(spec_of())
    path = first.out / "checkpoints" / "last.pt"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadInput, match="it was altered, its sha256 is") as refused:
        bench.run(spec_of(), resume=first.out)
    assert refused.value.exit_code == 10


def test_whatever_moment_the_power_fails_a_sealed_file_is_left(tmp_path: Path) -> None:
    path = tmp_path / "last.pt"
    save_last(path, {"step": 1})
    before = path.read_bytes()
    save_last(path, {"step": 2})
    assert load_last(path, CPU)["step"] == 2
    path.write_bytes(before)  # as when the seal was there and the rename was not
    assert load_last(path, CPU)["step"] == 1


def test_a_checkpoint_that_came_without_seals_is_read(tmp_path: Path) -> None:
    save_last(tmp_path / "last.pt", {"step": 1})
    (tmp_path / DIGESTS).unlink()
    assert load_last(tmp_path / "last.pt", CPU)["step"] == 1
    (tmp_path / DIGESTS).write_text("{")
    with pytest.raises(BadInput, match="does not read"):
        load_last(tmp_path / "last.pt", CPU)


# Recomputing

@pytest.mark.parametrize("part", [{}, KD], ids=["ce", "kd"])
def test_blocks_that_are_recomputed_learn_the_same(bench: Bench, part: dict[str, Any]) -> None:
    teacher = bench.teacher() if part else None
    kept = bench.run(spec_of(part), teacher=teacher)
    again = bench.run(spec_of(part, {"gradient_checkpointing": True}), teacher=teacher)
    assert again.without_times() == kept.without_times()
    ends = [(ran.out / "checkpoints" / "best.safetensors").read_bytes() for ran in (kept, again)]
    assert ends[0] == ends[1]


def test_blocks_that_are_recomputed_keep_less(bench: Bench) -> None:
    def kept_for_backward(recomputed: bool) -> int:
        spec = load_weights(teacher).model
        model = GPT(spec, 12)
        model.initialize(torch.Generator().manual_seed(0))
        if recomputed:
            recompute_blocks(model.blocks)
        sizes: list[int] = []

        def packed(tensor: torch.Tensor) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(packed, lambda tensor: tensor):
            model(torch.zeros(2, 12, dtype=torch.long))
        return sum(sizes)

    teacher = bench.teacher({"model": {"layers": 3}})
    assert kept_for_backward(True) < 0.5 * kept_for_backward(False)
