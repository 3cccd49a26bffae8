"""The listing that is kept ready: it is the ledger's, whatever happened since it was computed."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.domain.errors import UsageError
from orchestrator.domain.lifecycle import Event, State
from orchestrator.domain.verdict import Role
from orchestrator.ledger.listing_cache import Asked, cache_path, forget
from orchestrator.ledger.store import Ledger
from orchestrator.ledger.where import condition
from orchestrator.report.tables import csv_lines, format_rows, json_lines
from tests.e2e.kdorch import Laptop
from tests.integration.ledger_kit import Story, kd_policy, open_ledger, sha, teacher_policy, tell

RECORD = Path(__file__).parent / "data" / "ledger_of_record.csv"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def is_the_ledgers(ledger: Ledger) -> bool:
    return ledger.listing(Asked()).rows == ledger.rows()


def test_after_every_kind_of_event_the_listing_is_the_ledgers(ledger: Ledger) -> None:
    assert ledger.listing(Asked()).rows == []
    story = tell(ledger, kd_judged=False)
    assert is_the_ledgers(ledger)
    story.finish("arm")  # evidence and a verdict
    assert is_the_ledgers(ledger)
    run = story.ids["next"]
    story.launch(run)
    assert is_the_ledgers(ledger)
    ledger.set_reachability("h100", False, "no answer")  # no event, and yet a label
    assert "unreachable" in next(r.labels for r in ledger.listing(Asked()).rows if r.run_id == run)
    assert is_the_ledgers(ledger)
    ledger.set_reachability("h100", True)
    assert is_the_ledgers(ledger)
    ledger.promote(story.campaign_id, [story.ids["good"]])
    other = Story(ledger, campaign_id=sha("other")).begin("other")
    other.pin("arms", kd_policy(target_u6=4_500_000))
    assert is_the_ledgers(ledger)
    other.add("late", Role.KD, "arms", teacher_run_id=story.ids["good"])
    assert is_the_ledgers(ledger)


def test_a_students_row_follows_its_teacher(ledger: Ledger) -> None:
    story = Story(ledger).begin()
    story.pin("arms", kd_policy())
    story.pin("teachers", teacher_policy())
    story.add("good", Role.TEACHER, "teachers")
    story.add("arm", Role.KD, "arms", teacher_run_id=story.ids["good"])
    assert ledger.listing(Asked()).rows[1].teacher_train_time_ms is None
    story.finish("good", train_time_ms=60_000)
    assert ledger.listing(Asked()).rows[1].teacher_train_time_ms == 60_000


@pytest.mark.parametrize("asked", [
    Asked(status="budget-pass"), Asked(campaign="story"), Asked(sort="train_time_ms"), Asked(status="rejected"),
    Asked(sort="name", status="finished"),
], ids=str)
def test_filters_and_sorting_are_those_of_the_slow_way(ledger: Ledger, asked: Asked) -> None:
    tell(ledger)
    assert ledger.listing(asked).rows == ledger.rows(status=asked.status, campaign=asked.campaign, sort=asked.sort)


def test_a_limit_keeps_the_newest_or_the_first_and_tells_how_many_there_were(ledger: Ledger) -> None:
    tell(ledger)
    everything = ledger.rows()
    newest = ledger.listing(Asked(limit=2))
    assert (newest.rows, newest.total) == (everything[-2:], len(everything))
    by_time = ledger.listing(Asked(sort="-train_time_ms", limit=2)).rows
    assert [r.name for r in by_time] == ["ce-0", "dear"]
    assert ledger.listing(Asked(sort="-train_time_ms")).rows[-1].name == "next"  # without a time: last both ways


def test_host_since_and_where_are_asked_together(ledger: Ledger) -> None:
    tell(ledger)

    def names(asked: Asked) -> list[str]:
        return [r.name for r in ledger.listing(asked).rows]

    assert names(Asked(host="h100", where=condition("train_time_ms <= budget_ms and budget_pass"))) == ["good", "arm"]
    assert names(Asked(host="nowhere")) == []
    assert names(Asked(since="2026-02-14T00:00:00.000Z")) == [r.name for r in ledger.rows()]
    assert names(Asked(since="2026-02-15T00:00:00.000Z")) == []


def test_lines_say_what_the_rows_say(ledger: Ledger) -> None:
    tell(ledger)
    rows = ledger.rows()
    lines = ledger.listing(Asked(lines_of="json"))
    assert (json_lines(lines.lines), lines.size, lines.cells) == (format_rows(rows, "json"), len(rows), [])
    assert csv_lines(ledger.listing(Asked(lines_of="csv")).lines) == format_rows(rows, "csv")


def test_what_does_not_exist_is_refused(ledger: Ledger) -> None:
    tell(ledger)
    for asked in (Asked(status="nice"), Asked(sort="labels"), Asked(sort="--name"), Asked(campaign="nobody")):
        with pytest.raises(UsageError):
            ledger.listing(asked)


def _noise(path: Path) -> None:
    path.write_bytes(b"\x7f" * 8192)


def _torn(path: Path) -> None:
    with path.open("r+b") as handle:
        handle.truncate(path.stat().st_size // 2)


def _other_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE seen (other)")


def _other_edition(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE seen SET edition = 'older'")
        connection.execute("DELETE FROM listed")


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [_noise, _torn, _other_program, _other_edition, _directory, forget],
                         ids=lambda f: f.__name__.strip("_"))
def test_a_file_that_is_no_listing_is_made_anew_or_done_without(ledger: Ledger, spoil: Callable[[Path], None]) -> None:
    tell(ledger)
    assert is_the_ledgers(ledger)
    spoil(ledger.path if spoil is forget else cache_path(ledger.path))
    assert is_the_ledgers(ledger)
    assert is_the_ledgers(ledger)


def test_a_restored_backup_is_listed_as_it_is(ledger: Ledger, tmp_path: Path) -> None:
    story = tell(ledger)
    ledger.listing(Asked())
    with closing(sqlite3.connect(ledger.path)) as connection:
        connection.execute("VACUUM INTO ?", (str(tmp_path / "backup"),))
    story.launch(story.ids["next"])
    ledger.listing(Asked())
    restored = tmp_path / "restored" / "ledger.sqlite"
    restored.parent.mkdir()
    shutil.copy(tmp_path / "backup", restored)
    shutil.copy(cache_path(ledger.path), cache_path(restored))
    with open_ledger(restored) as older:
        assert next(r for r in older.listing(Asked()).rows if r.name == "next").state == State.PLANNED.value
        Story(older, ids=story.ids).ledger.advance(story.ids["next"], 1, Event.PLACE, expect=State.PLANNED, host="gb10",
                                                   bundle="b" * 64, dispatch_sha256="d" * 64)
        assert is_the_ledgers(older)


def test_eight_processes_list_and_write_at_once(ledger: Ledger, tmp_path: Path) -> None:
    story = tell(ledger)
    program = ("import sys\nfrom pathlib import Path\nfrom datetime import UTC, datetime\n"
               "from orchestrator.ledger.store import Ledger\nfrom orchestrator.ledger.listing_cache import Asked\n"
               "with Ledger.open(Path(sys.argv[1]), clock=lambda: datetime.now(UTC)) as ledger:\n"
               "    for _ in range(10):\n"
               "        ledger.note('run_moved', sys.argv[2], {})\n"
               "        assert len(ledger.listing(Asked()).rows) == 6\n")
    running = [subprocess.Popen([sys.executable, "-c", program, str(ledger.path), story.ids["good"]],
                                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}) for _ in range(8)]
    assert [p.wait(timeout=120) for p in running] == [0] * 8
    assert is_the_ledgers(ledger)


def test_the_command_filters_sorts_cuts_and_says_what_it_left_out(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    laptop.run("ledger", "import", str(RECORD))
    told = laptop.run("ledger", "--limit", "2", "--sort", "-train_time_ms", "--format", "json", "--since", "7d")
    assert [r["train_time_ms"] for r in json.loads(told.stdout)] == [694015, 362472]
    assert b"2 of 8 runs; --limit 0 shows all" in told.stderr
    assert json.loads(laptop.run("ledger", "--where", "not budget_pass", "--columns", "name", "--format", "json",
                                 "--limit", "1").stdout)[0].keys() == {"name"}
    refused = laptop.run("ledger", "--since", "yesterday", code=2)
    assert b"--since: 'yesterday' is no time" in refused.stderr
    assert laptop.run("ledger", "--where", "name == 'x'; DROP TABLE runs", code=2).stdout == b""
    assert len(laptop.run("ledger", "--format", "csv").stdout.splitlines()) == 9


def test_a_host_that_nobody_knows_is_an_error_and_one_without_runs_is_not(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    laptop.run("ledger", "import", str(RECORD))
    (laptop.home / "hosts.yaml").write_text("hosts:\n  h100: {address: h100.example, gpus: 1}\n")
    refused = laptop.run("ledger", "--host", "h1000", code=2).stderr
    assert b"there is no host 'h1000' in hosts.yaml" in refused
    assert b"hosts are: h100, local" in refused
    assert json.loads(laptop.run("ledger", "--host", "h100", "--format", "json").stdout) == []


def test_a_listing_that_was_forged_is_named_by_verify_and_made_anew(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    laptop.run("ledger", "import", str(RECORD))
    honest = laptop.run("ledger", "--format", "json").stdout
    laptop.run("ledger", "verify")
    with closing(sqlite3.connect(cache_path(laptop.home / "ledger.sqlite"))) as connection:
        connection.execute("UPDATE told SET json = replace(json, '694015', '1')")
        connection.commit()
    assert laptop.run("ledger", "--format", "json").stdout != honest
    assert b"the listing kept ready says json" in laptop.run("ledger", "verify", code=4).stdout
    assert laptop.run("ledger", "--format", "json").stdout == honest
    laptop.run("ledger", "verify")
