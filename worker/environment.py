"""Virtual environments on a host: where they lie, what was asked for, and whether one may be used.

``ROOT/envs/<digest>.json`` says what was asked; the sha256 of its bytes is the digest. A virtual environment cannot be
moved once it is built (its scripts name their interpreter by path), so it is built where it will stand, and
``environment-build.json``, written last, is its seal: what has none was never finished and is wiped by the next build.
The lock beside the directory is held by the builder and inherited by every program it starts, so that no two builds
ever write into one directory, even when a builder was killed and its ``pip`` was not.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from worker.durable import read_file
from worker.locks import is_held
from worker.paths import PathRefused, Root
from worker.process import Identity, boot_id, is_alive
from worker.wire import CONTRACT, DOCUMENT_LIMIT_BYTES, ContractError, is_digest, parse_object, sha256_hex

SEAL = "environment-build.json"
ENVIRONMENTS = "envs"
INDEXES = re.compile(r"cpu|cu[0-9]{3}|pypi|none")
"""``pypi``: the package index alone. ``none``: no index, only ``find_links``. Else that one of PyTorch's beside it."""

_PLATFORM = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PYTHON = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?")
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*(\[[A-Za-z0-9._,-]+\])?==[A-Za-z0-9][A-Za-z0-9.!+_-]*"
    r"( ; [A-Za-z0-9_.\"'<>=!() -]+)?( --hash=sha256:[0-9a-f]{64})*")
_REPOSITORY = re.compile(
    r"(?:(?:https|ssh|git)://[A-Za-z0-9][A-Za-z0-9._~:@/%+,=-]*|file:///[A-Za-z0-9._~/%+,=@-]*"
    r"|[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[A-Za-z0-9._~][A-Za-z0-9._~/+-]*)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_IN_USE = re.compile(r"/envs/([0-9a-f]{64})/venv/bin/python")


@dataclass(frozen=True)
class Checkout:
    """A repository of the user's at one commit, and the words of the command that builds it, perhaps none."""

    repository: str
    commit: str
    build: tuple[str, ...]


@dataclass(frozen=True)
class Description:
    """What was asked for. ``python`` is a version such as ``3.11``, None for the one that kdorch itself runs on."""

    platform: str
    python: str | None
    requirements: tuple[str, ...]
    index: str
    find_links: str | None
    checkout: Checkout | None


@dataclass(frozen=True)
class Environment:
    """The files of one environment."""

    root: Root
    digest: str

    @classmethod
    def at(cls, root: Root, digest: str) -> Environment:
        if not is_digest(digest):
            raise PathRefused(f"{digest!r} is not a digest")
        return cls(root, digest)

    @property
    def directory(self) -> str:
        return os.path.join(self.root.path, ENVIRONMENTS, self.digest)

    @property
    def description(self) -> str:
        return f"{self.directory}.json"

    @property
    def lock(self) -> str:
        return f"{self.directory}.lock"

    @property
    def status(self) -> str:
        return f"{self.directory}.status.json"

    @property
    def log(self) -> str:
        return f"{self.directory}.log"

    @property
    def seal(self) -> str:
        return os.path.join(self.directory, SEAL)

    @property
    def venv(self) -> str:
        return os.path.join(self.directory, "venv")

    @property
    def python(self) -> str:
        return os.path.join(self.venv, "bin", "python")

    @property
    def checkout(self) -> str:
        return os.path.join(self.directory, "checkout")


def is_ready(environment: Environment) -> bool:
    """Whether it was finished, and the interpreter that it was built from is still there."""
    return os.path.isfile(environment.seal) and os.access(environment.python, os.X_OK)


def state_of(environment: Environment) -> str:
    """One of ready, building, failed, interrupted, absent."""
    # The seal is looked at after the lock too: a builder seals first and lets go of its lock afterwards.
    if is_ready(environment):
        return "ready"
    # A builder that was killed builds no more, though a program that it started may still hold the lock.
    builder = builder_of(environment)
    if is_held(environment.lock) and (builder is None or is_alive(builder)):
        return "building"
    if is_ready(environment):
        return "ready"
    status = read_status(environment)
    if status.get("state") == "failed":
        return "failed"
    return "interrupted" if status or os.path.isdir(environment.directory) else "absent"


def read_status(environment: Environment) -> dict[str, Any]:
    """What the builder said last; empty where it said nothing that can be read."""
    return _read_object(environment.status)


def builder_of(environment: Environment) -> Identity | None:
    """The process that built last, in this boot; None where none is on record."""
    status = read_status(environment)
    found = status.get("builder")
    if status.get("boot_id") != boot_id() or not isinstance(found, dict):
        return None
    pid, ticks = found.get("pid"), found.get("ticks")
    return Identity(pid, ticks) if isinstance(pid, int) and isinstance(ticks, int) else None


def read_seal(environment: Environment) -> dict[str, Any]:
    """The evidence of a finished build; empty where there is none."""
    return _read_object(environment.seal)


def read_description(environment: Environment) -> Description:
    """What was asked for, held against its digest. Raises :class:`ContractError`, or ``FileNotFoundError``."""
    data = read_file(environment.description, DOCUMENT_LIMIT_BYTES + 1)
    if data is None:
        raise FileNotFoundError(2, "missing", environment.description)
    if sha256_hex(data) != environment.digest:
        raise ContractError(environment.description, f"was altered: its sha256 is {sha256_hex(data)}")
    return parse_description(data, environment.description)


def parse_description(data: bytes, path: str) -> Description:
    """The checked description. Raises :class:`ContractError` naming the key; nothing here can become an option."""
    d = parse_object(data, path)

    def need(key: str, good: bool, expected: str) -> None:
        if not good:
            raise ContractError(path, f"key {key!r} is {repr(d.get(key))[:80]}; expected {expected}")

    def fits(pattern: re.Pattern[str], value: object) -> bool:
        return isinstance(value, str) and pattern.fullmatch(value) is not None

    need("contract", d.get("contract") == CONTRACT, CONTRACT)
    need("platform", fits(_PLATFORM, d.get("platform")), "a platform such as x86_64-glibc2.36")
    need("python", d.get("python") is None or fits(_PYTHON, d["python"]), "a version such as 3.11, or null")
    lines = d.get("requirements")
    need("requirements", isinstance(lines, list) and all(fits(_REQUIREMENT, x) for x in lines),
         "a list of NAME==VERSION, each with hashes or without")
    need("index", fits(INDEXES, d.get("index")), "cpu, cuNNN, pypi or none")
    links = d.get("find_links")
    need("find_links", links is None or (isinstance(links, str) and links.startswith(("/", "~/"))
                                         and links.isprintable()), "a path from '/' or '~/', or null")
    return Description(d["platform"], d["python"], tuple(d["requirements"]), d["index"], links,
                       _checkout(d.get("checkout"), path))


def _checkout(value: object, path: str) -> Checkout | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ContractError(path, "key 'checkout' is neither null nor an object")
    repository, commit, build = value.get("repository"), value.get("commit"), value.get("build")
    if not isinstance(repository, str) or not is_repository(repository):
        raise ContractError(path, f"checkout.repository is {repr(repository)[:80]}; expected an https, ssh, git or "
                                  "file URL, or an absolute path")
    if not isinstance(commit, str) or not _COMMIT.fullmatch(commit):
        raise ContractError(path, f"checkout.commit is {repr(commit)[:80]}; expected 40 lower-case hex digits")
    if not isinstance(build, list) or not all(isinstance(w, str) and w and "\0" not in w for w in build):
        raise ContractError(path, "checkout.build is not a list of words")
    return Checkout(repository, commit, tuple(build))


def is_repository(text: str) -> bool:
    """Whether git may be given this: no option, no ``ext::`` or other helper, nothing that holds a password."""
    if text.startswith("/"):
        return text.isprintable() and ".." not in text.split("/")
    if not _REPOSITORY.fullmatch(text):
        return False
    scheme, there, rest = text.partition("://")
    user, at, _ = rest.partition("/")[0].rpartition("@")
    return not there or not at or (scheme == "ssh" and bool(user) and ":" not in user)


def platform_tag() -> str:
    """What binary packages must fit here: the machine and the C library, such as ``aarch64-glibc2.39``."""
    import platform  # deferred: supervisors, which import this module for a name, never ask

    name, version = platform.libc_ver()
    return f"{platform.machine()}-{name or 'libc'}{version}"


def environment_of(python: str) -> str | None:
    """The digest of the environment that an interpreter's path lies in, or None for any other interpreter."""
    match = _IN_USE.search(python)
    return match[1] if match is not None and python.endswith(match[0]) else None


def _read_object(path: str) -> dict[str, Any]:
    try:
        data = read_file(path, DOCUMENT_LIMIT_BYTES + 1)
        return {} if data is None else parse_object(data, path)
    except (OSError, ContractError):
        return {}
