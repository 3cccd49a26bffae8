"""Policies in campaign files: by name or inline, registered before the first run, refused with file, line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.domain.errors import CampaignFileError
from orchestrator.domain.replication import NAMED_RULES
from orchestrator.domain.verdict import DEFAULT_GATES, Gate, Role
from tests.unit.planning_campaigns import CE, KD, load, planned

SEEDS = """\
campaign: confirm
stages:
  - name: seeds
    role: ce
    axes: {seed: [11, 12, 13, 14]}
    policy:
      name: confirm
      replication: {rule: modded-nanogpt-track-3, seeds: 4, stop_step: 2690}
"""


def test_a_replication_brings_its_gate_and_its_own_target(tmp_path: Path) -> None:
    policy = planned(tmp_path, SEEDS).stages[0].policies["seeds"]
    assert policy.replication == NAMED_RULES["modded-nanogpt-track-3"].at(4, 2690)
    assert policy.gates == (*DEFAULT_GATES[Role.CE], Gate.REPLICATED)
    assert policy.target_u6 == 3_280_000


def test_the_stages_target_beats_the_rules(tmp_path: Path) -> None:
    text = SEEDS.replace("    policy:\n", "    target: 3.5\n    policy:\n")
    assert planned(tmp_path, text).stages[0].policies["seeds"].target_u6 == 3_500_000


def test_a_rule_is_part_of_what_a_campaign_is(tmp_path: Path) -> None:
    ids = {load(tmp_path, text).campaign_id for text in (
        SEEDS, SEEDS.replace("2690", "2700"), SEEDS.replace("seeds: 4,", "seeds: 3,"),
        SEEDS.replace("track-3", "track-1"))}
    assert len(ids) == 4
    plain = load(tmp_path, CE).layout.stages[0].policies["baseline"].body()
    assert "replication" not in plain  # campaigns of before keep their identity


@pytest.mark.parametrize(("change", "line", "key", "says"), [
    (("modded-nanogpt-track-3", "track-9"), 8, "policy.replication.rule", "modded-nanogpt-track-3"),
    (("seeds: 4,", "seeds: 0,"), 8, "policy.replication.seeds", "greater than or equal to 1"),
    (("seeds: 4,", "seeds: 65,"), 8, "policy.replication.seeds", "less than or equal to 64"),
    (("track-3, seeds: 4,", "track-1, seeds: 1,"), 8, "policy.replication.seeds", "2 to 64"),
    (("stop_step: 2690", "stop_step: 0"), 8, "policy.replication.stop_step", "greater than or equal to 1"),
    (("      name: confirm\n", "      name: confirm\n      gates: [val_trend, magic]\n"), 8, r"policy.gates\[1\]",
     "not 'magic'"),
    (("      name: confirm\n", "      name: confirm\n      budget_ms: -1\n"), 8, "policy.budget_ms",
     "greater than or equal to 1"),
    (("modded-nanogpt-track-3", "one-sided-t-p05"), 8, "policy.replication", "no target of its own"),
    (("      replication: {rule: modded-nanogpt-track-3, seeds: 4, stop_step: 2690}\n",
      "      gates: [val_trend, replicated]\n"), 8, "policy.gates", "needs 'replication:")])
def test_a_wrong_policy_is_refused_with_file_line_and_key(tmp_path: Path, change: tuple[str, str], line: int, key: str,
                                                          says: str) -> None:
    text = SEEDS.replace(*change)
    assert text != SEEDS
    with pytest.raises(CampaignFileError, match=says) as error:
        load(tmp_path, text)
    assert error.match(rf"c\.yaml:{line}: stages\.seeds\.{key}: ")


def test_seeds_that_stop_by_their_own_loss_are_no_replication(tmp_path: Path) -> None:
    text = KD.replace("    select: {best: steps_to_target}\n", """\
    policy: {name: arms, replication: {rule: modded-nanogpt-track-3, seeds: 2, stop_step: 100}}
""")
    with pytest.raises(CampaignFileError, match="same step, fixed beforehand"):
        load(tmp_path, text)


def test_a_students_replication_aims_at_the_chosen_teacher(tmp_path: Path) -> None:
    text = KD.replace("    stop_at_target: true\n", "    target: {from: teachers.best}\n").replace(
        "    select: {best: steps_to_target}\n", """\
    policy: {name: arms, replication: {rule: modded-nanogpt-track-3, seeds: 2, stop_step: 100}}
""")
    policy = next(s for s in planned(tmp_path, text).stages if s.name == "arms").policies["arms"]
    assert policy.target_u6 is None  # literal once the teacher is chosen
    assert policy.target_of == "teachers.best"
    assert policy.replication is not None
