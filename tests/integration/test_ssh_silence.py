"""A host that stops answering: noticed within the deadline, at whatever point, and never taken for an end of a run."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.dispatch.agent import HostAgent, connect_agent
from orchestrator.dispatch.bundle import build_bundle
from orchestrator.dispatch.events import FollowEvent, HostSilent, StepSeen, ValidationSeen, VerdictReached
from orchestrator.dispatch.follow import Follower
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import open_session
from orchestrator.dispatch.watch import runs_of
from orchestrator.domain.errors import HostUnreachable, MalformedDocument
from orchestrator.resources import worker_source
from orchestrator.transport.connect import connect
from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.local import LocalHost
from orchestrator.transport.ssh import SshHost
from orchestrator.transport.trust import offered_keys
from tests.e2e.kdorch import Laptop
from tests.integration.sshd_server import SshServer
from tests.integration.supervised import wait_for

pytestmark = pytest.mark.sshd

MUCH_TOO_LONG_S = 60.0
"""Far beyond every deadline in here: reaching it means that something would have waited for ever."""


ONE_RUN = """
campaign: {name}
deadline: 5m
defaults:
  entry: simulated
  horizon: 100
  simulated: {{step_ms: 10, real_step_ms: {pace}, decay_steps: 60}}
stages:
  - {{name: only, role: ce, axes: {{seed: [{seed}]}}, policy: ce-baseline}}
"""


@pytest.fixture(autouse=True)
def _never_for_ever() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < MUCH_TOO_LONG_S, "a deadline did not hold"


@pytest.fixture
def entry(sshd: SshServer, home: Path) -> HostEntry:
    sshd.trust(home)
    return sshd.entry(python=sys.executable)


def test_a_server_that_takes_connections_and_does_not_greet_is_called_just_that(
        sshd: SshServer, entry: HostEntry, home: Path) -> None:
    sshd.freeze()
    with pytest.raises(HostUnreachable, match="takes connections, but no SSH server answers there"):
        connect(entry, home).open(["cat"])
    sshd.thaw()


def test_a_frozen_server_is_unreachable_on_an_open_channel(sshd: SshServer, entry: HostEntry, home: Path) -> None:
    host = connect(entry, home)
    channel = host.open(["cat"])
    channel.send(b"before\n")
    assert channel.read_line(30) == b"before"
    sshd.freeze()
    channel.send(b"after\n")
    with pytest.raises(HostUnreachable, match="no answer for 1 s"):
        channel.read_line(1)
    channel.close()
    host.close()
    sshd.thaw()


def test_a_frozen_server_is_unreachable_for_a_new_command(sshd: SshServer, entry: HostEntry, home: Path) -> None:
    host = SshHost(entry, home, connect_timeout_s=2)
    host.connect()
    sshd.freeze()
    with pytest.raises(HostUnreachable):
        host.run(["true"], timeout_s=1)
    with pytest.raises(HostUnreachable):
        host.open(["cat"])
    host.close()
    sshd.thaw()


def test_a_frozen_server_is_unreachable_for_a_large_request(sshd: SshServer, entry: HostEntry, home: Path) -> None:
    host = connect(entry, home)
    channel = host.open(["cat"])
    sshd.freeze()
    with pytest.raises(HostUnreachable):
        channel.send(b"x" * (64 << 20), timeout_s=1)
    channel.close()
    host.close()
    sshd.thaw()


def test_a_frozen_server_is_unreachable_for_a_new_connection(sshd: SshServer, entry: HostEntry, home: Path) -> None:
    sshd.freeze()
    with pytest.raises(HostUnreachable):
        SshHost(entry, home, connect_timeout_s=1).connect()
    sshd.thaw()
    SshHost(entry, home).connect()


def test_a_ping_has_its_deadline_and_the_agent_is_not_used_again(sshd: SshServer, entry: HostEntry, home: Path) -> None:
    agent = connect_agent(entry, home, build_bundle(worker_source()))
    agent.ping()
    sshd.freeze()
    with pytest.raises(HostUnreachable):
        agent.ping(timeout_s=1)
    sshd.thaw()
    with pytest.raises(HostUnreachable, match="closed"):
        agent.ping()  # its late answer must not be taken for the answer to something else
    agent.close()
    with connect_agent(entry, home, build_bundle(worker_source())) as again:
        again.ping()


def test_a_killed_server_is_unreachable_and_the_next_call_connects_anew(sshd: SshServer, entry: HostEntry,
                                                                        home: Path) -> None:
    host = connect(entry, home)
    channel = host.open(["cat"])
    sshd.stop()
    with pytest.raises(HostUnreachable):
        channel.read_line(30)
    with pytest.raises(HostUnreachable, match="refuses connections"):
        host.run(["true"], timeout_s=5)
    sshd.start()
    assert host.run(["echo", "back"], timeout_s=30).stdout == b"back\n"
    host.close()


def test_a_connection_lost_while_a_program_runs_is_not_its_end(sshd: SshServer, entry: HostEntry, home: Path,
                                                               tmp_path: Path) -> None:
    host = connect(entry, home)
    up, go, done = tmp_path / "up", tmp_path / "go", tmp_path / "done"
    script = f"touch {up}; while ! test -e {go}; do sleep 0.02; done; touch {done}"
    caught: list[BaseException] = []

    def run() -> None:
        try:
            host.run(["sh", "-c", script], timeout_s=30)
        except HostUnreachable as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(up.exists, "the program is running")
    sshd.stop()
    thread.join()
    assert [type(e) for e in caught] == [HostUnreachable]
    go.touch()
    wait_for(done.exists, "the program went on without us")
    host.close()


def test_nobody_there_is_unreachable_and_transient(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: refused, and by nobody else's server
        entry = HostEntry("gone", address="127.0.0.1", port=taken.getsockname()[1], user="kd", ssh_config="none")
        with pytest.raises(HostUnreachable, match="refuses connections") as refused:
            connect(entry, home)
        assert refused.value.transient
        with pytest.raises(HostUnreachable):
            offered_keys(entry, home)


def test_something_that_is_no_ssh_server_is_unreachable(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        def talk() -> None:
            for _ in range(3):
                connection, _ = server.accept()
                with connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        entry = HostEntry("web", address="127.0.0.1", port=server.getsockname()[1], user="kd", ssh_config="none")
        with pytest.raises(HostUnreachable, match="no SSH server answers there"):
            connect(entry, home)


def test_an_address_that_does_not_exist_says_so(home: Path) -> None:
    entry = HostEntry("nowhere", address="no-such-host.invalid", user="kd", ssh_config="none")
    with pytest.raises(HostUnreachable, match=r"no-such-host\.invalid:22: the address is not known here"):
        connect(entry, home)


def test_a_dead_peer_is_found_though_nobody_asks_anything(sshd: SshServer, entry: HostEntry, home: Path) -> None:
    agent = connect_agent(entry, home, build_bundle(worker_source()))
    sshd.freeze()
    frozen = time.monotonic()
    wait_for(lambda: agent.lost, "the line's own ping finds that the host is gone")
    assert time.monotonic() - frozen < 10.0
    with pytest.raises(HostUnreachable):
        agent.hello()
    agent.close()
    sshd.thaw()


def test_a_dead_peer_is_found_during_a_long_poll(sshd: SshServer, entry: HostEntry, home: Path) -> None:
    with connect_agent(entry, home, build_bundle(worker_source())) as agent:
        sshd.freeze()
        asked = time.monotonic()
        with pytest.raises(HostUnreachable, match="no answer"):
            agent.tail([("0" * 64, 1, "train.log", 0, "absent")], wait_s=60, limit=10)
        assert time.monotonic() - asked < 10.0
        sshd.thaw()


@pytest.mark.parametrize("frozen", ["gate", "behind"])
def test_a_dead_peer_is_found_through_a_jump_host_and_closing_does_not_hang(
        shared_sshd: SshServer, sshd: SshServer, home: Path, tmp_path: Path, frozen: str) -> None:
    shared_sshd.trust(home)
    sshd.trust(home)
    through = sshd.entry("gate") if frozen == "gate" else shared_sshd.entry("gate")
    target = shared_sshd if frozen == "gate" else sshd
    entry = target.entry("behind", python=sys.executable, jump=through, root=str(tmp_path / "root"))
    agent = connect_agent(entry, home, build_bundle(worker_source()))
    sshd.freeze()
    began = time.monotonic()
    with pytest.raises(HostUnreachable):
        agent.asset_put("0" * 64, size=64 << 20, offset=0, data=b"x" * (64 << 20))  # fills every buffer on the way
    assert time.monotonic() - began < 10.0
    closing = time.monotonic()
    agent.close()
    assert time.monotonic() - closing < 3.0
    sshd.thaw()


def test_a_host_that_is_busy_for_long_is_not_taken_for_a_dead_one() -> None:
    """A program that works on one request for longer than the patience for silence, and says so meanwhile."""
    program = ("import json,sys,time\n"
               "n=json.loads(sys.stdin.readline())['id']\n"
               "for _ in range(8): time.sleep(0.25); print(json.dumps({'beat': n}), flush=True)\n"
               "print(json.dumps({'id': n, 'ok': True, 'size': 7}), flush=True)\n")
    host = LocalHost("busy")
    agent = HostAgent(host, host.open([sys.executable, "-c", program]), patience_s=1.5)
    began = time.monotonic()
    assert agent.adopt("a" * 64, 1, "x", "b" * 64) == 7
    assert time.monotonic() - began > 1.5
    agent.close()


def test_a_beat_for_another_request_closes_the_channel() -> None:
    host = LocalHost("liar")
    agent = HostAgent(host, host.open(["sh", "-c", 'read line; echo \'{"beat":7}\'; sleep 60']), patience_s=20)
    with pytest.raises(MalformedDocument, match="beat"):
        agent.ping()
    agent.close()


def test_a_frozen_host_does_not_delay_the_others(sshd: SshServer, home: Path, tmp_path: Path) -> None:
    """Two hosts, one of them frozen in the middle of its run: the other's run is followed to its end meanwhile."""
    laptop = Laptop(tmp_path / "laptop")
    laptop.home.mkdir(parents=True)
    sshd.trust(laptop.home, "box")
    (laptop.home / "hosts.yaml").write_text(
        sshd.hosts_yaml("box", python=sys.executable, root=str(tmp_path / "remote"))
        + f"  local:\n    root: {laptop.home}/host\n")
    for name, host, pace in (("slow", "box", 50), ("quick", "local", 5)):
        (laptop.cwd / f"{name}.yaml").write_text(ONE_RUN.format(name=name, pace=pace, seed=pace))
        laptop.run("campaign", "launch", f"{name}.yaml", "--host", host, "--detach")
    heard: list[FollowEvent] = []
    with open_session(Home(laptop.home), None, heard.append) as session:
        names = {r: n for c in ("slow", "quick") for r, n in runs_of(session, c).items()}
        follower = Follower(session.home, session.ledger, session.pool, heard.append, names=lambda r: names[r])
        while not any(isinstance(e, StepSeen) and e.name.startswith("slow/") for e in heard):
            follower.round(names, 0.2)
        sshd.freeze()
        frozen = time.monotonic()
        while not any(isinstance(e, VerdictReached) and e.name.startswith("quick/") for e in heard):
            begun = time.monotonic()
            follower.round(names, 0.2)
            assert time.monotonic() - begun < 5.0, "a round waited for the frozen host"
        while "box" not in session.pool.silent_hosts:
            follower.round(names, 0.2)
        assert time.monotonic() - frozen < 30.0
        sshd.thaw()
        while not any(isinstance(e, VerdictReached) and e.name.startswith("slow/") for e in heard):
            follower.round(names, 0.5)
            follower.rest(follower.live(names))
    assert [e.host for e in heard if isinstance(e, HostSilent)] == ["box"]
    steps = [e.step for e in heard if isinstance(e, ValidationSeen) and e.name.startswith("slow/")]
    assert steps == sorted(set(steps)), "no line of the log came twice"
