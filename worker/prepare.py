"""What the laptop asks of a host to prepare it: look at an environment, start a build, follow it, check an asset."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from worker.asset_tree import place_in_data
from worker.durable import write_atomic
from worker.environment import (
    ENVIRONMENTS,
    Environment,
    parse_description,
    platform_tag,
    read_seal,
    read_status,
    state_of,
)
from worker.environment_steps import BUILDERS
from worker.facts import facts
from worker.paths import Root, open_beneath
from worker.removal import remove
from worker.requests import BODY_LIMIT_BYTES, Fields, RequestRefused
from worker.trainer_command import BUNDLE
from worker.wire import ContractError, sha256_hex

START_PATIENCE_S = 120.0
MAX_WAIT_S = 60.0
_LOOK_EVERY_S = 0.1
_CHUNK_BYTES = 1 << 20
_CHEAP = ("python", "machine", "root", "root_writable", "fs_type", "disk_free_bytes", "inodes_free", "gpus", "driver")

Result = tuple[dict[str, Any], bytes]
Interrupted = Callable[[float], bool]


def operations(root: Root, interrupted: Interrupted) -> dict[str, Callable[[Fields, bytes], Result]]:
    """The operations of this module by their names in the contract."""
    return {
        "preflight": lambda _fields, _body: (preflight(root), b""),
        "env_look": lambda fields, _body: (look(_environment(root, fields)), b""),
        "env_build": lambda fields, body: (
            build(_environment(root, fields), fields.text("builder", "auto"), body), b""),
        "env_follow": lambda fields, _body: follow(
            _environment(root, fields), fields.count("offset"), min(fields.count("limit"), BODY_LIMIT_BYTES),
            fields.seconds("wait_s", most=MAX_WAIT_S), interrupted),
        "space": lambda _fields, _body: ({"disk_free_bytes": free_bytes(root)}, b""),
        "asset_check": lambda fields, _body: (check_asset(root, fields.digest("sha256")), b""),
        "asset_place": lambda fields, _body: (
            {"path": place_in_data(root, fields.digest("sha256"), fields.text("name"))}, b""),
    }


def preflight(root: Root) -> dict[str, Any]:
    """The facts that cost nothing, and what binary packages must fit."""
    known = facts(root)
    return {**{key: known.get(key) for key in _CHEAP}, "platform": platform_tag(),
            "machine": platform.machine()}


def look(environment: Environment) -> dict[str, Any]:
    """Where the environment stands. Looking at a ready one counts as using it: the housekeeping goes by that."""
    state = state_of(environment)
    if state == "ready":
        os.utime(environment.seal)
    return {"state": state, "status": read_status(environment), "python": environment.python,
            "build": read_seal(environment) if state == "ready" else {}}


def build(environment: Environment, builder: str, description: bytes) -> dict[str, Any]:
    """Put the description in its place and leave a builder behind. Safe to race and to repeat."""
    if builder not in BUILDERS:
        raise RequestRefused("bad_request", f"builder {builder[:40]!r} is none of {', '.join(BUILDERS)}")
    if sha256_hex(description) != environment.digest:
        raise RequestRefused("corrupt", f"the description has sha256 {sha256_hex(description)}")
    try:
        parse_description(description, environment.description)
    except ContractError as error:
        raise RequestRefused("bad_request", str(error)) from None
    os.makedirs(environment.root.path, mode=0o700, exist_ok=True)
    os.makedirs(os.path.join(environment.root.path, ENVIRONMENTS), exist_ok=True)
    write_atomic(environment.description, description)
    command = [sys.executable, "-m", "worker.environment_build", "--root", environment.root.path,
               "--digest", environment.digest, "--builder", builder]
    try:
        done = subprocess.run(command, cwd=BUNDLE, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=START_PATIENCE_S, check=False)
        answer = json.loads(done.stdout)
        return {"result": str(answer["result"]), "detail": str(answer["detail"])}
    except subprocess.TimeoutExpired:
        return {"result": "refused", "detail": f"the builder did not answer within {START_PATIENCE_S:.0f} s"}
    except (ValueError, KeyError, TypeError):
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return {"result": "refused",
                "detail": f"the builder ended with {done.returncode}: {words[-1] if words else 'no words'}"}


def follow(environment: Environment, offset: int, limit: int, wait_s: float, interrupted: Interrupted) -> Result:
    """The build log from ``offset`` on and the state, as soon as there is more log or no build at work any more.

    ``offset`` in the answer is where its bytes begin: a build that began anew has a log that begins anew.
    """
    until = time.monotonic() + wait_s
    while True:
        state = state_of(environment)
        data, at = _log(environment, offset, limit)
        if data or state != "building" or time.monotonic() >= until or interrupted(_LOOK_EVERY_S):
            return {"state": state, "status": read_status(environment), "offset": at}, data


def free_bytes(root: Root) -> int:
    """What the file system that holds the root, or will hold it, has left for this user."""
    place = root.path
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def check_asset(root: Root, sha256: str) -> dict[str, Any]:
    """Hold an asset against its digest; one that is not what its name says is removed, so that it can be sent again."""
    try:
        fd = open_beneath(root.assets, sha256)
    except FileNotFoundError:
        return {"present": False, "removed": False}
    try:
        sound, size = _sha256(fd) == sha256, os.fstat(fd).st_size
    finally:
        os.close(fd)
    if not sound:
        remove(root.path, f"assets/sha256/{sha256}")
    return {"present": sound, "removed": not sound, "size": size}


def _sha256(fd: int) -> str:
    digest, offset = hashlib.sha256(), 0
    while piece := os.pread(fd, _CHUNK_BYTES, offset):
        digest.update(piece)
        offset += len(piece)
    return digest.hexdigest()


def _log(environment: Environment, offset: int, limit: int) -> tuple[bytes, int]:
    try:
        with open(environment.log, "rb") as handle:
            size = os.fstat(handle.fileno()).st_size
            at = offset if offset <= size else 0
            handle.seek(at)
            return handle.read(limit), at
    except FileNotFoundError:
        return b"", 0


def _environment(root: Root, fields: Fields) -> Environment:
    return Environment.at(root, fields.digest("digest"))
