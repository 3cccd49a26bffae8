"""What a teacher says of a few tokens of the vocabulary, in place of all of them.

Shape suffixes: C tokens of a chunk, V vocabulary, K tokens that are named.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.trainer.states import Softcap, accumulator


@dataclass(frozen=True)
class Words:
    """A part of q^T for each of C tokens.

    ``index_CK`` names tokens of the vocabulary, ``log_q_CK`` are their log-probabilities at the temperature,
    ``weight_CK`` how they weigh: their probability, or for draws one over their number. ``log_tail_C`` is the log of
    the probability of all others together; None where nobody may ask for it. A token that is named twice has its
    weights in both places.
    """

    index_CK: Tensor
    log_q_CK: Tensor
    weight_CK: Tensor
    log_tail_C: Tensor | None

    def __getitem__(self, rows: slice | Tensor) -> Words:
        tail = None if self.log_tail_C is None else self.log_tail_C[rows]
        return Words(self.index_CK[rows], self.log_q_CK[rows], self.weight_CK[rows], tail)

    def total_weight_CK(self) -> Tensor:
        """The weight of each named token over all the places that name it."""
        if self.log_tail_C is not None:
            return self.weight_CK  # the first K are different tokens
        same_CKK = self.index_CK[:, :, None] == self.index_CK[:, None, :]
        return (same_CKK * self.weight_CK[:, None, :]).sum(-1)


def first_k(uncapped_CV: Tensor, softcap: Softcap, vocabulary: int, temperature: float, k: int) -> Words:
    """The k most probable tokens and the exact probability of the rest."""
    # The softcap keeps the order, and the top of the narrow logits is that of the wide ones.
    index_CK = uncapped_CV[:, :vocabulary].topk(k, dim=-1).indices
    z_CV = softcap(uncapped_CV[:, :vocabulary].to(accumulator(uncapped_CV.dtype))) / temperature
    lse_C = z_CV.logsumexp(-1)
    log_q_CK = z_CV.gather(-1, index_CK) - lse_C[:, None]
    # Summed without the first k and not taken as 1 - sum: where the teacher is sure that would be rounding only.
    log_tail_C = z_CV.scatter(-1, index_CK, -torch.inf).logsumexp(-1) - lse_C
    return Words(index_CK, log_q_CK, log_q_CK.exp(), log_tail_C)


def drawn(uncapped_CV: Tensor, softcap: Softcap, vocabulary: int, temperature: float, draws: int,
          generator: torch.Generator) -> Words:
    """Tokens drawn from q^T, with replacement, each weighing one over their number (random-sampling KD).

    The loss and its gradient are then those of the whole vocabulary in the mean over the draws.
    Source: Anshumann et al., "Sparse Logit Sampling" (arXiv 2503.16870), with the proposal at the temperature itself.
    """
    z_CV = softcap(uncapped_CV[:, :vocabulary].to(accumulator(uncapped_CV.dtype))) / temperature
    log_q_CV = z_CV.log_softmax(-1)
    index_CK = torch.multinomial(log_q_CV.exp(), draws, replacement=True, generator=generator)
    log_q_CK = log_q_CV.gather(-1, index_CK)
    return Words(index_CK, log_q_CK, torch.full_like(log_q_CK, 1.0 / draws), None)


def from_logits(index_CK: Tensor, capped_CK: Tensor, lse_C: Tensor | None, temperature: float) -> Words:
    """Kept logits of the first k. ``lse_C`` is the logsumexp of all logits over the temperature.

    Without one the rest is unknown, and q^T is taken to be 0 there: the named tokens are normalised among themselves.
    """
    z_CK = capped_CK / temperature
    if lse_C is None:
        log_q_CK = z_CK.log_softmax(-1)
        return Words(index_CK, log_q_CK, log_q_CK.exp(), None)
    log_q_CK = z_CK - lse_C[:, None]
    # log(1 - sum q), where rounding may have made the sum 1 or a little more.
    mass_C = log_q_CK.logsumexp(-1).clamp_max(-torch.finfo(log_q_CK.dtype).eps)
    return Words(index_CK, log_q_CK, log_q_CK.exp(), torch.log(-torch.expm1(mass_C)))
