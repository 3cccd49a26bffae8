"""The scripts below ``.ci``, which run before anything is installed: run for real, with fake programs around them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "cat", "cksum", "cut", "dirname", "grep", "id", "mktemp", "rm", "sed", "sleep", "tail")


class Machine:
    """A machine with the usual small tools, and those programs a test puts on it."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.called = folder / "called"
        for name in TOOLS:
            found = shutil.which(name)
            assert found is not None, name
            (self.bin / name).symlink_to(found)

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run(self, script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {k: v for k, v in os.environ.items() if k not in ("CI", "PYTHON", "VENV", "PIP_ARGS")}
        return subprocess.run([script, *arguments], env={**inherited, "PATH": str(self.bin), **environment},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=240)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


OLD = """case $2 in *'< (3, 11)'*) exit 1 ;; *) echo 3.9.2 ;; esac"""
WITHOUT_ENSUREPIP = f"""case $2 in *ensurepip*) exit 1 ;; *) exec {sys.executable} "$@" ;; esac"""
COMPLETE = f"""exec {sys.executable} "$@" """


# --- choosing a Python ---

def test_a_machine_without_python_is_told_what_to_install(machine: Machine) -> None:
    ended = machine.run(ROOT / ".ci/venv", "--check")
    assert ended.returncode == 1
    assert "needs Python 3.11 or newer, and there is no python3 here" in ended.stderr
    assert "apt-get install python3 python3-venv" in ended.stderr


def test_an_old_python_is_named_with_its_version(machine: Machine) -> None:
    machine.program("python3", OLD)
    ended = machine.run(ROOT / ".ci/venv", "--check")
    assert ended.returncode == 1
    assert "python3 here is Python 3.9.2" in ended.stderr


def test_a_python_that_cannot_build_environments_names_the_package_that_is_missing(machine: Machine) -> None:
    machine.program("python3", WITHOUT_ENSUREPIP)
    ended = machine.run(ROOT / ".ci/venv", "--check")
    assert ended.returncode == 1
    assert "ensurepip" in ended.stderr
    assert f"python{sys.version_info[0]}.{sys.version_info[1]}-venv" in ended.stderr


def test_a_python_that_cannot_build_environments_is_passed_over_for_one_that_can(machine: Machine) -> None:
    machine.program("python3.13", "echo no such version here >&2; exit 127")
    machine.program("python3.12", WITHOUT_ENSUREPIP)
    machine.program("python3", COMPLETE)
    ended = machine.run(ROOT / ".ci/venv", "--check")
    assert (ended.returncode, ended.stdout) == (0, "python3\n"), ended.stderr


@pytest.mark.parametrize(("asked", "complaint"), [("python9", "there is no such program"), ("old", "is Python 3.9.2")])
def test_a_python_that_was_asked_for_is_used_or_refused_by_name(machine: Machine, asked: str, complaint: str) -> None:
    machine.program("old", OLD)
    machine.program("python3", COMPLETE)
    ended = machine.run(ROOT / ".ci/venv", "--check", PYTHON=asked)
    assert ended.returncode == 1
    assert f"PYTHON={asked}" in ended.stderr
    assert complaint in ended.stderr


# --- building the environment ---

BACKEND = '''
import zipfile

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "kdorch-0-py3-none-any.whl"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        info = "kdorch-0.dist-info/"
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: kdorch\\nVersion: 0\\n"
                       "Provides-Extra: worker\\nProvides-Extra: dev\\n@REQUIRES@")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\n"
                       "Root-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
'''


def checkout(folder: Path, requires: str = "") -> Path:
    """A project with its own build backend, so that pip needs no index and no network."""
    (folder / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci/venv", folder / ".ci/venv")
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    (folder / "backend.py").write_text(BACKEND.replace("@REQUIRES@", requires))
    (folder / "constraints.txt").write_text("# none\n")
    return folder / ".ci/venv"


def test_an_environment_is_built_once_and_again_when_its_contents_changed(machine: Machine, tmp_path: Path) -> None:
    machine.program("python3", COMPLETE)
    script = checkout(tmp_path / "a checkout")

    first = machine.run(script, PIP_NO_INDEX="1")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "Installed." in first.stdout

    again = machine.run(script, PIP_NO_INDEX="1")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")

    (tmp_path / "a checkout/constraints.txt").write_text("# changed\n")
    changed = machine.run(script, PIP_NO_INDEX="1")
    assert changed.returncode == 0, changed.stderr
    assert "Installed." in changed.stdout
    assert "Building" not in changed.stdout


def test_a_failed_installation_shows_pips_words_and_is_tried_again(machine: Machine, tmp_path: Path) -> None:
    machine.program("python3", COMPLETE)
    script = checkout(tmp_path / "checkout", requires="Requires-Dist: no-such-distribution-of-ours\\n")
    for _ in range(2):
        ended = machine.run(script, PIP_NO_INDEX="1")
        assert ended.returncode == 1
        assert "No matching distribution found for no-such-distribution-of-ours" in ended.stderr
        assert "install.log" in ended.stderr


# --- missing packages ---

def as_user(machine: Machine, number: int) -> None:
    machine.program("id", f"echo {number}")


def test_packages_that_are_there_need_nothing(machine: Machine) -> None:
    as_user(machine, 1000)
    machine.program("tool-of-ours", "exit 0")
    ended = machine.run(ROOT / ".ci/packages", "tool-of-ours:a-package", CI="true")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_rights_a_person_goes_on_and_ci_stops(machine: Machine, ci: str, code: int) -> None:
    as_user(machine, 1000)
    machine.program("apt-get", f"echo called >>{machine.called}")
    ended = machine.run(ROOT / ".ci/packages", "tool-of-ours:a-package", CI=ci)
    assert ended.returncode == code
    assert "Missing programs: tool-of-ours" in ended.stderr
    assert "sudo apt-get install --no-install-recommends a-package" in ended.stderr
    assert not machine.called.exists()


def test_root_gets_what_is_missing_and_only_that(machine: Machine) -> None:
    as_user(machine, 0)
    machine.program("present", "exit 0")
    machine.program("apt-get", f'echo "$@" >>{machine.called}')
    ended = machine.run(ROOT / ".ci/packages", "present:a-package", "tool-of-ours:another", CI="true")
    assert ended.returncode == 0, ended.stderr
    assert machine.called.read_text().splitlines() == ["update", "install -y --no-install-recommends another"]


def test_a_failed_installation_of_packages_shows_its_words(machine: Machine) -> None:
    as_user(machine, 0)
    machine.program("apt-get", "echo the archive is closed; exit 100")
    ended = machine.run(ROOT / ".ci/packages", "tool-of-ours:a-package", CI="true")
    assert ended.returncode == 1
    assert "the archive is closed" in ended.stderr


# --- running the tests ---

@pytest.mark.parametrize(("light", "heavy", "code"), [(0, 0, 0), (0, 5, 0), (5, 0, 0), (5, 5, 5), (1, 0, 1), (0, 1, 1),
                                                      (2, 5, 2), (1, 3, 1)])
def test_both_passes_run_and_either_can_fail(
        machine: Machine, tmp_path: Path, light: int, heavy: int, code: int) -> None:
    fake = tmp_path / "venv/bin/python"
    fake.parent.mkdir(parents=True)
    fake.write_text(f'#!/bin/sh\necho "$@" >>{machine.called}\n'
                    f'case $* in *"-m not ("*) exit {light} ;; *) exit {heavy} ;; esac\n')
    fake.chmod(0o755)
    ended = machine.run(ROOT / ".ci/test", "-k", "budget", VENV=str(tmp_path / "venv"))
    assert ended.returncode == code
    first, second = machine.called.read_text().splitlines()
    assert first.endswith("-m not (torch or sshd or postgres) and not gpu -k budget")
    assert second.endswith("-m (torch or sshd or postgres) and not gpu -k budget")


def test_make_help_lists_every_target() -> None:
    shown = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("install", "demo", "test", "lint", "fix", "bench", "gpu", "clean"):
        assert f"make {target} " in shown
