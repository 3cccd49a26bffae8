"""The ledger as the rest of kdorch uses it: every write is one short transaction with its entry in the chain.

Writes are idempotent wherever two processes may make the same one; a guarded update that touches no row raises
:class:`StaleRun`. Nothing slow happens inside a transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, insert, select, update

from orchestrator.domain.errors import LedgerError, StaleRun
from orchestrator.domain.lifecycle import Event, Outcome, State
from orchestrator.domain.lifecycle import advance as next_state
from orchestrator.domain.verdict import Policy
from orchestrator.ledger import chain, judging, pinning, promoting, queries, recording, surroundings
from orchestrator.ledger.court import Court
from orchestrator.ledger.engine import SCHEMA, Schema, open_engine
from orchestrator.ledger.place import LedgerPlace
from orchestrator.ledger.reads import NOTES
from orchestrator.ledger.rows import (
    CampaignRecord,
    EvidenceRecord,
    ImportRecord,
    MeasurementRecord,
    MemberRecord,
    ResolutionRecord,
    RunRecord,
    ValidationRecord,
    VerdictRow,
)
from orchestrator.ledger.tables import (
    attempts,
    host_reachability,
    resolutions,
)


class Ledger(Court):
    """An open ledger. Use :meth:`open`; a context manager. Safe to share between threads and processes."""

    @classmethod
    def open(cls, path: LedgerPlace, *, clock: Callable[[], datetime], read_only: bool = False,
             on_upgrade: Callable[[str], None] | None = None, schema: Schema = SCHEMA,
             root: Path | None = None, create: bool = True) -> Self:
        """Open ``path``; creates it unless ``create`` is false, or upgrades it, with a backup first, unless
        ``read_only``.

        ``root`` is what evidence is relative to, by default the directory of the ledger.

        ``clock`` gives zone-aware times; ``on_upgrade`` is told in words when an upgrade begins. Raises
        :class:`LedgerCorrupt`, :class:`SchemaNewer`, :class:`SchemaBehind`, :class:`LedgerTampered`,
        :class:`LedgerBusy`, or ``OSError`` when the disk is full.
        """
        engine = open_engine(path, clock=clock, read_only=read_only, on_upgrade=on_upgrade, schema=schema,
                             create=create, root=path.parent if root is None else root)
        return cls(path, engine, clock, root)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._engine.dispose()

    # -- campaigns, runs, policies -------------------------------------------------------------------------------

    def record_campaign(self, record: CampaignRecord) -> None:
        """Record a campaign; once per ``campaign_id``. What was planned first stays, plan hashes may differ later."""
        with self._reading() as connection:
            if queries.has_campaign(connection, record.campaign_id):
                return
        with self._writing() as (connection, now):
            recording.record_campaign(connection, now, record)

    def record_run(self, run: RunRecord, member: MemberRecord) -> None:
        """Record a run and its place in a campaign, with attempt 1 in state planned. Idempotent.

        Raises :class:`LedgerError` when the id is not the digest of the spec, or the place was recorded otherwise.
        """
        if hashlib.sha256(run.spec_json.encode()).hexdigest() != run.run_id:
            raise LedgerError(f"run {run.run_id[:12]} ({member.name}): the id is not the sha256 of its spec")
        if member.run_id != run.run_id:
            raise LedgerError(f"{member.name}: the membership is of run {member.run_id[:12]}, not {run.run_id[:12]}")
        with self._reading() as connection:
            if recording.is_recorded(connection, member):
                return
        with self._writing() as (connection, now):
            recording.record_run(connection, now, run, member)

    def pin_policy(self, campaign_id: str, stage: str, policy: Policy) -> str:
        """Hold a stage to ``policy`` for ever and return its id. Raises :class:`LedgerError` for a second one."""
        with self._writing() as (connection, now):
            return pinning.pin(connection, now, campaign_id, stage, policy)

    def resolve(self, record: ResolutionRecord, *, as_candidate: bool = False) -> ResolutionRecord:
        """Pin a choice. The first to do so decides; returns what is pinned, which may be another's choice.

        ``as_candidate`` promotes the chosen run with it, both or neither: whoever carries on after a process that died
        finds the choice pinned and does not look again. Raises :class:`LedgerError` for a run that did not pass.
        """
        with self._writing() as (connection, now):
            pinned = queries.resolution(connection, record.key)
            if pinned is not None:
                return pinned
            values = {**asdict(record), "candidates": json.dumps(sorted(record.candidates))}
            seq = chain.append(connection, now, "selector_resolved", record.chosen_run_id, values)
            connection.execute(insert(resolutions).values(**values, resolved_at=now, event_seq=seq))
            if as_candidate:
                promoting.promote_unless(connection, now, record.campaign_id, record.chosen_run_id)
            found = queries.resolution(connection, record.key)
            assert found is not None
            return found

    # -- attempts -------------------------------------------------------------------------------------------------

    def advance(self, run_id: str, attempt_no: int, event: Event, *, expect: State, host: str | None = None,
                bundle: str | None = None, dispatch_sha256: str | None = None, outcome: Outcome | None = None,
                exit_json: str | None = None, detail: Mapping[str, Any] | None = None,
                note: tuple[str, Mapping[str, Any]] | None = None) -> State:
        """Move an attempt that is in state ``expect`` and return its new state.

        ``note``, of a kind among :data:`NOTES`, is written with the move: both or neither.

        Raises :class:`StaleRun` when it is no longer there, :class:`IllegalTransition` when the lifecycle has no such
        move, ``ValueError`` when an end comes without an outcome.
        """
        state = next_state(expect, event)
        if event is Event.WITHDRAW and outcome is None:
            outcome = Outcome.WITHDRAWN
        if event is Event.ENDED and outcome is None:
            raise ValueError("an attempt that ended has an outcome")
        with self._writing() as (connection, now):
            given = {"host": host, "bundle": bundle, "dispatch_sha256": dispatch_sha256,
                     "outcome": None if outcome is None else outcome.value, "exit_json": exit_json}
            recording.move(connection, now, run_id, attempt_no, event, expect, given, detail or {})
            if note is not None:
                _note(connection, now, run_id, *note)
        return state

    def new_attempt(self, run_id: str, *, after: int, reason: str = "",
                    override: Mapping[str, Any] | None = None) -> int:
        """Begin the attempt that follows number ``after`` and return its number.

        ``reason`` says in words why. ``override`` is the dispatch document's; an attempt with one is a fallback for
        ever and can never be promoted. Raises :class:`StaleRun` when there is a later attempt already,
        :class:`LedgerError` when ``after`` has not ended or gave a result.
        """
        with self._writing() as (connection, now):
            recording.new_attempt(connection, now, run_id, after, reason, override)
        return after + 1

    def note(self, kind: str, run_id: str, payload: Mapping[str, Any]) -> None:
        """Write into the chain what was decided about a run and moves nothing: see :data:`NOTES`."""
        with self._writing() as (connection, now):
            _note(connection, now, run_id, kind, payload)

    # -- evidence and verdicts ------------------------------------------------------------------------------------

    def settle(self, run_id: str, attempt_no: int, record: EvidenceRecord | None,
               measurement: MeasurementRecord | None, points: Sequence[ValidationRecord]) -> list[VerdictRow]:
        """Finish a collecting attempt: evidence, measurement, end of its life and every verdict, in one transaction.

        ``record`` None means that it left no evidence: then there is no verdict either. Judges each campaign that
        holds the run, and each run that is compared with it or taught by it. Raises :class:`StaleRun` when the
        attempt is not collecting.
        """
        with self._writing() as (connection, now):
            current = connection.execute(select(attempts.c.state).where(
                attempts.c.run_id == run_id, attempts.c.attempt_no == attempt_no)).scalar_one_or_none()
            if current != State.COLLECTING.value:
                raise StaleRun(f"attempt {attempt_no} of run {run_id[:12]} is {current or 'unknown'}, not collecting")
            if record is not None:
                if measurement is None:
                    raise ValueError("evidence is recorded together with what was measured from it")
                if (record.run_id, record.attempt_no) != (run_id, attempt_no):
                    raise LedgerError(f"evidence {record.evidence_id[:12]} is of another attempt")
                if queries.current_attempt(connection, run_id).override_json is not None:
                    # What this laptop asked for outweighs what the host says of it.
                    measurement = replace(measurement, oom_fallback=1)
                recording.insert_evidence(connection, now, record, measurement, points)
            recording.move(connection, now, run_id, attempt_no, Event.JUDGED, State.COLLECTING, {}, {})
            return judging.judge_all(connection, now, judging.members_touched(connection, run_id)) if record else []

    def judge(self, campaign_id: str, run_id: str) -> VerdictRow | None:
        """Bring the verdict on a run in a campaign up to date and return it.

        None where there is no evidence or no pinned policy. Raises :class:`LedgerTampered` when the database and the
        domain's rule disagree.
        """
        with self._reading() as connection:
            if judging.is_current(connection, campaign_id, run_id):
                last = judging.latest_verdict(connection, campaign_id, run_id)
                return None if last is None else judging.verdict_row(last)
        with self._writing() as (connection, now):
            return judging.judge_member(connection, now, campaign_id, run_id)

    def import_runs(self, campaign: CampaignRecord, pins: Mapping[str, Policy],
                    entries: Sequence[ImportRecord]) -> list[str]:
        """Record runs that happened elsewhere, all or none, and judge them; returns the ids that were new.

        ``pins`` are the policies of the campaign's stages. A run that is there already gets its place in the campaign
        and is judged there. Raises :class:`LedgerError` when it is there with other figures.
        """
        new = []
        with self._writing() as (connection, now):
            recording.record_campaign(connection, now, campaign)
            for stage, policy in pins.items():
                pinning.pin(connection, now, campaign.campaign_id, stage, policy)
            for entry in entries:
                if recording.import_run(connection, now, entry):
                    new.append(entry.run.run_id)
                judging.judge_all(connection, now, judging.members_touched(connection, entry.run.run_id))
        return new

    def set_reachability(self, host: str, reachable: bool, detail: str = "") -> None:
        """Note whether a host answered just now. ``since`` moves only when that changed."""
        with self._writing() as (connection, now):
            seen = queries.reachability(connection).get(host)
            since = seen.since if seen is not None and seen.reachable == reachable else now
            values = {"reachable": int(reachable), "since": since, "checked_at": now, "detail": detail[:4096]}
            if seen is None:
                connection.execute(insert(host_reachability).values(host=host, **values))
            else:
                connection.execute(update(host_reachability).where(host_reachability.c.host == host).values(**values))

    # -- what is known around the runs ---------------------------------------------------------------------------

    def record_host_facts(self, host: str, facts: Mapping[str, Any]) -> None:
        """Record what a host was found to have and to be able to do, as plain JSON data; the latest counts."""
        with self._writing() as (connection, now):
            surroundings.record_host_facts(connection, now, host, facts)

    def name_asset(self, name: str, sha256: str, size_bytes: int, kind: str) -> None:
        """Let ``name`` stand for an asset from now on. Raises :class:`LedgerError` when the digest has another size."""
        with self._writing() as (connection, now):
            surroundings.name_asset(connection, now, name, sha256, size_bytes, kind)

    def forget_asset(self, name: str) -> None:
        """Take a name back; the asset itself is untouched. Harmless for a name that stands for nothing."""
        with self._writing() as (connection, now):
            surroundings.name_asset(connection, now, name, None, None, None)

    def record_asset_location(self, sha256: str, host: str, *, present: bool = True) -> None:
        """Note that a host was just found to hold an asset, or with ``present=False`` not to."""
        with self._writing() as (connection, now):
            surroundings.record_location(connection, now, sha256, host, present)


def _note(connection: Connection, at: str, run_id: str, kind: str, payload: Mapping[str, Any]) -> None:
    if kind not in NOTES:
        raise ValueError(f"{kind!r} is none of the ledger's notes: {', '.join(NOTES)}")
    chain.append(connection, at, kind, run_id, dict(payload))
