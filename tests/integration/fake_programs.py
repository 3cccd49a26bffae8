"""Small programs that stand in for a host's own: a driver that fails, a logind that kills, a Python with a flaw.

They are programs on PATH or at a path, so that what is tested is what would run on a real host.
"""

from __future__ import annotations

import sys
from pathlib import Path

BARE_PYTHON = str(getattr(sys, "_base_executable", sys.executable))
"""The interpreter below this virtual environment: it has no torch, and is examined quickly for that."""

GPU_LIST = "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-1111)"
GPU_QUERY = "GPU-1111, NVIDIA H100 80GB HBM3, 81559, 14, 570.86.10, 9.0"
FOREIGN = "GPU-1111, 1, /opt/other/python3, 40960"

NVIDIA_SMI = """\
#!/bin/sh
case "$*" in
  -L) echo '{listing}' ;;
  *--query-gpu=*) echo '{query}' ;;
  *--query-compute-apps=*) {apps} ;;
  *) echo '| NVIDIA-SMI 570.86.10    Driver Version: 570.86.10    CUDA Version: 12.8     |' ;;
esac
"""
BROKEN_NVIDIA_SMI = """\
#!/bin/sh
echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. \
Make sure that the latest NVIDIA driver is installed and running." >&2
exit 9
"""
BUSCTL = '#!/bin/sh\necho "b true"\necho "as 0"\necho "as 0"\n'
LOGINCTL = "#!/bin/sh\necho no\n"


def program(path: Path, text: str) -> Path:
    """An executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def nvidia_smi(directory: Path, *, listing: str = GPU_LIST, query: str = GPU_QUERY, apps: str = "") -> Path:
    """A driver's voice on PATH: one H100, and the compute processes that are given."""
    return program(directory / "nvidia-smi",
                   NVIDIA_SMI.format(listing=listing, query=query, apps=f"echo '{apps}'" if apps else ":"))


def flawed_python(directory: Path, flaw: str) -> str:
    """An interpreter that runs ``flaw`` before anything else, as a host's sitecustomize would."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "sitecustomize.py").write_text(flaw)
    # In front of whatever PYTHONPATH it is started with: the probe gives its child one.
    return str(program(directory / "python3", f"#!/bin/sh\nPYTHONPATH={directory}${{PYTHONPATH:+:$PYTHONPATH}} "
                                              f'exec {BARE_PYTHON} "$@"\n'))
