"""The dynamic normalisation of the soft loss."""

from __future__ import annotations

import torch
from torch import Tensor


class DynamicNorm:
    """The factor s that brings the soft loss to the size of the hard one: hard / soft, clamped to [0, maximum].

    All its numbers are 0-dim tensors on the device; none is ever read back to compute. ``exact`` takes the ratio of
    the microbatch itself. ``lagged`` takes that of a running mean over the KD steps before, so that s is known before
    the logits are (until one was seen it is 1). ``off`` is 1.
    """

    DECAY = 0.9

    def __init__(self, mode: str, maximum: float, device: torch.device) -> None:
        self._mode, self._maximum = mode, maximum
        self._hard = torch.zeros((), device=device)
        self._soft = torch.zeros((), device=device)
        self._weight = torch.zeros((), device=device)

    def ahead(self) -> Tensor | None:
        """s where it does not depend on the microbatch's own losses, or None: one sweep over the logits then does."""
        if self._mode == "exact":
            return None
        one = torch.ones_like(self._hard)
        if self._mode != "lagged":
            return one
        return torch.where(self._weight > 0, self._ratio(self._hard, self._soft), one)

    def scale(self, hard: Tensor, soft: Tensor) -> Tensor:
        """s for a microbatch with these detached losses."""
        ahead = self.ahead()
        return self._ratio(hard, soft) if ahead is None else ahead

    def observe(self, hard: Tensor, soft: Tensor) -> None:
        """Take in the means of a whole KD step, after its update."""
        # Both means are too small by the same factor at first; the ratio does not see it.
        self._hard = torch.lerp(hard, self._hard, self.DECAY)
        self._soft = torch.lerp(soft, self._soft, self.DECAY)
        self._weight = self._weight + 1

    def _ratio(self, hard: Tensor, soft: Tensor) -> Tensor:
        # KL rounds to a little below 0 when the student is the teacher: that, too, is the largest s.
        return (hard / soft.clamp_min(torch.finfo(soft.dtype).tiny)).clamp(0.0, self._maximum)

    def state(self) -> dict[str, Tensor]:
        """For the checkpoint."""
        return {"hard": self._hard, "soft": self._soft, "weight": self._weight}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from :meth:`state`."""
        self._hard, self._soft, self._weight = state["hard"], state["soft"], state["weight"]
