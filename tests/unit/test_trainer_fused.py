"""Rules of the chunked loss: it equals its closed form and its reference in every variant, and never holds [N, V]."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.unit.kd_kit import CAPS, CPU, Case, Tracker, relative_error
from worker.trainer.errors import BackendMissing
from worker.trainer.kd.loss import LossBackend, loss_backend
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.reference import divergence
from worker.trainer.kd.rows import Block, TorchRows
from worker.trainer.kd.soft import Soft
from worker.trainer.kd.words import drawn, first_k, from_logits
from worker.trainer.states import Softcap, States

pytestmark = pytest.mark.torch

REFERENCE = loss_backend("reference", CPU)
EXACT = 1e-10
CASES: dict[str, dict[str, Any]] = {
    "plain": {}, "masked tokens": {"masked": (0, 4, 12)}, "padded vocabulary": {"real": 20},
    "uncapped": {"cap": CAPS["uncapped"]}, "the seed's softcap": {"cap": CAPS["seed"]},
    "all of it": {"masked": (3, 6), "real": 19, "cap": CAPS["seed"]},
}


def fused(chunk: int = 4) -> LossBackend:
    return loss_backend("torch", CPU, chunk)


@pytest.mark.parametrize("kind", ["ce", "exact", "topk", "sampled"])
@pytest.mark.parametrize("temperature", [1.0, 1.7])
@pytest.mark.parametrize("name", CASES)
def test_losses_and_gradients_equal_autograd_over_all_logits(kind: str, temperature: float, name: str) -> None:
    case = Case.drawn(**CASES[name])
    for stride, norm, chunk in ((1, "off", 4), (3, "off", 5), (1, "exact", 4), (2, "exact", 100)):
        soft = None if kind == "ce" else case.soft(kind, temperature, stride)
        (one, *found), (other, *expected) = (case.loss(backend, soft, norm=norm, factor=2.5)
                                             for backend in (fused(chunk), REFERENCE))
        for a, b in zip((one.total, one.hard, one.soft, one.scale), (other.total, other.hard, other.soft, other.scale),
                        strict=True):
            assert float(a.detach()) == pytest.approx(float(b.detach()), rel=EXACT, abs=1e-12)
        for a, b in zip(found, expected, strict=True):
            assert relative_error(a, b) < EXACT


@pytest.mark.parametrize("tail", [True, False], ids=["with its tail", "tail unknown"])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_kept_words_give_the_gradients_of_autograd_in_chunks_of_any_size(temperature: float, tail: bool) -> None:
    """What a cache answers: float32 words in a float64 loss would hide nothing, so these are kept in float64."""
    case = Case.drawn(masked=(3, 6), real=19, cap=CAPS["seed"])
    z = case.teacher().logits()
    index = z.topk(5).indices
    words = from_logits(index, z.gather(-1, index), (z / temperature).logsumexp(-1) if tail else None, temperature)
    for stride in (1, 2):
        soft = Soft(words, temperature, "topk", stride=stride)
        other, *expected = case.loss(REFERENCE, soft, norm="exact")
        for chunk in (1, 3, 5, 12, 13, 50):
            one, *found = case.loss(fused(chunk), soft, norm="exact")
            assert float(one.total.detach()) == pytest.approx(float(other.total.detach()), rel=EXACT)
            for a, b in zip(found, expected, strict=True):
                assert relative_error(a, b) < EXACT


@pytest.mark.parametrize("temperature", [1.0, 2.0])
@pytest.mark.parametrize("cap", CAPS)
def test_the_gradient_over_the_logits_is_the_closed_form(temperature: float, cap: str) -> None:
    """dL/du = [alpha/N (p - e_y) + (1 - alpha) s T/N (p^T - q^T)] * dz/du."""
    case = Case.drawn(cap=CAPS[cap])
    logits = replace(case, hidden=case.hidden @ case.head.T, head=torch.eye(23, dtype=torch.float64))
    losses, found, _ = logits.loss(fused(), case.soft("exact", temperature), alpha=0.3, norm="exact")
    u = logits.hidden.requires_grad_()
    z = case.cap(u)
    slope, = torch.autograd.grad(z.sum(), u)
    hard = z.softmax(-1) - F.one_hot(case.targets, 23)
    soft = (z / temperature).softmax(-1) - (case.teacher().logits() / temperature).softmax(-1)
    expected = (0.3 * hard + 0.7 * losses.scale * temperature * soft) / len(u) * slope
    assert relative_error(found, expected.detach()) < EXACT


def test_the_gradient_of_topk_with_its_tail_is_the_closed_form() -> None:
    """p_j - q_j for the named tokens, p_j (1 - q_tail / p_tail) for the others."""
    case = Case.drawn(cap=CAPS["uncapped"])
    logits = replace(case, hidden=case.hidden @ case.head.T, head=torch.eye(23, dtype=torch.float64))
    _, found, _ = logits.loss(fused(), case.soft("topk"), alpha=0.0)
    p, q = logits.hidden.softmax(-1), case.teacher().logits().softmax(-1)
    named = torch.zeros_like(q, dtype=torch.bool).scatter(-1, q.topk(4).indices, True)
    q_tail, p_tail = ((x * ~named).sum(-1, keepdim=True) for x in (q, p))
    expected = torch.where(named, p - q, p * (1 - q_tail / p_tail)) / len(q)
    assert relative_error(found, expected) < EXACT


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_soft_loss_is_that_of_torch(temperature: float) -> None:
    case = Case.drawn()
    losses, _, _ = case.loss(fused(), case.soft("exact", temperature))
    student = States(case.hidden, case.head, case.cap).logits()
    expected = F.kl_div(F.log_softmax(student / temperature, -1),
                        F.log_softmax(case.teacher().logits() / temperature, -1), log_target=True,
                        reduction="batchmean") * temperature ** 2
    assert float(losses.soft) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_loss_and_gradients_are_ligers_chunked_jsd(temperature: float) -> None:
    """Liger's fused divergence with beta 0 is KL without T^2. Skipped only where liger-kernel is not installed."""
    liger = pytest.importorskip("liger_kernel.chunked_loss")
    case = Case.drawn(tokens=12, dtype=torch.float32, cap=CAPS["uncapped"])
    losses, dx, dw = case.loss(fused(), case.soft("exact", temperature), alpha=0.3)
    hidden, head = case.hidden.clone().requires_grad_(), case.head.clone().requires_grad_()
    # Its weights: hard 0.3, soft 0.7 T^2 to make up for the factor that it leaves out.
    theirs = liger.LigerFusedLinearJSDLoss(weight_hard_loss=0.3, weight_soft_loss=0.7 * temperature ** 2, beta=0.0,
                                           temperature=temperature, compiled=False, chunk_size=4)
    total = theirs(hidden, head, case.teacher_hidden, case.teacher_head, case.targets)
    total.backward()
    assert hidden.grad is not None
    assert head.grad is not None
    assert float(losses.total) == pytest.approx(float(total), rel=1e-5)
    assert relative_error(dx, hidden.grad) < 1e-5
    assert relative_error(dw, head.grad) < 1e-5


def test_no_tensor_reaches_tokens_times_vocabulary() -> None:
    case = Case.drawn(tokens=64, vocab=40, dtype=torch.float32)
    for kind in ("ce", "exact", "topk", "sampled-live"):
        for norm in ("off", "exact"):
            soft = None if kind == "ce" else \
                Soft(case.teacher(), 1.5, "sampled", samples=3, generator=torch.Generator()) \
                if kind == "sampled-live" else case.soft(kind, 1.5)
            with Tracker() as seen:
                case.loss(fused(8), soft, norm=norm)
            assert 8 * 40 <= seen.largest < 64 * 40 / 2, (kind, norm)
    with Tracker() as seen:
        case.loss(REFERENCE, case.soft("exact"))
    assert seen.largest == 64 * 40, "the tracker sees what the reference allocates"


@pytest.mark.parametrize("kind", ["ce", "exact", "topk", "sampled"])
def test_gradients_in_bf16_are_those_of_bf16_logits_up_to_rounding(kind: str) -> None:
    case = Case.drawn(tokens=96, vocab=64, width=32, dtype=torch.float32)
    narrow = replace(case, hidden=case.hidden / 6, head=case.head / 2)
    rounded = replace(narrow, **{name: getattr(narrow, name).bfloat16().double() for name in (
        "hidden", "head", "teacher_hidden", "teacher_head")})
    soft = None if kind == "ce" else narrow.soft(kind)
    same = rounded.soft(kind) if kind in ("exact", "topk") else soft  # draws are made once, and serve both
    expected = rounded.loss(REFERENCE, same)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses, dx, dw = narrow.loss(fused(7), soft)
    assert (dx.dtype, dw.dtype) == (torch.float32, torch.float32)
    assert float(losses.total) == pytest.approx(float(expected[0].total), rel=2e-3)
    assert relative_error(dx, expected[1]) < 1e-2
    assert relative_error(dw, expected[2]) < 1e-2


def test_chunks_are_summed_wider_than_bf16() -> None:
    """256 chunks, each adding one part in 256 of the head's gradient: in bfloat16 most of it would be rounded away."""
    case = Case.drawn(tokens=256, vocab=16, dtype=torch.float32)
    same = replace(case, hidden=case.hidden[:1].expand(256, -1), teacher_hidden=case.teacher_hidden[:1].expand(256, -1),
                   targets=case.targets[:1].expand(256))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pieces, whole = (same.loss(fused(chunk), same.soft("exact"))[2] for chunk in (1, 256))
    assert relative_error(pieces, whole) < 2e-3


def test_with_alpha_one_every_variant_is_cross_entropy() -> None:
    case = Case.drawn(masked=(2,))
    alone = case.loss(fused())
    for kind in ("exact", "topk", "sampled"):
        losses, dx, dw = case.loss(fused(), case.soft(kind, 2.0), alpha=1.0)
        assert float(losses.total) == float(losses.hard) == pytest.approx(float(alone[0].total), rel=1e-14)
        assert relative_error(dx, alone[1]) < 1e-14
        assert relative_error(dw, alone[2]) < 1e-14


@pytest.mark.parametrize("kind", ["exact", "topk"])
def test_a_student_that_is_its_teacher_gets_no_gradient_from_it(kind: str) -> None:
    case = Case.drawn()
    same = replace(case, teacher_hidden=case.hidden, teacher_head=case.head)
    losses, dx, dw = same.loss(fused(), same.soft(kind, 1.5), alpha=0.0)
    assert abs(float(losses.soft)) < 1e-12
    assert max(float(dx.abs().max()), float(dw.abs().max())) < 1e-14


def test_the_loss_grows_with_the_divergence() -> None:
    case = Case.drawn()
    towards = replace(case, teacher_hidden=case.hidden, teacher_head=case.head)
    apart = torch.randn(case.hidden.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    for kind in ("exact", "topk"):
        losses = [float(replace(towards, hidden=case.hidden + size * apart).loss(fused(), towards.soft(kind))[0].soft)
                  for size in (0.0, 0.1, 0.3, 1.0)]
        assert losses == sorted(set(losses))


def test_topk_is_a_lower_bound_that_the_whole_vocabulary_closes() -> None:
    case = Case.drawn()
    whole = float(case.loss(fused(), case.soft("exact"))[0].soft)
    parts = [float(case.loss(fused(), replace(case.soft("topk"), topk=k))[0].soft) for k in (1, 4, 12, 22)]
    assert parts == sorted(parts)
    assert parts[0] < whole
    assert parts[-1] == pytest.approx(whole, rel=1e-9)


def test_draws_give_the_exact_gradient_in_the_mean() -> None:
    case = Case.drawn(tokens=4)
    many = replace(case, hidden=case.hidden.repeat(5000, 1), teacher_hidden=case.teacher_hidden.repeat(5000, 1),
                   targets=case.targets.repeat(5000))
    exact = many.loss(fused(4000), many.soft("exact", 1.5), alpha=0.0)
    soft = Soft(many.teacher(), 1.5, "sampled", samples=8, generator=torch.Generator().manual_seed(1))
    losses, _, dw = many.loss(fused(4000), soft, alpha=0.0)
    assert float(losses.soft) == pytest.approx(float(exact[0].soft), rel=0.02)
    assert relative_error(dw, exact[2]) < 0.05


def test_draws_repeat_with_their_generator_and_serve_both_sweeps() -> None:
    case = Case.drawn()

    def soft() -> Soft:
        return Soft(case.teacher(), 1.0, "sampled", samples=3, generator=torch.Generator().manual_seed(8))

    one, other = case.loss(fused(), soft(), norm="exact"), case.loss(fused(), soft(), norm="exact")
    assert torch.equal(one[1], other[1])
    assert float(one[0].scale) == pytest.approx(min(10.0, float(one[0].hard / one[0].soft)), rel=1e-6)


def test_words_of_a_sure_teacher_and_student_do_not_round_their_tail_away() -> None:
    z = torch.tensor([[40.0, 1.0, 0.5, -1.0, -2.0]], dtype=torch.float64)
    words = first_k(z, Softcap(0.0), 5, 1.0, 2)
    assert words.log_tail_C is not None
    expected = math.log(math.exp(0.5) + math.exp(-1) + math.exp(-2)) - 40.0
    assert float(words.log_tail_C) == pytest.approx(expected, rel=1e-12)


def test_kept_logits_give_back_the_words_they_were_kept_from() -> None:
    case = Case.drawn()
    z = case.teacher().logits()
    for temperature in (1.0, 2.0):
        live = first_k(z, Softcap(0.0), 23, temperature, 4)
        kept = from_logits(live.index_CK, z.gather(-1, live.index_CK), (z / temperature).logsumexp(-1), temperature)
        assert kept.log_tail_C is not None
        torch.testing.assert_close(kept.log_q_CK, live.log_q_CK)
        torch.testing.assert_close(kept.log_tail_C, live.log_tail_C)
    unknown = from_logits(live.index_CK, z.gather(-1, live.index_CK), None, 1.0)
    assert unknown.log_tail_C is None
    torch.testing.assert_close(unknown.weight_CK.sum(-1), torch.ones(13, dtype=torch.float64))


def test_a_masked_teacher_entry_adds_nothing_and_a_broken_teacher_is_not_hidden() -> None:
    student, teacher = (Case.drawn(seed=s, width=23).hidden for s in (1, 2))
    teacher[:, 3] = -math.inf
    eye = torch.eye(23, dtype=torch.float64)
    rows, y = TorchRows(), torch.zeros(13, dtype=torch.int64)
    block = Block(student.clone(), Softcap(0.0), 23)
    ones = torch.ones(13, dtype=torch.float64)
    _, kl = rows.exact(block, Block(teacher, Softcap(0.0), 23), y, 1.0, (0 * ones, ones))
    torch.testing.assert_close(kl, divergence(student, teacher, 1.0))
    assert bool(block.logits.isfinite().all())
    teacher[0, 0] = math.nan
    assert bool(rows.exact(Block(student @ eye, Softcap(0.0), 23), Block(teacher, Softcap(0.0), 23), y, 1.0,
                           None)[1].isnan()[0])


def test_nothing_is_computed_twice_or_kept_where_no_gradient_is_wanted() -> None:
    case = Case.drawn()
    student = States(case.hidden, case.head, case.cap)
    with torch.no_grad():
        losses = fused().kd(student, case.targets, case.soft("exact"), alpha=0.3, norm=DynamicNorm("off", 10.0, CPU))
    assert not losses.total.requires_grad
    assert float(losses.total) == pytest.approx(float(case.loss(fused(), case.soft("exact"))[0].total), rel=1e-14)
    frozen = States(case.hidden.clone().requires_grad_(), case.head, case.cap)
    fused().ce(frozen, case.targets).total.backward()  # type: ignore[no-untyped-call]
    assert frozen.hidden.grad is not None
    torch.testing.assert_close(frozen.hidden.grad, case.loss(fused())[1])


class NotingRows(TorchRows):
    """Notes for each chunk whether its gradient was asked for."""

    def __init__(self) -> None:
        self.asked: list[bool] = []

    def hard(self, student: Block, y_C: Tensor, a_C: Tensor | None) -> Tensor:
        self.asked.append(a_C is not None)
        return super().hard(student, y_C, a_C)


def test_a_validation_computes_no_gradient_of_a_head_that_learns() -> None:
    case, rows = Case.drawn(), NotingRows()
    student = States(case.hidden, torch.nn.Parameter(case.head.clone()), case.cap)
    with torch.no_grad():
        validated = LossBackend("torch", rows, 5).ce(student, case.targets)
    assert rows.asked == [False] * 3
    assert not validated.total.requires_grad
    rows.asked.clear()
    trained = LossBackend("torch", rows, 5).ce(student, case.targets)
    assert rows.asked == [True] * 3
    assert torch.equal(trained.total.detach(), validated.total)


def test_a_second_backward_says_that_the_gradients_are_gone() -> None:
    case = Case.drawn()
    losses = fused().ce(States(case.hidden.clone().requires_grad_(), case.head, case.cap), case.targets)
    losses.total.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    with pytest.raises(RuntimeError, match="used up by an earlier backward"):
        losses.total.backward()  # type: ignore[no-untyped-call]


def test_the_rows_compile_without_a_break_and_weights_compile_nothing_again() -> None:
    case = Case.drawn(dtype=torch.float32)
    u, v = case.hidden @ case.head.T, case.teacher_hidden @ case.teacher_head.T
    compilations = []

    def counting(module: torch.fx.GraphModule, _inputs: list[Tensor]) -> Any:
        compilations.append(module)
        return module.forward

    def rows(u: Tensor, v: Tensor, y: Tensor, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        block = Block(u.clone(), case.cap, 23)
        return *TorchRows().exact(block, Block(v, case.cap, 23), y, 2.0, (a, b)), block.logits

    compiled = torch.compile(rows, fullgraph=True, backend=counting)
    for alpha in (0.3, 0.5, 0.9):
        a, b = torch.full((13,), alpha), torch.full((13,), 1 - alpha)
        for found, expected in zip(compiled(u, v, case.targets, a, b), rows(u, v, case.targets, a, b), strict=True):
            torch.testing.assert_close(found, expected)
    assert len(compilations) == 1


def test_a_back_end_that_is_not_here_is_refused_and_auto_takes_another() -> None:
    with pytest.raises(BackendMissing, match=r"kd\.backend is 'triton', but the device is a CPU") as refused:
        loss_backend("triton", CPU)
    assert refused.value.exit_code == 13
    assert loss_backend("auto", CPU).name == "torch"


def test_draws_follow_the_teacher() -> None:
    z = torch.log(torch.tensor([[0.5, 0.3, 0.2, 1e-9]], dtype=torch.float64))
    words = drawn(z, Softcap(0.0), 4, 1.0, 4000, torch.Generator().manual_seed(0))
    shares = torch.bincount(words.index_CK[0], minlength=4) / 4000
    torch.testing.assert_close(shares[:3], torch.tensor([0.5, 0.3, 0.2]), atol=0.03, rtol=0.0)
    assert float(words.weight_CK.sum()) == pytest.approx(1.0)
