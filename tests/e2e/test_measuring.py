"""A campaign that measures, through the real command: the end that it asks about is its answer."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.kdorch import Laptop


def test_running_out_of_memory_is_the_answer_that_was_asked_for(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    said = laptop.run("campaign", "launch", "max_batch.yaml", "--scale", "rehearsal", "--exit-status").stderr.decode()
    answer = "The largest batch that fits has 64 sequences of 1,024 tokens: "
    assert answer in said
    assert "; the first that does not has 128 and ran out of memory: tried 9.21 GiB, " in said
    report = (laptop.home / "reports" / "max_batch_rehearsal" / "report.md").read_text()
    assert "| max_batch_rehearsal/b128-s0 | answered: OOM | – | out of memory (tried 9.21 GiB, " in report
    assert "Rejected, and why" not in report
    assert "Not in any claim" not in report
    assert " on hosts, 0.0 s of it without a result; " in report
    assert b", 0.0 s of it without a result" in laptop.run("ledger", "stats").stdout
    assert "- local: cpu, no torch, fp32, trainer simulated (3 runs)." in report
    log = laptop.run("log").stdout.decode()
    assert answer in log, "the log reads what stands in measurements' own logs too"
    for page in (report, log):
        assert "**Simulated:** No model was trained." in page
    assert "model.layers" not in log
