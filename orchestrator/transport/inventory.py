"""The hosts file: which hosts there are, how they are reached, and the lanes that order them.

A missing file is fine: the host ``local``, this machine, is always there. Values that will stand in a command line
(address, user, root, python) are held to plain characters, so that nothing ever needs quoting to be safe.
Nothing here opens a connection or writes a file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from orchestrator.domain.errors import UnknownHost, UsageError
from orchestrator.domain.prices import Prices
from orchestrator.transport.environments import (
    EnvironmentEntry,
    EnvironmentModel,
    environment_of_host,
    named_environments,
)
from orchestrator.transport.hosts_file import HostsFile, of_form, read_hosts_file
from orchestrator.transport.lanes import DEFAULT_LANE, LOCAL, LaneItem, lanes_of, patience_of
from orchestrator.wire.codec import DEVICE

DEFAULT_ROOT = "~/.kdorch-host"
SSH_PORT = 22
PRICE_LIMIT = 1e6

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
    passphrase_variable: str | None = None
    """The environment variable that holds the passphrase of ``identity``; the passphrase itself is in no file."""

    ssh_config: str | None = None
    """As ``ssh -F``: a file that replaces ~/.ssh/config, or ``none`` for no file at all."""

    jump: HostEntry | None = None
    gpus: int = 0
    slots: int = 1
    devices: tuple[str, ...] | None = None
    """The UUIDs of the GPUs (or MIG instances) that runs may use; None: all that the host lists."""

    per_gpu: int = 1
    """How many runs may share one GPU."""

    gpu_memory_mib: int | None = None
    """Memory that must be free on a GPU before a run starts there."""

    share_gpus: bool = False
    """Whether a run may start although somebody else's process uses its GPU."""

    python: str = "python3"
    root: str = DEFAULT_ROOT
    environment: EnvironmentEntry | None = None
    """What kdorch builds there for the trainer to run in; None: the trainer runs on ``python``."""

    price_per_hour: float | None = None
    """What an hour of one of its GPUs costs; of a host without GPUs, an hour of one run."""

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
                "devices": list(self.devices) if self.devices is not None else None, "per_gpu": self.per_gpu,
                "gpu_memory_mib": self.gpu_memory_mib, "share_gpus": self.share_gpus,
                "python": self.python, "root": self.root,
                "environment": self.environment.name if self.environment else None,
                "price_per_hour": self.price_per_hour}


@dataclass(frozen=True)
class HostFacts:
    """What planning needs to know of a host."""

    name: str
    gpus: int
    slots: int
    python: str
    root: str
    devices: tuple[str, ...] | None = None
    per_gpu: int = 1
    gpu_memory_mib: int | None = None
    share_gpus: bool = False


@dataclass(frozen=True)
class Inventory:
    """All hosts by name, and lanes: ordered host names to choose from.

    ``patience``: by lane and host, the seconds that a run waits in that host's queue before it goes to the next.
    """

    hosts: Mapping[str, HostEntry]
    lanes: Mapping[str, tuple[str, ...]]
    patience: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def host(self, name: str) -> HostEntry:
        """The host of this name. Raises :class:`UnknownHost`."""
        try:
            return self.hosts[name]
        except KeyError:
            raise UnknownHost(f"there is no host {name!r}; known: {', '.join(sorted(self.hosts))}",
                              hint="add it to hosts.yaml, or name another with --host") from None

    def facts(self) -> dict[str, HostFacts]:
        """What planning needs to know of every host, by name."""
        return {n: HostFacts(n, e.gpus, e.slots, e.python, e.root, e.devices, e.per_gpu, e.gpu_memory_mib,
                             e.share_gpus) for n, e in sorted(self.hosts.items())}

    def prices(self, given: float | None = None) -> Prices:
        """What machine time costs: ``given`` on every host, else each host's own price. Runs that may share a GPU
        share its price."""
        own = {n: (e.price_per_hour if given is None else given, e.per_gpu) for n, e in self.hosts.items()}
        return Prices({n: price / sharing for n, (price, sharing) in own.items() if price is not None}, given)


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
    built = named_environments(file, document.environments)
    for name, given in document.hosts.items():
        if given.environment is not None:
            hosts[name] = replace(hosts[name], environment=environment_of_host(file, name, given.environment, built))
    return Inventory(hosts, lanes_of(file, document.lanes, hosts), patience_of(document.lanes))


def _reference(value: object) -> str:
    """A secret by reference. What was given instead is not repeated in the complaint: it may be the secret."""
    if not isinstance(value, str) or not re.fullmatch(r"env:[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("a secret is named, not written down: use 'env:NAME' and export NAME before kdorch is called, "
                         "or add the key to the SSH agent with ssh-add")
    return value


_SEGMENT = r"[A-Za-z0-9._+@=-]+"
Address = Annotated[str, of_form(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}", "a host name or an IP address")]
User = Annotated[str, of_form(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", "a user name")]
RootPath = Annotated[str, of_form(rf"~?(/{_SEGMENT})+/?",
                                 "a path from '/' or '~/' of letters, digits and any of . _ + @ = -")]
PythonPath = Annotated[str, of_form(rf"(~?(/{_SEGMENT})+|[A-Za-z0-9_][A-Za-z0-9._+-]*)",
                                   "a program's name, or its path from '/' or '~/'")]


Device = Annotated[str, of_form(DEVICE, "a GPU's or MIG instance's UUID, as nvidia-smi -L lists it")]


def _memory(value: Any) -> int:
    """Whole MiB of ``20GiB`` or ``512MiB``."""
    found = re.fullmatch(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)\s*(MiB|GiB)", value) if isinstance(value, str) else None
    if found is None or float(found[1]) <= 0:
        raise ValueError("expected an amount of memory with its unit, such as 20GiB or 512MiB")
    return round(float(found[1]) * (1024 if found[2] == "GiB" else 1))


def _price(value: Any) -> float:
    """A finite amount of money that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= PRICE_LIMIT:
        raise ValueError(f"expected what an hour of a GPU costs, a number from 0 to {PRICE_LIMIT:,.0f}")
    return float(value)


Memory = Annotated[int, BeforeValidator(_memory)]
Price = Annotated[float, BeforeValidator(_price)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    transport: Literal["ssh", "local"] = "ssh"
    address: Address | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    user: User | None = None
    identity: Annotated[str, Field(min_length=1)] | None = None
    certificate: Annotated[str, Field(min_length=1)] | None = None
    passphrase: Annotated[str, BeforeValidator(_reference)] | None = None
    ssh_config: Annotated[str, Field(min_length=1)] | None = None
    jump: str | None = None
    gpus: Annotated[int, Field(ge=0, le=1024)] = 0
    slots: Annotated[int, Field(ge=1, le=1024)] | None = None
    devices: Annotated[list[Device], Field(min_length=1, max_length=64)] | None = None
    per_gpu: Annotated[int, Field(ge=1, le=64)] = 1
    gpu_memory: Memory | None = None
    gpu_memory_mib: Annotated[int, Field(ge=1, le=1 << 24)] | None = None
    share_gpus: bool = False
    python: PythonPath | None = None
    root: RootPath | None = None
    environment: str | None = None
    price_per_hour: Price | None = None


class _HostsDocument(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    hosts: dict[str, _Entry] = Field(default_factory=dict)
    environments: dict[str, EnvironmentModel] = Field(default_factory=dict)
    lanes: dict[str, list[LaneItem]] = Field(default_factory=dict)


_SSH_ONLY = ("address", "port", "user", "identity", "certificate", "passphrase", "ssh_config", "jump")


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
        gpus = given.gpus if "gpus" in given.model_fields_set else len(given.devices or ())
        self._check_gpus(name, given, gpus)
        slots = given.slots if given.slots is not None else max(1, gpus * given.per_gpu)
        if gpus > slots:
            self._file.refuse(("hosts", name, "slots"), f"{slots} slots are too few for {gpus} GPUs")
        memory = given.gpu_memory if given.gpu_memory is not None else given.gpu_memory_mib
        leases: dict[str, Any] = {
            "gpus": gpus, "slots": slots, "devices": tuple(given.devices) if given.devices is not None else None,
            "per_gpu": given.per_gpu, "gpu_memory_mib": memory, "share_gpus": given.share_gpus,
            "price_per_hour": given.price_per_hour}
        if here or given.transport == "local":
            for key in _SSH_ONLY:
                if key in given.model_fields_set:
                    self._file.refuse(("hosts", name, key), "this key has no meaning for this machine",
                                      hint="remove it, or set 'transport: ssh'")
            base = _implicit_local(self._home)
            root = given.root or (base.root if name == LOCAL else DEFAULT_ROOT)
            return HostEntry(name, "local", root=root, python=given.python or base.python, **leases)
        if given.address is None:
            self._file.refuse(("hosts", name), "the key 'address' is missing",
                              hint="give a host name or address, or 'transport: local' for this machine")
        if given.certificate is not None and given.identity is None:
            self._file.refuse(("hosts", name, "certificate"), "a certificate needs its private key in 'identity'")
        if given.passphrase is not None and given.identity is None:
            self._file.refuse(("hosts", name, "passphrase"), "a passphrase needs its private key in 'identity'")
        return HostEntry(
            name, "ssh", address=given.address, port=given.port, user=given.user,
            identity=self._path(given.identity), certificate=self._path(given.certificate),
            passphrase_variable=None if given.passphrase is None else given.passphrase.removeprefix("env:"),
            ssh_config=given.ssh_config if given.ssh_config in (None, "none") else str(self._path(given.ssh_config)),
            jump=self._jump(name, given.jump), python=given.python or "python3", root=given.root or DEFAULT_ROOT,
            **leases)

    def _check_gpus(self, name: str, given: _Entry, gpus: int) -> None:
        """What says something of GPUs must agree with how many there are."""
        key = ("hosts", name)
        if given.devices is not None and len(set(given.devices)) != len(given.devices):
            self._file.refuse((*key, "devices"), "a device stands here twice")
        if given.devices is not None and len(given.devices) != gpus:
            self._file.refuse((*key, "devices"), f"{len(given.devices)} devices are listed for {gpus} GPUs")
        if given.gpu_memory is not None and given.gpu_memory_mib is not None:
            self._file.refuse((*key, "gpu_memory_mib"), "give gpu_memory or gpu_memory_mib, not both")
        for word in ("per_gpu", "gpu_memory", "gpu_memory_mib", "share_gpus"):
            if not gpus and word in given.model_fields_set:
                self._file.refuse((*key, word), "this key has no meaning for a host without GPUs",
                                  hint="say how many it has with 'gpus', or list them in 'devices'")

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


def _implicit_local(home: Path) -> HostEntry:
    return HostEntry(LOCAL, "local", root=str(home.absolute() / "host"), python=sys.executable)
