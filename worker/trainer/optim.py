"""Muon for the hidden matrices, AdamW for embeddings and head; or AdamW for all."""

from __future__ import annotations

import torch
from torch import nn

from worker.trainer.errors import BackendMissing
from worker.trainer.spec import OptimizerSpec


class Optimizers:
    """One or two optimizers stepped together, their rates scaled by one multiplier."""

    def __init__(self, model: nn.Module, spec: OptimizerSpec) -> None:
        hidden: list[nn.Parameter] = []
        rest: list[nn.Parameter] = []
        for name, parameter in model.named_parameters():
            (hidden if name.startswith("blocks.") and parameter.ndim == 2 else rest).append(parameter)
        self._clip = spec.grad_clip
        self._parameters = [*hidden, *rest]
        self._all: list[tuple[torch.optim.Optimizer, float]] = []
        if spec.kind == "muon":
            if not hasattr(torch.optim, "Muon"):
                raise BackendMissing(f"torch {torch.__version__} has no torch.optim.Muon; it is there from 2.9 on")
            muon = torch.optim.Muon(hidden, lr=spec.muon_lr, weight_decay=spec.weight_decay)
            self._all.append((muon, spec.muon_lr))
        else:
            rest = self._parameters
        adamw = torch.optim.AdamW(rest, lr=spec.lr, betas=(spec.beta1, spec.beta2), weight_decay=spec.weight_decay,
                                  fused=True)
        self._all.append((adamw, spec.lr))

    def step(self, multiplier: float) -> None:
        """Clip, update, and clear the gradients."""
        if self._clip > 0:
            torch.nn.utils.clip_grad_norm_(self._parameters, self._clip)
        for optimizer, rate in self._all:
            for group in optimizer.param_groups:
                group["lr"] = rate * multiplier
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state(self) -> list[dict[str, object]]:
        return [o.state_dict() for o, _ in self._all]

    def load(self, states: list[dict[str, object]]) -> None:
        for (optimizer, _), state in zip(self._all, states, strict=True):
            optimizer.load_state_dict(state)
