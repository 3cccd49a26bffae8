"""Pydantic's errors in the words of a campaign file: what was expected at a key, and what stood there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

Location = tuple[str | int, ...]
SHOWN_CHARACTERS = 60
_MAPPINGS, _LISTS = ("model_type", "dict_type", "model_attributes_type"), ("tuple_type", "list_type")
_NEITHER = "neither_mapping_nor_list"
_NAMES = {"^[a-z0-9_]+$": "small letters, digits and '_'",
          "^[a-z0-9][a-z0-9._-]*$": "small letters, digits, '.', '_' and '-'"}
_ALTERNATIVE = re.compile(r"(function-[a-z]+|tuple|list|dict)\[.*\]")
_WORDS = re.compile(r"\^\(([a-z0-9_|]+)\)\$")
_PLACEHOLDER = re.compile(r"[A-Z]+\b")


def complaints(error: ValidationError, model: type[BaseModel],
               hidden: frozenset[str] = frozenset()) -> Iterator[tuple[Location, str]]:
    """(location in the model's input, message) of every error. ``hidden`` keys are never recommended."""
    found = list(_told_once(error.errors(include_url=False)))
    places = [where for where, _ in found]
    for where, detail in found:
        kind, message = detail["type"], detail["msg"]
        if kind == "too_short":
            if any(len(p) > len(where) and p[: len(where)] == where for p in places):
                continue  # only short because its items are wrong, and that is said already
            yield where, f"expected at least {detail.get('ctx', {}).get('min_length', 1)} in this list"
        elif kind == "extra_forbidden":
            yield where, _unknown_key(str(where[-1]), [k for k in _keys(model, where[:-1]) if k not in hidden])
        elif kind == "missing":
            yield where[:-1], f"the key {str(where[-1])!r} is missing"
        elif kind == _NEITHER:
            yield where, f"expected a mapping (key: value) or a list, not {_shown(detail['input'])}"
        elif kind in _MAPPINGS:
            yield where, f"expected a mapping (key: value), not {_shown(detail['input'])}"
        elif kind in _LISTS:
            yield where, f"expected a list, not {_shown(detail['input'])}"
        elif kind == "value_error":
            yield where, message.removeprefix("Value error, ")
        elif kind == "string_pattern_mismatch":
            yield where, f"expected {_pattern(detail['ctx']['pattern'], _field(model, where))}, not " \
                         f"{_shown(detail['input'])}"
        else:
            yield where, f"{_expected(message)}, not {_shown(detail['input'])}"


def _told_once(details: list[ErrorDetails]) -> Iterator[tuple[Location, ErrorDetails]]:
    """(location as a person would write it, error). Of a value that may be a mapping or a list only what is wrong with
    the one that it is; where it is neither, one error for both. Pydantic names the alternatives in its locations."""
    told: list[Location] = []
    neither: dict[Location, ErrorDetails] = {}
    for detail in details:
        *outer, last = detail["loc"] or ("",)
        made_up = _is_alternative(last) and detail["type"] != "extra_forbidden"  # else a person wrote that key
        where = tuple(t for t in outer if not _is_alternative(t)) + (() if made_up or not detail["loc"] else (last,))
        if made_up and detail["type"] in (*_MAPPINGS, *_LISTS):
            neither[where] = detail
        else:
            told.append(where)
            yield where, detail
    for where, detail in neither.items():
        if not any(place[:len(where)] == where for place in told):
            yield where, {**detail, "type": _NEITHER}


def _is_alternative(token: str | int) -> bool:
    """Whether pydantic made up the token, for one of the kinds that a value may have."""
    return isinstance(token, str) and _ALTERNATIVE.fullmatch(token) is not None


def _pattern(pattern: str, field: FieldInfo | None) -> str:
    """What a regular expression asks for, in words: alternatives, a kind of name, or what the field says of itself."""
    if (words := _WORDS.fullmatch(pattern)) is not None:
        *first, last = (repr(word) for word in words[1].split("|"))
        return f"{', '.join(first)} or {last}" if first else last
    if pattern in _NAMES:
        return f"a name of {_NAMES[pattern]}"
    said = ((field.description if field is not None else None) or "").partition(":")[0]
    return said if _PLACEHOLDER.match(said) else f"a word to match pattern {pattern!r}"


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
    inner = _walk(model, where)[0]
    return [] if inner is None else [f.alias or n for n, f in inner.model_fields.items()]


def _field(model: type[BaseModel], where: Location) -> FieldInfo | None:
    """The field at a location."""
    return _walk(model, where)[1]


def _walk(model: type[BaseModel], where: Location) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The model inside a location, and the field that led to it. Indexes and a mapping's own keys lead no further."""
    inner: type[BaseModel] | None = model
    field, own_key = None, False
    for token in where:
        if isinstance(token, int):
            continue
        if own_key:
            own_key = False
            continue
        if inner is None:
            return None, None
        field = next((f for n, f in inner.model_fields.items() if token in (n, f.alias)), None)
        if field is None:
            return None, None
        inner, own_key = _model_in(field.annotation), _is_mapping(field.annotation)
    return inner, field


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is dict or any(get_origin(a) is dict for a in get_args(annotation))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in get_args(annotation):
        found = _model_in(argument)
        if found is not None:
            return found
    return None
