"""The corpus that is always there: the interpreter's own standard library, every ``*.py`` as bytes (vocabulary 256).

It is the same on one Python build and another on a different one, so its digest is recorded with every run and figures
are compared only under equal digests. About 9 MB, of which one file in nine, by the hash of its path, is validation.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from worker.durable import sync_directory
from worker.locks import open_lock
from worker.trainer.shards import write_shard

LEFT_OUT = frozenset({
    "test", "tests", "idlelib",  # tests, and a program with its own
    "encodings", "pydoc_data", "lib2to3", "distutils",  # tables and generated text; what newer Pythons no longer have
    "site-packages", "dist-packages", "__pycache__",  # not the standard library
})
"""Directories that are no part of the corpus, wherever they lie."""

VALIDATION_SHARE = 9
"""One file in so many is for validation."""


def standard_library_shards(cache: Path) -> Path:
    """The directory below ``cache`` with ``train.bin`` and ``validation.bin``, built at first need.

    Processes that come at the same time wait for the one that builds; what a killed one left is cleared away.
    """
    library = Path(sysconfig.get_paths()["stdlib"])
    build = hashlib.sha256(f"{sys.version}\n{library}".encode()).hexdigest()[:16]
    place = cache / f"python-stdlib-{build}"
    if place.is_dir():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    lock = open_lock(str(cache / f".{place.name}.lock"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            _build(library, place)
    finally:
        os.close(lock)
    return place


def is_validation(name: str) -> bool:
    """Whether the file with this path below the library, in its ``/`` form, is for validation."""
    return hashlib.sha256(name.encode()).digest()[0] % VALIDATION_SHARE == 0


def _build(library: Path, place: Path) -> None:
    aside = place.with_name(f".{place.name}.building")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    texts: dict[bool, list[bytes]] = {False: [], True: []}
    for name in sorted(_sources(library)):
        texts[is_validation(name)].append((library / name).read_bytes() + b"\n")
    for validation, file in ((False, "train.bin"), (True, "validation.bin")):
        write_shard(aside / file, np.frombuffer(b"".join(texts[validation]), dtype=np.uint8))
    sync_directory(str(aside))
    aside.rename(place)
    sync_directory(str(place.parent))


def _sources(library: Path) -> Iterator[str]:
    """Paths of the corpus' files below the library, in their ``/`` form."""
    for directory, inner, files in os.walk(library):
        inner[:] = [name for name in inner if name not in LEFT_OUT]
        below = Path(directory)
        yield from ((below / name).relative_to(library).as_posix()
                    for name in files if name.endswith(".py") and (below / name).is_file())
