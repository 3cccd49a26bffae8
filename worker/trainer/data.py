"""Tokens: ``.bin`` shards in the modded-nanogpt layout, memory-mapped, and batches that are pure in (seed, step).

Shard layout: 256 little-endian int32, of which the first three are magic 20240520, version 1 and the number of
tokens; then that many uint16 tokens.

The corpus that is always there is the interpreter's own standard library: every ``*.py`` as bytes (vocabulary 256),
without tests and generated tables, split by the hash of the path. It is the same on one Python build and another on a
different one, so its sha256 is recorded and figures are compared only under equal digests.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from worker.trainer.errors import BadInput
from worker.trainer.spec import DataSpec

HEADER_INTS = 256
MAGIC = 20240520
VERSION = 1
LEFT_OUT = frozenset({"test", "tests", "encodings", "pydoc_data", "lib2to3", "distutils", "idlelib", "site-packages",
                      "ensurepip", "__pycache__"})
VALIDATION_SHARE = 9
"""One file in nine, by hash, is for validation."""

Tokens = npt.NDArray[np.uint16]


def write_shard(path: Path, tokens: Tokens) -> None:
    """Write one shard. The caller renames it into place."""
    header = np.zeros(HEADER_INTS, dtype="<i4")
    header[:3] = (MAGIC, VERSION, len(tokens))
    with path.open("wb") as out:
        out.write(header.tobytes())
        out.write(tokens.astype("<u2").tobytes())
        out.flush()
        os.fsync(out.fileno())


def open_shard(path: Path, vocab_size: int) -> Tokens:
    """Map a shard. Raises :class:`BadInput` naming the file for a wrong magic, version, length or token."""
    size = path.stat().st_size
    if size < HEADER_INTS * 4:
        raise BadInput(f"{path}: shorter than a shard's header")
    header = np.fromfile(path, dtype="<i4", count=HEADER_INTS)
    if header[0] != MAGIC:
        raise BadInput(f"{path}: magic {header[0]} is not {MAGIC}; this is not a token shard")
    if header[1] != VERSION:
        raise BadInput(f"{path}: shard version {header[1]} is unknown")
    count = int(header[2])
    if count < 2 or size != HEADER_INTS * 4 + 2 * count:
        raise BadInput(f"{path}: the header says {count} tokens, the file has {(size - HEADER_INTS * 4) // 2}")
    tokens: Tokens = np.memmap(path, dtype="<u2", mode="r", offset=HEADER_INTS * 4, shape=(count,))
    largest = max(int(tokens[i:i + (1 << 24)].max()) for i in range(0, count, 1 << 24))
    if largest >= vocab_size:
        raise BadInput(f"{path}: token {largest} does not fit the vocabulary of {vocab_size}")
    return tokens


@dataclass(frozen=True)
class Corpus:
    """Training and validation shards, with the digest of all their tokens."""

    train: tuple[Tokens, ...]
    validation: tuple[Tokens, ...]
    sha256: str

    def batch(self, seed: int, step: int, sequences: int, length: int) -> npt.NDArray[np.int64]:
        """``[sequences, length + 1]`` training tokens; a pure function of its arguments, so resuming is exact."""
        draw = np.random.Generator(np.random.Philox(key=[seed, step]))
        return _windows(self.train, draw.random(sequences), length)

    def validation_batch(self, sequences: int, length: int) -> npt.NDArray[np.int64]:
        """``[sequences, length + 1]`` validation tokens, evenly spaced, the same ones each time."""
        return _windows(self.validation, (np.arange(sequences) + 0.5) / sequences, length)


def _windows(shards: tuple[Tokens, ...], places: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.int64]:
    """Windows of ``length + 1`` tokens at ``places`` in [0, 1) of all window starts, none across two shards."""
    starts = np.array([max(0, len(s) - length - 1) for s in shards], dtype=np.int64)
    edges = np.concatenate(([0], np.cumsum(starts)))
    if edges[-1] <= 0:
        raise BadInput(f"no shard holds {length + 1} tokens")
    at = np.floor(places * edges[-1]).astype(np.int64)
    which = np.searchsorted(edges, at, side="right") - 1
    return np.stack([shards[s][a - edges[s]:a - edges[s] + length + 1].astype(np.int64)
                     for s, a in zip(which, at, strict=True)])


def open_corpus(root: Path, spec: DataSpec, vocab_size: int) -> Corpus:
    """The corpus that a spec asks for. Raises :class:`BadInput` where it is missing, malformed or another one."""
    if spec.corpus == "python-stdlib":
        place = standard_library_shards(root / "cache")
        names = ([place / "train.bin"], [place / "validation.bin"])
    else:
        names = (_glob(root, spec.train), _glob(root, spec.validation))
    train, validation = (tuple(open_shard(p, vocab_size) for p in part) for part in names)
    corpus = Corpus(train, validation, _digest(*names))
    if spec.sha256 is not None and corpus.sha256 != spec.sha256:
        raise BadInput(f"the spec asks for the corpus {spec.sha256[:12]}; here is {corpus.sha256[:12]}")
    return corpus


def _glob(root: Path, pattern: str | None) -> list[Path]:
    found = sorted((root / "data").glob(pattern or ""))
    if not found:
        raise BadInput(f"no shard matches {pattern!r} below {root / 'data'}; put the token shards there")
    return found


def _digest(*parts: list[Path]) -> str:
    """sha256 over the names' order and contents of all shards; cached beside large ones would hide changes."""
    digest = hashlib.sha256()
    for part in parts:
        for path in part:
            with path.open("rb") as handle:
                digest.update(hashlib.file_digest(handle, "sha256").digest())
    return digest.hexdigest()


def standard_library_shards(cache: Path) -> Path:
    """The directory with ``train.bin`` and ``validation.bin``, built once; safe when several build it at once."""
    build = hashlib.sha256(sys.version.encode()).hexdigest()[:12]
    place = cache / f"python-stdlib-{build}"
    if place.is_dir():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".building-", dir=cache))
    try:
        parts: dict[str, list[bytes]] = {"train": [], "validation": []}
        library = Path(sysconfig.get_paths()["stdlib"])
        for path in sorted(library.rglob("*.py")):
            name = path.relative_to(library)
            if LEFT_OUT.isdisjoint(name.parts):
                share = hashlib.sha256(name.as_posix().encode()).digest()[0] % VALIDATION_SHARE
                parts["validation" if share == 0 else "train"].append(path.read_bytes() + b"\n")
        for part, texts in parts.items():
            write_shard(aside / f"{part}.bin", np.frombuffer(b"".join(texts), dtype=np.uint8).astype(np.uint16))
        try:
            aside.rename(place)
        except OSError:
            if not place.is_dir():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return place
