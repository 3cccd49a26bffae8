"""The environments of a hosts file: what a host's trainer runs in, when kdorch is to build it.

An environment stands under ``environments:`` by name, and a host takes one with ``environment: NAME``; one without
trains with the interpreter of its ``python:``. Everything here ends up as a word of a command on a host, so each value
is held to a closed form, and nothing can be read as an option.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from orchestrator.transport.hosts_file import HostsFile, KeyPath, of_form

AUTO = "auto"


@dataclass(frozen=True)
class Checkout:
    """A repository of the user's at one commit; ``build`` are the words of the command that builds it, perhaps none."""

    repository: str
    commit: str
    build: tuple[str, ...] = ()


@dataclass(frozen=True)
class EnvironmentEntry:
    """What a host's trainer is to run in. ``index`` is auto, cpu, cuNNN, pypi or none; ``find_links`` is a directory
    of wheels on the host; ``python`` a version, None for the one that kdorch itself runs on there."""

    name: str
    requirements: Path | None = None
    builder: Literal["auto", "uv", "pip"] = "auto"
    index: str = AUTO
    find_links: str | None = None
    python: str | None = None
    checkout: Checkout | None = None


def _repository(value: str) -> str:
    scheme, there, rest = value.partition("://")
    user, at, _ = rest.partition("/")[0].rpartition("@")
    if there and at and not (scheme == "ssh" and ":" not in user):
        raise ValueError("a name or password in a URL would be a secret in a file; let git on the host find its own")
    return value


def _words(value: str) -> str:
    try:
        if not shlex.split(value):
            raise ValueError("no command")
    except ValueError as error:
        raise ValueError(f"{value!r} is not a command: {error}") from None
    return value


Index = Annotated[str, of_form(r"auto|cpu|cu[0-9]{3}|pypi|none", "one of auto, cpu, cuNNN (such as cu130), pypi, none")]
Version = Annotated[str, of_form(r"[0-9]{1,2}\.[0-9]{1,2}(\.[0-9]{1,2})?", "a version such as \"3.11\", in quotes")]
HostDirectory = Annotated[str, of_form(r"~?(/[A-Za-z0-9._+@=-]+)+/?", "a path on the host, from '/' or '~/'")]
Commit = Annotated[str, of_form(r"[0-9a-f]{40}", "a whole commit: 40 lower-case hex digits")]
Repository = Annotated[str, of_form(
    r"(?:https|ssh|git)://[A-Za-z0-9][A-Za-z0-9._~:@/%+,=-]*|file:///[A-Za-z0-9._~/%+,=@-]*|/[A-Za-z0-9._~/+@=-]+"
    r"|[A-Za-z0-9_][A-Za-z0-9._-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[A-Za-z0-9._~][A-Za-z0-9._~/+-]*",
    "an https, ssh, git or file URL, user@host:path, or an absolute path on the host"), AfterValidator(_repository)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class CheckoutModel(_Strict):
    """``checkout:`` in the file."""

    repository: Repository
    commit: Commit
    build: Annotated[str, AfterValidator(_words)] | None = None


class EnvironmentModel(_Strict):
    """An environment in the file."""

    requirements: Annotated[str, Field(min_length=1)] | None = None
    builder: Literal["auto", "uv", "pip"] = "auto"
    index: Index = AUTO
    find_links: HostDirectory | None = None
    python: Version | None = None
    checkout: CheckoutModel | None = None


def named_environments(file: HostsFile, given: Mapping[str, EnvironmentModel]) -> dict[str, EnvironmentEntry]:
    """The environments under ``environments:``."""
    for name in given:
        if not re.fullmatch(r"[a-z0-9._-]+", name):
            file.refuse(("environments", name), "a name has only the characters a-z, 0-9, '.', '_' and '-'")
    return {name: _entry(file, name, model, ("environments", name)) for name, model in given.items()}


def environment_of_host(file: HostsFile, host: str, name: str,
                        named: Mapping[str, EnvironmentEntry]) -> EnvironmentEntry:
    """What ``environment: NAME`` of a host means."""
    if name not in named:
        file.refuse(("hosts", host, "environment"),
                    f"there is no environment {name!r}; known: {', '.join(sorted(named)) or 'none'}",
                    hint="describe it under 'environments:', or use 'python:' for an interpreter that is there")
    return named[name]


def _entry(file: HostsFile, name: str, model: EnvironmentModel, key: KeyPath) -> EnvironmentEntry:
    if model.requirements is None and model.checkout is None:
        file.refuse(key, "an environment needs 'requirements:', or a 'checkout:' that installs what it needs",
                    hint="for an interpreter that is there already, use the host's 'python:'")
    if model.index == "none" and model.find_links is None and model.requirements is not None:
        file.refuse((*key, "index"), "with no index there must be a directory of wheels in 'find_links:'")
    checkout = None
    if model.checkout is not None:
        checkout = Checkout(model.checkout.repository, model.checkout.commit,
                            tuple(shlex.split(model.checkout.build or "")))
    requirements = None
    if model.requirements is not None:
        requirements = file.path.parent.absolute() / Path(model.requirements).expanduser()
    return EnvironmentEntry(name, requirements, model.builder, model.index, model.find_links, model.python, checkout)
