"""Rules of choosing an attention back end, and of the shapes that each takes."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmarks.gpu_loss import attention_figure
from tests.unit.test_trainer_gated import SMALL
from tests.unit.trainer_kit import Bench, small_bench, spec_of
from worker.hub_kernels import flash_attention_3
from worker.trainer.attention import Flash, Ragged, open_backend
from worker.trainer.attention_choice import FLASH, TABLE, Place, candidates, check_shapes, choose, slow_shapes, trial
from worker.trainer.errors import BackendMissing, BadInput
from worker.trainer.spec import AttentionSpec

pytestmark = pytest.mark.torch

ALL = frozenset({"fa3", "fa2", "varlen", "flex", "sdpa"})
BARE = frozenset({"varlen", "flex", "sdpa"})
AUTO = AttentionSpec()
REQUIRED = AttentionSpec(require_flash=True)
CPU = torch.device("cpu")


@pytest.mark.parametrize(("chip", "packages", "spec", "expected"), [
    ((9, 0), ALL, AUTO, ["fa3", "fa2", "varlen", "flex", "sdpa"]),  # H100
    ((9, 0), BARE, AUTO, ["varlen", "flex", "sdpa"]),
    ((8, 9), ALL, AUTO, ["fa2", "fa3", "varlen", "flex", "sdpa"]),  # RTX 4090
    ((8, 9), BARE, REQUIRED, ["varlen"]),
    ((12, 1), ALL, AUTO, ["flex", "sdpa"]),  # GB10
    ((12, 1), ALL, REQUIRED, []),
    ((7, 5), ALL, AUTO, ["sdpa"]),  # older than the table
    (None, ALL, AUTO, ["sdpa"]),
    (None, ALL, REQUIRED, []),
    ((9, 0), BARE, AttentionSpec("fa3"), []),
    ((9, 0), BARE, AttentionSpec("fa3", fallback="record"), ["varlen", "flex", "sdpa"]),
    ((9, 0), ALL, AttentionSpec("sdpa"), ["sdpa"]),
    ((9, 0), ALL, AttentionSpec("sdpa", require_flash=True), []),
])
def test_the_table_says_what_is_tried_on_a_chip(chip: tuple[int, int] | None, packages: frozenset[str],
                                                spec: AttentionSpec, expected: list[str]) -> None:
    assert candidates(Place(chip, "bf16", packages), spec)[0] == expected


def test_what_is_not_tried_is_named_with_its_reason() -> None:
    _, why = candidates(Place((12, 1), "bf16", BARE), AttentionSpec("fa3", fallback="record"))
    assert why == ["fa3: not for sm_121"]
    _, why = candidates(Place((9, 0), "fp32", ALL), AttentionSpec("fa2"))
    assert why == ["fa2: takes bf16 and not fp32"]
    _, why = candidates(Place((9, 0), "bf16", BARE), AttentionSpec("fa2"))
    assert why == ["fa2: not installed"]


def test_every_row_of_the_table_ends_with_torchs_own_and_rows_do_not_overlap() -> None:
    for row in TABLE:
        assert row.order[-1] == "sdpa"
        assert set(row.order) <= ALL
    edges = [edge for row in TABLE for edge in (row.first, row.last)]
    assert edges == sorted(edges)


@pytest.mark.skipif(torch.cuda.is_available(), reason="what a CPU has not")
def test_a_cpu_refuses_flash_kernels_with_the_exit_code_of_a_missing_back_end() -> None:
    with pytest.raises(BackendMissing, match="require_flash asks for a flash kernel") as refused:
        choose(REQUIRED, "bf16", CPU)
    assert refused.value.exit_code == 13
    with pytest.raises(BackendMissing, match="fa2: the device is a CPU"):
        choose(AttentionSpec("fa2"), "bf16", CPU)
    fallen = choose(AttentionSpec("fa2", fallback="record"), "bf16", CPU)
    assert (fallen.attend.name, fallen.flash) == ("sdpa", False)
    assert "fa2 was asked for: fa2: the device is a CPU" in fallen.note


def test_a_kernel_that_does_not_compute_is_found_out() -> None:
    assert trial("sdpa", CPU) is None
    for name in FLASH:
        assert trial(name, CPU), f"{name} has no kernels for a CPU"


def test_shapes_that_kernels_refuse_are_named_by_key() -> None:
    for name, changed, windows, words in (
            ("fa2", {"head_dim": 12}, [None], "model.head_dim is 12; fa2 takes multiples of 8"),
            ("fa3", {"head_dim": 512}, [None], "model.head_dim is 512"),
            ("flex", {"head_dim": 8}, [None], "model.head_dim is 8; flex takes 16"),
            ("flex", {"head_dim": 16}, [256, 100], "a window of 100 tokens; flex takes multiples of 128")):
        with pytest.raises(BadInput, match=words):
            check_shapes(name, replace(SMALL, **changed), windows)  # type: ignore[arg-type]
    check_shapes("flex", replace(SMALL, head_dim=64), [None, 256])
    check_shapes("sdpa", SMALL, [5])
    words = "; ".join(slow_shapes(replace(SMALL, heads=3, head_dim=6, vocab_size=50257)))
    assert "model.heads is 3" in words
    assert "model.head_dim is 6" in words
    assert "pad it to 50304 and set model.real_vocab to 50257" in words
    assert not slow_shapes(replace(SMALL, vocab_size=50304))


def test_flash_kernels_are_given_what_their_packages_take() -> None:
    asked = []

    def kernel(*tensors: torch.Tensor, **how: object) -> torch.Tensor:
        asked.append(([tuple(t.shape) for t in tensors], how))
        return tensors[2]

    flash = Flash("fa2", kernel, kernel)
    batch = torch.arange(24).view(2, 12)
    q, k, v = torch.randn(3, 2, 4, 12, 8)
    for document in (None, 5):
        sight = flash.sight(batch, 6, document)
        assert isinstance(sight, Ragged)
        torch.testing.assert_close(flash(q, k, v, sight), v)
    (fixed, how), (ragged, hows) = asked
    assert fixed == [(2, 12, 4, 8)] * 3
    assert how == {"causal": True, "window_size": (5, 0)}
    assert ragged == [(24, 4, 8)] * 3
    assert hows["max_seqlen_q"] == 12
    assert hows["cu_seqlens_q"].tolist() == [0, 5, 12, 24]  # type: ignore[attr-defined]
    assert flash.sight(batch, 12, None).reach == -1


OLD = "def get_kernel(repo_id, revision=None): return Kernel(repo_id, revision)"
TEXTS = ("def get_kernel(repo_id, revision=None, version=None): return Kernel(repo_id, version and version.split(','))")
NEW = """
def get_kernel(repo_id, *, revision=None, version=None):
    if revision is None and version is None:
        raise ValueError("A kernel version or revision must be specified.")
    return Kernel(repo_id, version)
"""
KERNEL = """
class Kernel:
    def __init__(self, repo_id, version):
        self.told = (repo_id, version)
        self.flash_attn_func = self.flash_attn_varlen_func = lambda q, k, v, **how: v
"""


@pytest.mark.parametrize(("release", "version"), [(OLD, None), (TEXTS, None), (NEW, 1)], ids=["0.4", "0.9", "0.17"])
def test_a_kernel_is_asked_for_as_the_release_of_its_package_wants_it(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str, version: int | None) -> None:
    (tmp_path / "kernels.py").write_text(KERNEL + release)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "kernels", raising=False)
    monkeypatch.setitem(sys.modules, "flash_attn_interface", None)
    assert flash_attention_3().told == ("kernels-community/flash-attn3", version)
    open_backend.cache_clear()
    assert open_backend("fa3").name == "fa3_kernels"
    open_backend.cache_clear()
    monkeypatch.delitem(sys.modules, "kernels")


def test_an_attention_that_cannot_be_had_was_not_measured_and_a_wrong_one_is_told() -> None:
    def fetch() -> str | None:
        raise ValueError("Version 1 not found")

    assert attention_figure("fa3", lambda: None).value == 1.0
    assert attention_figure("fa3", lambda: "its dQ is off by 0.5").value == 0.0
    unfetched = attention_figure("fa3", fetch)
    assert (unfetched.value, unfetched.note) == (None, "ValueError: Version 1 not found")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return small_bench(tmp_path)


def test_a_run_tells_its_attention_and_a_fallback_is_recorded(bench: Bench) -> None:
    ran = bench.run(spec_of({"horizon": 1, "attention": {"backend": "fa3", "fallback": "record"}}))
    assert "FLASH_ATTN_BACKEND=sdpa HAS_FLASH_ATTN=False" in ran.lines
    assert any(line.startswith("warning: attention fa3 was asked for: fa3: the device is a CPU") for line in ran.lines)
    assert (ran.environment["attention_backend"], ran.environment["attention_fallback"]) == ("sdpa", True)
    assert bench.run(spec_of({"horizon": 1})).environment["attention_fallback"] is False


def test_a_run_that_requires_flash_attention_ends_before_its_first_step(bench: Bench) -> None:
    with pytest.raises(BackendMissing):
        bench.run(spec_of({"attention": {"require_flash": True}}))
    assert not bench.last.data_lines()


def test_the_gated_trunk_trains_teaches_and_keeps_its_checkpoint(bench: Bench) -> None:
    gated = {"model": {"trunk": "gated", "layers": 4, "value_embeddings": 2, "bigram_vocab_size": 16,
                       "without_attention": [3], "window": 8, "window_pattern": "SL", "document_token": 0,
                       "mlp_multiple": 3}, "data": {"document_token": 0},
             "stages": [{"until": 0.5, "window": 4}, {"until": 1}]}
    ran = bench.run(spec_of(gated))
    losses = ran.values("val_loss")
    assert losses[-1] < losses[0]
    taught = bench.run(spec_of({"horizon": 2}, gated, {"mode": "kd", "kd": {
        "teacher": {"from": "teachers.best"}, "teacher_sdpa": True}}), teacher=ran.out / "checkpoints" /
        "best.safetensors")
    assert "teacher_force_sdpa=True compile_teacher=False" in taught.lines
