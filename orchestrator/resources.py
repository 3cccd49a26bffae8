"""Where shipped files lie: at the top level of a checkout, or below ``orchestrator/_shipped`` in a wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped(name: str) -> Path:
    """The directory ``campaigns``, ``templates`` or ``migrations``."""
    inside = _PACKAGE / "_shipped" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def worker_source() -> Path:
    """The directory of the ``worker`` package, read as files and never imported."""
    return _PACKAGE.parent / "worker"
