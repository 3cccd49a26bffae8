"""Rules of a whole run: its log, its clock, its ends, its checkpoints, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from orchestrator.wire.spec import Spec, run_id_of
from tests.unit.trainer_kit import DATA_LINE, KD, VOCABULARY, Bench, Ran, place_shards, small_bench, spec_of
from worker.continuing import Beginning
from worker.paths import AttemptDir
from worker.trainer.checkpoint import load_last, load_weights, save_weights
from worker.trainer.errors import BadInput, Diverged, Stopped, TeacherMisfit
from worker.trainer.model import GPT

pytestmark = pytest.mark.torch

CPU = torch.device("cpu")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return small_bench(tmp_path)


def stop_after(steps: int) -> Callable[[], bool]:
    """True from the question on that comes after so many steps."""
    asked = iter(range(steps))
    return lambda: next(asked, None) is None


# The log

def test_every_line_of_a_run_is_data_or_plain_talk(bench: Bench) -> None:
    ran = bench.run(spec_of(KD, {"kd": {"stop": {"min_step": 5, "margin": 10.0}}}), teacher=bench.teacher())
    talk = [line for line in ran.lines if not DATA_LINE.fullmatch(line)]
    assert talk[0].startswith(f"{ran.environment['parameters']} parameters; ")
    assert talk[1:] == ["FLASH_ATTN_BACKEND=sdpa HAS_FLASH_ATTN=False",
                        "teacher_force_sdpa=False compile_teacher=False"]
    assert len(ran.data_lines()) == 10 + 3 + 1 + 1


def test_validations_stand_at_zero_every_n_and_the_end_before_the_next_train_line(bench: Bench) -> None:
    ran = bench.run(spec_of({"horizon": 12}))
    kinds = [line[:line.index(":", 5)] for line in ran.lines if line.startswith("step:")]
    expected = ["step:0/12 val_loss"]
    for step in range(1, 13):
        expected.append(f"step:{step}/12 train_loss")
        if step in (5, 10, 12):
            expected.append(f"step:{step}/12 val_loss")
    assert kinds == expected
    assert ran.lines[-1] == "run_end step:12 reason:horizon"


def test_a_run_learns(bench: Bench) -> None:
    ran = bench.run(spec_of({"horizon": 60, "validation": {"every": 20}}))
    losses = ran.values("val_loss")
    assert losses[0] == pytest.approx(math.log(VOCABULARY), abs=0.1)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] - 0.5


def test_every_train_line_tells_the_multiplier_and_under_kd_the_parts_of_the_loss(bench: Bench) -> None:
    schedule = {"schedule": {"boost": 2.0, "hold": 0.5, "drop_to_base": 0.5}}
    assert bench.run(spec_of(schedule)).values("lr_mult") == [2.0] * 5 + [1.0] * 5
    kd = bench.run(spec_of(KD, schedule, {"kd": {"stop": {"mode": "never", "max_fraction": 0.3}}}),
                   teacher=bench.teacher())
    trained = [line for line in kd.lines if "train_loss:" in line]
    assert [line.rpartition(" ")[2] for line in trained] == ["kd:1"] * 3 + ["kd:0"] * 7
    for line in trained[:3]:
        words = dict(word.split(":") for word in line.split())
        assert float(words["train_loss"]) == pytest.approx(float(words["hard"]), abs=1e-4)
        assert float(words["soft"]) > 0
        assert 0 < float(words["s"]) <= 10


def test_the_factor_follows_the_losses_of_the_steps_before_and_stays_within_its_clamp(bench: Bench) -> None:
    # A teacher that learned nothing is close to a student that has not either, so the ratio is far from 1.
    teacher = bench.teacher({"horizon": 1})
    factors = bench.run(spec_of(KD, {"kd": {"norm_max": 1e6}}), teacher=teacher).values("s")
    assert factors[0] == 1.0
    assert len(set(factors[1:])) == 9
    assert all(s > 10.0 for s in factors[1:])
    assert bench.run(spec_of(KD), teacher=teacher).values("s") == [1.0] + [10.0] * 9


def test_a_control_never_gets_the_ramp_that_the_kd_stop_sets_off(bench: Bench) -> None:
    schedule = {"schedule": {"finish": 0.5, "finish_ramp_steps": 2}}
    stop = {"kd": {"stop": {"mode": "never", "max_fraction": 0.5}}}
    with_kd = bench.run(spec_of(KD, schedule, stop), teacher=bench.teacher())
    assert with_kd.values("lr_mult") == [1.0] * 5 + [0.75] + [0.5] * 4
    assert bench.run(spec_of(schedule)).values("lr_mult") == [1.0] * 10


# The clock

class SlowLog(StringIO):
    """A log on which time passes: writing a validation takes an hour, writing a train line 5 ms."""

    seconds = 0.0

    def write(self, text: str) -> int:
        self.seconds += 3600.0 if "val_loss:" in text else 0.005 if "train_loss:" in text else 0.0
        return super().write(text)


def test_what_happens_during_a_validation_is_not_train_time(bench: Bench) -> None:
    log = SlowLog()
    ran = bench.run(spec_of({"checkpoint": {"every": 3}}), out=log, now=lambda: log.seconds)
    trained = [line for line in ran.lines if "train_loss:" in line]
    assert [line.split("train_time:")[1].split("ms")[0] for line in trained] == [f"{5 * n:.2f}" for n in range(10)]
    assert trained[-1].split()[3] == "step_avg:4.50ms"
    assert ran.summary is not None
    assert ran.summary.train_time_ms == pytest.approx(50.0)


# Ends

def test_a_target_ends_the_run_at_its_second_validation_in_a_row(bench: Bench) -> None:
    goal = spec_of({"horizon": 100, "stop_at_target": {"from": "teachers.best"}})
    ran = bench.run(goal, target=math.log(VOCABULARY) + 1)
    assert ran.lines[-1] == "run_end step:5 reason:target_confirmed"
    assert ran.summary is not None
    assert (ran.summary.reason, ran.summary.step) == ("target_confirmed", 5)


def test_a_target_is_compared_as_the_log_gives_it(bench: Bench) -> None:
    goal = spec_of({"horizon": 30, "stop_at_target": {"from": "teachers.best"}})
    losses = bench.run(goal, target=0.0).values("val_loss")
    assert losses[2] > losses[3]
    ran = bench.run(goal, target=losses[2])
    assert ran.lines[-1] == "run_end step:15 reason:target_confirmed"


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_a_loss_that_is_no_number_ends_the_run_with_eleven(bench: Bench, kind: str) -> None:
    with pytest.raises(Diverged, match="loss became nan") as ended:
        bench.run(spec_of({"optimizer": {"kind": kind, "lr": 1e39, "muon_lr": 1e30}}))
    assert ended.value.exit_code == 11
    assert bench.last.lines[-1].startswith("run_end step:")
    assert bench.last.lines[-1].endswith(" reason:nan")
    assert all(DATA_LINE.fullmatch(line) for line in bench.last.lines[2:])
    assert not (bench.last.out / "checkpoints" / "last.pt").exists()


# Checkpoints

GETS_WORSE: dict[str, Any] = {
    "horizon": 40, "schedule": {"boost": 400.0, "hold": 1.0, "drop_to_base": 1.0, "warmup_steps": 40},
}
"""The rate grows until the loss does."""


def test_the_best_checkpoint_is_the_best_validation_and_says_what_it_is(bench: Bench) -> None:
    ran = bench.run(spec_of(GETS_WORSE))
    losses = dict(zip((0, 5, 10, 15, 20, 25, 30, 35, 40), ran.values("val_loss"), strict=True))
    step = min((s for s in losses if s), key=lambda s: losses[s])
    assert 5 < step < 33
    best = load_weights(ran.out / "checkpoints" / "best.safetensors")
    assert best.facts == {"step": step, "val_loss": losses[step], "tokenizer": None,
                          "corpus_sha256": ran.environment["corpus_sha256"]}
    assert (best.model.vocab_size, best.model.softcap) == (VOCABULARY, 15.0)
    last = load_last(ran.out / "checkpoints" / "last.pt", CPU)
    assert last["progress"]["step"] == 40
    assert not torch.equal(last["model"]["embedding.weight"], best.weights["embedding.weight"])


def test_equal_runs_leave_equal_checkpoints(bench: Bench) -> None:
    digests = {hashlib.sha256((bench.run(spec_of()).out / "checkpoints" / "best.safetensors").read_bytes()).hexdigest()
               for _ in range(2)}
    assert len(digests) == 1


def test_nothing_is_kept_of_the_best_when_the_spec_says_so(bench: Bench) -> None:
    ran = bench.run(spec_of({"checkpoint": {"keep_best": False}}))
    assert sorted(p.name for p in (ran.out / "checkpoints").iterdir()) == ["digests.json", "last.pt"]


RESUMED: list[dict[str, Any]] = [
    {"optimizer": {"kind": "muon"}},
    {"schedule": {"boost": 3.0, "hold": 0.2, "drop_to_base": 0.8}, "data": {"microbatch_sequences": 2}},
    {**KD, "schedule": {"finish": 0.5}, "kd": {**KD["kd"], "stop": {"mode": "never", "max_fraction": 0.3}}},
    {**KD, "kd": {**KD["kd"], "temperature": 2.0, "norm_max": 1.5}},
]


@pytest.mark.parametrize("part", RESUMED, ids=["muon", "boost", "kd_stopped", "kd"])
def test_a_resumed_run_is_bit_for_bit_the_run_that_was_never_stopped(bench: Bench, part: dict[str, Any]) -> None:
    spec = spec_of(part)
    teacher = bench.teacher() if spec.kd else None
    whole = bench.run(spec, teacher=teacher)
    with pytest.raises(Stopped) as stopped:
        bench.run(spec, teacher=teacher, stop_asked=stop_after(5))
    first = bench.last
    assert stopped.value.exit_code == 143
    assert first.lines[-1] == "run_end step:5 reason:stopped"
    resumed = bench.run(spec, teacher=teacher, resume=first.out)

    assert resumed.without_times() == whole.without_times()
    ends = [load_last(ran.out / "checkpoints" / "last.pt", CPU) for ran in (whole, resumed)]
    assert_equal_states(*[{k: end[k] for k in ("model", "optimizers", "norm")} for end in ends])
    times = resumed.values("train_time")
    assert times == sorted(times)
    assert times[6] == first.values("train_time")[6] > 0


def assert_equal_states(one: Any, other: Any) -> None:
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        one, other = list(one.values()), list(other.values())
    if isinstance(one, list):
        for a, b in zip(one, other, strict=True):
            assert_equal_states(a, b)
    else:
        assert torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def test_a_run_goes_on_from_a_checkpoint_that_lies_behind_its_log(bench: Bench) -> None:
    spec = spec_of({"checkpoint": {"every": 4}})
    whole = bench.run(spec)

    class Killed(Exception):
        pass

    def killed_after_seven() -> bool:
        if "step:7/" in log.getvalue():
            raise Killed
        return False

    log = StringIO()
    with pytest.raises(Killed):
        bench.run(spec, out=log, stop_asked=killed_after_seven)
    resumed = bench.run(spec, resume=bench.last.out)
    assert "resumed after step 4" in resumed.log
    assert resumed.without_times() == whole.without_times()


@pytest.mark.parametrize("stopped_after", [3, 33])
def test_a_resumed_run_keeps_the_best_of_both_attempts(bench: Bench, stopped_after: int) -> None:
    spec = spec_of(GETS_WORSE)
    whole = bench.run(spec)
    with pytest.raises(Stopped):
        bench.run(spec, stop_asked=stop_after(stopped_after))
    resumed = bench.run(spec, resume=bench.last.out)
    assert resumed.without_times() == whole.without_times()
    best = [(ran.out / "checkpoints" / "best.safetensors").read_bytes() for ran in (whole, resumed)]
    assert best[0] == best[1]


def test_a_target_hit_before_the_stop_counts_after_it(bench: Bench) -> None:
    goal = spec_of({"horizon": 30, "stop_at_target": {"from": "teachers.best"}})
    losses = bench.run(goal, target=0.0).values("val_loss")
    whole = bench.run(goal, target=losses[1])
    assert whole.lines[-1] == "run_end step:10 reason:target_confirmed"
    with pytest.raises(Stopped):
        bench.run(goal, target=losses[1], stop_asked=stop_after(7))
    resumed = bench.run(goal, target=losses[1], resume=bench.last.out)
    assert resumed.without_times() == whole.without_times()


def test_a_run_that_had_ended_ends_again_at_once(bench: Bench) -> None:
    first = bench.run(spec_of())
    again = bench.run(spec_of(), resume=first.out)
    assert again.without_times() == first.without_times()


def test_only_the_runs_own_checkpoint_is_resumed(bench: Bench) -> None:
    other = bench.run(spec_of({"seed": 1}))
    with pytest.raises(BadInput, match="of another run or another corpus"):
        bench.run(spec_of(), resume=other.out)
    with pytest.raises(BadInput, match="there is no checkpoint"):
        bench.run(spec_of(), resume=bench.root / "attempts" / "99")
    (other.out / "checkpoints" / "last.pt").write_bytes(b"PK half a file")
    with pytest.raises(BadInput, match="is not a checkpoint to resume from"):
        bench.run(spec_of({"seed": 1}), resume=other.out)


CONTINUED: list[dict[str, Any]] = [
    {"optimizer": {"kind": "muon"}, "schedule": {"warmup_steps": 7}},
    {**KD, "schedule": {"finish": 0.5, "finish_ramp_steps": 4}},
    {**KD, "kd": {**KD["kd"], "stop": {"mode": "never"}, "divergence": "sampled"}},
]


def ended(bench: Bench, ran: Ran, spec: Spec) -> Beginning:
    """A shorter run as the beginning of a longer one."""
    last = ran.out / "checkpoints" / "last.pt"
    return Beginning(AttemptDir(run_id_of(spec), 1, str(ran.out)), hashlib.sha256(last.read_bytes()).hexdigest(),
                     spec.horizon)


@pytest.mark.parametrize("part", CONTINUED, ids=["muon", "kd_stopped", "sampled"])
def test_a_run_that_goes_on_from_a_shorter_one_is_bit_for_bit_the_run_from_the_start(
        bench: Bench, part: dict[str, Any]) -> None:
    short, long = spec_of(part, {"horizon": 10}), spec_of(part, {"horizon": 30})
    teacher = bench.teacher() if long.kd else None
    whole = bench.run(long, teacher=teacher)
    first = bench.run(short, teacher=teacher)
    begun = ended(bench, first, short)
    again = bench.run(long, teacher=teacher, beginning=begun)

    assert again.without_times() == whole.without_times()
    assert f"resumed after step 10; the lines up to there are those of run {run_id_of(short)[:12]}" in again.log
    states = [load_last(ran.out / "checkpoints" / "last.pt", CPU) for ran in (whole, again)]
    assert_equal_states(*[{k: state[k] for k in ("model", "optimizers", "norm")} for state in states])
    best = [(ran.out / "checkpoints" / "best.safetensors").read_bytes() for ran in (whole, again)]
    assert best[0] == best[1]
    times = again.values("train_time")
    assert times == sorted(times)
    assert times[11] == first.values("train_time")[11] > 0


def test_only_the_very_checkpoint_that_was_asked_for_is_gone_on_from(bench: Bench) -> None:
    short, long = spec_of({"horizon": 10}), spec_of({"horizon": 30})
    begun = ended(bench, bench.run(short), short)
    with pytest.raises(BadInput, match="it was altered, its sha256 is"):
        bench.run(long, beginning=replace(begun, sha256="0" * 64))
    other = spec_of({"horizon": 10, "seed": 1})
    elsewhere = ended(bench, bench.run(other), other)
    with pytest.raises(BadInput, match="of another run or another corpus"):
        bench.run(long, beginning=replace(elsewhere, attempt=replace(
            elsewhere.attempt, run_id=begun.attempt.run_id)))


def test_microbatches_change_nothing_but_rounding(bench: Bench) -> None:
    whole = bench.run(spec_of()).values("val_loss")
    pieces = bench.run(spec_of({"data": {"microbatch_sequences": 1}})).values("val_loss")
    assert pieces == pytest.approx(whole, abs=2e-5)


# Teachers

def refused_with(bench: Bench, checkpoint: Path, *parts: dict[str, Any]) -> str:
    with pytest.raises(TeacherMisfit) as refused:
        bench.run(spec_of(KD, *parts), teacher=checkpoint)
    assert refused.value.exit_code == 14
    assert "train_loss" not in bench.last.log
    return str(refused.value)


def test_a_teacher_of_another_vocabulary_or_softcap_is_refused_by_name(bench: Bench) -> None:
    checkpoint = bench.teacher()
    assert refused_with(bench, checkpoint, {"model": {"vocab_size": 40}}) == (
        "vocab_size: the teacher has 32, the student 40")
    assert refused_with(bench, checkpoint, {"model": {"softcap": 30}}) == (
        "softcap: the teacher has 15.0, the student 30.0")


def test_a_teacher_of_another_corpus_is_refused_by_name(bench: Bench, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    place_shards(elsewhere, seed=1)
    stranger = Bench(elsewhere).teacher()
    assert refused_with(bench, stranger).startswith("corpus: the teacher has ")


def test_a_teacher_that_answers_with_no_numbers_is_refused(bench: Bench) -> None:
    checkpoint = load_weights(bench.teacher())
    broken = GPT(checkpoint.model, 12)
    broken.load_state_dict({**checkpoint.weights, "head.weight": torch.full_like(checkpoint.weights["head.weight"],
                                                                                 math.nan)})
    path = bench.root / "broken.safetensors"
    save_weights(path, broken, checkpoint.model, checkpoint.facts)
    assert refused_with(bench, path) == "the teacher's validation loss is nan here"


def test_a_checkpoint_that_is_missing_altered_or_something_else_is_bad_input(bench: Bench) -> None:
    checkpoint = bench.teacher()
    digest = bench.adopt(checkpoint)
    asset = bench.root / "assets" / "sha256" / digest
    data = bytearray(asset.read_bytes())
    data[-1] ^= 1
    asset.write_bytes(data)

    def refused(path: Path) -> str:
        with pytest.raises(BadInput) as error:
            bench.run(spec_of(KD), teacher=path)
        return str(error.value)

    other = bench.root / "other.safetensors"
    other.write_bytes(b"not a checkpoint")
    assert "is not a checkpoint to learn from" in refused(other)
    with pytest.raises(BadInput, match=r"resolved\.teacher names no checkpoint"):
        bench.run(spec_of(KD))

    from worker.trainer.kd.teacher import Teacher  # the asset is read, so no run is needed to see it refused

    for change, words in (((), "was altered"), ((asset.unlink,), "is not among this host's assets")):
        for act in change:
            act()
        with pytest.raises(BadInput, match=words):
            Teacher.load(asset, digest, student=load_weights(checkpoint).model, corpus_sha256="", length=12, device=CPU)


def test_the_teacher_is_measured_in_the_run_and_a_wrong_record_is_only_a_warning(bench: Bench) -> None:
    made = bench.run(spec_of({"horizon": 20, "seed": 7}))
    checkpoint = made.out / "checkpoints" / "best.safetensors"
    best = min(made.values("val_loss"))
    right = bench.run(spec_of(KD), teacher=checkpoint, recorded=best + 0.04)
    assert right.environment["teacher_eval_val"] == pytest.approx(best, abs=1e-6)
    assert "warning" not in right.log
    wrong = bench.run(spec_of(KD, {"kd": {"stop": {"min_step": 5, "margin": 5.0}}}), teacher=checkpoint, recorded=0.5)
    assert f"warning: the teacher's validation loss is {best:.6f} here; its record says 0.500000" in wrong.log
    assert f"teacher_val:{best:.6f} margin:5" in wrong.log


def test_kd_changes_what_is_learned(bench: Bench) -> None:
    teacher = bench.teacher()
    kd = bench.run(spec_of(KD), teacher=teacher).values("val_loss")
    ce = bench.run(spec_of()).values("val_loss")
    assert kd[0] == ce[0]
    assert kd[1:] != ce[1:]
    assert bench.run(spec_of(KD, {"kd": {"alpha": 1.0}}), teacher=teacher).values("val_loss") == ce


# The rest

def test_the_target_must_be_resolved_when_the_run_is_to_stop_at_it(bench: Bench) -> None:
    with pytest.raises(BadInput, match=r"resolved\.target_val is null"):
        bench.run(spec_of({"stop_at_target": {"from": "teachers.best"}}))


def test_the_environment_is_told_before_the_first_line_of_data(bench: Bench) -> None:
    ran = bench.run(spec_of())
    assert ran.environment["torch"] == torch.__version__
    assert (ran.environment["device"], ran.environment["precision"]) == ("cpu", "fp32")
    assert (ran.environment["threads"], ran.environment["oom_fallback"]) == (1, False)
    assert ran.environment["teacher_eval_val"] is None
    gpt = GPT(replace(load_weights(ran.out / "checkpoints" / "best.safetensors").model), 12)
    assert ran.environment["parameters"] == sum(p.numel() for p in gpt.parameters())


def test_a_checkpoint_to_learn_from_is_plain_safetensors_with_one_entry_of_metadata(bench: Bench) -> None:
    with safe_open(bench.teacher(), framework="pt") as handle:
        metadata = handle.metadata()
        names = set(handle.keys())
    assert list(metadata) == ["kdorch"]
    assert set(json.loads(metadata["kdorch"])) == {"format", "model", "facts"}
    assert {"embedding.weight", "head.weight", "blocks.0.attention.query.weight"} <= names


def test_bf16_runs_on_a_cpu_too(bench: Bench) -> None:
    losses = bench.run(spec_of({"precision": "bf16", "horizon": 20})).values("val_loss")
    assert losses[-1] < losses[0]
