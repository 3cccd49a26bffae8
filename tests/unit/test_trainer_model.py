"""Rules of the model and of the optimizers."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from worker.trainer.model import GPT, count_parameters
from worker.trainer.optim import Optimizers, orthogonalized
from worker.trainer.spec import ModelSpec, OptimizerSpec
from worker.trainer.states import Softcap

pytestmark = pytest.mark.torch

SPEC = ModelSpec(layers=2, heads=2, head_dim=4, model_dim=8, mlp_ratio=4.0, vocab_size=17, tied_embeddings=False,
                 softcap=15.0)
MUON = OptimizerSpec(kind="muon", lr=1e-2, muon_lr=2e-2, weight_decay=0.0, beta1=0.9, beta2=0.95, grad_clip=1.0)
CPU = torch.device("cpu")


def model(spec: ModelSpec = SPEC, seed: int = 0) -> GPT:
    gpt = GPT(spec, 12)
    gpt.initialize(torch.Generator().manual_seed(seed))
    return gpt


def awake(spec: ModelSpec = SPEC) -> GPT:
    """A model whose blocks are not the identity any more."""
    gpt = model(spec)
    with torch.no_grad():
        for weight in gpt.parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)) * 0.3)
    return gpt


def tokens(rows: int = 3, length: int = 12) -> Tensor:
    return torch.randint(SPEC.vocab_size, (rows, length), generator=torch.Generator().manual_seed(2))


def test_the_first_loss_is_close_to_that_of_guessing() -> None:
    loss = torch.nn.functional.cross_entropy(model()(tokens()).logits(), tokens().flatten())
    assert loss.item() == pytest.approx(math.log(SPEC.vocab_size), abs=0.05)


def test_a_position_does_not_see_what_comes_after_it() -> None:
    gpt, before = awake(), tokens(1)
    after = before.clone()
    after[0, 7:] = (after[0, 7:] + 1) % SPEC.vocab_size
    with torch.no_grad():
        one, other = gpt(before).logits(), gpt(after).logits()
    assert torch.equal(one[:7], other[:7])
    assert not torch.allclose(one[7:], other[7:])


def test_positions_matter() -> None:
    row = torch.full((1, 12), 3)
    row[0, 0] = 4
    with torch.no_grad():
        logits = awake()(row).logits()
    assert not torch.allclose(logits[5], logits[9], atol=1e-4)


def test_logits_stay_within_the_softcap_and_zero_turns_it_off() -> None:
    z = torch.tensor([-1e4, -1.0, 0.0, 1.0, 1e4])
    near = 15 * math.tanh(1 / 15)
    assert Softcap(15.0, scale=15.0)(z).tolist() == pytest.approx([-15, -near, 0, near, 15])
    assert Softcap(0.0)(z) is z


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    one, again, other = model(seed=1).state_dict(), model(seed=1).state_dict(), model(seed=2).state_dict()
    assert all(torch.equal(one[k], again[k]) for k in one)
    assert not torch.equal(one["embedding.weight"], other["embedding.weight"])


@pytest.mark.parametrize("tied", [False, True])
def test_parameters_are_counted_and_a_tied_head_once(tied: bool) -> None:
    per_layer = 4 * 8 * 8 + 2 * 8 * 32
    expected = 2 * per_layer + 17 * 8 * (1 if tied else 2)
    gpt = model(replace(SPEC, tied_embeddings=tied))
    assert count_parameters(gpt) == expected
    assert sum(t.numel() for t in gpt.state_dict().values()) == expected


def test_a_tied_head_is_trained_through_both_of_its_uses() -> None:
    gpt = model(replace(SPEC, tied_embeddings=True))
    states = gpt(tokens())
    torch.nn.functional.cross_entropy(states.logits(), tokens().flatten()).backward()
    assert states.head is gpt.embedding.weight
    assert gpt.embedding.weight.grad is not None
    assert gpt.embedding.weight.grad.abs().sum() > 0


def test_orthogonalising_brings_singular_values_to_one() -> None:
    for shape in ((32, 8), (8, 32), (16, 16)):
        matrix = torch.randn(shape, generator=torch.Generator().manual_seed(3))
        u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
        result = orthogonalized(matrix)
        values = torch.linalg.svdvals(result)
        # Newton-Schulz with these coefficients aims at a band around 1, on purpose.
        assert values.min() > 0.3
        assert values.max() < 1.3
        aligned = torch.nn.functional.cosine_similarity(result.flatten(), (u @ vh).flatten(), dim=0)
        assert aligned > 0.95


def test_muon_on_a_cpu_agrees_with_torchs_own_but_for_its_precision() -> None:
    ours, theirs = awake(), awake()
    optimizers = Optimizers(ours, MUON, CPU)
    hidden = [p for n, p in theirs.named_parameters() if n.startswith("blocks.")]
    reference = torch.optim.Muon(hidden, lr=MUON.muon_lr * 0.5, weight_decay=0.0)
    before = [p.detach().clone() for p in hidden]
    for _ in range(3):
        for gpt in (ours, theirs):
            gpt.zero_grad()
            torch.nn.functional.cross_entropy(gpt(tokens()).logits(), tokens().flatten()).backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), MUON.grad_clip)
        optimizers.step(0.5)
        reference.step()
    moved = [p for n, p in ours.named_parameters() if n.startswith("blocks.")]
    for start, one, other in zip(before, moved, hidden, strict=True):
        way, reference_way = (one - start).detach().flatten(), (other - start).detach().flatten()
        assert torch.nn.functional.cosine_similarity(way, reference_way, dim=0) > 0.98
        assert way.norm().item() == pytest.approx(reference_way.norm().item(), rel=0.05)


@pytest.mark.parametrize("kind", ["muon", "adamw"])
def test_every_weight_learns_and_the_multiplier_scales_the_rate(kind: str) -> None:
    moved = []
    for rate in (1.0, 0.5):
        gpt = awake()
        before = {n: p.detach().clone() for n, p in gpt.named_parameters()}
        optimizers = Optimizers(gpt, replace(MUON, kind=kind), CPU)  # type: ignore[arg-type]
        torch.nn.functional.cross_entropy(gpt(tokens()).logits(), tokens().flatten()).backward()
        optimizers.step(rate)
        assert all(p.grad is None for p in gpt.parameters())
        moved.append({n: (p.detach() - before[n]).norm().item() for n, p in gpt.named_parameters()})
    for name, whole in moved[0].items():
        assert whole > 0, name
        assert moved[1][name] == pytest.approx(whole / 2, rel=1e-3), name
