"""Results from elsewhere: the ledger of record, and training logs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.domain.errors import CampaignFileError, LedgerError, UsageError
from orchestrator.ledger.imports import import_csv, import_log
from orchestrator.ledger.store import Ledger
from tests.integration.ledger_kit import contents, open_ledger

RECORD = Path(__file__).parent / "data" / "ledger_of_record.csv"
CE = "aadab377-e981-419d-907b-470c4e770f33"
L3 = "teacher_budget_L3_H6_D128_250_20260214T204116Z"
EXPECTED = {
    CE: {"baseline"},
    "teacher25m_ce_20260213T2241Z_teacher25m_ce": {"budget-miss", "archival"},
    "student3l_ce_ckpt_20260214T014707Z_student3l_ce": {"budget-miss", "provisional"},
    "teacher_budget_L12_H6_D8_155_20260214T203704Z": {"budget-pass"},
    L3: {"budget-pass"},
    "teacher_budget10_ckpt_L3_H6_D128_250_20260214T212840Z": {"budget-pass"},
    f"{L3}@slice177": {"budget-pass", "slice"},
    "teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z": {"budget-pass"},
}
LOG = "".join(
    f"step:{s}/100 val_loss:{5.0 - s / 100:.4f} train_time:{s * 600 + 5}ms step_avg:600.00ms\n"
    + "".join(f"step:{s + i}/100 train_time:{(s + i) * 600}ms step_avg:600.00ms\n" for i in range(1, 25) if s < 100)
    for s in range(0, 101, 25))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "home" / "ledger.sqlite") as opened:
        yield opened


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()


def test_the_eight_runs_of_record_are_as_expected(ledger: Ledger) -> None:
    assert len(import_csv(ledger, RECORD)) == 8
    rows = {r.name: r for r in ledger.rows()}
    assert list(rows) == list(EXPECTED)
    for name, labels in EXPECTED.items():
        assert labels <= set(rows[name].labels), name
        assert rows[name].verdict == "inconclusive"
    kept = {"budget-pass", "budget-miss", "baseline", "archival", "provisional", "slice"}
    assert {n: set(r.labels) & kept for n, r in rows.items()} == EXPECTED
    assert [r.name for r in ledger.rows(status="budget-pass")] == [n for n, w in EXPECTED.items() if "budget-pass" in w]
    assert len(ledger.rows(status="budget-pass")) == 5


def test_the_figures_of_record_are_kept_exactly(ledger: Ledger) -> None:
    import_csv(ledger, RECORD)
    rows = {r.name: r for r in ledger.rows()}
    baseline, teacher = rows[CE], rows[L3]
    assert (baseline.mode, baseline.status, baseline.train_time_ms) == ("ce_baseline", "baseline", 694_015)
    assert (baseline.student_steps, baseline.steps, baseline.teacher_params_m, baseline.budget_ms) == (
        1555, 1555, None, None)
    assert (teacher.train_time_ms, teacher.teacher_train_time_ms, teacher.budget_ms) == (66_542, 66_542, 69_402)
    assert (teacher.teacher_params_m, teacher.teacher_steps, teacher.final_val) == (296.389, 250, 4.0686)
    partial = rows["student3l_ce_ckpt_20260214T014707Z_student3l_ce"]
    assert (partial.best_val, partial.final_val, partial.failed_gates) == (3.9429, None, ("budget",))
    assert {r.state for r in rows.values()} == {"finished"}
    assert {r.outcome for r in rows.values()} == {"imported"}


def test_importing_again_changes_nothing(ledger: Ledger) -> None:
    import_csv(ledger, RECORD)
    before = contents(ledger.path)
    assert import_csv(ledger, RECORD) == []
    assert contents(ledger.path) == before


def test_a_longer_file_adds_what_is_new(ledger: Ledger, tmp_path: Path) -> None:
    import_csv(ledger, RECORD)
    longer = tmp_path / "longer.csv"
    longer.write_bytes(RECORD.read_bytes() + b"at_the_limit,teacher,1,1,69402,,4,4,true,false,false\n"
                       b"over_it,teacher,1,1,69403,,4,4,true,false,false\n")
    assert len(import_csv(ledger, longer)) == 2
    rows = {r.name: r.status for r in ledger.rows()}
    assert (rows["at_the_limit"], rows["over_it"], len(rows)) == ("budget-pass", "budget-miss", 10)


def test_other_figures_for_a_known_run_are_refused_and_nothing_is_imported(ledger: Ledger, tmp_path: Path) -> None:
    import_csv(ledger, RECORD)
    before = contents(ledger.path)
    forged = tmp_path / "forged.csv"
    forged.write_bytes(RECORD.read_bytes().replace(b",362472,", b",62472,") +
                       b"new,teacher,1,1,1,,4,4,true,false,false\n")
    with pytest.raises(LedgerError, match=r"teacher25m.*other figures"):
        import_csv(ledger, forged)
    assert contents(ledger.path) == before


def test_a_wrong_file_imports_nothing(ledger: Ledger, tmp_path: Path) -> None:
    before = contents(ledger.path)
    broken = tmp_path / "broken.csv"
    broken.write_bytes(RECORD.read_bytes().replace(b",39767,", b",-39767,"))
    with pytest.raises(CampaignFileError, match=r"broken\.csv:9: teacher_train_time_ms"):
        import_csv(ledger, broken)
    assert contents(ledger.path) == before
    assert not (ledger.path.parent / "evidence").exists()


def test_the_earlier_policy_judges_the_same_runs_in_a_campaign_of_its_own(ledger: Ledger) -> None:
    import_csv(ledger, RECORD)
    assert import_csv(ledger, RECORD, policy_name="teacher-budget-5pct", campaign="five-percent") == []
    strict = {r.name: r.status for r in ledger.rows(campaign="five-percent")}
    assert strict["teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z"] == "budget-miss"
    assert strict[f"{L3}@slice177"] == "budget-pass"
    assert len(ledger.rows(campaign="imported", status="budget-pass")) == 5
    with pytest.raises(LedgerError, match="cannot be changed"):
        import_csv(ledger, RECORD, policy_name="teacher-budget-5pct")


def test_an_exact_name_beats_its_slice(ledger: Ledger) -> None:
    import_csv(ledger, RECORD)
    names = {r.run_id: r.name for r in ledger.rows()}
    assert names[ledger.find_run(L3)] == L3
    assert names[ledger.find_run(f"{L3}@")] == f"{L3}@slice177"
    assert names[ledger.find_run("aadab377")] == CE


def test_the_bytes_are_kept_and_each_figure_points_into_them(ledger: Ledger) -> None:
    import_csv(ledger, RECORD)
    told = ledger.explain(ledger.find_run(L3))
    budget, *others = told.gates
    assert told.asserted
    assert (budget.gate, budget.result, budget.number) == ("budget", "pass", "66542 ms")
    assert budget.file is not None
    kept = (ledger.path.parent / budget.file).read_bytes()
    assert kept == RECORD.read_bytes()
    assert kept[budget.offset:].startswith(f"{L3},teacher,296.389,250,66542".encode())
    assert {g.result for g in others} == {"unknown"}
    assert told.row.artifact_dir == f"evidence/imported/{hashlib.sha256(kept).hexdigest()}"


def test_a_students_row_is_held_to_its_teachers_time(ledger: Ledger, tmp_path: Path) -> None:
    header = RECORD.read_text().splitlines()[0]
    file = tmp_path / "students.csv"
    file.write_text(f"{header}\ncheap,kd,296.389,250,69402,1555,4.0,4.0,true,false,false\n"
                    "dear,kd,489.555,1000,69403,1555,4.0,4.0,true,false,false\n"
                    "untold,kd,,,,1555,4.0,4.0,true,false,false\n"
                    "twin,control,,,600000,1555,4.0,4.0,true,false,false\n"
                    "probe,measurement,,,1000,120,,,true,false,false\n")
    import_csv(ledger, file)
    rows = {r.name: r for r in ledger.rows()}
    assert {n: r.status for n, r in rows.items()} == {
        "cheap": "budget-pass", "dear": "budget-miss", "untold": "inconclusive", "twin": "inconclusive",
        "probe": "inconclusive"}
    cheap = rows["cheap"]
    assert (cheap.train_time_ms, cheap.teacher_train_time_ms, cheap.teacher_params_m, cheap.teacher_steps,
            cheap.student_steps, cheap.budget_ms) == (None, 69_402, 296.389, 250, 1555, 69_402)
    assert rows["twin"].train_time_ms == 600_000


@pytest.mark.parametrize("name", ["nothing", "ce-baseline"])
def test_only_a_teachers_policy_can_be_asked_for(ledger: Ledger, name: str) -> None:
    with pytest.raises(UsageError, match="no teacher policy") as refusal:
        import_csv(ledger, RECORD, policy_name=name)
    assert "teacher-budget-10pct" in str(refusal.value.hint)


# Training logs


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "teacher_L3_100.txt"
    path.write_text("import torch\nprint(f'step:{step}/{n} val_loss:{v}')\n" + LOG)
    return path


def test_a_log_is_measured_and_says_nothing_of_its_completeness(ledger: Ledger, log: Path) -> None:
    (told,) = import_log(ledger, log, mode="teacher")
    assert (told.name, told.is_new) == ("teacher_L3_100", True)
    (row,) = ledger.rows()
    assert (row.name, row.mode, row.status, row.verdict) == ("teacher_L3_100", "teacher", "budget-pass", "inconclusive")
    assert (row.train_time_ms, row.steps, row.best_val, row.final_val) == (60_005, 100, 4.0, 4.0)
    gates = {g.gate: g for g in ledger.explain(row.run_id).gates}
    assert {n: g.result for n, g in gates.items()} == {
        "budget": "pass", "val_trend": "pass", "no_oom_fallback": "unknown", "evidence_complete": "unknown"}
    assert gates["budget"].file is not None
    assert gates["val_trend"].offset is not None
    kept = (ledger.path.parent / gates["budget"].file).read_bytes()
    assert kept[gates["budget"].offset:].startswith(b"step:100/100 val_loss:4.0000 train_time:60005ms")
    assert kept[gates["val_trend"].offset:].startswith(b"step:75/100 val_loss:4.2500")


def test_a_log_over_budget_is_rejected_because_it_was_measured(ledger: Ledger, log: Path) -> None:
    log.write_text(LOG.replace("train_time:60005ms", "train_time:69403ms"))
    import_log(ledger, log, mode="teacher", name="dear")
    (row,) = ledger.rows()
    assert (row.name, row.status, row.verdict, row.failed_gates) == ("dear", "rejected", "reject", ("budget",))


def test_importing_a_log_again_changes_nothing_and_another_one_needs_a_name(ledger: Ledger, log: Path) -> None:
    import_log(ledger, log, mode="ce_baseline")
    before = contents(ledger.path)
    import_log(ledger, log, mode="ce_baseline")
    assert contents(ledger.path) == before
    log.write_text(LOG.replace("val_loss:4.0000", "val_loss:3.0000"))
    with pytest.raises(LedgerError, match="other figures"):
        import_log(ledger, log, mode="ce_baseline")
    assert [t.name for t in import_log(ledger, log, mode="ce_baseline", name="second")] == ["second"]
    assert [r.name for r in ledger.rows()] == ["teacher_L3_100", "second"]


def test_an_imported_log_promotes_nobody(ledger: Ledger, log: Path) -> None:
    for mode in ("ce_baseline", "teacher", "kd", "control", "measurement"):
        import_log(ledger, log, mode=mode, name=mode)
    assert {r.verdict for r in ledger.rows()} == {"inconclusive"}
    assert ledger.rows(status="promoted") == []


@pytest.mark.parametrize("data", [b"", b"no step line at all\n", b"\xff\x00" * 1000], ids=["empty", "talk", "noise"])
def test_a_file_that_is_no_log_is_refused(ledger: Ledger, tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "noise.log"
    path.write_bytes(data)
    before = contents(ledger.path)
    with pytest.raises(UsageError, match=r"noise\.log: (it is empty|none of its \d+ bytes)"):
        import_log(ledger, path, mode="teacher")
    assert contents(ledger.path) == before


def test_a_hostile_log_is_taken_for_what_it_says(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "hostile.log"
    path.write_bytes(b"\x1b[31m" + b"x" * 1_000_000 + b"\n" + LOG.encode() +
                     b"step:125/150 val_loss:nan train_time:70000ms step_avg:1ms\n\xff\xfe torn")
    import_log(ledger, path, mode="teacher")
    (row,) = ledger.rows()
    assert (row.verdict, set(row.failed_gates)) == ("reject", {"budget", "val_trend"})
    assert row.best_val == 4.0
    assert row.final_val is None


def test_an_unknown_mode_is_refused(ledger: Ledger, log: Path) -> None:
    with pytest.raises(UsageError, match="no mode"):
        import_log(ledger, log, mode="professor")
