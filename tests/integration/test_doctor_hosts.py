"""``kdorch host doctor`` on a good host and on broken ones, over a real OpenSSH server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from orchestrator.cli.doctor import lines
from orchestrator.cli.host import host as host_group
from orchestrator.dispatch.doctor import Examination, examine, remembered
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import open_ledger, this_bundle
from orchestrator.transport.inventory import HostEntry
from tests.integration import fake_programs as fakes
from tests.integration.sshd_server import SshServer

pytestmark = pytest.mark.sshd
SCHEMA = Path(__file__).parents[1] / "contract" / "cli" / "doctor.schema.json"


@pytest.fixture
def fake_path(tmp_path: Path) -> Path:
    """Programs here come before all others on the host."""
    path = tmp_path / "fake-bin"
    path.mkdir()
    return path


@pytest.fixture
def host_with(sshd_program: str, home: Path, fake_path: Path) -> Iterator[Callable[..., HostEntry]]:
    """A trusted host whose PATH begins with ``fake_path``; its entry with changes."""
    with SshServer(options=(f"SetEnv=PATH={fake_path}:{os.environ['PATH']}",)) as server:
        server.trust(home)

        def entry(**changes: Any) -> HostEntry:
            return server.entry(**{"python": fakes.BARE_PYTHON, **changes})

        yield entry


def seen(home: Path, entry: HostEntry, *, kernels: bool = False) -> dict[str, tuple[str, str, str]]:
    """Every line by its subject: level, fact, remedy."""
    found = examined(home, entry, kernels=kernels)
    assert len({f.subject for f in found.findings}) == len(found.findings), "one line for each subject"
    for finding in found.findings:
        assert finding.remedy if finding.level in ("warn", "fail") else not finding.remedy, finding
    return {f.subject: (f.level, f.fact, f.remedy) for f in found.findings}


def examined(home: Path, entry: HostEntry, *, kernels: bool = False) -> Examination:
    return examine(Home(home), entry, this_bundle(), kernels=kernels)


def levels(found: dict[str, tuple[str, str, str]], level: str) -> list[str]:
    return sorted(subject for subject, line in found.items() if line[0] == level)


@pytest.mark.torch
def test_a_good_host_is_fit_and_its_facts_are_recorded(home: Path, host_with: Callable[..., HostEntry],
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    entry = host_with(python=sys.executable)
    found = examined(home, entry, kernels=True)
    assert found.fit
    by_subject = {f.subject: f for f in found.findings}
    assert [s for s in by_subject if by_subject[s].level == "ok"][:6] == [
        "ssh", "host key", "login", "python", "host program", "clock"]
    assert "SHA256:" in by_subject["host key"].fact
    assert by_subject["kernel"].fact.startswith("ran on the processor")
    assert by_subject["backward"].level == "ok"
    assert found.facts is not None
    assert found.facts["kernel_ok"] is True
    assert found.facts["backward_ok"] is True

    (home / "hosts.yaml").write_text(
        f"hosts:\n  loop:\n    address: {entry.address}\n    port: {entry.port}\n    user: {entry.user}\n"
        f"    identity: {entry.identity}\n    ssh_config: none\n    root: {entry.root}\n    python: {entry.python}\n")
    monkeypatch.setenv("KDORCH_HOME", str(home))
    told = CliRunner().invoke(host_group, ["doctor", "loop", "--quick", "--json"], standalone_mode=False)
    assert told.exception is None
    assert told.return_value == 0
    answer = json.loads(told.stdout)
    jsonschema.validate(answer, json.loads(SCHEMA.read_text()))
    with open_ledger(Home(home)) as ledger:
        recorded = ledger.host_facts("loop")
    assert recorded is not None
    assert recorded["root_fstype"]
    assert recorded["memory_mib"] > 0
    assert "now" not in recorded


def test_an_unknown_key_names_its_fingerprint_and_the_way_to_trust_it(home: Path, sshd: SshServer) -> None:
    found = seen(home, sshd.entry())
    assert levels(found, "fail") == ["host key"]
    _, fact, remedy = found["host key"]
    assert fact.startswith("unknown: ")
    assert sshd.host_keys()[0].fingerprint in fact
    assert "kdorch host trust loop" in remedy
    assert found["torch"][0] == "skip"


def test_a_changed_key_shows_both_and_how_to_replace_it(home: Path, sshd: SshServer) -> None:
    sshd.trust(home)
    old = sshd.host_keys()[0].fingerprint
    sshd.swap_host_key()
    found = seen(home, sshd.entry())
    assert levels(found, "fail") == ["host key"]
    assert found["host key"][1].startswith("changed: ")
    assert old in found["host key"][1]
    assert sshd.host_keys()[0].fingerprint in found["host key"][1]
    assert "kdorch host trust loop --replace" in found["host key"][2]


def test_a_refused_login_is_told_apart_from_a_key(home: Path, sshd: SshServer) -> None:
    sshd.trust(home)
    stranger = SshServer.make_key(sshd.directory / "stranger")
    found = seen(home, sshd.entry(identity=stranger))
    assert (found["host key"][0], found["login"][0]) == ("ok", "fail")


def test_nobody_answers(home: Path, sshd: SshServer) -> None:
    sshd.trust(home)
    sshd.stop()
    found = seen(home, sshd.entry())
    assert levels(found, "fail") == ["connection"]
    assert "refuses connections" in found["connection"][1]


def test_a_python_that_is_missing(home: Path, host_with: Callable[..., HostEntry]) -> None:
    found = seen(home, host_with(python="/opt/none/python3"))
    assert levels(found, "fail") == ["python"]
    assert "is not there" in found["python"][1]


def test_a_python_that_is_too_old(home: Path, host_with: Callable[..., HostEntry], tmp_path: Path) -> None:
    old = fakes.flawed_python(tmp_path / "old", "import sys\nsys.version_info = (3, 8, 10, 'final', 0)\n")
    found = seen(home, host_with(python=old))
    assert levels(found, "fail") == ["python"]
    assert "is Python 3.8.10" in found["python"][1]
    assert "3.10 or later" in found["python"][2]


def test_no_torch_where_gpus_are_asked(home: Path, host_with: Callable[..., HostEntry], fake_path: Path) -> None:
    fakes.nvidia_smi(fake_path)
    found = seen(home, host_with(gpus=1), kernels=True)
    assert levels(found, "fail") == ["torch"]
    assert "not installed for" in found["torch"][1]
    assert found["gpus"] == ("ok", "NVIDIA H100 80GB HBM3, 79.6 GiB, sm_90", "")
    assert found["kernel"][0] == "skip"


@pytest.mark.torch
def test_a_torch_without_cuda_on_a_host_with_gpus(home: Path, host_with: Callable[..., HostEntry],
                                                  fake_path: Path) -> None:
    fakes.nvidia_smi(fake_path)
    found = seen(home, host_with(python=sys.executable, gpus=1), kernels=True)
    assert {"torch", "kernel"} <= set(levels(found, "fail"))
    assert "build without CUDA" in found["torch"][1]
    assert "sees none of the 1 GPUs" in found["kernel"][1]


def test_a_root_that_cannot_be_written(home: Path, host_with: Callable[..., HostEntry]) -> None:
    found = seen(home, host_with(root="/proc/kdorch"))
    assert levels(found, "fail") == ["host program"]
    assert "cannot be written" in found["host program"][1]
    assert "root:" in found["host program"][2]


def test_a_nearly_full_disk(home: Path, host_with: Callable[..., HostEntry], tmp_path: Path) -> None:
    with small_file_system(tmp_path / "small", "24m") as python:
        found = seen(home, host_with(python=python, root=str(tmp_path / "small" / "root")))
    assert levels(found, "fail") == ["disk"]
    assert "MiB free" in found["disk"][1]
    assert "gc" in found["disk"][2]
    assert found["root"][:1] == ("warn",)


@pytest.mark.parametrize(("flaw", "words"), [
    ("raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))", "ENOLCK No locks available"),
    ("return None", "'granted' of a lock that is held"),
], ids=["refused", "granted to two"])
def test_a_file_system_where_flock_does_not_work(home: Path, host_with: Callable[..., HostEntry], tmp_path: Path,
                                                 flaw: str, words: str) -> None:
    python = fakes.flawed_python(
        tmp_path / "nolock", f"import errno, fcntl, os\ndef flock(fd, operation):\n    {flaw}\nfcntl.flock = flock\n")
    found = seen(home, host_with(python=python))
    assert levels(found, "fail") == ["locks"]
    assert words in found["locks"][1]
    assert "root:" in found["locks"][2]


@pytest.mark.parametrize(("shift_s", "words"), [(7500, "2.1 h ahead of"), (-610, "10 min behind")])
def test_a_clock_that_is_off(home: Path, host_with: Callable[..., HostEntry], tmp_path: Path, shift_s: int,
                             words: str) -> None:
    python = fakes.flawed_python(tmp_path / "clock",
                                 f"import time\nreal = time.time\ntime.time = lambda: real() + {shift_s}\n")
    found = seen(home, host_with(python=python))
    assert found["clock"][0] == "warn"
    assert words in found["clock"][1]
    assert not levels(found, "fail")


def test_a_broken_driver(home: Path, host_with: Callable[..., HostEntry], fake_path: Path) -> None:
    fakes.program(fake_path / "nvidia-smi", fakes.BROKEN_NVIDIA_SMI)
    found = seen(home, host_with(gpus=1))
    assert levels(found, "fail") == ["driver", "gpus", "torch"]
    assert "couldn't communicate with the NVIDIA driver" in found["driver"][1]
    assert seen(home, host_with())["driver"][0] == "warn", "a host that gives no GPU to runs is still fit"


def test_somebody_else_uses_the_gpu(home: Path, host_with: Callable[..., HostEntry], fake_path: Path) -> None:
    fakes.nvidia_smi(fake_path, apps=fakes.FOREIGN)
    entry = host_with(gpus=1)
    found = seen(home, entry)
    assert found["gpu use"][0] == "warn"
    assert "python3 (pid 1, root, 40.0 GiB)" in found["gpu use"][1]
    assert seen(home, replace(entry, share_gpus=True))["gpu use"][0] == "ok"


def test_logind_that_kills_what_a_user_leaves_behind(home: Path, host_with: Callable[..., HostEntry],
                                                     fake_path: Path) -> None:
    fakes.program(fake_path / "busctl", fakes.BUSCTL)
    fakes.program(fake_path / "loginctl", fakes.LOGINCTL)
    found = seen(home, host_with())
    assert levels(found, "fail") == ["logout"]
    assert "KillUserProcesses=yes (linger off)" in found["logout"][1]
    assert "KillExcludeUsers" in found["logout"][2]


def test_lines_are_aligned_and_coloured_only_when_asked(home: Path, sshd: SshServer) -> None:
    findings = examined(home, sshd.entry()).findings
    shown = lines(findings)
    assert "\x1b" not in "".join(shown)
    assert len({line.index(line.split(None, 2)[2].split()[0], 6) for line in shown if line.startswith("skip")}) == 1
    assert "\x1b[31mfail" in "".join(lines(findings, colour=True))
    assert all(len(line) <= 60 for line in lines(findings, width=60) if " " in line.strip()
               and "SHA256:" not in line and "/" not in line)


def test_a_quick_look_keeps_what_a_trial_found() -> None:
    known = {"torch": "2.9", "driver": "570", "kernel_ok": True, "backward_ok": False, "flash": {"fa3": True}}
    quick = {"torch": "2.9", "driver": "570", "kernel_ok": None, "backward_ok": None, "flash": None, "now": "…"}
    assert remembered(known, quick) == known
    upgraded = remembered(known, {**quick, "torch": "2.10"})
    assert (upgraded["kernel_ok"], upgraded["flash"]) == (None, None)


@contextmanager
def small_file_system(point: Path, size: str) -> Iterator[str]:
    """A tmpfs of ``size`` at ``point`` that only programs started through the interpreter that is yielded see."""
    point.mkdir()
    holder = subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
         f"mount -t tmpfs -o size={size} small {point} && echo up && exec cat"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        if holder.stdout.readline() != b"up\n":
            pytest.fail("this machine allows no mount in a user namespace")
        yield str(fakes.program(
            point.parent / "python-inside",
            f'#!/bin/sh\n[ -z "$INSIDE" ] || exec {fakes.BARE_PYTHON} "$@"\nexport INSIDE=1\n'
            f'exec nsenter --user --mount --preserve-credentials --target {holder.pid} {fakes.BARE_PYTHON} "$@"\n'))
        holder.stdin.close()
