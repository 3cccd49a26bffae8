"""The questions that an open ledger answers. Each is one short read transaction, so its answer is of one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from orchestrator.domain.lifecycle import Event
from orchestrator.domain.verdict import Policy
from orchestrator.ledger import chain, listing, listing_cache, listing_check, queries, replicating, surroundings
from orchestrator.ledger.court_rows import ReplicationRow
from orchestrator.ledger.engine import READ_ONLY, translated
from orchestrator.ledger.explain import explain
from orchestrator.ledger.place import LedgerPlace
from orchestrator.ledger.rows import (
    AssetRow,
    AttemptRow,
    CampaignRow,
    CheckpointSource,
    EventRow,
    EvidenceRecord,
    Explanation,
    HostFactsRow,
    HostSeen,
    KeptFile,
    LedgerRow,
    MeasurementRecord,
    MemberRow,
    ResolutionRecord,
    ValidationRecord,
)

PERSON_NOTE = "person_note"
NOTES = ("lane_fallback", "withdrawal_asked", "run_moved", "campaign_paused", "campaign_resumed", "campaign_cancelled",
         PERSON_NOTE)
"""Events that say what was decided and why, and from which no row follows: a run goes to another host than its lane's
first, a waiting run is asked back from its host, a person moved it; a person steered a campaign (its id is the
subject); a person said something of a run, in the payload's ``words``."""


class Reads:
    """The reading half of :class:`orchestrator.ledger.store.Ledger`."""

    def __init__(self, path: LedgerPlace, engine: Engine, root: Path | None = None) -> None:
        self.path = path
        self.root = path.parent if root is None else root
        self._engine = engine

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with translated(self.path), self._engine.connect().execution_options(**{READ_ONLY: True}) as connection:
            with connection.begin():
                yield connection

    def pinned_policy(self, campaign_id: str, stage: str) -> Policy | None:
        """The policy that a stage is held to, or None. Raises :class:`LedgerTampered` when it is not what its id
        promises."""
        with self._reading() as connection:
            policy_id = queries.pinned_policy_id(connection, campaign_id, stage)
            return None if policy_id is None else queries.policy_by_id(connection, policy_id)

    def resolution(self, key: str) -> ResolutionRecord | None:
        """What a selector was resolved to, or None."""
        with self._reading() as connection:
            return queries.resolution(connection, key)

    def resolutions(self) -> list[ResolutionRecord]:
        """What every selector was resolved to, oldest first."""
        with self._reading() as connection:
            return queries.every_resolution(connection)

    def replication(self, campaign_id: str, run_id: str) -> ReplicationRow | None:
        """What the fresh seeds of a run's configuration came to; None where its stage asks for none, or one of them
        has not ended."""
        with self._reading() as connection:
            return replicating.row_of(connection, campaign_id, run_id)

    def current_attempt(self, run_id: str) -> AttemptRow:
        """The latest attempt of a run. Raises :class:`UnknownRun`."""
        with self._reading() as connection:
            return queries.current_attempt(connection, run_id)

    def current_attempts(self, run_ids: Iterable[str]) -> list[AttemptRow]:
        """The latest attempt of each run, in the order asked for; unknown runs are left out."""
        with self._reading() as connection:
            return queries.current_attempts(connection, run_ids)

    def attempts(self, run_id: str) -> list[AttemptRow]:
        """Every attempt of a run, first to last."""
        with self._reading() as connection:
            return queries.all_attempts(connection, run_id)

    def campaign_attempts(self, campaign_id: str) -> list[AttemptRow]:
        """Every attempt of every run of a campaign, in one question however many there are."""
        with self._reading() as connection:
            return queries.campaign_attempts(connection, campaign_id)

    def live_by_host(self) -> dict[str, int]:
        """How many attempts are on their way on each host, waiting or running."""
        with self._reading() as connection:
            return queries.live_by_host(connection)

    def measured(self, run_id: str) -> MeasurementRecord | None:
        """The accepted measurement of the run's latest evidence, or None."""
        with self._reading() as connection:
            return queries.measured(connection, run_id)

    def evidence(self, run_id: str) -> EvidenceRecord | None:
        """The run's latest evidence, or None; the files that it lists are left out."""
        with self._reading() as connection:
            return queries.latest_evidence(connection, run_id)

    def evidence_files(self, evidence_id: str) -> list[KeptFile]:
        """The files that a piece of evidence lists, by path; none for evidence that is not there."""
        with self._reading() as connection:
            return queries.kept_files(connection, evidence_id)

    def validations(self, run_id: str) -> list[ValidationRecord]:
        """The validations behind :meth:`measured`, in the order of the log."""
        with self._reading() as connection:
            return queries.run_validations(connection, run_id)

    def best_checkpoint(self, run_id: str) -> str | None:
        """sha256 of the best checkpoint (else the last) that the run's latest evidence lists, or None."""
        with self._reading() as connection:
            return queries.best_checkpoint(connection, run_id)

    def checkpoint_source(self, sha256: str) -> CheckpointSource:
        """Where a file with this digest lies on a host. Raises :class:`UnknownRun`."""
        with self._reading() as connection:
            return queries.checkpoint_source(connection, sha256)

    def last_checkpoint(self, run_id: str) -> CheckpointSource | None:
        """The last checkpoint of a completed run, with its place on a host; None where there is none."""
        with self._reading() as connection:
            return queries.last_checkpoint(connection, run_id)

    def spec_json(self, run_id: str) -> str:
        """The exact text of the run's spec. Raises :class:`UnknownRun`."""
        with self._reading() as connection:
            return queries.spec_json(connection, run_id)

    def campaign_specs(self, campaign_id: str) -> dict[str, str]:
        """The exact text of the spec of every run of a campaign, by run id."""
        with self._reading() as connection:
            return queries.campaign_specs(connection, campaign_id)

    def members(self, campaign_id: str) -> list[MemberRow]:
        """The runs of a campaign in plan order."""
        with self._reading() as connection:
            return queries.members(connection, campaign_id)

    def configurations(self, campaign_id: str) -> dict[str, dict[str, str]]:
        """The configuration of each run of a campaign, by stage and run: seeds of one configuration share it."""
        with self._reading() as connection:
            return queries.configurations(connection, campaign_id)

    def memberships(self, run_id: str) -> list[MemberRow]:
        """Every place in which a run stands, oldest first."""
        with self._reading() as connection:
            return queries.memberships(connection, run_id)

    def name_of(self, run_id: str) -> str:
        """The run's name where it was recorded last; its short id when the ledger does not know it."""
        places = self.memberships(run_id)
        return places[-1].name if places else run_id[:12]

    def campaigns(self) -> list[CampaignRow]:
        """Every campaign, oldest first."""
        with self._reading() as connection:
            return queries.all_campaigns(connection)

    def find_campaigns(self, reference: str) -> list[CampaignRow]:
        """Campaigns of this name or id, else those whose id begins with it, oldest first; empty for none."""
        with self._reading() as connection:
            return queries.find_campaigns(connection, reference)

    def find_runs(self, reference: str, *, campaign: str | None = None) -> list[str]:
        """Ids of the runs that answer to ``reference``; an exact id or name beats a prefix of either."""
        with self._reading() as connection:
            return queries.find_runs(connection, reference, campaign)

    def find_run(self, reference: str, *, campaign: str | None = None) -> str:
        """The one run that answers to ``reference``. Raises :class:`UnknownRun` for none, or for several."""
        with self._reading() as connection:
            return queries.find_run(connection, reference, campaign)

    def rows(self, *, status: str | None = None, campaign: str | None = None, sort: str | None = None,
             run_id: str | None = None) -> list[LedgerRow]:
        """The ledger as a list; see :func:`orchestrator.ledger.listing.rows`. Raises :class:`UsageError`."""
        with self._reading() as connection:
            return listing.rows(connection, status=status, campaign=campaign, sort=sort, run_id=run_id)

    def listing(self, asked: listing_cache.Asked,
                on_build: Callable[[int], None] = lambda _rows: None) -> listing_cache.Listed:
        """The same rows for a person: filtered, sorted and cut, in milliseconds however many there are; see
        :func:`orchestrator.ledger.listing_cache.ask`. Decisions are made from :meth:`rows`. Raises
        :class:`UsageError`."""
        return listing_cache.ask(self.path, self._reading, asked, on_build)

    def listing_differences(self) -> list[tuple[str, str]]:
        """Where the listing that is kept ready is not the ledger's; see
        :func:`orchestrator.ledger.listing_check.differences`."""
        return listing_check.differences(self.path, self._reading)

    def explain(self, run_id: str, campaign: str | None = None) -> Explanation:
        """Every gate of a run with its number, limit, result and the line that proves it. Raises
        :class:`UnknownRun`."""
        with self._reading() as connection:
            return explain(connection, run_id, campaign)

    def hosts(self) -> list[str]:
        """Every host that an attempt was ever placed on, by name."""
        with self._reading() as connection:
            return queries.hosts(connection)

    def reachability(self) -> dict[str, HostSeen]:
        """What was last seen of each host."""
        with self._reading() as connection:
            return queries.reachability(connection)

    def host_facts(self, host: str) -> dict[str, Any] | None:
        """What the host was last found to have and to be able to do; None where nobody has looked."""
        found = self.all_host_facts().get(host)
        return None if found is None else found.facts

    def all_host_facts(self) -> dict[str, HostFactsRow]:
        """The latest facts of every host that was looked at, by its name."""
        with self._reading() as connection:
            return surroundings.latest_host_facts(connection)

    def assets(self) -> list[AssetRow]:
        """Every asset that has a name, in the order of the names."""
        with self._reading() as connection:
            return surroundings.named_assets(connection)

    def asset_named(self, name: str) -> AssetRow | None:
        """The asset that a name stands for, or None."""
        return next((a for a in self.assets() if a.name == name), None)

    def asset_locations(self, sha256: str) -> list[str]:
        """Hosts on which an asset was last seen, latest first. A hint: only the host knows."""
        with self._reading() as connection:
            return surroundings.locations(connection, sha256)

    def notes(self, run_id: str) -> list[EventRow]:
        """What was decided about a run and moves nothing (:data:`NOTES`), oldest first."""
        with self._reading() as connection:
            return chain.about(connection, run_id, NOTES)

    def placed_in(self, run_id: str, attempt_no: int) -> str | None:
        """The name of the host's root that an attempt was placed in; None where it was not placed, or nobody knows."""
        with self._reading() as connection:
            moves = chain.about(connection, run_id, ("attempt_moved",))
        placed = [e.payload for e in moves
                  if (e.payload.get("attempt_no"), e.payload.get("event")) == (attempt_no, Event.PLACE.value)]
        found = placed[-1].get("detail", {}).get("root") if placed else None
        return None if found is None else str(found)

    def events(self, *, since: int = 0, limit: int | None = None) -> list[EventRow]:
        """Entries of the chain after number ``since``."""
        with self._reading() as connection:
            return chain.read(connection, since, limit)

    def head(self) -> tuple[int, str]:
        """Number and hash of the chain's last entry."""
        with self._reading() as connection:
            return chain.head(connection)

    def verify_chain(self) -> tuple[int, str]:
        """Walk the whole chain and return its head. Raises :class:`LedgerTampered` where it breaks."""
        with self._reading() as connection:
            return chain.verify(connection)
