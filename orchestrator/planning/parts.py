"""Thousands of specs that share most of their parts: each part is validated, dumped and put into canonical form once.

The results are those of ``Spec.model_validate``, ``model_dump`` and ``wire.spec.canonical_bytes``, sooner; a test holds
them equal. Parts are frozen, so specs may share them. An RFC 8785 object is its members, sorted, each in canonical
form, so a part that was put into that form once need not be again.
"""

from __future__ import annotations

import marshal
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from orchestrator.wire.spec import Spec, canonical_bytes, later_defaults

_WITHOUT_REFERENCES = 2
"""Of marshal's formats the last whose bytes follow from the value alone; they tell 1 from 1.0 and from True."""


class SpecParts:
    """The parts of one campaign's specs. What is given in raw specs must live as long as this does."""

    def __init__(self) -> None:
        self._parts: dict[Hashable, BaseModel] = {}
        self._forms: dict[int, tuple[BaseModel, Any, bytes]] = {}
        self._values: dict[bytes, bytes] = {}

    def spec(self, raw: Mapping[str, Any]) -> Spec:
        """The spec that ``raw`` says. Raises ``ValidationError``."""
        mixed, new = dict(raw), {}
        for name, value in raw.items():
            if isinstance(value, dict):
                key = (name, _key(value))
                known = self._parts.get(key)
                if known is None:
                    new[name] = key
                else:
                    mixed[name] = known
        spec = Spec.model_validate(mixed)
        self._parts.update((key, getattr(spec, name)) for name, key in new.items())
        return spec

    def body(self, spec: Spec) -> dict[str, Any]:
        """The spec as plain JSON data. It shares parts with others: to be read, not changed."""
        defaults = later_defaults(Spec)
        values = ((name, getattr(spec, name)) for name in Spec.model_fields)
        return {name: self._form(value)[1] if isinstance(value, BaseModel) else _plain(value)
                for name, value in values if name not in defaults or value != defaults[name]}

    def canonical(self, spec: Spec, body: Mapping[str, Any]) -> bytes:
        """The RFC 8785 bytes of the spec whose :meth:`body` this is: the content of ``spec.json``."""
        return b"{" + b",".join([
            _name(name) + (self._form(part)[2] if isinstance(part := getattr(spec, name), BaseModel)
                           else self._value(body[name])) for name in sorted(body)]) + b"}"

    def _form(self, part: BaseModel) -> tuple[BaseModel, Any, bytes]:
        """The part, kept alive so that its id stays its own, as plain data and in canonical form."""
        found = self._forms.get(id(part))
        if found is None:
            body = part.model_dump(mode="json", by_alias=True)
            found = self._forms[id(part)] = (part, body, canonical_bytes(body))
        return found

    def _value(self, value: Any) -> bytes:
        known = marshal.dumps(value, _WITHOUT_REFERENCES)
        found = self._values.get(known)
        if found is None:
            found = self._values[known] = canonical_bytes(value)
        return found


@cache
def _name(key: str) -> bytes:
    return canonical_bytes(key) + b":"


def _key(value: Any) -> Hashable:
    """What tells a raw part from others: its data, and of models in it which ones they are."""
    try:
        return marshal.dumps(value, _WITHOUT_REFERENCES)
    except ValueError:  # there is a model in it
        if isinstance(value, Mapping):
            return tuple((name, _key(each)) for name, each in value.items())
        return (type(value), id(value))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [each.model_dump(mode="json", by_alias=True) for each in value]
    return value
