"""From an inventory entry to where and how to connect, with ssh_config as OpenSSH itself reads it.

``ssh -G`` is asked where an OpenSSH client is installed, so Include, Match and tokens mean what they mean to ``ssh``;
what the hosts file says wins. Without a client only the hosts file counts. Nothing here opens a connection.
"""

from __future__ import annotations

import getpass
import os
import pwd
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
USERS_FILES = ("known_hosts", "known_hosts2")
"""What OpenSSH reads below ``~/.ssh`` unless ssh_config says otherwise."""


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
    """The hosts file's, for the key that it names."""

    certificates: tuple[Path, ...]
    """Those of ssh_config, each for whichever key it was made for, from a file or from the agent."""

    passphrase_variable: str | None
    identity_given: bool
    """Whether the hosts file names the key; then no other key is offered."""

    use_agent: bool
    """Whether the agent's keys are offered as a rule, and not only where a key file wants a passphrase."""

    agent: Path | None
    """The SSH agent's socket, where there is to be one."""

    filed_under: str
    """The host's name in known_hosts files."""

    known_hosts: tuple[Path, ...]
    """The files that may know the host's key where kdorch's own does not."""

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
              "d": str(Path.home()), "i": str(os.getuid()), "k": alias or entry.address}
    if entry.identity is not None:
        identities: tuple[Path, ...] = (entry.identity,)
    else:
        offered = config.get("identityfile") or [f"~/.ssh/id_{kind}" for kind in ("ed25519", "ecdsa", "rsa")]
        identities = _files(offered, tokens)
    here = Endpoint(
        name=entry.name, address=address, port=port, user=user, identities=identities, certificate=entry.certificate,
        certificates=_files(config.get("certificatefile", ()), tokens) if entry.certificate is None else (),
        passphrase_variable=entry.passphrase_variable,
        identity_given=entry.identity is not None,
        use_agent=entry.identity is None and _first(config, "identitiesonly") != "yes",
        agent=_agent(config, tokens), filed_under=alias or name_of(address, port),
        known_hosts=_known_hosts(config, tokens), in_inventory=in_inventory)
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


def _files(given: Sequence[str], tokens: Mapping[str, str]) -> tuple[Path, ...]:
    """Those of the files that are there; what is named and absent is passed over, as ``ssh`` does."""
    return tuple(path for text in given if (path := _path(text, tokens)).is_file())


def _path(text: str, tokens: Mapping[str, str]) -> Path:
    """A path of ssh_config. ``ssh -G`` leaves ``~``, tokens and variables in some of them."""
    with_values = re.sub(r"\$\{(\w+)\}", lambda m: os.environ.get(m[1], m[0]), text)
    return Path(_expand(with_values, tokens)).expanduser()


def _agent(config: Mapping[str, Sequence[str]], tokens: Mapping[str, str]) -> Path | None:
    """IdentityAgent: a socket, ``none``, or the variable that names the socket."""
    text = _first(config, "identityagent") or "SSH_AUTH_SOCK"
    if text == "none":
        return None
    if text == "SSH_AUTH_SOCK" or re.fullmatch(r"\$\w+", text):
        value = os.environ.get(text.removeprefix("$"))
        return Path(value) if value else None
    return _path(text, tokens)


def _known_hosts(config: Mapping[str, Sequence[str]], tokens: Mapping[str, str]) -> tuple[Path, ...]:
    """UserKnownHostsFile and GlobalKnownHostsFile, in this order."""
    users = _first(config, "userknownhostsfile")
    # As long as nobody chose otherwise they lie where HOME says, as key files do; ssh itself asks the user database.
    if users is None or users == " ".join(f"{pwd.getpwuid(os.getuid()).pw_dir}/.ssh/{n}" for n in USERS_FILES):
        found = [Path.home() / ".ssh" / name for name in USERS_FILES]
    else:
        found = _several(users, tokens)
    return (*found, *_several(_first(config, "globalknownhostsfile") or "none", tokens))


def _several(text: str, tokens: Mapping[str, str]) -> list[Path]:
    """The files of one line. ``ssh -G`` prints them without quotes: words that name a file together are one name."""
    if text == "none":
        return []
    words, found = text.split(), []
    while words:
        ends = range(len(words), 1, -1)
        end = next((n for n in ends if _path(" ".join(words[:n]), tokens).is_file()), 1)
        found.append(_path(" ".join(words[:end]), tokens))
        del words[:end]
    return found


def _expand(text: str, tokens: Mapping[str, str]) -> str:
    return re.sub(r"%(.)", lambda m: tokens.get(m[1], m[0]), text)
