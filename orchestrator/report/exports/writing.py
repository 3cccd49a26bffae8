"""Puts an export in its place whole or not at all, and says which package a form needs."""

from __future__ import annotations

import errno
import importlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from orchestrator.domain.errors import UsageError
from orchestrator.report.exports.gather import ExportedRun

FORMS = ("mlflow", "tensorboard", "parquet", "csv", "rocrate")
EXTRAS = {"mlflow": "mlflow", "tensorboardX": "tensorboard", "rocrate": "rocrate"}
"""The extra of kdorch that brings a package."""


def export(runs: Sequence[ExportedRun], form: str, path: Path) -> None:
    """Write ``runs`` in this form to ``path``, which must not exist: a file, or for tensorboard and rocrate a folder.

    Raises :class:`UsageError` where it exists or cannot be made, and where the form's package is not installed, before
    anything is written; ``OSError`` where the disk is full.
    """
    write = _writer(form)
    if os.path.lexists(path):
        raise UsageError(f"{path} exists; an export never overwrites", hint="name another place, or remove it first")
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(partial)
        _try(partial)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{path.parent} is no folder, so nothing can be written in it",
                         hint="name another place") from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UsageError(f"{path}: nothing can be written there: {error.strerror}",
                         hint="name a place in a folder that you may write to") from None
    try:
        write(runs, partial, path)
        partial.rename(path)
    finally:
        _remove(partial)


def _try(partial: Path) -> None:
    """Make a file there and take it away again: what forbids it is best known before the work begins."""
    partial.touch()
    partial.unlink()


def needed(package: str, form: str) -> Any:
    """Import an optional package. Raises :class:`UsageError` with the command that installs it."""
    try:
        return importlib.import_module(package)
    except ImportError:
        extra = EXTRAS[package.partition(".")[0]]
        raise UsageError(f"--to {form} needs {package.partition('.')[0]}, which is not installed",
                         hint=f"pip install 'kdorch[{extra}]'") from None


def _writer(form: str) -> Callable[[Sequence[ExportedRun], Path, Path], None]:
    if form == "mlflow":
        from orchestrator.report.exports.mlflow import writer

        return writer()
    if form == "tensorboard":
        from orchestrator.report.exports.tensorboard import writer

        return writer()
    if form == "rocrate":
        from orchestrator.report.exports.rocrate import writer

        return writer()
    return {"csv": _csv, "parquet": _parquet}[form]


def _csv(runs: Sequence[ExportedRun], partial: Path, _path: Path) -> None:
    from orchestrator.report.tables import format_rows

    partial.write_text(format_rows([r.row for r in runs], "csv"), encoding="utf-8")


def _parquet(runs: Sequence[ExportedRun], partial: Path, _path: Path) -> None:
    from orchestrator.report.parquet import parquet_bytes

    partial.write_bytes(parquet_bytes([r.row for r in runs], asked_with="--to parquet"))


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
