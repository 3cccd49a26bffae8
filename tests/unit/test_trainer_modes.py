"""Rules of the measuring modes, the profile, the falsifiers, and of a loop that runs with fixtures for models."""

from __future__ import annotations

import math
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from orchestrator.wire.spec import Spec
from tests.unit.trainer_kit import DATA_LINE, KD, VOCABULARY, Bench, merged, parsed, small_bench, spec_of
from worker.failures import classify
from worker.trainer import falsifiers
from worker.trainer.clock import TrainClock
from worker.trainer.emit import Emit
from worker.trainer.errors import BadInput, OutOfMemory, TeacherMisfit
from worker.trainer.kd.control import KdControl, TargetWatch
from worker.trainer.kd.fused import Losses
from worker.trainer.kd.loss import LossBackend, loss_backend
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.rows import Block, TorchRows
from worker.trainer.kd.soft import Soft
from worker.trainer.loop import Loop, Papers, Progress, Summary
from worker.trainer.memory import out_of_memory
from worker.trainer.meter import PHASES, Meter
from worker.trainer.modes import Training
from worker.trainer.optim import Optimizers
from worker.trainer.providers import Forward
from worker.trainer.spec import parse_spec
from worker.trainer.stages import Stages
from worker.trainer.states import Softcap, States
from worker.trainer.steps import Desk, Distillation

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")
VERDICTS = {"measure": {"falsifiers": True}}
NAMES = ["F-DISTILL-KDSTEP-001", "F-DISTILL-KDSTEP-002", "F-DISTILL-KDSTEP-003", "F-DISTILL-STUDENT-002",
         "F-DISTILL-PIPELINE-001", "F-DISTILL-SMOKE-001"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return small_bench(tmp_path)


# Measuring modes

def test_a_teacher_that_is_only_asked_changes_nothing_but_the_time(bench: Bench) -> None:
    teacher = bench.teacher()
    ce = bench.run(spec_of())
    asked = bench.run(spec_of(KD, {"mode": "infer_only", "kd": {"microbatches": 1}}), teacher=teacher)
    assert [line.split(" teacher:")[0] for line in asked.without_times()] == ce.without_times()
    assert len(asked.values("teacher")) == 10
    assert asked.environment["teacher_eval_val"] is not None


def test_a_teacher_alone_trains_nothing_and_leaves_no_checkpoint(bench: Bench) -> None:
    checkpoint = bench.teacher()
    ran = bench.run(spec_of(KD, {"mode": "teacher_only"}), teacher=checkpoint)
    losses = ran.values("val_loss")
    assert losses == [ran.environment["teacher_eval_val"]] * 3
    assert len(ran.values("train_loss")) == 10
    assert not (ran.out / "checkpoints").exists()
    with pytest.raises(BadInput, match="keeps no checkpoint to resume from"):
        bench.run(spec_of(KD, {"mode": "teacher_only"}), teacher=checkpoint, resume=ran.out)


@pytest.mark.parametrize(("student", "teacher"), [(True, False), (False, True)])
def test_what_is_compiled_is_told_of_the_model_that_the_run_is_about(bench: Bench, student: bool,
                                                                     teacher: bool) -> None:
    part = {"compile": student, "measure": {"warmup": "off"}, "kd": {"compile_teacher": teacher}}
    checkpoint, seen = bench.teacher(), []

    def compiler(function: Any) -> Any:
        seen.append(function)
        return function

    alone = bench.run(spec_of(KD, part, {"mode": "teacher_only"}), teacher=checkpoint, compiler=compiler)
    assert (alone.environment["compiled"], len(seen)) == (teacher, int(teacher))
    both = bench.run(spec_of(KD, part), teacher=checkpoint, compiler=compiler)
    assert (both.environment["compiled"], len(seen)) == (student, 2 * teacher + student)


def test_a_random_teacher_needs_no_checkpoint_and_must_fit_all_the_same(bench: Bench) -> None:
    shape = {"layers": 3, "heads": 2, "head_dim": 4, "model_dim": 8, "vocab_size": VOCABULARY}
    ran = bench.run(spec_of(KD, {"kd": {"random_teacher": shape}}))
    assert ran.environment["teacher_eval_val"] == pytest.approx(math.log(VOCABULARY), abs=0.1)
    assert ran.values("kd") == [1] * 10
    with pytest.raises(TeacherMisfit, match="vocab_size: the teacher has 40"):
        bench.run(spec_of(KD, {"kd": {"random_teacher": {**shape, "vocab_size": 40}}}))


@pytest.mark.parametrize("mode", ["kd", "infer_only", "teacher_only"])
def test_modes_with_a_teacher_and_a_section_that_names_it_go_together(mode: str) -> None:
    body = spec_of().model_dump(mode="json", by_alias=True)
    with pytest.raises(BadInput, match="a 'kd' section go together"):
        parse_spec({**body, "mode": mode})


@pytest.mark.parametrize("part", [{"mode": "infer_only"}, {"kd": {"random_teacher": {}}},
                                  {"stages": [{"until": 1.0}]}])
def test_kept_answers_are_for_a_run_that_learns_from_them(part: dict[str, Any]) -> None:
    cached = {"kd": {"teacher_logits": "cached", "divergence": "topk", "topk": 4}}
    body = merged(spec_of(KD, cached).model_dump(mode="json", by_alias=True), part)
    if "kd" in part:
        body["kd"]["random_teacher"] = body["model"]
    with pytest.raises(BadInput, match="'cached'"):
        parse_spec(body)
    with pytest.raises(ValueError, match="cached"):
        Spec.model_validate(body)


# The profile

def test_the_profile_of_a_step_is_told_one_step_late_and_none_is_left_out(bench: Bench) -> None:
    ran = bench.run(spec_of(KD, {"measure": {"profile": True}, "data": {"microbatch_sequences": 2}}),
                    teacher=bench.teacher())
    order = [line.split(" ", 2)[:2] for line in ran.lines if line.startswith("profile") or "train_loss" in line]
    assert order[:4] == [["step:1/10", order[0][1]], ["step:2/10", order[1][1]], ["profile", "step:1"],
                         ["step:3/10", order[3][1]]]
    assert [line.split()[1] for line in ran.lines if line.startswith("profile")] == [
        f"step:{n}" for n in range(1, 11)]
    for phase in PHASES:
        assert all(took > 0 for took in ran.values(f"{phase}_ms"))


def test_phases_within_a_step_add_up_and_rehearsals_do_not_count() -> None:
    ticks = iter(range(100))
    meter = Meter(profile=True, now=lambda: float(next(ticks)))
    with meter.rehearsal("warmup"), meter("student"):
        assert meter.phase == "warmup_student"
    for _ in range(2):
        with meter("student"):
            pass
    with meter("soft"):
        pass
    assert meter.step_done(1) is None
    assert meter.step_done(2) == (1, {**dict.fromkeys(PHASES, 0.0), "student": 2000.0, "soft": 1000.0})
    assert meter.last() == (2, dict.fromkeys(PHASES, 0.0))
    assert meter.last() is None


# Out of memory

@pytest.mark.parametrize(("said", "tried", "free", "short"), [
    ("CUDA out of memory. Tried to allocate 9.21 GiB. GPU 0 has a total capacity of 79.11 GiB of which 3.32 GiB is "
     "free. Process 7 has 75.79 GiB memory in use.", 9.21 * 1024, 3.32 * 1024, 5.89 * 1024),
    ("CUDA out of memory. Tried to allocate 1.54 GiB. GPU 0 has a total capacity of 79.11 GiB of which 298.12 MiB is "
     "free.", 1.54 * 1024, 298.12, 1.54 * 1024 - 298.12),
])
def test_what_a_run_says_when_memory_is_out_names_phase_and_shortfall(said: str, tried: float, free: float,
                                                                      short: float) -> None:
    report = str(out_of_memory(torch.OutOfMemoryError(said), "soft", CPU))
    found = classify("failed", 12, None, f"{report}\ntrainer_exit code=12\n".encode())
    assert found is not None
    assert (found["class"], found["phase"]) == ("oom", "soft")
    assert found["tried_mib"] == pytest.approx(tried)
    assert found["free_mib"] == pytest.approx(free, rel=0.01)
    assert found["shortfall_mib"] == pytest.approx(short, rel=0.01)


def test_memory_that_a_cpu_lacks_is_told_the_same_way() -> None:
    error = RuntimeError("[enforce fail at alloc_cpu.cpp:113] err == 0. DefaultCPUAllocator: can't allocate memory: "
                         "you tried to allocate 9000000000000 bytes. Error code 12 (Cannot allocate memory)")
    found = classify("failed", 12, None, str(out_of_memory(error, "backward", CPU)).encode())
    assert found is not None
    assert (found["class"], found["phase"]) == ("oom", "backward")
    assert found["tried_mib"] == pytest.approx(9e12 / 2**20, rel=0.01)
    assert 0 < found["free_mib"] < found["tried_mib"]


def test_the_phase_is_where_memory_ran_out(bench: Bench) -> None:
    with pytest.raises(OutOfMemory, match=r"^torch\.OutOfMemoryError: phase:setup; Tried to allocate"):
        bench.run(spec_of({"model": {"model_dim": 65536, "mlp_ratio": 1e5}}))


# Falsifiers

@pytest.mark.parametrize("part", [{}, {"divergence": "topk", "topk": 4, "temperature": 2.0},
                                  {"divergence": "sampled"}, {"backend": "reference"}],
                         ids=["exact", "topk", "sampled", "reference"])
def test_a_run_tells_its_verdicts_by_name(bench: Bench, part: dict[str, Any]) -> None:
    teacher = bench.teacher()
    plain = bench.run(spec_of(KD, {"kd": part}), teacher=teacher)
    ran = bench.run(spec_of(KD, VERDICTS, {"kd": part}), teacher=teacher)
    told = [line.split()[1:3] for line in ran.lines if line.startswith("verdict ")]
    assert told == [[name, "PASS"] for name in NAMES]
    assert [line for line in ran.without_times() if not line.startswith("verdict")] == plain.without_times()
    assert all(DATA_LINE.fullmatch(line) for line in ran.lines if line.startswith("verdict"))


def test_verdicts_are_told_of_states_that_are_narrower_than_the_head(bench: Bench) -> None:
    gated = {"precision": "bf16", "model": {"trunk": "gated", "value_embeddings": 1, "bigram_vocab_size": 7}}
    ran = bench.run(spec_of(KD, VERDICTS, gated), teacher=bench.teacher(gated))
    told = [line.split()[1:3] for line in ran.lines if line.startswith("verdict ")]
    assert told == [[name, "PASS"] for name in NAMES]


def test_a_run_without_a_teacher_tells_what_can_be_told(bench: Bench) -> None:
    ran = bench.run(spec_of(VERDICTS, {"optimizer": {"lr": 1e-9}}))
    told = {line.split()[1]: line.split()[2] for line in ran.lines if line.startswith("verdict ")}
    assert set(told) == set(NAMES[3:])


def test_a_run_that_gets_worse_fails_its_verdicts() -> None:
    verdicts = {v.name: v.passed for v in falsifiers.at_the_end([3.0, 3.1, 3.2], 3.0, 3.0)}
    assert verdicts == {"F-DISTILL-PIPELINE-001": False, "F-DISTILL-SMOKE-001": False}
    assert not any(v.passed for v in falsifiers.at_the_end([3.0, math.nan], 3.0, math.nan))


# Fixtures in place of models

class Table(nn.Module):
    """A student whose logits of the next token are a row of a table."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.rows = nn.Parameter(torch.randn(VOCABULARY, VOCABULARY, generator=draw))

    def forward(self, tokens_BL: Tensor) -> States:
        return States(self.rows[tokens_BL.flatten()], torch.eye(VOCABULARY), Softcap(0.0))


class TableStudent:
    """See :class:`worker.trainer.providers.Student`."""

    def __init__(self, seed: int) -> None:
        self.module = Table(seed)

    def at(self, window: int | None) -> Forward:
        return Forward(self.module)


class Lecture:
    """A teacher that only ever says what ``table`` says; it notes when it was asked."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.asked: list[tuple[int, int]] = []

    @torch.no_grad()
    def __call__(self, tokens_BL: Tensor, step: int, row: int) -> States:
        self.asked.append((step, row))
        said: States = self.table(tokens_BL)
        return said


def taught(out: Path, student: TableStudent, teacher: Lecture, log: StringIO, *parts: dict[str, Any]) -> Summary:
    """Run the loop with fixtures, on random tokens."""
    spec = parsed(spec_of(KD, {"horizon": 20, "optimizer": {"lr": 0.3}}, *parts))
    assert spec.kd is not None
    tokens = torch.randint(VOCABULARY, (4, 13), generator=torch.Generator().manual_seed(5))
    mode = Training(student, Optimizers(student.module, spec.optimizer, CPU), lambda step: tokens, tokens, 4,
                    Desk(loss_backend("torch", CPU)),
                    Distillation(spec.kd, teacher, DynamicNorm(spec.kd.dynamic_norm, spec.kd.norm_max, CPU)))
    return Loop(spec, mode, Stages.of(spec), KdControl(spec.kd.stop, 0.1, spec.horizon), TargetWatch(None),
                Emit(spec.horizon, log), Papers(out, {}, {}), Progress(), TrainClock(lambda: 0.0, lambda: None), CPU,
                lambda: False).run(fresh=True, opening={})


def test_the_loop_needs_no_model(tmp_path: Path) -> None:
    student, teacher, log = TableStudent(1), Lecture(Table(2)), StringIO()
    part = {"kd": {"alpha": 0.0, "dynamic_norm": "off", "stop": {"mode": "never", "max_fraction": 0.5},
                   "apply_every": 3}, "data": {"microbatch_sequences": 2}}
    ended = taught(tmp_path, student, teacher, log, part)
    assert ended.reason == "horizon"
    assert teacher.asked == [(step, row) for step in (0, 3, 6, 9) for row in (0, 2)]
    assert "kd_stop step:10 " in log.getvalue()


def test_a_student_comes_to_say_what_its_teacher_says(tmp_path: Path) -> None:
    student, teacher, log = TableStudent(1), Lecture(Table(2)), StringIO()
    part = {"kd": {"alpha": 0.0, "dynamic_norm": "off", "stop": {"mode": "never"}}}
    taught(tmp_path, student, teacher, log, part)
    soft = [float(line.split(" soft:")[1].split()[0]) for line in log.getvalue().splitlines() if " soft:" in line]
    assert len(soft) == 20
    assert soft[-1] < 0.2 * soft[0]


# The falsifiers can fail

class WrongBackend(LossBackend):
    """Weighs by a half, whatever alpha is, and takes the teacher's answer the wrong way round."""

    def kd(self, student: States, targets_N: Tensor, soft: Soft, *, alpha: float, norm: DynamicNorm) -> Losses:
        assert isinstance(soft.teacher, States)
        flipped = States(-soft.teacher.hidden, soft.teacher.head, soft.teacher.softcap, soft.teacher.vocabulary)
        return super().kd(student, targets_N, replace(soft, teacher=flipped), alpha=0.5, norm=norm)


class WrongRows(TorchRows):
    """A divergence with the wrong sign."""

    def exact(self, student: Block, teacher: Block, y_C: Tensor, temperature: float,
              weights: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        nll_C, kl_C = super().exact(student, teacher, y_C, temperature, weights)
        return nll_C, -kl_C


def test_a_wrong_loss_fails_its_verdicts() -> None:
    kd = parsed(spec_of(KD)).kd
    assert kd is not None
    student, tokens = TableStudent(1), torch.arange(12).reshape(1, 12)
    states, targets = student.module(tokens), torch.arange(1, 13)
    distillation = Distillation(kd, Lecture(Table(2)), DynamicNorm("off", 1.0, CPU))
    for backend, passes in ((LossBackend("torch", TorchRows()), True), (WrongBackend("torch", TorchRows()), False)):
        desk = Desk(backend)
        alone = falsifiers.alpha_one_is_cross_entropy(student.at(None), states, targets, desk, distillation, tokens)
        equal = falsifiers.equal_logits_give_no_gradient(student.at(None), states, targets, desk, distillation)
        assert (alone.passed, equal.passed) == (passes, passes)
    assert falsifiers.loss_grows_with_divergence(states, TorchRows(), 1.5).passed
    assert not falsifiers.loss_grows_with_divergence(states, WrongRows(), 1.5).passed
