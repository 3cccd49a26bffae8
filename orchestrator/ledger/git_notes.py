"""Anchors in git notes: a line on a commit, under ``refs/notes/kdorch``, that travels with the repository's notes."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from orchestrator.domain.errors import UsageError

REF = "kdorch"
PATIENCE_S = 30.0
_PREFIX = "git:"


@dataclass(frozen=True)
class NotePlace:
    """A commit of a repository, to which the note belongs."""

    repository: Path
    commit: str

    def __str__(self) -> str:
        return f"{_PREFIX}{self.repository}@{self.commit}"


def place_of(text: str) -> NotePlace | None:
    """The place that :class:`NotePlace` was written as; None for other places."""
    if not text.startswith(_PREFIX):
        return None
    repository, _, commit = text.removeprefix(_PREFIX).rpartition("@")
    return NotePlace(Path(repository), commit)


def head_of(repository: Path) -> NotePlace:
    """Today's commit. Raises :class:`UsageError` where there is no repository, or no commit in it."""
    done = _git(repository, "rev-parse", "--verify", "HEAD")
    if done.returncode != 0:
        raise UsageError(f"{repository} is no git repository with a commit",
                         hint="name the repository that the campaign files live in")
    return NotePlace(repository.resolve(), done.stdout.strip())


def append(place: NotePlace, line: str) -> None:
    """Add a line to the commit's note. Raises :class:`UsageError` with git's own words."""
    done = _git(place.repository, "notes", f"--ref={REF}", "append", "-m", line, place.commit)
    if done.returncode != 0:
        raise UsageError(f"{place.repository}: git wrote no note: {done.stderr.strip() or 'it said nothing'}",
                         hint="git needs user.name and user.email to write notes")


def read(place: NotePlace) -> str | None:
    """The commit's note; None where the repository, the commit or the note is not there."""
    done = _git(place.repository, "notes", f"--ref={REF}", "show", place.commit)
    return done.stdout if done.returncode == 0 else None


def _git(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False,
                              timeout=PATIENCE_S, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise UsageError("there is no git on this machine; a git note cannot be written") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"{repository}: git did not answer within {PATIENCE_S:.0f} s") from None
