"""The commands that make an environment, as lists of words; no shell ever reads them. And what their failures mean."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from worker.environment import Checkout, Description, Environment
from worker.programs import find_program

BUILDERS = ("auto", "uv", "pip")
REQUIREMENTS = "requirements.txt"
_LEFT_OUT = frozenset({"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX", "PIP_USER",
                       "PIP_TARGET", "PIP_PREFIX", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"})
_UV_PLACES = ("~/.local/bin/uv", "~/.cargo/bin/uv")
_FREEZE = ("import importlib.metadata as m, json, re; print(json.dumps(sorted({re.sub('[-_.]+', '-', "
           "d.metadata['Name']).lower() + '==' + d.version for d in m.distributions() if d.metadata['Name']})))")

_REMEDIES: tuple[tuple[str, str], ...] = (
    (r"No space left on device|Disk quota exceeded",
     "the disk is full: free some space there ('kdorch host gc'), or set another 'root:'"),
    (r"ensurepip is not available|No module named '?(ensurepip|venv)",
     "this Python cannot make virtual environments: install python3-venv there, or install uv"),
    (r"DO NOT MATCH THE HASHES|Hash mismatch|hash mismatch",
     "a package is not the one that was pinned: check the hashes in the requirements file, and the index"),
    (r"Hashes are required|must have their versions pinned|--require-hashes.*(requires|missing)",
     "with hashes, every requirement needs one, those that others bring in too: pin them all"),
    (r"No matching distribution found|Could not find a version|No solution found|not found in the package registry",
     "a pinned package is not to be had for this Python and machine: check the pin, 'python:', 'index:' and "
     "'find_links:'"),
    (r"name resolution|NewConnectionError|ConnectTimeout|Could not resolve host|dns error|Network is unreachable"
     r"|Could not fetch URL|error sending request",
     "the package index or the repository cannot be reached from there: give the host a way out, or a directory of "
     "wheels with 'find_links:' and 'index: none'"),
    (r"Permission denied \(publickey|Authentication failed|could not read Username|Host key verification failed",
     "the repository refused the host's own git credentials: try 'git ls-remote' there by hand"),
    (r"not our ref|unadvertised object|reference is not a tree|bad object|unable to read tree",
     "the repository has no such commit: push it, or correct 'commit:'"),
    (r"does not appear to be a git repository|Repository not found|repository .* (not found|does not exist)",
     "there is no repository at that place: check 'repository:'"),
)


class CannotBuild(Exception):
    """Why no environment can be built here. ``remedy`` says what to do; empty when the log must tell."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True)
class Tool:
    """What builds: ``uv`` or ``pip``, and for uv its program."""

    name: str
    program: str

    def version(self) -> str:
        """As the tool itself says it; never raises."""
        command = [self.program, "--version"] if self.name == "uv" else [self.program, "-I", "-m", "pip", "--version"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        except (OSError, subprocess.SubprocessError):
            return "unknown"
        return done.stdout.decode("utf-8", "replace").partition(" from ")[0].strip() or "unknown"


def choose_tool(builder: str, environment: Environment) -> Tool:
    """The tool for this builder word; ``auto`` takes uv where it is installed. Raises :class:`CannotBuild`."""
    if builder != "pip":
        uv = next((p for p in map(find_program, ("uv", *_UV_PLACES)) if p is not None), None)
        if uv is not None:
            return Tool("uv", uv)
        if builder == "uv":
            raise CannotBuild("uv is not installed on this host", "install uv there, or set 'builder: pip'")
    return Tool("pip", environment.python)


def base_python(wanted: str | None) -> str:
    """The interpreter for ``pip`` to build from. Raises :class:`CannotBuild` where the wanted version is not here."""
    if wanted is None or _is(sys.executable, wanted):
        return sys.executable
    minor = ".".join(wanted.split(".")[:2])
    found = find_program(f"python{minor}")
    if found is None or not _is(found, wanted):
        raise CannotBuild(f"there is no Python {wanted} on this host",
                          f"install python{minor} and python{minor}-venv there, or uv, which brings its own, or set "
                          "'python:' of the environment to a version that is there")
    return found


def venv_command(tool: Tool, wanted: str | None, environment: Environment) -> list[str]:
    if tool.name == "uv":
        return [tool.program, "venv", "--python", wanted or sys.executable, environment.venv]
    return [base_python(wanted), "-I", "-m", "venv", environment.venv]


def install_command(tool: Tool, asked: Description, environment: Environment) -> list[str]:
    """Installs the pinned requirements. Raises :class:`CannotBuild` where the tool cannot do what was asked."""
    if tool.name == "uv":
        # Both tools then choose alike: the best match of all indexes, where a build for CUDA beats the plain one.
        words = [tool.program, "pip", "install", "--python", environment.python, "--index-strategy",
                 "unsafe-best-match"]
    else:
        words = [environment.python, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "install",
                 "--progress-bar", "off"]
    words += ["--requirement", os.path.join(environment.directory, REQUIREMENTS)]
    if any("--hash=" in line for line in asked.requirements):
        words.append("--require-hashes")
    if asked.index == "none":
        words.append("--no-index")
    elif asked.index != "pypi" and tool.name == "uv":
        words += ["--torch-backend", asked.index]  # uv itself knows where PyTorch keeps its builds
    elif asked.index != "pypi":
        raise CannotBuild(f"pip does not know where PyTorch keeps its builds for {asked.index}",
                          "install uv on the host ('python3 -m pip install --user uv'), which does; or set 'index: "
                          "pypi' and name PyTorch's index in the host's own pip configuration")
    if asked.find_links is not None:
        words += ["--find-links", os.path.expanduser(asked.find_links)]
    return words


def checkout_commands(checkout: Checkout, directory: str) -> list[list[str]]:
    """An empty repository, one commit fetched, nothing else. Hooks and helper transports are out of reach."""
    git = ["git", "-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "advice.detachedHead=false"]
    return [
        [*git, "init", "--quiet", directory],
        [*git, "-C", directory, "fetch", "--quiet", "--no-tags", "--depth", "1", "--", checkout.repository,
         checkout.commit],
        [*git, "-C", directory, "checkout", "--quiet", "--detach", checkout.commit, "--"],
    ]


def whole_fetch_command(checkout: Checkout, directory: str) -> list[str]:
    """For servers that give out no single commits: all branches, in which the commit must be."""
    return ["git", "-c", "protocol.ext.allow=never", "-C", directory, "fetch", "--quiet", "--tags", "--",
            checkout.repository, "+refs/heads/*:refs/remotes/origin/*"]


def head_command(directory: str) -> list[str]:
    return ["git", "-C", directory, "rev-parse", "HEAD"]


def freeze_command(environment: Environment) -> list[str]:
    """Prints every installed distribution as ``name==version``, as a JSON list."""
    return [environment.python, "-I", "-c", _FREEZE]


def build_environment(host: Mapping[str, str], environment: Environment) -> dict[str, str]:
    """The variables for every step: the host's, without those that would point into another Python or repository."""
    kept = {name: value for name, value in host.items() if name not in _LEFT_OUT}
    kept.update(
        VIRTUAL_ENV=environment.venv, PATH=f"{environment.venv}/bin{os.pathsep}{host.get('PATH', os.defpath)}",
        PYTHONNOUSERSITE="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", GIT_TERMINAL_PROMPT="0",
        GIT_ALLOW_PROTOCOL="https:ssh:git:file", GIT_SSH_COMMAND=host.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes"))
    return kept


def remedy_for(log_tail: str) -> str:
    """What to do about a failure, from the words of the tools; empty where they are not known."""
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, log_tail)), "")


def _is(program: str, wanted: str) -> bool:
    try:
        done = subprocess.run([program, "-I", "-c", "import platform; print(platform.python_version())"],
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    version = done.stdout.decode("ascii", "replace").strip()
    return version == wanted or version.startswith(f"{wanted}.")
