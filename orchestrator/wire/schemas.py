"""JSON Schemas of contract v1, generated from the models; ``python -m orchestrator.wire.schemas DIR`` writes them."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from orchestrator.wire.documents import DOCUMENTS, Hello, Observation
from orchestrator.wire.spec import Spec

MODELS: Mapping[str, type[BaseModel]] = {"spec": Spec, **DOCUMENTS, "observation": Observation, "hello": Hello}
"""Every document that has a schema, by the name of its schema's file."""


def schema_bytes(name: str) -> bytes:
    """The schema of one document: sorted keys, two spaces, one newline at the end. Raises ``KeyError``."""
    schema = MODELS[name].model_json_schema(by_alias=True, mode="validation")
    if "contract" in schema["properties"]:
        schema["required"] = sorted({"contract", *schema.get("required", ())})  # readers refuse a document without it
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = f"https://kdorch.dev/contract/v1/{name}.json"
    return (json.dumps(schema, indent=2, sort_keys=True) + "\n").encode()


def write_schemas(directory: Path) -> None:
    """Write every schema into ``directory``."""
    directory.mkdir(parents=True, exist_ok=True)
    for name in MODELS:
        (directory / f"{name}.json").write_bytes(schema_bytes(name))


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
