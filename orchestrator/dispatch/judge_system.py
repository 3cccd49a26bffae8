"""What a host's facts mean for runs: its disk, its limits, and whether runs outlive the login. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.dispatch.finding import Finding, fail, ok, skip, warn
from orchestrator.domain.file_systems import NETWORK_FILE_SYSTEMS
from orchestrator.transport.inventory import HostEntry

FLEETING_FILE_SYSTEMS = frozenset({"tmpfs", "ramfs", "devtmpfs"})

FEW_BYTES, LOW_BYTES = 1 << 30, 10 << 30
FEW_INODES, LOW_INODES = 1_000, 100_000
LOW_MEMORY_MIB = 2048
LOW_OPEN_FILES, LOW_PROCESSES = 1024, 512
SESSIONS_USED = 3
"""Channels that kdorch may have open on one connection: its resident program, one for files, one for a command."""

Facts = Mapping[str, Any]


def judge_system(entry: HostEntry, facts: Facts) -> Iterator[Finding]:
    """Every line about the machine itself."""
    yield _root(facts)
    yield _locks(facts)
    yield _disk(facts)
    yield _memory(facts)
    yield _limits(entry, facts)
    yield _logout(entry, facts)
    yield _sessions(entry, facts)
    yield _slurm(facts)


def _root(facts: Facts) -> Finding:
    root, kind = facts.get("root"), facts.get("root_fstype")
    if not facts.get("root_writable", True):
        return fail("root", f"{root} cannot be written by this user",
                    "set 'root:' in hosts.yaml to a directory of its own")
    if kind in NETWORK_FILE_SYSTEMS:
        return fail("root", f"{root} lies on {kind}; locks and renames there are not to be relied on",
                    "set 'root:' in hosts.yaml to a directory on a local disk")
    if kind in FLEETING_FILE_SYSTEMS:
        return warn("root", f"{root} lies on {kind}; a reboot empties it",
                    "set 'root:' in hosts.yaml to a directory on a disk")
    there = "" if facts.get("root_exists", True) else ", made with the first run"
    return ok("root", f"{root} on {kind or 'an unknown file system'}{there}")


def _locks(facts: Facts) -> Finding:
    locks = _part(facts, "locks")
    if "error" in locks or locks.get("works") is None:
        return skip("locks", f"not tried: {locks.get('error') or locks.get('detail') or 'the host did not say'}")
    if locks["works"] is not True:
        return fail("locks", str(locks.get("detail")),
                    "set 'root:' in hosts.yaml to a file system with working flock, such as ext4 on a local disk")
    return ok("locks", f"flock: {locks.get('detail')}")


def _disk(facts: Facts) -> Finding:
    free, inodes = facts.get("disk_free_bytes"), facts.get("inodes_free")
    if not isinstance(free, int):
        return skip("disk", "the host did not say how much is free")
    # Some file systems make inodes as they need them, and say 0.
    count = inodes if isinstance(inodes, int) and inodes > 0 else None
    fact = f"{size(free)} free" + (f", {count:,} inodes" if count is not None else "")
    remedy = "free some space there; 'kdorch host gc' shows what can go"
    if free < FEW_BYTES or (count is not None and count < FEW_INODES):
        return fail("disk", fact, remedy)
    if free < LOW_BYTES or (count is not None and count < LOW_INODES):
        return warn("disk", fact, remedy)
    return ok("disk", fact)


def _memory(facts: Facts) -> Finding:
    total = facts.get("memory_mib")
    if not isinstance(total, int):
        return skip("memory", "the host did not say how much it has")
    cgroup = _part(facts, "cgroup")
    allowed = cgroup.get("memory_mib")
    usable = min(total, allowed) if isinstance(allowed, int) else total
    words = [f"{size(total << 20)}, {facts.get('cores') or '?'} processors"]
    if usable < total:
        words.append(f"{size(usable << 20)} of it allowed by cgroup {cgroup.get('path')}")
    if (cpus := cgroup.get("cpus")) is not None:
        words.append(f"{cpus:g} processors' time allowed")
    if usable < LOW_MEMORY_MIB:
        return warn("memory", ", ".join(words), "give this user more memory; training needs at least 2 GiB")
    return ok("memory", ", ".join(words))


def _limits(entry: HostEntry, facts: Facts) -> Finding:
    limits = _part(facts, "limits")
    if not limits or "error" in limits:
        return skip("limits", f"not known: {limits.get('error', 'the host did not say')}")
    pids = _part(facts, "cgroup").get("pids")
    processes = min((n for n in (limits.get("processes"), pids) if n is not None), default=None)
    files = limits.get("open_files")
    fact = f"open files {_count(files)}, processes {_count(processes)}"
    where = "raise it in /etc/security/limits.conf there, or ask its administrator"
    if limits.get("cpu_s") is not None:
        return fail("limits", f"a process may use only {limits['cpu_s']} s of processor time (ulimit -t)", where)
    if entry.gpus and limits.get("address_space_bytes") is not None:
        return fail("limits", f"address space is limited to {size(limits['address_space_bytes'])} (ulimit -v); "
                    "CUDA reserves far more", where)
    if limits.get("file_size_bytes") is not None:
        return warn("limits", f"files may have at most {size(limits['file_size_bytes'])} (ulimit -f)", where)
    if (files is not None and files < LOW_OPEN_FILES) or (processes is not None and processes < LOW_PROCESSES):
        return warn("limits", fact, where)
    return ok("limits", fact)


def _logout(entry: HostEntry, facts: Facts) -> Finding:
    """Supervisors live in the login session's scope, which logind ends with KillUserProcesses; lingering keeps only
    what the user manager started."""
    logout = _part(facts, "logout")
    if entry.transport == "local":
        return skip("logout", "this machine; runs outlive the terminal")
    if not logout or "error" in logout:
        return skip("logout", f"not known: {logout.get('error', 'the host did not say')}")
    if not logout.get("logind"):
        return ok("logout", "no systemd-logind; runs outlive the connection")
    user = logout.get("user")
    linger = "not known" if logout.get("linger") is None else "on" if logout["linger"] else "off"
    if logout.get("applies"):
        return fail("logout", f"KillUserProcesses=yes (linger {linger}): runs of {user} die when the connection closes",
                    f"have KillUserProcesses=no or KillExcludeUsers=root {user} set in /etc/systemd/logind.conf there")
    if logout.get("kill_user_processes"):
        return ok("logout", f"KillUserProcesses=yes, but {user} is exempt; runs outlive the connection")
    if logout.get("kill_user_processes") is None:
        return warn("logout", "whether logind kills what a user leaves behind is not known",
                    "see KillUserProcesses in /etc/systemd/logind.conf there; it must be no")
    return ok("logout", f"KillUserProcesses=no; runs outlive the connection (linger {linger})")


def _sessions(entry: HostEntry, facts: Facts) -> Finding:
    if entry.transport == "local":
        return skip("sessions", "this machine; no SSH")
    most = _part(facts, "sshd").get("max_sessions")
    if not isinstance(most, int):
        return skip("sessions", "sshd_config there cannot be read by this user")
    fact = f"MaxSessions {most} ({_part(facts, 'sshd').get('source')}); kdorch uses up to {SESSIONS_USED}"
    if most < SESSIONS_USED:
        return warn("sessions", fact, "raise MaxSessions in sshd_config there; with 1, files wait behind logs")
    return ok("sessions", fact)


def _slurm(facts: Facts) -> Finding:
    slurm = _part(facts, "slurm")
    if not slurm.get("present"):
        return skip("slurm", str(slurm.get("error") or "not installed; runs are started directly"))
    version = slurm.get("version") or "of unknown version"
    lacks = [*slurm.get("missing", []), *slurm.get("errors", [])]
    if lacks:
        return warn("slurm", f"{version}; without {', '.join(map(str, lacks))}",
                    "a newer Slurm has them; runs that are started directly need none")
    if slurm.get("accounting") is False:
        return warn("slurm", f"{version}; accounting is off, so sacct knows no finished job",
                    "nothing is needed for runs that are started directly")
    return ok("slurm", f"{version}; every flag is there")


def size(size_bytes: int) -> str:
    """A size for people: ``79.2 GiB``."""
    value = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def _count(value: int | None) -> str:
    return "unlimited" if value is None else f"{value:,}"


def _part(facts: Facts, name: str) -> Mapping[str, Any]:
    part = facts.get(name)
    return part if isinstance(part, Mapping) else {}
