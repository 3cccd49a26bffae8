"""Pydantic's errors in the words of a campaign file: what was expected at a key, and what stood there."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

Location = tuple[str | int, ...]
SHOWN_CHARACTERS = 60


def complaints(error: ValidationError, model: type[BaseModel],
               hidden: frozenset[str] = frozenset()) -> Iterator[tuple[Location, str]]:
    """(location in the model's input, message) of every error. ``hidden`` keys are never recommended."""
    details = error.errors(include_url=False)
    places = [tuple(d["loc"]) for d in details]
    for detail, where in zip(details, places, strict=True):
        kind, message = detail["type"], detail["msg"]
        if kind == "too_short":
            if any(len(p) > len(where) and p[: len(where)] == where for p in places):
                continue  # only short because its items are wrong, and that is said already
            yield where, f"expected at least {detail.get('ctx', {}).get('min_length', 1)} in this list"
        elif kind == "extra_forbidden":
            yield where, _unknown_key(str(where[-1]), [k for k in _keys(model, where[:-1]) if k not in hidden])
        elif kind == "missing":
            yield where[:-1], f"the key {str(where[-1])!r} is missing"
        elif kind in ("model_type", "dict_type", "model_attributes_type"):
            yield where, f"expected a mapping (key: value), not {_shown(detail['input'])}"
        elif kind in ("tuple_type", "list_type"):
            yield where, f"expected a list, not {_shown(detail['input'])}"
        elif kind == "value_error":
            yield where, message.removeprefix("Value error, ")
        else:
            yield where, f"{_expected(message)}, not {_shown(detail['input'])}"


def _expected(message: str) -> str:
    message = message.partition(", unable to parse")[0]
    for start in ("Input should be ", "Value should be ", "String should ", "Decimal input should be "):
        if message.startswith(start):
            rest = message.removeprefix(start)
            if rest.startswith(("a ", "an ", "'")):
                return f"expected {rest}"
            return f"expected a word to {rest}" if start.startswith("String") else f"expected a value {rest}"
    return message[:1].lower() + message[1:]


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = "null" if value is None else repr(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _unknown_key(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    meant = f" (did you mean {near[0]!r}?)" if near else ""
    return f"unknown key {key!r}{meant}; expected one of: {', '.join(known)}"


def _keys(model: type[BaseModel], where: Location) -> list[str]:
    """The keys that the model takes at a location."""
    for token in where:
        if isinstance(token, int):
            continue
        field = next((f for n, f in model.model_fields.items() if token in (n, f.alias)), None)
        inner = _model_in(field.annotation) if field is not None else None
        if inner is None:
            return []
        model = inner
    return [f.alias or n for n, f in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
