"""Imported once by the server that laptop processes are forked from: what each of them would do first is done here."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path

from orchestrator.derived.plots import run_plots
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import open_ledger
from orchestrator.wire.trainlog import parse_log
from tests.faults.laptop_side import bundle

LOG = b"""step:0/2 val_loss:5.0000 train_time:0ms step_avg:0.00ms
step:1/2 train_loss:4.9000 train_time:10ms step_avg:10.00ms
step:2/2 train_loss:4.8000 train_time:20ms step_avg:10.00ms
step:2/2 val_loss:4.8000 train_time:20ms step_avg:10.00ms
"""

bundle()
run_plots(parse_log(LOG), title="")
with tempfile.TemporaryDirectory(prefix="kdorch-faults-") as place, open_ledger(Home(Path(place))) as ledger:
    # SQLAlchemy prepares itself for its first statements.
    for campaign in ledger.campaigns():
        ledger.members(campaign.campaign_id)
# What is here now stays: no forked process need look through it for garbage, and so copy it.
gc.collect()
gc.freeze()
