"""What can be done to one run: read its log, stop it, try it again, fetch its files, and say why it is where it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from orchestrator.dispatch.agent import RequestRefused
from orchestrator.dispatch.collect import CHUNK_BYTES
from orchestrator.dispatch.events import Emit
from orchestrator.dispatch.knowledge import needs_retry
from orchestrator.dispatch.last_seen import recall, remember
from orchestrator.dispatch.launch import Launcher
from orchestrator.dispatch.on_record import plan_of_record
from orchestrator.dispatch.proved import is_in_its_root, needs_its_root
from orchestrator.dispatch.session import Session, utc_now
from orchestrator.dispatch.why import Known, Why, why
from orchestrator.domain.errors import CommandFailed, ContractError, HostUnreachable, StaleRun, UsageError
from orchestrator.domain.lifecycle import LIVE_STATES, TERMINAL_STATES, Event, Outcome, State
from orchestrator.ledger.evidence_bytes import KEPT_ON_HOST
from orchestrator.ledger.rows import AttemptRow
from orchestrator.wire.documents import ClaimDocument, Observation, parse_claim, parse_manifest

DOCUMENT_LIMIT_BYTES = 1 << 20


def read_log(session: Session, reference: str) -> Iterator[bytes]:
    """The bytes of ``train.log``: from verified evidence where there is some, else from the host as it stands."""
    run_id = session.ledger.find_run(reference)
    attempt = session.ledger.current_attempt(run_id)
    kept = session.home.evidence(run_id, attempt.attempt_no) / "train.log"
    if kept.is_file():
        yield kept.read_bytes()
        return
    if attempt.host is None or attempt.state is State.PLANNED:
        raise UsageError(f"run {reference} has not been launched; there is no log yet",
                         hint="'kdorch campaign launch FILE' launches it")
    agent = session.pool.agent(attempt.host)
    if agent is None:
        raise HostUnreachable(f"host {attempt.host} does not answer; the run is not affected")
    offset = 0
    try:
        while piece := agent.read(run_id, attempt.attempt_no, "train.log", offset=offset, limit=CHUNK_BYTES).body:
            yield piece
            offset += len(piece)
    except RequestRefused as error:
        if error.code != "not_found":
            raise
        raise UsageError(f"{session.ledger.name_of(run_id)} has no log yet: its trainer has not started on "
                         f"{attempt.host}", hint=f"'kdorch why {reference}' says what it waits for") from None


def cancel_run(session: Session, reference: str) -> str:
    """Stop a run wherever it is in its life; says in words what that came to. Repeating it does no harm."""
    run_id = session.ledger.find_run(reference)
    attempt = session.ledger.current_attempt(run_id)
    name = session.ledger.name_of(run_id)
    if attempt.state in TERMINAL_STATES:
        return f"{name} has already ended ({attempt.outcome}); nothing to stop"
    if attempt.state is State.PLANNED:
        try:
            session.ledger.advance(run_id, attempt.attempt_no, Event.WITHDRAW, expect=State.PLANNED,
                                   outcome=Outcome.WITHDRAWN)
        except StaleRun:
            return cancel_run(session, reference)  # it was launched in this very moment
        return f"{name} was not launched yet; it is withdrawn"
    assert attempt.host is not None
    agent = session.pool.agent(attempt.host)
    if agent is None:
        raise HostUnreachable(f"host {attempt.host} does not answer, so {name} cannot be asked to stop",
                              hint="its own deadline ends it; run the command again when the host answers")
    agent.stop(run_id, attempt.attempt_no, "cancelled by user")
    return f"{name} was asked to stop on {attempt.host}; 'kdorch watch {name}' collects what it leaves"


def explain_state(session: Session, reference: str, *, offline: bool = False) -> Why:
    """The chain of proofs behind a run's state; asks its host unless ``offline`` or there is nothing to ask."""
    ledger = session.ledger
    run_id = ledger.find_run(reference)
    attempts = ledger.attempts(run_id)
    name = ledger.name_of(run_id)
    current = attempts[-1]
    row = next((r for r in ledger.rows(run_id=run_id) if r.name == name), None)
    seen: Observation | None = None
    claim: ClaimDocument | None = None
    if not offline and current.host is not None and current.state in LIVE_STATES:
        seen, claim = _ask(session, current)
    there = seen is None or not needs_its_root(current, seen) or _is_in_its_root(session, current)
    return why(Known(
        name=name, attempts=attempts, row=row, seen=seen, claim=claim, in_its_root=there,
        notes=ledger.notes(run_id),
        reach=ledger.reachability().get(current.host) if current.host is not None else None,
        last=recall(session.home, run_id, current.attempt_no), asked=not offline, now=utc_now()))


def _ask(session: Session, attempt: AttemptRow) -> tuple[Observation | None, ClaimDocument | None]:
    """What the attempt's host can prove now; nothing at all where it is silent."""
    assert attempt.host is not None
    agent = session.pool.usable(attempt.host)
    if agent is None:
        return None, None
    try:
        seen, = agent.probe([(attempt.run_id, attempt.attempt_no)])
        remember(session.home, seen, utc_now())
        if seen.state == "absent":
            return seen, None
        data = agent.read(attempt.run_id, attempt.attempt_no, "claim.json", limit=DOCUMENT_LIMIT_BYTES).body
        return seen, parse_claim(data, f"{attempt.host}: claim.json")
    except HostUnreachable as error:
        session.pool.lost(attempt.host, error)
        return None, None
    except (RequestRefused, ContractError):
        return seen, None


def _is_in_its_root(session: Session, attempt: AttemptRow) -> bool:
    agent = None if attempt.host is None else session.pool.usable(attempt.host)
    return agent is not None and is_in_its_root(session.ledger, agent, attempt)


def retry_run(session: Session, reference: str, emit: Emit) -> str:
    """Give a run without a result one new attempt and place it on a host; says in words what that came to.

    A run with a result keeps it: another attempt would let a person choose the nicer one. A new seed is a new run.
    Raises :class:`UsageError` for such a run, and for one that is still on its way.
    """
    run_id = session.ledger.find_run(reference)
    attempt = session.ledger.current_attempt(run_id)
    name = session.ledger.name_of(run_id)
    if attempt.state in LIVE_STATES:
        raise UsageError(f"{name} is {attempt.state.value}; only a run that ended can be tried again",
                         hint=f"'kdorch run cancel {name}' stops it first")
    if attempt.state is not State.PLANNED and not needs_retry(attempt.state, attempt.outcome):
        raise UsageError(f"{name} has its result ({attempt.outcome}); it is not run again",
                         hint="another seed is another run: add it to the campaign file")
    plan = plan_of_record(session, run_id)
    run = next(r for r in plan.runs if r.run_id == run_id)
    if attempt.state is not State.PLANNED:
        session.ledger.new_attempt(run_id, after=attempt.attempt_no)
    placed = Launcher(session, emit).launch([run], plan)
    number = session.ledger.current_attempt(run_id).attempt_no
    if not placed:
        session.pool.require_usable()
        return f"{name}: attempt {number} is planned; its host does not answer now, and the next launch places it"
    return f"{name}: attempt {number} is placed; 'kdorch watch {name}' follows it"


def declare_lost(session: Session, reference: str, words: str) -> str:
    """End a run as lost on a person's word, whose root is gone for good and can prove nothing any more.

    The word goes into the chain. Raises :class:`UsageError` for a run of which its host still has something to say,
    :class:`HostUnreachable` while it is silent: silence proves nothing, to nobody.
    """
    run_id = session.ledger.find_run(reference)
    attempt = session.ledger.current_attempt(run_id)
    name = session.ledger.name_of(run_id)
    if attempt.state not in (State.STAGING, State.QUEUED, State.RUNNING) or attempt.host is None:
        raise UsageError(f"{name} is {attempt.state.value}; only what was placed on a host and has not ended can be "
                         "lost there")
    agent = session.pool.agent(attempt.host)
    if agent is None:
        raise HostUnreachable(f"host {attempt.host} does not answer, and silence is no loss; the run is not affected",
                              hint="run the command again when it answers")
    seen, = agent.probe([(run_id, attempt.attempt_no)])
    if seen.state != "absent":
        raise UsageError(f"{name} is there on {attempt.host}: {seen.state}",
                         hint=f"'kdorch why {name}' says what that proves; 'kdorch run cancel {name}' stops it")
    session.ledger.advance(run_id, attempt.attempt_no, Event.ENDED, expect=attempt.state,
                           outcome=Outcome.LOST_SUPERVISOR, detail={"why": f"a person's word: {words}"})
    session.ledger.settle(run_id, attempt.attempt_no, None, None, ())
    return f"{name}: attempt {attempt.attempt_no} is lost; 'kdorch campaign launch' or 'kdorch run retry {name}' " \
           "gives it another one"


def pull_run(session: Session, reference: str, into: Path | None, progress: Callable[[str, int, int], None]) -> Path:
    """Bring what a sealed run left on its host and evidence does not hold, such as checkpoints, here.

    Each file is verified against the sealed manifest and put in place whole. Files that are here already are kept.
    ``progress`` is told (name, bytes so far, bytes in all). Returns the directory. What can be had is brought first;
    then :class:`CommandFailed` names what the host has no longer.
    """
    run_id = session.ledger.find_run(reference)
    attempt = session.ledger.current_attempt(run_id)
    name = session.ledger.name_of(run_id)
    evidence = session.home.evidence(run_id, attempt.attempt_no)
    if attempt.host is None or not (evidence / "manifest.json").is_file():
        raise UsageError(f"{name} has no collected evidence yet, so nothing says what its files must be",
                         hint=f"'kdorch watch {name}' collects it once it has ended")
    manifest = parse_manifest((evidence / "manifest.json").read_bytes(), "manifest.json")
    target = into if into is not None else evidence.with_name(f"{attempt.attempt_no}.files")
    wanted = [f for f in manifest.files if f.name.startswith(KEPT_ON_HOST)]
    if not wanted:
        raise UsageError(f"{name} left no files besides its evidence in {evidence}")
    agent = session.pool.agent(attempt.host)
    if agent is None:
        raise HostUnreachable(f"host {attempt.host} does not answer; the files of {name} lie there",
                              hint="run the command again when it answers")
    gone = []
    for file in wanted:
        place = target / file.name
        if place.is_file() and _sha256(place) == file.sha256:
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with suppress(RequestRefused):  # cleaned away there, it may still be an asset
                agent.adopt(run_id, attempt.attempt_no, file.name, file.sha256)
            agent.pull_asset(file.sha256, place, partial(progress, file.name))
        except RequestRefused as error:
            if error.code != "not_found":
                raise
            gone.append(file.name)
    if gone:
        raise CommandFailed(f"{attempt.host} has {' and '.join(gone)} of {name} no longer",
                            hint="'kdorch host gc' frees a host of such files; pull what you want to keep before it, "
                                 "or give it a name with 'kdorch asset add'")
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
