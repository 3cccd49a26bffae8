"""Makes a ledger of finished runs with their evidence beside it, every file as a host leaves it and digests true.

    python benchmarks/evidence_ledger.py 1000 /tmp/proved

Logs are of a known curve, one line per step; a few curves are shared by all runs, because what is drawn from a log
costs most of the time and is the same for the same log. Everything else differs from run to run. The ledger is
written by the ledger's own calls, and ``kdorch ledger verify`` agrees with all of it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orchestrator.dispatch.collect import DERIVED, read_evidence, write_derived
from orchestrator.dispatch.home import Home
from orchestrator.domain.lifecycle import Event, Outcome, State
from orchestrator.domain.verdict import DEFAULT_GATES, Policy, Role
from orchestrator.ledger.rows import CampaignRecord, MemberRecord, RunRecord
from orchestrator.ledger.store import Ledger
from orchestrator.wire.documents import EnvironmentDocument, ExitDocument, StatusDocument
from orchestrator.wire.spec import SimulatedSpec, Spec, config_id_of, spec_bytes
from orchestrator.wire.trainlog import parse_log

CURVES = 8
VALIDATE_EVERY = 25
_AT = "2026-01-01T00:00:00.000Z"
_BOOT = "00000000-0000-4000-8000-000000000000"
_POLICY = Policy("proved-baselines", Role.CE, DEFAULT_GATES[Role.CE])


def add_runs(home: Home, ledger: Ledger, runs: int, *, steps: int = 1000, name: str = "proved",
             progress: Callable[[int], None] = lambda _done: None) -> list[str]:
    """Add a campaign of this many finished runs of ``steps`` steps each; returns their ids."""
    campaign_id = _sha(f"campaign {name}".encode())
    source = f"campaign: {name}\n"
    ledger.record_campaign(CampaignRecord(campaign_id, name, f"{name}.yaml", source, "[]", _sha(source.encode())))
    ledger.pin_policy(campaign_id, "base", _POLICY)
    found = []
    for number in range(runs):
        spec = Spec(entry="simulated", simulated=SimulatedSpec(), horizon=steps, seed=number)
        run_id = _sha(spec_bytes(spec))
        ledger.record_run(RunRecord(run_id, spec_bytes(spec).decode(), config_id_of(spec), "ce_baseline", spec.seed),
                          MemberRecord(campaign_id, run_id, "base", number, f"{name}/base-s{number}", Role.CE))
        ledger.advance(run_id, 1, Event.PLACE, expect=State.PLANNED, host="h100", bundle=_sha(b"bundle"),
                       dispatch_sha256=_sha(b"dispatch"))
        ledger.advance(run_id, 1, Event.STARTED, expect=State.STAGING)
        leave_evidence(home, run_id, steps=steps, curve=number % CURVES)
        got = read_evidence(home, run_id, 1, spec)
        seal = json.dumps(got.seal.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":"))
        ledger.advance(run_id, 1, Event.ENDED, expect=State.RUNNING, outcome=Outcome.COMPLETED, exit_json=seal)
        ledger.settle(run_id, 1, got.evidence, got.measurement, got.validations)
        found.append(run_id)
        progress(number + 1)
    shutil.rmtree(_drawn(home))
    return found


def leave_evidence(home: Home, run_id: str, *, steps: int, curve: int) -> None:
    """Write the collected evidence of one attempt into its place below ``home``."""
    directory = home.evidence(run_id, 1)
    directory.mkdir(parents=True)
    log = _log(steps, curve)
    (directory / "train.log").write_bytes(log)
    environment = EnvironmentDocument(
        contract="v1", python="3.12.3", torch="2.9.0", device="cuda", gpu_model="H100", driver="570.1",
        precision="bf16", threads=16, parameters=296_388_714, oom_fallback=False)
    status = StatusDocument.model_validate({
        "contract": "v1", "run_id": run_id, "attempt": 1, "phase": "sealed", "beat": 7, "at": _AT,
        "queue_position": None, "train_log_bytes": len(log), "last_line": None, "deadline_at": None, "load": {}})
    (directory / "environment.json").write_bytes(environment.to_bytes())
    (directory / "status.json").write_bytes(status.to_bytes())
    manifest = _manifest(directory, run_id)
    (directory / "manifest.json").write_bytes(manifest)
    seal = ExitDocument.model_validate({
        "contract": "v1", "run_id": run_id, "attempt": 1, "outcome": "completed", "exit_code": 0, "signal": None,
        "reason": None, "witness": "supervisor", "boot_id": _BOOT, "started_at": _AT, "ended_at": _AT,
        "wall_ms": 251 * steps, "cpu_ms": 1000, "manifest_sha256": _sha(manifest), "train_log_bytes": len(log)})
    (directory / "exit.json").write_bytes(seal.to_bytes())
    drawn = _drawn(home) / f"{steps}-{curve}"
    if not drawn.exists():
        write_derived(parse_log(log), drawn)
    shutil.copytree(drawn, directory / DERIVED)


def _drawn(home: Home) -> Path:
    return home.root / "drawn"


def _log(steps: int, curve: int) -> bytes:
    lines = [f"step:0/{steps} val_loss:11.0000 train_time:0ms step_avg:0.00ms"]
    for step in range(1, steps + 1):
        loss = 3.3 + 2.0 * 0.5 ** (step / (100 + 10 * curve))
        lines.append(f"step:{step}/{steps} train_loss:{loss:.4f} train_time:{250 * step}ms step_avg:250.00ms "
                     f"lr_mult:1.0000 kd:0")
        if step % VALIDATE_EVERY == 0 or step == steps:
            lines.append(f"step:{step}/{steps} val_loss:{loss + 0.01:.4f} train_time:{250 * step}ms step_avg:250.00ms")
    return "\n".join([*lines, f"run_end step:{steps} reason:horizon", ""]).encode()


def _manifest(directory: Path, run_id: str) -> bytes:
    subject = [{"name": path.name, "digest": {"sha256": _sha(path.read_bytes())},
                "annotations": {"size_bytes": path.stat().st_size}} for path in sorted(directory.iterdir())]
    return json.dumps({
        "_type": "https://in-toto.io/Statement/v1", "contract": "v1", "subject": subject,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://kdorch.dev/run/v1", "resolvedDependencies": [],
                "externalParameters": {"run_id": run_id, "attempt": 1, "spec_sha256": run_id,
                                       "dispatch_sha256": _sha(b"dispatch")}},
            "runDetails": {"builder": {"id": "h100"}, "byproducts": [],
                           "metadata": {"invocationId": f"{run_id}/1", "startedOn": _AT, "finishedOn": _AT}}},
    }, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def build(home: Home, runs: int, progress: Callable[[int], None] = lambda _done: None) -> None:
    """Make a new ledger of this many runs in ``home``."""
    home.root.mkdir(parents=True, exist_ok=True)
    with Ledger.open(home.ledger, clock=lambda: datetime.now(UTC)) as ledger:
        add_runs(home, ledger, runs, progress=progress)


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    begun = time.monotonic()

    def _tell(done: int) -> None:
        if done % 100 == 0:
            print(f"{done} runs after {time.monotonic() - begun:.0f} s", file=sys.stderr)

    build(Home(Path(sys.argv[2])), int(sys.argv[1]), _tell)
