"""Attacks on a ledger on a server: those of ``postgres_attacks`` by ``psql``, and all those on files by the driver."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrator.domain.errors import LedgerTampered
from orchestrator.ledger.copying import copy_ledger
from orchestrator.ledger.dialects.examining import examined
from orchestrator.ledger.place import ServerPlace
from orchestrator.ledger.tables import METADATA, OVERWRITTEN
from orchestrator.ledger.verification.database import check_database
from orchestrator.ledger.verification.findings import Findings
from tests.integration.ledger_kit import open_ledger
from tests.integration.postgres_attacks import SERVER_ATTACKS, ServerAttack
from tests.integration.postgres_server import APP, OWNER, PostgresLedger, PostgresServer, connected, find_postgres
from tests.integration.test_ledger_attacks import ATTACKS, REWRITES, Attack, Hand, scene

pytestmark = pytest.mark.postgres
__all__ = ["scene"]
NO_ATTACK_HERE = {
    # A fraction that is put into a column of whole numbers is rounded by the server before anything is stored.
    "measure_a_fraction_of_a_millisecond",
}
# What the server itself says where SQLite has other words, and what a role is told that may not even try.
SAME = {
    "cannot UPDATE generated column": "can only be updated to DEFAULT",
    "cannot INSERT into generated column": "cannot insert a non-DEFAULT value",
    "cannot store TEXT": "invalid input syntax",
    # There is no INSERT OR REPLACE; of the guards that refuse a plain INSERT the first by its name speaks.
    "never replaced": "never replaced|the id is not the sha256|only while its attempt is collecting",
}
DENIED = "permission denied"


@pytest.fixture(scope="module")
def attacked(postgres_server: PostgresServer, scene: tuple[Path, dict[str, str]],
             tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresLedger, dict[str, str]]]:
    """The scene of the attacks on files, copied to a server; the one database of all attacks that are refused."""
    with open_ledger(scene[0]) as ledger:
        ledger.note("person_note", scene[1]["good"], {"words": "looks fine"})
        ledger.note("run_moved", scene[1]["good"], {"words": "so that the note is not the last event"})
    with postgres_server.ledger(tmp_path_factory.mktemp("home")) as found:
        copy_ledger(scene[0], found.owner, clock=lambda: datetime.now(UTC))
        yield found, scene[1]


def everything(place: ServerPlace) -> dict[str, list[tuple[Any, ...]]]:
    with connected(place) as connection:
        return {name: connection.execute(f'SELECT * FROM "{name}" ORDER BY 1, 2').fetchall()
                for name in METADATA.tables}


# -- by psql ------------------------------------------------------------------------------------------------------


def psql(place: ServerPlace, script: str) -> subprocess.CompletedProcess[str]:
    url = place.url
    return subprocess.run(
        [find_postgres() / "psql", "-X", "-q", "-h", str(url.host), "-p", str(url.port), "-U", str(url.username), "-d",
         str(url.database), "-v", "ON_ERROR_STOP=1", "-f", "-"],
        input=script, capture_output=True, text=True, timeout=60,
        env={"PGPASSWORD": str(url.password), "PATH": "/usr/bin:/bin"})


def _place(ledger: PostgresLedger, attack: ServerAttack) -> ServerPlace:
    return {"app": ledger.app, "owner": ledger.owner, "administrator": ledger.admin}[attack.role]


@pytest.mark.parametrize("attack", [a for a in SERVER_ATTACKS if a.outcome == "refused"], ids=lambda a: a.name)
def test_it_is_refused_and_changes_nothing(attack: ServerAttack,
                                           attacked: tuple[PostgresLedger, dict[str, str]]) -> None:
    place = _place(attacked[0], attack)
    honest = psql(place, f"BEGIN; {attack.twin}; ROLLBACK;")
    assert honest.returncode == 0, honest.stderr
    before = everything(attacked[0].owner)
    done = psql(place, f"BEGIN; {attack.statement}; COMMIT;")
    assert done.returncode != 0, "it succeeded"
    assert re.search(attack.says, done.stderr), done.stderr
    assert everything(attacked[0].owner) == before


@pytest.mark.parametrize("attack", [a for a in SERVER_ATTACKS if a.outcome == "found"], ids=lambda a: a.name)
def test_it_is_found(attack: ServerAttack, attacked: tuple[PostgresLedger, dict[str, str]],
                     postgres_server: PostgresServer, tmp_path: Path) -> None:
    with postgres_server.copied(attacked[0], tmp_path) as ledger:
        before = set(_disagreements(ledger.app))
        assert {d.kind for d in before} <= {"run", "evidence"}, "the scene's specs and manifests are made up"
        done = psql(_place(ledger, attack), attack.statement)
        assert done.returncode == 0, done.stderr
        found = [d for d in _disagreements(ledger.app) if d.kind == attack.kind and d not in before]
        assert [d for d in found if attack.says in f"{d.where} {d.what}"], found
        if attack.kind == "schema":
            with pytest.raises(LedgerTampered), open_ledger(ledger.app):
                pass


def _disagreements(place: ServerPlace) -> list[Any]:
    findings = Findings()
    with examined(place) as connection:
        check_database(connection, findings)
    return findings.disagreements


# -- those on files -----------------------------------------------------------------------------------------------


@dataclass
class ServerSql:
    """A connection of the driver that takes the statements which were written for SQLite."""

    connection: Any

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        statement = re.sub(r"(INSERT|UPDATE) OR \w+|REPLACE(?= INTO)", lambda m: m[1] or "INSERT", statement)
        statement = statement.replace("main.", "public.").replace("temp.", "pg_temp.")
        statement = statement.replace("CONFLICT DO UPDATE", "CONFLICT (campaign_id, run_id, verdict_no) DO UPDATE")
        places = iter(range(1, len(parameters) + 1))
        statement = re.sub(r"\?(\d*)", lambda m: f"%(p{m[1] or next(places)})s", statement.replace("%", "%%"))
        return self.connection.execute(statement, {f"p{i}": value for i, value in enumerate(parameters, 1)})


@contextmanager
def attacking(place: ServerPlace, ids: dict[str, str]) -> Iterator[Hand]:
    """The attacker's hand, in a transaction that comes to nothing."""
    with connected(place) as connection:
        connection.execute("BEGIN")
        yield Hand(ServerSql(connection), ids)  # type: ignore[arg-type]
        connection.execute("ROLLBACK")


@pytest.fixture(scope="module")
def unharmed(attacked: tuple[PostgresLedger, dict[str, str]]) -> Iterator[None]:
    """After all attacks the contents are what they were."""
    before = everything(attacked[0].owner)
    yield
    assert everything(attacked[0].owner) == before


@pytest.mark.parametrize("role", [APP, OWNER])
@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.name not in NO_ATTACK_HERE], ids=lambda a: a.name)
@pytest.mark.usefixtures("unharmed")
def test_what_is_refused_on_a_file_is_refused_on_a_server(attack: Attack, role: str,
                                                          attacked: tuple[PostgresLedger, dict[str, str]]) -> None:
    import psycopg

    ledger, ids = attacked
    place = ledger.app if role == APP else ledger.owner
    with attacking(place, ids) as hand:
        attack.twin(hand)
    says = "|".join(SAME.get(part, part) for part in attack.says.split("|"))
    with attacking(place, ids) as hand:
        with pytest.raises(psycopg.Error, match=f"{says}|{DENIED}" if role == APP else says):
            attack.attack(hand)


@pytest.mark.parametrize("table", sorted(set(METADATA.tables) - set(OVERWRITTEN)))
@pytest.mark.usefixtures("unharmed")
def test_no_record_is_updated_deleted_or_replaced(table: str,
                                                  attacked: tuple[PostgresLedger, dict[str, str]]) -> None:
    import psycopg

    names = ", ".join(c.name for c in METADATA.tables[table].columns if c.computed is None)
    first = next(iter(METADATA.tables[table].primary_key)).name
    for place in (attacked[0].app, attacked[0].owner):
        for rewrite in (*REWRITES, "TRUNCATE {table} CASCADE"):
            with attacking(place, attacked[1]) as hand, pytest.raises(psycopg.Error) as refused:
                hand.sql.execute(rewrite.format(table=table, names=names, first=first))
            assert isinstance(refused.value, psycopg.IntegrityError | psycopg.errors.InsufficientPrivilege
                              | psycopg.errors.DatatypeMismatch | psycopg.errors.InvalidTextRepresentation)


def test_attacks_are_many_and_named_once() -> None:
    names = [a.name for a in SERVER_ATTACKS]
    assert len(names) == len(set(names))
    assert sum(a.role == "app" for a in SERVER_ATTACKS) >= 30
    assert sum(a.role == "owner" for a in SERVER_ATTACKS) >= 30
