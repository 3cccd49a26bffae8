"""Builds one environment: ``python -m worker.environment_build --root ROOT --digest D [--builder auto|uv|pip]``.

The command leaves a builder behind that needs no connection, and prints one line of JSON,
``{"result": "started"|"building"|"ready"|"refused", "detail": …}``; repeating it is safe. The builder holds the lock,
wipes what an earlier one left half-made, builds, makes everything durable and writes the seal last. Killed at any
point, it leaves no seal. What a killed builder's tools still do is ended before the next one begins.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from worker import environment_steps as steps
from worker import process
from worker.durable import sync_directory, write_atomic
from worker.environment import (
    ENVIRONMENTS,
    Description,
    Environment,
    builder_of,
    is_ready,
    platform_tag,
    read_description,
)
from worker.faults import crash_point
from worker.locks import exclusive_within, open_lock
from worker.paths import PathRefused, Root
from worker.removal import names_in, remove
from worker.wire import CONTRACT, ContractError, sha256_hex, to_bytes, utc

STEP_LIMIT_S = 3 * 3600.0
LOCK_PATIENCE_S = 1.0
EVICTION_PATIENCE_S = 10.0
READY_PATIENCE_S = 30.0
LOG_TAIL_BYTES = 16 << 10


@dataclass
class _Build:
    """One build under way. ``lock`` is the descriptor that says so."""

    environment: Environment
    asked: Description
    builder: str
    lock: int
    started: float = field(default_factory=time.time)
    done: list[dict[str, Any]] = field(default_factory=list)
    phase: str = "starting"

    def run(self) -> None:
        """Build and seal. Raises :class:`steps.CannotBuild` or ``OSError``; then there is no seal."""
        env = self.environment
        self.say("wiping")
        remove(env.root.path, f"{ENVIRONMENTS}/{env.digest}")
        os.mkdir(env.directory, 0o755)
        tool = steps.choose_tool(self.builder, env)
        self.say("virtual environment")
        self.step(steps.venv_command(tool, self.asked.python, env))
        crash_point("environment_venv")
        if self.asked.requirements:
            self.say("packages")
            text = "".join(f"{line}\n" for line in self.asked.requirements)
            write_atomic(os.path.join(env.directory, steps.REQUIREMENTS), text.encode())
            self.step(steps.install_command(tool, self.asked, env))
        if self.asked.checkout is not None:
            self.say("checkout")
            self._check_out()
        self.say("sealing")
        self._seal(tool)

    def _check_out(self) -> None:
        checkout, directory = self.asked.checkout, self.environment.checkout
        assert checkout is not None
        init, fetch, switch = steps.checkout_commands(checkout, directory)
        self.step(init)
        try:
            self.step(fetch)
        except steps.CannotBuild:
            self.step(steps.whole_fetch_command(checkout, directory))
        self.step(switch)
        if self.step(steps.head_command(directory), capture=True).decode().strip() != checkout.commit:
            raise steps.CannotBuild(f"the repository gave another commit than {checkout.commit}")
        if checkout.build:
            self.say("build command")
            self.step(list(checkout.build), cwd=directory)

    def _seal(self, tool: steps.Tool) -> None:
        packages = json.loads(self.step(steps.freeze_command(self.environment), capture=True))
        python = self.step([self.environment.python, "-I", "-c", "import platform; print(platform.python_version())"],
                           capture=True).decode().strip()
        asked = json.loads(_read(self.environment.description))
        document = {
            "contract": CONTRACT, "digest": self.environment.digest, "asked": asked, "platform": platform_tag(),
            "python": python, "builder": tool.name, "builder_version": tool.version(), "packages": packages,
            "freeze_sha256": sha256_hex("".join(f"{p}\n" for p in packages).encode()),
            "started_at": utc(self.started), "finished_at": utc(time.time()),
            "duration_ms": round((time.time() - self.started) * 1000), "steps": self.done,
        }
        # What the seal vouches for must be on the disk before it is: tens of thousands of files, so all at once.
        os.sync()
        crash_point("environment_seal")
        write_atomic(self.environment.seal, to_bytes(document))
        sync_directory(os.path.dirname(self.environment.directory))

    def step(self, command: list[str], *, capture: bool = False, cwd: str | None = None) -> bytes:
        """Run one command to its end; its words go to the log. Raises :class:`steps.CannotBuild`."""
        print(f"+ {' '.join(map(_shown, command))}", flush=True)
        began = time.monotonic()
        variables = steps.build_environment(os.environ, self.environment)
        try:
            with subprocess.Popen(command, cwd=cwd or self.environment.directory, env=variables,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE if capture else None,
                                  pass_fds=(self.lock,)) as child:
                try:
                    out, _ = child.communicate(timeout=STEP_LIMIT_S)
                except subprocess.TimeoutExpired:
                    process.sweep(os.getpid(), lambda: None, time.sleep, EVICTION_PATIENCE_S)
                    raise steps.CannotBuild(f"{command[0]} did not end within {STEP_LIMIT_S:.0f} s") from None
        except (FileNotFoundError, PermissionError) as error:
            raise steps.CannotBuild(f"{command[0]} cannot be run here: {error.strerror}",
                                    f"install {os.path.basename(command[0])} on the host") from None
        self.done.append({"command": command, "exit_code": child.returncode,
                          "duration_ms": round((time.monotonic() - began) * 1000)})
        if child.returncode != 0:
            raise steps.CannotBuild(f"{os.path.basename(command[0])} ended with status {child.returncode}")
        return out or b""

    def say(self, phase: str = "", state: str = "building", reason: str | None = None,
            remedy: str | None = None) -> None:
        """Tell whoever looks where the build stands; without ``phase`` it is still in the last one."""
        self.phase = phase or self.phase
        me = process.identity_of(os.getpid())
        write_atomic(self.environment.status, to_bytes({
            "contract": CONTRACT, "state": state, "phase": self.phase, "reason": reason, "remedy": remedy,
            "builder": {"pid": me.pid, "ticks": me.ticks}, "boot_id": process.boot_id(),
            "started_at": utc(self.started), "at": utc(time.time())}))


def main(argv: Sequence[str] | None = None) -> int:
    """Leave a builder behind, or say why none is needed. Returns the exit code: 0, or 3 when refused."""
    parser = argparse.ArgumentParser(prog="python -m worker.environment_build", description=__doc__,
                                     allow_abbrev=False)
    parser.add_argument("--root", required=True, help="the host's root directory; ~ is expanded")
    parser.add_argument("--digest", required=True, help="sha256 of the environment's description")
    parser.add_argument("--builder", choices=steps.BUILDERS, default="auto", help="what builds; default: %(default)s")
    asked = parser.parse_args(argv)
    try:
        result, detail = start(Environment.at(Root.at(asked.root), asked.digest), asked.builder)
    except (ContractError, PathRefused, OSError) as error:
        result, detail = "refused", str(error)
    print(json.dumps({"result": result, "detail": detail}, sort_keys=True), flush=True)
    return 3 if result == "refused" else 0


def start(environment: Environment, builder: str) -> tuple[str, str]:
    """Start a builder unless one is at work or the environment is ready. In the builder this never returns."""
    asked = read_description(environment)
    here = platform_tag()
    if asked.platform != here:
        return "refused", f"the environment is for {asked.platform}; this host is {here}"
    lock = open_lock(environment.lock)
    if not exclusive_within(lock, LOCK_PATIENCE_S):
        _evict(environment)
        if not exclusive_within(lock, LOCK_PATIENCE_S):
            return "building", "another builder is at work"
    if is_ready(environment):
        return "ready", environment.python
    # A seal whose interpreter is gone must not outlive the first file that the wiping takes away.
    with contextlib.suppress(FileNotFoundError):
        os.unlink(environment.seal)
        sync_directory(environment.directory)
    return _leave_builder(_Build(environment, asked, builder, lock))


def _evict(environment: Environment) -> None:
    """End what a killed builder left at work. A living builder, or one of another boot, is not touched.

    The lock is held, so at least one process of that session lives; as long as one does, the session's number, which
    was the builder's pid, cannot have become another's.
    """
    builder = builder_of(environment)
    if builder is None or process.is_alive(builder):
        return
    pid = builder.pid
    until = time.monotonic() + EVICTION_PATIENCE_S
    while time.monotonic() < until:
        left = [p for p in process.all_processes() if p.session == pid and not p.dead]
        if not any(_holds(p.pid, environment.lock) for p in left):
            return
        for member in left:
            process.send(member.pid, signal.SIGKILL)
        time.sleep(0.05)


def _holds(pid: int, path: str) -> bool:
    directory = f"/proc/{pid}/fd"
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):
            with contextlib.suppress(OSError):
                if os.path.samefile(os.path.join(directory, name), path):
                    return True
    return False


def _leave_builder(build: _Build) -> tuple[str, str]:
    """Fork the builder off for good, and return once it has said on disk that it is at work."""
    read_fd, write_fd = os.pipe2(os.O_CLOEXEC)
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            _be_builder(build, write_fd)
        os._exit(0)
    os.close(write_fd)
    os.waitpid(child, 0)
    with os.fdopen(read_fd, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    return ("started", "building") if said == "ok" else ("refused", said or "the builder died before it could begin")


def _be_builder(build: _Build, ready_fd: int) -> None:
    """In the builder's process, never returns."""
    try:
        # A session of its own, led by itself: its number is how what it leaves behind is found.
        os.setsid()
        _cut_ties(build, ready_fd)
        try:
            build.say("starting")
        except OSError as error:
            os.write(ready_fd, str(error).encode())
            raise
        with contextlib.suppress(BrokenPipeError):
            os.write(ready_fd, b"ok")
        os.close(ready_fd)
        _conclude(build)
    finally:
        os._exit(0)


def _conclude(build: _Build) -> None:
    reason, remedy = "", ""
    try:
        build.run()
    except steps.CannotBuild as error:
        reason, remedy = str(error), error.remedy or steps.remedy_for(_log_tail(build.environment))
    except Exception as error:  # noqa: BLE001 - whatever it was, the laptop must hear of it
        reason = f"{type(error).__name__}: {error}"
        remedy = steps.remedy_for(reason)
    if not reason:
        build.say(state="ready")
        return
    print(f"failed: {reason}", flush=True)
    with contextlib.suppress(OSError, PathRefused):
        # First the room, then the words: on a full disk the words find place only then.
        remove(build.environment.root.path, f"{ENVIRONMENTS}/{build.environment.digest}")
    build.say(state="failed", reason=reason, remedy=remedy or None)


def _cut_ties(build: _Build, ready_fd: int) -> None:
    """Talk to the log alone, and hold nothing open of whoever started this."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    silence = os.open(os.devnull, os.O_RDONLY)
    log = os.open(build.environment.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_NOFOLLOW, 0o644)
    for source, target in ((silence, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd not in (build.lock, ready_fd):
            with contextlib.suppress(OSError):
                os.close(fd)
    os.chdir("/")
    for name in names_in(os.path.dirname(build.environment.directory), ""):
        if name.startswith(f".{build.environment.digest}.") and ".tmp-" in name:
            with contextlib.suppress(OSError):
                os.unlink(os.path.join(os.path.dirname(build.environment.directory), name))


def _log_tail(environment: Environment) -> str:
    try:
        with open(environment.log, "rb") as handle:
            handle.seek(max(0, os.fstat(handle.fileno()).st_size - LOG_TAIL_BYTES))
            return handle.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _read(path: str) -> bytes:
    with open(path, "rb") as handle:
        return handle.read()


def _shown(word: str) -> str:
    return word if word.isprintable() and word and not set(word) & set(" '\"\\$`") else repr(word)


if __name__ == "__main__":
    sys.exit(main())
