"""A host's root in a temporary directory, with real supervisors and trainers in it, and ways to look at them."""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.wire.spec import SimulatedSpec, Spec, run_id_of, spec_bytes
from worker.observe import observe
from worker.paths import AttemptDir, Root
from worker.process import Identity, is_alive

REPOSITORY = Path(__file__).resolve().parents[2]
HOST_PYTHON = os.environ.get("KDORCH_TEST_HOST_PYTHON", sys.executable)
"""The interpreter of the host side. CI runs these tests again with the oldest Python that hosts may have."""

PATIENCE_S = 60.0
NO_BUNDLE = "b" * 64


def wait_for(condition: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> Any:
    """The first true value of ``condition``; fails, saying ``what``, when none comes in time."""
    until = time.monotonic() + patience_s
    while not (value := condition()):
        assert time.monotonic() < until, f"not within {patience_s} s: {what}"
        select.select([], [], [], 0.02)
    return value


def simulated_spec(*, seed: int = 0, horizon: int = 50, every: int = 25, **simulated: Any) -> Spec:
    """A spec of the small trainer. Keywords go to its ``simulated`` section."""
    return Spec.model_validate({
        "entry": "simulated", "seed": seed, "horizon": horizon, "validation": {"every": every},
        "simulated": SimulatedSpec(**simulated).model_dump(),
    })


@dataclass(frozen=True)
class Placed:
    """One attempt whose documents lie on the host."""

    run_id: str
    number: int
    digest: str
    directory: AttemptDir

    def file(self, name: str) -> Path:
        return Path(self.directory.file(name))

    def document(self, name: str) -> dict[str, Any]:
        value = json.loads(self.file(name).read_bytes())
        assert isinstance(value, dict)
        return value

    @property
    def log(self) -> str:
        return self.file("train.log").read_text() if self.file("train.log").exists() else ""

    @property
    def starts(self) -> int:
        """How many times a trainer ran: each prints its first validation once."""
        return self.log.count("step:0/")

    @property
    def state(self) -> str:
        return str(observe(self.directory)["state"])

    def until(self, *states: str) -> dict[str, Any]:
        """Wait for one of these states; returns the observation."""
        def reached() -> dict[str, Any] | None:
            seen = observe(self.directory)
            return seen if seen["state"] in states else None
        found = wait_for(reached, f"state {states} of {self.run_id[:8]}/{self.number}, now {self.state}")
        assert isinstance(found, dict)
        return found

    def seal(self) -> dict[str, Any]:
        """Wait for the seal and return it."""
        seal = self.until("sealed")["exit"]
        assert isinstance(seal, dict)
        return seal

    def process(self, document: str, role: str) -> Identity:
        found = self.document(document)[role]
        return Identity(found["pid"], found["ticks"])

    def kill_supervisor(self) -> None:
        """``kill -9``, and wait until it is gone."""
        supervisor = self.process("claim.json", "supervisor")
        os.kill(supervisor.pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(supervisor), "the supervisor's death")


class HostRoot:
    """A root directory. :meth:`close` kills every process whose command line names it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = Root.at(str(path))

    def place(self, spec: Spec | None = None, *, attempt: int = 1, **dispatch: Any) -> Placed:
        """Put the documents of an attempt where the laptop would."""
        spec = spec or simulated_spec()
        run_id = run_id_of(spec)
        document: dict[str, Any] = {
            "contract": "v1", "run_id": run_id, "attempt": attempt, "host": "here", "bundle": NO_BUNDLE,
            "python": HOST_PYTHON, "slots": 1, "gpus": spec.needs.gpus, "deadline_s": 300, "grace_s": 5, "beat_s": 0.1,
            "disk_floor_bytes": 0, "resolved": {"teacher": None, "target_val": None}, "trainer_env": {},
            "resume_from": None, **dispatch,
        }
        data = (json.dumps(document, sort_keys=True) + "\n").encode()
        digest = hashlib.sha256(data).hexdigest()
        directory = self.path / "runs" / run_id
        (directory / "dispatch").mkdir(parents=True, exist_ok=True)
        (directory / "spec.json").write_bytes(spec_bytes(spec))
        (directory / "dispatch" / f"{digest}.json").write_bytes(data)
        return Placed(run_id, attempt, digest, self.root.attempt(run_id, attempt))

    def command(self, placed: Placed, **changed: str) -> list[str]:
        asked = {"root": str(self.path), "run": placed.run_id, "attempt": str(placed.number),
                 "dispatch": placed.digest, **changed}
        return [HOST_PYTHON, "-m", "worker.supervisor", "launch",
                *(part for name, value in asked.items() for part in (f"--{name}", value))]

    def begin_launch(self, placed: Placed, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self.command(placed), cwd=REPOSITORY, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environment})

    def launch(self, placed: Placed, *, crash_at: str = "", **environment: str) -> str:
        """Launch; returns the result word, or ``died`` when the launcher itself was made to crash."""
        if crash_at:
            environment["KDORCH_CRASH_AT"] = crash_at
        return answer_of(self.begin_launch(placed, **environment))["result"]

    def processes(self) -> Iterator[int]:
        """Live processes that belong to this root."""
        mark = str(self.path).encode()
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                    yield int(entry.name)

    def close(self) -> None:
        for _ in range(200):
            left = list(self.processes())
            if not left:
                return
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            select.select([], [], [], 0.02)


def answer_of(launcher: subprocess.Popen[bytes]) -> dict[str, str]:
    """The one line that a launch printed, held against its exit code."""
    out, err = launcher.communicate(timeout=PATIENCE_S)
    if launcher.returncode == -signal.SIGKILL:
        return {"result": "died", "detail": ""}
    assert out.count(b"\n") == 1, (out, err)
    answer = json.loads(out)
    assert launcher.returncode == (0 if answer["result"] in ("started", "exists") else 3), answer
    return {"result": str(answer["result"]), "detail": str(answer["detail"])}
