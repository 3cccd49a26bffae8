"""``kdorch report``, ``log`` and ``note`` on a finished campaign: every number is the ledger's; seen in a browser."""

from __future__ import annotations

import csv
import io
import itertools
import math
import os
import re
import shlex
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kdorch import Laptop
from tests.integration.browser import Browser, find_browser, running

# What the ledger says, by plain SQL and a definition of the target of this test's own.

@dataclass(frozen=True)
class Run:
    name: str
    role: str
    seed: int
    verdict: str
    steps: int
    train_ms: int
    best: float
    final: float
    median_ms: float
    p90_ms: float
    teacher: str | None
    reference: str | None
    twin: str | None
    points: tuple[tuple[int, int, int], ...]

    def hit(self, target_u6: int) -> tuple[int, int]:
        """(step, ms) of the second of the first two validations in a row that are low enough."""
        low = [p[1] <= target_u6 for p in self.points]
        at = next(i for i in range(1, len(low)) if low[i - 1] and low[i])
        return self.points[at][0], self.points[at][2]


@dataclass(frozen=True)
class Truth:
    runs: dict[str, Run]
    target_u6: int
    budget_ms: int
    head: tuple[int, str]


def truth(laptop: Laptop) -> Truth:
    connection = sqlite3.connect(f"file:{laptop.home / 'ledger.sqlite'}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    members = connection.execute("SELECT * FROM campaign_runs ORDER BY ordinal").fetchall()
    names = {m["run_id"]: m["name"] for m in members}
    runs = {}
    for member in members:
        where = ("SELECT evidence_id FROM evidence WHERE run_id = ?", (member["run_id"],))
        (evidence,) = connection.execute(*where).fetchone()
        m = connection.execute("SELECT * FROM measurements WHERE evidence_id = ?", (evidence,)).fetchone()
        points = tuple((v["step"], v["val_u6"], v["train_time_ms"]) for v in connection.execute(
            "SELECT * FROM validations WHERE evidence_id = ? ORDER BY ordinal", (evidence,)))
        (verdict,) = connection.execute("SELECT verdict FROM verdicts WHERE run_id = ? ORDER BY verdict_no DESC",
                                        (member["run_id"],)).fetchone()
        (seed,) = connection.execute("SELECT seed FROM runs WHERE run_id = ?", (member["run_id"],)).fetchone()
        runs[member["name"]] = Run(
            member["name"], member["role"], seed, verdict, m["final_step"], m["train_time_ms"],
            m["best_val_u6"] / 1e6, m["final_val_u6"] / 1e6, m["median_step_ms"], m["p90_step_ms"],
            names.get(member["teacher_run_id"]), names.get(member["reference_run_id"]),
            names.get(member["twin_run_id"]), points)
    (target,) = connection.execute("SELECT DISTINCT target_u6 FROM policies WHERE target_u6 IS NOT NULL").fetchone()
    (budget,) = connection.execute("SELECT DISTINCT budget_ms FROM policies WHERE budget_ms IS NOT NULL").fetchone()
    head = connection.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    connection.close()
    return Truth(runs, target, budget, (head["seq"], head["hash"]))


def s(ms: float) -> str:
    value = ms / 1000
    decimals = 1 if abs(value) >= 10 or not value else 2 - math.floor(math.log10(abs(value)))
    return f"{half_up(value, decimals)} s"


def half_up(value: float, decimals: int) -> str:
    told = Decimal(f"{value:.12g}").quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
    return f"{told:,}".replace("-", "−")


def count(value: float) -> str:
    return f"{value:,.0f}".replace("-", "−") if float(value).is_integer() else f"{value:,.1f}".replace("-", "−")


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def expected(told: Truth) -> dict[str, list[list[str | None]]]:
    """Caption → rows of cells, None where a cell is words; from the ledger's numbers alone."""
    runs = told.runs
    hits = {n: r.hit(told.target_u6) for n, r in runs.items() if r.role in ("ce", "kd", "control")}
    arms: dict[str, list[Run]] = {}
    for run in runs.values():
        if run.role == "kd":
            arms.setdefault(run.name.rpartition("-s")[0], []).append(run)

    def order(arm: str) -> tuple[float, float, float, str]:
        steps = [hits[r.name][0] for r in arms[arm]]
        rise = max(max(0, b[1] - a[1]) for r in arms[arm] for a, b in itertools.pairwise(r.points))
        return mean(steps), max(steps) - min(steps), rise, arm

    ranked = sorted(arms, key=order)
    effects: list[list[str | None]] = []
    p_values: dict[str, list[float]] = {"reference": [], "twin": []}
    for arm in ranked:
        for other in p_values:
            saved = [hits[getattr(r, other)][0] - hits[r.name][0] for r in arms[arm]]
            sums = [sum(x * y for x, y in zip(saved, signs, strict=True))
                    for signs in itertools.product((1, -1), repeat=len(saved))]
            p_values[other].append(sum(x >= sum(saved) for x in sums) / len(sums))
            effects.append([arm, None, str(len(saved)), count(mean(saved)), "–", None, f"{p_values[other][-1]:.4f}",
                            None])

    def saved_ms(arm: str, other: str, *, net: bool = False) -> str:
        cost = runs[arms[arm][0].teacher or ""].train_ms if net else 0
        return s(mean([hits[getattr(r, other)][1] - hits[r.name][1] for r in arms[arm]]) - cost)

    return {
        "Every run, in plan order": [
            [r.name, None, r.verdict, None, r.role, str(r.seed), "local",
             f"{count(r.steps)}{'' if r.steps == 200 or r.role == 'teacher' else ' of 200'}", s(r.train_ms),
             f"{half_up(r.median_ms, 1)} ms", f"{half_up(r.p90_ms, 1)} ms", f"{r.best:.4f}", f"{r.final:.4f}", None]
            for r in runs.values()],
        "Teachers against their budget": [
            [r.name, "–", count(r.steps), f"{r.train_ms:,} ms", f"{100 * r.train_ms / told.budget_ms:,.0f} %",
             "pass" if r.train_ms <= told.budget_ms else "miss", f"{r.final:.4f}", r.verdict]
            for r in runs.values() if r.role == "teacher"],
        "Runs without KD against the target": [
            [r.name, r.role, str(r.seed), count(hits[r.name][0]), s(hits[r.name][1]), f"{r.final:.4f}", f"{r.best:.4f}"]
            for r in runs.values() if r.role in ("ce", "control")],
        "KD arms, best first": [
            [str(i), arm, "yes", f"{len(arms[arm])} of {len(arms[arm])}",
             f"{count(mean([hits[r.name][0] for r in arms[arm]]))} "
             f"({', '.join(count(hits[r.name][0]) for r in arms[arm])})",
             f"{s(mean([hits[r.name][1] for r in arms[arm]])).removesuffix(' s')} "
             f"({', '.join(s(hits[r.name][1]).removesuffix(' s') for r in arms[arm])}) s",
             count(mean([hits[r.reference or ''][0] - hits[r.name][0] for r in arms[arm]])),
             count(mean([hits[r.twin or ''][0] - hits[r.name][0] for r in arms[arm]])),
             count(order(arm)[1]), f"{order(arm)[2] / 1e6:.4f}"] for i, arm in enumerate(ranked, start=1)],
        "Train time to the target": [
            [arm, arms[arm][0].teacher, s(runs[arms[arm][0].teacher or ""].train_ms), saved_ms(arm, "reference"),
             saved_ms(arm, "reference", net=True), saved_ms(arm, "twin"), saved_ms(arm, "twin", net=True)]
            for arm in ranked],
        "Steps saved, against chance": effects,
    }


class Tables(HTMLParser):
    """Caption → rows of cells of every table of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, list[list[str]]] = {}
        self._caption = ""
        self._into: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "caption":
            self._into = []
        elif tag == "tr":
            self.found[self._caption].append([])
        elif tag == "td":
            self._into = []

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "caption":
            self._caption = "".join(self._into or [])
            self.found[self._caption] = []
        elif tag == "td":
            self.found[self._caption][-1].append("".join(self._into or []))
        if tag in ("caption", "td"):
            self._into = None


def markdown_rows(text: str) -> list[list[str]]:
    return [[cell.replace("\\|", "|") for cell in re.split(r"(?<!\\) \| ", line[2:-2])]
            for line in text.splitlines() if line.startswith("| ")]


def agrees(found: list[str], wanted: list[str | None]) -> bool:
    return len(found) == len(wanted) and all(w is None or w == f for f, w in zip(found, wanted, strict=True))


def test_every_number_in_the_tables_of_both_forms_is_the_ledgers(finished: Laptop) -> None:
    told = truth(finished)
    html = finished.run("report", "small", "--format", "html", "--stdout").stdout.decode()
    text = finished.run("report", "small", "--stdout").stdout.decode()
    in_html, in_markdown = Tables(html).found, markdown_rows(text)
    for caption, rows in expected(told).items():
        assert len(in_html[caption]) - 1 == len(rows), caption  # the heading is a row without cells
        for found, wanted in zip(in_html[caption][1:], rows, strict=True):
            assert agrees(found, wanted), (caption, found, wanted)
        for wanted in rows:
            assert any(agrees(row, wanted) for row in in_markdown), (caption, wanted)
    for form in (html, text):
        assert f"event {told.head[0]}, " in form
        assert told.head[1] in form
        assert f"{told.target_u6 / 1e6:.4f}" in form


def test_the_csv_is_as_exact_as_the_ledger(finished: Laptop) -> None:
    told = truth(finished)
    text = finished.run("report", "small", "--format", "csv", "--stdout").stdout.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [r["name"] for r in rows] == list(told.runs)
    for row in rows:
        run = told.runs[row["name"]]
        assert (int(row["steps"]), int(row["train_time_ms"]), float(row["best_val"]), float(row["final_val"])) == \
            (run.steps, run.train_ms, run.best, run.final)
        assert (float(row["median_step_ms"]), float(row["p90_step_ms"])) == (run.median_ms, run.p90_ms)
        if run.role != "teacher":
            assert (int(row["steps_to_target"]), int(row["time_to_target_ms"])) == run.hit(told.target_u6)


def test_the_same_ledger_gives_the_same_bytes_anywhere(finished: Laptop, tmp_path: Path) -> None:
    trees = []
    for place in ("one", "other"):
        for form in ("md", "html", "csv"):
            out = tmp_path / place
            path = finished.run("report", "small", "--format", form, "--out", str(out)).stdout.decode().strip()
            assert Path(path).parent == out
        trees.append({p.name: p.read_bytes() for p in sorted(out.iterdir())})
    assert trees[0] == trees[1]
    assert {"report.md", "report.html", "runs.csv", "val_vs_steps.png", "train_loss.png"} <= set(trees[0])


def test_a_note_is_kept_in_the_chain_and_stands_in_log_and_report(finished: Laptop) -> None:
    finished.run("note", "small/b2.0-s0", "the neighbour slept | from step 90 on")
    finished.run("ledger", "verify")
    log = finished.run("log").stdout.decode()
    assert "the neighbour slept | from step 90 on" in log
    assert "the neighbour slept" in finished.run("report", "small", "--stdout").stdout.decode()
    for bad, word in (("", "empty"), ("x" * 2001, "2000"), ("a\x07b", "cannot be printed")):
        assert word in finished.run("note", "small/b2.0-s0", bad, code=2).stderr.decode()
    assert "no run is called" in finished.run("note", "nobody", "x", code=2).stderr.decode()


def test_the_log_names_entries_by_pattern_and_repeats_commands(finished: Laptop) -> None:
    log = finished.run("log").stdout.decode()
    assert "## SR-001: small" in log
    assert "**Goal**: CE baseline, teachers under a derived budget" in log
    (command,) = (line for line in log.splitlines() if line.startswith("kdorch "))
    assert shlex.split(command) == ["kdorch", "campaign", "launch", "small.yaml"]
    told = truth(finished)
    for run in told.runs.values():
        assert any(row[0] == run.name and row[5:7] == [count(run.steps), s(run.train_ms)]
                   for row in markdown_rows(log)), run.name
    assert "## small at local: small" in finished.run("log", "--names", "{campaign} at {host}").stdout.decode()
    for pattern in ("{x}", "{n", "same", "{n.real}"):
        assert "--names" in finished.run("log", "--names", pattern, code=2).stderr.decode()
    assert "knows no campaign" in finished.run("log", "--campaign", "nobody", code=2).stderr.decode()


def test_the_command_says_what_it_cannot_do(finished: Laptop) -> None:
    assert "knows no campaign" in finished.run("report", "nobody", code=2).stderr.decode()
    assert "name a campaign" in finished.run("report", code=2).stderr.decode()
    assert "--out" in finished.run("report", "small", "--stdout", "--out", "x", code=2).stderr.decode()
    assert "steps_to_target" in finished.run("report", "--columns").stdout.decode()


# In a browser.

@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A developer without Chromium may skip; where CI installs it, it may not be missing."""
    program = find_browser()
    if program is None:
        if os.environ.get("KDORCH_NEEDS_BROWSER"):
            pytest.fail("no chromium on PATH; 'apt-get install chromium' brings it")
        pytest.skip("no chromium on PATH; 'apt-get install chromium' brings it")
    with running(program, tmp_path_factory.mktemp("browser")) as found:
        yield found


def test_reports_and_log_fit_a_phone_and_a_desk_and_complain_of_nothing(finished: Laptop, browser: Browser,
                                                                        tmp_path: Path) -> None:
    report = Path(finished.run("report", "small", "--format", "html").stdout.decode().strip())
    log = tmp_path / "log.html"
    log.write_bytes(finished.run("log", "--format", "html").stdout)
    tab = browser.tab()
    for page in (report, log):
        for width, height, phone, dark in ((390, 844, True, False), (390, 844, True, True), (1280, 900, False, False)):
            tab.size(width, height, phone=phone, dark=dark)
            tab.open(page)
            assert tab.value("document.documentElement.scrollWidth") <= width
            assert tab.value("window.innerWidth") == width
            assert tab.value(_WIDER_THAN_ITS_BOX) == []
            assert tab.value(_NOT_SHOWN) == []
            assert tab.value(_CUT_OFF) == [], "a figure must be seen whole, labels at its right edge too"
            assert tab.value(_TABLES_OUTSIDE) == 0, "wide tables scroll inside their own box"
            assert tab.value(_FAINT) == [], "text without enough contrast"
    assert tab.complaints == []
    assert tab.value("document.querySelectorAll('script').length") == 0


_WIDER_THAN_ITS_BOX = """[...document.querySelectorAll('body *')].filter(e => !e.closest('.box, .skip')
  && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName)"""
_CUT_OFF = """[...document.images].filter(i => {
  const [a, b] = [i, i.parentElement].map(e => e.getBoundingClientRect());
  return a.left < b.left || a.right > b.right || b.right > innerWidth; }).map(i => i.alt)"""
_TABLES_OUTSIDE = "[...document.querySelectorAll('table')].filter(t => !t.closest('.box')).length"
_NOT_SHOWN = "[...document.images].filter(i => !i.complete || i.naturalWidth < 100).map(i => i.alt)"
_FAINT = """(() => {
  const rgb = c => c.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = c => { const [r, g, b] = rgb(c).map(v => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (c.startsWith('rgb(')) return c; } return 'rgb(255, 255, 255)'; };
  return [...document.querySelectorAll('p, li, td, th, h1, h2, h3, a, code, figcaption, caption, td span')]
    .filter(e => e.textContent.trim() && !e.closest('.skip')).filter(e => {
      const a = light(getComputedStyle(e).color), b = light(ground(e));
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5; })
    .map(e => e.tagName + ': ' + e.textContent.slice(0, 40)); })()"""


def test_the_launch_leaves_the_report_in_every_form(finished: Laptop) -> None:
    found: dict[str, Any] = {p.name: p.stat().st_size for p in (finished.home / "reports" / "small").iterdir()}
    assert {"report.md", "report.html", "runs.csv"} <= set(found)
