"""Rules of kept teacher's answers: written once, read many times, whole or built again, and paid for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.kd_kit import CPU, Case
from tests.unit.trainer_kit import DATA_LINE, KD, VOCABULARY, Bench, small_bench, spec_of
from worker.trainer.errors import BadInput
from worker.trainer.kd.cache import CacheKey, Kept, keep, open_cache
from worker.trainer.kd.cache_v1 import open_foreign
from worker.trainer.kd.words import first_k

pytestmark = pytest.mark.torch

KEY = CacheKey("corpus", "teacher", seed=3, batch=4, length=5, rows=2, every=2, topk=4, temperature=1.5,
               precision="fp32")
TOPK: dict[str, Any] = {"kd": {"divergence": "topk", "topk": 8}}
CACHED: dict[str, Any] = {"kd": {**TOPK["kd"], "teacher_logits": "cached"}}


class Teacher:
    """Answers with the hidden states of a case drawn for the step; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def case(self, step: int) -> Case:
        return Case.drawn(tokens=10, seed=step, dtype=torch.float32)

    def __call__(self, step: int) -> Kept:
        self.asked.append(step)
        return keep(self.case(step).teacher(), 1.5, 4, chunk=3)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return small_bench(tmp_path)


@pytest.fixture
def few_steps_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.trainer.kd.cache.SHARD_BYTES", 2 * 2 * 5 * 20)  # two steps


@pytest.mark.usefixtures("few_steps_a_shard")
def test_what_is_read_is_what_the_teacher_said_up_to_the_rounding_of_its_logits(tmp_path: Path) -> None:
    teacher = Teacher()
    cache, cost = open_cache(tmp_path, KEY, 9, teacher, device=CPU)
    assert teacher.asked == [0, 2, 4, 6, 8, 10], "every second step, in whole shards"
    assert cost.total_ms == cost.built_ms > 0
    for step in (0, 6, 2, 8):
        states = teacher.case(step).teacher()
        live = first_k(states.hidden @ states.head.T, states.softcap, 23, 1.5, 4)
        for row in (0, 1):
            words = cache(torch.zeros(1, 5), step, row)
            expected = live[slice(5 * row, 5 * row + 5)]
            assert torch.equal(words.index_CK, expected.index_CK)
            assert words.log_tail_C is not None
            assert expected.log_tail_C is not None
            torch.testing.assert_close(words.log_q_CK, expected.log_q_CK, atol=2e-3, rtol=0.0)
            torch.testing.assert_close(words.log_tail_C, expected.log_tail_C, atol=4e-3, rtol=0.0)
            whole = words.weight_CK.sum(-1) + words.log_tail_C.exp()
            torch.testing.assert_close(whole, torch.ones(5), atol=1e-6, rtol=0.0)


@pytest.mark.usefixtures("few_steps_a_shard")
def test_the_second_reader_builds_nothing_and_a_longer_run_only_what_is_missing(tmp_path: Path) -> None:
    _, first = open_cache(tmp_path, KEY, 5, Teacher(), device=CPU)
    again, longer = Teacher(), Teacher()
    _, second = open_cache(tmp_path, KEY, 5, again, device=CPU)
    assert (again.asked, second.built_ms) == ([], 0.0)
    assert second.total_ms == first.total_ms
    open_cache(tmp_path, KEY, 12, longer, device=CPU)
    assert longer.asked == [8, 10]


@pytest.mark.usefixtures("few_steps_a_shard")
def test_whoever_is_killed_leaves_whole_shards_and_the_next_goes_on(tmp_path: Path) -> None:
    class Dies(Teacher):
        def __call__(self, step: int) -> Kept:
            if step == 6:
                raise KeyboardInterrupt
            return super().__call__(step)

    with pytest.raises(KeyboardInterrupt):
        open_cache(tmp_path, KEY, 9, Dies(), device=CPU)
    after = Teacher()
    open_cache(tmp_path, KEY, 9, after, device=CPU)
    assert after.asked == [4, 6, 8, 10]


@pytest.mark.usefixtures("few_steps_a_shard")
@pytest.mark.parametrize("harm", ["a bit", "the file", "the index"])
def test_what_was_altered_is_built_again(tmp_path: Path, harm: str) -> None:
    open_cache(tmp_path, KEY, 7, Teacher(), device=CPU)
    place = tmp_path / "teacher-logits" / KEY.digest
    shard = place / "shard_00000.safetensors"
    whole = shard.read_bytes()
    if harm == "a bit":
        shard.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    elif harm == "the file":
        shard.unlink()
    else:
        (place / "index.json").write_text("{")
    after = Teacher()
    open_cache(tmp_path, KEY, 7, after, device=CPU)
    assert after.asked == ([0, 2, 4, 6] if harm == "the index" else [0, 2])
    assert shard.read_bytes() == whole


def test_another_teacher_corpus_seed_or_temperature_is_another_cache() -> None:
    keys = [KEY, *(replace(KEY, **change) for change in (  # type: ignore[arg-type]
        {"teacher": "x"}, {"corpus": "x"}, {"seed": 4}, {"temperature": 2.0}, {"topk": 5}, {"rows": 4}))]
    assert len({key.digest for key in keys}) == len(keys)


def test_a_cached_run_follows_the_live_one_and_says_what_the_cache_cost(bench: Bench) -> None:
    teacher = bench.teacher()
    live = bench.run(spec_of(KD, TOPK), teacher=teacher)
    first = bench.run(spec_of(KD, CACHED), teacher=teacher)
    second = bench.run(spec_of(KD, CACHED, {"optimizer": {"lr": 5e-3}}), teacher=teacher)
    assert first.values("val_loss") == pytest.approx(live.values("val_loss"), abs=2e-3)
    assert first.values("soft") == pytest.approx(live.values("soft"), rel=2e-2)
    for ran, built in ((first, True), (second, False)):
        start, = (line for line in ran.lines if line.startswith("step:0/"))
        assert DATA_LINE.fullmatch(start)
        assert "teacher_cache_ms:" in start
        assert (float(re.findall(r"teacher_cache_built_ms:(\S+)", start)[0]) > 0) is built
        assert ran.values("teacher_cache_ms") == first.values("teacher_cache_ms")
        assert ran.values("train_time")[0] == 0.0, "building is the teacher's time, not the student's"


def test_a_resumed_cached_run_is_the_run_that_was_never_stopped(bench: Bench) -> None:
    from tests.unit.test_trainer_train import stop_after
    from worker.trainer.errors import Stopped

    spec, teacher = spec_of(KD, CACHED), bench.teacher()
    whole = bench.run(spec, teacher=teacher)
    with pytest.raises(Stopped):
        bench.run(spec, teacher=teacher, stop_asked=stop_after(5))
    resumed = bench.run(spec, teacher=teacher, resume=bench.last.out)
    assert resumed.values("train_loss") == whole.values("train_loss")
    assert resumed.values("val_loss") == whole.values("val_loss")


# Caches made elsewhere

def foreign_shard(path: Path, *, sequences: int = 6, length: int = 13, k: int = 4, r: int = 2, **change: Any) -> None:
    g = torch.Generator().manual_seed(len(path.name))

    def ids(*shape: int) -> torch.Tensor:
        return torch.randint(VOCABULARY, shape, generator=g, dtype=torch.int32)

    mask = torch.ones(sequences, length, dtype=torch.uint8)
    mask[0, 9:] = 0
    topk = torch.rand(sequences, length - 1, VOCABULARY, generator=g).topk(k).indices.int()
    torch.save({"input_ids": ids(sequences, length), "attention_mask": mask, "topk_idx": topk,
                "topk_logits": torch.randn(topk.shape, generator=g).half(), "rand_idx": ids(sequences, length - 1, r),
                "rand_logits": torch.randn(sequences, length - 1, r, generator=g).half(), **change}, path)


@pytest.fixture
def foreign(bench: Bench) -> Path:
    place = bench.root / "data" / "L13_K4_R2"
    place.mkdir()
    (place / "meta.json").write_text(json.dumps({"seq_len": 13}))
    for name in ("shard_00000.pt", "shard_00001.pt"):
        foreign_shard(place / name)
    return place


def opened(place: Path, length: int = 12, vocabulary: int = VOCABULARY) -> Any:
    return open_foreign(place, length=length, vocabulary=vocabulary, temperature=2.0, seed=1, batch_sequences=3,
                        device=CPU)


def test_a_cache_made_elsewhere_is_read_with_its_tokens_and_no_tail(foreign: Path) -> None:
    cache = opened(foreign)
    assert (len(cache.tokens_ML), cache.length, cache.index_MLK.size(-1)) == (12, 12, 6)
    words = cache(cache.batch(4)[:, :-1], 4, 0)
    assert words.index_CK.shape == (3 * 12, 6)
    assert words.log_tail_C is None, "unknown: there is no logsumexp"
    torch.testing.assert_close(words.weight_CK.sum(-1), torch.ones(36))
    again = torch.equal(cache.batch(4), opened(foreign).batch(4))
    assert again, "batches are pure in seed and step"
    first = (words.index_CK[:, :, None] == words.index_CK[:, None, :]).tril(-1).any(-1)
    assert float(words.weight_CK[first].sum()) == 0.0, "a token that is named twice counts once"


def test_a_run_learns_from_a_cache_made_elsewhere(bench: Bench, foreign: Path) -> None:
    kd = {"kd": {**CACHED["kd"], "cache": foreign.name, "stop": {"mode": "never"}}}
    ran = bench.run(spec_of(KD, kd), teacher=bench.teacher())
    assert "12 sequences, tail=unknown" in ran.log
    assert all(soft > 0 for soft in ran.values("soft"))


@pytest.mark.parametrize(("change", "words"), [
    ({"topk_idx": None}, "is not a shard of a teacher cache"),
    ({"topk_idx": torch.full((6, 12, 4), 32, dtype=torch.int32)}, "topk_idx or rand_idx reaches 32"),
    ({"topk_logits": torch.zeros(6, 12, 3)}, "do not fit each other"),
    ({"input_ids": torch.zeros(6, 12, dtype=torch.int32)}, "do not fit each other"),
    ({"rand_idx": None}, "are not those of the name L13_K4_R2"),
])
def test_a_bad_shard_is_refused_by_name(foreign: Path, change: dict[str, Any], words: str) -> None:
    foreign_shard(foreign / "shard_00000.pt", **change)
    with pytest.raises(BadInput, match=r"shard_00000\.pt.*") as refused:
        opened(foreign)
    assert words in str(refused.value)


def test_nothing_in_a_shard_can_run(foreign: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    torch.save({"input_ids": Evil()}, foreign / "shard_00000.pt")
    with pytest.raises(BadInput, match="is not a shard of a teacher cache"):
        opened(foreign)
    assert not (tmp_path / "ran").exists()


def test_a_cache_of_other_sequences_or_without_description_is_refused(foreign: Path) -> None:
    with pytest.raises(BadInput, match=r"data\.sequence_length must be 12, and is 64"):
        opened(foreign, length=64)
    (foreign / "meta.json").write_text("[]")
    with pytest.raises(BadInput, match=r"meta\.json, an object, and shard_\*\.pt"):
        opened(foreign)
    (foreign / "meta.json").unlink()
    with pytest.raises(BadInput, match="not the description of a teacher cache"):
        opened(foreign)
