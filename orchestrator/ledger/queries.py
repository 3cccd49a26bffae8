"""Single facts read from the ledger. Every function takes a connection inside a transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from orchestrator.domain.errors import LedgerTampered, UnknownRun
from orchestrator.domain.lifecycle import LIVE_STATES, Outcome, State
from orchestrator.domain.verdict import Policy, Role
from orchestrator.ledger.dialects.wording import said
from orchestrator.ledger.rows import (
    AttemptRow,
    CampaignRow,
    CheckpointSource,
    EvidenceRecord,
    HostSeen,
    KeptFile,
    MeasurementRecord,
    MemberRow,
    ResolutionRecord,
    ValidationRecord,
)
from orchestrator.ledger.tables import (
    attempts,
    campaign_runs,
    campaigns,
    current_measurements,
    evidence,
    evidence_files,
    host_reachability,
    policies,
    resolutions,
    runs,
    stage_policies,
    validations,
)

_ATTEMPTS = select(attempts, evidence.c.evidence_id).select_from(
    attempts.outerjoin(evidence, (evidence.c.run_id == attempts.c.run_id)
                       & (evidence.c.attempt_no == attempts.c.attempt_no)))
# One bound text however many ids there are: databases limit the number of parameters, not the length of one.
_AMONG = "attempts.run_id IN (SELECT value FROM json_each(:ids))"
_LEFT_FILES = select(attempts.c.host, attempts.c.run_id, attempts.c.attempt_no, evidence_files.c.path,
                     evidence_files.c.size_bytes, evidence_files.c.sha256).select_from(
    evidence_files.join(evidence, evidence.c.evidence_id == evidence_files.c.evidence_id)
    .join(attempts, (attempts.c.run_id == evidence.c.run_id) & (attempts.c.attempt_no == evidence.c.attempt_no))
).where(attempts.c.host.is_not(None)).limit(1)
_CHECKPOINTS = ("checkpoints/best", "checkpoints/last")


def _attempt(row: Row[Any]) -> AttemptRow:
    return AttemptRow(
        run_id=row.run_id, attempt_no=row.attempt_no, state=State(row.state),
        outcome=None if row.outcome is None else Outcome(row.outcome), host=row.host, bundle=row.bundle,
        dispatch_sha256=row.dispatch_sha256, exit_json=row.exit_json, planned_at=row.planned_at,
        placed_at=row.placed_at, started_at=row.started_at, ended_at=row.ended_at, finished_at=row.finished_at,
        evidence_id=row.evidence_id, override_json=row.override_json)


def current_attempts(connection: Connection, run_ids: Iterable[str]) -> list[AttemptRow]:
    """The latest attempt of each run, in the order asked for; runs that the ledger does not know are left out."""
    wanted = list(dict.fromkeys(run_ids))
    later = attempts.alias("later")
    newest = ~select(later).where(later.c.run_id == attempts.c.run_id,
                                  later.c.attempt_no > attempts.c.attempt_no).exists()
    found = connection.execute(_ATTEMPTS.where(said(connection, _AMONG), newest), {"ids": json.dumps(wanted)})
    by_run = {row.run_id: _attempt(row) for row in found}
    return [by_run[r] for r in wanted if r in by_run]


def current_attempt(connection: Connection, run_id: str) -> AttemptRow:
    """The latest attempt. Raises :class:`UnknownRun`."""
    found = current_attempts(connection, [run_id])
    if not found:
        raise UnknownRun(f"run {run_id[:12]} is not in the ledger")
    return found[0]


def all_attempts(connection: Connection, run_id: str) -> list[AttemptRow]:
    query = _ATTEMPTS.where(attempts.c.run_id == run_id).order_by(attempts.c.attempt_no)
    return [_attempt(row) for row in connection.execute(query)]


def campaign_attempts(connection: Connection, campaign_id: str) -> list[AttemptRow]:
    """Every attempt of every run of a campaign, each run's first to last."""
    query = _ATTEMPTS.where(attempts.c.run_id.in_(_runs_of(campaign_id))).order_by(
        attempts.c.run_id, attempts.c.attempt_no)
    return [_attempt(row) for row in connection.execute(query)]


def campaign_specs(connection: Connection, campaign_id: str) -> dict[str, str]:
    """The spec texts of a campaign's runs by run id."""
    query = select(runs.c.run_id, runs.c.spec_json).where(runs.c.run_id.in_(_runs_of(campaign_id)))
    return {row.run_id: row.spec_json for row in connection.execute(query)}


def _runs_of(campaign_id: str) -> Select[tuple[str]]:
    return select(campaign_runs.c.run_id).where(campaign_runs.c.campaign_id == campaign_id)


def live_by_host(connection: Connection) -> dict[str, int]:
    """How many attempts are on their way on each host."""
    a = attempts.c
    query = select(a.host, func.count().label("live")).where(
        a.state.in_([s.value for s in LIVE_STATES]), a.host.is_not(None))
    return {row.host: row.live for row in connection.execute(query.group_by(a.host))}


def policy_by_id(connection: Connection, policy_id: str) -> Policy:
    """A stored policy. Raises :class:`LedgerTampered` when its body is not what its id promises."""
    body = connection.execute(select(policies.c.body).where(policies.c.policy_id == policy_id)).scalar_one()
    policy = Policy.from_body(json.loads(body))
    if hashlib.sha256(body.encode()).hexdigest() != policy_id or policy.canonical() != body.encode():
        raise LedgerTampered(f"policy {policy_id[:12]} ({policy.name}) does not have the content its id stands for",
                             hint="somebody wrote it into the ledger by hand")
    return policy


def pinned_policy_id(connection: Connection, campaign_id: str, stage: str) -> str | None:
    s = stage_policies.c
    found: str | None = connection.execute(
        select(s.policy_id).where(s.campaign_id == campaign_id, s.stage == stage)).scalar_one_or_none()
    return found


def resolution(connection: Connection, key: str) -> ResolutionRecord | None:
    row = connection.execute(select(resolutions).where(resolutions.c.key == key)).one_or_none()
    return None if row is None else _resolution(row)


def every_resolution(connection: Connection) -> list[ResolutionRecord]:
    """All that were ever pinned, oldest first."""
    return [_resolution(row) for row in connection.execute(select(resolutions).order_by(resolutions.c.event_seq))]


def _resolution(row: Row[Any]) -> ResolutionRecord:
    return ResolutionRecord(row.key, row.campaign_id, row.selector, tuple(json.loads(row.candidates)),
                            row.chosen_run_id, row.checkpoint_sha256, row.final_val_u6, row.reason)


def measured(connection: Connection, run_id: str) -> MeasurementRecord | None:
    """The accepted measurement of the run's latest evidence."""
    m = current_measurements.c
    row = connection.execute(select(current_measurements).where(m.run_id == run_id)).one_or_none()
    if row is None:
        return None
    names = MeasurementRecord.__dataclass_fields__
    return MeasurementRecord(**{name: row._mapping[name] for name in names})


def run_validations(connection: Connection, run_id: str) -> list[ValidationRecord]:
    """The validations behind :func:`measured`, in the order of the log."""
    m = current_measurements.c
    query = select(validations).join(
        current_measurements, (m.evidence_id == validations.c.evidence_id) & (m.parser_id == validations.c.parser_id)
    ).where(m.run_id == run_id).order_by(validations.c.ordinal)
    return [ValidationRecord(r.step, r.val_u6, r.train_time_ms, r.log_offset) for r in connection.execute(query)]


def latest_evidence(connection: Connection, run_id: str) -> EvidenceRecord | None:
    """The evidence of the run's latest attempt that left any, without its list of files."""
    row = connection.execute(select(evidence).where(evidence.c.run_id == run_id)
                             .order_by(evidence.c.attempt_no.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return EvidenceRecord(row.evidence_id, row.run_id, row.attempt_no, row.kind, row.statement, row.directory, ())


def configurations(connection: Connection, campaign_id: str) -> dict[str, dict[str, str]]:
    """The configuration of each run of a campaign, by stage and run."""
    c = campaign_runs.c
    found: dict[str, dict[str, str]] = {}
    for row in connection.execute(select(c.stage, c.run_id, runs.c.config_id).select_from(
            campaign_runs.join(runs, runs.c.run_id == c.run_id)).where(c.campaign_id == campaign_id)):
        found.setdefault(row.stage, {})[row.run_id] = row.config_id
    return found


def kept_files(connection: Connection, evidence_id: str) -> list[KeptFile]:
    """The files that a piece of evidence lists, by path."""
    f = evidence_files.c
    query = select(evidence.c.directory, f.path, f.sha256).select_from(
        evidence.join(evidence_files, f.evidence_id == evidence.c.evidence_id)
    ).where(evidence.c.evidence_id == evidence_id).order_by(f.path)
    return [KeptFile(row.directory, row.path, row.sha256) for row in connection.execute(query)]


def _source(row: Any) -> CheckpointSource:
    return CheckpointSource(row.sha256, row.host, row.run_id, row.attempt_no, row.path, row.size_bytes)


def best_checkpoint(connection: Connection, run_id: str) -> str | None:
    """sha256 of the best checkpoint that the run's latest evidence lists, else of the last one, else None."""
    query = select(evidence_files.c.path, evidence_files.c.sha256).join(
        evidence, evidence.c.evidence_id == evidence_files.c.evidence_id
    ).where(evidence.c.run_id == run_id).order_by(evidence.c.attempt_no.desc(), evidence_files.c.path)
    files = connection.execute(query).all()
    for stem in _CHECKPOINTS:
        for path, sha256 in files:
            if path == stem or path.startswith(f"{stem}."):
                return str(sha256)
    return None


def checkpoint_source(connection: Connection, sha256: str) -> CheckpointSource:
    """The attempt that left a file with this digest. Raises :class:`UnknownRun` when there is none."""
    row = connection.execute(_LEFT_FILES.where(evidence_files.c.sha256 == sha256)
                             .order_by(evidence.c.event_seq.desc())).one_or_none()
    if row is None:
        raise UnknownRun(f"no run in the ledger left a file with sha256 {sha256[:12]}")
    return _source(row)


def last_checkpoint(connection: Connection, run_id: str) -> CheckpointSource | None:
    """The last checkpoint of a completed run; None where there is none. One that a smaller batch than the spec's has
    led to is none of the run as it was asked for."""
    row = connection.execute(_LEFT_FILES.where(
        attempts.c.run_id == run_id, attempts.c.outcome == Outcome.COMPLETED, attempts.c.override_json.is_(None),
        evidence_files.c.path.like(f"{_CHECKPOINTS[1]}.%")).order_by(attempts.c.attempt_no.desc())).one_or_none()
    return None if row is None else _source(row)


def spec_json(connection: Connection, run_id: str) -> str:
    """The exact spec text. Raises :class:`UnknownRun`."""
    found = connection.execute(select(runs.c.spec_json).where(runs.c.run_id == run_id)).scalar_one_or_none()
    if found is None:
        raise UnknownRun(f"run {run_id[:12]} is not in the ledger")
    return str(found)


def _member(row: Row[Any]) -> MemberRow:
    return MemberRow(row.campaign_id, row.run_id, row.stage, row.ordinal, row.name, Role(row.role), row.teacher_run_id,
                     row.reference_run_id, row.twin_run_id, bool(row.archival), bool(row.provisional),
                     bool(row.is_slice))


def members(connection: Connection, campaign_id: str) -> list[MemberRow]:
    """The runs of a campaign in plan order."""
    query = select(campaign_runs).where(campaign_runs.c.campaign_id == campaign_id).order_by(
        campaign_runs.c.ordinal, campaign_runs.c.event_seq, campaign_runs.c.name)
    return [_member(row) for row in connection.execute(query)]


def memberships(connection: Connection, run_id: str) -> list[MemberRow]:
    """Where a run stands, oldest first."""
    query = select(campaign_runs).where(campaign_runs.c.run_id == run_id).order_by(
        campaign_runs.c.event_seq, campaign_runs.c.name)
    return [_member(row) for row in connection.execute(query)]


def has_campaign(connection: Connection, campaign_id: str) -> bool:
    query = select(campaigns.c.campaign_id).where(campaigns.c.campaign_id == campaign_id)
    return connection.execute(query).first() is not None


def all_campaigns(connection: Connection) -> list[CampaignRow]:
    """Every campaign, oldest first."""
    query = select(campaigns).order_by(campaigns.c.event_seq)
    return [CampaignRow(**row._mapping) for row in connection.execute(query)]


def find_campaigns(connection: Connection, reference: str) -> list[CampaignRow]:
    """Campaigns with this id or name, oldest first; else those whose id begins with it; else none."""
    known = all_campaigns(connection)
    exact = [c for c in known if reference in (c.campaign_id, c.name)]
    if exact or not reference:
        return exact
    return [c for c in known if c.campaign_id.startswith(reference)]


def reachability(connection: Connection) -> dict[str, HostSeen]:
    return {r.host: HostSeen(r.host, bool(r.reachable), r.since, r.checked_at, r.detail)
            for r in connection.execute(select(host_reachability))}


def hosts(connection: Connection) -> list[str]:
    """The hosts of all attempts, by name."""
    a = attempts.c
    return list(connection.execute(select(a.host).where(a.host.is_not(None)).distinct().order_by(a.host)).scalars())


_CANDIDATES_SHOWN = 5


def find_runs(connection: Connection, reference: str, campaign: str | None = None) -> list[str]:
    """Run ids that answer to ``reference``: an exact id or name beats a prefix of either.

    One name in several editions of one campaign means the newest edition.
    """
    if not reference:
        return []
    c = campaign_runs.c
    query = select(c.run_id, c.name, c.campaign_id, campaigns.c.name.label("campaign"), campaigns.c.event_seq).join(
        campaigns, campaigns.c.campaign_id == c.campaign_id
    ).where(_begins(c.name, reference) | _begins(c.run_id, reference))
    if campaign is not None:
        query = query.where(c.campaign_id.in_([f.campaign_id for f in find_campaigns(connection, campaign)]))
    found = connection.execute(query.order_by(campaigns.c.event_seq, c.ordinal)).all()
    by_id = [r for r in found if r.run_id == reference]
    if by_id:
        return [reference]
    named = [r for r in found if r.name == reference]
    newest = {r.campaign: r.run_id for r in named}
    return list(dict.fromkeys(newest.values() if named else (r.run_id for r in found)))


def _begins(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Said as a range as well, so that an index finds it."""
    return (column >= prefix) & (column < f"{prefix}\U0010ffff") & (func.substr(column, 1, len(prefix)) == prefix)


def find_run(connection: Connection, reference: str, campaign: str | None = None) -> str:
    """The one run that answers to ``reference``. Raises :class:`UnknownRun` for none, or for several."""
    found = find_runs(connection, reference, campaign)
    if len(found) == 1:
        return found[0]
    if not found:
        raise UnknownRun(f"no run is called {reference!r}, and no id or name begins so",
                         hint="'kdorch ledger' lists all runs")
    shown = [f"{run_id[:12]} {memberships(connection, run_id)[-1].name}" for run_id in found[:_CANDIDATES_SHOWN]]
    more = len(found) - len(shown)
    raise UnknownRun(f"{reference!r} may be any of {len(found)} runs: {', '.join(shown)}"
                     f"{f' and {more} more' if more > 0 else ''}", hint="give more of the name or of the id")
