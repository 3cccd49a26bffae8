"""Rules of the architectures: their parameter counts, and that the forward pass is what the formulas say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.unit.plain_model import plain_logits
from worker.trainer.attention import Flex, check_documents, document_begins
from worker.trainer.errors import BadInput
from worker.trainer.model import GPT, count_parameters
from worker.trainer.optim import Optimizers
from worker.trainer.providers import LiveStudent
from worker.trainer.spec import ModelSpec, OptimizerSpec

pytestmark = pytest.mark.torch

SMALL = ModelSpec(layers=4, heads=2, head_dim=4, model_dim=14, mlp_ratio=2.0, vocab_size=23, tied_embeddings=False,
                  softcap=11.5, softcap_shift=5.0, softcap_scale=15.0)
GATED: dict[str, Any] = {"trunk": "gated", "value_embeddings": 3, "bigram_vocab_size": 7, "without_attention": (3,),
                         "mlp_multiple": 3}
REFERENCE = ModelSpec(layers=11, heads=6, head_dim=128, model_dim=768, mlp_ratio=4.0, vocab_size=50304,
                      tied_embeddings=False, softcap=11.5, softcap_shift=5.0, softcap_scale=15.0, real_vocab=50257,
                      trunk="gated", value_embeddings=5, bigram_vocab_size=251520, without_attention=(6,),
                      mlp_multiple=4)


def awake(spec: ModelSpec, dtype: torch.dtype = torch.float64) -> GPT:
    """A model whose gates, tables and factors are nowhere at rest."""
    gpt = GPT(spec, 16).to(dtype)
    gpt.initialize(torch.Generator().manual_seed(0))
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in gpt.parameters():
            weight.add_(torch.randn(weight.shape, generator=draw) * 0.3)
    return gpt


def tokens(rows: int = 2, length: int = 9) -> torch.Tensor:
    return torch.randint(SMALL.vocab_size, (rows, length), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(("layers", "bigram", "expected"), [
    (11, 251520, 543_818_890), (11, 2, 350_653_066), (3, 251520, 489_554_538), (3, 2, 296_388_714)])
def test_the_reference_student_and_teacher_have_their_parameters_to_the_digit(
        layers: int, bigram: int, expected: int) -> None:
    with torch.device("meta"):
        gpt = GPT(replace(REFERENCE, layers=layers, bigram_vocab_size=bigram), 1024)
    assert count_parameters(gpt) == expected


@pytest.mark.parametrize("knobs", [
    {}, {"tied_embeddings": True}, {"window": 4, "window_pattern": "SL"}, {"window_pattern": "LS"},
    {"document_token": 5}, {"window": 3, "document_token": 5}, {"real_vocab": 20, "softcap_shift": 0.0,
                                                                "softcap_scale": 0.0},
    {**GATED}, {**GATED, "without_attention": (), "bigram_vocab_size": 0, "value_embeddings": 0},
    {**GATED, "window": 4, "window_pattern": "SSL", "document_token": 5, "tied_embeddings": True},
], ids=str)
def test_the_forward_pass_is_that_of_the_plainest_model(knobs: dict[str, Any]) -> None:
    gpt = awake(replace(SMALL, **knobs))
    weights = {name: weight.detach().clone() for name, weight in gpt.named_parameters()}
    batch = tokens()
    batch[0, 4] = batch[1, 0] = batch[1, 7] = 5
    with torch.no_grad():
        found = gpt(batch).logits().unflatten(0, batch.shape)
        for row, said in zip(batch.tolist(), found, strict=True):
            expected = plain_logits(gpt.spec, weights, row)
            # Positions' angles are kept in float32.
            torch.testing.assert_close(said, expected, atol=2e-5, rtol=2e-5)


def test_a_stages_window_takes_the_place_of_the_models() -> None:
    wide, narrow = awake(replace(SMALL, window=8)), awake(replace(SMALL, window=3))
    student = LiveStudent(wide, torch.no_grad)
    with torch.no_grad():
        assert torch.equal(student.at(3).model(tokens()).hidden, narrow(tokens()).hidden)
        assert torch.equal(student.at(None).model(tokens()).hidden, wide(tokens()).hidden)
        assert not torch.allclose(wide(tokens()).hidden, narrow(tokens()).hidden)


def test_what_stands_before_a_document_changes_nothing_in_it() -> None:
    gpt = awake(replace(SMALL, document_token=5))
    one = tokens(1)
    one[0, 4] = 5
    other = one.clone()
    other[0, :4] = (other[0, :4] + 1) % 5
    with torch.no_grad():
        assert torch.equal(gpt(one).hidden[4:], gpt(other).hidden[4:])


def test_the_gated_trunk_is_as_narrow_as_its_products_and_close_to_the_wide_one() -> None:
    spec = replace(SMALL, **GATED)
    wide, narrow = awake(spec), awake(spec).float()
    with torch.no_grad():
        expected = wide(tokens()).hidden
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = narrow(tokens()).hidden
    assert found.dtype == torch.bfloat16
    assert float((found.double() - expected).norm() / expected.norm()) < 5e-2


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_every_weight_of_the_gated_trunk_learns_but_those_that_are_only_counted(kind: str) -> None:
    for layers, unused in ((4, {"mlp_over"}), (3, {"gated.skip_gate", "gated.skip_factor"})):
        gpt = awake(replace(SMALL, **{**GATED, "layers": layers}), torch.float32)
        before = {name: weight.detach().clone() for name, weight in gpt.named_parameters()}
        optimizers = Optimizers(gpt, OptimizerSpec(kind, 1e-2, 2e-2, 0.0, 0.9, 0.95, 1.0),  # type: ignore[arg-type]
                                torch.device("cpu"))
        torch.nn.functional.cross_entropy(gpt(tokens()).logits(), tokens().flatten()).backward()
        optimizers.step(1.0)
        assert {name for name, weight in gpt.named_parameters() if torch.equal(weight, before[name])} == unused


@pytest.mark.filterwarnings("ignore:flex_attention called without")
def test_flex_attention_sees_what_torchs_own_sees() -> None:
    spec = replace(SMALL, heads=2, head_dim=16, window=5, window_pattern="LS", document_token=5)
    gpt = awake(spec, torch.float32)
    other = GPT(spec, 16, Flex(compiled=False))
    other.load_state_dict(gpt.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(other(tokens()).hidden, gpt(tokens()).hidden, atol=1e-4, rtol=1e-4)


def test_documents_are_laid_out_for_kernels_of_ragged_sequences() -> None:
    batch = torch.tensor([[9] * 10 + [5] + [2] * 21, [5] + [1] * 31])
    table = document_begins(batch, 5)
    assert table.dtype == torch.int32
    assert table.tolist() == [0, 10, 32, 64, 64, 64, 64], "the table's size depends on the shape only"


def test_more_documents_than_the_kernels_table_holds_are_named_with_their_step() -> None:
    few, many = torch.zeros(4, 65, dtype=torch.int64), torch.full((4, 65), 5)
    check_documents(few, 5, 2, "the batch of step 7")
    few[3, :9] = 5
    check_documents(few, 5, 2, "the batch of step 7")  # 1 + 9 of the 2 * 64 / 16 + 2 that a microbatch has room for
    few[3, 9:20] = 5
    with pytest.raises(BadInput, match=r"the batch of step 7, microbatch 1: 21 documents, .* table holds 10"):
        check_documents(few, 5, 2, "the batch of step 7")
    few[3, 9:] = 0
    few[:, -1] = 5
    check_documents(few, 5, 2, "the batch of step 7")  # the last one is a target only
    with pytest.raises(BadInput, match="the validation batch, microbatch 0"):
        check_documents(many, 5, 4, "the validation batch")


def test_more_documents_than_the_kernels_table_holds_end_the_run() -> None:
    with pytest.raises(RuntimeError, match="nonzero"):
        document_begins(torch.full((1, 64), 5), 5)
