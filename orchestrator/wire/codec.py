"""What all documents of contract v1 share: reading, checking, naming what is wrong, and writing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator.domain.errors import MalformedDocument, UnknownContract

CONTRACT = "v1"
DOCUMENT_LIMIT_BYTES = 8 << 20

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
AttemptNumber = Annotated[int, Field(ge=1, le=10**6)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
UtcTime = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=10**9, allow_inf_nan=False)]


DEVICE = r"GPU-[A-Za-z0-9-]{1,120}|MIG-[A-Za-z0-9-]{1,120}(/[0-9]{1,3}/[0-9]{1,3})?"
"""A GPU or a MIG instance as ``nvidia-smi -L`` names it; drivers before R470 say ``MIG-GPU-<uuid>/1/0``."""


class Part(BaseModel):
    """A piece of a document."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, populate_by_name=True)


class Document(Part):
    """A whole document; ``contract`` is its version."""

    contract: Literal["v1"] = "v1"

    def to_bytes(self) -> bytes:
        """The document's bytes, the same for equal documents."""
        body = self.model_dump(mode="json", by_alias=True)
        return (json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n").encode()


_Model = TypeVar("_Model", bound=Part)


def parse(model: type[_Model], data: bytes | Mapping[str, Any], path: str) -> _Model:
    """``data`` as a ``model``. Raises :class:`MalformedDocument` naming file and key, or :class:`UnknownContract`."""
    value = parse_object(data, path) if isinstance(data, bytes) else dict(data)
    if issubclass(model, Document) and value.get("contract") != CONTRACT:
        raise UnknownContract(value.get("contract"))
    try:
        # By way of JSON text, where strict typing has JSON's meaning: lists are tuples, and 1.0 is no integer.
        return model.model_validate_json(json.dumps(value, allow_nan=False))
    except ValidationError as error:
        raise MalformedDocument(path, _first(error)) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise MalformedDocument(path, f"not plain data: {error}") from None


def parse_object(data: bytes, path: str) -> dict[str, Any]:
    """``data`` as one JSON object: UTF-8, finite numbers, no key twice. Raises :class:`MalformedDocument`."""
    if len(data) > DOCUMENT_LIMIT_BYTES:
        raise MalformedDocument(path, f"{len(data)} bytes; at most {DOCUMENT_LIMIT_BYTES} are read")
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_unique)
    except RecursionError:
        raise MalformedDocument(path, "nested too deeply") from None
    except json.JSONDecodeError as error:
        raise MalformedDocument(path, f"not JSON: {error.msg}, column {error.colno}", line=error.lineno) from None
    except ValueError as error:
        raise MalformedDocument(path, f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise MalformedDocument(path, "not a JSON object")
    return value


def _first(error: ValidationError) -> str:
    """The first problem as ``key: what is wrong (got value)``."""
    problem = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] in ("missing", "value_error"):
        return f"{key}: {message}" if key else message
    got = repr(problem["input"])
    return f"{key}: {message}, not {got if len(got) <= 80 else got[:77] + '...'}"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names: set[str] = set()
        twice = next(k for k, _ in pairs if k in names or names.add(k))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice!r} occurs twice")
    return found
