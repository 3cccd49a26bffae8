"""``kdorch export``: each form is read back by the tool it is for; without its package one sentence says what to do.

Where a package is missing its test is skipped by name, and fails in CI;
``pip install 'kdorch[mlflow,tensorboard,rocrate,parquet]'`` brings all.
"""

from __future__ import annotations

import csv
import hashlib
import importlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.dispatch.home import Home
from orchestrator.dispatch.verify import verify_ledger
from orchestrator.domain.errors import LedgerTampered, UsageError
from orchestrator.report.exports.gather import ExportedRun, gathered
from orchestrator.report.exports.writing import EXTRAS, export
from tests.e2e.kdorch import Laptop
from tests.integration.ledger_kit import open_ledger


def brought(module: str, extra: str) -> Any:
    """A module of an optional package. A developer without it may skip; CI may not."""
    try:
        return importlib.import_module(module)
    except ImportError:
        missing = f"needs {module.partition('.')[0]}: pip install 'kdorch[{extra}]'"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture
def ledger_home(proof: Home, tmp_path: Path) -> Home:
    shutil.copytree(proof.root, tmp_path / "laptop" / ".kdorch")
    return Home(tmp_path / "laptop" / ".kdorch")


def runs_of(home: Home, campaign: str | None = None) -> list[ExportedRun]:
    with open_ledger(home.root / "ledger.sqlite") as ledger:
        return gathered(ledger, home.root, campaign)


def test_csv_holds_what_the_listing_holds_and_nothing_is_overwritten(ledger_home: Home, tmp_path: Path) -> None:
    laptop = Laptop(ledger_home.root.parent)
    target = tmp_path / "out" / "runs.csv"
    laptop.run("export", "--to", "csv", str(target), "--campaign", "proof")
    with target.open(newline="") as handle:
        rows = list(csv.DictReader(handle))
    listed = laptop.rows("--campaign", "proof")
    assert [(r["name"], r["run_id"]) for r in rows] == [(r["name"], r["run_id"]) for r in listed]
    before = target.read_bytes()
    again = laptop.run("export", "--to", "csv", str(target), code=2)
    assert b"an export never overwrites" in again.stderr
    assert target.read_bytes() == before
    assert b"no campaign is called 'nowhere'" in laptop.run("export", "--to", "csv", "x", "--campaign", "nowhere",
                                                         code=2).stderr
    assert [p.name for p in target.parent.iterdir()] == ["runs.csv"]


def test_a_place_where_nothing_can_be_written_is_refused_in_words(ledger_home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for path, reason in (("/proc/x", "nothing can be written there"), (tmp_path / "file" / "x", "is no folder"),
                         (tmp_path / ("n" * 300), "File name too long"), (tmp_path / "dangling", "never overwrites")):
        with pytest.raises(UsageError, match=reason):
            export([], "csv", Path(path))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["dangling", "file", "laptop"]


def test_exporting_changes_nothing_in_the_ledger(ledger_home: Home, tmp_path: Path) -> None:
    head = verify_ledger(ledger_home, full=False).head
    export(runs_of(ledger_home), "csv", tmp_path / "runs.csv")
    told = verify_ledger(ledger_home, full=True)
    assert (told.agrees, told.head) == (True, head)


@pytest.mark.parametrize(("form", "package"), [
    ("mlflow", "mlflow.tracking"), ("tensorboard", "tensorboardX"), ("rocrate", "rocrate.rocrate"),
    ("parquet", "pyarrow")])
def test_without_its_package_a_form_names_the_command(form: str, package: str, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # how Python itself marks what cannot be imported
    with pytest.raises(UsageError, match="which is not installed") as caught:
        export([], form, tmp_path / "out")
    assert "pip install" in str(caught.value.hint)
    assert str(caught.value).startswith(f"--to {form} ")
    assert form == "parquet" or f"'kdorch[{EXTRAS[package.partition('.')[0]]}]'" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_mlflow_finds_a_run_by_our_id_with_its_curves(ledger_home: Home, tmp_path: Path) -> None:
    tracking = brought("mlflow.tracking", "mlflow")
    runs = runs_of(ledger_home)
    export(runs, "mlflow", tmp_path / "mlflow.db")
    client = tracking.MlflowClient(tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    experiments = {e.name: e.experiment_id for e in client.search_experiments()}
    assert {r.row.campaign for r in runs} <= set(experiments)
    run = next(r for r in runs if r.row.name == "proof/arms-s0")
    (found,) = client.search_runs([experiments["proof"]], f"tags.`kdorch.run_id` = '{run.row.run_id}'")
    assert found.info.run_name == "proof/arms-s0"
    assert (found.info.status, found.info.start_time, found.info.end_time) == ("FINISHED", run.started_ms, run.ended_ms)
    assert found.data.tags["kdorch.verdict"] == run.row.verdict
    assert found.data.params["kd.alpha"] == "0.5"
    assert found.data.metrics["train_time_ms"] == run.row.train_time_ms
    losses = client.get_metric_history(found.info.run_id, "val_loss")
    assert sorted((m.step, m.value) for m in losses) == [(p.step, p.val_loss) for p in run.curve.validations]
    assert len(client.get_metric_history(found.info.run_id, "train_loss")) == len(run.curve.train) > 0


def test_tensorboard_events_hold_every_point(ledger_home: Home, tmp_path: Path) -> None:
    brought("tensorboardX", "tensorboard")
    from tensorboardX.proto.event_pb2 import Event

    runs = runs_of(ledger_home, "proof")
    export(runs, "tensorboard", tmp_path / "boards")
    for run in runs:
        folder = tmp_path / "boards" / "proof" / run.row.name.removeprefix("proof/")
        (file,) = folder.glob("events.out.tfevents.*")
        points = []
        data = file.read_bytes()
        while data:  # length (8), its checksum (4), the event, its checksum (4)
            size = int.from_bytes(data[:8], "little")
            event = Event.FromString(data[12:12 + size])
            points += [(v.tag, event.step, v.simple_value) for v in event.summary.value if v.tag == "loss/val"]
            data = data[16 + size:]
        assert [(step, pytest.approx(value)) for _, step, value in points] == [
            (p.step, p.val_loss) for p in run.curve.validations]


def test_a_crate_carries_the_evidence_and_an_action_for_each_run(ledger_home: Home, tmp_path: Path) -> None:
    crates = brought("rocrate.rocrate", "rocrate")
    runs = runs_of(ledger_home, "proof")
    export(runs, "rocrate", tmp_path / "crate")
    crate = crates.ROCrate(tmp_path / "crate")
    assert crate.root_dataset["conformsTo"].id == "https://w3id.org/ro/wfrun/process/0.6"
    actions = {e["identifier"]: e for e in crate.get_entities() if e.type == "CreateAction"}
    assert set(actions) == {r.row.run_id for r in runs}
    for run in runs:
        action = actions[run.row.run_id]
        assert action["instrument"].type == "SoftwareApplication"
        assert action["actionStatus"] == "http://schema.org/CompletedActionStatus"
        assert run.directory is not None
        for path in run.directory.rglob("*"):
            if path.is_file():
                copied = tmp_path / "crate" / path.relative_to(ledger_home.root)
                assert copied.read_bytes() == path.read_bytes()
    metadata = json.loads((tmp_path / "crate" / "ro-crate-metadata.json").read_text())
    digests = {e["@id"]: e["sha256"] for e in metadata["@graph"] if "sha256" in e}
    assert digests == {p.relative_to(tmp_path / "crate").as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
                       for p in (tmp_path / "crate" / "evidence").rglob("*") if p.is_file()}
    assert any(e.get("name") == "kd.alpha" and e.get("value") == "0.5" for e in metadata["@graph"])
    assert str(ledger_home.root) not in json.dumps(metadata), "no path of this machine"


@pytest.mark.parametrize("harm", [
    lambda path: path.write_bytes(path.read_bytes().replace(b"step:1", b"step:9", 1)), lambda path: path.unlink()])
def test_no_figure_comes_from_evidence_that_was_altered_or_is_gone(harm: Callable[[Path], object],
                                                                   ledger_home: Home, tmp_path: Path) -> None:
    laptop = Laptop(ledger_home.root.parent)
    rows = laptop.rows("--campaign", "proof")
    harm(ledger_home.root / rows[0]["artifact_dir"] / "train.log")
    for arguments in (("export", "--to", "csv", str(tmp_path / "out")), ("export", "--to", "rocrate", "crate"),
                      ("ledger", "compare", *(r["run_id"] for r in rows))):
        told = laptop.run(*arguments, code=4).stderr.decode()
        assert "train.log, evidence of run" in told
        assert "kdorch ledger verify" in told
    assert not (tmp_path / "out").exists()


def test_a_crate_is_refused_where_any_file_of_evidence_was_altered(ledger_home: Home, tmp_path: Path) -> None:
    brought("rocrate.rocrate", "rocrate")
    runs = runs_of(ledger_home, "proof")
    assert runs[0].directory is not None
    (runs[0].directory / "status.json").write_text("{}")
    with pytest.raises(LedgerTampered, match=r"status\.json"):
        export(runs, "rocrate", tmp_path / "crate")


def test_parquet_holds_every_run(ledger_home: Home, tmp_path: Path) -> None:
    files = brought("pyarrow.parquet", "parquet")
    runs = runs_of(ledger_home)
    export(runs, "parquet", tmp_path / "runs.parquet")
    assert files.read_table(tmp_path / "runs.parquet")["run_id"].to_pylist() == [r.row.run_id for r in runs]
