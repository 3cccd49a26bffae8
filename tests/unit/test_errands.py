"""Errands: done in threads, handled by the thread that sent them, lane by lane."""

from __future__ import annotations

import threading

import pytest

from orchestrator.dispatch.errands import Errands, Result


def test_results_are_handled_by_the_thread_that_settles() -> None:
    errands, seen = Errands(), []
    errands.send("a", threading.get_ident, lambda result: seen.append((result.get(), threading.get_ident())))
    assert errands.settle(30)
    [(worker, settler)] = seen
    assert worker != settler == threading.get_ident()
    assert errands.under_way == 0


def test_a_lane_keeps_its_order_and_holds_up_no_other() -> None:
    errands, seen, go = Errands(), [], threading.Event()

    def note(result: Result[str]) -> None:
        seen.append(result.get())

    errands.send("slow", lambda: "late" if go.wait(30) else "never", note)
    errands.send("slow", lambda: "last", note)
    errands.send("quick", lambda: "first", note)
    while not seen:
        errands.settle(30)
    assert seen == ["first"]
    assert errands.under_way == 2
    go.set()
    while errands.under_way:
        errands.settle(30)
    assert seen == ["first", "late", "last"]


def test_what_the_work_raised_is_raised_where_its_result_is_asked_for() -> None:
    errands, seen = Errands(), []

    def fail() -> int:
        raise OSError("no luck")

    def handle(result: Result[int]) -> None:
        with pytest.raises(OSError, match="no luck"):
            result.get()
        seen.append("handled")

    errands.send("a", fail, handle)
    errands.settle(30)
    assert seen == ["handled"]


def test_a_handler_that_raises_leaves_the_rest_for_the_next_call() -> None:
    errands, seen = Errands(), []

    def stop(_: Result[int]) -> None:
        raise KeyError("stop")

    errands.send("a", lambda: 1, stop)
    errands.send("a", lambda: 2, lambda result: seen.append(result.get()))
    with pytest.raises(KeyError):
        errands.settle(30)
    while errands.under_way:
        errands.settle(30)
    assert seen == [2]


def test_a_nudge_ends_a_wait_and_nothing_else_does() -> None:
    errands = Errands()
    assert not errands.settle(0.0)
    errands.nudge()
    assert errands.settle(30)
    errands.close()
