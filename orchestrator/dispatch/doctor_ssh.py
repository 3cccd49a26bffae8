"""The lines about the way to a host: SSH as resolved, keys, login, and the Python that answers there."""

from __future__ import annotations

import shutil

from orchestrator.dispatch.bundle import OLDEST_PYTHON, program
from orchestrator.dispatch.finding import Finding, fail, ok
from orchestrator.dispatch.home import Home
from orchestrator.domain.errors import (
    AuthenticationRefused,
    HostKeyChanged,
    HostKeyUnknown,
    HostUnfit,
    TransportError,
)
from orchestrator.transport.host import NOT_EXECUTABLE, NOT_FOUND, Host, last_words
from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.known_hosts import KnownHosts
from orchestrator.transport.resolve import Endpoint, resolve

PYTHON_PATIENCE_S = 30.0
_MARK = b"kdorch-python "
_ASK = "import sys;print(str().join([chr(10),'kdorch-python ','%d.%d.%d '%sys.version_info[:3],str(sys.executable)]))"


def judge_ssh(entry: HostEntry) -> Finding:
    """Where the host is, as ``ssh -G`` has it. Raises :class:`UsageError` for a broken ssh_config."""
    if entry.transport == "local":
        return ok("ssh", "this machine; no SSH")
    end = resolve(entry)
    words = [_way(end)]
    keys = [str(path) for path in end.identities]
    words.append(f"key {', '.join(keys)}" if keys else "no key file")
    certificates = end.certificates if end.certificate is None else (end.certificate,)
    if certificates:
        words.append(f"certificate {', '.join(str(path) for path in certificates)}")
    if end.use_agent and end.agent is not None:
        words.append(f"then those of the SSH agent at {end.agent}")
    if shutil.which("ssh") is None:
        words.append("ssh_config not read: no OpenSSH client here")
    return ok("ssh", "; ".join(words))


def judge_key(entry: HostEntry, home: Home) -> Finding:
    """The trusted key of a host that was just reached, and of its jump hosts."""
    end: Endpoint | None = resolve(entry)
    shown: list[str] = []
    while end is not None:
        known = KnownHosts.of(home.root).look_up(end.filed_under, end.known_hosts)
        hop = "" if end.jump is None and not shown else f"{end.name}: "
        shown.append(f"{hop}{', '.join(str(k) for k in known.trusted)} (trusted in {known.source})")
        end = end.jump
    return ok("host key", "known: " + "; ".join(reversed(shown)))


def judge_refusal(error: TransportError) -> list[Finding]:
    """The line that a failed connection is, and those that it proves on the way."""
    message, remedy = error.message, error.hint or ""
    if isinstance(error, HostKeyUnknown):
        return [fail("host key", f"unknown: {message}", remedy)]
    if isinstance(error, HostKeyChanged):
        return [fail("host key", f"changed: {message}", remedy)]
    if isinstance(error, AuthenticationRefused):
        return [ok("host key", "known"), fail("login", message, remedy)]
    if isinstance(error, HostUnfit):
        return [fail("host program", message, remedy)]
    return [fail("connection", message, remedy or "try again when the host answers")]


def judge_python(entry: HostEntry, host: Host) -> Finding:
    """Whether ``python:`` there can carry kdorch's host side."""
    remedy = "install Python 3.10 or later there, or set 'python:' of this host in hosts.yaml to one"
    done = host.run([program(entry), "-c", _ASK], timeout_s=PYTHON_PATIENCE_S)
    line = next((at for at in done.stdout.splitlines() if at.startswith(_MARK)), None)
    if line is None:
        said = last_words(done.stderr) or last_words(done.stdout)
        how = "is not there" if done.exit_code == NOT_FOUND else "cannot be run" if done.exit_code == NOT_EXECUTABLE \
            else f"ended with status {done.exit_code}"
        return fail("python", f"{entry.python} {how}{f': {said}' if said else ''}", remedy)
    version, _, path = line.removeprefix(_MARK).decode("utf-8", "replace").strip().partition(" ")
    numbers = tuple(int(n) for n in version.split(".") if n.isdigit())
    if numbers[:2] < OLDEST_PYTHON:
        return fail("python", f"{path or entry.python} is Python {version}", remedy)
    return ok("python", f"{version} at {path or entry.python}")


def _way(end: Endpoint) -> str:
    where = end.where
    if end.jump is not None:
        return f"{where} through {_way(end.jump)}"
    return f"{where} by ProxyCommand" if end.proxy_command is not None else where

