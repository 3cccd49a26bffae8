"""Checkpoints that are whole or absent: ``best.safetensors`` for whoever learns from it, ``last.pt`` to go on from."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from worker.trainer.errors import BadInput
from worker.trainer.spec import ModelSpec

FORMAT = "kdorch-checkpoint-1"


def _replace(temporary: Path, path: Path) -> None:
    with temporary.open("rb") as handle:
        os.fsync(handle.fileno())
    temporary.replace(path)


def save_weights(path: Path, weights: dict[str, Tensor], spec: ModelSpec, facts: dict[str, Any]) -> None:
    """Write weights with what a reader must know: architecture, corpus, step, validation loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    metadata = {"format": FORMAT, "model": json.dumps(dataclasses.asdict(spec), sort_keys=True),
                "facts": json.dumps(facts, sort_keys=True)}
    save_file({k: v.contiguous() for k, v in weights.items()}, str(temporary), metadata=metadata)
    _replace(temporary, path)


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights on the CPU; a tied head is stored once, as the embedding."""
    tied = getattr(getattr(model, "spec", None), "tied_embeddings", False)
    return {k: v.detach().to("cpu", copy=True) for k, v in model.state_dict().items()
            if not (tied and k == "head.weight")}


def load_weights(path: Path) -> tuple[dict[str, Tensor], ModelSpec, dict[str, Any]]:
    """Weights, architecture and facts. Raises :class:`BadInput` for what is not such a checkpoint."""
    try:
        with safe_open(str(path), framework="pt") as handle:
            metadata = handle.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise BadInput(f"{path.name} is not a {FORMAT} file")
            weights = {key: handle.get_tensor(key) for key in handle.keys()}  # noqa: SIM118 - not a dict
        return weights, ModelSpec(**json.loads(metadata["model"])), json.loads(metadata["facts"])
    except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
        raise BadInput(f"checkpoint {path.name} cannot be read: {error}") from None


def save_last(path: Path, state: dict[str, Any]) -> None:
    """Everything that a resumed run needs; batches are pure in the step, so no random state is among it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    torch.save({"format": FORMAT, **state}, temporary)
    _replace(temporary, path)


def load_last(path: Path, device: torch.device) -> dict[str, Any]:
    """What :func:`save_last` wrote. Raises :class:`BadInput`."""
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise BadInput(f"there is no checkpoint {path} to resume from") from None
    except (OSError, RuntimeError, ValueError, EOFError) as error:
        raise BadInput(f"checkpoint {path.name} cannot be read: {error}") from None
    if state.get("format") != FORMAT:
        raise BadInput(f"{path.name} is not a {FORMAT} file")
    return state
