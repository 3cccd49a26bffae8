"""The GPUs as the driver tells of them: devices, MIG instances, versions, and whose processes use them."""

from __future__ import annotations

import os
import pwd
import re
from contextlib import suppress
from typing import Any

from worker.asked import Answered, ask
from worker.gpu import gpus, mig_instances
from worker.programs import find_program

PATIENCE_S = 30.0
"""Without persistence mode the driver is loaded anew for every question, and takes seconds."""

DRIVER_FILE = "/proc/driver/nvidia/version"


def gpu_facts() -> dict[str, Any]:
    """``gpus`` with their ``mig`` instances, ``driver``, ``driver_cuda`` (the newest CUDA it can serve),
    ``gpu_processes`` and ``gpu_error``: why there is nothing to see, null where all is well or there is no GPU."""
    found: dict[str, Any] = {"gpus": [], "driver": None, "driver_cuda": None, "gpu_processes": [], "gpu_error": None}
    loaded = _loaded_driver()
    if find_program("nvidia-smi") is None:
        if loaded is not None:
            found.update(driver=loaded, gpu_error=f"the NVIDIA driver {loaded} is loaded, but there is no nvidia-smi")
        return found
    listed = ask("nvidia-smi", "-L", patience_s=PATIENCE_S)
    if not listed.ok:
        found.update(driver=loaded, gpu_error=listed.problem)
        return found
    instances = mig_instances(listed.text)
    devices = [{**g.document(), "mig": instances.get(g.uuid, [])} for g in gpus()]
    if not devices and "GPU-" in listed.text:
        found["gpu_error"] = "nvidia-smi lists GPUs, and answers no question about them"
    elif not devices:
        found["gpu_error"] = f"nvidia-smi: {listed.first_line or 'lists no GPU'}"
    found["gpus"] = devices
    found["driver"] = next((d["driver"] for d in devices if d.get("driver")), loaded)
    found["driver_cuda"] = _driver_cuda()
    found["gpu_processes"] = processes(ask("nvidia-smi", "--query-compute-apps=gpu_uuid,pid,process_name,used_memory",
                                           "--format=csv,noheader,nounits", patience_s=PATIENCE_S))
    return found


def processes(answer: Answered) -> list[dict[str, Any]]:
    """Compute processes: GPU, pid, user (null: gone, or of another namespace), memory in MiB where it is told."""
    found = []
    for line in answer.text.splitlines() if answer.ok else []:
        fields = [f.strip() for f in line.split(",")]
        if len(fields) < 4 or not fields[1].isdigit():
            continue
        pid = int(fields[1])
        found.append({"gpu": fields[0], "pid": pid, "name": os.path.basename(",".join(fields[2:-1])),
                      "memory_mib": int(fields[-1]) if fields[-1].isdigit() else None,
                      "user": _owner(pid), "kdorch": _is_trainer(pid)})
    return found


def _owner(pid: int) -> str | None:
    with suppress(OSError, KeyError):
        return pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
    return None


def _is_trainer(pid: int) -> bool:
    """Whether the process is one that a supervisor of kdorch started."""
    with suppress(OSError), open(f"/proc/{pid}/cmdline", "rb") as handle:
        words = handle.read(4096).split(b"\0")
        return b"-m" in words and any(w.startswith(b"worker.") for w in words)
    return False


def _driver_cuda() -> str | None:
    answer = ask("nvidia-smi", patience_s=PATIENCE_S)
    match = re.search(r"CUDA Version:\s*(\d+\.\d+)", answer.text)
    return match[1] if match else None


def _loaded_driver() -> str | None:
    with suppress(OSError), open(DRIVER_FILE, encoding="utf-8", errors="replace") as handle:
        match = re.search(r"Kernel Module\D*(\d+(?:\.\d+)+)", handle.read(4096))
        return match[1] if match else None
    return None
