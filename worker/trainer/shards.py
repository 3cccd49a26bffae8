"""Token shards in the modded-nanogpt layout: 256 little-endian int32, of which the first three are magic 20240520,
version 1 and the number of tokens; then that many uint16 tokens."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from worker.trainer.errors import BadInput

HEADER_INTS = 256
HEADER_BYTES = 4 * HEADER_INTS
MAGIC = 20240520
VERSION = 1

Tokens = npt.NDArray[np.uint16]


def write_shard(path: Path, tokens: npt.NDArray[np.integer]) -> None:
    """Write one shard and sync it. The caller renames it, or its directory, into place."""
    header = np.zeros(HEADER_INTS, dtype="<i4")
    header[:3] = (MAGIC, VERSION, len(tokens))
    with path.open("wb") as out:
        out.write(header.tobytes())
        out.write(tokens.astype("<u2").tobytes())
        out.flush()
        os.fsync(out.fileno())


def open_shard(path: Path) -> Tokens:
    """Map a shard's tokens. Raises :class:`BadInput` naming the file for a wrong magic, version or length."""
    size = path.stat().st_size
    if size < HEADER_BYTES:
        raise BadInput(f"{path}: {size} bytes; a shard's header alone has {HEADER_BYTES}")
    magic, version, count = (int(n) for n in np.fromfile(path, dtype="<i4", count=HEADER_INTS)[:3])
    if magic != MAGIC:
        raise BadInput(f"{path}: magic {magic} is not {MAGIC} (byte 0); this is no token shard")
    if version != VERSION:
        raise BadInput(f"{path}: shard version {version} is unknown (byte 4); this trainer reads {VERSION}")
    if count < 1 or size != HEADER_BYTES + 2 * count:
        raise BadInput(f"{path}: the header says {count} tokens (byte 8), the file holds {(size - HEADER_BYTES) / 2:g}")
    return np.memmap(path, dtype="<u2", mode="r", offset=HEADER_BYTES, shape=(count,))
