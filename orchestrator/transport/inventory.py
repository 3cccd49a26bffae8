"""The hosts file: which hosts there are, how they are reached, and the lanes that order them.

A missing file is fine: the host ``local``, this machine, is always there. Values that will stand in a command line
(address, user, root, python) are held to plain characters, so that nothing ever needs quoting to be safe.
Nothing here opens a connection or writes a file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from orchestrator.domain.errors import UnknownHost, UsageError
from orchestrator.transport.hosts_file import HostsFile, read_hosts_file

LOCAL = "local"
DEFAULT_LANE = "default"
DEFAULT_ROOT = "~/.kdorch-host"
SSH_PORT = 22

_NAME = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True)
class HostEntry:
    """One host of the inventory. None stands for what ssh_config, or its default, decides."""

    name: str
    transport: Literal["ssh", "local"] = "ssh"
    address: str | None = None
    port: int | None = None
    user: str | None = None
    identity: Path | None = None
    certificate: Path | None = None
    ssh_config: str | None = None
    """As ``ssh -F``: a file that replaces ~/.ssh/config, or ``none`` for no file at all."""

    jump: HostEntry | None = None
    gpus: int = 0
    slots: int = 1
    python: str = "python3"
    root: str = DEFAULT_ROOT

    @property
    def where(self) -> str:
        """How to call the place in a sentence: ``kd@h100.example:22``, or ``this machine``."""
        if self.transport == "local":
            return "this machine"
        port = "" if self.port is None else f":{self.port}"
        return f"{f'{self.user}@' if self.user else ''}{self.address}{port}"

    def public(self) -> dict[str, Any]:
        """The entry as plain data for people and scripts; what was not given is null."""
        return {"name": self.name, "transport": self.transport, "address": self.address, "port": self.port,
                "user": self.user, "identity": str(self.identity) if self.identity else None,
                "jump": self.jump.name if self.jump else None, "gpus": self.gpus, "slots": self.slots,
                "python": self.python, "root": self.root}


@dataclass(frozen=True)
class HostFacts:
    """What planning needs to know of a host."""

    name: str
    gpus: int
    slots: int
    python: str
    root: str


@dataclass(frozen=True)
class Inventory:
    """All hosts by name, and lanes: ordered host names to choose from."""

    hosts: Mapping[str, HostEntry]
    lanes: Mapping[str, tuple[str, ...]]

    def host(self, name: str) -> HostEntry:
        """The host of this name. Raises :class:`UnknownHost`."""
        try:
            return self.hosts[name]
        except KeyError:
            raise UnknownHost(f"there is no host {name!r}; known: {', '.join(sorted(self.hosts))}",
                              hint="add it to hosts.yaml, or name another with --host") from None

    def facts(self) -> dict[str, HostFacts]:
        """What planning needs to know of every host, by name."""
        return {n: HostFacts(n, e.gpus, e.slots, e.python, e.root) for n, e in sorted(self.hosts.items())}


def load_inventory(path: Path | None, home: Path, *, required: bool = False) -> Inventory:
    """Read the hosts file at ``path``; ``home`` is KDORCH_HOME, below which the implicit ``local`` host lives.

    A file that is not there gives the host ``local`` alone, unless ``required``. Raises :class:`CampaignFileError`
    naming file, line and key.
    """
    if path is None or not path.exists():
        if required:
            raise UsageError(f"{path}: there is no such hosts file", hint="check the path given with --hosts")
        return Inventory({LOCAL: _implicit_local(home)}, {DEFAULT_LANE: (LOCAL,)})
    file = read_hosts_file(path)
    document = file.check(_HostsDocument)
    for name in (*document.hosts, *document.lanes):
        if not _NAME.fullmatch(name):
            file.refuse(("hosts" if name in document.hosts else "lanes", name),
                        "a name has only the characters a-z, 0-9, '_' and '-'")
    hosts = _Entries(file, document.hosts, home).all()
    return Inventory(hosts, _lanes(file, document.lanes, hosts))


def _plain(pattern: str, expected: str) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value) or ".." in value.split("/"):
            raise ValueError(f"{value!r} is not {expected}")
        return value

    return AfterValidator(check)


_SEGMENT = r"[A-Za-z0-9._+@=-]+"
Address = Annotated[str, _plain(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}", "a host name or an IP address")]
User = Annotated[str, _plain(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", "a user name")]
RootPath = Annotated[str, _plain(rf"~?(/{_SEGMENT})+/?",
                                 "a path from '/' or '~/' of letters, digits and any of . _ + @ = -")]
PythonPath = Annotated[str, _plain(rf"(~?(/{_SEGMENT})+|[A-Za-z0-9_][A-Za-z0-9._+-]*)",
                                   "a program's name, or its path from '/' or '~/'")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    transport: Literal["ssh", "local"] = "ssh"
    address: Address | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    user: User | None = None
    identity: Annotated[str, Field(min_length=1)] | None = None
    certificate: Annotated[str, Field(min_length=1)] | None = None
    ssh_config: Annotated[str, Field(min_length=1)] | None = None
    jump: str | None = None
    gpus: Annotated[int, Field(ge=0, le=1024)] = 0
    slots: Annotated[int, Field(ge=1, le=1024)] | None = None
    python: PythonPath | None = None
    root: RootPath | None = None


class _HostsDocument(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    hosts: dict[str, _Entry] = Field(default_factory=dict)
    lanes: dict[str, list[str]] = Field(default_factory=dict)


_SSH_ONLY = ("address", "port", "user", "identity", "certificate", "ssh_config", "jump")


class _Entries:
    """Turns the file's entries into host entries, each jump host before the host behind it."""

    def __init__(self, file: HostsFile, given: Mapping[str, _Entry], home: Path) -> None:
        self._file, self._given, self._home = file, given, home
        self._done: dict[str, HostEntry] = {}
        self._open: list[str] = []

    def all(self) -> dict[str, HostEntry]:
        for name in self._given:
            self._entry(name)
        ordered = {name: self._done[name] for name in self._given}
        return ordered if LOCAL in ordered else {LOCAL: _implicit_local(self._home), **ordered}

    def _entry(self, name: str) -> HostEntry:
        if name not in self._done:
            self._open.append(name)
            self._done[name] = self._made(name, self._given[name])
            self._open.pop()
        return self._done[name]

    def _made(self, name: str, given: _Entry) -> HostEntry:
        here = name == LOCAL and "transport" not in given.model_fields_set
        slots = given.slots if given.slots is not None else max(1, given.gpus)
        if given.gpus > slots:
            self._file.refuse(("hosts", name, "slots"), f"{slots} slots are too few for {given.gpus} GPUs")
        if here or given.transport == "local":
            for key in _SSH_ONLY:
                if key in given.model_fields_set:
                    self._file.refuse(("hosts", name, key), "this key has no meaning for this machine",
                                      hint="remove it, or set 'transport: ssh'")
            base = _implicit_local(self._home)
            root = given.root or (base.root if name == LOCAL else DEFAULT_ROOT)
            return HostEntry(name, "local", gpus=given.gpus, slots=slots, root=root,
                             python=given.python or base.python)
        if given.address is None:
            self._file.refuse(("hosts", name), "the key 'address' is missing",
                              hint="give a host name or address, or 'transport: local' for this machine")
        if given.certificate is not None and given.identity is None:
            self._file.refuse(("hosts", name, "certificate"), "a certificate needs its private key in 'identity'")
        return HostEntry(
            name, "ssh", address=given.address, port=given.port, user=given.user,
            identity=self._path(given.identity), certificate=self._path(given.certificate),
            ssh_config=given.ssh_config if given.ssh_config in (None, "none") else str(self._path(given.ssh_config)),
            jump=self._jump(name, given.jump), gpus=given.gpus, slots=slots,
            python=given.python or "python3", root=given.root or DEFAULT_ROOT)

    def _path(self, text: str | None) -> Path | None:
        """A file of this machine; a relative path starts at the hosts file."""
        return None if text is None else self._file.path.parent.absolute() / Path(text).expanduser()

    def _jump(self, name: str, jump: str | None) -> HostEntry | None:
        if jump is None:
            return None
        key = ("hosts", name, "jump")
        if jump not in self._given:
            self._file.refuse(key, f"there is no host {jump!r} in this file")
        if jump in self._open:
            self._file.refuse(key, f"{' -> '.join([*self._open, jump])} never arrives")
        entry = self._entry(jump)
        if entry.transport != "ssh":
            self._file.refuse(key, f"{jump!r} is this machine; a jump host is reached by ssh")
        return entry


def _lanes(file: HostsFile, given: Mapping[str, list[str]],
           hosts: Mapping[str, HostEntry]) -> dict[str, tuple[str, ...]]:
    for lane, names in given.items():
        if not names:
            file.refuse(("lanes", lane), "a lane needs at least one host")
        for i, name in enumerate(names):
            if name not in hosts:
                file.refuse(("lanes", lane, i), f"there is no host {name!r}; known: {', '.join(sorted(hosts))}")
            if name in names[:i]:
                file.refuse(("lanes", lane, i), f"host {name!r} stands here twice")
    lanes = {lane: tuple(names) for lane, names in given.items()}
    named = tuple(name for name in hosts if name != LOCAL) or (LOCAL,)
    return lanes if DEFAULT_LANE in lanes else {**lanes, DEFAULT_LANE: named}


def _implicit_local(home: Path) -> HostEntry:
    return HostEntry(LOCAL, "local", root=str(home.absolute() / "host"), python=sys.executable)


