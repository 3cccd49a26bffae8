"""The examination itself: every promise that is broken on purpose is found broken, and by its name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.laptop_side import CAMPAIGN
from tests.faults.play import World, drive, world
from tests.faults.properties import Findings, examine
from tests.faults.schedules import DISK_FAULTS, LABELS, Fault, Schedule, from_json
from tests.integration.supervised import wait_for

CALM = Schedule(1, ())


@pytest.fixture(scope="module")
def finished() -> Iterator[World]:
    """A campaign of one run that ended well."""
    with world(CALM, "local") as w:
        findings = Findings()
        drive(w, CALM, findings)
        examine([w.host], w.laptop.home, findings, innocent=True)
        assert findings.complaints() == []
        yield w


def examined(w: World) -> list[str]:
    """The names of the promises that are found broken."""
    findings = Findings()
    examine([w.host], w.laptop.home, findings, innocent=True)
    return sorted({complaint.partition(":")[0] for complaint in findings.complaints()})


def attempt_of(w: World) -> Path:
    attempt, = w.host.attempts()
    return attempt


def start_again(w: World) -> None:
    journal = w.host.control / "starts"
    journal.write_text(journal.read_text() * 2)


def flip_a_byte_of_the_evidence(w: World) -> None:
    log, = w.laptop.home.glob("evidence/*/1/train.log")
    log.write_bytes(log.read_bytes().replace(b"0", b"1", 1))


def lose_a_file_of_the_evidence(w: World) -> None:
    status, = w.laptop.home.glob("evidence/*/1/status.json")
    status.unlink()


def change_the_hosts_log(w: World) -> None:
    log = attempt_of(w) / "train.log"
    log.write_bytes(log.read_bytes().replace(b"train_time:120ms", b"train_time:121ms"))


def change_the_hosts_seconds(w: World) -> None:
    path = attempt_of(w) / "exit.json"
    seal = json.loads(path.read_bytes())
    path.write_text(json.dumps({**seal, "wall_ms": seal["wall_ms"] + 1}))


def lose_the_seal(w: World) -> None:
    (attempt_of(w) / "exit.json").unlink()


@pytest.mark.parametrize(("harm", "names"), [
    (start_again, ["doubled"]),
    (flip_a_byte_of_the_evidence, ["broken", "corrupted"]),
    (lose_a_file_of_the_evidence, ["broken", "corrupted"]),
    (change_the_hosts_log, ["corrupted", "miscounted"]),
    (change_the_hosts_seconds, ["corrupted", "miscounted"]),
    (lose_the_seal, ["broken"]),
])
def test_what_is_wrong_is_found(finished: World, tmp_path: Path, harm: Callable[[World], None],
                                names: list[str]) -> None:
    kept = tmp_path / "kept"
    everything = finished.laptop.cwd.parent
    shutil.copytree(everything, kept)
    harm(finished)
    found = examined(finished)
    shutil.rmtree(everything)
    shutil.copytree(kept, everything)
    assert found == names


HANGS = ("simulated: {", "simulated: {fault: hang, fault_step: 6, ")
ENDS = {
    "failed": [("simulated: {", "simulated: {fault: exit, fault_step: 6, ")],
    "timed_out": [HANGS, ("deadline: 2m", "deadline: 1s")],
    "over_budget": [HANGS, ("deadline: 2m", "budget_guard: true"), ("ce-baseline", "{name: cheap, budget_ms: 30}"),
                    ("role: ce", "role: teacher, stop: none, select: {best: final_val}")],
    "cancelled": [HANGS],
}
"""By outcome: what is different in the campaign."""


@pytest.mark.parametrize("outcome", ENDS)
def test_seconds_are_counted_however_a_run_ended(outcome: str) -> None:
    with world(CALM, "local") as w:
        campaign = w.laptop.cwd / CAMPAIGN
        for before, after in ENDS[outcome]:
            campaign.write_text(campaign.read_text().replace(before, after))
        w.laptop.start()
        if outcome == "cancelled":
            wait_for(lambda: any(b"step:5/" in (a / "train.log").read_bytes() for a in w.host.attempts()
                                 if (a / "train.log").exists()), "the fifth step")
            (attempt_of(w) / "stop.request").write_text("{}")
        wait_for(lambda: not w.laptop.alive, "the end of the campaign", 120)
        findings = Findings()
        examine([w.host], w.laptop.home, findings, innocent=False)
        assert (findings.outcomes, findings.complaints()) == ([outcome], [])
        change_the_hosts_seconds(w)
        assert "miscounted" in examined(w)


def test_a_run_that_its_host_seals_after_it_was_called_lost_is_found() -> None:
    with world(CALM, "local", pace_ms=200) as w:
        w.laptop.start()
        attempt = wait_for(lambda: [a for a in w.host.attempts() if (a / "started.json").exists()], "the start")[0]
        w.link.cut()
        w.host.power_cycle()
        w.link.heal()
        wait_for(lambda: "lost_reboot" in w.laptop.words(), "the proof of the reboot")
        wait_for(lambda: not w.laptop.alive, "the end of the campaign", 120)
        shutil.copy(attempt.parent / "2" / "exit.json", attempt / "exit.json")
        assert "lost" in examined(w)


def test_a_run_that_never_ended_is_found() -> None:
    with world(CALM, "local", pace_ms=500) as w:
        w.laptop.start()
        wait_for(lambda: any((a / "started.json").exists() for a in w.host.attempts()), "the start")
        w.laptop.kill()
        assert "hung" in examined(w)


def test_a_printed_schedule_is_the_same_when_read() -> None:
    schedule = Schedule(2, (Fault("cut", "trained", 7, number=30), Fault("message", word="launch.cut_after")))
    assert from_json(schedule.to_json()) == schedule
    assert schedule.innocent
    assert not Schedule(1, (Fault("crash", word="after_gate"),)).innocent


def test_every_kind_of_fault_has_a_label() -> None:
    assert {Fault(kind).label for kind in DISK_FAULTS} <= set(LABELS.values())
    assert Fault("crash", word="after_gate").label == "supervisor killed at after_gate"
