"""Reads the hosts file as data that knows its lines, so that every complaint names file, line and key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeVar, get_args

import yaml
from pydantic import AfterValidator, BaseModel, ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orchestrator.domain.errors import CampaignFileError

FILE_LIMIT_BYTES = 1 << 20
DEPTH_LIMIT = 20
HINT = "the README has an example of a hosts file"

KeyPath = tuple[str | int, ...]
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class HostsFile:
    """A hosts file's plain data, and the line (from 1) where each key stands."""

    path: Path
    data: dict[str, Any]
    lines: Mapping[KeyPath, int]

    def refuse(self, key: KeyPath, message: str, *, hint: str | None = None) -> NoReturn:
        """Raise :class:`CampaignFileError` at a key, on the line of the nearest key that the file has."""
        line = next((self.lines[key[:n]] for n in range(len(key), -1, -1) if key[:n] in self.lines), None)
        raise CampaignFileError(self.path, message, key=".".join(map(str, key)), line=line, hint=hint or HINT)

    def check(self, model: type[_Model]) -> _Model:
        """The data as a typed model; the first key that does not fit is refused."""
        try:
            return model.model_validate(self.data)
        except ValidationError as error:
            # In the order of the file, so that a person meets the complaints from the top.
            first = min(error.errors(include_url=False), key=lambda e: self.lines.get(e["loc"], 1 << 30))
            key: KeyPath = tuple(first["loc"])
            if first["type"] == "extra_forbidden":
                known = _keys(model, key[:-1])
                near = difflib.get_close_matches(str(key[-1]), known, n=1)
                self.refuse(key, f"unknown key{f', did you mean {near[0]!r}?' if near else ''}; "
                                 f"expected one of: {', '.join(known)}")
            if first["type"] == "value_error":
                self.refuse(key, first["msg"].removeprefix("Value error, "))
            self.refuse(key, f"{first['msg'].replace('Input should be', 'expected')}, not {_shown(first['input'])}")


def read_hosts_file(path: Path) -> HostsFile:
    """Read a hosts file. Raises :class:`CampaignFileError` when it is not one YAML mapping of plain values."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CampaignFileError(path, f"cannot be read: {error.strerror}") from None
    if len(raw) > FILE_LIMIT_BYTES:
        raise CampaignFileError(path, f"larger than {FILE_LIMIT_BYTES} bytes", hint=HINT)
    try:
        root = yaml.compose(raw.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise CampaignFileError(path, "not UTF-8 text", line=raw.count(b"\n", 0, error.start) + 1) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise CampaignFileError(path, f"not YAML: {error.problem or error.context}",
                                line=mark.line + 1 if mark is not None else None, hint=HINT) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise CampaignFileError(path, f"not YAML: {error}", hint=HINT) from None
    lines: dict[KeyPath, int] = {}
    data = _plain(path, root, (), lines) if root is not None else {}
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise CampaignFileError(path, f"expected a mapping with 'hosts', not {_shown(data)}", line=1, hint=HINT)
    return HostsFile(path, data, lines)


def _plain(path: Path, node: Node, key: KeyPath, lines: dict[KeyPath, int]) -> Any:
    line = node.start_mark.line + 1
    lines.setdefault(key, line)
    if len(key) > DEPTH_LIMIT:
        raise CampaignFileError(path, f"nested more than {DEPTH_LIMIT} deep", line=line, hint=HINT)
    if isinstance(node, SequenceNode):
        return [_plain(path, item, (*key, i), lines) for i, item in enumerate(node.value)]
    if isinstance(node, MappingNode):
        found: dict[str, Any] = {}
        for name_node, value in node.value:
            at = name_node.start_mark.line + 1
            if not isinstance(name_node, ScalarNode):
                raise CampaignFileError(path, "a key must be a plain word", line=at, hint=HINT)
            name = str(name_node.value)
            if name in found:
                where = ".".join(map(str, (*key, name)))
                raise CampaignFileError(path, "this key stands here twice", key=where, line=at)
            lines[(*key, name)] = at
            found[name] = _plain(path, value, (*key, name), lines)
        return found
    assert isinstance(node, ScalarNode)
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        raise CampaignFileError(path, f"not a plain value: {error}", key=".".join(map(str, key)), line=line) from None


def _keys(model: type[BaseModel], key: KeyPath) -> list[str]:
    """The keys that the model takes at this place of the document."""
    for token in key:
        if token in model.model_fields:
            inner = _model_in(model.model_fields[str(token)].annotation)
            model = inner if inner is not None else model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for a in get_args(annotation) if (m := _model_in(a)) is not None), None)


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:60] + "…"


def of_form(pattern: str, expected: str) -> AfterValidator:
    """A validator for text that must match as a whole and holds no ``..`` between slashes; ``expected`` says what it
    should be."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value) or ".." in value.split("/"):
            raise ValueError(f"{value!r} is not {expected}")
        return value

    return AfterValidator(check)
