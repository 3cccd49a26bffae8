"""A host's GPUs as ``nvidia-smi`` would tell of them: a program on PATH that says what lies in its directory."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tests.integration.fake_programs import program

NVIDIA_SMI = """\
#!/bin/sh
cd {directory} || exit 1
echo "$*" >>asked
if [ -e broken ]; then
    echo "Unable to determine the device handle for GPU 0000:01:00.0: Unknown Error" >&2
    exit 15
fi
case "$*" in
  -L) cat listing ;;
  *--query-gpu=*) cat gpus ;;
  *--query-compute-apps=*) cat apps ;;
esac
"""


class FakeGpus:
    """Two H100 at first. ``PATH`` is what a launch needs to meet them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        program(directory / "bin" / "nvidia-smi", NVIDIA_SMI.format(directory=directory))
        self.are("GPU-aaaa", "GPU-bbbb")
        self.compute()

    @property
    def path(self) -> str:
        return f"{self._directory / 'bin'}{os.pathsep}{os.environ['PATH']}"

    def are(self, *uuids: str, name: str = "NVIDIA H100 80GB HBM3", total: str = "81559", used: str = "14",
            mig: dict[str, dict[str, str]] | None = None) -> None:
        """The host has these. ``mig``: profiles by instance, by GPU. Memory in MiB, as the driver prints it."""
        self._say("gpus", (f"{uuid}, {name}, {total}, {used}, 570.86.10, 9.0" for uuid in uuids))
        listing = []
        for number, uuid in enumerate(uuids):
            listing.append(f"GPU {number}: {name} (UUID: {uuid})")
            listing += [f"  MIG {profile}     Device  {k}: (UUID: {instance})"
                        for k, (instance, profile) in enumerate((mig or {}).get(uuid, {}).items())]
        self._say("listing", listing)

    def compute(self, *processes: tuple[str, int, str]) -> None:
        """These are the compute processes: GPU, pid, memory."""
        self._say("apps", (f"{uuid}, {pid}, {memory}" for uuid, pid, memory in processes))

    def break_down(self, broken: bool = True) -> None:
        """The driver answers no more, or again."""
        if broken:
            (self._directory / "broken").touch()
        else:
            (self._directory / "broken").unlink()

    @property
    def times_asked(self) -> int:
        asked = self._directory / "asked"
        return asked.read_text().count("--query-gpu") if asked.exists() else 0

    def _say(self, name: str, lines: Iterable[str]) -> None:
        new = self._directory / f"{name}.new"
        new.write_text("".join(line + "\n" for line in lines))
        new.replace(self._directory / name)
