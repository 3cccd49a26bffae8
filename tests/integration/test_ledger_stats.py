"""``kdorch ledger stats``: what campaigns cost in seconds and in money, asked in as few questions however many runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from orchestrator.domain.errors import UnknownRun
from orchestrator.domain.lifecycle import Event, Outcome, State
from orchestrator.domain.prices import Prices
from orchestrator.domain.verdict import Role
from orchestrator.ledger.store import Ledger
from orchestrator.report.stats import campaign_stats
from tests.e2e.kdorch import Laptop
from tests.integration.ledger_kit import CE_POLICY, Story, open_ledger

HALF_AN_HOUR_MS = 1_800_000


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        yield begun(ledger)


def begun(ledger: Ledger) -> Story:
    story = Story(ledger).begin()
    story.pin("ce", CE_POLICY)
    return story


def spend(story: Story, name: str, host: str, gpus: int) -> None:
    """A run that held its host for half an hour and failed."""
    run_id = story.add(name, Role.CE, "ce", spec={"needs": {"gpus": gpus}})
    story.launch(run_id, host=host)
    story.ledger.advance(run_id, 1, Event.ENDED, expect=State.RUNNING, outcome=Outcome.FAILED,
                         exit_json=json.dumps({"wall_ms": HALF_AN_HOUR_MS}))


def test_money_is_counted_for_each_gpu_of_a_run_at_the_price_of_its_host(story: Story) -> None:
    for name, host, gpus in (("one", "a", 1), ("four", "a", 4), ("none", "b", 0)):
        spend(story, name, host, gpus)
    told, = campaign_stats(story.ledger, "story", Prices({"a": 2.0}))
    assert (told.attempts, told.by_host_ms) == (3, (("a", 2 * HALF_AN_HOUR_MS), ("b", HALF_AN_HOUR_MS)))
    assert (told.gpu_ms, told.cost.amount, told.cost.unpriced) == (6 * HALF_AN_HOUR_MS, 5.0, ("b",))
    told, = campaign_stats(story.ledger, None, Prices({}, 2.0))
    assert told.cost.amount == 6.0
    told, = campaign_stats(story.ledger)
    assert (told.cost.amount, told.cost.unpriced) == (None, ("a", "b"))


def test_many_runs_take_no_more_questions_than_one(story: Story) -> None:
    def asked(ledger: Ledger) -> int:
        questions: list[str] = []

        def note(*what: Any) -> None:
            questions.append(what[2])

        event.listen(ledger._engine, "before_cursor_execute", note)
        campaign_stats(ledger)
        event.remove(ledger._engine, "before_cursor_execute", note)
        return len(questions)

    spend(story, "first", "a", 1)
    few = asked(story.ledger)
    for n in range(10):
        spend(story, f"run-{n}", "a", 1)
    assert asked(story.ledger) == few > 0


def test_a_campaign_that_nobody_knows_is_refused(story: Story) -> None:
    with pytest.raises(UnknownRun, match="no campaign is called 'nosuch'"):
        campaign_stats(story.ledger, "nosuch")


def test_the_command_takes_prices_from_the_hosts_file_or_from_the_command_line(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    laptop.home.mkdir()
    with open_ledger(laptop.home / "ledger.sqlite") as ledger:
        spend(begun(ledger), "one", "a", 1)
    (laptop.home / "hosts.yaml").write_text("hosts:\n  a: {address: a.example, gpus: 1, price_per_hour: 3}\n")
    told, = json.loads(laptop.run("ledger", "stats", "--json").stdout)
    assert told["cost"] == {"amount": 1.5, "by_host": {"a": 1.5}, "unpriced": []}
    assert b"money    1.50\n" in laptop.run("ledger", "stats").stdout
    assert b"money    4.00\n" in laptop.run("ledger", "stats", "--price", "8").stdout
    assert b"no campaign is called 'nosuch'" in laptop.run("ledger", "stats", "nosuch", code=2).stderr
    (laptop.home / "hosts.yaml").unlink()
    assert b"no price is known; give --price" in laptop.run("ledger", "stats").stdout
