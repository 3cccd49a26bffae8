"""A launch that was refused is asked again after growing pauses, and not for ever."""

from __future__ import annotations

import itertools

from orchestrator.dispatch.refusals import PAUSES_S, Refusals

KEY = ("a" * 64, 1)


class Clock:
    """A clock that is moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_was_never_refused_may_be_asked() -> None:
    refusals = Refusals()
    assert refusals.may_ask(KEY)
    assert not refusals.pending


def test_each_pause_is_longer_than_the_last_and_after_the_last_it_is_given_up() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    assert all(a < b for a, b in itertools.pairwise(PAUSES_S))
    for number, pause in enumerate(PAUSES_S, 1):
        assert refusals.add(KEY) == number
        assert refusals.pending
        clock.now += pause - 0.01
        assert not refusals.may_ask(KEY)
        clock.now += 0.02
        assert refusals.may_ask(KEY)
    refusals.add(KEY)
    clock.now += 1e9
    assert refusals.given_up(KEY)
    assert not refusals.may_ask(KEY)
    assert not refusals.pending


def test_a_launch_that_succeeds_in_the_end_is_forgotten() -> None:
    refusals = Refusals(Clock())
    refusals.add(KEY)
    refusals.forget(KEY)
    assert refusals.may_ask(KEY)
    assert not refusals.pending
