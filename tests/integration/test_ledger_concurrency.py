"""Several real processes on one ledger: nothing is locked out, nothing is lost, nothing happens twice."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator.domain.lifecycle import State
from orchestrator.domain.verdict import Role
from orchestrator.ledger.engine import SCHEMA
from tests.integration.ledger_kit import CAMPAIGN, Story, contents, open_ledger, teacher_policy, tell
from tests.integration.ledger_writers import PATIENCE_S, open_at_once, write_at_once
from tests.integration.test_ledger_opening import next_schema

WRITERS = 8
ROUNDS = 25
OPENERS = 6


def together(target: Callable[..., None], each: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Run ``target`` once per entry in processes that start at the same moment; their answers."""
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(len(each)), context.Queue()
    processes = [context.Process(target=target, args=(*arguments, barrier, answers)) for arguments in each]
    for process in processes:
        process.start()
    try:
        found = [answers.get(timeout=PATIENCE_S) for _ in processes]
        for process in processes:
            process.join(PATIENCE_S)
            assert process.exitcode == 0
    finally:
        for process in processes:
            if process.is_alive():
                process.kill()
    return found


def test_eight_writers_lose_nothing_and_none_is_locked_out(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with open_ledger(path) as ledger:
        story = Story(ledger).begin()
        story.pin("teachers", teacher_policy())
        shared = [story.add(f"shared-{i}", Role.TEACHER, "teachers") for i in range(ROUNDS)]
        before = ledger.head()[0]

    answers = together(write_at_once, [(path, n, ROUNDS, shared) for n in range(WRITERS)])

    assert [a for a in answers if a[0] != "done"] == []
    assert sum(won for _, won, _ in answers) == len(shared), "each shared run is placed by exactly one"
    with open_ledger(path) as ledger:
        assert len(ledger.members(CAMPAIGN)) == ROUNDS + WRITERS * ROUNDS
        assert {a.state for a in ledger.current_attempts(shared)} == {State.STAGING}
        # Two entries for each new run (the run and its place), one for each shared run that was placed.
        assert ledger.head()[0] == before + 2 * WRITERS * ROUNDS + len(shared)
        ledger.verify_chain()


def test_processes_that_make_one_ledger_at_once_make_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    answers = together(open_at_once, [(path, SCHEMA)] * OPENERS)
    assert answers == [("opened", 0, 1)] * OPENERS
    assert not list(tmp_path.glob("*backup*"))
    with open_ledger(path) as ledger:
        assert ledger.verify_chain()[0] == 1


def test_processes_that_upgrade_one_ledger_at_once_upgrade_it_once(tmp_path: Path) -> None:
    path, schema = tmp_path / "ledger.sqlite", next_schema(tmp_path)
    with open_ledger(path) as ledger:
        tell(ledger)
    before = contents(path)
    answers = together(open_at_once, [(path, schema)] * OPENERS)
    assert {(word, campaigns) for word, _, campaigns in answers} == {("opened", 1)}
    assert sum(told for _, told, _ in answers) == 1, "one of them upgraded, the others waited"
    (backup,) = tmp_path.glob("*.backup-*")
    assert contents(backup) == before
    with open_ledger(path, schema=schema) as ledger:
        assert len(ledger.rows()) == 6
