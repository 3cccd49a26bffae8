"""Steering a campaign that has come to its end: nothing is said of it that was not so."""

from __future__ import annotations

import json

import pytest

from tests.e2e.kdorch import Laptop


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_a_campaign_that_has_ended_cannot_be_steered(finished: Laptop, verb: str) -> None:
    before = finished.run("campaign", "show", "small", "--json").stdout
    told = finished.run("campaign", verb, "small").stderr.decode()
    assert "small has ended; there is nothing to steer, and nothing was changed" in told
    assert finished.run("campaign", "show", "small", "--json").stdout == before
    assert json.loads(before)["steering"]["word"] == "going"


def test_a_campaign_with_runs_under_way_can_be(sealed: Laptop) -> None:
    assert "small is paused" in sealed.run("campaign", "pause", "small").stderr.decode()
    assert "small is cancelled" in sealed.run("campaign", "cancel", "small").stderr.decode()
