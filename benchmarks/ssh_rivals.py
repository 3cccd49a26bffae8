"""What people use instead, called as they would call it: fabric, multiplexed OpenSSH, scp, rsync, tar over ssh."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Rivals:
    """One server, as other programs are told of it."""

    address: str
    port: int
    user: str
    identity: Path
    known_hosts: Path

    @property
    def options(self) -> list[str]:
        return ["-F", "/dev/null", "-i", str(self.identity), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
                "-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "LogLevel=ERROR"]

    @property
    def place(self) -> str:
        return f"{self.user}@{self.address}"

    def ssh(self, *command: str, more: tuple[str, ...] = ()) -> list[str]:
        """The words that run a command there."""
        return ["ssh", *self.options, *more, "-p", str(self.port), self.place, *command]

    def scp(self, source: Path, target: Path) -> None:
        run(["scp", "-q", *self.options, "-P", str(self.port), f"{self.place}:{source}", str(target)])

    def rsync(self, source: str, target: Path) -> None:
        """``source`` ends with a slash for what is in a directory."""
        through = shlex.join(["ssh", *self.options, "-p", str(self.port)])
        run(["rsync", "-a", "-W", "-e", through, f"{self.place}:{source}", str(target)])

    def tar(self, source: Path, target: Path) -> None:
        target.mkdir(parents=True)
        pack = self.ssh(f"tar -C {shlex.quote(str(source))} -cf - .")
        with subprocess.Popen(pack, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as packing:
            run(["tar", "-C", str(target), "-xf", "-"], stdin=packing.stdout)
        if packing.returncode != 0:
            raise subprocess.CalledProcessError(packing.returncode, pack)

    @contextlib.contextmanager
    def multiplexed(self, directory: Path) -> Iterator[tuple[str, ...]]:
        """A standing OpenSSH connection; yields the options by which commands go over it."""
        path = f"ControlPath={directory / 'mux'}"
        run([*self.ssh("-M", "-N", "-f", more=("-o", path))[:-3], "-M", "-N", "-f", self.place])
        try:
            yield ("-o", path)
        finally:
            run(self.ssh(more=("-o", path, "-O", "exit")))

    def fabric(self) -> Any:
        """A fabric connection that is not open yet, as its documentation makes one."""
        import fabric

        return fabric.Connection(self.address, user=self.user, port=self.port,
                                 connect_kwargs={"key_filename": str(self.identity), "look_for_keys": False,
                                                 "allow_agent": False})


def run(argv: list[str], stdin: Any = subprocess.DEVNULL) -> None:
    """Run a program to its end; it must succeed."""
    subprocess.run(argv, check=True, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
