"""A real PostgreSQL on loopback, with its own directory, port and passwords. Everything it starts, it ends by pid."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import URL

from orchestrator.ledger.dialects import postgres
from orchestrator.ledger.place import DRIVER, ServerPlace

ADDRESS = "127.0.0.1"
START_PATIENCE_S = 30.0
PORT_TRIES = 5
ADMIN, OWNER, APP = "kd_admin", "kd_owner", "kd_app"
PASSWORDS = {ADMIN: "admin-Pa55", OWNER: "owner p@ss/%41", APP: "app:pa55:w0rd"}
"""Of odd characters on purpose; none of them may ever be seen in a message."""
TEMPLATE = "kd_made"
ORDINARY_USER = "nobody"
"""The server refuses to run as root; then it runs as this one."""


class NoPostgres(Exception):
    """This machine has no PostgreSQL server programs."""


def find_postgres() -> Path:
    """The directory of the server's programs, those of the newest release. Raises :class:`NoPostgres`."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    found = str(debian[-1]) if debian else shutil.which("initdb")
    if found is None:
        raise NoPostgres("no PostgreSQL server on this machine; on Debian: apt-get install postgresql")
    return Path(found).parent


@dataclass(frozen=True)
class PostgresLedger:
    """A ledger in a database of its own, seen by its owner, by the role that uses it, and by the administrator."""

    owner: ServerPlace
    app: ServerPlace
    admin: ServerPlace

    def url(self, place: ServerPlace) -> str:
        """With its password: what a person would put into KDORCH_LEDGER."""
        return place.url.render_as_string(hide_password=False)


class PostgresServer:
    """A server of its own, for use with ``with``. Each ledger gets a database that is a copy of one made ledger."""

    def __init__(self) -> None:
        self._programs = find_postgres()
        self._process: subprocess.Popen[bytes] | None = None
        self._names = itertools.count(1)
        self.port = 0

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="kdorch-postgres-"))
        self.log = self.directory / "server.log"
        self._user = pwd.getpwnam(ORDINARY_USER) if os.getuid() == 0 else None
        if self._user is not None:
            os.chown(self.directory, self._user.pw_uid, self._user.pw_gid)
        try:
            passwords = self.directory / "password"
            passwords.write_text(PASSWORDS[ADMIN], encoding="utf-8")
            passwords.chmod(0o644)
            subprocess.run(self._as_user("initdb", "-D", str(self.directory / "data"), "-U", ADMIN, "--no-sync",
                                         "-A", "scram-sha-256", f"--pwfile={passwords}", "-E", "UTF8",
                                         "--locale=C.UTF-8"), check=True, capture_output=True, cwd=self.directory)
            for _ in range(PORT_TRIES):
                if self._try_start():
                    self._make_template()
                    return self
            raise RuntimeError(f"PostgreSQL did not start: {self.log.read_text()}")
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def stop(self) -> None:
        """End the server, breaking every connection."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._process = None

    @contextmanager
    def ledger(self, root: Path, *, made: bool = True) -> Iterator[PostgresLedger]:
        """A database with an empty ledger in it, or with ``made=False`` without one; gone afterwards."""
        name = f"ledger_{next(self._names)}"
        template = TEMPLATE if made else "template0"
        self.administer(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}")
        try:
            yield PostgresLedger(self.place(OWNER, name, root), self.place(APP, name, root),
                                 self.place(ADMIN, name, root))
        finally:
            self.administer(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def copied(self, ledger: PostgresLedger, root: Path) -> Iterator[PostgresLedger]:
        """The same ledger once more, in a database that is gone afterwards. Nobody may be connected to the first."""
        name = f"ledger_{next(self._names)}"
        self.administer(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {ledger.owner.url.database}")
        try:
            yield PostgresLedger(*(self.place(role, name, root) for role in (OWNER, APP, ADMIN)))
        finally:
            self.administer(f"DROP DATABASE {name} WITH (FORCE)")

    def place(self, role: str, database: str, root: Path) -> ServerPlace:
        return ServerPlace(URL.create(DRIVER, role, PASSWORDS[role], ADDRESS, self.port, database), root)

    def administer(self, *statements: str) -> None:
        """Run statements as the administrator, each by itself."""
        with connected(self.place(ADMIN, "postgres", self.directory)) as connection:
            for statement in statements:
                connection.execute(statement)

    def _make_template(self) -> None:
        self.administer(*(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORDS[role]}'" for role in (OWNER, APP)),
                        f"CREATE DATABASE {TEMPLATE} OWNER {OWNER} TEMPLATE template0")
        postgres.make(self.place(OWNER, TEMPLATE, self.directory), app_role=APP)

    def _try_start(self) -> bool:
        with socket.socket() as free:
            free.bind((ADDRESS, 0))
            self.port = free.getsockname()[1]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._as_user("postgres", "-D", str(self.directory / "data"), "-p", str(self.port),
                              "-c", f"listen_addresses={ADDRESS}", "-c", "unix_socket_directories=",
                              "-c", "fsync=off", "-c", "max_connections=100"),
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory)
        import psycopg

        end = time.monotonic() + START_PATIENCE_S
        while time.monotonic() < end and self._process.poll() is None:
            try:
                self.administer("SELECT 1")
            except psycopg.OperationalError:
                time.sleep(0.02)  # the pause of a poll
            else:
                return True
        self.stop()
        return False

    def _as_user(self, program: str, *arguments: str) -> list[str]:
        """The server ends with the process that started it, however that ends."""
        become = [] if self._user is None else [
            f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}", "--clear-groups"]
        return ["setpriv", "--pdeathsig", "INT", *become, str(self._programs / program), *arguments]


@contextmanager
def connected(place: ServerPlace, **options: Any) -> Iterator[Any]:
    """A plain connection of the driver, each statement a transaction of its own."""
    import psycopg

    url = place.url
    with psycopg.connect(host=url.host, port=url.port, user=url.username, password=str(url.password),
                         dbname=url.database, autocommit=True, **options) as connection:
        yield connection


def with_password(place: ServerPlace, password: str) -> ServerPlace:
    return replace(place, url=place.url.set(password=password))
