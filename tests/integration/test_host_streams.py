"""Files by stream: whole, verified, resumed where they were cut, and never in the way of anything else."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.dispatch import pace
from orchestrator.dispatch.agent import HostAgent, RequestRefused, Wanted, connect_agent
from orchestrator.dispatch.bundle import Bundle, build_bundle
from orchestrator.domain.errors import TransferCorrupt
from orchestrator.resources import worker_source
from orchestrator.transport.inventory import HostEntry
from tests.integration.sshd_server import SshServer
from tests.integration.supervised import HostRoot

pytestmark = pytest.mark.sshd

RUN = "a" * 64
RANDOM = os.urandom(5 << 20)
TEXT = b"step:1/100 train_loss:4.2 train_time:100ms step_avg:100.00ms\n" * 60_000
SIZES = (0, 1, 4096, pace.PIECE_BYTES - 1, pace.PIECE_BYTES, pace.PIECE_BYTES + 1)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return build_bundle(worker_source())


@pytest.fixture
def agent(any_entry: HostEntry, home: Path, bundle: Bundle) -> Iterator[HostAgent]:
    with connect_agent(any_entry, home, bundle) as agent:
        yield agent
    HostRoot(Path(any_entry.root)).close()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def attempt_files(entry: HostEntry, files: dict[str, bytes]) -> list[Wanted]:
    """Put files into an attempt's directory on the host, and say what a manifest would."""
    directory = Path(entry.root) / "runs" / RUN / "attempts" / "1"
    for name, data in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)
    return [Wanted(name, len(data), sha(data)) for name, data in files.items()]


@pytest.mark.parametrize("size", SIZES)
def test_an_asset_goes_there_and_comes_back(agent: HostAgent, tmp_path: Path, size: int) -> None:
    data = RANDOM[:size]
    (tmp_path / "there").write_bytes(data)
    seen: list[tuple[int, int]] = []
    assert agent.push_asset(sha(data), tmp_path / "there", lambda *at: seen.append(at)) == size
    assert seen[-1] == (size, size)
    assert agent.has([sha(data)]) == {sha(data)}
    assert agent.pull_asset(sha(data), tmp_path / "deep" / "back") == size
    assert (tmp_path / "deep" / "back").read_bytes() == data
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["back"]


@pytest.mark.parametrize("data", [RANDOM, TEXT], ids=["random", "text"])
def test_a_slow_line_carries_the_same_bytes(agent: HostAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                            data: bytes) -> None:
    monkeypatch.setattr(pace, "SLOW_BYTES_PER_S", float("inf"))  # any rate is slow
    monkeypatch.setattr(pace, "MEASURE_S", 0.0)
    (tmp_path / "there").write_bytes(data)
    agent.push_asset(sha(data), tmp_path / "there")
    agent.pull_asset(sha(data), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data


def test_a_pull_goes_on_where_it_was_cut(agent: HostAgent, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(RANDOM)
    agent.push_asset(sha(RANDOM), tmp_path / "there")
    (tmp_path / "back.part").write_bytes(RANDOM[: 3 << 20])
    seen: list[int] = []
    agent.pull_asset(sha(RANDOM), tmp_path / "back", lambda have, _: seen.append(have))
    assert (tmp_path / "back").read_bytes() == RANDOM
    assert seen[0] > 3 << 20, "what was there was not sent again"


def test_a_push_goes_on_where_it_was_cut(agent: HostAgent, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(RANDOM)
    assert agent.asset_put(sha(RANDOM), size=len(RANDOM), offset=0, data=RANDOM[: 3 << 20]) == 3 << 20
    seen: list[int] = []
    agent.push_asset(sha(RANDOM), tmp_path / "there", lambda have, _: seen.append(have))
    assert seen[0] > 3 << 20
    assert agent.has([sha(RANDOM)]) == {sha(RANDOM)}


def test_wrong_bytes_from_an_earlier_try_are_fetched_again(agent: HostAgent, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(RANDOM)
    agent.push_asset(sha(RANDOM), tmp_path / "there")
    (tmp_path / "back.part").write_bytes(b"x" * (2 << 20))
    agent.pull_asset(sha(RANDOM), tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == RANDOM


def test_what_was_altered_on_the_host_gets_no_name_here(agent: HostAgent, any_entry: HostEntry,
                                                        tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(RANDOM)
    agent.push_asset(sha(RANDOM), tmp_path / "there")
    asset = Path(any_entry.root) / "assets" / "sha256" / sha(RANDOM)
    asset.chmod(0o644)
    asset.write_bytes(RANDOM[:-1] + bytes([RANDOM[-1] ^ 1]))
    with pytest.raises(TransferCorrupt, match=sha(RANDOM)[:12]):
        agent.pull_asset(sha(RANDOM), tmp_path / "back")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("back")] == []
    agent.ping()


def test_a_file_that_is_not_what_its_digest_says_is_refused_there(agent: HostAgent, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(RANDOM)
    with pytest.raises(TransferCorrupt):
        agent.push_asset("0" * 64, tmp_path / "there")
    assert agent.has(["0" * 64]) == frozenset()
    with pytest.raises(RequestRefused, match="not_found"):
        agent.pull_asset("0" * 64, tmp_path / "back")


def test_many_files_come_whole_and_what_is_right_stays(agent: HostAgent, any_entry: HostEntry, tmp_path: Path) -> None:
    files = {f"checkpoints/{i % 3}/{i}.bin": RANDOM[i : i + 7 * i] for i in range(700)}
    wanted = attempt_files(any_entry, {**files, "large.bin": RANDOM, "empty": b""})
    into = tmp_path / "into"
    kept = into / "checkpoints/0/0.bin"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(files["checkpoints/0/0.bin"])
    before = kept.stat().st_ino
    seen: list[tuple[int, int]] = []
    agent.read_many(RUN, 1, wanted, into, lambda *at: seen.append(at))
    found = {p.relative_to(into).as_posix(): p.read_bytes() for p in into.rglob("*") if p.is_file()}
    assert found == {**files, "large.bin": RANDOM, "empty": b""}
    assert kept.stat().st_ino == before
    assert seen[-1] == (sum(w.size for w in wanted),) * 2


@pytest.mark.parametrize("name", ["small.bin", "large.bin"])
def test_one_wrong_file_among_many_is_named(agent: HostAgent, any_entry: HostEntry, tmp_path: Path, name: str) -> None:
    wanted = attempt_files(any_entry, {"other": b"right", "small.bin": RANDOM[:100], "large.bin": RANDOM})
    target = Path(any_entry.root) / "runs" / RUN / "attempts" / "1" / name
    target.write_bytes(target.read_bytes()[:-1] + b"?")
    with pytest.raises(TransferCorrupt, match=name):
        agent.read_many(RUN, 1, wanted, tmp_path / "into")
    assert not (tmp_path / "into" / name).exists()


def test_small_questions_do_not_wait_behind_large_files(agent: HostAgent, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(RANDOM)
    agent.push_asset(sha(RANDOM), tmp_path / "there")
    half, go_on = threading.Event(), threading.Event()

    def progress(have: int, _size: int) -> None:
        if have > 2 << 20:
            half.set()
            assert go_on.wait(30)

    pull = threading.Thread(target=agent.pull_asset, args=(sha(RANDOM), tmp_path / "back", progress))
    pull.start()
    assert half.wait(30)
    agent.ping()  # while the other thread has most of its file still to take
    go_on.set()
    pull.join()
    assert (tmp_path / "back").read_bytes() == RANDOM


def test_a_server_that_allows_one_session_is_enough(sshd_program: str, home: Path, bundle: Bundle,
                                                    tmp_path: Path) -> None:
    with SshServer(options=("MaxSessions=1",)) as server:
        server.trust(home)
        (tmp_path / "there").write_bytes(RANDOM)
        with connect_agent(server.entry(python=sys.executable), home, bundle) as agent:
            agent.push_asset(sha(RANDOM), tmp_path / "there")
            agent.pull_asset(sha(RANDOM), tmp_path / "back")
            agent.ping()
        assert (tmp_path / "back").read_bytes() == RANDOM
        assert "no more sessions" in server.log.read_text(), "a second one was asked for, and refused"
        assert server.log.read_text().count("Accepted publickey") == 1
