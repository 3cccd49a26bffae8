"""What is known around the runs: facts about hosts, names of assets, and where assets were last seen.

Facts and names are records, each under an event of the chain, and the latest counts. Locations are hints that are
simply overwritten: whoever needs an asset asks the host.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from orchestrator.ledger import chain
from orchestrator.ledger.rows import AssetRow, HostFactsRow
from orchestrator.ledger.tables import asset_locations, asset_names, host_facts


def record_host_facts(connection: Connection, now: str, host: str, facts: Mapping[str, Any]) -> None:
    """Add what a host was found to have and to be able to do."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    h = host_facts.c
    last = connection.execute(select(func.max(h.fact_no)).where(h.host == host)).scalar_one()
    number = (last or 0) + 1
    seq = chain.append(connection, now, "host_observed", host, {
        "fact_no": number, "facts_sha256": hashlib.sha256(text.encode()).hexdigest()})
    connection.execute(insert(host_facts).values(host=host, fact_no=number, observed_at=now, facts=text,
                                                 event_seq=seq))


def latest_host_facts(connection: Connection) -> dict[str, HostFactsRow]:
    """The latest facts of every host, by its name."""
    later = host_facts.alias("later")
    newest = ~select(later).where(later.c.host == host_facts.c.host, later.c.fact_no > host_facts.c.fact_no).exists()
    found = connection.execute(select(host_facts).where(newest).order_by(host_facts.c.host))
    return {r.host: HostFactsRow(r.host, r.observed_at, json.loads(r.facts)) for r in found}


def name_asset(connection: Connection, now: str, name: str, sha256: str | None, size_bytes: int | None,
               kind: str | None) -> None:
    """Give a name to a digest, or with None take the name back. Saying what already holds changes nothing."""
    known = _latest_naming(connection, name)
    stands = (None, None, None) if known is None else known[1:]
    if stands == (sha256, size_bytes, kind):
        return
    values = {"naming_no": 1 if known is None else known[0] + 1, "sha256": sha256, "size_bytes": size_bytes,
              "kind": kind}
    seq = chain.append(connection, now, "asset_named", name, values)
    connection.execute(insert(asset_names).values(name=name, **values, named_at=now, event_seq=seq))


def named_assets(connection: Connection) -> list[AssetRow]:
    """Every name that stands for an asset, in the order of the names."""
    later = asset_names.alias("later")
    newest = ~select(later).where(later.c.name == asset_names.c.name,
                                  later.c.naming_no > asset_names.c.naming_no).exists()
    found = connection.execute(select(asset_names).where(newest, asset_names.c.sha256.is_not(None))
                               .order_by(asset_names.c.name))
    return [AssetRow(r.name, r.sha256, r.size_bytes, r.kind, r.named_at) for r in found]


def record_location(connection: Connection, now: str, sha256: str, host: str, present: bool) -> None:
    """Note that an asset was seen, or found missing, on a host just now."""
    a = asset_locations.c
    values = {"present": int(present), "seen_at": now}
    touched = connection.execute(update(asset_locations).where(a.sha256 == sha256, a.host == host).values(**values))
    if touched.rowcount == 0:
        connection.execute(insert(asset_locations).values(sha256=sha256, host=host, **values))


def locations(connection: Connection, sha256: str) -> list[str]:
    """The hosts on which an asset was last seen, the latest sighting first."""
    a = asset_locations.c
    found = connection.execute(select(a.host).where(a.sha256 == sha256, a.present == 1)
                               .order_by(a.seen_at.desc(), a.host))
    return [r.host for r in found]


def _latest_naming(connection: Connection, name: str) -> tuple[int, str | None, int | None, str | None] | None:
    a = asset_names.c
    row = connection.execute(select(asset_names).where(a.name == name).order_by(a.naming_no.desc()).limit(1)).first()
    return None if row is None else (row.naming_no, row.sha256, row.size_bytes, row.kind)
