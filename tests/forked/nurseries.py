"""The nurseries of this process, one for each program: started when first asked for, ended at its end."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NURSERY = Path(__file__).with_name("nursery.py")
DOOR = Path(__file__).with_name("door.py")
LONGEST_TITLE = 4096


@functools.cache
def nursery(program: Path, python: str = sys.executable, *flags: str) -> Path:
    """The socket of a nursery whose forks are this program, run by ``python`` with these flags."""
    path = Path(tempfile.mkdtemp(prefix="kdorch-nursery-")) / "socket"
    process = subprocess.Popen([python, *flags, str(NURSERY), str(path), str(program), "-" * LONGEST_TITLE],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env={**os.environ, "PYTHONPATH": str(NURSERY.parents[2])})
    assert process.stdout is not None
    if process.stdout.readline() != b"ready\n":
        raise OSError(f"the nursery of {program} did not start")

    def end() -> None:
        process.kill()
        process.communicate()
        shutil.rmtree(path.parent, ignore_errors=True)

    atexit.register(end)
    return path


def through_the_door(socket: Path, *words: str) -> list[str]:
    """The command that runs the program with these words, in the directory and the environment it is started with."""
    return [sys.executable, "-I", "-S", str(DOOR), str(socket), *words]
