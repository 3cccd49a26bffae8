"""Several real processes on one server: nobody is locked out, nothing is lost, nothing happens twice."""

from __future__ import annotations

import pytest

from orchestrator.domain.lifecycle import State
from orchestrator.domain.verdict import Role
from tests.integration.ledger_kit import CAMPAIGN, Story, open_ledger, teacher_policy
from tests.integration.ledger_writers import write_at_once
from tests.integration.postgres_server import PostgresLedger
from tests.integration.test_ledger_concurrency import ROUNDS, WRITERS, together

pytestmark = pytest.mark.postgres


def test_eight_writers_lose_nothing_and_none_is_locked_out(on_postgres: PostgresLedger) -> None:
    place = on_postgres.app
    with open_ledger(place) as ledger:
        story = Story(ledger).begin()
        story.pin("teachers", teacher_policy())
        shared = [story.add(f"shared-{i}", Role.TEACHER, "teachers") for i in range(ROUNDS)]
        before = ledger.head()[0]

    answers = together(write_at_once, [(place, n, ROUNDS, shared) for n in range(WRITERS)])

    assert [a for a in answers if a[0] != "done"] == []
    assert sum(won for _, won, _ in answers) == len(shared), "each shared run is placed by exactly one"
    with open_ledger(place) as ledger:
        assert len(ledger.members(CAMPAIGN)) == ROUNDS + WRITERS * ROUNDS
        assert {a.state for a in ledger.current_attempts(shared)} == {State.STAGING}
        # Two entries for each new run (the run and its place), one for each shared run that was placed.
        assert ledger.head()[0] == before + 2 * WRITERS * ROUNDS + len(shared)
        ledger.verify_chain()
