"""Directories as assets: a manifest that names files by digest, and the directory made of links to them.

The manifest is an asset itself, and its digest is the directory's. Below ``ROOT/data``, where trainers look for token
shards, an asset or a directory of assets appears under a name as hard links: no byte is there twice.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass

from worker.durable import read_file, sync_directory
from worker.paths import Root
from worker.removal import remove
from worker.requests import RequestRefused
from worker.wire import CONTRACT, DOCUMENT_LIMIT_BYTES, ContractError, is_digest, is_safe_name, parse_object

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_START = b'{"contract":"v1","files":['


@dataclass(frozen=True)
class Member:
    """One file of a directory: its relative path and its digest."""

    path: str
    sha256: str


def members_of(root: Root, sha256: str) -> list[Member] | None:
    """The files of a directory asset, or None for an asset that is a file. Raises :class:`RequestRefused`."""
    path = root.asset(sha256)
    head = read_file(path, len(_START))
    if head is None:
        raise RequestRefused("not_found", f"asset {sha256} is not here")
    if head != _START or os.path.getsize(path) > DOCUMENT_LIMIT_BYTES:
        return None
    try:
        document = parse_object(read_file(path, DOCUMENT_LIMIT_BYTES + 1) or b"", path)
    except ContractError:
        return None
    files = document.get("files")
    if document.get("contract") != CONTRACT or document.get("kind") != "tree" or not isinstance(files, list):
        return None
    found = []
    for item in files:
        if not isinstance(item, dict) or not is_safe_name(item.get("path")) or not is_digest(item.get("sha256")):
            raise RequestRefused("corrupt", f"asset {sha256} lists a file that is none")
        found.append(Member(str(item["path"]), str(item["sha256"])))
    return found


def place_in_data(root: Root, sha256: str, name: str) -> str:
    """Let an asset appear as ``ROOT/data/NAME``; returns the path. Repeating it changes nothing.

    Raises :class:`RequestRefused` where something else stands there, or a file of a directory is not on this host.
    """
    if not _NAME.fullmatch(name):
        raise RequestRefused("refused_path", f"{name!r} is not a name for an asset")
    members = members_of(root, sha256)
    data = os.path.join(root.path, "data")
    target = os.path.join(data, name)
    if os.path.lexists(target):
        if _is_that(root, target, members, sha256):
            return target
        raise RequestRefused("refused_path", f"{target} is there already and is something else; move it away first")
    os.makedirs(data, exist_ok=True)
    beside = f".placing-{name}-{os.getpid()}"
    try:
        if members is None:
            os.link(root.asset(sha256), os.path.join(data, beside), follow_symlinks=False)
        else:
            _link_all(root, os.path.join(data, beside), members)
        os.rename(os.path.join(data, beside), target)
    except FileNotFoundError as error:
        raise RequestRefused("not_found", f"{error.filename} is not here; push the asset again") from None
    finally:
        with contextlib.suppress(OSError):
            remove(root.path, f"data/{beside}")
    sync_directory(data)
    return target


def _link_all(root: Root, directory: str, members: list[Member]) -> None:
    os.mkdir(directory)
    for member in members:
        path = os.path.join(directory, member.path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.link(root.asset(member.sha256), path, follow_symlinks=False)


def _is_that(root: Root, target: str, members: list[Member] | None, sha256: str) -> bool:
    expected = {"": sha256} if members is None else {m.path: m.sha256 for m in members}
    if members is not None and not os.path.isdir(target):
        return False
    try:
        return all(os.path.samefile(os.path.join(target, path) if path else target, root.asset(digest))
                   for path, digest in expected.items())
    except OSError:
        return False
