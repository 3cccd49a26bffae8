"""The measurements of one line, made in a process on the client's side of it: ours and the rivals' in turn.

    python -m benchmarks.ssh_measures LAB.json

Prints one JSON object with the figures by name. Of each kind the tries of all contenders alternate, so that a
neighbour on the machine slows all of them; the median counts.
"""

from __future__ import annotations

import base64
import dataclasses
import getpass
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.ssh_rivals import Rivals, run
from benchmarks.ssh_screen import log_lines_on_screen
from orchestrator.dispatch.agent import HostAgent, Wanted, connect_agent
from orchestrator.dispatch.answers import Placement
from orchestrator.dispatch.bundle import Bundle, build_bundle
from orchestrator.resources import worker_source
from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.known_hosts import HostKey
from orchestrator.transport.trust import trust_keys
from orchestrator.wire.documents import DispatchDocument, Resolved
from orchestrator.wire.spec import SimulatedSpec, Spec, run_id_of, spec_bytes

RUN = "a" * 64


@dataclasses.dataclass(frozen=True)
class Size:
    """How much is measured."""

    tries: int = 3
    large_mib: int = 256
    small_files: int = 2000
    launches: int = 36
    fabric_launches: int = 12
    polled: int = 200
    log_lines: int = 60

    @classmethod
    def quick(cls) -> Size:
        return cls(tries=1, large_mib=32, small_files=300, launches=8, fabric_launches=2, polled=20, log_lines=10)


class Measures:
    """One server and one directory to work in, on this machine's side and on the server's, which is the same disk."""

    def __init__(self, lab: Mapping[str, Any], size: Size, work: Path) -> None:
        self._size, self._work = size, work
        self._rivals = Rivals(lab["address"], lab["port"], getpass.getuser(), Path(lab["identity"]),
                              Path(lab["known_hosts"]))
        self._home = work / "home"
        self._home.mkdir()
        self._entry = HostEntry("bench", "ssh", address=lab["address"], port=lab["port"], user=getpass.getuser(),
                                identity=Path(lab["identity"]), ssh_config="none", root=str(work / "root"),
                                python=sys.executable)
        kind, blob = Path(lab["known_hosts"]).read_text().split()[1:3]
        trust_keys(self._entry, self._home, [HostKey(kind, base64.b64decode(blob))])
        self._bundle: Bundle = build_bundle(worker_source())
        self._runs: list[tuple[str, int, str]] = []
        self.figures: dict[str, float] = {}

    def all(self) -> dict[str, float]:
        """Every figure by its name: milliseconds, MB/s or bytes, as the name says."""
        with self._connect() as agent:  # places the bundle
            agent.ping()
        self._connecting()
        with self._connect() as agent:
            self._commands(agent)
            self._large(agent)
            self._small(agent)
            self._log_lines(agent)
            self._launches(agent)
            self._poll(agent)
        self._log_lines_on_screen()
        return self.figures

    def _connect(self) -> HostAgent:
        return connect_agent(self._entry, self._home, self._bundle)

    def _connecting(self) -> None:
        def ours() -> None:
            self._connect().close()

        def fabric() -> None:
            with self._rivals.fabric() as connection:
                connection.run("true", hide=True, in_stream=False)

        self._compare("connect_ms", {"kdorch": ours, "fabric": fabric,
                                     "openssh": lambda: run(self._rivals.ssh("true"))}, times=5)

    def _commands(self, agent: HostAgent) -> None:
        with self._rivals.fabric() as connection, self._rivals.multiplexed(self._work) as mux:
            connection.run("true", hide=True, in_stream=False)
            self._compare("command_ms", {
                "kdorch": agent.ping,
                "fabric": lambda: connection.run("true", hide=True, in_stream=False),
                "openssh multiplexed": lambda: run(self._rivals.ssh("true", more=mux))}, times=10)

    def _large(self, agent: HostAgent) -> None:
        data = os.urandom(self._size.large_mib << 20)
        sha256 = hashlib.sha256(data).hexdigest()
        asset = self._work / "root" / "assets" / "sha256" / sha256
        asset.parent.mkdir(parents=True, exist_ok=True)
        asset.write_bytes(data)
        here = self._work / "large"
        here.mkdir()
        self._compare("large_ms", {
            "kdorch": lambda: agent.pull_asset(sha256, here / "ours"),
            "scp": lambda: self._rivals.scp(asset, here / "scp"),
            "rsync": lambda: self._rivals.rsync(str(asset), here / "rsync"),
        }, between=lambda: _empty(here))
        asset.unlink()
        shutil.rmtree(here)

    def _small(self, agent: HostAgent) -> None:
        there = self._work / "root" / "runs" / RUN / "attempts" / "1" / "checkpoints"
        there.mkdir(parents=True)
        wanted = []
        for i in range(self._size.small_files):
            data = os.urandom(4096)
            (there / f"{i}.bin").write_bytes(data)
            wanted.append(Wanted(f"checkpoints/{i}.bin", len(data), hashlib.sha256(data).hexdigest()))
        here = self._work / "small"
        here.mkdir()
        self._compare("small_ms", {
            "kdorch": lambda: agent.read_many(RUN, 1, wanted, here / "ours"),
            "tar over ssh": lambda: self._rivals.tar(there, here / "tar"),
            "rsync": lambda: self._rivals.rsync(f"{there}/", here / "rsync"),
        }, between=lambda: _empty(here))
        shutil.rmtree(there)
        shutil.rmtree(here)

    def _log_lines(self, agent: HostAgent) -> None:
        """From the write of a line on the host to its arrival at the agent here, by the same monotonic clock."""
        log = self._work / "root" / "runs" / RUN / "attempts" / "1" / "train.log"
        log.write_bytes(b"")
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(log), str(self._size.log_lines)])
        late: list[float] = []
        offset, rest = 0, b""
        while len(late) < self._size.log_lines:
            answer = agent.tail([(RUN, 1, "train.log", offset, "claimed")], wait_s=4, limit=1 << 20, news_only=True)
            now = time.monotonic()
            for frame in answer.frames:
                offset += len(frame.data)
                *lines, rest = (rest + frame.data).split(b"\n")
                late += [(now - float(line)) * 1000.0 for line in lines]
        writer.wait()
        self.figures["log_line_ms"] = statistics.median(late)
        self.figures["log_line_worst_ms"] = max(late)

    def _log_lines_on_screen(self) -> None:
        """The same through to what a command prints."""
        late = log_lines_on_screen(self._entry, self._home, self._size.log_lines)
        self.figures["log_line_to_screen_ms"] = statistics.median(late)
        self.figures["log_line_to_screen_worst_ms"] = max(late)

    def _launches(self, agent: HostAgent) -> None:
        """Launches through the resident program in one go, and by one ``Connection.run`` of the launch command each."""
        ours, theirs = self._size.launches, self._size.fabric_launches
        pairs = [self._documents(seed) for seed in range(ours + theirs)]
        agent.place([d for p in pairs[ours:] for d in p[1]])
        begun = time.perf_counter()
        results = agent.place_and_launch([d for p in pairs[:ours] for d in p[1]], [p[0] for p in pairs[:ours]])
        self.figures["launch kdorch_ms"] = (time.perf_counter() - begun) * 1000.0 / ours
        assert {r.result for r in results} == {"started"}, results
        with self._rivals.fabric() as connection:
            connection.run("true", hide=True, in_stream=False)
            begun = time.perf_counter()
            for run_id, number, digest in (p[0] for p in pairs[ours:]):
                connection.run(f"cd {self._entry.root}/bundles/{self._bundle.digest} && {sys.executable} -m "
                               f"worker.supervisor launch --root {self._entry.root} --run {run_id} --attempt {number} "
                               f"--dispatch {digest}", hide=True, in_stream=False)
            self.figures["launch fabric_ms"] = (time.perf_counter() - begun) * 1000.0 / theirs
        self._runs = [p[0] for p in pairs]

    def _poll(self, agent: HostAgent) -> None:
        """One poll of many runs that live: the CPU time of the host program, and the time until the answer."""
        more = [self._documents(10_000 + i) for i in range(max(0, self._size.polled - len(self._runs)))]
        agent.place_and_launch([d for p in more for d in p[1]], [p[0] for p in more])
        runs = [*self._runs, *(p[0] for p in more)]
        states = {o.run_id: o.state for o in agent.probe([(r, n) for r, n, _ in runs])}
        followed = [(r, n, "train.log", 1 << 40, states[r]) for r, n, _ in runs]
        agent.tail(followed, wait_s=0, limit=1 << 20, news_only=True)
        pid = agent.hello().pid
        before, begun, times = _cpu_s(pid), time.perf_counter(), 10
        for _ in range(times):
            agent.tail(followed, wait_s=0, limit=1 << 20, news_only=True)
        self.figures["poll_ms"] = (time.perf_counter() - begun) * 1000.0 / times
        self.figures["poll_cpu_ms"] = (_cpu_s(pid) - before) * 1000.0 / times
        self.figures["poll_runs"] = len(runs)
        for run_id, number, _ in runs:
            agent.stop(run_id, number, "the benchmark is over")
        until = time.monotonic() + 120.0
        while any(o.state != "sealed" for o in agent.probe([(r, n) for r, n, _ in runs])):
            if time.monotonic() > until:
                raise RuntimeError("the runs of the benchmark did not end")
            time.sleep(0.5)

    def _documents(self, seed: int) -> tuple[tuple[str, int, str], list[Placement]]:
        """A run that waits or idles: a simulated trainer whose steps take long."""
        spec = Spec.model_validate({"entry": "simulated", "seed": seed, "horizon": 100_000,
                                    "validation": {"every": 1000},
                                    "simulated": SimulatedSpec(real_step_ms=500.0).model_dump()})
        run_id = run_id_of(spec)
        data = DispatchDocument(
            run_id=run_id, attempt=1, host="bench", bundle=self._bundle.digest, python=sys.executable, slots=1, gpus=0,
            deadline_s=600.0, grace_s=2.0, beat_s=5.0, disk_floor_bytes=0, resolved=Resolved(), trainer_env={},
            resume_from=None).to_bytes()
        digest = hashlib.sha256(data).hexdigest()
        return (run_id, 1, digest), [Placement(f"runs/{run_id}/spec.json", spec_bytes(spec)),
                                     Placement(f"runs/{run_id}/dispatch/{digest}.json", data)]

    def _compare(self, what: str, contenders: Mapping[str, Callable[[], object]], *, times: int | None = None,
                 between: Callable[[], object] = lambda: None) -> None:
        taken: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(self._size.tries if times is None or self._size.tries == 1 else times):
            for name, act in contenders.items():
                begun = time.perf_counter()
                act()
                taken[name].append((time.perf_counter() - begun) * 1000.0)
            between()
        for name, values in taken.items():
            self.figures[f"{what.removesuffix('_ms')} {name}_ms"] = statistics.median(values)


_WRITER = """
import os, sys, time
log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
for i in range(int(sys.argv[2])):
    time.sleep(0.13 + 0.037 * (i % 7))
    os.write(log, b"%.6f\\n" % time.monotonic())
"""


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _cpu_s(pid: int) -> float:
    """The CPU time of a process of this machine so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(argv: list[str]) -> None:
    lab = json.loads(Path(argv[0]).read_text())
    size = Size.quick() if lab["quick"] else Size()
    work = Path(lab["work"])
    print(json.dumps({"size": dataclasses.asdict(size), "figures": Measures(lab, size, work).all()}))


if __name__ == "__main__":
    main(sys.argv[1:])
