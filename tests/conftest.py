"""What every test stands on: no test reads or writes the home directory or the kdorch of whoever runs it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.postgres_server import PostgresLedger, PostgresServer

# Images for containers often set it. The tests start hundreds of short processes, and each would compile everything.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One HOME for all tests of a process, so that libraries which keep a cache there build it once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _own_home(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No files of the developer's home, no inherited KDORCH_HOME or KDORCH_LEDGER, no SSH agent with his keys."""
    monkeypatch.setenv("HOME", str(empty_home))
    for name in ("KDORCH_HOME", "KDORCH_LEDGER", "SSH_AUTH_SOCK"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A KDORCH_HOME that is there and empty."""
    path = tmp_path / "kdorch-home"
    path.mkdir()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests of a process. A developer without one may skip; CI may not."""
    # Imported here because the tests of a GPU host run where the laptop's libraries are not.
    from tests.integration.postgres_server import NoPostgres, PostgresServer

    try:
        server = PostgresServer()
    except NoPostgres as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    with server:
        yield server


@pytest.fixture
def on_postgres(postgres_server: PostgresServer, home: Path) -> Iterator[PostgresLedger]:
    """An empty ledger in a database of its own."""
    with postgres_server.ledger(home) as ledger:
        yield ledger
