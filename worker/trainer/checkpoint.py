"""Checkpoints that are whole or absent: ``best.safetensors`` for whoever learns from it, ``step-N.safetensors`` for
whoever asks what came when, ``last.pt`` to go on from.

Each is sealed: ``digests.json`` beside them holds the sha256 of the file and of the one it replaced, and is written
first, so that a machine that loses power at any moment leaves a file whose digest is there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pickle
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from worker.durable import sync_directory, write_atomic
from worker.trainer.errors import BadInput, NotSaved
from worker.trainer.spec import ModelSpec

FORMAT = "kdorch-checkpoint-1"
BEST, LAST, DIGESTS = "best.safetensors", "last.pt", "digests.json"


@dataclass(frozen=True)
class Weights:
    """A checkpoint to learn from: weights, architecture, and facts (step, validation loss, corpus digest)."""

    weights: dict[str, Tensor]
    model: ModelSpec
    facts: dict[str, Any]


def at_step(step: int) -> str:
    """The name of the weights that are kept of a step."""
    return f"step-{step:06d}.safetensors"


def save_weights(path: Path, model: nn.Module, spec: ModelSpec, facts: dict[str, Any]) -> None:
    """Replace ``path`` by the model's weights with what a reader must know of them; equal weights give equal bytes.

    Raises :class:`NotSaved`."""
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
    """Replace ``path`` by everything that a resumed run needs. Raises :class:`NotSaved`."""
    _replace(path, lambda aside: torch.save({"format": FORMAT, **state}, aside))


def load_last(path: Path, device: torch.device, sha256: str | None = None) -> dict[str, Any]:
    """What :func:`save_last` wrote, tensors on ``device``; ``sha256`` is its digest where that is known.

    Raises :class:`BadInput` where it is missing or altered."""
    try:
        _check_seal(path, sha256)
        state = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise BadInput(f"there is no checkpoint {path} to resume from") from None
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise BadInput(f"{path} is not a checkpoint to resume from: {error}") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise BadInput(f"{path} is not a checkpoint to resume from: expected format {FORMAT}")
    return state


def _replace(path: Path, write: Callable[[str], object]) -> None:
    """Write aside, sync, seal, rename: a reader, and a machine that lost power, finds the old file or the new one."""
    aside = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(str(aside))
        with aside.open("rb") as handle:
            os.fsync(handle.fileno())
        seals = _seals(path.parent)
        seals[path.name] = [_digest(aside), *seals.get(path.name, ())[:1]]
        write_atomic(str(path.parent / DIGESTS), json.dumps(seals, indent=1, sort_keys=True).encode() + b"\n")
        aside.replace(path)
        sync_directory(str(path.parent))
    except (OSError, RuntimeError, SafetensorError) as error:  # torch's own writer raises RuntimeError
        raise NotSaved(f"{path} cannot be written: {error}") from error
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)  # an unfinished file would keep what the evidence needs of the disk


def _check_seal(path: Path, sha256: str | None) -> None:
    """Raises :class:`BadInput` for a file that is not what was written here, or not the one of that digest. One that
    came without seals is not checked: what carried it did that by the manifest."""
    seals = _seals(path.parent).get(path.name) if sha256 is None else [sha256]
    if seals is not None and (found := _digest(path)) not in seals:
        raise BadInput(f"{path} is not a checkpoint to resume from: it was altered, its sha256 is {found}; resume from "
                       "another attempt, or start anew")


def _seals(directory: Path) -> dict[str, list[str]]:
    try:
        body = json.loads((directory / DIGESTS).read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise BadInput(f"{directory / DIGESTS} does not read: {error}") from None
    return {str(name): [str(digest) for digest in digests] for name, digests in body.items()}


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while piece := handle.read(1 << 22):
            digest.update(piece)
    return digest.hexdigest()
