"""What a host's facts mean: the lines of ``kdorch host doctor`` for good hosts, and for one flaw at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.doctor import lines
from orchestrator.dispatch.doctor import judge
from orchestrator.dispatch.finding import Finding
from orchestrator.transport.inventory import HostEntry
from tests.unit.doctor_facts import GB10, H100, gb10, h100

DATA = Path(__file__).parent / "data"
Change = Callable[[dict[str, Any]], None]


def found(entry: HostEntry, facts: dict[str, Any]) -> dict[str, Finding]:
    return {f.subject: f for f in judge(entry, facts)}


@pytest.mark.parametrize(("name", "entry", "facts"), [("h100", H100, h100), ("gb10", GB10, gb10)])
def test_a_good_host_reads_as_written_down(name: str, entry: HostEntry, facts: Callable[[], dict[str, Any]]) -> None:
    shown = "".join(f"{line}\n" for line in lines(tuple(judge(entry, facts()))))
    assert shown == (DATA / f"doctor_{name}.txt").read_text()


def test_gb10_is_judged_by_its_trial_and_not_by_what_is_said_of_it() -> None:
    lines_of = found(GB10, gb10())
    assert not [f for f in lines_of.values() if f.level == "fail"]
    assert "shares the host's 119.7 GiB" in lines_of["gpus"].fact
    assert lines_of["kernel"].level == "ok"
    assert lines_of["backward"].level == "warn"
    assert "sm_121 backward" in lines_of["backward"].remedy


def flaw(path: str, value: Any) -> Change:
    """A change to one fact, by its dotted path."""
    def change(facts: dict[str, Any]) -> None:
        *way, last = path.split(".")
        for word in way:
            facts = facts[word]
        facts[last] = value
    return change


KERNEL = "trainer.checks.kernel"


@pytest.mark.parametrize(("change", "subject", "level", "words"), [
    (flaw("root_writable", False), "root", "fail", "cannot be written"),
    (flaw("root_fstype", "nfs4"), "root", "fail", "lies on nfs4"),
    (flaw("root_fstype", "tmpfs"), "root", "warn", "a reboot empties it"),
    (flaw("locks", {"works": False, "detail": "flock is refused: ENOLCK"}), "locks", "fail", "ENOLCK"),
    (flaw("locks", {"error": "OSError: odd"}), "locks", "skip", "odd"),
    (flaw("disk_free_bytes", 900 << 20), "disk", "fail", "900.0 MiB"),
    (flaw("disk_free_bytes", 5 << 30), "disk", "warn", "5.0 GiB"),
    (flaw("inodes_free", 12), "disk", "fail", "12 inodes"),
    (flaw("inodes_free", 0), "disk", "ok", "812.0 GiB free"),
    (flaw("cgroup.memory_mib", 1024), "memory", "warn", "1.0 GiB of it allowed"),
    (flaw("cgroup.cpus", 4.0), "memory", "ok", "4 processors' time allowed"),
    (flaw("limits.open_files", 256), "limits", "warn", "open files 256"),
    (flaw("cgroup.pids", 64), "limits", "warn", "processes 64"),
    (flaw("limits.cpu_s", 3600), "limits", "fail", "3600 s"),
    (flaw("limits.address_space_bytes", 64 << 30), "limits", "fail", "ulimit -v"),
    (flaw("limits.file_size_bytes", 1 << 30), "limits", "warn", "ulimit -f"),
    (flaw("logout.applies", True), "logout", "fail", "die when the connection closes"),
    (flaw("logout.kill_user_processes", None), "logout", "warn", "not known"),
    (flaw("logout.logind", False), "logout", "ok", "no systemd-logind"),
    (flaw("sshd.max_sessions", 1), "sessions", "warn", "MaxSessions 1"),
    (flaw("sshd.max_sessions", None), "sessions", "skip", "cannot be read"),
    (flaw("slurm", {"present": True, "version": "slurm 20.02", "missing": ["squeue --json"], "errors": []}), "slurm",
     "warn", "without squeue --json"),
    (flaw("slurm", {"present": True, "version": "slurm 24.05", "missing": [], "errors": [], "accounting": False}),
     "slurm", "warn", "accounting is off"),
    (flaw("gpu_error", "nvidia-smi ended with 9: no driver"), "driver", "fail", "ended with 9"),
    (flaw("driver", None), "driver", "fail", "no NVIDIA driver"),
    (flaw("gpus", []), "gpus", "fail", "0 found, hosts.yaml says 1"),
    (flaw("trainer.torch", None), "torch", "fail", "not installed"),
    (flaw("trainer", {"path": "/x/python", "error": "/x/python is not on this host"}), "torch", "fail", "not on this"),
    (flaw("trainer.cuda", None), "torch", "fail", "without CUDA"),
    (flaw("trainer.numpy", None), "torch", "fail", "without numpy"),
    (flaw("trainer.error", "no answer within 420 s"), "torch", "warn", "did not end"),
    (flaw("trainer.python", "3.9.2"), "torch", "fail", "Python 3.9.2"),
    (flaw(KERNEL, {"ok": False, "error": "ended by signal SIGSEGV"}), "kernel", "fail", "SIGSEGV"),
    (flaw(KERNEL, {"ok": None, "error": "CUDA out of memory"}), "kernel", "warn", "not tried"),
    (flaw(KERNEL, {"ok": True, "device": "cpu", "ms": 3, "warnings": ["CUDA unknown error"]}), "kernel", "fail",
     "sees none of the 1 GPUs: CUDA unknown error"),
    (flaw("trainer.checks.backward", {"ok": False, "error": "gradient"}), "backward", "fail", "gradient"),
    (flaw("trainer.checks.fa3", {"ok": False, "error": "no kernel image"}), "flash", "warn",
     "FlashAttention-3: no kernel image"),
    (flaw("trainer.checks", {}), "kernel", "skip", "not asked for"),
])
def test_one_flaw_is_one_line(change: Change, subject: str, level: str, words: str) -> None:
    facts = h100()
    change(facts)
    line = found(H100, facts)[subject]
    assert (line.level, words in line.fact) == (level, True), line
    assert bool(line.remedy) == (level in ("warn", "fail"))


@pytest.mark.parametrize("key", sorted(h100()))
def test_a_fact_that_is_missing_is_no_crash(key: str) -> None:
    facts = h100()
    del facts[key]
    assert {f.subject for f in judge(H100, facts)} == {f.subject for f in judge(H100, h100())}


def test_devices_must_be_there_and_only_theirs_count() -> None:
    facts = h100()
    facts["gpu_processes"] = [{"gpu": "GPU-9999", "pid": 7, "name": "python3", "user": None, "memory_mib": None}]
    narrow = replace(H100, devices=("GPU-1111",))
    assert found(narrow, facts)["gpu use"].level == "ok"
    assert "another user" in found(H100, facts)["gpu use"].fact
    assert found(replace(H100, devices=("MIG-5555",)), facts)["gpus"].level == "fail"


def test_kdorch_s_own_trainers_are_no_strangers() -> None:
    facts = h100()
    facts["gpu_processes"] = [{"gpu": "GPU-1111", "pid": 7, "name": "python3", "user": "kd", "memory_mib": 900,
                               "kdorch": True}]
    assert found(H100, facts)["gpu use"] == Finding("ok", "gpu use", "no foreign process; 1 of kdorch's")


def test_mig_instances_count_as_devices() -> None:
    facts = h100()
    facts["gpus"][0]["mig"] = [{"uuid": "MIG-5555", "profile": "3g.40gb"}, {"uuid": "MIG-6666", "profile": "3g.40gb"}]
    line = found(replace(H100, gpus=2, slots=2), facts)["gpus"]
    assert line.level == "ok"
    assert "MIG 3g.40gb 3g.40gb" in line.fact


def test_a_host_without_gpus_needs_none() -> None:
    facts = h100()
    facts.update(gpus=[], driver=None, driver_cuda=None)
    facts["trainer"].update(torch=None, checks={})
    lines_of = found(replace(H100, gpus=0), facts)
    assert not [f for f in lines_of.values() if f.level == "fail"]
    assert (lines_of["driver"].level, lines_of["torch"].level) == ("skip", "warn")
