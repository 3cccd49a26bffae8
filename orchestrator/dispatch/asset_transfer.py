"""Moves assets between this machine and hosts: each once per digest, resumed where it was cut, verified on arrival."""

from __future__ import annotations

import contextlib
from functools import partial

from orchestrator.dispatch.agent import HostAgent
from orchestrator.dispatch.asset_store import Asset, Moved, listed, stored, verify
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.session import Session
from orchestrator.domain.errors import (
    HostUnfit,
    HostUnreachable,
    TransferCorrupt,
    TransportError,
    UnknownRun,
    UsageError,
)

KEPT_FREE_BYTES = 1 << 30
"""What a transfer leaves free on a host's disk."""


def quiet(_name: str, _done: int, _total: int) -> None:
    """Tells nobody how far a transfer is."""


def ensure_on_host(session: Session, host: str, sha256: str, moved: Moved = quiet, *, check: bool = False) -> bool:
    """See to it that a host holds an asset; True when bytes had to be sent or linked.

    With ``check`` the host holds what it has against the digest first; what was altered there is replaced. The asset
    comes from this machine's store, else by a link from the attempt that left it there, else by way of this machine
    from the host that has it. Raises :class:`HostUnreachable`, :class:`HostUnfit` for a full disk, a transient
    :class:`TransportError` where a host that may have it is silent, :class:`UsageError` where nobody known has it.
    """
    agent = agent_of(session, host)
    asset = stored(session.home, sha256)
    if asset is None:
        if _is_there(agent, sha256, check=check):
            return False
        if _link_there(session, agent, host, sha256):
            return True
        asset = fetch(session, sha256, moved)
    missing = [p for p in asset.parts if not _is_there(agent, p[0], check=check)]
    if missing:
        _require_room(agent, sum(size for _, size in missing))
    for digest, size in missing:
        push_file(session.home, agent, digest, size, moved)
    if missing:
        session.ledger.record_asset_location(sha256, host)
    return bool(missing)


def fetch(session: Session, sha256: str, moved: Moved = quiet, *, source: str | None = None) -> Asset:
    """Bring an asset into this machine's store and return it; from ``source``, or from any host that has it."""
    here = stored(session.home, sha256)
    if here is not None:
        return here
    places = _places(session, sha256, source)
    silent = []
    for host in places:
        agent = session.pool.usable(host)
        if agent is None:
            silent.append(host)
            continue
        _link_there(session, agent, host, sha256)
        if sha256 not in agent.has([sha256]):
            continue
        pull_file(session.home, agent, sha256, moved)
        asset = stored(session.home, sha256)
        if asset is None:  # a directory: its manifest is here, its files are not yet
            asset = _fetch_files(session.home, agent, sha256, moved)
        return asset
    if silent:
        raise TransportError(f"asset {sha256[:12]} may lie on {' or '.join(silent)}, which does not answer",
                             transient=True, hint="run the same command again when it does")
    raise UsageError(f"asset {sha256[:12]} is neither here nor on a host that answers"
                     f"{f' (asked {source})' if source else ''}",
                     hint="'kdorch asset list' says where it was last; 'kdorch asset add NAME PATH' brings it here")


def push_file(home: Home, agent: HostAgent, sha256: str, size: int, moved: Moved) -> None:
    """Send one file of the store. The host verifies it; a corrupt copy here is found out and named."""
    path = home.asset(sha256)
    try:
        agent.push_asset(sha256, path, partial(moved, sha256[:12]))
    except TransferCorrupt:
        verify(home, sha256)  # raises when it is ours that is wrong
        agent.push_asset(sha256, path, partial(moved, sha256[:12]))
    moved(sha256[:12], size, size)


def pull_file(home: Home, agent: HostAgent, sha256: str, moved: Moved) -> None:
    """Bring one file into the store, resuming what an earlier try left."""
    path = home.asset(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    agent.pull_asset(sha256, path, partial(moved, sha256[:12]))


def agent_of(session: Session, host: str) -> HostAgent:
    """The host's agent. Raises :class:`HostUnreachable` while it is silent."""
    agent = session.pool.agent(host)
    if agent is None:
        seen = session.ledger.reachability().get(host)
        raise HostUnreachable(f"host {host} does not answer{f': {seen.detail}' if seen and seen.detail else ''}",
                              hint="run the same command again when it does; what was sent already is kept there")
    return agent


def _fetch_files(home: Home, agent: HostAgent, sha256: str, moved: Moved) -> Asset:
    asset = listed(home, sha256)
    assert asset is not None, "the manifest has just been put there"
    for file in asset.files:
        if not home.asset(file.sha256).exists():
            pull_file(home, agent, file.sha256, moved)
    return asset


def _is_there(agent: HostAgent, sha256: str, *, check: bool) -> bool:
    if sha256 not in agent.has([sha256]):
        return False
    if not check:
        return True
    answer, _ = agent.request("asset_check", sha256=sha256)
    return answer.get("present") is True


def _link_there(session: Session, agent: HostAgent, host: str, sha256: str) -> bool:
    """Make an asset of the sealed file that left it on this very host; False when none did."""
    try:
        source = session.ledger.checkpoint_source(sha256)
    except UnknownRun:
        return False
    if source.host != host:
        return False
    agent.adopt(source.run_id, source.attempt_no, source.path, sha256)
    return True


def _places(session: Session, sha256: str, source: str | None) -> list[str]:
    if source is not None:
        session.inventory.host(source)
        return [source]
    places = list(session.ledger.asset_locations(sha256))
    with contextlib.suppress(UnknownRun):
        places.append(session.ledger.checkpoint_source(sha256).host)
    return [p for p in dict.fromkeys(places) if p in session.inventory.hosts]


def _require_room(agent: HostAgent, needed: int) -> None:
    answer, _ = agent.request("space")
    free = answer.get("disk_free_bytes")
    if isinstance(free, int) and free < needed + KEPT_FREE_BYTES:
        raise HostUnfit(f"{agent.name}: {needed / 1e9:.2f} GB are to be sent; {free / 1e9:.2f} GB are free there",
                        hint=f"free some space; 'kdorch host gc {agent.name}' may find some")
