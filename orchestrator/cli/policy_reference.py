"""How a person names a policy: a file, a policy that ships with kdorch, or one of the ledger's."""

from __future__ import annotations

from pathlib import Path

from orchestrator.domain.errors import UsageError
from orchestrator.domain.verdict import SHIPPED_POLICIES, Policy
from orchestrator.ledger.court import Court
from orchestrator.planning.policy_file import is_file_reference, load_policy


def chosen_policy(reference: str, ledger: Court | None, cwd: Path) -> Policy:
    """The policy that ``reference`` names. A shipped name beats one of the ledger's.

    Raises :class:`UsageError` when there is none or several, :class:`CampaignFileError` for a file that is wrong.
    """
    if is_file_reference(reference):
        path = cwd / Path(reference).expanduser()
        return load_policy(path.relative_to(cwd) if path.is_relative_to(cwd) and cwd == Path.cwd() else path)
    if (shipped := SHIPPED_POLICIES.get(reference)) is not None:
        return shipped
    found = ledger.policy(reference) if ledger is not None else None
    if found is None:
        raise UsageError(f"there is no policy {reference!r}",
                         hint=f"shipped: {', '.join(SHIPPED_POLICIES)}; 'kdorch ledger policies' lists the ledger's; "
                              "a policy file ends in .yaml")
    return found
