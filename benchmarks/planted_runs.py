"""A host that is this process: the real driver, ledger, policies and report, and a trainer whose truth is known.

Everything that decides is the orchestrator's own: the driver plans, pins, chooses and judges as it does for any host.
Only what lies between placing a run and its evidence is short: the simulated trainer of :mod:`worker.simulated` runs
here, and its log is parsed, measured and settled in the ledger at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrator.dispatch.bundle import Bundle
from orchestrator.dispatch.campaign import CampaignDriver
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.measure import measure, validation_records
from orchestrator.dispatch.plans import plan_for
from orchestrator.dispatch.pool import HostPool
from orchestrator.dispatch.session import inventory_of, this_bundle, utc_now
from orchestrator.domain.lifecycle import Event, Outcome, State
from orchestrator.ledger.rows import AttemptRow, EvidenceRecord, FileRecord
from orchestrator.ledger.store import Ledger
from orchestrator.planning.campaign_file import load_campaign
from orchestrator.planning.dry_run import dispatch_bytes
from orchestrator.planning.lints import require_clean
from orchestrator.planning.plan import Plan, PlannedRun
from orchestrator.report.gather import gather
from orchestrator.report.model import CampaignReport
from orchestrator.wire.documents import EnvironmentDocument, ExitDocument, parse_environment
from orchestrator.wire.spec import spec_bytes
from orchestrator.wire.trainlog import parse_log
from worker.paths import AttemptDir, Root
from worker.simulated import Run

HOST = "local"
_WHEN = datetime(2026, 1, 1, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class OwnNoise(Run):
    """The simulated trainer with noise of each run's own.

    The trainer itself draws noise by seed, so that an arm and its control share it and any effect shows at once. Real
    runs of one seed with another loss share nothing after a few steps, so here the noise hangs on the run as well, and
    on ``luck``, which tells campaigns apart.
    """

    def __init__(self, root: Root, attempt: AttemptDir, luck: str) -> None:
        super().__init__(root, attempt)
        self._luck = f"{luck}:{attempt.run_id}"

    def _noise(self, kind: str, step: int) -> float:
        return random.Random(f"{self._luck}:{kind}:{step}").gauss(0.0, 1.0) * float(self._sim["noise"])


class ThisProcess:
    """Launches runs by training them here, one after the other: what :class:`orchestrator.dispatch.launch.Launcher`
    is to the driver. ``luck`` None: the trainer's own noise."""

    waits_for_hosts = False
    will_ask_again = False

    def __init__(self, ledger: Ledger, root: Path, luck: str | None) -> None:
        self._ledger, self._root, self._luck = ledger, Root.at(str(root)), luck

    def given_up(self, _attempt: AttemptRow) -> bool:
        return False

    def launch(self, runs: Sequence[PlannedRun], plan: Plan) -> int:
        by_run = {r.run_id: r for r in runs if r.run_id is not None}
        planned = [a for a in self._ledger.current_attempts(by_run) if a.state is State.PLANNED]
        for attempt in planned:
            self._train(by_run[attempt.run_id], attempt, plan)
        return len(planned)

    def _train(self, run: PlannedRun, attempt: AttemptRow, plan: Plan) -> None:
        run_id, number = attempt.run_id, attempt.attempt_no
        asked = dispatch_bytes(plan, run, attempt=number, host=HOST)
        self._ledger.advance(run_id, number, Event.PLACE, expect=State.PLANNED, host=HOST, bundle=plan.bundle_digest,
                             dispatch_sha256=hashlib.sha256(asked).hexdigest())
        self._ledger.advance(run_id, number, Event.STARTED, expect=State.STAGING)
        log, environment, code = self._run(run, run_id, number, asked)
        seal = ExitDocument.model_validate({
            "run_id": run_id, "attempt": number, "outcome": "completed" if code == 0 else "failed", "exit_code": code,
            "signal": None, "reason": None, "witness": "supervisor", "boot_id": "this process", "started_at": _WHEN,
            "ended_at": _WHEN, "wall_ms": 0, "cpu_ms": 0, "manifest_sha256": hashlib.sha256(log).hexdigest(),
            "train_log_bytes": len(log)})
        self._ledger.advance(run_id, number, Event.ENDED, expect=State.RUNNING,
                             outcome=Outcome.COMPLETED if code == 0 else Outcome.FAILED,
                             exit_json=json.dumps(seal.model_dump(mode="json", by_alias=True), sort_keys=True))
        curve = parse_log(log)
        self._ledger.settle(run_id, number, _evidence(run_id, number, log),
                            measure(run.spec, seal, environment, curve, usage={}), validation_records(curve))

    def _run(self, run: PlannedRun, run_id: str, number: int, asked: bytes) -> tuple[bytes, EnvironmentDocument, int]:
        attempt = self._root.attempt(run_id, number)
        Path(attempt.path).mkdir(parents=True)
        Path(self._root.spec(run_id)).write_bytes(spec_bytes(run.spec))
        Path(attempt.file("dispatch.json")).write_bytes(asked)
        trainer = Run(self._root, attempt) if self._luck is None else OwnNoise(self._root, attempt, self._luck)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            code = trainer.train()
        environment = parse_environment(Path(attempt.file("environment.json")).read_bytes(), "environment.json")
        return said.getvalue().encode(), environment, code


def campaign(text: str, directory: Path, *, luck: str | None, bundle: Bundle | None = None) -> tuple[
        CampaignReport, dict[str, str]]:
    """Drive a campaign to its end in a new ``directory``; what the report is made of, and selector → chosen name."""
    directory.mkdir(parents=True)
    (directory / "planted.yaml").write_text(text, encoding="utf-8")
    source = load_campaign("planted.yaml", cwd=directory)
    require_clean(source)
    home, bundle = Home(directory / "home"), bundle or this_bundle()
    home.root.mkdir()
    inventory = inventory_of(home, None)
    with Ledger.open(home.ledger, clock=utc_now) as ledger, \
            HostPool(home, inventory, bundle, ledger, _nobody, monotonic=time.monotonic) as pool:
        launcher: Any = ThisProcess(ledger, directory / "host", luck)
        driver = CampaignDriver(
            home, ledger, pool, launcher, _nobody,
            make_plan=lambda knowledge: plan_for(source, inventory, bundle.digest, knowledge),
            source_text=source.text, source_name=source.path.name, overrides_json=json.dumps(source.overrides))
        plan = driver.drive().plan
        (row,) = ledger.find_campaigns(plan.campaign_id)
        names = {r.run_id: r.name.partition("/")[2] for r in plan.runs if r.run_id is not None}
        keys = {s.choice.text: s.choice.key for s in plan.stages if s.choice is not None}
        pinned = {text: ledger.resolution(key) for text, key in keys.items()}
        chosen = {text: names[found.chosen_run_id] for text, found in pinned.items() if found is not None}
        return gather(ledger, home.root, row, logs=False), chosen


def _evidence(run_id: str, attempt: int, log: bytes) -> EvidenceRecord:
    digest = hashlib.sha256(log).hexdigest()
    statement = json.dumps({"_type": "https://in-toto.io/Statement/v1", "run": run_id, "attempt": attempt,
                            "train.log": digest}, sort_keys=True)
    return EvidenceRecord(hashlib.sha256(statement.encode()).hexdigest(), run_id, attempt, "sealed", statement,
                          f"evidence/{run_id}/{attempt}", (FileRecord("train.log", digest, len(log)),))


def _nobody(_event: object) -> None:
    """Nobody watches."""
