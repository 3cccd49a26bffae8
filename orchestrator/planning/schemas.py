"""JSON Schemas of what people write and scripts read: ``python -m orchestrator.planning.schemas DIRECTORY``.

They are generated from the models and committed under ``tests/contract/cli``; a test generates them again and holds
the two equal. An editor can use ``campaign.schema.json`` to check a campaign file while it is written.
"""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from orchestrator.planning.campaign_model import RUN_NAME_PATTERN, Campaign
from orchestrator.planning.dry_run import DryRunDocument
from orchestrator.planning.lint_names import LINTS
from orchestrator.wire.output import AssetEntries, DoctorAnswer, GcAnswer, LedgerLines, PreparedHost, WatchLine
from orchestrator.wire.spec import Spec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> dict[str, str]:
    """File name → text of every schema, deterministic."""
    return {
        "campaign.schema.json": _text(campaign_schema()),
        "plan.schema.json": _text(_printed(DryRunDocument)),
        "ledger.schema.json": _text(_printed(LedgerLines)),
        "watch-line.schema.json": _text(_printed(WatchLine)),
        "prepared-host.schema.json": _text(_printed(PreparedHost)),
        "assets.schema.json": _text(_printed(AssetEntries)),
        "gc.schema.json": _text(_printed(GcAnswer)),
        "doctor.schema.json": _text(_printed(DoctorAnswer)),
    }


def write_schemas(directory: Path) -> None:
    """Write every schema into a directory, which is made when it is not there."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (directory / name).write_text(text, encoding="utf-8")


def campaign_schema() -> dict[str, Any]:
    """The schema of a campaign file. Where a spec is given in parts, every key of a spec is allowed, none required."""
    schema = Campaign.model_json_schema(by_alias=True, mode="validation")
    spec = _partial(Spec.model_json_schema(by_alias=True, mode="validation"))
    definitions = schema["$defs"]
    definitions.update(spec.pop("$defs"))
    for key in ("stop_at_target", "contract"):  # what the stage says, or nobody
        del spec["properties"][key]
    del definitions["KdSpec"]["properties"]["teacher"]
    definitions.pop("Selector", None)
    definitions["PartialSpec"] = {**spec, "title": "PartialSpec",
                                  "description": "Any part of a run's spec; parts are merged over the defaults."}
    run = copy.deepcopy(definitions["PartialSpec"])
    run["properties"]["name"] = {"type": "string", "pattern": RUN_NAME_PATTERN}
    definitions["ExplicitRun"] = {**run, "title": "ExplicitRun", "required": ["name"],
                                  "description": "A partial spec with a name."}
    stage = definitions["Stage"]["properties"]
    schema["properties"]["defaults"] = stage["spec"] = {"$ref": "#/$defs/PartialSpec"}
    stage["runs"] = {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/ExplicitRun"}}
    for key in ("axes", "zip"):
        stage[key] = {"type": "object", "minProperties": 1, "description": stage[key].get("description", ""),
                      "additionalProperties": {"type": "array", "minItems": 1}}
    stage["policy"] = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/PolicyRule"}]}
    target = {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"$ref": "#/$defs/TargetRule"}]}
    stage["target"] = definitions["PolicyRule"]["properties"]["target"] = target
    schema["properties"]["deadline"]["default"] = "1h"
    schema["properties"]["allow"]["items"] = {"enum": list(LINTS)}
    schema["properties"]["environment"]["additionalProperties"] = {"type": ["string", "number"]}
    return {"$schema": DIALECT, **schema, "title": "kdorch campaign file"}


def _partial(schema: Any) -> Any:
    """The schema with no key required and no default filled in, at any depth."""
    if isinstance(schema, dict):
        return {k: _partial(v) for k, v in schema.items() if k not in ("required", "default")}
    if isinstance(schema, list):
        return [_partial(v) for v in schema]
    return schema


def _printed(model: type[BaseModel]) -> dict[str, Any]:
    return {"$schema": DIALECT, **model.model_json_schema(by_alias=True, mode="serialization")}


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    words = argparse.ArgumentParser(description="Write the JSON schemas of kdorch's documents into a folder.")
    words.add_argument("folder", nargs="?", type=Path, default=Path("tests/contract/cli"))
    write_schemas(words.parse_args().folder)
