"""Every error that kdorch raises on purpose. ``exit_code`` is what the command line returns for it."""

from __future__ import annotations

from pathlib import Path


class KdorchError(Exception):
    """A message for a person; ``hint`` says what to do next."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(KdorchError):
    """The person asked for something that cannot be; nothing was changed."""

    exit_code = 2


class CampaignFileError(UsageError):
    """A campaign (or hosts) file is wrong at a key and line. ``line`` counts from 1; None when the file has none."""

    def __init__(self, path: Path | str, message: str, *, key: str = "", line: int | None = None,
                 hint: str | None = None) -> None:
        where = f"{path}:{line}" if line is not None else f"{path}"
        super().__init__(f"{where}: {f'{key}: ' if key else ''}{message}", hint=hint)
        self.path, self.key, self.line = str(path), key, line


class LintError(UsageError):
    """A campaign breaks a named rule of method; ``allow: [name]`` in the file permits it."""

    def __init__(self, name: str, message: str, *, path: Path | str = "", line: int | None = None) -> None:
        where = f"{path}:{line}: " if path and line is not None else f"{path}: " if path else ""
        super().__init__(f"{where}[{name}] {message}",
                         hint=f"fix it, or write 'allow: [{name}]' in the campaign file if it is meant")
        self.name = name


class UnknownRun(UsageError):
    """No run, or more than one, answers to the given id, name or prefix."""


class UnknownHost(UsageError):
    """The host is not in the hosts file."""


class PlanChanged(UsageError):
    """``launch --plan HASH`` was asked for, and the plan now has another hash."""


class TransportError(KdorchError):
    """Talking to a host failed. ``transient`` promises that trying again may help; it never says a run died."""

    exit_code = 3

    def __init__(self, message: str, *, transient: bool = False, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.transient = transient


class HostUnreachable(TransportError):
    """No answer. A statement about the observer: the run keeps its last known state."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, transient=True, hint=hint)


class HostKeyUnknown(TransportError):
    """The host's key has never been trusted; a hard stop."""


class HostKeyChanged(TransportError):
    """The host shows another key than the trusted one; a hard stop."""


class AuthenticationRefused(TransportError):
    """The host is there but did not accept the key."""


class CommandFailed(TransportError):
    """A command on a host ended with a non-zero status that means failure."""


class TransferCorrupt(TransportError):
    """Bytes arrived whose digest or size is not the promised one."""

    def __init__(self, path: str, want: str, got: str) -> None:
        super().__init__(f"{path}: expected {want}, got {got}", transient=True,
                         hint="try again; if it persists the file on the host was altered after sealing")
        self.path, self.want, self.got = path, want, got


class HostUnfit(TransportError):
    """The host answers but cannot run this: no Python, no torch, disk full, root on a network file system."""


class ContractError(KdorchError):
    """A document between laptop and host is not what the treaty says."""

    exit_code = 3


class UnknownContract(ContractError):
    """The document is of a version this kdorch does not know."""

    def __init__(self, version: object) -> None:
        super().__init__(f"contract version {version!r} is unknown; this kdorch reads 'v1'",
                         hint="upgrade kdorch on this machine")
        self.version = version


class MalformedDocument(ContractError):
    """A document cannot be read."""

    def __init__(self, path: str, message: str, *, line: int | None = None) -> None:
        super().__init__(f"{path}{f':{line}' if line is not None else ''}: {message}")
        self.path, self.line = path, line


class EvidenceRefused(ContractError):
    """Evidence was not accepted: a digest, a name or a size is wrong. The message names the file."""


class LedgerError(KdorchError):
    """The ledger cannot do what was asked; nothing was written."""

    exit_code = 4


class StaleRun(LedgerError):
    """A guarded update touched no row: someone else was first. Read again and carry on."""


class SchemaNewer(LedgerError):
    """The ledger was written by a newer kdorch."""


class SchemaBehind(LedgerError):
    """The ledger is older than this kdorch and could not be upgraded here."""


class LedgerBusy(LedgerError):
    """Another process held the ledger for longer than the time-out."""


class LedgerCorrupt(LedgerError):
    """The file is not a usable ledger."""


class LedgerTampered(LedgerError):
    """The ledger contradicts itself."""


class IllegalTransition(KdorchError):
    """A state change that the table does not know: a bug of kdorch."""

    exit_code = 70
