"""The teacher: loaded by the digest of its checkpoint, refused by name when it does not fit the student."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from worker.trainer.checkpoint import load_weights
from worker.trainer.errors import BadInput, TeacherMisfit
from worker.trainer.model import GPT
from worker.trainer.spec import ModelSpec


class Teacher:
    """A frozen model that gives softcapped logits."""

    def __init__(self, model: GPT) -> None:
        self.model = model

    @classmethod
    def load(cls, path: Path, sha256: str, student: ModelSpec, corpus_sha256: str, length: int,
             device: torch.device) -> Teacher:
        """Load and check. Raises :class:`BadInput` for a wrong file, :class:`TeacherMisfit` for a wrong teacher."""
        try:
            with path.open("rb") as handle:
                found = hashlib.file_digest(handle, "sha256").hexdigest()
        except FileNotFoundError:
            raise BadInput(f"the teacher's checkpoint {sha256[:12]} is not among this host's assets") from None
        if found != sha256:
            raise BadInput(f"the teacher's checkpoint should have sha256 {sha256}, it has {found}")
        weights, spec, facts = load_weights(path)
        if spec.vocab_size != student.vocab_size:
            raise TeacherMisfit(f"the teacher's vocabulary has {spec.vocab_size} entries, the student's "
                                f"{student.vocab_size}")
        if spec.softcap != student.softcap:
            raise TeacherMisfit(f"the teacher's logits are capped at {spec.softcap:g}, the student's at "
                                f"{student.softcap:g}")
        if facts.get("corpus_sha256") != corpus_sha256:
            raise TeacherMisfit(f"the teacher learned from corpus {str(facts.get('corpus_sha256'))[:12]}, the student "
                                f"learns from {corpus_sha256[:12]}")
        model = GPT(spec, length)
        model.load_state_dict(weights, strict=not spec.tied_embeddings)
        return cls(model.to(device).eval().requires_grad_(False))

    @torch.no_grad()
    def logits(self, tokens_BL: Tensor) -> Tensor:
        """Softcapped logits, ``[B, L, V]`` float32."""
        out: Tensor = self.model(tokens_BL)
        return out
