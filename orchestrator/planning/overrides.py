"""``--set key=value``: changes to a campaign file that are part of the plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.domain.errors import CampaignFileError, UsageError
from orchestrator.planning.findings import DocPath, Findings
from orchestrator.planning.yaml_lines import read_yaml

_PATH_KEYED = ("axes", "zip")
"""Mappings whose keys are dotted spec paths: the rest of the override's key is one key of theirs."""


@dataclass(frozen=True)
class Override:
    """One ``--set``, as given, with the place in the file that it changes."""

    text: str
    where: DocPath
    value: Any


def _parse(text: str) -> tuple[list[str], Any]:
    key, equals, raw = text.partition("=")
    key = key.strip()
    if not equals or not key or any(not token for token in key.split(".")):
        raise UsageError(f"--set {text}: expected KEY=VALUE with a dotted key",
                         hint="for example --set defaults.horizon=200 or --set stages.arms.spec.kd.alpha=0.3")
    try:
        value = read_yaml(raw.encode("utf-8", "surrogateescape"), Findings(f"--set {key}")).value
    except CampaignFileError as error:
        raise UsageError(f"--set {text}: the value is not YAML ({error.message})") from None
    return key.split("."), value


def _member(items: list[Any], token: str, text: str, what: str) -> int:
    """The index of the list item called ``token`` (a name, or a number)."""
    named = [i for i, item in enumerate(items) if isinstance(item, dict) and item.get("name") == token]
    if named:
        return named[0]
    if token.isascii() and token.isdigit() and len(token) < 7 and int(token) < len(items):
        return int(token)
    names = [str(item["name"]) for item in items if isinstance(item, dict) and "name" in item]
    raise UsageError(f"--set {text}: there is no {token!r} in {what}",
                     hint=f"it holds {', '.join(names)}" if names else f"it holds {len(items)} items, counted from 0")


def _put(value: Any, tokens: list[str], new: Any, text: str, where: DocPath) -> tuple[Any, DocPath]:
    """A copy of ``value`` with ``new`` below ``tokens``, and the document path of the change."""
    if not tokens:
        return new, where
    here = ".".join(str(t) for t in where) or "the campaign"
    if isinstance(value, list):
        index = _member(value, tokens[0], text, here)
        child, place = _put(value[index], tokens[1:], new, text, (*where, index))
        return [*value[:index], child, *value[index + 1:]], place
    if value is None:
        value = {}
    if not isinstance(value, dict):
        raise UsageError(f"--set {text}: {here} is a value, nothing can be set below it")
    whole = bool(where) and where[-1] in _PATH_KEYED
    key, rest = (".".join(tokens), []) if whole else (tokens[0], tokens[1:])
    child, place = _put(value.get(key), rest, new, text, (*where, key))
    return {**value, key: child}, place


def apply_overrides(data: Any, texts: Sequence[str]) -> tuple[Any, tuple[Override, ...]]:
    """The data with every override applied in order. Raises :class:`UsageError` for a path that leads nowhere.

    Keys that no campaign knows are refused where the whole is checked, and named there as ``--set``.
    """
    done = []
    for text in texts:
        tokens, value = _parse(text)
        data, where = _put(data, tokens, value, text, ())
        done.append(Override(text, where, value))
    return data, tuple(done)
