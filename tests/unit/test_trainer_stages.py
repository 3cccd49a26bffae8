"""Rules of stages and of the warm-up: what a run takes, what was rehearsed for it, and that a rehearsal leaves no
trace."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._inductor.exc import CppCompileError

from tests.unit.trainer_kit import KD, Bench, parsed, small_bench, spec_of
from worker.trainer.errors import BackendMissing, BadInput, OutOfMemory, Recompiled, Stopped
from worker.trainer.loop import Summary
from worker.trainer.providers import compile_statically
from worker.trainer.spec import parse_spec
from worker.trainer.stages import Stages
from worker.trainer.warmup import branches

pytestmark = pytest.mark.torch

STAGES: dict[str, Any] = {"stages": [{"until": 0.3, "batch_sequences": 2}, {"until": 0.7},
                                     {"until": 1, "batch_sequences": 8, "microbatch_sequences": 4}]}
WARM: dict[str, Any] = {"measure": {"warmup": "on"}}
STOPS: dict[str, Any] = {"kd": {"stop": {"mode": "never", "max_fraction": 0.6}, "apply_every": 2}}
COLD: dict[str, Any] = {"compile": True, "measure": {"warmup": "off"}}
EAGER = functools.partial(compile_statically, backend="eager")
"""The compiler without its code generator: it traces, guards and recompiles as the whole one does."""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return small_bench(tmp_path)


@pytest.fixture
def nothing_compiled() -> Iterator[None]:
    """Programs outlive the model that they were made for, and would be there for the next."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


# Stages

def test_a_run_without_stages_is_one_stage() -> None:
    only, = Stages.of(parsed(spec_of())).all
    assert (only.begin, only.end, only.batch, only.micro, only.window) == (0, 10, 4, 4, None)


def test_stages_cover_the_horizon_without_gaps() -> None:
    stages = Stages.of(parsed(spec_of(STAGES)))
    assert [(s.begin, s.end, s.batch, s.micro) for s in stages.all] == [(0, 3, 2, 2), (3, 7, 4, 4), (7, 10, 8, 4)]
    assert [stages.at(step).number for step in range(11)] == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]


def test_thirds_of_a_horizon_end_where_whole_steps_do() -> None:
    thirds = {"horizon": 1555, "stages": [{"until": 1 / 3}, {"until": 2 / 3}, {"until": 1}]}
    assert [stage.end for stage in Stages.of(parsed(spec_of(thirds))).all] == [519, 1037, 1555]


def test_a_stage_too_short_for_a_step_is_left_out() -> None:
    short = {"stages": [{"until": 0.5}, {"until": 0.5001}, {"until": 0.5002}, {"until": 1}]}
    assert [(s.number, s.begin, s.end) for s in Stages.of(parsed(spec_of(short))).all] == [
        (0, 0, 5), (1, 5, 6), (2, 6, 10)]


def test_the_log_tells_the_stage_of_each_step(bench: Bench) -> None:
    ran = bench.run(spec_of(STAGES))
    assert ran.values("stage") == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert "24/48/96 tokens a step" in ran.lines[0]
    assert bench.run(spec_of()).values("stage") == []


@pytest.mark.parametrize(("stages", "words"), [
    ([{"until": 0.5}], "the last is 1"),
    ([{"until": 0.5}, {"until": 0.4}, {"until": 1.0}], "growing fractions"),
    ([{"until": 1.0, "batch_sequences": 6, "microbatch_sequences": 4}], "expected a divisor of the batch's 6"),
    ({"until": 1.0}, "expected a list"),
    ([{"until": "half"}], r"stages\.0\.until is 'half'; expected a number"),
])
def test_stages_that_make_no_sense_are_refused_by_key(stages: Any, words: str) -> None:
    body = spec_of().model_dump(mode="json", by_alias=True)
    with pytest.raises(BadInput, match=words):
        parse_spec({**body, "stages": stages})


# Warm-up

@pytest.mark.parametrize("part", [
    {}, {**KD}, {**KD, "kd": {**KD["kd"], "dynamic_norm": "exact", "divergence": "sampled"}},
    {"optimizer": {"kind": "muon"}},
], ids=["ce", "kd", "sampled", "muon"])
def test_a_warm_up_leaves_no_trace(bench: Bench, part: dict[str, Any]) -> None:
    teacher = bench.teacher() if "kd" in part else None
    cold = bench.run(spec_of(part, STAGES), teacher=teacher)
    warm = bench.run(spec_of(part, STAGES, WARM), teacher=teacher)
    assert "warmed " in warm.log
    assert warm.without_times() == cold.without_times()
    ends = [torch.load(ran.out / "checkpoints" / "last.pt", weights_only=True) for ran in (cold, warm)]
    for one, other in zip(*(torch.utils._pytree.tree_leaves([end["model"], end["optimizers"], end["norm"], end["rng"]])
                            for end in ends), strict=True):
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def test_a_resumed_run_is_warmed_without_a_trace_too(bench: Bench) -> None:
    whole = bench.run(spec_of(STAGES, WARM))
    asked = iter([False] * 4)
    with pytest.raises(Stopped):
        bench.run(spec_of(STAGES, WARM), stop_asked=lambda: next(asked, True))
    resumed = bench.run(spec_of(STAGES, WARM), resume=bench.last.out)
    assert "warmed 4 branches" in resumed.log  # of the two stages that are left
    assert resumed.without_times() == whole.without_times()


def summary(bench: Bench, *parts: dict[str, Any], **given: Any) -> Summary:
    found = bench.run(spec_of(*parts), **given).summary
    assert found is not None
    return found


@pytest.mark.parametrize("part", [{}, STOPS, {"kd": {"apply_every": 7}}], ids=["all", "stops", "seldom"])
def test_what_a_run_takes_was_rehearsed(bench: Bench, part: dict[str, Any]) -> None:
    ended = summary(bench, KD, STAGES, WARM, part, teacher=bench.teacher())
    assert ended.taken <= ended.warmed
    assert {branch.what for branch in ended.taken} >= {"taught_step", "validation"}


def test_a_branch_that_no_step_can_take_is_not_rehearsed(bench: Bench) -> None:
    early = {"kd": {"stop": {"max_fraction": 0.3}}}
    ended = summary(bench, KD, STAGES, WARM, STOPS, early, teacher=bench.teacher())
    assert {b.stage for b in ended.warmed if b.what == "taught_step"} == {0}
    assert [(b.stage, b.what) for b in branches(Stages.of(parsed(spec_of(STAGES))), None, 10)] == [
        (stage, what) for stage in range(3) for what in ("step", "validation")]


def test_a_warmed_run_compiles_nothing_more(bench: Bench, nothing_compiled: None) -> None:
    strict = {"compile": True, "measure": {"fail_on_recompile": True}}
    boosts = {"schedule": {"boost": 3.0, "hold": 0.2, "drop_to_base": 0.8, "finish": 0.5}}
    teacher = bench.teacher()
    plain = bench.run(spec_of(KD, STAGES, STOPS, boosts), teacher=teacher)
    ended = summary(bench, KD, STAGES, STOPS, boosts, strict, teacher=teacher, compiler=EAGER)
    assert ended.later_programs == 0
    assert bench.last.without_times() == plain.without_times()


def test_a_run_that_was_not_warmed_says_what_it_compiled(bench: Bench, nothing_compiled: None) -> None:
    ended = summary(bench, STAGES, COLD, compiler=EAGER)
    assert ended.later_programs == 2  # the last two stages take pieces of one size
    assert "warning: step 4 compiled 1 more; " in bench.last.log


def test_a_bench_ends_where_it_would_compile(bench: Bench, nothing_compiled: None) -> None:
    with pytest.raises(Recompiled, match="needs a program that the warm-up did not make"):
        bench.run(spec_of(STAGES, COLD, {"measure": {"fail_on_recompile": True}}), compiler=EAGER)


def test_a_machine_without_a_cpp_compiler_is_a_missing_back_end(bench: Bench) -> None:
    def broken(function: Any) -> Any:
        def compiled(tokens: torch.Tensor) -> Any:
            raise CppCompileError(["g++", "kernel.cpp"], "cannot execute 'cc1plus'")
        return compiled

    with pytest.raises(BackendMissing, match="install g\\+\\+ on this host") as ended:
        bench.run(spec_of({"compile": True}), compiler=broken)
    assert ended.value.exit_code == 13


def test_a_warm_up_that_runs_out_of_memory_says_so(bench: Bench) -> None:
    class Full:
        """Stands for a device: the largest stage does not fit."""

        def __init__(self, forward: Any) -> None:
            self.forward = forward

        def __call__(self, tokens: torch.Tensor) -> Any:
            if len(tokens) > 3 and torch.is_grad_enabled():
                raise torch.OutOfMemoryError(
                    "CUDA out of memory. Tried to allocate 9.21 GiB. GPU 0 has a total capacity of 79.11 GiB of which "
                    "3.32 GiB is free. Process 1 has 75.78 GiB memory in use.")
            return self.forward(tokens)

    with pytest.raises(OutOfMemory) as ended:
        bench.run(spec_of(STAGES, {"compile": True}), compiler=Full)
    assert ended.value.exit_code == 12
    assert str(ended.value).startswith(
        "torch.OutOfMemoryError: phase:warmup_student; Tried to allocate 9.21 GiB on a device of which 3.32 GiB is "
        "free; shortfall 5.89 GiB. CUDA out of memory. Tried")
    assert "step:" not in bench.last.log
