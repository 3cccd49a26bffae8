"""Which tokens a run sees: its corpus, memory-mapped, and batches that are pure in (seed, step)."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from worker.durable import write_atomic
from worker.trainer.errors import BadInput
from worker.trainer.shards import HEADER_BYTES, Tokens, open_shard
from worker.trainer.spec import DataSpec
from worker.trainer.stdlib_corpus import standard_library_shards

_PIECE_TOKENS = 1 << 23

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Corpus:
    """Training and validation shards; ``sha256`` digests them all, and which of them are for what.

    ``documents`` are the numbers of the training windows (of the spec's length, counted through all shards) that begin
    with a document; None: a sequence may begin anywhere.
    """

    train: tuple[Tokens, ...]
    validation: tuple[Tokens, ...]
    sha256: str
    documents: Places | None = None

    def batch(self, seed: int, step: int, sequences: int, length: int) -> npt.NDArray[np.int64]:
        """``[sequences, length + 1]`` training tokens; a pure function of its arguments, so that the step is all the
        state there is, and resuming is exact."""
        draw = np.random.Generator(np.random.Philox(key=[seed, step]))
        edges = _edges(self.train, length)
        if self.documents is None:
            places = draw.integers(edges[-1], size=sequences)
        else:
            places = self.documents[draw.integers(len(self.documents), size=sequences)]
        return _windows(self.train, edges, places, length)

    def validation_batch(self, sequences: int, length: int) -> npt.NDArray[np.int64]:
        """``[sequences, length + 1]`` validation tokens, evenly spaced: the same ones for every seed and step."""
        edges = _edges(self.validation, length)
        places = (2 * np.arange(sequences) + 1) * edges[-1] // (2 * sequences)
        return _windows(self.validation, edges, places, length)


def open_corpus(root: Path, spec: DataSpec, vocab_size: int) -> Corpus:
    """The corpus that a spec asks for. Raises :class:`BadInput` where it is missing, malformed or another one."""
    if spec.corpus == "python-stdlib":
        place = standard_library_shards(root / "cache")
        paths = {"train": [place / "train.bin"], "validation": [place / "validation.bin"]}
    else:
        paths = {"train": _matches(root / "data", spec.train), "validation": _matches(root / "data", spec.validation)}
    digest = hashlib.sha256()
    shards: dict[str, list[Tokens]] = {"train": [], "validation": []}
    for part, found in paths.items():
        for path in found:
            tokens = open_shard(path)
            digest.update(f"{part}:{_examine(path, tokens, vocab_size, root / 'cache' / 'shard-digests')}\n".encode())
            if len(tokens) <= spec.sequence_length:
                raise BadInput(f"{path}: {len(tokens)} tokens; a sequence with its targets takes "
                               f"{spec.sequence_length + 1}")
            shards[part].append(tokens)
    train = tuple(shards["train"])
    corpus = Corpus(train, tuple(shards["validation"]), digest.hexdigest(),
                    None if spec.document_token is None else _documents(train, spec))
    if spec.sha256 is not None and corpus.sha256 != spec.sha256:
        raise BadInput(f"the spec asks for the corpus with digest {spec.sha256}; this host has {corpus.sha256}")
    return corpus


def _documents(shards: tuple[Tokens, ...], spec: DataSpec) -> Places:
    """The numbers of the windows that begin with a document."""
    edges = _edges(shards, spec.sequence_length)
    found = np.concatenate([edge + np.flatnonzero(shard[:len(shard) - spec.sequence_length] == spec.document_token)
                            for edge, shard in zip(edges, shards, strict=False)])
    if not len(found):
        raise BadInput(f"data.document_token is {spec.document_token}, and no training shard has it with "
                       f"{spec.sequence_length} tokens behind it")
    return found


def _matches(data: Path, pattern: str | None) -> list[Path]:
    found = sorted(data.glob(pattern or ""))
    if not found:
        raise BadInput(f"no token shard matches {pattern!r} below {data}; put the shards there")
    return found


def _examine(path: Path, tokens: Tokens, vocab_size: int, known: Path) -> str:
    """The digest of the tokens. Raises :class:`BadInput` for one out of range.

    Below ``known`` stands what was read of a file once, by its place, size, time of change and inode: a large corpus
    is not read again by every run and rank.
    """
    facts = path.stat()
    about = f"{path.resolve()}\n{facts.st_size}\n{facts.st_mtime_ns}\n{facts.st_ino}"
    note = known / f"{hashlib.sha256(about.encode()).hexdigest()}.json"
    try:
        read = json.loads(note.read_bytes())
        digest, largest = str(read["sha256"]), int(read["largest"])
    except (OSError, ValueError, KeyError, TypeError):
        digest, largest = _read(tokens)
        with suppress(OSError):  # then it is read again
            known.mkdir(parents=True, exist_ok=True)
            write_atomic(str(note), json.dumps({"sha256": digest, "largest": largest}).encode() + b"\n")
    if largest >= vocab_size:
        at = next(start + int(np.argmax(over)) for start in range(0, len(tokens), _PIECE_TOKENS)
                  if (over := tokens[start:start + _PIECE_TOKENS] >= vocab_size).any())
        raise BadInput(f"{path}: token {at} is {tokens[at]}; the vocabulary has {vocab_size} (byte "
                       f"{HEADER_BYTES + 2 * at})")
    return digest


def _read(tokens: Tokens) -> tuple[str, int]:
    """The digest of the tokens, and the largest of them."""
    digest, largest = hashlib.sha256(), 0
    for start in range(0, len(tokens), _PIECE_TOKENS):
        piece = tokens[start:start + _PIECE_TOKENS]
        largest = max(largest, int(piece.max()))
        digest.update(piece.tobytes())
    return digest.hexdigest(), largest


def _edges(shards: tuple[Tokens, ...], length: int) -> Places:
    """Where each shard's windows begin when the windows of ``length + 1`` tokens of all shards are counted through."""
    return np.cumsum([0] + [len(shard) - length for shard in shards])


def _windows(shards: tuple[Tokens, ...], edges: Places, places: Places, length: int) -> npt.NDArray[np.int64]:
    """The windows with these numbers; none lies across two shards."""
    which = np.searchsorted(edges, places, side="right") - 1
    return np.stack([shards[s][place - edges[s]:place - edges[s] + length + 1].astype(np.int64)
                     for s, place in zip(which, places, strict=True)])
