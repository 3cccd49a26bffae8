"""What a teacher says of a microbatch, and how it is compared with the student."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from worker.trainer.kd.rows import Block
from worker.trainer.kd.words import Words, drawn, first_k
from worker.trainer.states import States

Divergence = Literal["exact", "topk", "sampled"]


@dataclass(frozen=True)
class Soft:
    """``teacher`` is a live model's states, or words that were kept for all N tokens (then ``divergence`` is "topk").

    ``stride``: the teacher weighs on every ``stride``-th token. ``topk`` and ``samples`` belong to the divergence of
    their name; ``generator``, on the device, draws the samples.
    """

    teacher: States | Words
    temperature: float
    divergence: Divergence = "exact"
    topk: int = 64
    samples: int = 50
    stride: int = 1
    generator: torch.Generator | None = None

    def said(self, narrow: torch.dtype) -> Tensor | Words:
        """What can be taken apart by tokens: hidden states ``[N, D]``, or words."""
        return self.teacher if isinstance(self.teacher, Words) else self.teacher.hidden.detach().to(narrow)

    def words(self, teacher: Block) -> Words:
        """What a live teacher's chunk comes down to."""
        if self.divergence == "topk":
            return first_k(teacher.logits, teacher.softcap, teacher.vocabulary, self.temperature, self.topk)
        assert self.generator is not None, "divergence 'sampled' draws, and needs a generator"
        return drawn(teacher.logits, teacher.softcap, teacher.vocabulary, self.temperature, self.samples,
                     self.generator)
