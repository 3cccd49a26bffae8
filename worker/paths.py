"""What lies where below a host's root, and the one way to open a file that a client named."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from worker.wire import is_attempt, is_digest, is_safe_name


class PathRefused(Exception):
    """A path leaves the place it was asked for in, or is not a regular file."""


@dataclass(frozen=True)
class Root:
    """The directory that holds everything kdorch keeps on a host."""

    path: str

    @classmethod
    def at(cls, text: str) -> Root:
        """The root named by a person: ``~`` is expanded, the result is absolute."""
        return cls(os.path.abspath(os.path.expanduser(text)))

    def run(self, run_id: str) -> str:
        if not is_digest(run_id):
            raise PathRefused(f"{run_id!r} is not a run id")
        return os.path.join(self.path, "runs", run_id)

    def spec(self, run_id: str) -> str:
        return os.path.join(self.run(run_id), "spec.json")

    def dispatch(self, run_id: str, sha256: str) -> str:
        if not is_digest(sha256):
            raise PathRefused(f"{sha256!r} is not a digest")
        return os.path.join(self.run(run_id), "dispatch", f"{sha256}.json")

    def launch_lock(self, run_id: str) -> str:
        return os.path.join(self.run(run_id), "launch.lock")

    def attempts(self, run_id: str) -> str:
        return os.path.join(self.run(run_id), "attempts")

    def attempt(self, run_id: str, number: int) -> AttemptDir:
        if not is_attempt(number):
            raise PathRefused(f"{number!r} is not an attempt's number")
        return AttemptDir(run_id, number, os.path.join(self.attempts(run_id), str(number)))

    def asset(self, sha256: str) -> str:
        if not is_digest(sha256):
            raise PathRefused(f"{sha256!r} is not a digest")
        return os.path.join(self.assets, sha256)

    @property
    def assets(self) -> str:
        return os.path.join(self.path, "assets", "sha256")

    @property
    def slots(self) -> str:
        return os.path.join(self.path, "slots")

    @property
    def leases(self) -> str:
        return os.path.join(self.path, "leases")

    @property
    def groups(self) -> str:
        return os.path.join(self.path, "groups")

    @property
    def queue(self) -> str:
        return os.path.join(self.path, "queue")

    @property
    def queue_lock(self) -> str:
        return os.path.join(self.path, "queue.lock")


@dataclass(frozen=True)
class AttemptDir:
    """One attempt's directory."""

    run_id: str
    number: int
    path: str

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def exists(self) -> bool:
        return os.path.isdir(self.path)


def open_beneath(directory: str, name: str) -> int:
    """A descriptor, for reading, of the regular file ``name`` below ``directory``.

    Every step from ``directory`` on is taken without following symbolic links, so nothing outside can be reached,
    even while the tree changes. Raises :class:`PathRefused`, or ``FileNotFoundError``.
    """
    if not is_safe_name(name):
        raise PathRefused(f"{name!r} is not a plain relative path")
    at = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        *parents, last = name.split("/")
        for part in parents:
            inner = _open(part, os.O_RDONLY | os.O_DIRECTORY, at, name)
            os.close(at)
            at = inner
        fd = _open(last, os.O_RDONLY | os.O_NONBLOCK, at, name)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise PathRefused(f"{name!r} is not a regular file")
    return fd


def _open(part: str, flags: int, at: int, name: str) -> int:
    try:
        return os.open(part, flags | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=at)
    except FileNotFoundError:
        raise
    except OSError as error:
        # ELOOP and ENOTDIR: a symbolic link or a file stands where a directory should.
        raise PathRefused(f"{name!r} cannot be opened: {error.strerror}") from None
