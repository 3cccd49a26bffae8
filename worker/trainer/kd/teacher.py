"""The teacher: found by the digest of its checkpoint, refused by name when it does not fit the student."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from worker.trainer.checkpoint import load_weights
from worker.trainer.errors import BadInput, TeacherMisfit
from worker.trainer.model import GPT, States
from worker.trainer.spec import ModelSpec


class Teacher:
    """A frozen model that says what it thinks of the student's tokens."""

    def __init__(self, model: GPT) -> None:
        self._model = model.eval().requires_grad_(False)

    @classmethod
    def load(cls, path: Path, sha256: str, *, student: ModelSpec, corpus_sha256: str, length: int,
             device: torch.device) -> Teacher:
        """Load the checkpoint at ``path``, for sequences of at most ``length`` tokens.

        Raises :class:`BadInput` for a file that is missing, altered or no checkpoint, :class:`TeacherMisfit` for a
        teacher of another vocabulary, softcap or corpus.
        """
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise BadInput(f"the teacher's checkpoint is not among this host's assets: {error}") from None
        if found != sha256:
            raise BadInput(f"the teacher's checkpoint {path} was altered: its sha256 is {found}")
        checkpoint = load_weights(path)
        for name, theirs, ours in (
            ("vocab_size", checkpoint.model.vocab_size, student.vocab_size),
            ("softcap", checkpoint.model.softcap, student.softcap),
            ("corpus", checkpoint.facts.get("corpus_sha256"), corpus_sha256),
        ):
            if theirs != ours:
                raise TeacherMisfit(f"{name}: the teacher has {theirs}, the student {ours}")
        model = GPT(checkpoint.model, length)
        try:
            model.load_state_dict(checkpoint.weights)
        except RuntimeError as error:
            raise BadInput(f"{path}: the weights are not those of the model it describes: {error}") from None
        return cls(model.to(device))

    @torch.no_grad()
    def __call__(self, tokens_BL: Tensor) -> States:
        """Its states, without gradient."""
        states: States = self._model(tokens_BL)
        return states
