"""What a campaign says about ends that are no result: which may be tried again, how often, and how.

The defaults: what a host loses is tried again twice when it was rebooted, and twice when the run's supervisor was
gone before its end (``lost`` is short for both); a failed collective once, on the same host; a fault of the GPU
or of a kernel made for it on the lane's next host. What would only fail again is not tried by itself: a divergence, a
time-out, a budget overrun, a cancellation, an error in the code or the input. Out of memory is tried with a smaller
batch only where the campaign asks for it, because the result is then a fallback, which can never be promoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, model_validator

from orchestrator.planning.piece import Piece

FailureClass = Literal["host_rebooted", "supervisor_lost", "lost", "oom", "nccl", "xid", "jit_crash", "disk_full",
                       "nan", "timed_out", "over_budget", "cancelled", "code_error", "bad_input", "missing_backend",
                       "teacher_mismatch", "killed"]
LOST = ("host_rebooted", "supervisor_lost")
"""The classes that ``lost`` stands for in a campaign file; each is counted by itself."""

Action = Literal["same_host", "next_host", "smaller_batch", "never"]
NEVER_AGAIN = ("nan", "over_budget", "cancelled")
"""A result, or somebody's decision: no rule can make these run again by themselves."""


class RetryRule(Piece):
    """``action`` is taken at most ``times`` times for ends of one class, counted over all attempts of a run."""

    action: Action = "same_host"
    times: Annotated[int, Field(ge=0, le=20)] = 1

    @model_validator(mode="after")
    def _never_is_no_number(self) -> RetryRule:
        if self.action == "never" and "times" in self.model_fields_set and self.times > 0:
            raise ValueError("action 'never' and 'times' contradict each other")
        return self

    def words(self) -> str:
        return "never" if self.action == "never" or self.times == 0 else f"{self.action} x{self.times}"


DEFAULT_RETRIES: Mapping[str, RetryRule] = MappingProxyType({
    "host_rebooted": RetryRule(action="same_host", times=2),
    "supervisor_lost": RetryRule(action="same_host", times=2),
    "nccl": RetryRule(action="same_host", times=1),
    "xid": RetryRule(action="next_host", times=1),
    "jit_crash": RetryRule(action="next_host", times=1),
})
"""What holds where a campaign says nothing; classes that are not here are never tried again by themselves."""


def check_rule(failure: str, rule: RetryRule) -> str | None:
    """What is wrong with a rule for this class of failure, or None."""
    if rule.action == "never":
        return None
    if failure in NEVER_AGAIN:
        return f"{failure} is a result or a decision; it is never tried again by itself"
    if rule.action == "smaller_batch" and failure != "oom":
        return "smaller_batch answers oom and nothing else"
    if failure == "jit_crash" and rule.action != "next_host":
        return "a kernel that crashed on a host crashes there again; use next_host"
    return None


def effective(given: Mapping[FailureClass, RetryRule]) -> dict[str, RetryRule]:
    """The rules in force: the defaults with the campaign's in front, and in front of ``lost`` what it is short for."""
    named = {str(failure): rule for failure, rule in given.items()}
    short = named.pop("lost", None)
    return {**DEFAULT_RETRIES, **({} if short is None else dict.fromkeys(LOST, short)), **named}
