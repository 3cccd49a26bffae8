"""The writes that :mod:`store` composes, each inside the caller's transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, insert, select, update

from orchestrator.domain.errors import LedgerError, StaleRun
from orchestrator.domain.lifecycle import TERMINAL_STATES, Event, Outcome, State
from orchestrator.domain.lifecycle import advance as next_state
from orchestrator.ledger import chain, queries
from orchestrator.ledger.rows import (
    CampaignRecord,
    EvidenceRecord,
    ImportRecord,
    MeasurementRecord,
    MemberRecord,
    RunRecord,
    ValidationRecord,
)
from orchestrator.ledger.tables import (
    attempts,
    campaign_runs,
    campaigns,
    evidence,
    evidence_files,
    measurements,
    runs,
    validations,
)

_FIXED = ("stage", "ordinal", "name", "role", "archival", "provisional", "is_slice")
_LINKS = ("teacher_run_id", "reference_run_id", "twin_run_id")
_STAMPS = {Event.PLACE: "placed_at", Event.STARTED: "started_at", Event.ENDED: "ended_at",
           Event.JUDGED: "finished_at", Event.WITHDRAW: "finished_at"}


def record_campaign(connection: Connection, now: str, record: CampaignRecord) -> None:
    """Record a campaign once; what was recorded first stays."""
    if queries.has_campaign(connection, record.campaign_id):
        return
    seq = chain.append(connection, now, "campaign_recorded", record.campaign_id, {
        "name": record.name, "plan_hash": record.plan_hash,
        "source_name": record.source_name,
        "source_sha256": hashlib.sha256(record.source_text.encode()).hexdigest(),
        "overrides_sha256": hashlib.sha256(record.overrides_json.encode()).hexdigest()})
    connection.execute(insert(campaigns).values(**asdict(record), recorded_at=now, event_seq=seq))


def is_recorded(connection: Connection, member: MemberRecord) -> bool:
    """Whether recording this membership would change nothing."""
    known = _known(connection, member)
    return known is not None and not _new_links(known, member)


def record_run(connection: Connection, now: str, run: RunRecord, member: MemberRecord) -> None:
    """Record a run with attempt 1 planned, and its place; later only links that were open can be set."""
    known = _known(connection, member)
    if known is not None:
        _set_links(connection, now, known, member)
        return
    c = campaign_runs.c
    other = connection.execute(select(c.run_id, c.stage).where(
        c.campaign_id == member.campaign_id, c.name == member.name)).one_or_none()
    if other is not None:
        raise LedgerError(f"{member.name}: this campaign already has a run of that name ({other.run_id[:12]} in stage "
                          f"{other.stage})", hint="give the runs different names")
    if connection.execute(select(runs.c.run_id).where(runs.c.run_id == run.run_id)).first() is None:
        chain.append(connection, now, "run_recorded", run.run_id, {
            "config_id": run.config_id, "mode": run.mode, "seed": run.seed, "origin": run.origin})
        connection.execute(insert(runs).values(**asdict(run), recorded_at=now))
        connection.execute(insert(attempts).values(run_id=run.run_id, attempt_no=1, state=State.PLANNED.value,
                                                   planned_at=now))
    values = _member_values(member)
    seq = chain.append(connection, now, "member_recorded", run.run_id, values)
    connection.execute(insert(campaign_runs).values(**values, event_seq=seq))


def _member_values(member: MemberRecord) -> dict[str, Any]:
    return {**asdict(member), "role": member.role.value, "archival": int(member.archival),
            "provisional": int(member.provisional), "is_slice": int(member.is_slice)}


def _known(connection: Connection, member: MemberRecord) -> Mapping[str, Any] | None:
    """The membership as recorded. Raises :class:`LedgerError` when it differs in what can never change."""
    c = campaign_runs.c
    row = connection.execute(select(campaign_runs).where(
        c.campaign_id == member.campaign_id, c.run_id == member.run_id)).one_or_none()
    if row is None:
        return None
    asked = _member_values(member)
    for name in _FIXED:
        if row._mapping[name] != asked[name]:
            raise LedgerError(f"{member.name}: run {member.run_id[:12]} stands in this campaign with {name} "
                              f"{row._mapping[name]!r}, not {asked[name]!r}",
                              hint="one run stands in a campaign once; remove the duplicate from the campaign")
    return dict(row._mapping)


def _new_links(known: Mapping[str, Any], member: MemberRecord) -> dict[str, str]:
    asked = _member_values(member)
    found: dict[str, str] = {}
    for name in _LINKS:
        if asked[name] is None or asked[name] == known[name]:
            continue
        if known[name] is not None:
            raise LedgerError(f"{member.name}: {name} is {known[name][:12]} and cannot become {asked[name][:12]}",
                              hint="a link between runs is set once")
        found[name] = asked[name]
    return found


def _set_links(connection: Connection, now: str, known: Mapping[str, Any], member: MemberRecord) -> None:
    links = _new_links(known, member)
    if not links:
        return
    c = campaign_runs.c
    chain.append(connection, now, "links_set", member.run_id, {
        "campaign_id": member.campaign_id, **links})
    connection.execute(update(campaign_runs).where(
        c.campaign_id == member.campaign_id, c.run_id == member.run_id).values(**links))


def move(connection: Connection, now: str, run_id: str, attempt_no: int, event: Event, expect: State,
         given: Mapping[str, str | None], detail: Mapping[str, Any]) -> State:
    """Guarded move of one attempt; ``given`` are the columns that the event brought. Raises :class:`StaleRun`."""
    state = next_state(expect, event)
    values: dict[str, Any] = {k: v for k, v in given.items() if v is not None}
    if event in _STAMPS:
        values[_STAMPS[event]] = now
    a = attempts.c
    touched = connection.execute(update(attempts).where(
        a.run_id == run_id, a.attempt_no == attempt_no, a.state == expect.value).values(state=state.value, **values))
    if touched.rowcount == 0:
        found = connection.execute(select(a.state).where(
            a.run_id == run_id, a.attempt_no == attempt_no)).scalar_one_or_none()
        raise StaleRun(f"attempt {attempt_no} of run {run_id[:12]} is {found or 'unknown'}, not {expect.value}: "
                       "someone else was first", hint="read it again and carry on")
    payload = {"attempt_no": attempt_no, "event": event.value, "from": expect.value, "to": state.value, **values}
    if values.get("exit_json") is not None:
        payload["exit_json"] = hashlib.sha256(values["exit_json"].encode()).hexdigest()
    chain.append(connection, now, "attempt_moved", run_id, {**payload, **({"detail": dict(detail)} if detail else {})})
    return state


def new_attempt(connection: Connection, now: str, run_id: str, after: int, reason: str = "",
                override: Mapping[str, Any] | None = None) -> None:
    """Plan the attempt that follows ``after``, if that is the latest and left no result."""
    current = queries.current_attempt(connection, run_id)
    if current.attempt_no != after:
        raise StaleRun(f"run {run_id[:12]} already has attempt {current.attempt_no}")
    if current.state not in TERMINAL_STATES:
        raise LedgerError(f"attempt {after} of run {run_id[:12]} is {current.state.value}; it has not ended",
                          hint="stop it first, or wait for it")
    if current.outcome in (Outcome.COMPLETED, Outcome.IMPORTED):
        raise LedgerError(f"attempt {after} of run {run_id[:12]} gave a result; there is nothing to retry")
    text = None if override is None else json.dumps(override, sort_keys=True, separators=(",", ":"))
    connection.execute(insert(attempts).values(run_id=run_id, attempt_no=after + 1, state=State.PLANNED.value,
                                               planned_at=now, override_json=text))
    chain.append(connection, now, "attempt_planned", run_id, {
        "attempt_no": after + 1, **({"reason": reason} if reason else {}),
        **({"override_json": text} if text is not None else {})})


def insert_evidence(connection: Connection, now: str, record: EvidenceRecord, measurement: MeasurementRecord,
                    points: Sequence[ValidationRecord]) -> None:
    """Write evidence with its files, its measurement and its validations."""
    if hashlib.sha256(record.statement.encode()).hexdigest() != record.evidence_id:
        raise LedgerError(f"evidence {record.evidence_id[:12]} of run {record.run_id[:12]}: the id is not the sha256 "
                          "of its statement")
    seq = chain.append(connection, now, "evidence_recorded", record.run_id, {
        "attempt_no": record.attempt_no, "evidence_id": record.evidence_id, "kind": record.kind,
        "directory": record.directory, "measurement": asdict(measurement),
        "derived": [asdict(file) for file in record.derived]})
    connection.execute(insert(evidence).values(
        evidence_id=record.evidence_id, run_id=record.run_id, attempt_no=record.attempt_no, kind=record.kind,
        statement=record.statement, directory=record.directory, recorded_at=now, event_seq=seq))
    if record.files:
        connection.execute(insert(evidence_files), [
            {"evidence_id": record.evidence_id, **asdict(file)} for file in record.files])
    connection.execute(insert(measurements).values(evidence_id=record.evidence_id, **asdict(measurement)))
    if points:
        connection.execute(insert(validations), [
            {"evidence_id": record.evidence_id, "parser_id": measurement.parser_id, "ordinal": i, "step": p.step,
             "val_u6": p.val_u6, "train_time_ms": p.train_time_ms, "log_offset": p.offset}
            for i, p in enumerate(points)])


def import_run(connection: Connection, now: str, entry: ImportRecord) -> bool:
    """Record a run that happened elsewhere, from planned to finished; False where it was there already.

    Raises :class:`LedgerError` when it is there with other figures.
    """
    run_id = entry.run.run_id
    known = queries.measured(connection, run_id)
    if known is not None and not _same_figures(known, entry.measurement):
        raise LedgerError(f"{entry.member.name} is in the ledger with other figures; they are never changed",
                          hint="import it under another name")
    record_run(connection, now, entry.run, entry.member)
    if known is not None:
        return False
    ended = {"outcome": Outcome.IMPORTED.value}
    move(connection, now, run_id, 1, Event.PLACE, State.PLANNED, {}, {})
    move(connection, now, run_id, 1, Event.ENDED, State.STAGING, ended, {})
    insert_evidence(connection, now, entry.evidence, entry.measurement, entry.validations)
    move(connection, now, run_id, 1, Event.JUDGED, State.COLLECTING, {}, {})
    return True


def _same_figures(known: MeasurementRecord, asked: MeasurementRecord) -> bool:
    """Whether two measurements say the same; where in a file they say it, and which parser found it, does not
    matter."""
    return replace(known, train_time_offset=None, parser_id="") == replace(asked, train_time_offset=None, parser_id="")
