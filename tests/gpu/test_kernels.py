"""What CUDA alone can show: the compiled kernels against float32, and attention's back ends against torch's own."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from tests.unit.kd_kit import CAPS, Case, relative_error
from tests.unit.test_trainer_gated import GATED, SMALL
from worker.trainer.attention import open_backend
from worker.trainer.attention_choice import TABLE, candidates, choose, place_of, trial
from worker.trainer.kd.loss import loss_backend
from worker.trainer.model import GPT
from worker.trainer.providers import compile_statically
from worker.trainer.spec import AttentionSpec

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")]

CUDA = torch.device("cuda")
NAMES = sorted({name for row in TABLE for name in row.order})


@pytest.mark.parametrize("kind", ["ce", "exact", "topk", "sampled"])
@pytest.mark.parametrize(("temperature", "cap"), [(1.0, "uncapped"), (2.0, "seed")])  # each is compiled anew
def test_the_kernel_gives_the_losses_and_gradients_of_plain_torch(kind: str, temperature: float, cap: str) -> None:
    """Rows longer than a block of the kernel, ragged chunks, masked tokens and a padded vocabulary."""
    case = Case.drawn(tokens=37, vocab=9001, real=8990, masked=(2,), cap=CAPS[cap], dtype=torch.float32, device=CUDA)
    for norm, stride in (("off", 1), ("exact", 1), ("off", 2)):
        soft = None if kind == "ce" else case.soft(kind, temperature, stride)
        (one, *found), (other, *expected) = (case.loss(loss_backend(name, CUDA, 16), soft, norm=norm)
                                             for name in ("triton", "reference"))
        assert float(one.total) == pytest.approx(float(other.total), rel=1e-4)
        for g, h in zip(found, expected, strict=True):
            assert relative_error(g, h) < 1e-3  # float32 products may be taken in TF32


@pytest.mark.parametrize("kind", ["exact", "sampled"])  # rounded logits have other first tokens
def test_bf16_gradients_are_those_of_float32_up_to_rounding(kind: str) -> None:
    case = Case.drawn(tokens=64, vocab=9001, dtype=torch.float32, width=64, device=CUDA)
    narrow = replace(case, hidden=case.hidden / 8, head=case.head / 2, teacher_hidden=case.teacher_hidden / 8)
    soft = narrow.soft(kind)  # before autocast: rounded logits draw other tokens as well
    expected = narrow.loss(loss_backend("reference", CUDA), soft)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        found = narrow.loss(loss_backend("triton", CUDA, 16), soft)
    assert relative_error(found[1], expected[1]) < 2e-2
    assert relative_error(found[2], expected[2]) < 2e-2


@pytest.mark.parametrize("name", NAMES)
def test_an_attention_that_this_machine_has_computes_what_torchs_own_does(name: str) -> None:
    _, problems = candidates(place_of(CUDA, "bf16"), AttentionSpec(name))  # type: ignore[arg-type]
    if problems:
        pytest.skip(problems[0])
    try:
        open_backend(name)
    except Exception as error:  # noqa: BLE001 - its package is here, its kernels may be for nobody to fetch
        pytest.skip(f"{name}: {error}")
    assert trial(name, CUDA) is None


def stir(gpt: GPT) -> None:
    """Move every weight from where it starts: attention's output matrices start at zero, and then no result shows what
    attention computed."""
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in gpt.parameters():
            weight.add_(torch.randn(weight.shape, generator=draw) * 0.2)


def test_what_is_chosen_by_itself_works_compiled_in_the_gated_trunk() -> None:
    chosen = choose(AttentionSpec(), "bf16", CUDA).attend.name
    # Documents are few, so that the kernels' table holds them, and the window is a block of flex's.
    spec = replace(SMALL, **{**GATED, "heads": 2, "head_dim": 64, "model_dim": 128, "vocab_size": 512, "window": 128,
                             "document_token": 5})
    tokens = torch.randint(spec.vocab_size, (2, 512), generator=torch.Generator().manual_seed(1)).to(CUDA)
    tokens[:, [30, 60]] = 5
    direction = torch.randn(2, 512, spec.model_dim, generator=torch.Generator().manual_seed(3)).to(CUDA)
    answers = []
    for name, compiled, window in (("sdpa", False, 128), (chosen, True, 128), ("sdpa", False, None)):
        gpt = GPT(replace(spec, window=window), 512, open_backend(name))
        gpt.initialize(torch.Generator().manual_seed(0))
        stir(gpt)
        gpt = gpt.to(CUDA)
        hidden = compile_statically(gpt.hidden) if compiled else gpt.hidden
        with torch.autocast("cuda", dtype=torch.bfloat16):
            states = hidden(tokens)
        (states.float() * direction).sum().backward()
        answers.append((states.detach(), gpt.embedding.weight.grad))
    for expected, found, wrong in zip(*answers, strict=True):
        assert relative_error(found, expected) < 3e-2
        assert relative_error(wrong, expected) > 3e-2, "attention that sees too much would not be noticed"
