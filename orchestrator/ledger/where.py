"""``--where``: a condition on ledger rows in a small closed language, read by Python's own parser and never executed.

    final_val < 4.1 and budget_pass
    host in ('h100', 'gb10') and not archival
    verdict is None or steps_to_target >= 100

A name is a key of a row, or a label with ``_`` for ``-``, which is true where the row carries it. What a row does not
know (null) satisfies no comparison, neither ``<`` nor ``!=``; ask for it with ``is None``.
"""

from __future__ import annotations

import ast
import difflib
import operator
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from orchestrator.domain.errors import UsageError
from orchestrator.domain.lifecycle import ALL_LABELS
from orchestrator.ledger.rows import LedgerRow

Condition = Callable[[LedgerRow], bool]
_Value = Callable[[LedgerRow], Any]

LONGEST = 2000
_KEYS = frozenset(f.name for f in fields(LedgerRow))
_LABELS = {label.replace("-", "_"): label for label in ALL_LABELS}
_ORDER: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}


def condition(text: str) -> Condition:
    """The condition that ``text`` says. Raises :class:`UsageError` naming the place that is wrong."""
    if len(text) > LONGEST:
        raise UsageError(f"--where has {len(text)} characters; at most {LONGEST} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _Reader(text.strip()).boolean(tree.body)
    except SyntaxError as error:
        raise UsageError(f"--where {text!r}: {error.msg} at character {error.offset or 1}", hint=_HINT) from None
    except (ValueError, RecursionError, MemoryError):
        raise UsageError("--where cannot be read", hint=_HINT) from None


_HINT = "for example: --where 'final_val < 4.1 and budget_pass'"


class _Reader:
    """Turns the few kinds of syntax nodes that are allowed into functions; everything else is refused by name."""

    def __init__(self, text: str) -> None:
        self._text = text

    def boolean(self, node: ast.expr) -> Condition:
        match node:
            case ast.BoolOp(op=op, values=values):
                parts = [self.boolean(v) for v in values]
                every = isinstance(op, ast.And)
                return lambda row: all(p(row) for p in parts) if every else any(p(row) for p in parts)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.boolean(operand)
                return lambda row: not inner(row)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return self._comparison(node, left, op, right)
            case ast.Compare():
                raise self._refused(node, "one comparison at a time; join them with 'and'")
            case ast.Name(id=name):
                return self._label(node, name)
        raise self._refused(node, "expected a comparison, a label, or these joined by and, or, not")

    def _label(self, node: ast.expr, name: str) -> Condition:
        if name in _LABELS:
            label = _LABELS[name]
            return lambda row: label in row.labels
        if name in _KEYS:
            raise self._refused(node, f"{name} is a key and needs a comparison, such as '{name} is not None'")
        raise self._refused(node, f"there is no label {name!r}{_close(name, (*_LABELS, *_KEYS))}")

    def _comparison(self, node: ast.expr, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
        if isinstance(op, ast.Is | ast.IsNot):
            if not (isinstance(right, ast.Constant) and right.value is None):
                raise self._refused(node, "'is' goes with None only; use == for other values")
            value, wanted = self._value(left), isinstance(op, ast.Is)
            return lambda row: (value(row) is None) == wanted
        if isinstance(op, ast.In | ast.NotIn):
            if not isinstance(right, ast.Tuple | ast.List):
                raise self._refused(right, "expected a list of values in parentheses, such as ('h100', 'gb10')")
            value, inside = self._value(left), isinstance(op, ast.In)
            members = [self._constant(e) for e in right.elts]
            return lambda row: (found := value(row)) is not None and (found in members) == inside
        compare, one, other = _ORDER[type(op)], self._value(left), self._value(right)

        def holds(row: LedgerRow) -> bool:
            a, b = one(row), other(row)
            if a is None or b is None:
                return False
            if isinstance(a, str) != isinstance(b, str):
                raise self._refused(node, f"{a!r} and {b!r} cannot be compared")
            return compare(a, b)

        return holds

    def _value(self, node: ast.expr) -> _Value:
        if isinstance(node, ast.Name):
            name = node.id
            if name not in _KEYS:
                raise self._refused(node, f"there is no key {name!r}{_close(name, _KEYS)}")
            if name in ("labels", "failed_gates"):
                raise self._refused(node, f"{name} is a list; write a label by itself, such as budget_pass")
            return operator.attrgetter(name)
        constant = self._constant(node)
        return lambda _row: constant

    def _constant(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=str() | int() | float() as value) if not isinstance(value, bool):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return -value
        raise self._refused(node, "expected a key, a number or a text in quotes")

    def _refused(self, node: ast.expr, why: str) -> UsageError:
        piece = ast.get_source_segment(self._text, node) or self._text
        return UsageError(f"--where: at character {node.col_offset + 1}, {piece[:60]!r}: {why}", hint=_HINT)


def _close(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""
