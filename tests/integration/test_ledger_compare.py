"""``kdorch ledger compare`` on imported logs made to published figures, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.dispatch.home import Home
from orchestrator.domain.errors import UsageError
from orchestrator.domain.verdict import Role
from orchestrator.ledger.imports import import_log
from orchestrator.ledger.rows import FileRecord
from orchestrator.ledger.store import Ledger
from orchestrator.report.compare import compare
from tests.e2e.kdorch import Laptop
from tests.integration.ledger_kit import CE_POLICY, Story, measurement, open_ledger, points, raw
from tests.integration.proven_ledger import without_guards

WARM_UP = 21  # the lines before the first delta that counts


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as opened:
        yield opened


def log_with(deltas: Sequence[float], *, validations: dict[int, float] | None = None) -> str:
    """A modded-nanogpt log whose steady step deltas are exactly these, after a warm-up of 100 ms a step."""
    lines, at = [], 0.0
    total = WARM_UP + len(deltas) - 1
    for step in range(total + 1):
        if step:
            at += 100.0 if step < WARM_UP else deltas[step - WARM_UP]
            lines.append(f"step:{step}/{total} train_loss:5.0000 train_time:{at:.0f}ms step_avg:{at / step:.2f}ms")
        if validations and step in validations:
            lines.append(f"step:{step}/{total} val_loss:{validations[step]:.4f} train_time:{at:.0f}ms "
                         f"step_avg:{at / max(1, step):.2f}ms")
    return "\n".join(lines) + "\n"


def shaped(median: int, p90: int, n: int) -> list[float]:
    """``n`` deltas with exactly this median and this 90th percentile, in a fixed disorder."""
    low, high = n // 2 - 1, n // 10 + 2
    values = [median - 1.0] * low + [float(median)] * (n - low - high) + [float(p90)] * high
    random.Random(5).shuffle(values)
    return values


def bring_in(ledger: Ledger, tmp_path: Path, name: str, text: str, mode: str = "measurement") -> None:
    path = tmp_path / f"{name}.log"
    path.write_text(text)
    import_log(ledger, path, mode=mode)


def test_the_teacher_inference_a_b_gives_its_published_figures_and_its_winner(ledger: Ledger, tmp_path: Path) -> None:
    bring_in(ledger, tmp_path, "A_default", log_with(shaped(67, 101, 120)))
    bring_in(ledger, tmp_path, "B_sdpa", log_with(shaped(424, 728, 120)))
    told = compare(ledger, tmp_path, ["A_default", "B_sdpa"], assume_same=True)
    a, b = told.runs
    assert a.steps is not None
    assert b.steps is not None
    assert (a.steps.median_ms, a.steps.p90_ms) == (67, 101)
    assert (b.steps.median_ms, b.steps.p90_ms) == (424, 728)
    assert b.step_time is not None
    assert b.step_time.words == "slower"
    assert b.step_time.low is not None
    assert b.step_time.low > 4


def test_the_a_b_of_record_is_reproduced_from_its_numbers_by_the_commands(tmp_path: Path) -> None:
    """Medians, 90th percentiles and last averages as published; the student is 7.1 times the default teacher."""
    laptop = Laptop(tmp_path)
    published = {"A_default": (67, 101, 66.88), "B_sdpa": (424, 728, 490.62), "ce_student": (476, 679, 525.38)}
    for name, (median, p90, average) in published.items():
        text = log_with(shaped(median, p90, 120))
        head, _, tail = text.rpartition("step_avg:")
        (tmp_path / f"{name}.log").write_text(f"{head}step_avg:{average}ms{tail[tail.index('ms') + 2:]}")
        told = json.loads(laptop.run("ledger", "parse", f"{name}.log", "--json").stdout)
        assert (told["median_step_ms"], told["p90_step_ms"], told["latest_step_avg_ms"]) == (median, p90, average)
    laptop.run("ledger", "import", *(f"{name}.log" for name in published), "--mode", "measurement")
    told = json.loads(laptop.run("ledger", "compare", *published, "--same-machine", "--json").stdout)
    a, b, student = told["runs"]
    assert [(r["steps"]["median_ms"], r["steps"]["p90_ms"]) for r in told["runs"]] == [
        (median, p90) for median, p90, _ in published.values()]
    assert (b["step_time"]["words"], round(b["step_time"]["ratio"], 2)) == ("slower", 6.33)
    assert round(student["step_time"]["ratio"], 1) == 7.1
    assert b["step_time"]["low"] < 424 / 67 < b["step_time"]["high"]
    assert b["step_time"]["p_value"] < 0.002
    assert a["step_time"] is None


def test_a_slice_and_a_run_among_several_are_compared_by_their_own_lines(ledger: Ledger, tmp_path: Path) -> None:
    log = log_with([10.0] * 200, validations={25: 4.2, 50: 4.0, 75: 3.9, 100: 3.8})
    bring_in(ledger, tmp_path, "whole", log)
    (tmp_path / "two.log").write_text(log + log_with([20.0] * 200, validations={25: 4.0, 50: 3.9}))
    import_log(ledger, tmp_path / "two.log", mode="measurement")
    import_log(ledger, tmp_path / "whole.log", mode="measurement", slice_step=50)
    whole, second, cut = compare(ledger, tmp_path, ["whole", "two#2", "whole@slice50"], target=4.0,
                                 assume_same=True).runs
    assert [r.hit and r.hit.steps_to_target for r in (whole, second, cut)] == [75, 50, None]
    assert cut.hit is not None
    assert cut.hit.single_hit_step == 50
    assert second.step_time is not None
    assert second.step_time.ratio == 2


def test_two_logs_of_one_process_alike_show_no_difference(ledger: Ledger, tmp_path: Path) -> None:
    bring_in(ledger, tmp_path, "one", log_with(shaped(250, 460, 400)))
    values = shaped(250, 460, 400)
    bring_in(ledger, tmp_path, "other", log_with(values[::-1]))
    ratio = compare(ledger, tmp_path, ["one", "other"], assume_same=True).runs[1].step_time
    assert ratio is not None
    assert ratio.words == "no difference shown"


def test_the_reference_reaches_4_07_at_step_650_after_212_851_ms(ledger: Ledger, tmp_path: Path) -> None:
    """The target is confirmed by the second of two consecutive validations, and its time is the one counted."""
    validations = {625: 4.07, 650: 4.0690, 600: 4.10, 575: 4.12}
    deltas = [251.0] * 700
    text = log_with(deltas, validations=validations)
    before = 100 * (WARM_UP - 1) + 251 * (650 - WARM_UP + 1)
    text = text.replace(f"train_time:{before}ms", "train_time:212851ms")
    bring_in(ledger, tmp_path, "ce", text, mode="ce_baseline")
    hit = compare(ledger, tmp_path, ["ce", "ce"], target=4.07).runs[0].hit
    assert hit is not None
    assert (hit.steps_to_target, hit.time_to_target_ms) == (650, 212851)


def test_imported_logs_are_not_set_against_each_other_without_a_persons_word(ledger: Ledger, tmp_path: Path) -> None:
    bring_in(ledger, tmp_path, "a", log_with([10.0] * 200, validations={25: 4.1, 50: 4.0, 75: 4.0}))
    bring_in(ledger, tmp_path, "b", log_with([20.0] * 200, validations={25: 4.0, 50: 4.0, 75: 4.0}))
    refused = compare(ledger, tmp_path, ["a", "b"], target=4.0).runs[1]
    assert refused.step_time is None
    assert refused.time_saved_ms is None
    assert any("imported" in why for why in refused.refused_times)
    assert refused.steps_saved == 25
    vouched = compare(ledger, tmp_path, ["a", "b"], target=4.0, assume_same=True).runs[1]
    assert vouched.step_time is not None
    assert vouched.step_time.words == "slower"
    assert vouched.refused_times == ()


@pytest.mark.parametrize(("steps", "validations", "why"), [
    (100, {25: 4.0, 50: 4.0}, "horizon: 220 against 120"),
    (200, {20: 4.0, 40: 4.0}, "validations at other steps, up to step 40: 25 against 20, 40"),
])
def test_logs_of_other_horizons_or_validations_save_no_steps(steps: int, validations: dict[int, float], why: str,
                                                             ledger: Ledger, tmp_path: Path) -> None:
    bring_in(ledger, tmp_path, "a", log_with([10.0] * 200, validations={25: 4.1, 50: 4.0, 75: 4.0}))
    bring_in(ledger, tmp_path, "b", log_with([10.0] * steps, validations=validations))
    told = compare(ledger, tmp_path, ["a", "b"], target=4.0, assume_same=True).runs[1]
    assert told.refused_steps == (why,)
    assert told.hit is not None
    assert (told.steps_saved, told.time_saved_ms, told.matched) == (None, None, None)


@pytest.fixture
def planned(proof: Home, tmp_path: Path) -> Home:
    shutil.copytree(proof.root, tmp_path / "laptop")
    return Home(tmp_path / "laptop")


def test_another_seed_is_said_and_another_host_is_refused(planned: Home, tmp_path: Path) -> None:
    with open_ledger(planned.root / "ledger.sqlite") as ledger:
        names = ["confirm/seeds-s11", "confirm/seeds-s12"]
        alike = compare(ledger, planned.root, names).runs[1]
        assert alike.noted[0] == "seed: 11 against 12; one seed a side cannot tell a gain from luck"
        assert alike.refused_times == ()
    elsewhere = Home(tmp_path / "elsewhere")
    shutil.copytree(planned.root, elsewhere.root)
    with closing(raw(elsewhere.root / "ledger.sqlite")) as connection:
        guards = without_guards(connection, "attempts")
        connection.execute("UPDATE attempts SET host = 'other' WHERE run_id = (SELECT run_id FROM campaign_runs "
                           "WHERE name = ?)", (names[1],))
        for sql in guards:
            connection.execute(sql)
    with open_ledger(elsewhere.root / "ledger.sqlite") as ledger:
        refused = compare(ledger, elsewhere.root, names).runs[1]
        assert refused.refused_times == ("host: local against other; --same-machine vouches that they are alike",)
        assert refused.step_time is None
        assert compare(ledger, elsewhere.root, names, assume_same=True).runs[1].refused_times == ()


def test_a_busier_machine_and_another_processor_are_named(ledger: Ledger, tmp_path: Path) -> None:
    story = Story(ledger).begin()
    story.pin("ce", CE_POLICY)
    log = log_with([10.0] * 100).encode()
    for name, busy, cpu in (("calm", 0.01, "EPYC"), ("busy", 0.44, "EPYC"), ("other", 0.02, "Xeon")):
        run_id = story.add(name, Role.CE, "ce")
        story.launch(run_id)
        story.end(run_id)
        record = story.evidence(run_id)
        record = replace(record, files=(FileRecord("train.log", hashlib.sha256(log).hexdigest(), len(log)),))
        (tmp_path / record.directory).mkdir(parents=True)
        (tmp_path / record.directory / "train.log").write_bytes(log)
        ledger.settle(run_id, 1, record, measurement(
            environment_json=json.dumps({"device": "cpu", "cpu_model": cpu}),
            usage_json=json.dumps({"load": {"other_cpu_fraction": busy}})), points())
    _, busy, other = compare(ledger, tmp_path, ["calm", "busy", "other"]).runs
    assert busy.refused_times == ()
    assert busy.noted == ("load: other processes took 1% of the machine, here 44%; times suffer from it",)
    assert (other.refused_times, other.noted) == (("cpu_model: EPYC against Xeon",), ())


def test_a_log_that_was_altered_after_its_import_gives_no_figure(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    for name in ("a", "b"):
        (tmp_path / f"{name}.log").write_text(log_with([10.0 + ord(name)] * 200, validations={25: 4.0, 50: 3.9}))
        laptop.run("ledger", "import", f"{name}.log", "--mode", "measurement")
    kept, = (laptop.home / "evidence").rglob("b.log")
    kept.write_text(kept.read_text().replace("val_loss:4.0000", "val_loss:3.0000"))
    assert b"was altered" in laptop.run("ledger", "compare", "a", "b", code=4).stderr
    kept.unlink()
    assert b"cannot be read: No such file" in laptop.run("ledger", "compare", "a", "b", code=4).stderr


def test_a_run_without_a_log_and_a_single_run_are_refused(ledger: Ledger, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run"):
        compare(ledger, tmp_path, ["nobody", "nothing"])
    laptop = Laptop(tmp_path)
    laptop.run("ledger", "compare", "only", code=2)


def test_the_command_compares_in_words_and_in_json(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    for name, ms in (("fast", 10.0), ("slow", 20.0)):
        (tmp_path / f"{name}.log").write_text(log_with([ms] * 150, validations={25: 4.0, 50: 3.9}))
        laptop.run("ledger", "import", f"{name}.log", "--mode", "measurement")
    words = laptop.run("ledger", "compare", "fast", "slow", "--same-machine", "--target", "4.0").stdout.decode()
    assert "step 50" in words
    assert "slower" in words
    assert b'"refused_times": []' in laptop.run("ledger", "compare", "fast", "slow", "--same-machine", "--json").stdout


def test_stats_say_what_a_campaign_cost_and_what_is_left_of_its_budget(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    laptop.run("ledger", "import", str(Path(__file__).parent / "data" / "ledger_of_record.csv"))
    told, = json.loads(laptop.run("ledger", "stats", "--json").stdout)
    budget, = told["budgets"]
    assert (budget["budget_ms"], budget["passed"], budget["measured"]) == (69402, 5, 7)
    assert budget["chosen"] is None
    assert told["train_ms"] == 694015 + 362472 + 184101 + 32917 + 66542 + 56620 + 34539 + 39767
    assert b"69402 ms" in laptop.run("ledger", "stats").stdout


@pytest.mark.parametrize("target", ["nan", "inf", "1e300", "-1", "0"])
def test_a_target_that_is_no_loss_is_refused(target: str, tmp_path: Path) -> None:
    said = Laptop(tmp_path).run("ledger", "compare", "one", "two", "--target", target, code=2).stderr
    words = "is not a finite number" if target in ("nan", "inf") else "a target must be a finite loss above 0"
    assert words.encode() in said


def test_a_run_under_two_names_is_not_compared_with_itself(tmp_path: Path) -> None:
    laptop = Laptop(tmp_path)
    (tmp_path / "whole.log").write_text(log_with([10.0] * 30, validations={25: 4.0, 50: 3.9}))
    laptop.run("ledger", "import", "whole.log")
    for other in ("whole", "who"):
        assert f"'whole' and '{other}' are one run".encode() in laptop.run("ledger", "compare", "whole", other,
                                                                          code=2).stderr
