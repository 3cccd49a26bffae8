"""What a host looks at for ``doctor``: real locks, real cgroups, and programs and files as distributions have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.fake_programs import program
from worker.asked import Answered, ask
from worker.doctor_gpu import gpu_facts, processes
from worker.doctor_logout import logind_settings, logout_facts
from worker.doctor_system import cgroup_limits, max_sessions, process_limits, slurm_facts
from worker.gpu import mig_instances
from worker.lock_trial import lock_trial

LISTING = """\
GPU 0: NVIDIA A100-SXM4-80GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.40gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 1c.3g.40gb  Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)
GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-8dee7ab2-2dbb-48c1-b8b9-f6fa7e76dd2c)
"""


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory of PATH but for the shell's own."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/bin")
    return directory


def test_a_lock_is_tried_with_a_second_process_and_leaves_nothing(tmp_path: Path) -> None:
    assert lock_trial(str(tmp_path))["works"] is True
    assert list(tmp_path.iterdir()) == []
    assert lock_trial(str(tmp_path / "none"))["works"] is None


def test_mig_instances_belong_to_their_gpu() -> None:
    found = mig_instances(LISTING)
    assert list(found) == ["GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77"]
    assert [m["profile"] for m in found["GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77"]] == ["3g.40gb", "1c.3g.40gb"]


def test_compute_processes_are_read_whatever_their_names_hold() -> None:
    text = "GPU-1, 4711, /opt/a, b/python3, 40960\nGPU-1, 12, [Not Found], [N/A]\nNo running processes found\n"
    found = processes(Answered(text, None))
    told = [(p["pid"], p["name"], p["memory_mib"]) for p in found]
    assert told == [(4711, "python3", 40960), (12, "[Not Found]", None)]
    assert processes(Answered(text, "it failed")) == []


def test_a_driver_that_fails_says_why(on_path: Path) -> None:
    program(on_path / "nvidia-smi",
            "#!/bin/sh\necho 'Failed to initialize NVML: Driver/library version mismatch'\nexit 18\n")
    found = gpu_facts()
    assert found["gpus"] == []
    assert "Driver/library version mismatch" in found["gpu_error"]


def test_logind_s_files_are_read_in_their_order(tmp_path: Path) -> None:
    vendor, local = tmp_path / "usr", tmp_path / "etc"
    for directory, name, text in (
            (vendor, "logind.conf", "[Login]\nKillUserProcesses=yes\n"),
            (vendor / "logind.conf.d", "10-a.conf", "[Login]\nKillUserProcesses=yes\nKillExcludeUsers=root\n"),
            (local / "logind.conf.d", "10-a.conf", "[Other]\nKillUserProcesses=yes\n"),
            (local / "logind.conf.d", "20-b.conf", "# KillUserProcesses=yes\n[Login]\nKillExcludeUsers = root kd\n")):
        directory.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    assert logind_settings((str(vendor), str(local))) == {"KillUserProcesses": "yes", "KillExcludeUsers": "root kd"}
    (local / "logind.conf").write_text("[Login]\n#KillUserProcesses=yes\n")
    assert logind_settings((str(vendor), str(local))) == {"KillExcludeUsers": "root kd"}


@pytest.mark.parametrize(("answer", "kills", "applies"), [
    ('b true\nas 0\nas 0\n', True, True),
    ('b true\nas 1 "somebody"\nas 1 "somebody"\n', True, False),
    ('b false\nas 1 "root"\nas 0\n', False, False),
])
def test_the_running_logind_s_word_counts(on_path: Path, answer: str, kills: bool, applies: bool) -> None:
    program(on_path / "busctl", f"#!/bin/sh\nprintf '{answer}'\n")
    program(on_path / "loginctl", "#!/bin/sh\necho yes\n")
    found = logout_facts()
    assert (found["kill_user_processes"], found["applies"], found["linger"]) == (kills, applies, True)


def test_slurm_is_asked_for_the_flags_that_a_launch_needs(on_path: Path) -> None:
    assert slurm_facts()["present"] is False
    program(on_path / "sbatch", "#!/bin/sh\n[ $1 = --version ] && echo 'slurm 20.02.7' || "
            "echo '--parsable --no-requeue --signal=[B:]num --open-mode={append} --comment=a --export=b --gres=c'\n")
    program(on_path / "squeue", "#!/bin/sh\necho '  --name=job  --noheader  --format=f  --jsonish'\n")
    found = slurm_facts()
    assert found["version"] == "slurm 20.02.7"
    assert found["missing"] == ["squeue --json", "sacct"]


def test_the_tightest_cgroup_on_the_way_counts(tmp_path: Path) -> None:
    deep = tmp_path / "user.slice" / "session.scope"
    deep.mkdir(parents=True)
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "membership").write_text("0::/user.slice/session.scope\n")
    (deep / "memory.max").write_text("max\n")
    (deep / "cpu.max").write_text("max 100000\n")
    (deep.parent / "memory.max").write_text(f"{8 << 30}\n")
    (deep.parent / "cpu.max").write_text("150000 100000\n")
    (deep.parent / "pids.max").write_text("512\n")
    found = cgroup_limits(str(tmp_path), str(tmp_path / "membership"))
    assert (found["version"], found["memory_mib"], found["cpus"], found["pids"]) == (2, 8192, 1.5, 512)


def test_sshd_s_first_setting_counts_and_match_blocks_do_not(tmp_path: Path) -> None:
    config = tmp_path / "sshd_config"
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.conf").write_text("MaxSessions 4\n")
    config.write_text("Port 22\nInclude more/*.conf\nMaxSessions 20\nMatch User kd\nMaxSessions 1\n")
    assert max_sessions(str(config))["max_sessions"] == 4
    config.write_text("Match User kd\nMaxSessions 1\n")
    assert max_sessions(str(config))["max_sessions"] == 10
    assert max_sessions(str(tmp_path / "none"))["max_sessions"] is None


def test_a_program_that_hangs_is_left_behind(on_path: Path) -> None:
    program(on_path / "nvidia-smi", "#!/bin/sh\nexec sleep 600\n")
    assert "did not answer" in (ask("nvidia-smi", patience_s=0.3).problem or "")
    assert process_limits()["open_files"] is None or process_limits()["open_files"] > 0
