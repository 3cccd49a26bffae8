"""A run goes down its lane when a host stays silent for longer than the lane has patience, and the ledger says so."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.kdorch import Laptop, attempts, baselines, trainer_starts


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port on loopback that refuses: it is bound, so that nobody else gets it, and nobody listens."""
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_a_run_waits_for_its_first_host_and_then_goes_to_the_next(tmp_path: Path, deaf_port: int) -> None:
    laptop = Laptop(tmp_path / "laptop")
    laptop.home.mkdir(parents=True)
    (laptop.home / "hosts.yaml").write_text(
        f"hosts:\n  gone: {{address: 127.0.0.1, port: {deaf_port}, user: kd}}\n"
        f"  here: {{transport: local, root: {tmp_path / 'here'}, slots: 1}}\n"
        "lanes: {default: [{host: gone, max_wait: 1s}, here]}\n")
    (laptop.cwd / "two.yaml").write_text(baselines("two", 2))
    said = laptop.run("campaign", "launch", "two.yaml").stderr.decode()
    assert f"gone: 127.0.0.1:{deaf_port} refuses connections); no run is there; it is tried again" in said
    assert "two/only-s0: gone does not answer; the run waits for it for up to 1 s" in said
    assert "two/only-s0: goes to here and not to gone: it has not answered for " in said

    assert {r["name"]: (r["host"], r["status"]) for r in laptop.rows()} == {
        "two/only-s0": ("here", "baseline"), "two/only-s1": ("here", "baseline")}
    assert [trainer_starts(a) for a in attempts(tmp_path / "here")] == [1, 1]
    events = json.loads(laptop.run("ledger", "sql", "--format", "json",
                                   "SELECT seq, kind, payload FROM events ORDER BY seq").stdout)
    fallbacks = [e["seq"] for e in events if e["kind"] == "lane_fallback"]
    placed = [e["seq"] for e in events if e["kind"] == "attempt_moved" and json.loads(e["payload"])["event"] == "place"]
    assert len(fallbacks) == 2
    # One transaction: nothing of another process can stand between the two, nor a crash.
    assert fallbacks == [seq + 1 for seq in placed]
    told = json.loads(events[fallbacks[0] - 1]["payload"])
    assert (told["attempt_no"], told["from"], told["to"]) == (1, "gone", "here")
    for command in (["why", "two/only-s0"], ["ledger", "show", "two/only-s0"], ["report", "two", "--stdout"]):
        assert "went to here and not to gone: it has not answered for " in laptop.run(*command).stdout.decode()
    laptop.run("ledger", "verify")
