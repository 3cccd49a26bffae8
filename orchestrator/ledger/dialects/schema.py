"""The revisions of the ledger's schema, and running their migrations."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from orchestrator.domain.errors import SchemaNewer
from orchestrator.ledger.place import LedgerPlace
from orchestrator.resources import shipped

READ_ONLY = "kdorch_read"
"""Execution option of transactions that only read."""
BUSY_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Printed:
    """A fingerprint on PostgreSQL. ``structure`` is the same on every release of the server; ``expressions`` is taken
    from its own rendering of CHECKs, views and computed columns and compared on the releases in :data:`KNOWN_SERVERS`.
    """

    structure: str
    expressions: str


KNOWN_SERVERS = frozenset({15})


@dataclass(frozen=True)
class Schema:
    """Where the migrations lie, every revision from the first to the head, and the fingerprints of each."""

    scripts: Path
    fingerprints: dict[str, str]
    on_postgres: dict[str, Printed] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return list(self.fingerprints)[-1]

    def refuse_newer(self, place: LedgerPlace, found: str) -> None:
        """Raises :class:`SchemaNewer` for a revision that this kdorch does not know."""
        if found not in self.fingerprints:
            raise SchemaNewer(f"{place} has schema {found}, which this kdorch does not know (its newest is "
                              f"{self.head})", hint="upgrade kdorch; the ledger was not touched")


SCHEMA = Schema(shipped("migrations"), {
    "0001": "4eec6539f4c57f6e07dfe070d9a21de2e81d06582c533be4a2cf6c18bc6df9af",
    "0002": "3b7c7cc0d91535ee9952319bcb7dbdbc965f0f083db266aa6d35f891a322004b",
    "0003": "fd24abd01668d5fbdbdfc95184c9e1f908b65391909b2dd33c46ca707db0bc75",
}, {
    "0001": Printed("b0129435f03cf3a56afd9cdd0bba104a796c9e0ba8d0697a14569b26e5c2f4e5",
                    "f7279b3b3b11d0a6342f8dfd60337f5a5a272d9bd233e5332f96847431a9da72"),
    "0002": Printed("ffe8bbcf03dc067390663d12263f116fd7253d25aac36d4cccb88efaece338ee",
                    "d1ee0152b91375e54b9db569592110d265a44ee200a806bace384bbeace6314d"),
    "0003": Printed("77a210e075070f655610bd9b7bb3ba3a7e384543544e9823eee9aab66c6fac33",
                    "58827ee90e2d395d285614f6bbb9d4f60ab4395ad7dabd6526e8d56b83a5643f"),
})


def migrate(connection: Connection, scripts: Path, revision: str = "head") -> None:
    """Run the migrations on ``connection``, inside its transaction."""
    # Imported here because most commands open a ledger that needs no upgrade, and these take a while to load.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
