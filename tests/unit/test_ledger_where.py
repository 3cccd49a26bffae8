"""``--where``: what it means, and that nothing but its closed language gets through."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.errors import UsageError
from orchestrator.ledger.rows import LedgerRow
from orchestrator.ledger.where import condition


def row(**values: Any) -> LedgerRow:
    empty: dict[str, Any] = {f.name: None for f in dataclasses.fields(LedgerRow)}
    return LedgerRow(**{**empty, "labels": (), "failed_gates": (), **values})


@pytest.mark.parametrize(("text", "values", "holds"), [
    ("final_val < 4.1 and budget_pass", {"final_val": 4.0, "labels": ("promoted", "budget-pass")}, True),
    ("final_val < 4.1 and budget_pass", {"final_val": 4.2, "labels": ("budget-pass",)}, False),
    ("final_val < 4.1", {"final_val": None}, False),
    ("final_val != 4.1", {"final_val": None}, False),
    ("final_val is None", {"final_val": None}, True),
    ("verdict is not None", {"verdict": "promote"}, True),
    ("host in ('h100', 'gb10')", {"host": "gb10"}, True),
    ("host not in ('h100', 'gb10')", {"host": "rtx4090"}, True),
    ("host not in ('h100',)", {"host": None}, False),
    ("not archival or steps > 5", {"labels": ("archival",), "steps": 6}, True),
    ("train_time_ms <= budget_ms", {"train_time_ms": 69402, "budget_ms": 69402}, True),
    ("train_time_ms <= budget_ms", {"train_time_ms": 69403, "budget_ms": 69402}, False),
    ("steps >= -1", {"steps": 0}, True),
    ("name == 'it''s'", {"name": "its"}, True),
])
def test_conditions_mean_what_they_say(text: str, values: dict[str, Any], holds: bool) -> None:
    assert condition(text)(row(**values)) is holds


@pytest.mark.parametrize("text", [
    "", "1", "__import__('os')", "final_val", "final_val < ", "1 < final_val < 4", "final_val + 1 > 2",
    "(lambda: 1)()", "name.upper() == 'X'", "labels == 'x'", "final_vall < 1", "budget_pas", "x[0] == 1",
    "host is 'h100'", "name == f'{1}'", "'; DROP TABLE runs; --", "final_val < True", "name in 'abc'",
    "[i for i in (1,)]", "a := 1", "name == 'x' if 1 else 2", "(" * 400 + "steps > 1" + ")" * 400, "x" * 3000,
])
def test_everything_else_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError) as told:
        condition(text)
    assert "--where" in told.value.message


def test_a_slip_of_the_pen_is_named_with_what_was_probably_meant() -> None:
    with pytest.raises(UsageError, match="did you mean final_val"):
        condition("final_vall < 1")


def test_texts_and_numbers_are_not_compared_with_each_other() -> None:
    with pytest.raises(UsageError, match="cannot be compared"):
        condition("host < 3")(row(host="h100"))


@given(st.text(max_size=80))
def test_no_text_does_anything_but_give_a_condition_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert condition(text)(row(final_val=1.0, labels=("promoted",))) in (True, False)
