"""Examines one host: can it be reached, and is it fit to run?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from orchestrator.dispatch.agent import connect_agent
from orchestrator.dispatch.bundle import Bundle
from orchestrator.dispatch.home import Home
from orchestrator.domain.errors import TransportError
from orchestrator.transport.inventory import HostEntry

LOW_DISK_BYTES = 10 << 30
LOW_INODES = 100_000
CLOCK_SKEW_S = 5.0
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "ceph", "9p"})


@dataclass(frozen=True)
class Finding:
    """One line of the examination. ``level`` is ok, warn or fail; ``remedy`` is empty when nothing is to be done."""

    level: str
    subject: str
    fact: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def examine(home: Home, entry: HostEntry, bundle: Bundle) -> list[Finding]:
    """Connect and look. A host that cannot be reached or is unfit gives a ``fail`` line, not an exception."""
    try:
        with connect_agent(entry, home.root, bundle) as agent:
            before = datetime.now(UTC)
            facts = agent.doctor()
            skew = abs((_time(facts["now"]) - before).total_seconds()) if facts.get("now") else None
    except TransportError as error:
        return [Finding("fail", "connection", error.message, error.hint or "")]
    return [Finding("ok", "connection", "reached, key trusted" if entry.transport == "ssh" else "this machine"),
            *_software(facts), *_storage(facts), _clock(skew), _gpus(facts, entry)]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _software(facts: dict[str, Any]) -> list[Finding]:
    found = [Finding("ok", "python", str(facts.get("python")))]
    torch = facts.get("torch")
    if torch is None:
        found.append(Finding("fail", "torch", "not installed for this Python",
                             "pip install 'kdorch[worker]' there, or set 'python:' to one that has torch"))
    else:
        found.append(Finding("ok", "torch", str(torch)))
    return found


def _storage(facts: dict[str, Any]) -> list[Finding]:
    found = []
    if not facts.get("root_writable", True):
        found.append(Finding("fail", "root", f"{facts.get('root')} cannot be written", "choose another 'root:'"))
    file_system = facts.get("fs_type")
    if file_system in NETWORK_FILE_SYSTEMS:
        found.append(Finding("fail", "root", f"lies on {file_system}; locks are not reliable there",
                             "set 'root:' to a directory on a local disk"))
    else:
        found.append(Finding("ok", "root", f"{facts.get('root')} on {file_system}"))
    free = facts.get("disk_free_bytes")
    if free is not None:
        level = "warn" if free < LOW_DISK_BYTES else "ok"
        found.append(Finding(level, "disk", f"{free / (1 << 30):.1f} GiB free",
                             "free some space before long runs" if level == "warn" else ""))
    inodes = facts.get("inodes_free")
    if inodes is not None and 0 < inodes < LOW_INODES:
        found.append(Finding("warn", "inodes", f"{inodes} free", "remove small files"))
    return found


def _clock(skew: float | None) -> Finding:
    if skew is None:
        return Finding("warn", "clock", "the host did not tell its time")
    if skew > CLOCK_SKEW_S:
        return Finding("warn", "clock", f"{skew:.0f} s off", "times in evidence will be off; deadlines hold")
    return Finding("ok", "clock", f"within {CLOCK_SKEW_S:.0f} s")


def _gpus(facts: dict[str, Any], entry: HostEntry) -> Finding:
    gpus = facts.get("gpus") or []
    if len(gpus) < entry.gpus:
        return Finding("fail", "gpus", f"{len(gpus)} found, hosts.yaml says {entry.gpus}",
                       "check nvidia-smi there, or correct 'gpus:'")
    names = ", ".join(str(g.get("name", "?")) if isinstance(g, dict) else str(g) for g in gpus)
    return Finding("ok", "gpus", names or "none, none asked for")
