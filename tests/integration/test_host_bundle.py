"""Placing the bundle: once per digest, whole or not at all, whoever races; and what an unfit host says."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.dispatch.agent import connect_agent
from orchestrator.dispatch.bundle import Bundle, build_bundle, place_bundle
from orchestrator.domain.errors import HostUnfit, KdorchError, TransferCorrupt
from orchestrator.resources import worker_source
from orchestrator.transport.connect import connect
from orchestrator.transport.host import Host
from orchestrator.transport.inventory import HostEntry

pytestmark = pytest.mark.sshd


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return build_bundle(worker_source())


def placed(entry: HostEntry) -> Path:
    return Path(entry.root) / "bundles"


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def fake_python(path: Path, script: str) -> str:
    """A small program that stands where the host's Python is looked for."""
    path.write_text(script)
    path.chmod(0o755)
    return str(path)


def test_the_placed_code_is_the_code(any_host: Host, any_entry: HostEntry, bundle: Bundle) -> None:
    place_bundle(any_host, any_entry, bundle)
    there = placed(any_entry) / bundle.digest / "worker"
    for source in worker_source().rglob("*.py"):
        assert (there / source.relative_to(worker_source())).read_bytes() == source.read_bytes()
    assert stat.S_IMODE(Path(any_entry.root).stat().st_mode) == 0o700
    assert not list(there.rglob("__pycache__"))


def test_placing_again_changes_nothing(any_host: Host, any_entry: HostEntry, bundle: Bundle) -> None:
    place_bundle(any_host, any_entry, bundle)
    before = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in placed(any_entry).rglob("*")}
    place_bundle(any_host, any_entry, bundle)
    assert {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in placed(any_entry).rglob("*")} == before


def test_ten_that_race_leave_one_bundle_and_nothing_else(any_entry: HostEntry, home: Path, bundle: Bundle) -> None:
    errors: list[BaseException] = []
    line = threading.Barrier(10)

    def place() -> None:
        try:
            host = connect(any_entry, home)
            line.wait()
            place_bundle(host, any_entry, bundle)
            host.close()
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=place) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert names_in(placed(any_entry)) == [bundle.digest]


def test_bytes_of_another_digest_are_refused(any_host: Host, any_entry: HostEntry, bundle: Bundle) -> None:
    with pytest.raises(TransferCorrupt, match=f"expected sha256 {'0' * 64}, got .*{bundle.digest}"):
        place_bundle(any_host, any_entry, Bundle("0" * 64, bundle.data))
    assert not placed(any_entry).exists()


def test_a_torn_archive_is_refused(any_host: Host, any_entry: HostEntry, bundle: Bundle) -> None:
    with pytest.raises(TransferCorrupt):
        place_bundle(any_host, any_entry, Bundle(bundle.digest, bundle.data[: len(bundle.data) // 2]))
    with pytest.raises(TransferCorrupt, match="not an archive"):
        place_bundle(any_host, any_entry, Bundle(bundle.digest, b"no archive"))
    assert not placed(any_entry).exists()


def test_connecting_places_what_is_absent_and_finds_what_is_there(any_entry: HostEntry, home: Path,
                                                                  bundle: Bundle) -> None:
    for _ in range(2):
        with connect_agent(any_entry, home, bundle) as agent:
            assert agent.hello().root == any_entry.root
    assert names_in(placed(any_entry)) == [bundle.digest]


def test_a_root_in_the_home_directory_is_found_there(any_host: Host, any_entry: HostEntry, home: Path, bundle: Bundle,
                                                     tmp_path: Path) -> None:
    hosts_home = any_host.run(["sh", "-c", 'printf %s "$HOME"']).stdout.decode()
    inside = os.path.relpath(tmp_path / "root-in-home", hosts_home)
    entry = replace(any_entry, root=f"~/{inside}")
    place_bundle(any_host, entry, bundle)
    assert (tmp_path / "root-in-home" / "bundles" / bundle.digest / "worker").is_dir()
    assert not Path("~").exists()


def test_a_login_shell_that_talks_is_heard_out(any_entry: HostEntry, home: Path, bundle: Bundle,
                                               tmp_path: Path) -> None:
    talking = fake_python(tmp_path / "python",
                          f'#!/bin/sh\necho Welcome; printf "no newline"\nexec {sys.executable} "$@"\n')
    with connect_agent(replace(any_entry, python=talking), home, bundle) as agent:
        agent.ping()


def test_modules_in_the_home_directory_are_not_mistaken_for_pythons_own(home: Path, bundle: Bundle, tmp_path: Path,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    entry = HostEntry("here", "local", python=sys.executable, root=str(tmp_path / "root"))
    with connect_agent(entry, home, bundle) as agent:
        agent.ping()


class TestUnfitHosts:
    """Each gives one clear message, and leaves nothing half-written."""

    def refusal(self, entry: HostEntry, home: Path, bundle: Bundle) -> KdorchError:
        with pytest.raises(HostUnfit) as refused:
            connect_agent(entry, home, bundle)
        assert refused.value.hint
        assert not refused.value.transient
        assert refused.value.message.startswith(entry.name)
        return refused.value

    def test_no_python(self, any_entry: HostEntry, home: Path, bundle: Bundle) -> None:
        error = self.refusal(replace(any_entry, python="python-that-is-not-there"), home, bundle)
        assert "python-that-is-not-there cannot be run there" in error.message

    def test_a_python_that_is_no_program(self, any_entry: HostEntry, home: Path, bundle: Bundle,
                                         tmp_path: Path) -> None:
        (tmp_path / "python").write_text("not executable")
        assert "cannot be run there" in self.refusal(replace(any_entry, python=str(tmp_path / "python")), home,
                                                     bundle).message

    def test_a_python_that_dies_at_once(self, any_entry: HostEntry, home: Path, bundle: Bundle, tmp_path: Path) -> None:
        broken = fake_python(tmp_path / "python", "#!/bin/sh\necho 'No module named encodings' >&2\nexit 1\n")
        error = self.refusal(replace(any_entry, python=broken), home, bundle)
        assert "status 1" in error.message
        assert "No module named encodings" in error.message

    def test_a_python_that_is_too_old(self, any_entry: HostEntry, home: Path, bundle: Bundle, tmp_path: Path) -> None:
        old = fake_python(tmp_path / "python", f"#!{sys.executable}\nimport sys\nsys.version_info = (3, 8, 18)\n"
                                               "program = sys.argv[2]\nsys.argv = sys.argv[1:]\nexec(program)\n")
        error = self.refusal(replace(any_entry, python=old), home, bundle)
        assert "is Python 3.8.18; kdorch needs 3.10 or later" in error.message

    def test_a_root_that_cannot_be_made(self, any_entry: HostEntry, home: Path, bundle: Bundle, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        error = self.refusal(replace(any_entry, root=str(tmp_path / "file" / "root")), home, bundle)
        assert "cannot be written" in error.message
        assert (tmp_path / "file").read_text() == "in the way"

    def test_a_disk_quota_that_is_used_up(self, any_entry: HostEntry, home: Path, bundle: Bundle,
                                          tmp_path: Path) -> None:
        cramped = fake_python(tmp_path / "python", f'#!/bin/sh\nulimit -f 1\nexec {sys.executable} "$@"\n')
        error = self.refusal(replace(any_entry, python=cramped), home, bundle)
        assert "no room below" in error.message
        assert names_in(placed(any_entry)) == []

    def test_a_full_disk(self, any_entry: HostEntry, home: Path, bundle: Bundle, tmp_path: Path) -> None:
        if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode != 0:
            pytest.skip("this machine does not let its users mount a small disk; the used-up quota stands for it")
        root = Path(any_entry.root)
        root.mkdir()
        small = fake_python(tmp_path / "python", "#!/bin/sh\nexec unshare -rm sh -c 'mount -t tmpfs -o size=64k none "
                                                 f"{root} && exec {sys.executable} \"$@\"' sh \"$@\"\n")
        error = self.refusal(replace(any_entry, python=small), home, bundle)
        assert "no room below" in error.message
        assert "No space left on device" in error.message
