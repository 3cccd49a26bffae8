"""Has a host give a started attempt whose supervisor is gone to another one, which watches it and seals it.

The launch of an attempt may always be repeated; on one that lost its supervisor it leaves an adopting supervisor
behind (``tests/contract/v1``). Only where the host declines is the attempt taken for lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from orchestrator.dispatch.agent import HostAgent, LaunchResult
from orchestrator.dispatch.errands import Errands, Result
from orchestrator.domain.errors import ContractError, HostUnreachable
from orchestrator.ledger.rows import AttemptRow
from orchestrator.wire.documents import Observation

LEFT_ALONE = ("orphan", "lost_supervisor")
MOST_TRIES = 3


class Adoptions:
    """Asks for adoptions, a few times for each attempt. ``adopted`` and ``declined`` hear how that went, in the thread
    that settles ``errands``; ``lost`` hears of a host that fell silent meanwhile."""

    def __init__(self, errands: Errands, *, adopted: Callable[[AttemptRow], None],
                 declined: Callable[[AttemptRow, Observation], None],
                 lost: Callable[[HostAgent, HostUnreachable], None]) -> None:
        self._errands, self._adopted, self._declined, self._lost = errands, adopted, declined, lost
        self._standing: dict[tuple[str, int], str] = {}
        self._tries: Counter[tuple[str, int]] = Counter()

    def known_state(self, attempt: AttemptRow) -> str | None:
        """The state in which the attempt was last seen without a supervisor; None where it has one."""
        return self._standing.get(_key(attempt))

    def consider(self, agent: HostAgent, attempt: AttemptRow, seen: Observation) -> bool:
        """Take up an observation; True where it is not the last word, because an adoption is under way."""
        key = _key(attempt)
        if seen.state not in LEFT_ALONE or attempt.dispatch_sha256 is None:
            self._standing.pop(key, None)
            return False
        self._standing[key] = seen.state
        if self._tries[key] >= MOST_TRIES:
            return seen.state == "orphan"
        self._tries[key] += 1
        launches = [(attempt.run_id, attempt.attempt_no, attempt.dispatch_sha256)]
        self._errands.send(f"adopt-{agent.name}", lambda: agent.launch(launches),
                           lambda result: self._answered(agent, attempt, seen, result))
        return True

    def _answered(self, agent: HostAgent, attempt: AttemptRow, seen: Observation,
                  result: Result[list[LaunchResult]]) -> None:
        try:
            answer, = result.get()
        except HostUnreachable as error:
            self._standing.pop(_key(attempt), None)
            self._tries[_key(attempt)] -= 1
            self._lost(agent, error)
            return
        except ContractError:
            self._declined(attempt, seen)
            return
        if answer.result == "started":
            self._standing.pop(_key(attempt), None)  # whatever it is seen in next is news
            self._adopted(attempt)
        elif answer.result == "exists" and answer.detail.startswith(("sealed", "running")):
            self._standing.pop(_key(attempt), None)  # another process had it adopted in the meantime
        elif answer.result == "refused":
            self._standing.pop(_key(attempt), None)  # the adopter died, say: seen again, it is tried again, a few times
        else:
            self._tries[_key(attempt)] = MOST_TRIES
            self._declined(attempt, seen)


def _key(attempt: AttemptRow) -> tuple[str, int]:
    return attempt.run_id, attempt.attempt_no
