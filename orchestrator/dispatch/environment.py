"""An environment as one document, and the digest that names it on a host.

The digest covers what decides what is installed: the pinned requirements, the platform, the index, the Python version,
the directory of wheels, the checkout and its build command. It does not cover the tool that builds, nor comments.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.domain.errors import CampaignFileError, HostUnfit
from orchestrator.transport.environments import AUTO, EnvironmentEntry
from orchestrator.transport.inventory import HostEntry
from orchestrator.wire.codec import CONTRACT
from orchestrator.wire.spec import canonical_bytes

REQUIREMENTS_LIMIT_BYTES = 1 << 20
DRIVER_BUILDS: tuple[tuple[int, str], ...] = ((580, "cu130"), (570, "cu128"), (525, "cu126"))
"""From which major driver version on which of PyTorch's builds is taken. The driver decides what CUDA it can run:
580 brought CUDA 13.0, 570 CUDA 12.8; a 12.x build runs on any driver from 525 on. The same names exist for x86_64 and
for aarch64. A GB10 (compute capability 12.1, aarch64) comes with 580 or later and so gets cu130, the first that was
made for it. ``index:`` in the hosts file overrides the table, and must where the pinned torch has no such build."""

UNKNOWN_ENVIRONMENT = "not-known-yet"
"""Stands in a plan for the digest of an environment on a host that nobody has looked at; no host has one so named."""

_PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(\[[A-Za-z0-9._, -]+\])?\s*==\s*([A-Za-z0-9][A-Za-z0-9.!+_-]*)"
                  r"\s*(?:;\s*([A-Za-z0-9_.\"'<>=!() -]+?))?((?:\s+--hash=sha256:[0-9a-f]{64})*)\s*")


@dataclass(frozen=True)
class Environment:
    """An environment of one host. ``document`` are the bytes whose sha256 is ``digest``."""

    name: str
    digest: str
    document: bytes
    builder: str
    index: str
    packages: int


def describe(entry: EnvironmentEntry, platform: str, driver: str | None) -> Environment:
    """The environment for a host with this platform tag and GPU driver (None: no GPU).

    Raises :class:`CampaignFileError` naming the line of the requirements file, :class:`HostUnfit` where no build of
    CUDA fits the driver.
    """
    lines = [] if entry.requirements is None else read_pins(entry.requirements)
    index = choose_index(driver) if entry.index == AUTO else entry.index
    checkout = None
    if entry.checkout is not None:
        checkout = {"repository": entry.checkout.repository, "commit": entry.checkout.commit,
                    "build": list(entry.checkout.build)}
    document = canonical_bytes({
        "contract": CONTRACT, "platform": platform, "python": entry.python, "requirements": lines, "index": index,
        "find_links": entry.find_links, "checkout": checkout})
    return Environment(entry.name, hashlib.sha256(document).hexdigest(), document, entry.builder, index, len(lines))


def describe_for(entry: HostEntry, facts: Mapping[str, Any] | None) -> Environment | None:
    """A host's environment by what is known of the host; None where it has none, or where too little is known yet."""
    if entry.environment is None or facts is None or not isinstance(facts.get("platform"), str):
        return None
    return describe(entry.environment, facts["platform"], driver_of(facts))


def python_of(entry: HostEntry, facts: Mapping[str, Any] | None) -> str:
    """The interpreter that trains on a host: its ``python:``, or the one of its environment.

    ``facts`` are the host's, as ``preflight`` and ``doctor`` tell them. Raises :class:`HostUnfit` where the host has
    an environment and nothing is known of the host yet.
    """
    if entry.environment is None:
        return entry.python
    environment = describe_for(entry, facts)
    if environment is None:
        raise HostUnfit(f"{entry.name}: which environment it needs is not known before the host was looked at",
                        hint=f"run 'kdorch host prepare {entry.name}'")
    return environment_python(entry, environment.digest)


def environment_python(entry: HostEntry, digest: str) -> str:
    """The interpreter of the environment with this digest on a host."""
    return f"{entry.root.rstrip('/')}/envs/{digest}/venv/bin/python"


def driver_of(facts: Mapping[str, Any]) -> str | None:
    """The GPU driver's version among a host's facts; None without a GPU."""
    gpus = facts.get("gpus") or []
    if not gpus:
        return None
    named = facts.get("driver") or next((g.get("driver") for g in gpus if isinstance(g, Mapping)), None)
    return str(named) if named else None


def choose_index(driver: str | None) -> str:
    """The build of PyTorch for a driver, by :data:`DRIVER_BUILDS`; ``cpu`` without one."""
    if driver is None:
        return "cpu"
    major = int(found[0]) if (found := re.match(r"\d+", driver)) else 0
    for least, name in DRIVER_BUILDS:
        if major >= least:
            return name
    raise HostUnfit(f"GPU driver {driver} is older than any build of PyTorch that kdorch knows",
                    hint=f"upgrade it to {DRIVER_BUILDS[-1][0]} or later, or set 'index:' of the environment")


def read_pins(path: Path) -> list[str]:
    """The requirements, one a line in one spelling, without comments. Raises :class:`CampaignFileError`."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CampaignFileError(path, f"cannot be read: {error.strerror}",
                                hint="'requirements:' is relative to the hosts file") from None
    if len(raw) > REQUIREMENTS_LIMIT_BYTES:
        raise CampaignFileError(path, f"larger than {REQUIREMENTS_LIMIT_BYTES} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CampaignFileError(path, "not UTF-8 text", line=raw.count(b"\n", 0, error.start) + 1) from None
    pins: list[str] = []
    for number, line in _logical_lines(text):
        match = _PIN.fullmatch(line)
        if match is None:
            raise CampaignFileError(path, f"{line[:80]!r} is not a pinned requirement", line=number,
                                    hint="write NAME==VERSION, with ; markers and --hash=sha256:… if you like; "
                                         "'uv pip compile' and 'pip freeze' write such files. Options, URLs and other "
                                         "files are not taken")
        name, extras, version, marker, hashes = match.groups()
        pins.append(f"{name}{(extras or '').replace(' ', '')}=={version}" + (f" ; {marker}" if marker else "")
                    + "".join(f" {h}" for h in sorted(hashes.split())))
    if not pins:
        raise CampaignFileError(path, "holds no requirement")
    return pins


def _logical_lines(text: str) -> list[tuple[int, str]]:
    """Lines with continuations joined and comments gone, each with the number of the line it begins on."""
    found: list[tuple[int, str]] = []
    pending, begun = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        bare = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        begun = begun if pending else number
        if bare.endswith("\\"):
            pending += bare[:-1] + " "
            continue
        whole = " ".join((pending + bare).split())
        pending = ""
        if whole:
            found.append((begun, whole))
    if pending.strip():
        found.append((begun, " ".join(pending.split())))
    return found
