"""Rules of the report's forms: one page in Markdown, HTML and CSV, the labels it must carry, and its figures."""

from __future__ import annotations

import csv
import io
import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from orchestrator.domain.measured import Figures, Shortage
from orchestrator.report import rendering
from orchestrator.report.campaign_report import build_report
from orchestrator.report.comparisons import analyse, analyses
from orchestrator.report.courses import course, numbers, thinned
from orchestrator.report.document import Page, Paragraph, Section, code, table, text
from orchestrator.report.figures.canvas import short, spread
from orchestrator.report.model import Mark, PersonNote, ReportPolicy
from orchestrator.report.runs_csv import COLUMNS, columns_text
from orchestrator.wire.trainlog import parse_log
from tests.unit.test_report import CE, FULL, TEACHER, campaign, falling, kd, run


class Outline(HTMLParser):
    """Headings, landmarks, images and tables of a page; fails on tags that do not close."""

    VOID = frozenset({"meta", "link", "img"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def pages():
    return build_report(FULL)


# HTML

def test_the_html_is_one_file_that_asks_for_nothing(pages):
    outline = Outline(pages.html)
    assert outline.all("script") == []
    assert [i["src"][:22] for i in outline.all("img")] == ["data:image/png;base64,"] * len(pages.figures)
    assert [link["href"] for link in outline.all("link")] == ["data:,"]
    assert re.findall(r"url\(|@import|https?://", pages.html) == []


def test_the_html_can_be_heard_and_read_on_a_phone(pages):
    outline = Outline(pages.html)
    assert all(len(i["alt"] or "") > 20 and i["width"] and i["height"] for i in outline.all("img"))
    for landmark in ("header", "main", "nav"):
        assert len(outline.all(landmark)) == 1
    assert len(outline.all("h1")) == 1
    assert outline.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in outline.all("meta")
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))
    assert len(outline.all("caption")) == len(outline.all("table"))
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {a["href"] for a in outline.all("a")} <= {f"#{i}" for i in ids}


def test_no_name_can_become_markup():
    odd = replace(TEACHER, name='<img src=x onerror="alert(1)">', notes=(PersonNote("2026", "</p><script>x</script>"),))
    told = build_report(campaign(odd))
    assert Outline(told.html).all("script") == []
    in_code = re.compile("`[^`]*`|```.*?```", re.DOTALL)
    assert re.findall("<(?:script|img)", in_code.sub("", told.markdown)) == []


def test_markdown_and_html_hold_the_same_cells(pages):
    for part in pages.page.sections:
        for block in part.blocks:
            if block.kind == "table":
                for row in block.rows:
                    assert f"| {' | '.join(c.replace('|', chr(92) + '|') for c in row)} |" in pages.markdown


def test_a_row_must_fit_its_table():
    with pytest.raises(ValueError, match="a row of 1 cells for 2 columns"):
        table("t", "a | >b", [["1"]])


def test_code_cannot_leave_its_marks():
    page = Page("t", "a", (Section("s", (Paragraph(text(code("x` **y**"))),)),))
    assert "`x' **y**`" in rendering.markdown(page)


# CSV

def test_the_csv_has_one_row_per_run_and_documents_its_columns(pages):
    rows = list(csv.DictReader(io.StringIO(pages.csv)))
    assert [r["name"] for r in rows] == [r.name for r in FULL.runs]
    assert list(rows[0]) == [name for name, _ in COLUMNS]
    best = next(r for r in rows if r["name"] == "b3-s0")
    assert (best["steps_to_target"], best["time_to_target_ms"], best["controlled"]) == ("500", "50000.0", "1")
    assert next(r for r in rows if r["name"] == "t3-s0")["why"] == "budget: 184101 ms"
    assert all(line.split()[0] == name for line, (name, _) in zip(columns_text().splitlines(), COLUMNS, strict=True))


def test_a_run_that_never_arrives_is_censored_and_not_zero():
    told = build_report(campaign(*CE, kd("b3", 0, 2000, end=1000))).csv
    row = next(r for r in csv.DictReader(io.StringIO(told)) if r["name"] == "b3-s0")
    assert (row["steps_to_target"], row["censored_at_step"]) == ("", "1000")


# Labels

def test_uncontrolled_stands_everywhere_when_no_arm_has_a_control():
    told = build_report(campaign(*CE, kd("b1", 0, 500, twin=None), kd("b1", 1, 500, twin=None)))
    assert "uncontrolled" in told.answer
    assert "> **Uncontrolled:**" in told.markdown
    assert "| uncontrolled |" in told.markdown
    assert "b1 is uncontrolled: no effect of distillation itself can be claimed" in told.markdown
    assert {r["controlled"] for r in csv.DictReader(io.StringIO(told.csv)) if r["role"] == "kd"} == {"0"}


def test_a_controlled_campaign_is_never_called_uncontrolled():
    told = build_report(campaign(*FULL.runs[:6], *FULL.runs[6:8]))
    assert "ncontrolled" not in told.markdown


def test_an_effect_is_claimed_against_the_control_and_only_with_enough_seeds():
    def full(seeds: int) -> str:
        runs = [r for s in range(seeds) for r in (
            run(f"ce-s{s}", "ce", s, falling(650)), kd("b3", s, 500), run(f"b3-twin-s{s}", "control", s, falling(600)))]
        return build_report(campaign(*runs)).markdown

    assert "KD's own effect in b3 is shown: 100 steps against its control, p = 0.0312 by the exact" in full(5)
    assert "4 pairs of seeds cannot reach p ≤ 0.05, which takes 5" in full(4)


def test_a_provisional_run_is_named_before_any_number():
    told = build_report(campaign(*CE, kd("b3", 0, 500), kd("b1", 0, 100, labels=("provisional",)))).markdown
    assert told.index("> **Provisional:** b1-s0") < told.index("## What was asked")


def test_numbers_are_promised_only_of_runs_that_have_some():
    waiting = run("b2-s0", "kd", 0, (), labels=("provisional",), verdict=None, outcome=None)
    told = build_report(campaign(*CE, kd("b3", 0, 500), kd("b1", 0, 100, labels=("provisional",)), waiting)).markdown
    assert "> **Provisional:** b1-s0. Their numbers are shown and enter no claim. b2-s0: no numbers yet." in told
    assert "Their numbers" not in build_report(campaign(*CE, waiting)).markdown


def test_notes_stand_in_the_report():
    told = build_report(campaign(replace(TEACHER, notes=(PersonNote("2026-11-21T10:00:00Z", "the fan failed"),))))
    assert "- `t-s0`, 2026-11-21T10:00:00Z: the fan failed" in told.markdown


def test_a_failure_is_told_where_the_run_is_left_out():
    broken = kd("b1", 0, 500, verdict=None, outcome="oom", status="oom", failure="oom: CUDA out of memory")
    told = build_report(campaign(*CE, kd("b3", 0, 500), broken)).markdown
    assert "- b1-s0: ended as oom, without a verdict (oom: CUDA out of memory)" in told


# Stages

def test_stages_are_ranked_apart_and_the_last_one_answers():
    short_stage = [kd(a, 0, at, stage="sweep") for a, at in (("x", 300), ("y", 350))]
    long_stage = [kd("z", 0, 500, stage="long")]
    told = campaign(*CE, *short_stage, *long_stage, policies=(
        ReportPolicy("sweep", "p", ("budget",), target=4.07), ReportPolicy("long", "p", ("budget",), target=4.2)))
    assert [(a.stage, [x.name for x in a.arms], a.target) for a in analyses(told)] == \
        [("sweep", ["x", "y"], 4.07), ("long", ["z"], 4.2)]
    assert analyse(told).stage == "long"
    text = build_report(told).markdown
    assert text.index("## KD arms of stage long, ranked") < text.index("## KD arms of stage sweep, ranked")


def test_losses_at_matched_steps_are_shown_where_a_side_never_arrived():
    never = run("ce-s0", "ce", 0, falling(2000, end=400))
    told = build_report(campaign(never, kd("b3", 0, 500))).markdown
    assert "### At matched steps" in told
    assert "| b3-s0 | ce-s0 | 400 | 4.1450 | 5.6450 | 1.5000 |" in told
    assert "At matched steps" not in build_report(campaign(CE[0], kd("b3", 0, 500))).markdown


# Measurements

def test_a_measurement_shows_its_figures_its_winner_and_its_shortage():
    def measured(name: str, median: float, shortage: Shortage | None = None):
        deltas = () if shortage else (median,) * 30
        figures = Figures(f"{name}-s0", name, "oom" if shortage else "completed", 4096, deltas, {"student": 12.5},
                          1024, 2048, 4.5, shortage, (("F-DISTILL-SMOKE-001", False, "val_0=4.1 val_end=4.2"),))
        return run(f"{name}-s0", "measurement", 0, falling(250), stage="ab", figures=figures)

    told = build_report(campaign(measured("A", 67.0), measured("B", 424.0), duels=("ab",), target=None)).markdown
    assert "winner=A median_ms=67.00 p90_ms=67.00" in told
    assert "| A-s0 | – | 4,096 | 67.0 ms | 67.0 ms | 61,134 | 1.00 GiB | 2.00 GiB | 4.5000 | completed |" in told
    assert "| A-s0 | F-DISTILL-SMOKE-001 | fail | val_0=4.1 val_end=4.2 |" in told
    short_of = build_report(campaign(measured("C", 1.0, Shortage("soft", 9431.0, 3400.0, 6031.0)), target=None))
    assert "out of memory in soft: tried 9.21 GiB, free 3.32 GiB, shortfall 5.89 GiB" in short_of.markdown


# Figures

def gridded(**twins):
    runs = [kd(f"b{b}-h{h}", 0, at, settings=(("schedule.boost", b), ("schedule.hold", h), ("optimizer.lr", 1.0)))
            for (b, h), at in {(2.0, 0.1): 500, (2.0, 0.2): 525, (3.0, 0.1): 450, (3.0, 0.2): 475}.items()]
    return campaign(*CE, *runs, **twins)


def test_two_varying_settings_make_a_heat_map_and_one_does_not():
    assert "grid.png" in build_report(gridded()).figures
    line = [kd(f"b{b}", 0, 500, settings=(("schedule.boost", b),)) for b in (2.0, 3.0)]
    assert "grid.png" not in build_report(campaign(*CE, *line)).figures


def test_progress_is_drawn_from_two_campaigns_on():
    marks = tuple(Mark(f"c{i}", f"2026-11-0{i + 1}T00:00:00Z", "b", 2, 0.9 - i / 10, 0.95, None, True)
                  for i in range(2))
    told = build_report(campaign(progress=marks))
    assert "progress.png" in told.figures
    assert "c1 b: steps 80.0 %, train time 95.0 %" in told.markdown
    assert build_report(campaign(progress=marks[:1])).figures == {}


def test_labels_are_spread_no_further_than_needed():
    assert spread([0.1, 0.5], 0.1) == [0.1, 0.5]
    assert spread([0.5, 0.5, 0.5], 0.1) == pytest.approx([0.4, 0.5, 0.6])
    assert spread([0.99, 1.0], 0.1) == pytest.approx([0.9, 1.0])
    assert spread([], 0.1) == []


def test_long_names_keep_both_ends():
    assert short("campaign/b3.0-h0.20-d0.35-a-very-long-name", 20) == "b3.0-h0.2…-long-name"


# Courses

def test_a_course_is_thinned_to_medians_and_knows_where_the_batch_changes():
    log = "".join(f"step:{s}/1000 train_loss:{5 - s / 1000:.4f} train_time:{s * 10}ms step_avg:10.00ms\n"
                  for s in range(1, 1001))
    spec = {"horizon": 1000, "data": {"sequence_length": 1024, "batch_sequences": 128},
            "stages": [{"until": 0.5}, {"until": 1.0, "batch_sequences": 256}]}
    found = course(parse_log(log.encode()), spec)
    assert len(found.train) == 250
    assert found.train[0].value == pytest.approx(4.9975)
    assert {d.value for d in found.deltas} == {10.0}
    assert found.parts == ((0, 131072), (500, 262144))
    assert course(parse_log(b""), {}).parts == ()


def test_thinning_keeps_short_curves_whole():
    assert [s.step for s in thinned([(1, 2.0, None), (2, 3.0, 4.0)])] == [1, 2]


def test_settings_are_the_numbers_of_a_spec_by_dotted_name():
    spec = {"horizon": 9, "seed": 1, "compile": True,
            "kd": {"alpha": 0.5, "teacher": {"x": 1}, "stop": {"margin": 0.05}}}
    assert numbers(spec) == (("horizon", 9.0), ("kd.alpha", 0.5), ("kd.stop.margin", 0.05))
