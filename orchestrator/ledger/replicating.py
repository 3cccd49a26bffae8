"""Sets of seeds: what the fresh seeds of a configuration came to, under the rule that was pinned before they ran.

The database sums and decides; the domain's ``replicate`` decides from the same sums, and both must agree.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, insert, select

from orchestrator.domain.errors import LedgerTampered
from orchestrator.domain.replication import ReplicationRule, Test, passes
from orchestrator.ledger import chain
from orchestrator.ledger.court_rows import ReplicationRow
from orchestrator.ledger.tables import (
    REPLICATION_INPUTS,
    campaign_runs,
    replication_inputs,
    replication_rules,
    replications,
    runs,
    stage_policies,
)

Key = tuple[str, str, str]
"""Campaign, stage, configuration."""


def siblings(connection: Connection, run_id: str) -> list[tuple[str, str]]:
    """Memberships of the runs that are replicated together with this one, itself among them."""
    own, other = campaign_runs.alias("own"), campaign_runs.alias("other")
    mine, theirs = runs.alias("mine"), runs.alias("theirs")
    query = (
        select(other.c.campaign_id, other.c.run_id)
        .select_from(own.join(mine, mine.c.run_id == own.c.run_id)
                     .join(stage_policies, (stage_policies.c.campaign_id == own.c.campaign_id)
                           & (stage_policies.c.stage == own.c.stage))
                     .join(replication_rules, replication_rules.c.policy_id == stage_policies.c.policy_id)
                     .join(other, (other.c.campaign_id == own.c.campaign_id) & (other.c.stage == own.c.stage))
                     .join(theirs, (theirs.c.run_id == other.c.run_id) & (theirs.c.config_id == mine.c.config_id)))
        .where(own.c.run_id == run_id).order_by(other.c.event_seq))
    return [(r.campaign_id, r.run_id) for r in connection.execute(query)]


def latest(connection: Connection, key: Key) -> Row[Any] | None:
    """The last replication of a configuration, with its sums."""
    x = replications.c
    return connection.execute(
        select(replications).where(x.campaign_id == key[0], x.stage == key[1], x.config_id == key[2])
        .order_by(x.replication_no.desc()).limit(1)).one_or_none()


def key_of(connection: Connection, campaign_id: str, run_id: str) -> Key | None:
    """The set that a membership belongs to; None where its stage asks for no replication."""
    c = campaign_runs.c
    row = connection.execute(
        select(c.stage, runs.c.config_id)
        .select_from(campaign_runs.join(runs, runs.c.run_id == c.run_id)
                     .join(stage_policies, (stage_policies.c.campaign_id == c.campaign_id)
                           & (stage_policies.c.stage == c.stage))
                     .join(replication_rules, replication_rules.c.policy_id == stage_policies.c.policy_id))
        .where(c.campaign_id == campaign_id, c.run_id == run_id)).one_or_none()
    return None if row is None else (campaign_id, row.stage, row.config_id)


def row_of(connection: Connection, campaign_id: str, run_id: str) -> ReplicationRow | None:
    """The last replication of a run's configuration in its stage, or None."""
    key = key_of(connection, campaign_id, run_id)
    row = None if key is None else latest(connection, key)
    if row is None:
        return None
    return ReplicationRow(**{n: row._mapping[n] for n in ReplicationRow.__dataclass_fields__ if n != "passed"},
                          passed=bool(row.passed))


def is_due(connection: Connection, campaign_id: str, run_id: str) -> bool:
    """Whether the set of a membership is whole and was not computed from what is known now."""
    key = key_of(connection, campaign_id, run_id)
    return key is not None and _news(connection, key) is not None


def refresh(connection: Connection, at: str, campaign_id: str, run_id: str) -> None:
    """Bring the replication of a membership's set up to date, in the caller's write transaction.

    Nothing happens while a seed is still missing. Raises :class:`LedgerTampered` when the database and the domain
    decide differently.
    """
    key = key_of(connection, campaign_id, run_id)
    inputs = None if key is None else _news(connection, key)
    if key is None or inputs is None:
        return
    last = latest(connection, key)
    values = {"campaign_id": key[0], "stage": key[1], "config_id": key[2],
              "replication_no": 1 if last is None else last.replication_no + 1,
              **{name: inputs._mapping[name] for name in REPLICATION_INPUTS}}
    seq = chain.append(connection, at, "replication_computed", run_id, values)
    connection.execute(insert(replications).values(**values, decided_at=at, event_seq=seq))
    written = latest(connection, key)
    assert written is not None
    if bool(written.passed) != decided_by_domain(written):
        raise LedgerTampered(f"configuration {key[2][:12]} of stage {key[1]}: the ledger's replication is "
                             f"{bool(written.passed)}, the rule says otherwise; nothing was written",
                             hint="the ledger's schema is not the one this kdorch was built for")


def rule_of(row: Any) -> ReplicationRule:
    """The rule whose numbers a replication row carries."""
    return ReplicationRule("", Test(row.test), row.seeds, row.stop_step, row.limit_number)


def decided_by_domain(row: Any) -> bool:
    """What the domain's test says of a row's sums."""
    return passes(rule_of(row), row.bad, row.margin_u6, row.squares)


def _news(connection: Connection, key: Key) -> Row[Any] | None:
    """The set's sums where all of its seeds are there and they are not those of its last replication."""
    i = replication_inputs.c
    inputs = connection.execute(select(replication_inputs).where(
        i.campaign_id == key[0], i.stage == key[1], i.config_id == key[2])).one_or_none()
    if inputs is None or inputs.found != inputs.seeds:
        return None
    last = latest(connection, key)
    if last is not None and all(inputs._mapping[n] == last._mapping[n] for n in REPLICATION_INPUTS):
        return None
    return inputs
