"""``summary.csv`` and the plots are pure functions of the log: the same log, the same bytes."""

from __future__ import annotations

import struct
import zlib

import matplotlib
import pytest

from orchestrator.derived import style
from orchestrator.derived.plots import loss_png, run_plots
from orchestrator.derived.summary import COLUMNS, summary_csv
from orchestrator.domain.metrics import Curve, Marker, TrainPoint, ValPoint
from orchestrator.wire.trainlog import parse_log

LOG = b"""step:0/100 val_loss:5.5 train_time:0ms step_avg:nanms
step:1/100 train_loss:5.4 train_time:40ms step_avg:40.00ms
step:2/100 train_loss:5.2 train_time:80.5ms step_avg:40.25ms
step:3/100 train_loss:5.0 train_time:130ms step_avg:43.33ms
step:3/100 val_loss:4.9 train_time:130ms step_avg:43.33ms
step:4/100 train_loss:nan train_time:170ms step_avg:42.50ms
step:4/100 val_loss:nan train_time:170ms step_avg:42.50ms
"""


def long_curve(kd_stop: int | None = 150) -> Curve:
    steps = range(1, 301)
    return Curve(
        total_steps=300,
        train=tuple(TrainPoint(s, 5.0 - s / 100, 40.0 * s + (s % 7), 40.0, s) for s in steps),
        validations=tuple(ValPoint(s, 5.0 - s / 100, 40.0 * s, s) for s in range(0, 301, 25)),
        kd_stop_step=kd_stop,
    )


def chunks(png: bytes) -> list[bytes]:
    """The chunk types of a PNG, each checked against its sum."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    found, at = [], 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at:at + 8])
        assert zlib.crc32(png[at + 4:at + 8 + size]) == struct.unpack(">I", png[at + 8 + size:at + 12 + size])[0]
        found.append(kind)
        at += 12 + size
    return found


def test_the_summary_has_one_row_per_validation():
    rows = summary_csv(parse_log(LOG)).decode().splitlines()
    assert rows[0] == ",".join(COLUMNS)
    assert rows[1:] == ["0,100,5.5,5.5,,0,,", "3,100,4.9,4.9,5,130,45,48.6", "4,100,nan,4.9,nan,170,40,40"]


def test_a_log_without_validations_has_a_summary_with_a_header():
    assert summary_csv(Curve()) == (",".join(COLUMNS) + "\n").encode()


def test_the_summary_of_seconds_is_in_milliseconds_without_binary_dust():
    curve = parse_log(b"step:125/3350 val_loss:4.66393 train_time:22.870s step_avg:182.95ms\n")
    assert summary_csv(curve).decode().splitlines()[1] == "125,3350,4.66393,4.66393,,22870,,"


def test_the_same_log_gives_the_same_bytes():
    assert run_plots(long_curve(), "a run") == run_plots(long_curve(), "a run")
    assert summary_csv(parse_log(LOG)) == summary_csv(parse_log(LOG))


def test_the_plots_are_two_pngs_without_dates_or_versions():
    plots = run_plots(parse_log(LOG), "")
    assert sorted(plots) == ["loss.png", "step_delta.png"]
    for data in plots.values():
        assert set(chunks(data)) <= {b"IHDR", b"pHYs", b"IDAT", b"IEND"}


def test_the_persons_matplotlib_settings_change_nothing():
    before = run_plots(long_curve(), "a run")
    with matplotlib.rc_context({"font.size": 31.0, "axes.facecolor": "red", "savefig.dpi": 20.0}):
        assert run_plots(long_curve(), "a run") == before
        assert matplotlib.rcParams["font.size"] == 31.0


def test_what_the_log_says_changes_the_plot():
    assert run_plots(long_curve(150), "")["loss.png"] != run_plots(long_curve(175), "")["loss.png"]
    assert loss_png(long_curve(), "", target=2.5) != loss_png(long_curve(), "")


@pytest.mark.parametrize("curve", [
    Curve(),
    Curve(validations=(ValPoint(0, float("nan"), None, 0),)),
    Curve(train=(TrainPoint(1, None, 5.0, None, 0), TrainPoint(2, None, 5.0, None, 1))),
    Curve(train=tuple(TrainPoint(s, 1.0, 0.0, None, s) for s in range(1, 40))),
    Curve(train=tuple(TrainPoint(s, 1.0, 10.0 * s + (10_000 if s > 30 else 0), None, s) for s in range(1, 60)),
          validations=tuple(ValPoint(s, 2.0, None, s) for s in range(6)), kd_stop_step=5,
          markers=(Marker("nan", "", 0, step=3),)),
])
def test_any_curve_can_be_drawn(curve):
    for data in run_plots(curve, "name with $formula_{x}$ and $ alone").values():
        assert chunks(data)[-1] == b"IEND"


def test_roles_have_colours_of_their_own():
    assert len(set(style.ROLE_COLOUR.values())) == len(style.ROLE_COLOUR)
