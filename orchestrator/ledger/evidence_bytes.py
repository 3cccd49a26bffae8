"""Evidence as bytes: a file is given only while it is the one that the ledger recorded."""

from __future__ import annotations

import hashlib
from pathlib import Path

from orchestrator.domain.errors import LedgerError, LedgerTampered
from orchestrator.ledger.reads import Reads
from orchestrator.ledger.rows import KeptFile

LOG = "train.log"
KEPT_ON_HOST = "checkpoints/"
"""How the files of evidence begin that are recorded and stay on their host."""


def log_bytes(ledger: Reads, root: Path, run_id: str, evidence_id: str) -> bytes | None:
    """The training log of one piece of sealed evidence; None where it lists none.

    ``root`` is the directory of the ledger. Raises as :func:`read_kept`.
    """
    file = next((f for f in ledger.evidence_files(evidence_id) if f.path == LOG), None)
    return None if file is None else read_kept(root / file.directory, file, run_id)


def read_kept(directory: Path, file: KeptFile, run_id: str) -> bytes:
    """The bytes of a file of a run's evidence, which lies in ``directory``.

    Raises :class:`LedgerError` where it cannot be read, and :class:`LedgerTampered` where it is not the file that was
    recorded.
    """
    path = directory / file.path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path}, evidence of run {run_id[:12]}, cannot be read: {error.strerror or error}",
                          hint="restore it from a copy; 'kdorch ledger verify' names all that is missing") from None
    have = hashlib.sha256(data).hexdigest()
    if have != file.sha256:
        raise LedgerTampered(f"{path}, evidence of run {run_id[:12]}, was altered: it has sha256 {have[:12]}; the "
                             f"ledger says {file.sha256[:12]}",
                             hint="no figure is taken from it; 'kdorch ledger verify' names all that differs")
    return data
