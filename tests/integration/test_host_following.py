"""Following logs on the host's side: news at once, other logs told from the same one, and a poll that costs little."""

from __future__ import annotations

import hashlib
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.supervised import HostRoot, simulated_spec
from tests.integration.test_host_program import Client, of
from worker.paths import Root
from worker.tail import COALESCE_S, Followed, Tail
from worker.watch import Watch

RUN = "a" * 64


@pytest.fixture
def client(host: HostRoot) -> Iterator[Client]:
    one = Client(host.path)
    yield one
    if one.program.poll() is None:
        assert one.close() == 0


def log_of(host: HostRoot, run_id: str, data: bytes) -> Path:
    directory = host.path / "runs" / run_id / "attempts" / "1"
    directory.mkdir(parents=True)
    (directory / "train.log").write_bytes(data)
    return directory / "train.log"


def asked(run_id: str, data: bytes, offset: int | None = None) -> dict[str, Any]:
    """What is asked for by who has ``data`` of the log: the next bytes, and whether it is the same log."""
    head = data[:4096]
    return {"run_id": run_id, "attempt": 1, "path": "train.log", "offset": len(data) if offset is None else offset,
            "state": "claimed", "head": {"bytes": len(head), "sha256": hashlib.sha256(head).hexdigest()}}


@pytest.mark.parametrize(("now", "frames"), [
    (b"line one\nline two\n", []),
    (b"line one\nline two\nline three\n", [{"offset": 18, "bytes": 11}]),
    (b"line one\n", [{"offset": 0, "bytes": 9, "restart": "truncated"}]),
    (b"", [{"offset": 0, "bytes": 0, "restart": "truncated"}]),
    (b"another run of one\nline\n", [{"offset": 0, "bytes": 24, "restart": "replaced"}]),
], ids=["same", "grown", "shorter", "empty", "another"])
def test_another_log_is_told_from_the_one_that_was_followed(client: Client, host: HostRoot, now: bytes,
                                                            frames: list[dict[str, Any]]) -> None:
    log = log_of(host, RUN, now)
    header, body = client.ask("tail", files=[asked(RUN, b"line one\nline two\n")], wait_s=0, limit=1000,
                              news_only=True)
    want = [{"run_id": RUN, "attempt": 1, "path": "train.log", **f} for f in frames]
    assert (header["frames"], header["observations"]) == (want, [])
    assert body == (log.read_bytes()[frames[0]["offset"]:] if frames else b"")


def test_only_what_is_news_is_spoken_of_when_that_is_asked_for(client: Client, host: HostRoot) -> None:
    one, other = host.place(simulated_spec()), host.place(simulated_spec(seed=1))
    files = [{**of(a), "path": "train.log", "offset": 0, "state": s} for a, s in ((one, "absent"), (other, "running"))]
    header, _ = client.ask("tail", files=files, wait_s=20, limit=10, news_only=True)
    assert [(o["run_id"], o["state"]) for o in header["observations"]] == [(other.run_id, "absent")]
    header, _ = client.ask("tail", files=files, wait_s=0, limit=10)
    assert len(header["observations"]) == 2


def test_small_files_come_together_and_one_that_is_missing_is_named(client: Client, host: HostRoot) -> None:
    log = log_of(host, RUN, b"abc")
    (log.parent / "status.json").write_bytes(b"{}")
    header, body = client.ask("read_many", run_id=RUN, attempt=1, paths=["status.json", "train.log"])
    assert (header["sizes"], body) == ([2, 3], b"{}abc")
    assert client.error("read_many", run_id=RUN, attempt=1, paths=["train.log", "no.such"]) == "not_found"
    assert client.error("read_many", run_id=RUN, attempt=1, paths=["../../x"]) == "refused_path"
    assert client.error("read_many", run_id=RUN, attempt=1, paths="train.log") == "bad_request"


@pytest.mark.parametrize(("data", "smaller"), [(b"step " * 40_000, True), (os.urandom(200_000), False)])
def test_a_piece_is_compressed_only_where_that_pays(client: Client, host: HostRoot, data: bytes,
                                                    smaller: bool) -> None:
    log_of(host, RUN, data)
    header, body = client.ask("read", run_id=RUN, attempt=1, path="train.log", offset=0, limit=1 << 20, zlib=True)
    assert ("zlib" in header, len(body) < len(data)) == (smaller, smaller)


@pytest.mark.parametrize("announced", [4, 6, 1 << 40])
def test_a_compressed_piece_of_another_size_is_refused(client: Client, announced: int) -> None:
    import zlib

    assert client.error("asset_put", zlib.compress(b"abcde"), sha256="0" * 64, size=5, offset=0,
                        zlib=announced) in ("corrupt", "too_large")
    assert client.error("asset_put", b"not zlib", sha256="0" * 64, size=5, offset=0, zlib=5) == "corrupt"
    assert client.ok("ping")


class _Clock:
    """A clock that moves when something waits, and a log that grows when it has moved far enough."""

    def __init__(self, then: Callable[[float], None]) -> None:
        self.now, self._then = 100.0, then

    def read(self) -> float:
        return self.now

    def wait(self, seconds: float, _also: int | None) -> bool:
        self.now += min(seconds, 0.01)
        self._then(self.now)
        return False


def test_the_first_new_bytes_are_news_at_once_and_the_next_are_gathered(host: HostRoot) -> None:
    log = log_of(host, RUN, b"")
    clock = _Clock(lambda _now: None)
    tail = Tail(clock.wait, clock.read)
    attempt = Root.at(str(host.path)).attempt(RUN, 1)

    def poll() -> tuple[float, int]:
        began = clock.now
        _, body = tail.poll([Followed(attempt, "train.log", log.stat().st_size - 4, "claimed")], 5.0, 100,
                            news_only=True)
        return clock.now - began, len(body)

    log.write_bytes(b"one\n")
    assert poll() == (0.0, 4)
    log.write_bytes(b"one\ntwo\n")
    waited, size = poll()
    assert COALESCE_S - 0.001 < waited < COALESCE_S + 0.05
    assert size == 4
    clock.now += COALESCE_S
    assert poll() == (0.0, 4), "after a pause the first bytes are news at once again"


def test_a_watch_tells_what_happened_where(tmp_path: Path) -> None:
    watch = Watch()
    assert watch.cover([str(tmp_path)])
    (tmp_path / "train.log").write_text("x")
    assert (str(tmp_path), "train.log") in (watch.happened() or set())
    assert watch.happened() == set()
    assert not watch.cover([str(tmp_path / "absent")]), "what cannot be watched must be looked at"
    (tmp_path / "other").write_text("x")
    assert watch.happened() == set(), "no longer watched"
    watch.close()


def test_a_poll_of_two_hundred_runs_costs_little(host: HostRoot) -> None:
    """The figure to hold is 100 ms; the limit here leaves room for a machine that is busy with other tests."""
    attempts = [Root.at(str(host.path)).attempt(f"{i:064x}", 1) for i in range(200)]
    for i, attempt in enumerate(attempts):
        log_of(host, attempt.run_id, b"x" * i)
    files = [Followed(a, "train.log", 0, "claimed", None) for a in attempts]
    tail = Tail(lambda _seconds, _also: False)
    tail.poll(files, 0.0, 1 << 20, news_only=True)
    before = resource.getrusage(resource.RUSAGE_SELF)
    header, body = tail.poll(files, 0.0, 1 << 20, news_only=True)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert len(body) == sum(range(200))
    assert header["observations"] == []
    assert (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime) < 0.2
