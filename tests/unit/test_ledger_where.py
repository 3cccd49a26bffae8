"""``--where``: what it means, and that nothing but its closed language gets through."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.domain.errors import UsageError
from orchestrator.domain.lifecycle import ALL_LABELS
from orchestrator.ledger.rows import LedgerRow
from orchestrator.ledger.where import LABEL_BIT, condition


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


@pytest.mark.parametrize(("text", "place"), [
    ("name = 'x'", 6), ("steps == 1 and name='x=y'", 20), ("'a=b' = name", 7)])
def test_a_single_equals_sign_is_answered_with_the_double_one(text: str, place: int) -> None:
    with pytest.raises(UsageError, match=f"'=' at character {place} .* is asked with '=='"):
        condition(text)


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


def test_texts_that_no_row_could_hold_numbers_beyond_64_bits_and_deep_nests_are_refused() -> None:
    for text in ("name == '\\ud800'", "steps < 99999999999999999999", "steps < 1e999", "not " * 30 + "archival",
                 "host in ('a', 1)"):
        with pytest.raises(UsageError, match="--where"):
            condition(text)


NUMBERS = ("final_val", "steps", "train_time_ms", "budget_ms")
TEXTS = ("name", "host", "verdict")
numbers = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([0.5, 2.0, 4.1, -0.25]))
texts = st.one_of(st.none(), st.sampled_from(["", "a", "b", "B", "é", "1", "promote"]))
rows_of_any_kind = st.builds(
    lambda n, t, labels: row(**dict(zip(NUMBERS, n, strict=True)), **dict(zip(TEXTS, t, strict=True)),
                             labels=tuple(sorted(labels))),
    st.tuples(*[numbers] * len(NUMBERS)), st.tuples(*[texts] * len(TEXTS)),
    st.sets(st.sampled_from(ALL_LABELS), max_size=3))
order = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
comparisons = st.one_of(
    st.builds("{} {} {}".format, st.sampled_from(NUMBERS), order, st.sampled_from(["-1", "0", "2", "4.1", *NUMBERS])),
    st.builds("{} {} {}".format, st.sampled_from(TEXTS), order, st.sampled_from(["''", "'b'", "'1'", *TEXTS])),
    st.builds("{} {}".format, st.sampled_from(NUMBERS), st.sampled_from(["in (1, 4.1)", "not in (2,)", "is None"])),
    st.builds("{} {}".format, st.sampled_from(TEXTS), st.sampled_from(["in ('a', '1')", "not in ()", "is not None"])),
    st.sampled_from(["promoted", "budget_pass", "not archival"]))
conditions = st.recursive(comparisons, lambda inner: st.one_of(
    st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner),
    st.builds("not ({})".format, inner)), max_leaves=6)


@given(conditions, st.lists(rows_of_any_kind, max_size=8))
def test_sql_and_python_say_the_same_of_every_row(text: str, rows: list[LedgerRow]) -> None:
    asked = condition(text)
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"CREATE TABLE listed ({', '.join((*NUMBERS, *TEXTS, 'label_bits', 'at'))})")
        for at, r in enumerate(rows):
            values = [getattr(r, k) for k in (*NUMBERS, *TEXTS)] + [sum(LABEL_BIT[w] for w in r.labels), at]
            connection.execute(f"INSERT INTO listed VALUES ({', '.join('?' * len(values))})", values)
        found = [at for (at,) in connection.execute(f"SELECT at FROM listed WHERE {asked.sql} ORDER BY at",
                                                    asked.parameters)]
    assert found == [at for at, r in enumerate(rows) if asked(r)]
