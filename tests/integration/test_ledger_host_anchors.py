"""The head of the chain is left on hosts beside the evidence they gave, and held against the chain when asked."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.cli.verify import EXIT_DISAGREES
from orchestrator.dispatch.agent import Placement, connect_agent
from orchestrator.dispatch.anchoring import kept_on
from orchestrator.dispatch.session import this_bundle
from orchestrator.domain.errors import KdorchError
from orchestrator.ledger.anchors import anchor_line, found_in
from orchestrator.transport.inventory import HostEntry
from tests.e2e.kdorch import Laptop
from tests.integration.proven_ledger import without_guards
from tests.integration.supervised import HostRoot

CAMPAIGN = """
campaign: anchored
deadline: 2m
defaults: {entry: simulated, horizon: 50, validation: {every: 25}, simulated: {step_ms: 1, decay_steps: 40}}
stages:
  - {name: base, role: ce, axes: {seed: [0, 1]}, policy: ce-baseline}
"""


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    found = Laptop(tmp_path)
    (tmp_path / "anchored.yaml").write_text(CAMPAIGN)
    return found


def kept(laptop: Laptop) -> list[Path]:
    return sorted((laptop.home / "host" / "runs").glob("*/anchors/*.json"))


def noted(laptop: Laptop) -> list[tuple[int, str, str]]:
    with closing(sqlite3.connect(laptop.home / "ledger.sqlite")) as connection:
        return connection.execute("SELECT seq, hash, place FROM anchors WHERE place LIKE 'host:%'").fetchall()


def test_every_host_that_gave_evidence_keeps_where_the_chain_stood(laptop: Laptop) -> None:
    laptop.run("campaign", "launch", "anchored.yaml")
    assert kept(laptop)
    places = {f"host:local:{path.relative_to(laptop.home / 'host')}": path for path in kept(laptop)}
    assert {place for _, _, place in noted(laptop)} == set(places)
    for seq, digest, place in noted(laptop):
        document = json.loads(places[place].read_bytes())
        assert document["anchor"] == anchor_line((seq, digest))
        assert document["run_id"] == places[place].parents[1].name
    before = len(kept(laptop))
    laptop.run("campaign", "launch", "anchored.yaml")  # nothing new is collected
    assert len(kept(laptop)) == before
    assert b"everything agrees" in laptop.run("ledger", "verify", "--host", "local").stderr


def test_a_chain_made_anew_or_cut_off_is_found_by_what_the_host_keeps(laptop: Laptop) -> None:
    laptop.run("campaign", "launch", "anchored.yaml")
    (head, *_) = found_in(kept(laptop)[-1].read_text())
    with closing(sqlite3.connect(laptop.home / "ledger.sqlite")) as connection:
        guards = [g for table in ("events", "anchors") for g in without_guards(connection, table)]
        connection.execute("DELETE FROM anchors")  # the ledger's own list of them can be forged as well
        connection.execute("DELETE FROM events WHERE seq >= ?", (head[0],))
        for sql in guards:
            connection.execute(sql)
        connection.commit()
    told = json.loads(laptop.run("ledger", "verify", "--fast", "--json", "--host", "local", code=EXIT_DISAGREES).stdout)
    assert any(d["kind"] == "anchor" and d["where"].startswith("host:local:runs/") and "cut off" in d["what"]
               for d in told["disagreements"])


def test_a_host_that_no_longer_keeps_its_anchor_is_named(laptop: Laptop) -> None:
    laptop.run("campaign", "launch", "anchored.yaml")
    lost = kept(laptop)[0]
    lost.unlink()
    said = laptop.run("ledger", "verify", "--fast", "--host", "local", code=EXIT_DISAGREES).stdout
    assert f"host:local:runs/{lost.parents[1].name}/anchors/{lost.name}".encode() in said
    assert b"no longer keeps the head" in said


def test_a_host_that_takes_no_anchor_costs_no_run(laptop: Laptop) -> None:
    plan = laptop.run("campaign", "launch", "anchored.yaml", "--dry-run", "--json").stdout.decode()
    for run_id in set(re.findall(r"\b[0-9a-f]{64}\b", plan)):
        folder = laptop.home / "host" / "runs" / run_id
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "anchors").write_text("a file where the directory should be")
    laptop.run("campaign", "launch", "anchored.yaml")
    assert [row["status"] for row in laptop.rows()] == ["baseline", "baseline"]
    assert noted(laptop) == []
    assert b"everything agrees" in laptop.run("ledger", "verify", "--host", "local").stderr


@pytest.mark.parametrize(("path", "refusal"), [
    (f"runs/{'a' * 64}/anchors/{'b' * 64}.json", "is not named by its content"),
    (f"runs/{'a' * 64}/anchors/mine.json", "is not a place for a document"),
    (f"runs/{'a' * 64}/anchors/../{'b' * 64}.json", "is not a place for a document"),
    (f"anchors/{'b' * 64}.json", "is not a place for a document")])
def test_a_host_takes_anchors_only_under_the_digest_of_their_bytes(path: str, refusal: str, host: HostRoot,
                                                                   tmp_path: Path) -> None:
    entry = HostEntry("here", "local", python=sys.executable, root=str(host.path))
    with connect_agent(entry, tmp_path, this_bundle()) as agent:
        with pytest.raises(KdorchError, match=refusal):
            agent.place([Placement(path, b"{}")])
        assert kept_on(agent).documents == {}
