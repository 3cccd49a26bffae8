"""YAML for people: plain data with the line of every key, and guards against what a file should never hold.

Scalars follow the YAML 1.2 core schema: ``1e-4`` is a number, ``off`` is a word, ``010`` is ten. Refused by line:
duplicate keys, tags, merge keys, numbers that are not finite, aliases that expand to too much, self-reference.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from orchestrator.planning.findings import DocPath, Findings

FILE_LIMIT_BYTES = 1 << 20
NODE_LIMIT = 100_000
DEPTH_LIMIT = 60
_INT_DIGITS = 30

_BOOL, _INT, _FLOAT, _NULL, _STR = (f"tag:yaml.org,2002:{t}" for t in ("bool", "int", "float", "null", "str"))


class _CoreLoader(yaml.SafeLoader):
    """Composes nodes with YAML 1.2 core tags; nothing is ever constructed by PyYAML."""


_CoreLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    (_BOOL, r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    (_NULL, r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    (_INT, r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", "-+0123456789"),
    (_FLOAT, r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
             r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", "-+.0123456789"),
):
    _CoreLoader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


@dataclass(frozen=True)
class Located:
    """Plain data and the line (from 1) of every key path in it."""

    value: Any
    lines: Mapping[DocPath, int]


@dataclass
class _Reader:
    findings: Findings
    lines: dict[DocPath, int] = field(default_factory=dict)
    nodes: int = 0
    open_nodes: list[int] = field(default_factory=list)

    def plain(self, node: Node, where: DocPath) -> Any:
        """Plain data of a node. Aliases are expanded, so two places never share an object."""
        self.nodes += 1
        if self.nodes > NODE_LIMIT:
            self.findings.stop(f"the file expands to more than {NODE_LIMIT:,} values", line=_line(node),
                               hint="aliases (*name) repeat what they stand for each time")
        if isinstance(node, ScalarNode):
            return self._scalar(node, where)
        if id(node) in self.open_nodes:
            self.findings.stop("an alias refers to something that contains it", line=_line(node))
        if len(self.open_nodes) >= DEPTH_LIMIT:
            self.findings.stop(f"nested more than {DEPTH_LIMIT} deep", line=_line(node))
        self.open_nodes.append(id(node))
        try:
            if isinstance(node, SequenceNode):
                self._plain_tag(node, "tag:yaml.org,2002:seq", where)
                return [self._item(child, (*where, i)) for i, child in enumerate(node.value)]
            assert isinstance(node, MappingNode)
            self._plain_tag(node, "tag:yaml.org,2002:map", where)
            return self._mapping(node, where)
        finally:
            self.open_nodes.pop()

    def _item(self, node: Node, where: DocPath) -> Any:
        self.lines[where] = _line(node)
        return self.plain(node, where)

    def _mapping(self, node: MappingNode, where: DocPath) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = _line(key_node)
            if not isinstance(key_node, ScalarNode) or key_node.tag == _NULL:
                self.findings.add_line(line, where, "a key must be a plain word")
                continue
            key = str(key_node.value)
            if key == "<<" and key_node.style is None:
                self.findings.add_line(line, where, "merge keys ('<<') are not supported; use 'defaults'")
                continue
            if key in found:
                self.findings.add_line(line, (*where, key),
                                       f"this key stands here twice; first on line {self.lines[(*where, key)]}")
                continue
            self.lines[(*where, key)] = line
            found[key] = self.plain(value_node, (*where, key))
        return found

    def _plain_tag(self, node: Node, tag: str, where: DocPath) -> None:
        if node.tag != tag:
            self.findings.add_line(_line(node), where, f"tags such as {node.tag!r} are not allowed")

    def _scalar(self, node: ScalarNode, where: DocPath) -> Any:
        text = str(node.value)
        if node.tag == _STR:
            return text
        if node.tag == _NULL:
            return None
        if node.tag == _BOOL:
            return text.lower() == "true"
        if node.tag == _INT:
            if len(text) > _INT_DIGITS:
                self.findings.add_line(_line(node), where, f"expected a number of at most {_INT_DIGITS} digits")
                return None
            return _integer(text)
        if node.tag == _FLOAT:
            number = _float(text)
            if not math.isfinite(number):
                self.findings.add_line(_line(node), where, f"expected a finite number, not {text}")
                return None
            return number
        self.findings.add_line(_line(node), where, f"tags such as {node.tag!r} are not allowed")
        return None


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _integer(text: str) -> int | str:
    """An explicit ``!!int`` may stand before anything; what is no integer stays text for the typed model to refuse."""
    try:
        return int(text, 0 if text.startswith(("0o", "0x")) else 10)
    except ValueError:
        return text


def _float(text: str) -> float:
    try:
        return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf").replace(".nan", "nan")
                     .replace(".NaN", "nan").replace(".NAN", "nan"))
    except ValueError:
        return math.nan


def read_yaml(data: bytes, findings: Findings) -> Located:
    """Plain data of one YAML document. Raises :class:`CampaignFileError` listing every problem with its line."""
    if len(data) > FILE_LIMIT_BYTES:
        findings.stop(f"the file is larger than {FILE_LIMIT_BYTES >> 10} KiB; a campaign is a page, not a data set")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        findings.stop(f"not UTF-8 text: byte 0x{data[error.start]:02x} cannot be read",
                      line=data.count(b"\n", 0, error.start) + 1)
    try:
        loader = _CoreLoader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        findings.stop(f"not YAML: {error.problem or error.context}", line=mark.line + 1 if mark is not None else None)
    except yaml.reader.ReaderError as error:
        findings.stop(f"not YAML: character {error.character!r} is not allowed",
                      line=text.count("\n", 0, error.position) + 1)
    except yaml.YAMLError as error:
        findings.stop(f"not YAML: {error}")
    except RecursionError:
        findings.stop("not YAML that a person wrote: nested too deeply")
    if node is None:
        return Located(None, {})
    reader = _Reader(findings)
    value = reader.plain(node, ())
    findings.check()
    return Located(value, reader.lines)
