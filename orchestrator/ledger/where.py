"""``--where``: a condition on ledger rows in a small closed language, read by Python's own parser and never executed.

    final_val < 4.1 and budget_pass
    host in ('h100', 'gb10') and not archival
    verdict is None or steps_to_target >= 100

A name is a key of a row, or a label with ``_`` for ``-``, which is true where the row carries it. What a row does not
know (null) satisfies no comparison, neither ``<`` nor ``!=``; ask for it with ``is None``.

A condition is said twice, as a function of a row and as SQL of which every word is written here: names come from the
closed lists below and values travel as parameters, so nothing that a person typed is ever part of a statement.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from orchestrator.domain.errors import UsageError
from orchestrator.domain.lifecycle import ALL_LABELS
from orchestrator.ledger.rows import LedgerRow

LONGEST = 2000
DEEPEST = 20
"""How deep conditions may be nested; SQLite's own parser gives up at about a hundred."""
LABEL_BIT = {label: 1 << n for n, label in enumerate(ALL_LABELS)}
"""The bit of each label in the column ``label_bits`` that the SQL form asks."""
_KEYS = frozenset(f.name for f in fields(LedgerRow))
_LISTS = frozenset({"labels", "failed_gates"})
_TEXTS = frozenset(f.name for f in fields(LedgerRow) if "str" in str(f.type)) - _LISTS
_LABELS = {label.replace("-", "_"): label for label in ALL_LABELS}
_LARGEST_INTEGER = 2**63 - 1
_Order = tuple[Callable[[Any, Any], bool], str]
_ORDER: dict[type[ast.cmpop], _Order] = {
    ast.Lt: (operator.lt, "<"), ast.LtE: (operator.le, "<="), ast.Gt: (operator.gt, ">"), ast.GtE: (operator.ge, ">="),
    ast.Eq: (operator.eq, "="), ast.NotEq: (operator.ne, "<>"),
}


@dataclass(frozen=True)
class Condition:
    """What a person asked for: ``condition(row)``, or ``sql`` with its ``parameters`` over columns that are named as
    the keys of a row, have no declared type, and stand beside ``label_bits``. Both say the same of every row."""

    holds: Callable[[LedgerRow], bool]
    sql: str
    parameters: tuple[str | int | float, ...] = ()

    def __call__(self, row: LedgerRow) -> bool:
        return self.holds(row)


@dataclass(frozen=True)
class _Value:
    """One side of a comparison. ``is_text`` says of which of the two kinds its values are."""

    of: Callable[[LedgerRow], Any]
    sql: str
    is_text: bool
    parameters: tuple[str | int | float, ...] = ()


def condition(text: str) -> Condition:
    """The condition that ``text`` says. Raises :class:`UsageError` naming the place that is wrong."""
    if len(text) > LONGEST:
        raise UsageError(f"--where has {len(text)} characters; at most {LONGEST} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _Reader(text.strip()).boolean(tree.body)
    except SyntaxError as error:
        # What stands in quotes is blanked out at its length, so that the place stays right.
        bare = re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: " " * len(quoted[0]), text)
        if (lone := re.search(r"(?<![=!<>:])=(?!=)", bare)) is not None:
            raise UsageError(f"--where {text!r}: '=' at character {lone.start() + 1} sets nothing here; whether two "
                             "values are equal is asked with '=='", hint=_HINT) from None
        raise UsageError(f"--where {text!r}: {error.msg} at character {error.offset or 1}", hint=_HINT) from None
    except (ValueError, RecursionError, MemoryError):
        raise UsageError("--where cannot be read", hint=_HINT) from None


_HINT = "for example: --where 'final_val < 4.1 and budget_pass'"


class _Reader:
    """Turns the few kinds of syntax nodes that are allowed into conditions; everything else is refused by name."""

    def __init__(self, text: str) -> None:
        self._text = text

    def boolean(self, node: ast.expr, depth: int = 0) -> Condition:
        if depth > DEEPEST:
            raise self._refused(node, f"conditions are nested more than {DEEPEST} deep")
        match node:
            case ast.BoolOp(op=op, values=values):
                parts = [self.boolean(v, depth + 1) for v in values]
                every = isinstance(op, ast.And)
                sql = (" AND " if every else " OR ").join(p.sql for p in parts)
                return Condition(lambda row: all(p(row) for p in parts) if every else any(p(row) for p in parts),
                                 f"({sql})", tuple(v for p in parts for v in p.parameters))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.boolean(operand, depth + 1)
                return Condition(lambda row: not inner(row), f"(NOT {inner.sql})", inner.parameters)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._comparison(node, left, op, right)
            case ast.Compare():
                raise self._refused(node, "one comparison at a time; join them with 'and'")
            case ast.Name(id=name):
                return self._label(node, name)
        raise self._refused(node, "expected a comparison, a label, or these joined by and, or, not")

    def _label(self, node: ast.expr, name: str) -> Condition:
        if name in _LABELS:
            return labelled(_LABELS[name])
        if name in _KEYS:
            raise self._refused(node, f"{name} is a key and needs a comparison, such as '{name} is not None'")
        raise self._refused(node, f"there is no label {name!r}{_close(name, (*_LABELS, *_KEYS))}")

    def _comparison(self, node: ast.expr, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
        if isinstance(op, ast.Is | ast.IsNot):
            if not (isinstance(right, ast.Constant) and right.value is None):
                raise self._refused(node, "'is' goes with None only; use == for other values")
            value, wanted = self._value(left), isinstance(op, ast.Is)
            return Condition(lambda row: (value.of(row) is None) == wanted,
                             f"({value.sql} IS {'' if wanted else 'NOT '}NULL)", value.parameters)
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.Tuple | ast.List):
                raise self._refused(right, "expected a list of values in parentheses, such as ('h100', 'gb10')")
            return self._membership(self._value(left), isinstance(op, ast.In), right)
        (compare, sign), one, other = _ORDER[type(op)], self._value(left), self._value(right)
        if one.is_text != other.is_text:
            raise self._refused(node, "a text and a number cannot be compared")

        def holds(row: LedgerRow) -> bool:
            a, b = one.of(row), other.of(row)
            return a is not None and b is not None and compare(a, b)

        # A comparison with null is null in SQL, and NOT null is null again; here it is simply not so.
        return Condition(holds, f"coalesce({one.sql} {sign} {other.sql}, 0)", (*one.parameters, *other.parameters))

    def _membership(self, value: _Value, inside: bool, right: ast.Tuple | ast.List) -> Condition:
        members = [self._constant(e) for e in right.elts]
        for element, member in zip(right.elts, members, strict=True):
            if isinstance(member, str) != value.is_text:
                raise self._refused(element, "a text and a number cannot be compared")
        marks = ", ".join("?" * len(members))
        sql = f"({value.sql} IS NOT NULL AND {value.sql} {'' if inside else 'NOT '}IN ({marks}))"
        return Condition(lambda row: (found := value.of(row)) is not None and (found in members) == inside, sql,
                         (*value.parameters, *value.parameters, *members))

    def _value(self, node: ast.expr) -> _Value:
        if isinstance(node, ast.Name):
            name = node.id
            if name not in _KEYS:
                raise self._refused(node, f"there is no key {name!r}{_close(name, _KEYS)}")
            if name in _LISTS:
                raise self._refused(node, f"{name} is a list; write a label by itself, such as budget_pass")
            return _Value(operator.attrgetter(name), f'"{name}"', name in _TEXTS)
        constant = self._constant(node)
        return _Value(lambda _row: constant, "?", isinstance(constant, str), (constant,))

    def _constant(self, node: ast.expr) -> str | int | float:
        match node:
            case ast.Constant(value=str() as value):
                value.encode()  # half a surrogate pair is no text that a row could hold
                return value
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._number(node, value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return self._number(node, -value)
        raise self._refused(node, "expected a key, a number or a text in quotes")

    def _number(self, node: ast.expr, value: float) -> int | float:
        if abs(value) > _LARGEST_INTEGER if isinstance(value, int) else not math.isfinite(value):
            raise self._refused(node, "this number is too large")
        return value

    def _refused(self, node: ast.expr, why: str) -> UsageError:
        piece = ast.get_source_segment(self._text, node) or self._text
        return UsageError(f"--where: at character {node.col_offset + 1}, {piece[:60]!r}: {why}", hint=_HINT)


def labelled(label: str) -> Condition:
    """The rows that carry ``label``, one of ``ALL_LABELS``."""
    return Condition(lambda row: label in row.labels, "(label_bits & ? <> 0)", (LABEL_BIT[label],))


def _close(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
