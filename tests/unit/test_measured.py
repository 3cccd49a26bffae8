"""Rules of measurements: steady step times, the parts of a step, and what a shortage says."""

from __future__ import annotations

from orchestrator.domain.measured import Shortage, figures_of
from orchestrator.wire.trainlog import parse_log


def test_figures_of_a_log_are_steady_steps_medians_of_parts_and_claims() -> None:
    lines = ["step:0/30 val_loss:5.0000 train_time:0ms step_avg:0.00ms"]
    for n in range(1, 31):
        took = 900.0 if n <= 20 else 100.0 + n
        lines.append(f"profile step:{n} student_ms:{took:.3f} backward_ms:{2 * took:.3f}")
        time = sum(900.0 if k <= 20 else 100.0 + k for k in range(1, n + 1))
        lines.append(f"step:{n}/30 train_loss:4.0000 train_time:{time:.3f}ms step_avg:1.00ms")
    lines += ["step:30/30 val_loss:4.5000 train_time:1ms step_avg:1.00ms",
              "verdict F-DISTILL-SMOKE-001 PASS val_loss 5.000000 then 4.500000", "run_end step:30 reason:horizon"]
    found = figures_of("m/x-s0", "x", "completed", 2000, parse_log(("\n".join(lines) + "\n").encode()), None)
    assert (found.median_ms, len(found.deltas)) == (126.0, 9)
    assert found.tokens_per_second is not None
    assert round(found.tokens_per_second) == 15873
    assert found.phases == {"student": 125.5, "backward": 251.0}
    assert found.claims == (("F-DISTILL-SMOKE-001", True, "val_loss 5.000000 then 4.500000"),)
    assert found.final_val == 4.5


def test_a_shortage_says_what_was_tried_free_and_missing_and_nothing_that_is_not_known() -> None:
    tried = 49152 * 50304 * 4 / 2**20
    words = Shortage("soft", tried, 3.32 * 1024, tried - 3.32 * 1024).words()
    assert words == "out of memory in soft: tried 9.21 GiB, free 3.32 GiB, shortfall 5.89 GiB"
    assert Shortage(None, 1576.96, 298.12, None).words() == "out of memory: tried 1.54 GiB, free 298.12 MiB"
    assert Shortage(None, None, None, None).words() == "out of memory"
