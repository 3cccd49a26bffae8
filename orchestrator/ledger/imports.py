"""Bringing in results from elsewhere: a CSV of runs that somebody wrote down, or a training log.

A CSV's bytes are evidence of what was *asserted*: its figures decide the budget gate and nothing else. A log, of any
format and with any number of runs in it, is measured (``imported_logs``), but nothing sealed it, so whether it is
complete stays unknown. Neither can promote a run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.domain.errors import LedgerError, UsageError
from orchestrator.domain.metrics import Curve
from orchestrator.domain.verdict import DEFAULT_GATES, SHIPPED_POLICIES, Gate, Policy, Role
from orchestrator.ledger.csv_file import NAME_LIMIT, CsvRun, read_csv
from orchestrator.ledger.evidence_bytes import read_kept
from orchestrator.ledger.imported_logs import log_runs, reread
from orchestrator.ledger.reads import Reads
from orchestrator.ledger.rows import (
    CampaignRecord,
    EvidenceRecord,
    FileRecord,
    ImportRecord,
    MeasurementRecord,
    MemberRecord,
    RunRecord,
    ValidationRecord,
)
from orchestrator.ledger.store import Ledger

CSV_PARSER_ID = "csv/1"
FILE_LIMIT_BYTES = 256 << 20
TEN_PERCENT = SHIPPED_POLICIES["teacher-budget-10pct"]
_IN_TOTO = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://kdorch.dev/import/v1"

_ROLE_OF = {"ce_baseline": Role.CE, "teacher": Role.TEACHER, "teacher_slice": Role.TEACHER, "kd": Role.KD,
            "control": Role.CONTROL, "measurement": Role.MEASUREMENT}
_STAGE_OF = {Role.CE: "ce", Role.TEACHER: "teachers", Role.KD: "students", Role.CONTROL: "students:control",
             Role.MEASUREMENT: "measurements"}


@dataclass(frozen=True)
class _Source:
    """An imported file, kept beside the ledger under its digest."""

    name: str
    sha256: str
    data: bytes

    @property
    def directory(self) -> str:
        return f"evidence/imported/{self.sha256}"


def import_csv(ledger: Ledger, path: Path, *, policy: Policy = TEN_PERCENT, campaign: str = "imported") -> list[str]:
    """Import every run of a CSV, all or none; returns the run ids that were new. A second time changes nothing.

    The file's ``run_id`` becomes the run's name; ``policy`` is the teachers'. Raises :class:`CampaignFileError` with
    line and column where the file is wrong, and :class:`LedgerError` where the ledger already says otherwise.
    """
    pins = _pins(policy)
    source = _read(path)
    entries = [_csv_entry(source, run, campaign, ordinal) for ordinal, run in enumerate(read_csv(path, source.data))]
    return _import(ledger, source, campaign, pins, entries)


@dataclass(frozen=True)
class ImportedLog:
    """What became of one run of a log: its name in the ledger, and in words what a person should know about it."""

    name: str
    parser_id: str
    is_new: bool
    note: str = ""


def import_log(ledger: Ledger, path: Path, *, mode: str, name: str | None = None,
               policy: Policy = TEN_PERCENT, campaign: str = "imported", slice_step: int | None = None,
               archival: bool = False, provisional: bool = False, teacher: str | None = None) -> list[ImportedLog]:
    """Import every run of a training log, all or none. A second time changes nothing.

    A run is called ``name``, by default the file's stem; of several each gets its number, ``NAME#2``. ``slice_step``
    imports what the log says up to that step, as ``NAME@slice177``. A run that stopped before its announced end is
    provisional, and so is one of which the caller says so. ``policy`` is the teachers' or one for the mode's role;
    ``teacher`` names the run of the ledger that taught a student. Raises :class:`UsageError` for a file that is no
    training log, a mode that does not exist, a name that cannot be one, a policy of another role or a teacher that is
    none, and :class:`LedgerError` when a run of that name is there with other figures or another teacher.
    """
    if mode not in _ROLE_OF:
        raise UsageError(f"there is no mode {mode!r}", hint=f"modes are: {', '.join(_ROLE_OF)}")
    pins = _pins(policy, _ROLE_OF[mode])
    teacher_id = None if teacher is None else _teacher(ledger, teacher, mode)
    source = _read(path)
    runs = log_runs(source.data, name=str(path), slice_step=slice_step)
    if slice_step is not None and mode == "teacher":
        mode = "teacher_slice"
    entries, told = [], []
    for ordinal, found in enumerate(runs):
        title = _title(name or path.stem, found.number if len(runs) > 1 else None, slice_step)
        run = _run(title, mode)
        member = _member(run, title, mode, campaign, ordinal, archival=archival,
                         provisional=provisional or found.is_partial, is_slice=slice_step is not None)
        if teacher_id is not None:
            member = replace(member, teacher_run_id=teacher_id)
            _check_link(ledger, member)
        evidence = _evidence(source, run, "log", {"name": title, "mode": mode, "parser": found.parser_id,
                                                  "run": found.number, "slice": slice_step})
        entries.append(ImportRecord(run, member, evidence, found.measurement, found.validations))
        told.append(ImportedLog(title, found.parser_id, False, found.note))
    new = set(_import(ledger, source, campaign, pins, entries))
    return [replace(t, is_new=e.run.run_id in new) for t, e in zip(told, entries, strict=True)]


def remeasure(kind: str, statement: str, directory: Path) -> tuple[MeasurementRecord, tuple[ValidationRecord, ...]]:
    """Read an imported file's figures again, from its bytes in ``directory`` and what its ``statement`` says of it.

    Raises :class:`KdorchError` or ``ValueError`` where the file does not hold them any more.
    """
    told = json.loads(statement)
    path = directory / told["subject"][0]["name"]
    data = path.read_bytes()
    if kind == "log":
        run = reread(told["predicate"], data)
        return run.measurement, run.validations
    for row in read_csv(path, data):
        if (row.name, row.line) == (told["predicate"]["name"], told["predicate"]["line"]):
            return _asserted(row), ()
    raise ValueError(f"{path.name} has no run {told['predicate']['name']} on line {told['predicate']['line']}")


def imported_curve(ledger: Reads, root: Path, evidence: EvidenceRecord) -> Curve:
    """The lines behind an imported log's measurement, read again. ``root`` is the directory of the ledger.

    Raises :class:`LedgerError` where the file is gone or was altered.
    """
    file, = ledger.evidence_files(evidence.evidence_id)
    data = read_kept(root / file.directory, file, evidence.run_id)
    return reread(json.loads(evidence.statement)["predicate"], data).curve


def _title(name: str, number: int | None, slice_step: int | None) -> str:
    title = name + ("" if number is None else f"#{number}") + ("" if slice_step is None else f"@slice{slice_step}")
    if len(title) > NAME_LIMIT or not title.isprintable() or not name.strip():
        raise UsageError(f"{name[:40]!r} ({len(name)} characters) cannot be a run's name",
                         hint=f"give it one with --name: 1 to {NAME_LIMIT} printable characters")
    return title


def _import(ledger: Ledger, source: _Source, campaign: str, pins: dict[Role, Policy],
            entries: Sequence[ImportRecord]) -> list[str]:
    """File the entries under the campaign. Run ordinals continue those that are there."""
    record = _campaign(campaign)
    there = {m.run_id: m.ordinal for m in ledger.members(record.campaign_id)}
    after = max(there.values(), default=-1) + 1
    placed = [replace(e, member=replace(e.member, ordinal=there.get(e.run.run_id, after + i)))
              for i, e in enumerate(entries)]
    _keep(ledger.root, source)
    used = {e.member.role for e in entries}
    return ledger.import_runs(record, {_STAGE_OF[role]: pins[role] for role in Role if role in used}, placed)


def _pins(policy: Policy, role: Role = Role.TEACHER) -> dict[Role, Policy]:
    """The policy of each role: the given one for its own, the teachers' budget for students, the shipped ones for the
    others."""
    if policy.role not in (Role.TEACHER, role):
        others = "" if role is Role.TEACHER else f" or {role.value}"
        raise UsageError(f"{policy.name} is a policy for role {policy.role.value}; these runs take one for role "
                         f"teacher{others}", hint="'kdorch ledger policies' lists policies with their roles")
    teachers = policy if policy.role is Role.TEACHER else TEN_PERCENT
    without = {Gate.TARGET_REACHED} | (set() if teachers.budget_ms is not None else {Gate.BUDGET})
    return {Role.TEACHER: teachers,
            Role.KD: Policy(f"{teachers.name}-students", Role.KD,
                            tuple(g for g in DEFAULT_GATES[Role.KD] if g not in without),
                            budget_ms=teachers.budget_ms, budget_derivation=teachers.budget_derivation),
            Role.CE: SHIPPED_POLICIES["ce-baseline"], Role.CONTROL: SHIPPED_POLICIES["control"],
            Role.MEASUREMENT: SHIPPED_POLICIES["measurement"], policy.role: policy}


def _teacher(ledger: Ledger, reference: str, mode: str) -> str:
    """The run that taught a student. Raises :class:`UsageError` for a mode that has no teacher and a run that is
    none."""
    if _ROLE_OF[mode] is not Role.KD:
        raise UsageError(f"a run of mode {mode} has no teacher", hint="--teacher goes with --mode kd")
    run_id = ledger.find_run(reference)
    roles = [m.role for m in ledger.memberships(run_id)]
    if Role.TEACHER not in roles:
        raise UsageError(f"{ledger.name_of(run_id)} is no teacher; its role is {roles[-1].value}",
                         hint="'kdorch ledger import --mode teacher' brings one in from its log")
    measured = ledger.measured(run_id)
    if measured is None or measured.train_time_ms is None:
        raise UsageError(f"{ledger.name_of(run_id)} has no measured train time, so what it cost is not known",
                         hint="wait for its end, or import a log that states train times")
    return run_id


def _check_link(ledger: Ledger, member: MemberRecord) -> None:
    """A student that was judged keeps the teacher that it was judged with, or none."""
    there = next((m for m in ledger.memberships(member.run_id) if m.campaign_id == member.campaign_id), None)
    if there is None or there.teacher_run_id == member.teacher_run_id:
        return
    other = there.teacher_run_id
    raise LedgerError(f"{member.name} is in the ledger and was judged "
                      f"{'without a teacher' if other is None else f'with teacher {ledger.name_of(other)}'}; "
                      "that is never changed",
                      hint="import it under another name with --name, or into another campaign")


def _campaign(name: str) -> CampaignRecord:
    if not name or len(name) > 200:
        raise UsageError("a campaign's name has 1 to 200 characters")
    identity = hashlib.sha256(f"imported:{name}".encode()).hexdigest()
    return CampaignRecord(campaign_id=identity, name=name, source_name="", source_text="", overrides_json="[]",
                          plan_hash="")


def _read(path: Path) -> _Source:
    if not path.is_file():
        raise UsageError(f"{path} is not a file", hint="'kdorch ledger parse -' reads a pipe")
    size = path.stat().st_size
    if size > FILE_LIMIT_BYTES:
        raise UsageError(f"{path} has {size} bytes; at most {FILE_LIMIT_BYTES} are accepted")
    data = path.read_bytes()
    return _Source(path.name, hashlib.sha256(data).hexdigest(), data)


def _keep(root: Path, source: _Source) -> None:
    """Keep the file's bytes under their digest; there whole or not at all."""
    target = root / source.directory / source.name
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{source.name}.{os.getpid()}.partial")
    partial.write_bytes(source.data)
    partial.replace(target)


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _run(name: str, mode: str) -> RunRecord:
    """The identity of an imported run is its name and mode: nothing else of it is certain."""
    spec = _json({"imported": name, "mode": mode})
    digest = hashlib.sha256(spec.encode()).hexdigest()
    return RunRecord(run_id=digest, spec_json=spec, config_id=digest, mode=mode, seed=0, origin="imported")


def _member(run: RunRecord, name: str, mode: str, campaign: str, ordinal: int, *, archival: bool = False,
            provisional: bool = False, is_slice: bool = False) -> MemberRecord:
    role = _ROLE_OF[mode]
    return MemberRecord(campaign_id=_campaign(campaign).campaign_id, run_id=run.run_id, stage=_STAGE_OF[role],
                        ordinal=ordinal, name=name, role=role, archival=archival, provisional=provisional,
                        is_slice=is_slice or mode == "teacher_slice")


def _evidence(source: _Source, run: RunRecord, kind: str, predicate: dict[str, object]) -> EvidenceRecord:
    statement = _json({
        "_type": _IN_TOTO, "predicateType": _PREDICATE, "predicate": predicate,
        "subject": [{"name": source.name, "digest": {"sha256": source.sha256},
                     "annotations": {"size_bytes": len(source.data)}}]})
    return EvidenceRecord(
        evidence_id=hashlib.sha256(statement.encode()).hexdigest(), run_id=run.run_id, attempt_no=1, kind=kind,
        statement=statement, directory=source.directory,
        files=(FileRecord(source.name, source.sha256, len(source.data)),))


def _csv_entry(source: _Source, row: CsvRun, campaign: str, ordinal: int) -> ImportRecord:
    run = _run(row.name, row.mode)
    member = _member(run, row.name, row.mode, campaign, ordinal, archival=row.archival, provisional=not row.complete)
    evidence = _evidence(source, run, "csv", {"name": row.name, "mode": row.mode, "line": row.line})
    return ImportRecord(run, member, evidence, _asserted(row))


def _asserted(row: CsvRun) -> MeasurementRecord:
    student = _ROLE_OF[row.mode] is Role.KD
    facts: dict[str, object] = {"checkpoint_ready": row.checkpoint_ready}
    if student:
        facts |= {"teacher_parameters": row.teacher_parameters, "teacher_steps": row.teacher_steps}
    return MeasurementRecord(
        parser_id=CSV_PARSER_ID, complete=None, oom_fallback=None, asserted=1,
        final_step=row.student_steps if row.student_steps is not None else None if student else row.teacher_steps,
        total_steps=None,
        # The column says how long the teacher trained; in a student's row that is another run.
        train_time_ms=None if student else row.train_time_ms,
        teacher_train_time_ms=row.train_time_ms if student else None,
        best_val_u6=row.best_val_u6, final_val_u6=row.final_val_u6, val_finite=None, val_1_u6=None, val_2_u6=None,
        val_3_u6=None, val_4_u6=None, n_validations=0, environment_json=_json({"asserted": facts}),
        parameters=None if student else row.teacher_parameters, train_time_offset=row.offset)
