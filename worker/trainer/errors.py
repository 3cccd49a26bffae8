"""Why a run cannot go on, each with the exit code that the treaty gives it (``tests/contract/v1/README.md``)."""

from __future__ import annotations


class TrainerError(Exception):
    """A message for a person, and the process's exit code."""

    exit_code = 1


class BadInput(TrainerError):
    """The spec, a shard, a checkpoint or ``dispatch.json`` is not usable."""

    exit_code = 10


class Diverged(TrainerError):
    """The loss became NaN or infinite."""

    exit_code = 11


class OutOfMemory(TrainerError):
    """The device has too little memory."""

    exit_code = 12


class BackendMissing(TrainerError):
    """torch, a part of it, or a kernel that the spec asks for is not there."""

    exit_code = 13


class TeacherMisfit(TrainerError):
    """The teacher does not fit the student: vocabulary, softcap or corpus."""

    exit_code = 14


class Stopped(TrainerError):
    """Asked to stop by SIGTERM; the last state was saved where the spec keeps it. The code is what a shell gives for
    that signal."""

    exit_code = 143


class NotSaved(TrainerError):
    """A checkpoint cannot be written: no room, no rights, or a disk that fails."""


class Recompiled(TrainerError):
    """The compiler ran after the warm-up, and the spec says that it must not."""
