"""The bundle is a function of the code, and the command line that starts it is constant."""

from __future__ import annotations

import ast
import gzip
import hashlib
import io
import os
import shlex
import shutil
import tarfile
from pathlib import Path

import pytest

from orchestrator.dispatch import bundle as bundle_module
from orchestrator.dispatch.bundle import BOOTSTRAP, Bundle, boot_command, boot_text, build_bundle
from orchestrator.resources import worker_source
from orchestrator.transport.inventory import HostEntry


def members(bundle: Bundle) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(bundle.data))) as tar:
        return tar.getmembers()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    root = tmp_path / "worker"
    (root / "inner").mkdir(parents=True)
    for name in ("b.py", "a.py", "inner/c.py", "py.typed"):
        (root / name).write_text(name)
    return root


def test_the_same_code_gives_the_same_bytes_wherever_and_whenever_it_lies(package: Path, tmp_path: Path) -> None:
    other = shutil.copytree(package, tmp_path / "elsewhere" / "worker")
    for path in sorted(other.rglob("*"), reverse=True):
        path.chmod(0o755)
        os.utime(path, (10**9, 10**9))
    assert build_bundle(package) == build_bundle(other)


def test_the_digest_is_that_of_the_uncompressed_archive(package: Path) -> None:
    bundle = build_bundle(package)
    assert hashlib.sha256(gzip.decompress(bundle.data)).hexdigest() == bundle.digest
    assert bundle.size == len(bundle.data)


def test_changed_code_is_another_bundle(package: Path) -> None:
    before = build_bundle(package)
    (package / "a.py").write_text("a.pY")
    assert build_bundle(package).digest != before.digest


def test_a_renamed_file_is_another_bundle(package: Path) -> None:
    before = build_bundle(package)
    (package / "a.py").rename(package / "aa.py")
    assert build_bundle(package).digest != before.digest


def test_only_code_travels(package: Path) -> None:
    before = build_bundle(package)
    for name in ("__pycache__/a.cpython-311.pyc", "__pycache__/stray.py", "notes.txt", ".hidden/x.py", ".#a.py",
                 "a.py~", "data.bin", "inner/.x.py"):
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text("no code")
    assert build_bundle(package) == before
    assert [m.name for m in members(before)] == ["worker/a.py", "worker/b.py", "worker/inner/c.py", "worker/py.typed"]


def test_members_carry_nothing_of_this_machine(package: Path) -> None:
    for member in members(build_bundle(package)):
        assert (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
        assert (member.uname, member.gname) == ("", "")


def test_the_real_package_is_whole_and_small() -> None:
    bundle = build_bundle(worker_source())
    names = {m.name for m in members(bundle)}
    assert {"worker/__init__.py", "worker/host.py", "worker/supervisor.py"} <= names
    assert len(names) == len({n for n in names if n.endswith((".py", "py.typed"))})
    assert bundle.size < 1 << 20


def test_what_is_sent_as_text_is_valid_for_the_oldest_python() -> None:
    text = Path(bundle_module.__file__).with_name("on_host.py").read_text()
    ast.parse(text, feature_version=bundle_module.OLDEST_PYTHON)
    assert boot_text().count(b"\n") == 1
    assert boot_text().endswith(b"\n")
    assert boot_text().isascii()


def test_the_command_line_is_constant_but_for_python_root_and_digest() -> None:
    entry = HostEntry("h100", address="h100.example", python="~/venv/bin/python", root="~/.kdorch-host")
    assert boot_command(entry, "serve", "a" * 64) == ["./venv/bin/python", "-c", BOOTSTRAP, "serve", "~/.kdorch-host",
                                                      "a" * 64]


def test_no_login_shell_reads_the_constant_in_its_own_way() -> None:
    # Single quotes keep everything but these: a quote ends them, csh expands '!' within them and ends at a newline.
    assert not set(BOOTSTRAP) & set("'!\n\\")
    assert shlex.split(shlex.join(["python3", "-c", BOOTSTRAP])) == ["python3", "-c", BOOTSTRAP]
