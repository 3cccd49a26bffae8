"""From an inventory entry to where and how to connect, with ssh_config as OpenSSH itself reads it.

``ssh -G`` is asked where an OpenSSH client is installed, so Include, Match and tokens mean what they mean to ``ssh``;
what the hosts file says wins. Without a client only the hosts file counts. Nothing here opens a connection.
"""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.domain.errors import UsageError
from orchestrator.transport.inventory import SSH_PORT, HostEntry
from orchestrator.transport.known_hosts import name_of

SSH_G_PATIENCE_S = 15.0
HOP_LIMIT = 8


@dataclass(frozen=True)
class Endpoint:
    """One SSH server as it is to be reached. ``name`` is how errors call it."""

    name: str
    address: str
    port: int
    user: str
    identities: tuple[Path, ...]
    """Private keys to offer, in this order."""

    certificate: Path | None
    passphrase_variable: str | None
    identity_given: bool
    """Whether the hosts file names the key; then no other key is offered."""

    use_agent: bool
    filed_under: str
    """The host's name in known_hosts files."""

    in_inventory: bool
    jump: Endpoint | None = None
    proxy_command: str | None = None

    @property
    def where(self) -> str:
        return f"{self.user}@{self.address}:{self.port}"

    @property
    def trust_hint(self) -> str:
        """What to do when the host's key is not known."""
        if self.in_inventory:
            return f"look at the key and trust it: kdorch host trust {self.name}"
        return f"add {self.name} to hosts.yaml and trust it, or connect to it once with ssh"

    @property
    def retrust_hint(self) -> str:
        """What to do when the host's key is not the known one."""
        how = f"kdorch host trust {self.name} --replace" if self.in_inventory else f"ssh-keygen -R '{self.filed_under}'"
        return f"what runs there goes on. Once you know why the key changed: {how}"


def resolve(entry: HostEntry) -> Endpoint:
    """Where the entry's host is and how to log in there. Raises :class:`UsageError` for a broken ssh_config."""
    return _resolve(entry, in_inventory=True, depth=0)


def _resolve(entry: HostEntry, *, in_inventory: bool, depth: int) -> Endpoint:
    assert entry.address is not None
    if depth > HOP_LIMIT:
        raise UsageError(f"{entry.name}: more than {HOP_LIMIT} jump hosts", hint="check ProxyJump in ssh_config")
    config = _ssh_config(entry)
    address = _first(config, "hostname") or entry.address
    port = entry.port or int(_first(config, "port") or SSH_PORT)
    user = entry.user or _first(config, "user") or getpass.getuser()
    alias = _first(config, "hostkeyalias")
    tokens = {"%": "%", "h": address, "n": entry.address, "p": str(port), "r": user, "u": getpass.getuser(),
              "d": str(Path.home())}
    if entry.identity is not None:
        identities: tuple[Path, ...] = (entry.identity,)
    else:
        offered = config.get("identityfile") or [f"~/.ssh/id_{kind}" for kind in ("ed25519", "ecdsa", "rsa")]
        identities = tuple(p for text in offered if (p := Path(_expand(text, tokens)).expanduser()).is_file())
    here = Endpoint(
        name=entry.name, address=address, port=port, user=user, identities=identities, certificate=entry.certificate,
        passphrase_variable=entry.passphrase_variable,
        identity_given=entry.identity is not None,
        use_agent=entry.identity is None and _first(config, "identitiesonly") != "yes",
        filed_under=alias or name_of(address, port), in_inventory=in_inventory)
    if entry.jump is not None:
        return replace(here, jump=_resolve(entry.jump, in_inventory=True, depth=depth + 1))
    jump = _first(config, "proxyjump")
    if jump not in (None, "none"):
        return replace(here, jump=_hops(str(jump), entry, depth))
    command = _first(config, "proxycommand")
    if command not in (None, "none"):
        return replace(here, proxy_command=_expand(str(command), tokens))
    return here


def _hops(text: str, entry: HostEntry, depth: int) -> Endpoint | None:
    """The jump hosts of a ProxyJump value; the last of them reaches the target."""
    reached: Endpoint | None = None
    for hop in text.split(","):
        user, address, port = _parse_hop(hop.strip())
        hop_entry = HostEntry(hop.strip(), address=address, port=port, user=user, ssh_config=entry.ssh_config)
        resolved = _resolve(hop_entry, in_inventory=False, depth=depth + 1)
        # Only the first hop's own configuration says how to get to it; the others are reached from the one before.
        reached = resolved if reached is None else replace(resolved, jump=reached, proxy_command=None)
    return reached


_HOP = re.compile(r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?P<address>\[[^]]+\]|[^:\[\]]+)(?::(?P<port>\d+))?/?")


def _parse_hop(text: str) -> tuple[str | None, str, int | None]:
    found = _HOP.fullmatch(text)
    if found is None:
        raise UsageError(f"ProxyJump {text!r} is not [user@]host[:port]", hint="check ssh_config")
    port = found["port"]
    return found["user"], found["address"].strip("[]"), int(port) if port else None


def _ssh_config(entry: HostEntry) -> Mapping[str, Sequence[str]]:
    """What OpenSSH would use for this host, option by option; empty where no client is installed."""
    program = shutil.which("ssh")
    if program is None:
        return {}
    argv = [program, "-G"]
    for option, value in (("-F", entry.ssh_config), ("-p", entry.port), ("-l", entry.user)):
        if value is not None:
            argv += [option, str(value)]
    try:
        done = subprocess.run([*argv, "--", str(entry.address)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=SSH_G_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        raise UsageError(f"{entry.name}: 'ssh -G {entry.address}' did not answer",
                         hint="check what ssh_config makes it run (Match exec)") from None
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise UsageError(f"{entry.name}: 'ssh -G {entry.address}' refused: {said[0]}",
                         hint="correct ssh_config, or set 'ssh_config: none' for this host in hosts.yaml")
    found: dict[str, list[str]] = defaultdict(list)
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        found[key.lower()].append(value.strip().strip('"'))
    return found


def _first(config: Mapping[str, Sequence[str]], key: str) -> str | None:
    values = config.get(key)
    return values[0] if values else None


def _expand(text: str, tokens: Mapping[str, str]) -> str:
    return re.sub(r"%(.)", lambda m: tokens.get(m[1], m[0]), text)
