"""Which root this is: a random name that lies in it, so that a laptop can tell this directory from another one that
answers in its place, such as the empty mount point of a disk that is not there."""

from __future__ import annotations

import contextlib
import os
import re
import secrets

from worker.durable import create_atomic, read_file
from worker.paths import Root

_IDENTITY = re.compile(rb"[0-9a-f]{32}\n")


def root_identity(root: Root) -> str | None:
    """The root's name, given to it where it has none yet; None where it cannot have one: a full or read-only disk."""
    path = os.path.join(root.path, "root-id")
    known = read_file(path, 64)
    if known is None:
        try:
            os.makedirs(root.path, mode=0o700, exist_ok=True)
            with contextlib.suppress(FileExistsError):  # another program was first, and its name counts
                create_atomic(path, secrets.token_hex(16).encode() + b"\n")
        except OSError:
            return None
        known = read_file(path, 64)
    return known.decode().strip() if known is not None and _IDENTITY.fullmatch(known) else None
