"""Fixtures of the integration tests: a real OpenSSH server, and hosts over both transports."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.dispatch.home import Home
from orchestrator.transport.connect import connect
from orchestrator.transport.host import Host
from orchestrator.transport.inventory import HostEntry
from tests.integration.proven_ledger import build_proof
from tests.integration.sshd_server import NoSshServer, SshServer, find_sshd
from tests.integration.supervised import HostRoot


@pytest.fixture(scope="session")
def sshd_program() -> str:
    """The server program. A developer without one may skip; CI may not."""
    try:
        return find_sshd()
    except NoSshServer as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shared_sshd(sshd_program: str) -> Iterator[SshServer]:
    """One server for all tests that leave it as it is."""
    with SshServer() as server:
        yield server


@pytest.fixture
def sshd(sshd_program: str) -> Iterator[SshServer]:
    """A server of the test's own, to stop, freeze or give other keys."""
    with SshServer() as server:
        yield server


@pytest.fixture(params=["local", "ssh"])
def any_entry(request: pytest.FixtureRequest, home: Path, tmp_path: Path) -> HostEntry:
    """A host that is ready to be connected, over each transport in turn, with a root of the test's own."""
    root = str(tmp_path / "host-root")
    if request.param == "local":
        return HostEntry("here", "local", python=sys.executable, root=root)
    server: SshServer = request.getfixturevalue("shared_sshd")
    server.trust(home)
    return server.entry(python=sys.executable, root=root)


@pytest.fixture
def any_host(any_entry: HostEntry, home: Path) -> Iterator[Host]:
    """The same, connected."""
    host = connect(any_entry, home)
    yield host
    host.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[HostRoot]:
    """A host's root in which supervisors are started directly; whatever still runs there is ended."""
    root = HostRoot(tmp_path / "root")
    root.path.mkdir()
    yield root
    root.close()


@pytest.fixture(scope="session")
def proof(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A ledger with one of everything that can be proved; tests work on copies."""
    return build_proof(tmp_path_factory.mktemp("proof"))
