"""Imported once by the server that laptop processes are forked from: what each of them would do first is done here."""

from __future__ import annotations

from orchestrator.derived.plots import run_plots
from orchestrator.dispatch.session import this_bundle
from orchestrator.wire.trainlog import parse_log

LOG = b"""step:0/2 val_loss:5.0000 train_time:0ms step_avg:0.00ms
step:1/2 train_loss:4.9000 train_time:10ms step_avg:10.00ms
step:2/2 train_loss:4.8000 train_time:20ms step_avg:10.00ms
step:2/2 val_loss:4.8000 train_time:20ms step_avg:10.00ms
"""

this_bundle()
run_plots(parse_log(LOG), title="")
