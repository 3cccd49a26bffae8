"""Which host a planned attempt goes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from orchestrator.dispatch.placement import MAX_WAIT, Place, Surroundings, place
from orchestrator.domain.lifecycle import Outcome, State
from orchestrator.ledger.rows import AttemptRow, EventRow, HostSeen
from orchestrator.planning.lane import Candidate
from orchestrator.planning.needs import Fitness
from orchestrator.planning.retry_rules import RetryRule

PLANNED = "2026-11-01T10:00:00.000Z"
NOW = datetime(2026, 11, 1, 10, 10, tzinfo=UTC)
LANE = (Candidate("a", Fitness.FIT), Candidate("b", Fitness.FIT), Candidate("c", Fitness.FIT))
ALIKE = {"a": "H100", "b": "H100", "c": "H100"}


def attempt(number: int = 1, **fields: Any) -> AttemptRow:
    empty: dict[str, Any] = dict.fromkeys(AttemptRow.__dataclass_fields__)
    return AttemptRow(**{**empty, "run_id": "r", "attempt_no": number, "state": State.PLANNED, "planned_at": PLANNED,
                         **fields})


def note(kind: str, payload: Mapping[str, Any]) -> EventRow:
    return EventRow(**{**dict.fromkeys(EventRow.__dataclass_fields__), "kind": kind, "payload": dict(payload)})


def chosen(*, lane: tuple[Candidate, ...] = LANE, notes: tuple[EventRow, ...] = (), spread: bool = True,
           **around: Any) -> Place:
    return place(lane, [attempt()], notes, {}, Surroundings(NOW, **around), spread=spread)


def test_the_first_of_the_lane_where_nothing_else_is_known() -> None:
    assert chosen().host == "a"
    assert chosen(load={"a": 9.0}).host == "a", "hosts of unknown kinds are not as good as each other"
    assert chosen(load={"a": 9.0}, kinds={"a": "H100", "b": "GB10", "c": "RTX 4090"}).host == "a"


def test_among_hosts_of_one_kind_the_shortest_queue() -> None:
    found = chosen(kinds=ALIKE, load={"a": 1.0, "b": 0.5, "c": 0.5})
    assert (found.host, found.spread) == ("b", True)
    assert found.reason == "as good as a, with a shorter queue"
    assert not chosen(kinds=ALIKE, load=dict.fromkeys("abc", 0.5)).spread, "the first of the lane where they are even"
    assert chosen(kinds={**ALIKE, "a": "GB10"}, load={"a": 5.0}).host == "a", "another kind comes first"


def test_a_grid_is_dealt_out_evenly_over_hosts_of_one_kind() -> None:
    live: Counter[str] = Counter()
    for _ in range(36):
        found = chosen(kinds=ALIKE, load=live).host
        assert found is not None
        live[found] += 1
    assert live == {"a": 12, "b": 12, "c": 12}


def test_measurements_stay_on_one_host() -> None:
    assert chosen(kinds=ALIKE, load={"a": 5.0}, spread=False).host == "a"


def test_of_equal_queues_the_host_that_has_the_teacher() -> None:
    found = chosen(kinds=ALIKE, load=dict.fromkeys("abc", 1.0), holders=frozenset("c"), teacher_bytes=3_000_000)
    assert found.host == "c"
    assert found.reason == "as good as a, with no longer a queue, and the teacher lies there already " \
                           "(3.0 MB need not be sent)"
    assert chosen(kinds=ALIKE, load={"c": 1.0}, holders=frozenset("c")).host == "a", "it would have to wait there"


def test_of_equal_hosts_the_one_where_the_run_can_go_on() -> None:
    found = chosen(kinds=ALIKE, load={"a": 0.0, "b": 2.0, "c": 1.0}, begun_on="b")
    assert (found.host, found.reason, found.spread) == ("b", "as good as a, and the run that it goes on from ended "
                                                        "there", True)
    other = chosen(kinds={**ALIKE, "b": "GB10"}, begun_on="b")
    assert other.host == "a", "the steps before and after would be of two kinds of machine"


def test_a_run_that_stays_where_its_last_attempt_ended_is_not_spread() -> None:
    ended = attempt(1, host="b", state=State.FINISHED, outcome=Outcome.OOM)
    rules = {"oom": RetryRule()}
    found = place(LANE, [ended, attempt(2)], (), rules, Surroundings(NOW, kinds=ALIKE))
    assert (found.host, found.reason, found.spread) == ("b", "its last attempt ended there", False)


def test_a_silent_host_is_waited_for_as_long_as_it_may_be() -> None:
    silent = frozenset("a")
    assert chosen(silent=silent).host is None
    limited = (Candidate("a", Fitness.FIT, max_wait_s=900), *LANE[1:])
    assert chosen(lane=limited, silent=silent).host is None, "planned ten minutes ago"
    brief = (Candidate("a", Fitness.FIT, max_wait_s=60), *LANE[1:])
    found = chosen(lane=brief, silent=silent)
    assert (found.host, found.passed) == ("b", (("a", "it has not answered for 600 s"),))
    assert not found.spread, "that is a fallback, and recorded as one"
    seen = {"a": HostSeen(**{**dict.fromkeys(HostSeen.__dataclass_fields__), "host": "a", "reachable": False,
                             "since": "2026-11-01T10:09:30.000Z"})}
    assert chosen(lane=brief, silent=silent, seen=seen).host is None, "it was heard half a minute ago"


def test_a_silent_host_takes_no_part_in_the_spreading() -> None:
    assert chosen(kinds=ALIKE, load={"a": 2.0, "b": 1.0}, silent=frozenset("c")).host == "b"


def test_a_queue_that_was_waited_out_is_left_for_the_next() -> None:
    waited = note("withdrawal_asked", {"host": "a", "reason": MAX_WAIT})
    found = chosen(notes=(waited,))
    assert (found.host, found.passed) == ("b", (("a", "the run waited long enough in its queue"),))


def test_a_person_who_moved_it_is_obeyed() -> None:
    assert chosen(notes=(note("run_moved", {"attempt_no": 1, "to": "c"}),), kinds=ALIKE, load={"c": 9.0}).host == "c"


@pytest.mark.parametrize("lane", [(Candidate("a", Fitness.UNFIT, ("sm_121",)),), ()])
def test_no_host_at_all_is_said(lane: tuple[Candidate, ...]) -> None:
    found = chosen(lane=lane)
    assert (found.host, found.reason) == (None, "no host of the lane is left")
