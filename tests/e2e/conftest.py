"""The e2e tests share the integration tests' real OpenSSH server, and campaigns that are run once and then copied."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.kdorch import DATA, Laptop, until
from tests.integration.conftest import sshd, sshd_program

__all__ = ["sshd", "sshd_program"]


@pytest.fixture(scope="session")
def _surroundings(empty_home: Path) -> Iterator[None]:
    """What the rest of a test has anyway: no home directory but an empty one, no SSH agent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(empty_home))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        yield


@pytest.fixture(scope="session")
def _finished_once(_surroundings: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    laptop = _with_small(tmp_path_factory.mktemp("finished"))
    laptop.run("campaign", "launch", "small.yaml")
    return laptop.cwd


@pytest.fixture(scope="session")
def _sealed_once(_surroundings: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    laptop = _with_small(tmp_path_factory.mktemp("sealed"))
    laptop.run("campaign", "launch", "small.yaml", "--detach")
    root = laptop.home / "host"
    until(lambda: len(list(root.glob("runs/*/attempts/*/exit.json"))) == 2, "both baselines are sealed")
    return laptop.cwd


@pytest.fixture
def finished(_finished_once: Path, tmp_path: Path) -> Laptop:
    """A laptop on which the campaign small.yaml has come to its verdicts, the test's own."""
    return _copy(_finished_once, tmp_path)


@pytest.fixture
def sealed(_sealed_once: Path, tmp_path: Path) -> Laptop:
    """A laptop that has not collected what its host sealed, both baselines of small.yaml, the test's own."""
    return _copy(_sealed_once, tmp_path)


def _with_small(cwd: Path) -> Laptop:
    shutil.copy(DATA / "small.yaml", cwd / "small.yaml")
    return Laptop(cwd)


def _copy(cwd: Path, tmp_path: Path) -> Laptop:
    return Laptop(Path(shutil.copytree(cwd, tmp_path / "laptop", symlinks=True)))
