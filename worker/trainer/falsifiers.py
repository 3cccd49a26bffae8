"""Claims that a sound distillation cannot fail, tried on the run's own model, loss and tokens; one verdict line each.

| name | claim |
|---|---|
| F-DISTILL-KDSTEP-001 | with alpha 1 the gradient is that of cross-entropy |
| F-DISTILL-KDSTEP-002 | a teacher that says what the student says has no gradient |
| F-DISTILL-KDSTEP-003 | the further the teacher is from the student, the larger the loss |
| F-DISTILL-STUDENT-002 | ten steps on one batch lower its loss |
| F-DISTILL-PIPELINE-001 | the training loss of the run's last tenth is below that of its first |
| F-DISTILL-SMOKE-001 | the validation loss at the end is below that at step 0 |

The first four stand before the first step and leave nothing behind; the last two are read at the end. A verdict tells,
and ends nothing.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.trainer.kd.fused import Losses
from worker.trainer.kd.norm import DynamicNorm
from worker.trainer.kd.rows import Block, Rows, TorchRows
from worker.trainer.kd.soft import Soft
from worker.trainer.modes import Mode, Training
from worker.trainer.providers import Forward
from worker.trainer.stages import Stage
from worker.trainer.states import Softcap, States, accumulator
from worker.trainer.steps import Desk, Distillation
from worker.trainer.warmup import unchanged

STEPS = 10
MONOTONE_TOKENS = 8
MIXES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Verdict:
    """``text`` holds the figures that decided."""

    name: str
    passed: bool
    text: str


def before_the_run(mode: Mode, stage: Stage) -> Iterator[Verdict]:
    """The claims about steps, on the first sequence and the first batch of the run."""
    if not isinstance(mode, Training):
        return
    with mode.desk.meter.rehearsal("falsifiers"), unchanged(mode):
        student, distillation = mode.student.at(stage.window), mode.distillation
        if distillation is not None and distillation.heard:
            tokens_BL = mode.batch_of(0)[:1]
            inputs_BL, targets_N = tokens_BL[:, :-1].clamp_min(0), tokens_BL[:, 1:].flatten()
            with torch.no_grad(), student.precision():
                states = student.model(inputs_BL)
            yield alpha_one_is_cross_entropy(student, states, targets_N, mode.desk, distillation, inputs_BL)
            yield equal_logits_give_no_gradient(student, states, targets_N, mode.desk, distillation)
            yield loss_grows_with_divergence(states, mode.desk.loss.rows or TorchRows(),
                                             distillation.spec.temperature)
        yield ten_steps_descend(mode, stage)


def at_the_end(train_losses: Sequence[float], first_val: float, last_val: float) -> Iterator[Verdict]:
    """The claims about a whole run."""
    tenth = max(1, len(train_losses) // 10)
    if len(train_losses) >= 2:
        first, last = statistics.fmean(train_losses[:tenth]), statistics.fmean(train_losses[-tenth:])
        yield Verdict("F-DISTILL-PIPELINE-001", last < first, f"train_loss {first:.4f} then {last:.4f}")
    yield Verdict("F-DISTILL-SMOKE-001", last_val < first_val, f"val_loss {first_val:.6f} then {last_val:.6f}")


def alpha_one_is_cross_entropy(student: Forward, states: States, targets_N: Tensor, desk: Desk,
                               distillation: Distillation, inputs_BL: Tensor) -> Verdict:
    with torch.no_grad(), student.precision():
        soft = distillation.soft(inputs_BL, 0, 0)
    plain = _gradients(student, states, lambda s: desk.loss.ce(s, targets_N))
    mixed = _gradients(student, states, lambda s: desk.loss.kd(s, targets_N, soft, alpha=1.0,
                                                               norm=_no_norm(states)))
    off = _distance(mixed, plain) / max(_size(plain), 1e-30)
    return Verdict("F-DISTILL-KDSTEP-001", off <= _tolerance(student, states), f"gradients differ by {off:.3g}")


def equal_logits_give_no_gradient(student: Forward, states: States, targets_N: Tensor, desk: Desk,
                                  distillation: Distillation) -> Verdict:
    spec = distillation.spec
    # Draws from the teacher are noise around a gradient of 0; their mean is what "exact" computes.
    soft = Soft(states, spec.temperature, "exact" if spec.divergence == "sampled" else spec.divergence, spec.topk)
    plain = _gradients(student, states, lambda s: desk.loss.ce(s, targets_N))
    kd = _gradients(student, states, lambda s: desk.loss.kd(s, targets_N, soft, alpha=0.0, norm=_no_norm(states)))
    share = _size(kd) / max(_size(plain), 1e-30)
    return Verdict("F-DISTILL-KDSTEP-002", share <= _tolerance(student, states),
                   f"gradient {share:.3g} of cross-entropy's")


def loss_grows_with_divergence(states: States, rows: Rows, temperature: float) -> Verdict:
    """The teacher's logits on a line from the student's own to others: KL(q_t || p) grows with t on any such line,
    by t times the variance of the direction under q_t."""
    # Wide copies: states may be narrower than the head, and no autocast reaches here to make them alike.
    wide = accumulator(states.hidden.dtype)
    few = States(states.hidden[:MONOTONE_TOKENS].to(wide), states.head.to(wide), states.softcap, states.vocabulary)
    with torch.no_grad():
        z_CV = few.logits()
        other_CV = z_CV.roll(1, dims=-1)
        y_C = z_CV.new_zeros(len(z_CV), dtype=torch.long)
        losses = []
        for mix in MIXES:
            there = Block(torch.lerp(z_CV, other_CV, mix).contiguous(), Softcap(0.0), z_CV.size(-1))
            here = Block(z_CV.clone(), Softcap(0.0), z_CV.size(-1))
            losses.append(float(rows.exact(here, there, y_C, temperature, None)[1].mean()))
    grows = all(b >= a - 1e-6 for a, b in itertools.pairwise(losses)) and losses[-1] > losses[0]
    return Verdict("F-DISTILL-KDSTEP-003", grows, "KL " + " ".join(f"{loss:.4g}" for loss in losses))


def ten_steps_descend(mode: Mode, stage: Stage) -> Verdict:
    """By the loss without s, which moves by itself."""
    distillation = mode.distillation
    alpha = 1.0 if distillation is None or not distillation.heard else distillation.spec.alpha
    losses = []
    for _ in range(STEPS):
        _, hard, soft, _ = mode.gradients(0, stage, distillation is not None).tolist()
        mode.update(1.0)
        losses.append(alpha * hard + (1.0 - alpha) * soft)
    return Verdict("F-DISTILL-STUDENT-002", losses[-1] < losses[0], f"loss {losses[0]:.4f} then {losses[-1]:.4f}")


def _gradients(student: Forward, states: States, loss: Callable[[States], Losses]) -> tuple[Tensor, ...]:
    leaves = [t.detach().clone().requires_grad_() for t in (states.hidden, states.head)]
    with torch.enable_grad(), student.precision():
        losses = loss(States(leaves[0], leaves[1], states.softcap, states.vocabulary))
        return torch.autograd.grad(losses.total, leaves)


def _no_norm(states: States) -> DynamicNorm:
    return DynamicNorm("off", 1.0, states.hidden.device)


def _size(tensors: Sequence[Tensor]) -> float:
    return math.sqrt(sum(float(t.double().square().sum()) for t in tensors))


def _distance(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
    return _size([a.double() - b.double() for a, b in zip(one, other, strict=True)])


def _tolerance(student: Forward, states: States) -> float:
    """Rounding of the type that logits are computed in."""
    with student.precision():
        device = states.hidden.device.type
        narrow = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else states.hidden.dtype
    return 100 * torch.finfo(narrow).eps if narrow.itemsize > 2 else 4 * torch.finfo(narrow).eps
