"""Results from elsewhere: the ledger of record, and training logs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.dispatch.home import Home
from orchestrator.dispatch.verify import verify_ledger
from orchestrator.domain.errors import CampaignFileError, LedgerError, UsageError
from orchestrator.domain.verdict import SHIPPED_POLICIES
from orchestrator.ledger.imports import import_csv, import_log, imported_curve
from orchestrator.ledger.store import Ledger
from orchestrator.parsing import FORMATS, parse_path
from tests.e2e.kdorch import Laptop
from tests.integration.ledger_kit import contents, open_ledger
from tests.unit.parsing_logs import EXAMPLES

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
    assert import_csv(ledger, RECORD, policy=SHIPPED_POLICIES["teacher-budget-5pct"], campaign="five-percent") == []
    strict = {r.name: r.status for r in ledger.rows(campaign="five-percent")}
    assert strict["teacher_budget_ckpt_L3_H6_D128_175_20260214T204613Z"] == "budget-miss"
    assert strict[f"{L3}@slice177"] == "budget-pass"
    assert len(ledger.rows(campaign="imported", status="budget-pass")) == 5
    with pytest.raises(LedgerError, match="cannot be changed"):
        import_csv(ledger, RECORD, policy=SHIPPED_POLICIES["teacher-budget-5pct"])


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


def test_a_table_takes_a_policy_for_teachers_only(ledger: Ledger) -> None:
    with pytest.raises(UsageError, match="ce-baseline is a policy for role ce; these runs take one for role teacher"):
        import_csv(ledger, RECORD, policy=SHIPPED_POLICIES["ce-baseline"])


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


# Logs of every format, several runs in a file, slices, labels


def test_every_format_that_is_parsed_can_be_imported_and_proved_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with open_ledger(home / "ledger.sqlite") as ledger:
        for name, example in EXAMPLES.items():
            path = tmp_path / f"{name}.log"
            path.write_text(example().text)
            (told,) = import_log(ledger, path, mode="measurement")
            assert (told.name, told.is_new) == (name, True)
            (record,) = parse_path(path)
            row = next(r for r in ledger.rows() if r.name == name)
            assert (row.train_time_ms, row.steps) == (record.final_train_time_ms, record.final_step)
            measured = ledger.measured(row.run_id)
            assert measured is not None
            assert (measured.parser_id, measured.median_step_ms) == (told.parser_id, record.median_step_ms)
            if not told.note:
                assert (row.best_val, row.final_val) == (record.best_val_loss, record.final_val_loss)
    assert verify_ledger(Home(home), full=True).disagreements == ()


def test_the_ledger_knows_every_parser_of_logs(ledger: Ledger) -> None:
    known = dict(contents(ledger.path))["parsers"]
    assert {f.parser_id for f in FORMATS.values()} <= {parser for parser, kind, _ in known if kind == "log"}


def test_bits_per_byte_are_no_nats(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "chat.log"
    path.write_text(EXAMPLES["nanochat"]().text)
    (told,) = import_log(ledger, path, mode="ce_baseline")
    (row,) = ledger.rows()
    assert (row.best_val, row.final_val, ledger.validations(row.run_id)) == (None, None, [])
    assert "bits per byte" in told.note
    measured = ledger.measured(row.run_id)
    assert measured is not None
    assert '"final_val":0.8' in measured.environment_json


def test_several_runs_in_a_file_get_their_numbers(ledger: Ledger, tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "unit" / "data" / "track3_twenty_runs.txt"
    told = import_log(ledger, source, mode="ce_baseline", name="muon")
    assert [t.name for t in told] == [f"muon#{n}" for n in range(1, 21)]
    rows = ledger.rows()
    assert [(r.name, r.final_val) for r in rows] == [
        (t.name, r.final_val_loss) for t, r in zip(told, parse_path(source), strict=True)]
    before = contents(ledger.path)
    assert not any(t.is_new for t in import_log(ledger, source, mode="ce_baseline", name="muon"))
    assert contents(ledger.path) == before
    curve = imported_curve(ledger, ledger.root, ledger.evidence(rows[7].run_id) or pytest.fail("no evidence"))
    assert curve.validations[-1].val_loss == rows[7].final_val
    assert verify_ledger(Home(ledger.path.parent), full=True).disagreements == ()


def test_a_slice_is_the_log_cut_at_a_step(ledger: Ledger, log: Path) -> None:
    """As the slice of record: a run of 250 steps cut at 177, within the budget that the whole run misses."""
    lines = [f"step:{s}/250 train_time:{s * 280}ms step_avg:280.00ms" for s in range(1, 251)]
    for step, loss in ((25, "6.1"), (75, "5.2"), (125, "4.8"), (177, "4.3736"), (250, "4.0686")):
        validation = f"step:{step}/250 val_loss:{loss} train_time:{step * 280}ms step_avg:280.00ms\n"
        lines[step - 1] = validation + lines[step - 1]
    log.write_text("\n".join(lines) + "\n")
    import_log(ledger, log, mode="teacher")
    (told,) = import_log(ledger, log, mode="teacher", slice_step=177)
    whole, cut = ledger.rows()
    assert (told.name, cut.name, cut.mode) == ("teacher_L3_100@slice177",) * 2 + ("teacher_slice",)
    assert (whole.status, whole.train_time_ms, whole.steps, whole.final_val) == ("rejected", 70_000, 250, 4.0686)
    assert (cut.train_time_ms, cut.steps, cut.final_val) == (49_560, 177, 4.3736)
    assert {"budget-pass", "slice"} <= set(cut.labels)
    assert "provisional" not in cut.labels
    assert ledger.find_run("teacher_L3_100") == whole.run_id  # an exact name beats its slice
    assert verify_ledger(Home(ledger.path.parent), full=True).disagreements == ()
    with pytest.raises(UsageError, match="no line of its run 1 is of step 251"):
        import_log(ledger, log, mode="teacher", slice_step=251)


def test_a_run_that_stopped_early_is_provisional_and_a_person_may_say_so_of_others(ledger: Ledger, log: Path) -> None:
    log.write_text(LOG.replace("/100 ", "/1555 "))
    import_log(ledger, log, mode="kd", name="live")
    log.write_text(LOG)
    import_log(ledger, log, mode="kd", name="old", archival=True)
    import_log(ledger, log, mode="ce_baseline", name="half", provisional=True)
    labels = {r.name: {"provisional", "archival"} & set(r.labels) for r in ledger.rows()}
    assert labels == {"live": {"provisional"}, "old": {"archival"}, "half": {"provisional"}}


# Bad input: one clear message each, and nothing is written


@pytest.mark.parametrize(("text", "how", "reason"), [
    ("", {}, "it is empty"),
    ("x" * 10_000_000, {}, "none of its 10000000 bytes"),
    ("step:1/9 " + "m" * 10_000_000 + ":1 val_loss:1.0\n", {}, "none of its"),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.21 GiB.\n", {}, "none of its"),
    ("| 8 | 15.016 | 8,734M | 34 | 8.09 | OK |\n" * 3, {}, "table of batch sizes"),
    (LOG, {"name": "m" * 10_000_000}, "cannot be a run's name"),
    (LOG, {"name": " "}, "cannot be a run's name"),
    (LOG, {"name": "a\nb"}, "cannot be a run's name"),
    (LOG, {"mode": "professor"}, "no mode 'professor'"),
    (LOG, {"policy": SHIPPED_POLICIES["ce-baseline"]}, "is a policy for role ce"),
    (LOG, {"mode": "kd", "teacher": "nobody"}, "no run is called 'nobody'"),
    (LOG, {"teacher": "nobody"}, "a run of mode teacher has no teacher"),
    (LOG, {"campaign": "c" * 1000}, "1 to 200 characters"),
], ids=["empty", "one long line", "10 MB metric name", "only out of memory", "batch table", "10 MB name", "blank name",
        "two lines", "mode", "policy", "unknown teacher", "a teacher's teacher", "campaign"])
def test_bad_input_is_refused_in_one_sentence(ledger: Ledger, log: Path, text: str, how: dict[str, Any],
                                              reason: str) -> None:
    log.write_text(text)
    before = contents(ledger.path)
    with pytest.raises(UsageError, match=reason) as told:
        import_log(ledger, log, **{"mode": "teacher", **how})
    assert len(told.value.message) < 400
    assert "\n" not in told.value.message
    assert contents(ledger.path) == before


def test_the_command_says_what_became_of_each_run(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    (tmp_path / "a.log").write_text(LOG)
    first = laptop.run("ledger", "import", "a.log", "--mode", "teacher", "--slice", "75")
    assert b"a.log: imported as a@slice75 (modded-nanogpt/2)" in first.stderr
    again = laptop.run("ledger", "import", "a.log", "--mode", "teacher", "--slice", "75")
    assert b"a.log: is in the ledger as a@slice75" in again.stderr
    refused = laptop.run("ledger", "import", str(RECORD), "--mode", "kd", code=2)
    assert b"a CSV says of each run itself" in refused.stderr
    other = laptop.run("ledger", "import", "a.log", "--mode", "professor", code=2)
    assert b"professor" in other.stderr


def test_a_student_is_charged_for_the_teacher_that_it_was_imported_with(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    for name, faster in (("ce", 0.0), ("cheap", 0.0), ("kd", 0.3)):
        (tmp_path / f"{name}.log").write_text("".join(
            f"step:{s}/100 val_loss:{5.0 - faster - s / 100:.4f} train_time:{s * 600}ms step_avg:600.00ms\n"
            for s in range(0, 101, 5)))
    laptop.run("ledger", "import", "ce.log")
    laptop.run("ledger", "import", "cheap.log", "--mode", "teacher")
    student = ("ledger", "import", "kd.log", "--mode", "kd", "--teacher")
    assert b"ce is no teacher; its role is ce" in laptop.run(*student, "ce", code=2).stderr
    laptop.run(*student, "cheap")
    told = json.loads(laptop.run("ledger", "compare", "ce", "kd", "--target", "4.5", "--same-machine",
                                 "--json").stdout)["runs"][1]
    assert told["teacher_train_time_ms"] == 60_000
    assert told["net_time_saved_ms"] == told["time_saved_ms"] - 60_000
    assert b"is in the ledger as kd" in laptop.run(*student, "cheap").stderr
    laptop.run("ledger", "import", "cheap.log", "--mode", "teacher", "--name", "other")
    assert b"was judged with teacher cheap; that is never changed" in laptop.run(*student, "other", code=4).stderr
    laptop.run("ledger", "import", "kd.log", "--mode", "kd", "--name", "alone")
    assert b"was judged without a teacher" in laptop.run(*student, "cheap", "--name", "alone", code=4).stderr
    assert b"its teacher and its labels" in laptop.run("ledger", "import", str(RECORD), "--teacher", "cheap",
                                                       code=2).stderr


def test_imports_take_a_policy_from_a_file_as_judging_again_does(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    (tmp_path / "a.log").write_text(LOG)
    (tmp_path / "mine.yaml").write_text("name: mine\nrole: teacher\nbudget_ms: 60004\n")
    (tmp_path / "students.yaml").write_text("name: students\nrole: kd\ngates: [target_reached]\ntarget: 4.9\n")
    laptop.run("ledger", "import", "a.log", "--mode", "teacher", "--policy", "mine.yaml")
    laptop.run("ledger", "import", "a.log", "--mode", "kd", "--name", "kd", "--policy", "students.yaml")
    rows = {r["name"]: r for r in laptop.rows()}
    assert (rows["a"]["budget_ms"], rows["a"]["failed_gates"]) == (60_004, ["budget"])
    assert rows["kd"]["steps_to_target"] == 50
    laptop.run("ledger", "import", "a.log", "--mode", "teacher", "--name", "b", "--policy", "mine")
    assert b"there is no policy 'generous'" in laptop.run("ledger", "import", "a.log", "--policy", "generous",
                                                         code=2).stderr


def test_a_line_too_long_to_be_read_is_said_wherever_its_figures_are_missed(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    point = "step:{0}/75 val_loss:{1} train_time:{0}00ms step_avg:100.00ms"
    text = [point.format(25, 4.2), point.format(50, 4.0) + " " + "m" * (10 << 20) + ":1", point.format(75, 3.9)]
    (tmp_path / "wide.log").write_text("\n".join(text) + "\n")
    said = b"one line is longer than 64 KiB and not read"
    assert said in laptop.run("ledger", "parse", "wide.log", "--target", "4.0").stderr
    told = laptop.run("ledger", "import", "wide.log", "--mode", "teacher")
    assert said in told.stdout + told.stderr
    assert said in laptop.run("ledger", "show", "wide").stdout
    laptop.run("ledger", "verify")
