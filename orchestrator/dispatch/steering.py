"""Whether a campaign goes on, is paused, or was cancelled: a person's word, written into the ledger's chain.

Whoever drives the campaign reads it each round, so the word holds for every process and every later launch. Paused,
nothing new starts: what waits in a host's queue is asked back, what trains goes on to its end. Cancelled, what trains
is stopped as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.dispatch.over import is_over
from orchestrator.dispatch.session import Session
from orchestrator.dispatch.single import cancel_run
from orchestrator.domain.errors import HostUnreachable, UsageError
from orchestrator.domain.lifecycle import LIVE_STATES, State
from orchestrator.ledger.reads import Reads
from orchestrator.ledger.rows import AttemptRow, CampaignRow
from orchestrator.ledger.store import Ledger

Word = Literal["going", "paused", "cancelled"]
_WORDS: dict[str, Word] = {"campaign_paused": "paused", "campaign_resumed": "going", "campaign_cancelled": "cancelled"}

PATIENCE_S = 30.0
"""How long a host may take to answer before a person is told that it was not asked."""

RETRY_S = 0.2


@dataclass(frozen=True)
class Steering:
    """What was said last, and when (None where nobody ever said anything)."""

    word: Word
    since: str | None = None


def steering(ledger: Reads, campaign_id: str) -> Steering:
    """What a person said last about the campaign."""
    said = [e for e in ledger.notes(campaign_id) if e.kind in _WORDS]
    return Steering(_WORDS[said[-1].kind], said[-1].at) if said else Steering("going")


def require_going(ledger: Reads, campaign_id: str, name: str) -> None:
    """Raise :class:`UsageError` for a campaign that is paused or was cancelled."""
    now = steering(ledger, campaign_id)
    if now.word != "going":
        raise UsageError(f"campaign {name} is {now.word} since {now.since}",
                         hint=f"'kdorch campaign resume {name}' carries on")


def find_campaign_row(ledger: Reads, reference: str) -> CampaignRow:
    """The newest campaign that answers to a name or an id. Raises :class:`UsageError` when there is none."""
    found = ledger.find_campaigns(reference)
    if not found:
        raise UsageError(f"the ledger knows no campaign {reference!r}",
                         hint="'kdorch campaign list' names those it knows")
    return found[-1]


def pause(session: Session, reference: str) -> list[str]:
    """Let nothing new of the campaign start; says in words what that came to."""
    campaign = find_campaign_row(session.ledger, reference)
    now = steering(session.ledger, campaign.campaign_id)
    if now.word == "cancelled":
        raise UsageError(f"campaign {campaign.name} was cancelled on {now.since}; there is nothing to pause")
    if now.word == "going" and is_over(session, campaign):
        return [_nothing_to_steer(campaign)]
    if now.word == "going":
        session.ledger.note("campaign_paused", campaign.campaign_id, {"name": campaign.name})
    attempts = _own_attempts(session, campaign)
    waiting = [a for a in attempts if a.state in (State.STAGING, State.QUEUED)]
    silent = {a.host for a in _ask_all(session, waiting, lambda a: _ask_back(session, a))}
    running = [a for a in attempts if a.state in LIVE_STATES and a not in waiting]
    words = [f"{campaign.name} is paused: {len(waiting)} waiting runs are asked back, {len(running)} go on to their "
             f"end; 'kdorch campaign resume {campaign.name}' carries on"]
    return words + [f"{host} does not answer; what waits there may still start" for host in sorted(h for h in silent
                                                                                                 if h)]


def cancel(session: Session, reference: str) -> list[str]:
    """End the campaign: stop what runs, take back what waits. Runs that another campaign holds too are left to it.

    Raises :class:`HostUnreachable` where some could not be asked; the word stands, and the others were.
    """
    campaign = find_campaign_row(session.ledger, reference)
    now = steering(session.ledger, campaign.campaign_id)
    if now.word == "going" and is_over(session, campaign):
        return [_nothing_to_steer(campaign)]
    if now.word != "cancelled":
        session.ledger.note("campaign_cancelled", campaign.campaign_id, {"name": campaign.name})
    words = []

    def ask(attempt: AttemptRow) -> bool:
        if attempt.host is not None and session.pool.usable(attempt.host) is None:
            return False
        try:
            words.append(cancel_run(session, attempt.run_id))
        except HostUnreachable:
            return False
        return True

    unasked = _ask_all(session, [a for a in _own_attempts(session, campaign)
                                 if a.state is State.PLANNED or a.state in LIVE_STATES], ask)
    for error in (session.pool.unusable_hosts.get(a.host or "") for a in unasked):
        if error is not None:
            raise error  # it says what a person must see to; all others were asked
    if unasked:
        hosts = sorted({a.host for a in unasked if a.host})
        raise HostUnreachable(f"{len(unasked)} runs of {campaign.name} could not be asked to stop: "
                              f"{', '.join(hosts)} gave no answer within {PATIENCE_S:.0f} s",
                              hint="all others were asked; run the command again when it answers")
    return [*words, f"{campaign.name} is cancelled; its ledger and evidence stay"]


def resume(ledger: Ledger, reference: str) -> CampaignRow:
    """Take back a pause or a cancellation and return the campaign; harmless for one that goes on."""
    campaign = find_campaign_row(ledger, reference)
    if not campaign.source_text.strip():
        raise UsageError(f"campaign {campaign.name} was imported; there is nothing to run")
    if steering(ledger, campaign.campaign_id).word != "going":
        ledger.note("campaign_resumed", campaign.campaign_id, {"name": campaign.name})
    return campaign


def _nothing_to_steer(campaign: CampaignRow) -> str:
    return f"{campaign.name} has ended; there is nothing to steer, and nothing was changed"


def _own_attempts(session: Session, campaign: CampaignRow) -> list[AttemptRow]:
    """The current attempts of runs that no other campaign that goes on holds."""
    ledger = session.ledger
    others = {c.campaign_id for c in ledger.campaigns()
              if c.name != campaign.name and steering(ledger, c.campaign_id).word == "going"}
    own = [m.run_id for m in ledger.members(campaign.campaign_id)
           if not others & {other.campaign_id for other in ledger.memberships(m.run_id)}]
    return ledger.current_attempts(own)


def _ask_all(session: Session, attempts: Sequence[AttemptRow], ask: Callable[[AttemptRow], bool]) -> list[AttemptRow]:
    """Ask each attempt's host, again and again where it does not answer at once: it may be slow to connect, or busy.
    Returns the attempts that nobody could be asked about within :data:`PATIENCE_S`."""
    session.pool.warm(sorted({a.host for a in attempts if a.host is not None}))
    unasked = list(attempts)
    until = time.monotonic() + PATIENCE_S
    while unasked and time.monotonic() < until:
        silent = [a for a in unasked if not ask(a)]
        if len(silent) < len(unasked):  # asking many takes long by itself; the patience is with those that are silent
            until = time.monotonic() + PATIENCE_S
        if all(a.host in session.pool.unusable_hosts for a in silent):
            return silent  # asking again helps nobody
        if silent:
            time.sleep(RETRY_S)
        unasked = silent
    return unasked


def _ask_back(session: Session, attempt: AttemptRow) -> bool:
    """Ask the host to seal the attempt unless its trainer has started; False when the host does not answer."""
    agent = session.pool.usable(attempt.host) if attempt.host is not None else None
    if agent is None:
        return False
    agent.stop(attempt.run_id, attempt.attempt_no, "campaign paused by user", only_waiting=True)
    return True
