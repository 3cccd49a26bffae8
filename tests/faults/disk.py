"""A disk of a host's own: a tmpfs in a mount namespace, which can be filled and made read-only like a real one.

Nothing of the machine's own mounts changes. The namespace is kept by a process that waits; the host's programs enter
it, and everybody else sees its files by way of ``/proc/PID/root``.
"""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path

SIZE_BYTES = 8 << 30
"""A limit, not an amount: only what is written takes memory. Hosts with little room are refused from the start."""

TRIES = 20

HOLD = 'mount -t tmpfs -o "size=$2" tmpfs "$1" && echo mounted && exec cat'


@functools.cache
def can_mount() -> bool:
    """Whether this process may make a mount namespace and mount in it."""
    return subprocess.run(["unshare", "--mount", "sh", "-c", "mount -t tmpfs tmpfs /mnt"], check=False,
                          capture_output=True).returncode == 0


class Disk:
    """One disk. It lasts from :meth:`mount` to :meth:`unmount`, and is gone with its content after that."""

    def mount(self, at: Path) -> None:
        """Put the disk at a directory."""
        self._at = at
        self._holder = subprocess.Popen(["unshare", "--mount", "sh", "-c", HOLD, "hold", str(at), str(SIZE_BYTES)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"mounted\n":
            raise OSError(f"no disk could be mounted at {at}")

    @property
    def namespace(self) -> Path:
        """The mount namespace in which the disk is."""
        return Path(f"/proc/{self._holder.pid}/ns/mnt")

    @property
    def enter(self) -> list[str]:
        """The words that let a command run where the disk is."""
        return ["nsenter", f"--mount={self.namespace}", "--"]

    def unmount(self) -> None:
        """The last process that is in the namespace takes it along."""
        self._holder.kill()
        self._holder.communicate()

    def seen(self, path: Path) -> Path:
        """A path of the disk, for a process outside."""
        return Path(f"/proc/{self._holder.pid}/root{path}")

    def fill(self, leave_bytes: int = 0) -> None:
        """Shrink the disk to what is in it, and so many bytes."""
        for _ in range(TRIES):
            found = os.statvfs(self.seen(self._at))
            used = (found.f_blocks - found.f_bfree) * found.f_frsize
            try:
                self._mount("-o", f"remount,size={max(1 << 12, used + leave_bytes)}", str(self._at))
            except subprocess.CalledProcessError:
                continue  # it has grown since it was looked at, and no disk is smaller than what is on it
            return
        raise OSError(f"the disk at {self._at} grows faster than it can be filled")

    def empty(self) -> None:
        """Give it its size back."""
        self._mount("-o", f"remount,size={SIZE_BYTES}", str(self._at))

    def make_read_only(self) -> None:
        """Whoever opens a file from now on may not write. Files that are open stay so, as on a real disk in trouble
        they do until their next sync."""
        beside = self._at.with_name(f"{self._at.name}-read-only")
        beside.mkdir(exist_ok=True)
        self._mount("--bind", str(self._at), str(beside))
        self._mount("-o", "remount,bind,ro", str(beside))
        self._mount("--move", str(beside), str(self._at))  # only now: what somebody writes by could not be changed

    def make_writable(self) -> None:
        self._run("umount", "--lazy", str(self._at))

    def _mount(self, *words: str) -> None:
        self._run("mount", *words)

    def _run(self, *words: str) -> None:
        subprocess.run([*self.enter, *words], check=True, capture_output=True)
