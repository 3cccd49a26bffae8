"""What is started, and with which environment."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from worker.paths import AttemptDir, Root
from worker.wire import Dispatch

MODULES = {"gpt": "worker.trainer", "simulated": "worker.simulated"}
"""The module of the bundle that each ``entry`` of a spec names."""

BUNDLE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""The directory that holds the ``worker`` package this code was loaded from."""

_INHERITED = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH",
    "VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "PYENV_VERSION", "XDG_CACHE_HOME", "TRITON_CACHE_DIR",
    "TORCHINDUCTOR_CACHE_DIR", "TRITON_PTXAS_PATH", "HF_HOME", "HF_HUB_OFFLINE", "SSL_CERT_FILE", "CC", "CXX",
})
_INHERITED_PREFIXES = ("CUDA_", "NVIDIA_", "NCCL_")

EXIT_MEANINGS = {
    10: "bad spec or input",
    11: "loss became NaN or infinite",
    12: "out of memory",
    13: "a required back end is missing",
    14: "the teacher does not fit the student",
}
"""What the contract's trainer exit codes say."""


def trainer_argv(python: str, entry: str, root: Root, attempt: AttemptDir) -> list[str]:
    """The trainer's command; ``python`` is the path of an interpreter."""
    return [python, "-m", MODULES[entry], "--root", root.path, "--run", attempt.run_id,
            "--attempt", str(attempt.number)]


def trainer_environment(host: Mapping[str, str], dispatch: Dispatch, devices: Sequence[str]) -> dict[str, str]:
    """A small environment that does not depend on who launched: what programs need of the host's, what the dispatch
    says, and the places of the code and of the GPUs. A run that was given no GPU sees none: others lease them."""
    kept = {name: value for name, value in host.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)}
    kept.update(dispatch.trainer_env)
    kept.update(PYTHONPATH=BUNDLE, PYTHONUNBUFFERED="1", CUDA_VISIBLE_DEVICES=",".join(devices))
    return kept


def describe_failure(exit_code: int | None, signal_name: str | None, words: str | None) -> str:
    """One line that says why a trainer ended without success; ``words`` are the log's last."""
    if signal_name is not None:
        text = f"killed by {signal_name}"
    else:
        text = EXIT_MEANINGS.get(exit_code or 0, f"exit code {exit_code}")
    return f"{text}: {words}" if words else text
