"""What may be tried again: each way of losing a run has a rule and a count of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.dispatch.retries import decide, failure_class
from orchestrator.domain.lifecycle import Outcome, State
from orchestrator.ledger.rows import AttemptRow
from orchestrator.planning.retry_rules import LOST, RetryRule, effective
from orchestrator.wire.spec import DataSpec

ONCE, NEVER = RetryRule(times=1), RetryRule(action="never")


def ended(*outcomes: Outcome, **fields: Any) -> list[AttemptRow]:
    empty: dict[str, Any] = dict.fromkeys(AttemptRow.__dataclass_fields__)
    return [AttemptRow(**{**empty, "run_id": "r", "attempt_no": number, "state": State.FINISHED, "host": "a",
                          "outcome": outcome, **fields}) for number, outcome in enumerate(outcomes, 1)]


def reason(past: list[AttemptRow], rules: dict[str, RetryRule] | None = None) -> str | None:
    found = decide(past, (), effective({}) if rules is None else rules, DataSpec(), ("a", "b"))
    return None if found is None else found.reason


@pytest.mark.parametrize(("outcome", "words"), [
    (Outcome.LOST_REBOOT, "host_rebooted (1 of 2): again on a"),
    (Outcome.LOST_SUPERVISOR, "supervisor_lost (1 of 2): again on a"),
    (Outcome.NCCL, "nccl (1 of 1): again on a"),
    (Outcome.XID, "xid (1 of 1): on the lane's next host"),
    (Outcome.TIMED_OUT, None),
])
def test_the_reason_names_the_class_and_its_count(outcome: Outcome, words: str | None) -> None:
    assert reason(ended(outcome)) == words


def test_reboots_do_not_use_up_what_a_lost_supervisor_has() -> None:
    past = [Outcome.LOST_REBOOT] * 2 + [Outcome.LOST_SUPERVISOR]
    assert reason(ended(*past)) == "supervisor_lost (1 of 2): again on a"
    assert reason(ended(*past, Outcome.LOST_REBOOT)) is None, "the third reboot"


def test_an_end_that_nobody_saw_is_a_lost_supervisors() -> None:
    unseen = {"witness": "adopter", "exit_code": None, "signal": None, "outcome": "failed"}
    attempt, = ended(Outcome.FAILED, exit_json=json.dumps(unseen))
    assert failure_class(attempt) == "supervisor_lost"


def test_lost_is_short_for_both() -> None:
    rules = effective({"lost": ONCE})
    assert {name: rules[name] for name in LOST} == dict.fromkeys(LOST, ONCE)
    assert "lost" not in rules
    assert [reason(ended(*[Outcome.LOST_REBOOT] * n), rules) is None for n in (1, 2)] == [False, True]


def test_what_is_said_of_one_class_stands_before_the_short_form() -> None:
    rules = effective({"supervisor_lost": NEVER, "lost": ONCE})
    assert (rules["host_rebooted"], rules["supervisor_lost"]) == (ONCE, NEVER)
    assert reason(ended(Outcome.LOST_SUPERVISOR), rules) is None
    assert effective({"lost": ONCE, "supervisor_lost": NEVER}) == rules
