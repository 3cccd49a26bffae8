"""The manifest of a directory that is an asset: its files by path, digest and size, in RFC 8785 form."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrator.wire.manifest import SafeName
from orchestrator.wire.spec import Sha256, canonical_bytes

START = b'{"contract":"v1","files":['
"""How every such manifest begins; a file that begins otherwise is none."""


class TreeFile(BaseModel):
    """One file: a safe relative path, what it holds and how much."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    path: SafeName
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0)]


class TreeManifest(BaseModel):
    """The whole directory."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    contract: Literal["v1"] = "v1"
    kind: Literal["tree"] = "tree"
    files: Annotated[list[TreeFile], Field(min_length=1)]

    def to_bytes(self) -> bytes:
        """The bytes whose sha256 names the directory."""
        return canonical_bytes(self.model_dump(mode="json"))


def parse_tree(data: bytes) -> TreeManifest | None:
    """The manifest that these bytes are; None for any others: then they are simply a file's."""
    try:
        manifest = TreeManifest.model_validate_json(data)
    except ValidationError:
        return None
    return manifest if manifest.to_bytes() == data else None
