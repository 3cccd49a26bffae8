"""Rules of what scripts may rely on: committed schemas are the generated ones, and real output fits them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
import yaml

from orchestrator.dispatch import events
from orchestrator.ledger.rows import LedgerRow
from orchestrator.planning.campaign_file import load_campaign, shipped_campaigns
from orchestrator.planning.dry_run import dry_run_document
from orchestrator.planning.plan import Nothing, make_plan
from orchestrator.planning.schemas import schemas, write_schemas
from orchestrator.resources import shipped
from orchestrator.wire.output import LedgerLine, WatchLine
from tests.unit.planning_campaigns import BUNDLE, CE, KD, LANES, LOCAL, planned

COMMITTED = Path(__file__).parents[1] / "contract" / "cli"
PROMISED = [
    "run_id", "name", "campaign", "mode", "host", "status", "labels", "state", "outcome", "verdict", "failed_gates",
    "train_time_ms", "teacher_train_time_ms", "budget_ms", "steps", "best_val", "final_val", "steps_to_target",
    "time_to_target_ms", "alpha", "temperature", "lr_boost", "teacher_params_m", "teacher_steps", "student_steps",
    "artifact_dir",
]
EVENTS = {
    "RunState": "state", "StepSeen": "step", "ProjectionSeen": "projection", "ValidationSeen": "validation",
    "MarkerSeen": "marker", "VerdictReached": "verdict", "HostSilent": "host_silent", "HostBack": "host_back",
    "HostUnusable": "host_unusable",
    "PolicyPinned": "policy", "ChoiceMade": "choice", "Note": "note",
}


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((COMMITTED / name).read_text())
    return found


def test_committed_schemas_have_not_drifted(tmp_path: Path) -> None:
    write_schemas(tmp_path / "cli")
    fresh = {p.name: p.read_text() for p in (tmp_path / "cli").iterdir()}
    assert fresh == schemas()
    assert {p.name: p.read_text() for p in COMMITTED.glob("*.schema.json")} == fresh, \
        "run: python -m orchestrator.planning.schemas"


@pytest.mark.parametrize("name", sorted(schemas()))
def test_each_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize("name", shipped_campaigns())
def test_shipped_campaigns_fit_the_schema_for_editors(name: str) -> None:
    data = yaml.safe_load((shipped("campaigns") / name).read_text())
    jsonschema.validate(data, schema("campaign.schema.json"))


@pytest.mark.parametrize("text", [CE, KD])
def test_campaigns_that_load_fit_the_schema(text: str) -> None:
    jsonschema.validate(yaml.safe_load(text), schema("campaign.schema.json"))


@pytest.mark.parametrize(("key", "value"), [
    ("stagess", []), ("deadline", "soon"), ("deadline", 90), ("defaults", {"model": {"layer": 2}}),
    ("defaults", {"horizon": 0}), ("stages", []), ("stages", [{"name": "a"}]),
    ("stages", [{"name": "a", "role": "ce", "axes": {"seed": []}}]), ("allow", ["nothing"]),
])
def test_the_schema_refuses_what_kdorch_refuses(key: str, value: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**yaml.safe_load(CE), key: value}, schema("campaign.schema.json"))


@pytest.mark.parametrize("name", shipped_campaigns())
def test_dry_runs_fit_their_schema(tmp_path: Path, name: str) -> None:
    plan = make_plan(load_campaign(name, cwd=tmp_path), LOCAL, LANES, BUNDLE, Nothing())
    shown = dry_run_document(plan, bundle_size=1)
    jsonschema.validate(shown.model_dump(mode="json", by_alias=True), schema("plan.schema.json"))


def test_a_dry_run_with_open_choices_fits_its_schema(tmp_path: Path) -> None:
    shown = dry_run_document(planned(tmp_path, KD), bundle_size=1)
    jsonschema.validate(json.loads(shown.model_dump_json(by_alias=True)), schema("plan.schema.json"))


def test_ledger_lines_have_the_promised_keys_and_those_of_the_ledgers_rows() -> None:
    assert list(LedgerLine.model_fields) == PROMISED
    assert [f.name for f in dataclasses.fields(LedgerRow)] == PROMISED


def test_a_ledger_row_fits_its_schema() -> None:
    row = dict.fromkeys(PROMISED, None) | {
        "run_id": "aadab377-e981-419d-907b-470c4e770f33", "name": "aadab377", "campaign": "imported",
        "mode": "ce_baseline", "status": "baseline", "labels": ["baseline", "finished"], "state": "finished",
        "outcome": "imported", "verdict": "inconclusive", "failed_gates": ["val_trend"], "train_time_ms": 694015,
        "final_val": 3.2783}
    jsonschema.validate([row], schema("ledger.schema.json"))
    for wrong in ({"status": "great"}, {"more": 1}, {"train_time_ms": 1.5}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate([{**row, **wrong}], schema("ledger.schema.json"))


def test_every_event_has_its_watch_line_with_the_same_fields() -> None:
    assert {e.__name__ for e in get_args(events.FollowEvent)} == set(EVENTS)
    models = get_args(WatchLine.model_fields["root"].annotation)
    lines = {get_args(m.model_fields["event"].annotation)[0]: m for m in models}
    for event in get_args(events.FollowEvent):
        fields = [f.name for f in dataclasses.fields(event)]
        assert list(lines[EVENTS[event.__name__]].model_fields) == ["event", *fields]


def test_a_watch_line_fits_its_schema() -> None:
    line = {"event": "validation", "run_id": "a" * 64, "name": "demo/a-s0", "step": 25, "total_steps": 100,
            "val_loss": 3.2, "train_time_ms": 812.5}
    jsonschema.validate(line, schema("watch-line.schema.json"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**line, "event": "rumour"}, schema("watch-line.schema.json"))
