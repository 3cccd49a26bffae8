"""Checkpoints that are whole or absent: ``best.safetensors`` for whoever learns from it, ``last.pt`` to go on from."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from worker.durable import sync_directory
from worker.trainer.errors import BadInput
from worker.trainer.spec import ModelSpec

FORMAT = "kdorch-checkpoint-1"
BEST, LAST = "best.safetensors", "last.pt"


@dataclass(frozen=True)
class Weights:
    """A checkpoint to learn from: weights, architecture, and facts (step, validation loss, corpus digest)."""

    weights: dict[str, Tensor]
    model: ModelSpec
    facts: dict[str, Any]


def save_weights(path: Path, model: nn.Module, spec: ModelSpec, facts: dict[str, Any]) -> None:
    """Replace ``path`` by the model's weights with what a reader must know of them; equal weights give equal bytes."""
    # One entry: safetensors writes several in no fixed order, and the file is known by its digest.
    about = {"format": FORMAT, "model": dataclasses.asdict(spec), "facts": facts}
    metadata = {"kdorch": json.dumps(about, sort_keys=True, allow_nan=False)}
    weights = {name: tensor.detach().to("cpu").contiguous() for name, tensor in model.state_dict().items()}
    _replace(path, lambda aside: save_file(weights, aside, metadata=metadata))


def load_weights(path: Path) -> Weights:
    """What :func:`save_weights` wrote. Raises :class:`BadInput` for anything else."""
    try:
        with safe_open(path, framework="pt") as handle:
            about = json.loads((handle.metadata() or {})["kdorch"])
            if about["format"] != FORMAT:
                raise BadInput(f"{path}: checkpoint format {about['format']!r} is unknown; this trainer reads {FORMAT}")
            weights = {key: handle.get_tensor(key) for key in handle.keys()}  # noqa: SIM118 - the handle is no dict
        return Weights(weights, ModelSpec(**about["model"]), dict(about["facts"]))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise BadInput(f"{path} is not a checkpoint to learn from: {error}") from None


def carry_best(source: Path, target: Path, step: int) -> bool:
    """Copy an earlier attempt's best weights, if they are from no later than ``step``. False when there are none such.

    Raises :class:`BadInput` when what lies there is not a checkpoint.
    """
    if not (source / BEST).exists() or load_weights(source / BEST).facts["step"] > step:
        return False
    _replace(target / BEST, lambda aside: shutil.copyfile(source / BEST, aside))
    return True


def save_last(path: Path, state: dict[str, Any]) -> None:
    """Replace ``path`` by everything that a resumed run needs."""
    _replace(path, lambda aside: torch.save({"format": FORMAT, **state}, aside))


def load_last(path: Path, device: torch.device) -> dict[str, Any]:
    """What :func:`save_last` wrote, tensors on ``device``. Raises :class:`BadInput`."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise BadInput(f"there is no checkpoint {path} to resume from") from None
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise BadInput(f"{path} is not a checkpoint to resume from: {error}") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise BadInput(f"{path} is not a checkpoint to resume from: expected format {FORMAT}")
    return state


def _replace(path: Path, write: Callable[[str], object]) -> None:
    """Write aside, sync, rename: a reader, and a machine that lost power, finds the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        write(str(aside))
        with aside.open("rb") as handle:
            os.fsync(handle.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_directory(str(path.parent))
