"""Looking up programs, as a shell would."""

from __future__ import annotations

import os


def find_program(name: str) -> str | None:
    """The executable file that ``name`` stands for: a path, one that starts with ``~``, or a name on PATH."""
    name = os.path.expanduser(name)
    if "/" in name:
        candidates = [os.path.abspath(name)]
    else:
        candidates = [os.path.join(directory, name) for directory in os.get_exec_path()]
    return next((c for c in candidates if os.path.isfile(c) and os.access(c, os.X_OK)), None)
