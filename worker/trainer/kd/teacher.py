"""The teacher: found by the digest of its checkpoint, refused by name when it does not fit the student."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from worker.trainer.attention import Attend
from worker.trainer.checkpoint import load_weights
from worker.trainer.errors import BadInput, TeacherMisfit
from worker.trainer.model import GPT, SDPA
from worker.trainer.spec import ModelSpec
from worker.trainer.states import States


class Teacher:
    """A frozen model that says what it thinks of the student's tokens."""

    def __init__(self, model: GPT) -> None:
        self._model = model.eval().requires_grad_(False)

    def compile(self, compiler: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """Have the trunk compiled; one program per shape of tokens."""
        self._model.hidden = compiler(self._model.hidden)  # type: ignore[method-assign]

    @classmethod
    def load(cls, path: Path, sha256: str, *, student: ModelSpec, corpus_sha256: str, length: int,
             device: torch.device, tokenizer: str | None = None, attend: Attend = SDPA) -> Teacher:
        """Load the checkpoint at ``path``, for sequences of at most ``length`` tokens.

        Raises :class:`BadInput` for a file that is missing, altered or no checkpoint, :class:`TeacherMisfit` for a
        teacher of another vocabulary (without its padding), softcap, tokenizer or corpus.
        """
        try:
            found = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise BadInput(f"the teacher's checkpoint is not among this host's assets: {error}") from None
        if found != sha256:
            raise BadInput(f"the teacher's checkpoint {path} was altered: its sha256 is {found}")
        checkpoint = load_weights(path)
        theirs, facts = checkpoint.model, checkpoint.facts
        _check_fit(theirs, student)
        for name, their, our in (("tokenizer", facts.get("tokenizer"), tokenizer),
                                 ("corpus", facts.get("corpus_sha256"), corpus_sha256)):
            if their != our:
                raise TeacherMisfit(f"{name}: the teacher has {their}, the student {our}")
        model = GPT(theirs, length, attend)
        try:
            model.load_state_dict(checkpoint.weights)
        except RuntimeError as error:
            raise BadInput(f"{path}: the weights are not those of the model it describes: {error}") from None
        return cls(model.to(device))

    @classmethod
    def random(cls, spec: ModelSpec, *, student: ModelSpec, length: int, device: torch.device, seed: int,
               attend: Attend = SDPA) -> Teacher:
        """A teacher that learned nothing, for measurements of speed. Raises as :meth:`load` does."""
        _check_fit(spec, student)
        model = GPT(spec, length, attend)
        model.initialize(torch.Generator().manual_seed(seed + 1))
        return cls(model.to(device))

    def parameters(self) -> Iterator[torch.nn.Parameter]:
        """The model's."""
        return self._model.parameters()

    @torch.no_grad()
    def __call__(self, tokens_BL: Tensor) -> States:
        """Its states, without gradient."""
        states: States = self._model(tokens_BL)
        return states


class LiveTeacher:
    """A :class:`~worker.trainer.providers.TeacherVoice` that runs the model whenever it is asked."""

    def __init__(self, model: Callable[[Tensor], States]) -> None:
        self._model = model

    def __call__(self, tokens_BL: Tensor, step: int, row: int) -> States:  # noqa: ARG002 - a kept answer needs them
        return self._model(tokens_BL)


def _check_fit(theirs: ModelSpec, ours: ModelSpec) -> None:
    for name, their, our in (
        ("vocab_size", theirs.real_vocab or theirs.vocab_size, ours.real_vocab or ours.vocab_size),
        ("softcap", theirs.softcap, ours.softcap),
        ("softcap_shift", theirs.softcap_shift, ours.softcap_shift),
        ("softcap_scale", theirs.softcap_scale or theirs.softcap, ours.softcap_scale or ours.softcap),
    ):
        if their != our:
            raise TeacherMisfit(f"{name}: the teacher has {their}, the student {our}")
