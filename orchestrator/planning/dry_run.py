"""A plan as documents: what a dry run shows, ``dispatch.json``, and the launch script of one run. Pure."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from orchestrator.domain.errors import UnknownHost, UsageError
from orchestrator.planning.plan import HostFacts, Plan, PlannedRun
from orchestrator.resources import shipped
from orchestrator.wire.documents import Continuation, DispatchDocument, Group, Override, ResolvedTeacher
from orchestrator.wire.documents import Resolved as ResolvedInputs
from orchestrator.wire.spec import Spec

GRACE_S = 10.0
BEAT_S = 1.0
DISK_FLOOR_BYTES = 256 << 20
NO_DIGEST = "0" * 64
"""Stands where a document does not exist yet; no file has this digest, so a host refuses it."""
OPEN_RUN = "runs/{run_id}"

_ROOT = re.compile(r"~?(?:/[^/\x00-\x1f\x7f]+)+/?|~")


class Shown(BaseModel):
    """A piece of the dry run's answer. Scripts rely on its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ShownFile(Shown):
    """A file that would be placed below the host's root; null where a choice must be made first."""

    path: str
    size_bytes: int | None
    sha256: str | None


class ShownBudget(Shown):
    """The budget a run is held to. ``limit_ms`` is null while it follows from a run that is not sealed."""

    limit_ms: int | None
    derivation: str


class ShownRun(Shown):
    """``run_id`` is null while the run depends on a choice in ``unresolved``.

    ``settings``: the choice (``sweep.top #2``) whose settings the run takes; ``settings_from`` the run that was chosen.
    While that is null ``spec`` is one of those that may come of it. ``continues``: the run that trains its first steps
    and from whose checkpoint it goes on where it runs on the same host.
    """

    run_id: str | None
    name: str
    stage: str
    role: Literal["ce", "teacher", "kd", "control", "measurement"]
    host: str
    gpus: int
    problem: str | None
    new: bool
    standing: Literal["new", "running", "done", "retry"]
    unresolved: list[str]
    steps: int
    budget: ShownBudget | None
    deadline_s: int
    reference: str | None
    twin: str | None
    settings: str | None
    settings_from: str | None
    continues: str | None
    spec: Spec
    files: list[ShownFile]


class ShownHost(Shown):
    """A host of a lane as the runs of a stage see it. ``reasons``: why it is unfit, or what of it is not known.

    ``spread``: it is as good as the first that is fit, and runs go to whichever of those has the shortest queue.
    """

    host: str
    fitness: Literal["fit", "unfit", "unknown"]
    reasons: list[str]
    max_wait_s: int | None
    spread: bool


class ShownLane(Shown):
    """The hosts that a stage's runs with so many GPUs may go to, in order of preference."""

    stage: str
    gpus: int
    lane: str | None
    hosts: list[ShownHost]


class ShownBundle(Shown):
    digest: str
    size_bytes: int


class ShownTotals(Shown):
    runs: int
    new: int
    running: int
    done: int
    retry: int
    unresolved: int


class DryRunDocument(Shown):
    """What ``campaign launch --dry-run --json`` prints.

    ``transfer_bytes`` is the most that would be sent: the bundle once to each host, and the documents of runs that
    are new or to retry. Checkpoints of teachers are linked on their host and not counted. ``preparations`` says what
    making the hosts fit would do, ``edits`` what this file changes of the campaign of the same name that was launched
    before. ``shares``: with ``max_parallel``, how many runs may train on each host at once.
    """

    plan_hash: str
    campaign: str
    campaign_id: str
    bundle: ShownBundle
    totals: ShownTotals
    transfer_bytes: int
    problems: list[str]
    preparations: list[str]
    edits: list[str]
    lanes: list[ShownLane]
    priority: int
    max_parallel: int | None
    shares: dict[str, int]
    runs: list[ShownRun]


def dry_run_document(plan: Plan, *, bundle_size: int, preparations: Sequence[str] = (),
                      edits: Sequence[str] = ()) -> DryRunDocument:
    """The plan as data. ``bundle_size`` is the archive's size in bytes."""
    runs = [_shown(plan, run) for run in plan.runs]
    placed = [r for r in runs if r.standing in ("new", "retry")]
    sent = sum(f.size_bytes or 0 for r in placed for f in r.files) + bundle_size * len({r.host for r in placed})
    count = {word: sum(1 for r in runs if r.standing == word and not r.unresolved)
             for word in ("new", "running", "done", "retry")}
    return DryRunDocument(
        plan_hash=plan.plan_hash, campaign=plan.campaign, campaign_id=plan.campaign_id,
        bundle=ShownBundle(digest=plan.bundle_digest, size_bytes=bundle_size),
        totals=ShownTotals(runs=len(runs), unresolved=sum(1 for r in runs if r.unresolved), **count),
        transfer_bytes=sent, problems=list(plan.misfits),
        preparations=list(preparations), edits=list(edits), lanes=_lanes(plan), priority=plan.priority,
        max_parallel=plan.max_parallel,
        shares=dict(plan.shares), runs=runs)


def dispatch_bytes(plan: Plan, run: PlannedRun, *, attempt: int, host: str, resume_from: int | None = None,
                   budget_ms: int | None = None, override: Mapping[str, Any] | None = None,
                   continue_from: Continuation | None = None) -> bytes:
    """The exact ``dispatch.json`` of one attempt on one host. No times and no random values.

    ``budget_ms`` is what the host holds the run's train time to; ``override`` what the attempt is asked for other than
    its spec; ``continue_from`` the attempt of a shorter run that it begins with. Raises :class:`UsageError` for a run
    that cannot be launched: a choice is open, or the host cannot take it.
    """
    if run.run_id is None:
        raise UsageError(f"{run.name} waits for {', '.join(run.unresolved)}; it cannot be dispatched yet")
    facts = _facts(plan, host)
    if facts.gpus < run.gpus:
        raise UsageError(f"{run.name} needs {run.gpus} GPU{'s' if run.gpus > 1 else ''}; host {host} has {facts.gpus}",
                         hint="choose another host with --host NAME")
    return _dispatch(plan, run, facts, attempt, resume_from, budget_ms, override, continue_from).to_bytes()


def dispatch_preview(plan: Plan, run: PlannedRun, *, attempt: int = 1) -> bytes:
    """``dispatch.json`` as far as it is known: for a run with open choices what they decide is null."""
    return _dispatch(plan, run, _facts(plan, run.host), attempt).to_bytes()


def launch_script(plan: Plan, run: PlannedRun, *, attempt: int = 1) -> str:
    """A POSIX shell script that does by hand, on the host, what the launch command does.

    For a run with open choices ``NO_DIGEST`` stands for its dispatch document, and the host refuses it.
    """
    facts = _facts(plan, run.host)
    launchable = run.run_id is not None and not run.misfit
    digest = hashlib.sha256(dispatch_bytes(plan, run, attempt=attempt, host=run.host)).hexdigest() if launchable \
        else NO_DIGEST
    why = ", ".join([*(f"{u} is not chosen" for u in run.unresolved), *([run.misfit] if run.misfit else [])])
    text = _template().render(
        name=run.name, host=run.host, root=_shell_path(facts.root, "root"), python=_shell_path(facts.python, "python"),
        bundle=plan.bundle_digest, run_id=run.identity, attempt=attempt, dispatch=digest, blocked=why)
    assert isinstance(text, str)
    return text


def _shown(plan: Plan, run: PlannedRun) -> ShownRun:
    policy = plan.policy_of(run)
    budget = None
    if policy.budget_ms is not None or policy.budget_of is not None or policy.budget_like is not None:
        budget = ShownBudget(limit_ms=policy.budget_ms, derivation=policy.budget_words())
    return ShownRun.model_validate({
        "run_id": run.run_id, "name": run.name, "stage": run.stage, "role": run.role.value, "host": run.host,
        "gpus": run.gpus, "problem": run.misfit or None, "new": run.standing == "new", "standing": run.standing,
        "unresolved": list(run.unresolved), "steps": run.spec.horizon, "budget": budget,
        "deadline_s": run.deadline_s, "reference": run.reference_name, "twin": run.twin_name,
        "settings": None if run.settings is None else f"{run.settings.text} #{run.settings.rank}",
        "settings_from": run.settings_from, "continues": run.continues, "spec": run.spec,
        "files": list(_files(plan, run))})


def _lanes(plan: Plan) -> list[ShownLane]:
    kinds = {(r.stage, r.gpus): r for r in reversed(plan.runs)}
    return [ShownLane(stage=stage, gpus=gpus, lane=run.lane, hosts=[
        ShownHost(host=c.host, fitness=c.fitness.value, reasons=list(c.reasons), max_wait_s=c.max_wait_s,
                  spread=c in run.equals)
        for c in run.candidates]) for (stage, gpus), run in sorted(kinds.items(), key=lambda item: item[1].ordinal)]


def _files(plan: Plan, run: PlannedRun) -> Iterable[ShownFile]:
    if run.run_id is None:
        yield ShownFile(path=f"{OPEN_RUN}/spec.json", size_bytes=None if run.spec_is_open else run.size_bytes,
                        sha256=None)
        yield ShownFile(path=f"{OPEN_RUN}/dispatch/{{sha256}}.json", size_bytes=None, sha256=None)
        return
    yield ShownFile(path=f"runs/{run.run_id}/spec.json", size_bytes=run.size_bytes, sha256=run.run_id)
    if run.misfit or run.standing == "retry":  # which attempt a retry will be is for the ledger to say
        size = len(dispatch_preview(plan, run))
        yield ShownFile(path=f"runs/{run.run_id}/dispatch/{{sha256}}.json", size_bytes=size, sha256=None)
    else:
        data = dispatch_bytes(plan, run, attempt=1, host=run.host)
        digest = hashlib.sha256(data).hexdigest()
        yield ShownFile(path=f"runs/{run.run_id}/dispatch/{digest}.json", size_bytes=len(data), sha256=digest)
    if run.teacher_checkpoint_sha256 is not None:
        sha256 = run.teacher_checkpoint_sha256
        yield ShownFile(path=f"assets/sha256/{sha256}", size_bytes=None, sha256=sha256)


def _dispatch(plan: Plan, run: PlannedRun, facts: HostFacts, attempt: int, resume_from: int | None = None,
              budget_ms: int | None = None, override: Mapping[str, Any] | None = None,
              continue_from: Continuation | None = None) -> DispatchDocument:
    teacher = None
    if run.teacher is not None:
        final = run.teacher.final_val_u6
        if final is None:
            raise UsageError(f"{run.name}: its teacher {run.teacher.run_id[:12]} has no final validation loss")
        teacher = ResolvedTeacher(run_id=run.teacher.run_id, checkpoint_sha256=run.teacher.checkpoint_sha256,
                               final_val=final / 1e6)
    return DispatchDocument(
        run_id=run.identity, attempt=attempt, host=facts.name, bundle=plan.bundle_digest, python=facts.python,
        slots=facts.slots, gpus=run.gpus, deadline_s=run.deadline_s, grace_s=GRACE_S, beat_s=BEAT_S,
        disk_floor_bytes=DISK_FLOOR_BYTES, resolved=ResolvedInputs(teacher=teacher, target_val=run.target_val),
        trainer_env=dict(plan.environment), resume_from=resume_from,
        priority=plan.priority, group=_group(plan, facts.name), devices=facts.devices, per_gpu=facts.per_gpu,
        gpu_memory_mib=facts.gpu_memory_mib, share_gpus=facts.share_gpus, budget_ms=budget_ms,
        override=None if override is None else Override.model_validate(override), continue_from=continue_from)


def _group(plan: Plan, host: str) -> Group | None:
    """The campaign's share of the host; a host outside the plan's shares, to which a person moved a run, takes one."""
    if plan.max_parallel is None:
        return None
    return Group(name=plan.campaign, limit=plan.shares.get(host, 1))


def _facts(plan: Plan, host: str) -> HostFacts:
    if host not in plan.hosts:
        raise UnknownHost(f"there is no host {host} any more; hosts: {', '.join(sorted(plan.hosts)) or 'none'}",
                          hint="put it back into hosts.yaml: runs were placed on it")
    return plan.hosts[host]


def _shell_path(path: str, what: str) -> str:
    """A path as one shell word; a leading ``~`` is the home of whoever runs the script."""
    if what == "python" and "/" not in path:
        return shlex.quote(path)
    if _ROOT.fullmatch(path) is None or ".." in path.split("/"):
        raise UsageError(f"{what} {path!r} is not a path that can stand in a launch script",
                         hint="use an absolute path, or one that starts with ~/, without '..'")
    if path == "~":
        return '"${HOME}"'
    return '"${HOME}"/' + shlex.quote(path[2:]) if path.startswith("~/") else shlex.quote(path)


@cache
def _template() -> Any:
    import jinja2

    loader = jinja2.FileSystemLoader(shipped("templates"))
    # Shell, not HTML: every value is a digest, a number or a word quoted by _shell_path; names have a closed alphabet.
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True,
                                     autoescape=False, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    return environment.get_template("launch.sh.j2")
