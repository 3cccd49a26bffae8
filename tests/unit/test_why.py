"""The chain of proofs behind a run's state: every step has a source, and silence proves nothing."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

from orchestrator.dispatch.home import Home
from orchestrator.dispatch.last_seen import LastSeen, recall, remember
from orchestrator.dispatch.why import Known, Why, ago, forecast, why
from orchestrator.domain.lifecycle import LIVE_STATES, Outcome, State
from orchestrator.ledger.rows import AttemptRow, HostSeen
from orchestrator.wire.documents import ClaimDocument, Observation

RUN = "a" * 64
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OBSERVED = get_args(Observation.model_fields["state"].annotation)
IDENTITY = {"contract": "v1", "run_id": RUN, "attempt": 1}
CLAIM = ClaimDocument.model_validate({
    **IDENTITY, "dispatch_sha256": "d" * 64, "boot_id": "boot-one", "claimed_at": "2026-03-01T11:00:00Z",
    "supervisor": {"pid": 812, "ticks": 87200}})
STARTED = {**IDENTITY, "boot_id": "boot-one", "started_at": "2026-03-01T11:00:01Z",
           "supervisor": {"pid": 812, "ticks": 87200}, "trainer": {"pid": 813, "ticks": 87201}, "pgid": 813,
           "slots": (0,), "gpu_uuids": ()}
EXIT = {**IDENTITY, "outcome": "completed", "exit_code": 0, "signal": None, "reason": None, "witness": "supervisor",
        "boot_id": "boot-one", "started_at": "2026-03-01T11:00:01Z", "ended_at": "2026-03-01T11:30:00Z",
        "wall_ms": 1000, "cpu_ms": 10, "manifest_sha256": "c" * 64, "train_log_bytes": 10}
SILENT = HostSeen("h100", reachable=False, since="2026-03-01T11:19:00Z", checked_at="2026-03-01T11:59:00Z",
                  detail="no answer within 10 s")


def attempt(state: State, number: int = 1, outcome: Outcome | None = None) -> AttemptRow:
    empty: dict[str, Any] = {f.name: None for f in dataclasses.fields(AttemptRow)}
    return AttemptRow(**{**empty, "run_id": RUN, "attempt_no": number, "state": state, "host": "h100",
                         "outcome": outcome, "planned_at": "2026-03-01T10:59:00Z"})


def observation(state: str, *, deadline: str | None = "2026-03-01T14:13:00Z", boot: str = "boot-one") -> Observation:
    started = state in ("running", "orphan", "sealed", "lost_supervisor")
    status = {**IDENTITY, "phase": "running" if started else "waiting", "beat": 17, "at": "2026-03-01T11:58:00Z",
              "queue_position": None if started else 2, "train_log_bytes": 10, "last_line": "step:3/9 train_loss:1.0",
              "deadline_at": deadline if started else None, "load": {}}
    return Observation.model_validate({
        "run_id": RUN, "attempt": 1, "state": state, "exit": EXIT if state == "sealed" else None,
        "status": None if state == "absent" else status, "started": STARTED if started else None, "boot_id": boot,
        "train_log_bytes": 10})


def told(state: State, **known: Any) -> Why:
    return why(Known(name="c/r-s0", attempts=[attempt(state)], now=NOW, **known))


def words(chain: Why) -> str:
    return "\n".join([*(f"{p.fact}: {p.proof}" for p in chain.proofs), chain.conclusion, chain.next])


@pytest.mark.parametrize("state", sorted(LIVE_STATES))
@pytest.mark.parametrize("seen", [None, *OBSERVED])
def test_every_chain_is_whole_and_its_steps_name_their_source(state: State, seen: str | None) -> None:
    chain = told(state, seen=None if seen is None else observation(seen), claim=CLAIM, reach=SILENT)
    assert {p.source for p in chain.proofs} <= {"ledger", "host", "last heard", "laptop"}
    assert all(p.fact and p.proof for p in chain.proofs)
    assert chain.conclusion
    assert chain.next


@pytest.mark.parametrize("state", sorted(LIVE_STATES))
def test_silence_is_about_the_line_and_never_about_the_run(state: State) -> None:
    chain = told(state, reach=SILENT, last=LastSeen(NOW - timedelta(minutes=41), observation("running")))
    said = words(chain)
    assert "unreachable" in chain.conclusion
    assert state.value in chain.conclusion
    assert "silent for 41 min" in said
    assert "nothing to do" in chain.next
    assert not {"lost", "failed", "dead", "gone"} & set(said.replace(",", " ").replace(";", " ").split())


def test_a_held_lock_proves_the_supervisor_by_pid_and_start_ticks() -> None:
    said = words(told(State.RUNNING, seen=observation("running"), claim=CLAIM))
    assert "supervisor.lock is held; the attempt was claimed by pid 812 with start ticks 87200" in said
    assert "beat 17 at 2026-03-01T11:58:00Z" in said


def test_another_boot_id_proves_the_reboot() -> None:
    said = words(told(State.RUNNING, seen=observation("lost_reboot", boot="boot-two"), claim=CLAIM))
    assert "the host rebooted since the claim" in said
    assert "boot-one" in said
    assert "boot-two" in said


def test_earlier_attempts_are_told_first() -> None:
    chain = why(Known(name="r", attempts=[attempt(State.FINISHED, 1, Outcome.LOST_REBOOT),
                                          attempt(State.PLANNED, 2)], now=NOW))
    assert "attempt 1 ended: lost_reboot on h100" in chain.proofs[0].fact
    assert chain.attempt == 2


@pytest.mark.parametrize(("last", "expected"), [
    (None, "its own deadline ends it"),
    (LastSeen(NOW, observation("running")), "its own deadline ends it at "),
    (LastSeen(NOW, observation("running", deadline="2026-03-01T11:59:00Z")), "at the latest"),
    (LastSeen(NOW, observation("waiting")), "waits in the host's own queue"),
    (LastSeen(NOW, observation("sealed")), "its evidence waits on the host"),
])
def test_the_forecast_says_only_what_was_last_heard(last: LastSeen | None, expected: str) -> None:
    said = forecast(last, NOW)
    assert expected in said
    assert said.endswith("nothing to do")


def test_what_was_heard_is_kept_and_a_spoiled_note_is_no_note(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert recall(home, RUN, 1) is None
    remember(home, observation("running"), NOW)
    kept = recall(home, RUN, 1)
    assert kept is not None
    assert (kept.heard_at, kept.observation.state) == (NOW, "running")
    assert kept.deadline_at == datetime(2026, 3, 1, 14, 13, tzinfo=UTC)
    home.seen(RUN, 1).write_text("{")
    assert recall(home, RUN, 1) is None


def test_a_note_is_renewed_when_it_says_something_new_or_is_old(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for state, at, kept_from in (("running", 0, 0), ("running", 1, 0), ("sealed", 2, 2), ("sealed", 60, 60)):
        remember(home, observation(state), NOW + timedelta(seconds=at))
        kept = recall(home, RUN, 1)
        assert kept is not None
        assert kept.heard_at == NOW + timedelta(seconds=kept_from)


def test_a_host_that_was_not_asked_is_not_called_silent() -> None:
    said = words(told(State.QUEUED, asked=False, last=LastSeen(NOW, observation("waiting"))))
    assert "host h100 was not asked" in said
    assert "unreachable" not in said
    assert "by what this machine knows it is queued on h100" in said


def test_a_run_that_waits_for_something_of_its_own_says_for_what() -> None:
    seen = observation("waiting")
    assert seen.status is not None
    foreign = "GPU-1111 is used by pid 1 (python3, 39000 MiB), which is not ours"
    chain = told(State.QUEUED, claim=CLAIM, seen=seen.model_copy(update={
        "status": seen.status.model_copy(update={"waiting_for": foreign})}))
    assert chain.conclusion == f"it waits on the host: {foreign}"
    assert "'kdorch run move c/r-s0 --to HOST'" in chain.next


@pytest.mark.parametrize(("changes", "proof"), [
    ({}, "exit code 0"), ({"exit_code": None, "signal": 9}, "ended by signal 9"),
    ({"exit_code": None, "started_at": None}, "the trainer never ran"), ({"exit_code": None}, "exit code unknown"),
])
def test_a_run_that_is_over_shows_the_seal_that_was_read(changes: dict[str, Any], proof: str) -> None:
    sealed = {**EXIT, "outcome": "timed_out", "reason": "ran longer than its deadline of 40 s", **changes}
    over = dataclasses.replace(attempt(State.FINISHED, outcome=Outcome.TIMED_OUT), exit_json=json.dumps(sealed))
    chain = why(Known(name="c/r-s0", attempts=[over], now=NOW))
    assert f"sealed as timed_out at 2026-03-01T11:30:00Z: exit.json: {proof}, manifest cccccccccccc" in words(chain)
    assert "timed_out (ran longer than its deadline of 40 s)" in chain.conclusion


def test_a_queued_run_that_was_never_heard_of_is_forecast_to_wait() -> None:
    assert "it waits in the host's own queue" in told(State.QUEUED, reach=SILENT).next


@pytest.mark.parametrize(("seconds", "text"), [(-1, "0 s"), (8, "8 s"), (2460, "41 min"), (11520, "3.2 h")])
def test_spans_are_said_in_the_unit_a_person_would_use(seconds: float, text: str) -> None:
    assert ago(seconds) == text
