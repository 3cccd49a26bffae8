"""Rules of the reference loss, which the others are checked by, and of the dynamic normalisation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from tests.unit.kd_kit import CPU, Case
from worker.trainer.kd.loss import loss_backend
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.reference import divergence, hard_loss
from worker.trainer.states import Softcap, States

pytestmark = pytest.mark.torch

REFERENCE = loss_backend("reference", CPU)
N, V = 5, 11


def drawn(seed: int, *shape: int, size: float = 2.0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * size


@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_the_divergence_agrees_with_finite_differences(temperature: float) -> None:
    cap = Softcap(3.0, 0.5, 2.0)
    teacher = cap(drawn(3, N, V))
    student = drawn(4, N, V).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: divergence(cap(z), teacher, temperature), (student,))


def test_the_divergence_is_that_of_its_definition() -> None:
    student, teacher, temperature = drawn(5, N, V), drawn(6, N, V), 2.0
    q, p = torch.softmax(teacher / temperature, -1), torch.softmax(student / temperature, -1)
    expected = sum(float(a * math.log(a / b)) for a, b in zip(q.flatten(), p.flatten(), strict=True))
    assert float(divergence(student, teacher, temperature).sum()) == pytest.approx(expected, rel=1e-12)


def test_the_total_is_made_of_the_parts_that_are_told() -> None:
    case = Case.drawn()
    for norm in ("off", "exact"):
        losses, _, _ = case.loss(REFERENCE, case.soft("exact", 2.0), alpha=0.3, norm=norm)
        parts = 0.3 * losses.hard + 0.7 * losses.scale * losses.soft
        assert losses.total.item() == pytest.approx(parts.item(), rel=1e-12)


def test_the_slope_of_a_softcap_is_its_derivative_and_the_seeds_form_is_one() -> None:
    u = drawn(2, 9).requires_grad_()
    for cap in (Softcap(3.0, 0.0, 3.0), Softcap(11.5, 5.0, 15.0)):
        z = cap(u)
        expected, = torch.autograd.grad(z.sum(), u)
        torch.testing.assert_close(cap.slope(z.detach()), expected)
    torch.testing.assert_close(z + 11.5, 23 * torch.sigmoid((u + 5) / 7.5))


def test_padding_has_no_logit_and_no_probability() -> None:
    case = Case.drawn(real=20)
    student = States(case.hidden, case.head, case.cap, 20)
    assert student.logits().shape == (13, 20)
    _, _, head = case.loss(REFERENCE, case.soft("exact"))
    assert float(head[20:].abs().max()) == 0.0
    expected = torch.nn.functional.cross_entropy(student.logits(), case.targets)
    torch.testing.assert_close(hard_loss(student.logits(), case.targets), expected)


def test_unknown_targets_weigh_nothing() -> None:
    case = Case.drawn(masked=(1, 5))
    keep = [n for n in range(13) if n not in (1, 5)]
    fewer = Case(case.hidden[keep], case.head, case.teacher_hidden[keep], case.teacher_head, case.targets[keep],
                 case.cap)
    (one, dx, dw), (other, few_dx, few_dw) = (c.loss(REFERENCE, c.soft("exact")) for c in (case, fewer))
    torch.testing.assert_close(one.total, other.total)
    torch.testing.assert_close(dw, few_dw)
    torch.testing.assert_close(dx[keep], few_dx)
    assert float(dx[[1, 5]].abs().max()) == 0.0


def test_no_gradient_reaches_the_teacher() -> None:
    case = Case.drawn()
    teacher = States(case.teacher_hidden.requires_grad_(), case.teacher_head.requires_grad_(), case.cap)
    student = States(case.hidden.requires_grad_(), case.head, case.cap)
    for name in ("reference", "torch"):
        soft = case.soft("exact")
        losses = loss_backend(name, CPU).kd(
            student, case.targets, type(soft)(teacher, 1.0), alpha=0.5, norm=DynamicNorm("off", 10.0, CPU))
        losses.total.backward()  # type: ignore[no-untyped-call]
        assert teacher.hidden.grad is None
        assert teacher.head.grad is None


def test_the_exact_factor_makes_the_soft_loss_as_large_as_the_hard_one() -> None:
    case = Case.drawn(dtype=torch.float32)
    losses, _, _ = case.loss(REFERENCE, case.soft("exact", 2.0), alpha=0.5, norm="exact")
    assert 0 < losses.scale.item() < 10
    assert (losses.scale * losses.soft).item() == pytest.approx(losses.hard.item(), rel=1e-5)
    assert losses.total.item() == pytest.approx(losses.hard.item(), rel=1e-5), "which is why the parts are logged apart"


@pytest.mark.parametrize("mode", ["exact", "lagged"])
def test_the_factor_is_a_clamped_scalar_tensor_that_carries_no_gradient(mode: str) -> None:
    norm = DynamicNorm(mode, 10.0, CPU)
    norm.observe(torch.tensor(3.0), torch.tensor(1e-4))
    for soft in (1e-4, 0.0, -1e-9):
        s = norm.scale(torch.tensor(3.0), torch.tensor(soft))
        assert isinstance(s, Tensor)
        assert (s.ndim, s.requires_grad, s.item()) == (0, False, 10.0)


def test_the_lagged_factor_is_one_at_first_and_then_the_ratio_of_earlier_steps_only() -> None:
    norm = DynamicNorm("lagged", 10.0, CPU)
    now = (torch.tensor(9.0), torch.tensor(1.0))
    assert norm.scale(*now).item() == 1.0
    norm.observe(torch.tensor(4.0), torch.tensor(2.0))
    assert norm.scale(*now).item() == pytest.approx(2.0)
    norm.observe(torch.tensor(4.0), torch.tensor(1.0))
    assert norm.scale(*now).item() == pytest.approx((0.9 * 4 + 4) / (0.9 * 2 + 1))


def test_switched_off_the_factor_stays_one() -> None:
    norm = DynamicNorm("off", 10.0, CPU)
    norm.observe(torch.tensor(4.0), torch.tensor(2.0))
    assert norm.scale(torch.tensor(4.0), torch.tensor(2.0)).item() == 1.0


def test_a_norm_goes_on_from_its_saved_state() -> None:
    norm, again = DynamicNorm("lagged", 10.0, CPU), DynamicNorm("lagged", 10.0, CPU)
    norm.observe(torch.tensor(4.0), torch.tensor(3.0))
    again.load(norm.state())
    now = (torch.tensor(1.0), torch.tensor(1.0))
    assert again.scale(*now).item() == norm.scale(*now).item() != 1.0
