"""Imported once by the server that laptop processes are forked from: what each of them would do first is done here."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path

from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import open_ledger
from tests.faults.laptop_side import bundle

bundle()
with tempfile.TemporaryDirectory(prefix="kdorch-faults-") as place, open_ledger(Home(Path(place))) as ledger:
    # SQLAlchemy prepares itself for its first statements.
    for campaign in ledger.campaigns():
        ledger.members(campaign.campaign_id)
# What is here now stays: no forked process need look through it for garbage, and so copy it.
gc.collect()
gc.freeze()
