"""How a transfer looks where there is no terminal: now and then a line, and the end of each file once."""

from __future__ import annotations

import io

from orchestrator.cli.transfer import QUIET_S, TransferView


def test_a_quick_transfer_says_nothing() -> None:
    out = io.StringIO()
    with TransferView(out, lambda: 0.0) as view:
        view("file", 5, 5)
    assert out.getvalue() == ""


def test_the_end_of_a_file_is_said_once_however_often_it_is_reported() -> None:
    out, now = io.StringIO(), [0.0]
    with TransferView(out, lambda: now[0]) as view:
        now[0] = 2 * QUIET_S
        for done in (1_000_000, 3_000_000, 3_000_000, 3_000_000):
            view("file", done, 3_000_000)
            now[0] += QUIET_S
        view("other", 1, 2_000_000)
    assert out.getvalue().splitlines() == ["file: 1.0 of 3.0 MB", "file: 3.0 of 3.0 MB", "other: 0.0 of 2.0 MB"]
