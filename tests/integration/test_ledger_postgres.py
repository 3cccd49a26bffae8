"""A ledger on a real PostgreSQL: what is recorded, judged, listed and proved is what a file would hold."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from orchestrator.dispatch.home import Home
from orchestrator.domain.errors import (
    KdorchError,
    LedgerBusy,
    LedgerCorrupt,
    LedgerError,
    LedgerTampered,
    SchemaBehind,
    SchemaNewer,
    StaleRun,
    UsageError,
)
from orchestrator.domain.lifecycle import Event, State
from orchestrator.domain.verdict import Gate, Role
from orchestrator.ledger.dialects import postgres, postgres_catalog
from orchestrator.ledger.dialects.schema import SCHEMA, migrate
from orchestrator.ledger.listing_cache import Asked
from orchestrator.ledger.place import ServerPlace, ledger_place
from orchestrator.ledger.read_only_sql import ask, tables
from orchestrator.ledger.store import Ledger
from orchestrator.ledger.where import condition
from tests.integration.ledger_kit import CAMPAIGN, Story, open_ledger, seeds_policy, sha, tell
from tests.integration.postgres_server import (
    APP,
    OWNER,
    PASSWORDS,
    PostgresLedger,
    PostgresServer,
    connected,
    with_password,
)

pytestmark = pytest.mark.postgres


def everything(ledger: Ledger) -> None:
    """A story in which every table gets a row."""
    story = tell(ledger)
    ledger.set_reachability("h100", True)
    ledger.set_reachability("h100", False, "no answer")
    ledger.record_host_facts("h100", {"gpus": ["H100 «80 GB»"], "memory_mib": 2**40})
    ledger.name_asset("teacher", sha("teacher"), 2**50, "checkpoint")
    ledger.record_asset_location(sha("teacher"), "h100")
    ledger.record_asset_location(sha("teacher"), "h100", present=False)
    ledger.promote(CAMPAIGN, [story.ids["good"], story.ids["arm"]])
    ledger.waive(CAMPAIGN, story.ids["dear"], Gate.BUDGET, who="ada", why="a «look»", until="2026-12-31")
    ledger.note("person_note", story.ids["arm"], {"words": "naïve — 𝄞 \"quoted\" \\ \x7f"})
    story.pin("seeds", seeds_policy())
    for number in range(2):
        story.add(f"seed-{number}", Role.KD, "seeds", config="seeded", seed=number, teacher_run_id=story.ids["good"])
    for number in range(2):
        story.finish(f"seed-{number}")
    ledger.anchor("a notebook")
    lost = story.add("retried", Role.TEACHER, "teachers")
    story.launch(lost)
    ledger.advance(lost, 1, Event.ENDED, expect=State.RUNNING, outcome=story_oom(), exit_json="{}")
    ledger.settle(lost, 1, None, None, [])
    ledger.new_attempt(lost, after=1, reason="smaller", override={"reason": "oom_fallback", "spec": {}})


def story_oom() -> Any:
    from orchestrator.domain.lifecycle import Outcome

    return Outcome.OOM


def test_a_ledger_on_a_server_holds_what_a_file_holds(on_postgres: PostgresLedger, tmp_path: Path) -> None:
    with open_ledger(tmp_path / "ledger.sqlite") as file, open_ledger(on_postgres.app) as server:
        everything(file)
        everything(server)
        assert server.head() == file.head() == server.verify_chain()
        assert server.rows() == file.rows()
        assert server.events() == file.events()
        assert server.rows(sort="final_val", status="promoted") == file.rows(sort="final_val", status="promoted")
        for run_id in {row.run_id for row in file.rows()}:
            assert asdict(server.explain(run_id)) == asdict(file.explain(run_id))
            assert server.memberships(run_id) == file.memberships(run_id)
            assert server.attempts(run_id) == file.attempts(run_id)
            assert server.find_runs(run_id[:5]) == file.find_runs(run_id[:5])
        assert server.all_host_facts() == file.all_host_facts()
        assert server.contested() == file.contested()


def test_listings_are_filtered_and_sorted_alike(on_postgres: PostgresLedger, tmp_path: Path) -> None:
    questions = [Asked(), Asked(status="promoted"), Asked(sort="-final_val", limit=2), Asked(campaign="story"),
                 Asked(where=condition("train_time_ms < 65000 and budget_pass")), Asked(lines_of="json")]
    with open_ledger(tmp_path / "ledger.sqlite") as file, open_ledger(on_postgres.app) as server:
        for ledger in (file, server):
            tell(ledger)
        for asked in questions:
            assert server.listing(asked) == file.listing(asked)
        assert list(on_postgres.app.root.glob("postgres-*.listing")), "kept ready on this machine"
        server.set_reachability("h100", False)
        assert server.listing(Asked()).rows == server.rows()


def test_the_ledger_verifies_and_names_what_was_changed(on_postgres: PostgresLedger) -> None:
    from orchestrator.ledger.verification.database import check_database, examined
    from orchestrator.ledger.verification.findings import Findings

    with open_ledger(on_postgres.app) as ledger:
        everything(ledger)
        head = ledger.head()

    def found() -> set[str]:
        findings = Findings()
        with examined(on_postgres.app) as connection:
            assert check_database(connection, findings) == head
        assert findings.checked["events"] == head[0]
        # The story's specs and statements are made up; nothing else may disagree.
        return {d.kind for d in findings.disagreements} - {"run", "evidence"}

    assert found() == set()
    with connected(on_postgres.owner) as owner:
        owner.execute("ALTER TABLE events DISABLE TRIGGER events_no_update")
        owner.execute("UPDATE events SET at = '2020-01-01T00:00:00.000Z' WHERE seq = 3")
        owner.execute("ALTER TABLE events ENABLE ALWAYS TRIGGER events_no_update")
    assert found() >= {"chain"}


def test_queries_of_a_person_are_answered_and_can_do_nothing_else(on_postgres: PostgresLedger) -> None:
    with open_ledger(on_postgres.owner) as ledger:
        tell(ledger)
        before = ledger.head()
    answer = ask(on_postgres.owner, "SELECT kind, count(*) AS n FROM events WHERE kind LIKE '%run%' GROUP BY 1",
                 limit=5)
    assert answer.columns == ("kind", "n")
    assert dict(answer.rows)["run_recorded"] == 6
    assert {"verdicts", "verdict_inputs"} <= {row[0] for row in tables(on_postgres.owner).rows}
    for statement in ("DELETE FROM host_facts", "SELECT 1; DROP TABLE events", "SELECT 1; COMMIT; DROP TABLE anchors",
                      "WITH x AS (DELETE FROM host_facts RETURNING 1) SELECT * FROM x", "SELECT nothing FROM nowhere",
                      "SELECT set_config('transaction_read_only', 'off', true)", "SELECT 1 INTO TEMP TABLE x", ""):
        with pytest.raises(UsageError, match="PostgreSQL says"):
            ask(on_postgres.owner, statement, limit=5)
    with open_ledger(on_postgres.owner) as ledger:
        assert ledger.head() == before


def test_guarded_writes_and_refusals_are_those_of_a_file(on_postgres: PostgresLedger) -> None:
    with open_ledger(on_postgres.app) as ledger:
        story = tell(ledger)
        with pytest.raises(StaleRun):
            ledger.advance(story.ids["good"], 1, Event.PLACE, expect=State.PLANNED, host="h100")
        with pytest.raises(LedgerError, match="refused: asset_names: one digest has one size"):
            ledger.name_asset("a", sha("x"), 1, "data") or ledger.name_asset("b", sha("x"), 2, "data")
        with pytest.raises(LedgerError, match=r"cannot be recorded|too large"):
            ledger.name_asset("c", sha("y"), 2**63, "data")
        with pytest.raises(LedgerError, match="cannot be recorded"):
            ledger.set_reachability("nul\x00", True)
        assert ledger.verify_chain() == ledger.head()


# -- opening ------------------------------------------------------------------------------------------------------


@pytest.fixture
def bare(postgres_server: PostgresServer, home: Path) -> Any:
    """A database without a ledger."""
    with postgres_server.ledger(home, made=False) as found:
        yield found


def _open(place: ServerPlace, **options: Any) -> None:
    with open_ledger(place, **options):
        pass


def test_nobody_makes_a_ledger_on_a_server_in_passing(bare: PostgresLedger) -> None:
    for place in (bare.owner, bare.app):
        with pytest.raises(LedgerError, match="there is no ledger") as refused:
            _open(place)
        assert "kdorch ledger init" in str(refused.value.hint)


def test_the_owner_makes_it_once_and_lets_a_role_use_it(bare: PostgresLedger) -> None:
    assert postgres.make(bare.owner, app_role=APP) == "made with schema 0003; kd_app may use it"
    assert postgres.make(bare.owner) == "has schema 0003 already"
    with pytest.raises(UsageError, match="no role 'nobody-here'"):
        postgres.make(bare.owner, app_role="nobody-here")
    with pytest.raises(UsageError, match="owns the tables"):
        postgres.make(bare.owner, app_role=OWNER)
    with open_ledger(bare.app) as ledger:
        tell(ledger)


def test_the_schema_is_the_committed_one_from_every_revision(bare: PostgresLedger) -> None:
    engine = postgres.engine_on(bare.owner)
    for revision in SCHEMA.fingerprints:
        with engine.begin() as connection:
            migrate(connection, SCHEMA.scripts, revision)
            printed = SCHEMA.on_postgres[revision]
            assert postgres_catalog.structure(connection) == printed.structure, revision
            if postgres_catalog.server(connection) == 15:
                assert postgres_catalog.expressions(connection) == printed.expressions, revision
            assert postgres_catalog.excess_rights(connection) == []
    engine.dispose()


def test_an_older_schema_is_upgraded_by_its_owner_alone(bare: PostgresLedger) -> None:
    engine = postgres.engine_on(bare.owner)
    with engine.begin() as connection:
        migrate(connection, SCHEMA.scripts, "0002")
        for table in ("alembic_version", "events"):
            connection.execute(text(f"GRANT SELECT ON {table} TO {APP}"))
    engine.dispose()
    with pytest.raises(SchemaBehind, match="has schema 0002; this kdorch needs 0003"):
        _open(bare.app)
    with pytest.raises(SchemaBehind):
        _open(bare.owner, read_only=True)
    told: list[str] = []
    with open_ledger(bare.owner, on_upgrade=told.append) as ledger:
        tell(ledger)
    assert len(told) == 1
    assert "from schema 0002 to 0003" in told[0]


def test_a_newer_a_foreign_and_a_tampered_database_are_refused(on_postgres: PostgresLedger,
                                                              bare: PostgresLedger) -> None:
    with connected(bare.owner) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num text)")
    with pytest.raises(LedgerCorrupt, match="another program"):
        _open(bare.owner)
    with connected(on_postgres.owner) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
        with pytest.raises(SchemaNewer, match="0099"):
            _open(on_postgres.app)
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
        connection.execute("ALTER TABLE verdicts DISABLE TRIGGER verdicts_no_update")
        with pytest.raises(LedgerTampered, match="not those of schema 0003"):
            _open(on_postgres.app)
        connection.execute("ALTER TABLE verdicts ENABLE ALWAYS TRIGGER verdicts_no_update")
        _open(on_postgres.app)
        connection.execute(f"GRANT DELETE ON events TO {APP}")
        with pytest.raises(LedgerTampered, match="kd_app has the right DELETE on events"):
            _open(on_postgres.app)


# -- what cannot be reached ---------------------------------------------------------------------------------------


def _refused(place: ServerPlace) -> KdorchError:
    with pytest.raises(LedgerError) as refused:
        _open(place)
    return refused.value


def test_no_message_ever_holds_a_password(on_postgres: PostgresLedger, postgres_server: PostgresServer,
                                          monkeypatch: pytest.MonkeyPatch) -> None:
    place = on_postgres.app
    wrong = with_password(place, "WR0NG secret")
    errors = [_refused(wrong), _refused(replace(place, url=place.url.set(database="nowhere"))),
              _refused(replace(place, url=place.url.set(port=1)))]
    assert [str(e).partition(": ")[2][:40] for e in errors] == [
        "the server refused the role or its passw", "the server has no such database",
        "the server does not answer: connection f"]
    monkeypatch.setenv("KDORCH_LEDGER", on_postgres.url(wrong))
    done = subprocess.run([sys.executable, "-m", "orchestrator.cli.app", "ledger"], capture_output=True, text=True,
                          timeout=120)
    assert done.returncode == 4
    shown = [done.stdout, done.stderr, repr(place), str(place), repr(Home.from_environment()),
             *(f"{e} {e.hint} {e.__cause__!r} {e.__context__ if e.__cause__ else ''}" for e in errors)]
    for words in shown:
        for secret in ("WR0NG", "secret", *PASSWORDS.values(), "Pa55", "pa55"):
            assert secret not in words


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/db", "postgresql://u:hunter2@h:port/db",
                                 "postgresql://u:hunter2@h", "sqlite:///hunter2"])
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        ledger_place(url, tmp_path)
    assert "hunter2" not in f"{refused.value} {refused.value.hint}"


def test_a_path_and_nothing_name_a_file(tmp_path: Path) -> None:
    assert ledger_place(None, tmp_path) == tmp_path / "ledger.sqlite"
    assert ledger_place("", tmp_path) == tmp_path / "ledger.sqlite"
    assert ledger_place("/srv/team.sqlite", tmp_path) == Path("/srv/team.sqlite")
    home = Home.from_environment({"KDORCH_HOME": str(tmp_path), "KDORCH_LEDGER": str(tmp_path / "x" / "l.db")})
    assert home.ledger == tmp_path / "x" / "l.db"


def test_without_the_driver_it_says_what_to_install(tmp_path: Path) -> None:
    program = ("import sys; sys.modules['psycopg'] = None\n"
               "from orchestrator.cli.app import main\n"
               "sys.argv = ['kdorch', 'ledger']; main()")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120,
                          env={"PATH": "/usr/bin:/bin", "KDORCH_HOME": str(tmp_path), "PYTHONPATH": str(Path.cwd()),
                               "KDORCH_LEDGER": "postgresql://u@127.0.0.1/x"})
    assert done.returncode == 4, done.stderr
    assert "needs the driver psycopg" in done.stderr
    assert 'pip install "kdorch[postgres]"' in done.stderr


def test_a_writer_that_holds_the_ledger_makes_others_wait_and_then_say_so(on_postgres: PostgresLedger,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_TAKE_LOCK", postgres._TAKE_LOCK.replace("30s", "200ms"))
    with open_ledger(on_postgres.app) as ledger, connected(on_postgres.app) as other:
        other.execute("BEGIN")
        other.execute(f"SELECT pg_advisory_xact_lock({postgres.WRITERS_LOCK})")
        with pytest.raises(LedgerBusy, match="another process held the ledger"):
            ledger.set_reachability("h100", True)
        assert ledger.reachability() == {}, "reading does not wait"
        other.execute("COMMIT")
        ledger.set_reachability("h100", True)


def test_a_server_that_goes_away_breaks_nothing(postgres_server: PostgresServer, on_postgres: PostgresLedger) -> None:
    with open_ledger(on_postgres.app) as ledger:
        tell(ledger)
        postgres_server.administer(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{APP}'")
        ledger.set_reachability("h100", True)  # the pool asks before it uses a connection again
        assert ledger.verify_chain() == ledger.head()


def test_commands_run_on_a_server(on_postgres: PostgresLedger, tmp_path: Path) -> None:
    import os

    environment = {**os.environ, "KDORCH_HOME": str(on_postgres.app.root), "PYTHONPATH": str(Path.cwd()),
                   "KDORCH_LEDGER": on_postgres.url(on_postgres.app)}
    with open_ledger(on_postgres.app, clock=lambda: datetime.now(UTC)) as ledger:
        story: Story = tell(ledger)

    def run(*words: str) -> str:
        done = subprocess.run([sys.executable, "-m", "orchestrator.cli.app", *words], capture_output=True, text=True,
                              timeout=120, env=environment, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert {r["name"] for r in json.loads(run("ledger", "--format", "json"))} == set(story.ids)
    assert "budget" in run("ledger", "show", "dear")
    assert "verdicts" in run("ledger", "sql")
    assert run("ledger", "sql", "SELECT count(*) AS n FROM runs", "--format", "csv").split() == ["n", "6"]
    assert "story" in run("campaign", "list")
