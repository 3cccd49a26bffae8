"""Facts of good hosts, in the shape in which the host program tells them."""

from __future__ import annotations

from typing import Any

from orchestrator.transport.inventory import HostEntry

H100 = HostEntry("h100", address="h100.example", user="kd", gpus=1, python="~/kd/bin/python", root="~/.kdorch-host")
GB10 = HostEntry("gb10", address="gb10.example", user="kd", gpus=1)


def _checks(**others: dict[str, Any]) -> dict[str, Any]:
    fine: dict[str, Any] = {"ok": True, "error": None, "ms": 812}
    missing: dict[str, Any] = {"ok": None, "error": "flash_attn is not installed", "ms": 9}
    kernel = {**fine, "device": "cuda", "warnings": [],
              "devices": [{"name": "NVIDIA H100 80GB HBM3", "compute_capability": "9.0", "memory_mib": 81079,
                           "free_mib": 80545}]}
    return {"kernel": kernel, "backward": fine, "sdpa_flash": fine, "fa2": missing,
            "fa3": {**fine, "source": "flash_attn_interface"}, "compiled": fine, **others}


def h100() -> dict[str, Any]:
    """An H100 with everything as it should be."""
    return {
        "root": "/home/kd/.kdorch-host", "root_exists": True, "root_writable": True, "root_fstype": "ext4",
        "locks": {"works": True, "detail": "a lock that is held keeps a second process out"},
        "disk_free_bytes": 812 << 30, "inodes_free": 58_000_000, "memory_mib": 515_000, "cores": 52,
        "cgroup": {"version": 2, "path": "/user.slice", "memory_mib": None, "cpus": None, "pids": 618_000},
        "limits": {"open_files": 1_048_576, "processes": 2_060_000, "address_space_bytes": None,
                   "file_size_bytes": None, "cpu_s": None},
        "logout": {"user": "kd", "logind": True, "linger": True, "kill_user_processes": False, "exempt": ["root"],
                   "applies": False},
        "sshd": {"max_sessions": 10, "source": "/etc/ssh/sshd_config"},
        "slurm": {"present": False, "version": None, "missing": [], "errors": []},
        "driver": "570.86.10", "driver_cuda": "12.8", "gpu_error": None,
        "gpus": [{"uuid": "GPU-1111", "name": "NVIDIA H100 80GB HBM3", "memory_mib": 81_559, "memory_used_mib": 14,
                  "driver": "570.86.10", "compute_capability": "9.0", "mig": []}],
        "gpu_processes": [],
        "trainer": {"path": "/home/kd/kd/bin/python", "python": "3.11.9", "torch": "2.9.1+cu128", "cuda": "12.8",
                    "numpy": "2.1.0", "checks": _checks()},
    }


def gb10() -> dict[str, Any]:
    """A GB10: the driver does not tell its memory, torch warns of its capability, and compiled backward crashes."""
    told = h100()
    told.update(
        memory_mib=122_570, driver="580.95.05", driver_cuda="13.0",
        gpus=[{"uuid": "GPU-2222", "name": "NVIDIA GB10", "memory_mib": None, "memory_used_mib": None,
               "driver": "580.95.05", "compute_capability": "12.1", "mig": []}])
    kernel = {"ok": True, "error": None, "device": "cuda", "ms": 900, "devices": [
        {"name": "NVIDIA GB10", "compute_capability": "12.1", "memory_mib": 122_570, "free_mib": 110_000}],
        "warnings": ["Found GPU0 NVIDIA GB10 which is of cuda capability 12.1. Minimum and Maximum cuda capability "
                     "supported by this version of PyTorch is (8.0) - (12.0)"]}
    crash = {"ok": False, "failure": "jit_crash", "ms": 4000, "error":
             "ended with status 1: ptxas fatal   : Value 'sm_121a' is not defined for option 'gpu-name'"}
    missing = {"ok": None, "error": "flash_attn_interface is not installed", "ms": 9}
    told["trainer"].update(torch="2.9.1+cu130", cuda="13.0", checks=_checks(kernel=kernel, compiled=crash, fa3=missing))
    return told
