"""Muon for the hidden matrices, AdamW for embedding and head; or AdamW for all."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from worker.trainer.errors import BackendMissing
from worker.trainer.spec import OptimizerSpec

MOMENTUM = 0.95
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""Coefficients of the quintic iteration (Jordan et al., "Muon", 2024), the same that ``torch.optim.Muon`` uses."""

NEWTON_SCHULZ_STEPS = 5


class Optimizers:
    """One or two optimizers stepped together, their rates scaled by one multiplier.

    Rates are Python floats: nothing compiled sees them, so a change recompiles nothing.
    Raises :class:`BackendMissing` where this torch has no Muon.
    """

    def __init__(self, model: nn.Module, spec: OptimizerSpec, device: torch.device) -> None:
        hidden: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            (hidden if name.startswith("blocks.") and parameter.ndim == 2 else rest).append(parameter)
        self._clip = spec.grad_clip
        self._parameters = [*hidden, *rest]
        self._rated: list[tuple[torch.optim.Optimizer, float]] = []
        if spec.kind == "muon":
            muon = _muon(hidden, spec.muon_lr, spec.weight_decay, device)
            self._rated.append((muon, spec.muon_lr))
        else:
            rest = self._parameters
        adamw = torch.optim.AdamW(rest, lr=spec.lr, betas=(spec.beta1, spec.beta2), weight_decay=spec.weight_decay,
                                  fused=True)
        self._rated.append((adamw, spec.lr))

    def step(self, multiplier: float) -> None:
        """Clip the gradients' global norm, update at ``multiplier`` times the base rates, drop the gradients."""
        if self._clip > 0:
            torch.nn.utils.clip_grad_norm_(self._parameters, self._clip)
        for optimizer, rate in self._rated:
            for group in optimizer.param_groups:
                group["lr"] = rate * multiplier
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> list[dict[str, Any]]:
        """For the checkpoint."""
        return [optimizer.state_dict() for optimizer, _ in self._rated]

    def load(self, states: list[dict[str, Any]]) -> None:
        """Go on from :meth:`state`."""
        for (optimizer, _), state in zip(self._rated, states, strict=True):
            optimizer.load_state_dict(state)


def orthogonalized(update: Tensor) -> Tensor:
    """The update with its singular values brought close to 1, by Newton-Schulz in the update's own precision."""
    a, b, c = NEWTON_SCHULZ
    tall = update.size(0) > update.size(1)
    x = update.T if tall else update
    x = x / x.norm().clamp_min(1e-7)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


def _muon(parameters: list[nn.Parameter], lr: float, weight_decay: float,
          device: torch.device) -> torch.optim.Optimizer:
    if not hasattr(torch.optim, "Muon"):
        raise BackendMissing(f"torch {torch.__version__} has no torch.optim.Muon; install torch 2.9 or newer, or set "
                             "optimizer.kind to adamw")

    class FullPrecisionMuon(torch.optim.Muon):
        """``torch.optim.Muon`` that orthogonalises in float32.

        torch's own iterates in bfloat16. That is fast on a GPU; most CPUs have no bfloat16 arithmetic, and emulating
        it took seven times as long as the model's forward and backward passes together.
        """

        @torch.no_grad()
        def step(self, closure: Any = None) -> Any:
            assert closure is None
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is None:
                        continue
                    state = self.state[parameter]
                    if "momentum_buffer" not in state:
                        state["momentum_buffer"] = torch.zeros_like(parameter.grad)
                    momentum = state["momentum_buffer"].lerp_(parameter.grad, 1 - MOMENTUM)
                    update = orthogonalized(parameter.grad.lerp(momentum, MOMENTUM))
                    rows, columns = parameter.shape
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(update, alpha=-group["lr"] * math.sqrt(max(1.0, rows / columns)))

    kind = FullPrecisionMuon if device.type == "cpu" else torch.optim.Muon
    return kind(parameters, lr=lr, weight_decay=weight_decay, momentum=MOMENTUM)
