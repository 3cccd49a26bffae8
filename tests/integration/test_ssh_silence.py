"""A host that stops answering: noticed within the deadline, at whatever point, and never taken for an end of a run."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.dispatch.agent import connect_agent
from orchestrator.dispatch.bundle import build_bundle
from orchestrator.domain.errors import HostUnreachable
from orchestrator.resources import worker_source
from orchestrator.transport.connect import connect
from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.ssh import SshHost
from orchestrator.transport.trust import offered_keys
from tests.integration.sshd_server import SshServer
from tests.integration.supervised import wait_for

pytestmark = pytest.mark.sshd

MUCH_TOO_LONG_S = 60.0
"""Far beyond every deadline in here: reaching it means that something would have waited for ever."""


@pytest.fixture(autouse=True)
def _never_for_ever() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert time.monotonic() - started < MUCH_TOO_LONG_S, "a deadline did not hold"


@pytest.fixture
def entry(sshd: SshServer, home: Path) -> HostEntry:
    sshd.trust(home)
    return sshd.entry(python=sys.executable)


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
        with pytest.raises(HostUnreachable, match="could not be made"):
            connect(entry, home)


def test_an_address_that_does_not_exist_says_so(home: Path) -> None:
    entry = HostEntry("nowhere", address="no-such-host.invalid", user="kd", ssh_config="none")
    with pytest.raises(HostUnreachable, match=r"no-such-host\.invalid:22: the address is not known here"):
        connect(entry, home)
