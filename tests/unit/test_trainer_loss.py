"""Rules of the distillation loss and of its dynamic normalisation."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from worker.trainer.kd.loss import DynamicNorm, ce_loss, kd_loss, soft_loss
from worker.trainer.model import States, softcapped

pytestmark = pytest.mark.torch

N, V, D = 5, 11, 4
CPU = torch.device("cpu")


def drawn(seed: int, *shape: int, size: float = 2.0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * size


def targets() -> Tensor:
    return torch.randint(V, (N,), generator=torch.Generator().manual_seed(9))


def states(logits: Tensor, cap: float = 0.0) -> States:
    """States whose uncapped logits are ``logits``."""
    return States(logits, torch.eye(logits.size(-1), dtype=logits.dtype), cap)


def fixed_norm(maximum: float = 10.0) -> DynamicNorm:
    return DynamicNorm("off", maximum, CPU)


@pytest.mark.parametrize("cap", [0.0, 3.0])
@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_gradient_is_the_closed_form(cap: float, temperature: float) -> None:
    """dL/du = [alpha/N (p - e_y) + (1 - alpha) s T/N (p^T - q^T)] * (1 - tanh^2(u / cap))."""
    student, teacher = drawn(1, N, V).float(), drawn(2, N, V).float()
    uncapped, y, alpha, s = student.double(), targets(), 0.3, 1.0
    z, zt = softcapped(uncapped, cap), softcapped(teacher.double(), cap)
    hard = torch.softmax(z, -1) - torch.nn.functional.one_hot(y, V)
    soft = torch.softmax(z / temperature, -1) - torch.softmax(zt / temperature, -1)
    expected = (alpha * hard + (1 - alpha) * s * temperature * soft) / N
    if cap:
        expected = expected * (1 - torch.tanh(uncapped / cap) ** 2)

    leaf = student.clone().requires_grad_()
    kd_loss(states(leaf, cap), states(teacher, cap), y, alpha=alpha, temperature=temperature,
            norm=fixed_norm()).total.backward()
    assert leaf.grad is not None
    torch.testing.assert_close(leaf.grad.double(), expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_the_soft_loss_agrees_with_finite_differences_in_float64(temperature: float) -> None:
    teacher = softcapped(drawn(3, N, V), 3.0)
    student = drawn(4, N, V).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: soft_loss(softcapped(z, 3.0), teacher, temperature), (student,))


def test_the_soft_loss_is_t_squared_times_the_divergence() -> None:
    student, teacher, temperature = drawn(5, N, V), drawn(6, N, V), 2.0
    q, p = torch.softmax(teacher / temperature, -1), torch.softmax(student / temperature, -1)
    divergence = sum(float(a * math.log(a / b)) for a, b in zip(q.flatten(), p.flatten(), strict=True)) / N
    assert float(soft_loss(student, teacher, temperature)) == pytest.approx(temperature**2 * divergence, rel=1e-12)


def test_with_alpha_one_the_loss_is_cross_entropy_and_so_is_its_gradient() -> None:
    student, teacher = drawn(7, N, V).float(), drawn(8, N, V).float()
    one, other = student.clone().requires_grad_(), student.clone().requires_grad_()
    with_teacher = kd_loss(states(one), states(teacher), targets(), alpha=1.0, temperature=2.0, norm=fixed_norm())
    alone = ce_loss(states(other), targets())
    with_teacher.total.backward()
    alone.total.backward()
    assert with_teacher.total.item() == alone.total.item() == with_teacher.hard.item()
    assert one.grad is not None
    assert torch.equal(one.grad, other.grad)


def test_a_student_that_is_its_teacher_gets_no_gradient_from_it() -> None:
    student = drawn(10, N, V).requires_grad_()
    loss = soft_loss(student, student.detach().clone(), 1.5)
    loss.backward()
    assert abs(loss.item()) < 1e-12
    assert student.grad is not None
    assert student.grad.abs().max() < 1e-15


def test_a_masked_teacher_entry_adds_nothing_and_a_broken_teacher_is_not_hidden() -> None:
    student, teacher = drawn(11, N, V), drawn(12, N, V)
    teacher[:, 3] = -math.inf
    keep = [i for i in range(V) if i != 3]
    leaf = student.clone().requires_grad_()
    loss = soft_loss(leaf, teacher, 1.0)
    loss.backward()
    q = torch.softmax(teacher[:, keep], -1)
    expected = (q * (q.log() - torch.log_softmax(student, -1)[:, keep])).sum(-1).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-12)
    assert leaf.grad is not None
    assert bool(leaf.grad.isfinite().all())
    teacher[0, 0] = math.nan
    assert math.isnan(soft_loss(student, teacher, 1.0).item())


def test_no_gradient_reaches_the_teacher() -> None:
    student, teacher = drawn(13, N, V).float().requires_grad_(), drawn(14, N, V).float().requires_grad_()
    kd_loss(states(student), states(teacher), targets(), alpha=0.5, temperature=1.0, norm=fixed_norm()).total.backward()
    assert teacher.grad is None


def test_the_exact_factor_makes_the_soft_loss_as_large_as_the_hard_one() -> None:
    student, teacher = drawn(15, N, V).float(), drawn(16, N, V).float()
    losses = kd_loss(states(student), states(teacher), targets(), alpha=0.5, temperature=2.0,
                     norm=DynamicNorm("exact", 10.0, CPU))
    assert 0 < losses.scale.item() < 10
    assert (losses.scale * losses.soft).item() == pytest.approx(losses.hard.item(), rel=1e-5)
    assert losses.total.item() == pytest.approx(losses.hard.item(), rel=1e-5)


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
