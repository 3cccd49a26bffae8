"""What every test stands on: no test reads or writes the home directory or the kdorch of whoever runs it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Images for containers often set it. The tests start hundreds of short processes, and each would compile everything.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One HOME for all tests of a process, so that libraries which keep a cache there build it once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _own_home(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No files of the developer's home, no inherited KDORCH_HOME, no SSH agent with the developer's keys."""
    monkeypatch.setenv("HOME", str(empty_home))
    for name in ("KDORCH_HOME", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A KDORCH_HOME that is there and empty."""
    path = tmp_path / "kdorch-home"
    path.mkdir()
    return path
