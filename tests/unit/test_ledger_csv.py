"""A CSV of runs is read exactly, and every complaint names line and column."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.domain.errors import CampaignFileError
from orchestrator.ledger.csv_file import COLUMNS, CsvRun, read_csv

PATH = Path("runs.csv")
HEADER = ",".join(COLUMNS)
GOOD = "t1,teacher,296.389,250,66542,,4.0686,4.0686,true,false,true"


def text(*rows: str, header: str = HEADER) -> bytes:
    return ("\n".join((header, *rows)) + "\n").encode()


def with_cell(column: str, value: str) -> str:
    cells = GOOD.split(",")
    cells[COLUMNS.index(column)] = value
    return ",".join(cells)


def test_a_row_is_read_exactly() -> None:
    assert read_csv(PATH, text(GOOD)) == [CsvRun(
        name="t1", mode="teacher", teacher_parameters=296_389_000, teacher_steps=250, train_time_ms=66_542,
        student_steps=None, best_val_u6=4_068_600, final_val_u6=4_068_600, complete=True, archival=False,
        checkpoint_ready=True, line=2, offset=len(HEADER) + 1)]


def test_offsets_and_lines_point_at_the_row() -> None:
    data = b"\xef\xbb\xbf" + text(with_cell("run_id", '"t\u00fc"'), "", GOOD).replace(b"\n", b"\r\n")
    first, second = read_csv(PATH, data)
    assert (first.name, first.line, second.line) == ("t\u00fc", 2, 4)
    assert data[first.offset:].startswith('"t\u00fc"'.encode())
    assert data[second.offset:].startswith(b"t1,")


def test_columns_may_come_in_any_order_with_others_between() -> None:
    header = ["note", *reversed(COLUMNS)]
    row = ["said by hand", *reversed(GOOD.split(","))]
    assert read_csv(PATH, text(",".join(row), header=",".join(header)))[0].train_time_ms == 66_542


@pytest.mark.parametrize(("value", "u6"), [("4.05", 4_050_000), ("4.0000005", 4_000_000), ("4.0000015", 4_000_002),
                                           ("1e-3", 1_000), ("", None), ("0", 0)])
def test_losses_are_rounded_half_even_to_micro_nats(value: str, u6: int | None) -> None:
    assert read_csv(PATH, text(with_cell("final_val", value)))[0].final_val_u6 == u6


@pytest.mark.parametrize(("column", "value", "message"), [
    ("teacher_train_time_ms", "66542.5", "whole number"),
    ("teacher_train_time_ms", "-1", "whole number"),
    ("teacher_train_time_ms", "1e3", "whole number"),
    ("teacher_train_time_ms", "\u0661\u0662", "whole number"),
    ("teacher_train_time_ms", "9" * 40, "whole number"),
    ("teacher_steps", "many", "whole number"),
    ("student_steps", "nan", "whole number"),
    ("best_val", "nan", "finite"),
    ("best_val", "inf", "finite"),
    ("final_val", "-4.05", "finite"),
    ("final_val", "1e300", "finite"),
    ("final_val", "four", "a number"),
    ("teacher_params_m", "-0.5", "finite"),
    ("mode", "professor", "one of"),
    ("mode", "", "one of"),
    ("complete", "yes", "one of true, false"),
    ("archival", "", "one of true, false"),
    ("checkpoint_ready", "1", "one of true, false"),
    ("run_id", "", "name"),
    ("run_id", "a\x1b[31m", "printable"),
])
def test_a_wrong_cell_is_named_by_line_and_column(column: str, value: str, message: str) -> None:
    with pytest.raises(CampaignFileError, match=message) as refusal:
        read_csv(PATH, text(with_cell("run_id", "fine"), with_cell(column, value)))
    assert (refusal.value.line, refusal.value.key) == (3, column)
    assert str(refusal.value).startswith(f"runs.csv:3: {column}: ")
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(column: str) -> None:
    header = ",".join(c for c in COLUMNS if c != column)
    with pytest.raises(CampaignFileError, match=f"missing column {column}") as refusal:
        read_csv(PATH, text(header=header))
    assert (refusal.value.line, refusal.value.key) == (1, column)


@pytest.mark.parametrize(("data", "line", "message"), [
    (text(GOOD, GOOD), 3, "is on line 2 too"),
    (text(GOOD + ",more"), 2, "12 cells under 11 columns"),
    (text("t1,teacher"), 2, "2 cells under 11 columns"),
    (text(GOOD, header=HEADER + ",mode"), 1, "there twice"),
    (text('"t1,teacher'), None, "not a CSV"),
    (text(), None, "no run"),
    (b"", 1, "missing columns run_id, mode"),
    (text(GOOD) + b"\xff\xfe", 3, "not UTF-8"),
    (b"\x00\x01\x02" * 50, 1, "missing columns"),
], ids=lambda v: str(v)[:40])
def test_a_wrong_file_is_refused(data: bytes, line: int | None, message: str) -> None:
    with pytest.raises(CampaignFileError, match=message) as refusal:
        read_csv(PATH, data)
    assert line is None or refusal.value.line == line
