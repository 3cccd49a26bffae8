"""Finds, reads and checks a campaign file. Everything wrong with it is said at once, with file, line and key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from orchestrator.domain.errors import CampaignFileError, UsageError
from orchestrator.planning.campaign_model import Campaign, check_environment
from orchestrator.planning.complaints import complaints
from orchestrator.planning.findings import DocPath, Findings
from orchestrator.planning.layout import lay_out
from orchestrator.planning.lint_names import LINTS
from orchestrator.planning.overrides import apply_overrides
from orchestrator.planning.retry_rules import check_rule
from orchestrator.planning.scales import apply_scale
from orchestrator.planning.stages import Layout
from orchestrator.planning.yaml_lines import FILE_LIMIT_BYTES, read_yaml
from orchestrator.resources import shipped
from orchestrator.wire.spec import canonical_digest

SUFFIX = ".yaml"


@dataclass(frozen=True)
class CampaignSource:
    """A checked campaign file: its text as read, what it says with overrides applied, and the runs that follow.

    ``settings`` are the ``--set`` texts in order; ``host`` is ``--host``, ``scale`` is ``--scale``.
    """

    path: Path
    text: str
    campaign: Campaign
    campaign_id: str
    layout: Layout
    lines: Mapping[DocPath, int]
    settings: tuple[str, ...] = ()
    host: str | None = None
    scale: str | None = None

    @property
    def overrides(self) -> dict[str, Any]:
        """What the command line changed, as plain data."""
        scale = {} if self.scale is None else {"scale": self.scale}
        return {"set": list(self.settings), "host": self.host, **scale}

    def line_of(self, where: DocPath) -> int | None:
        """The line of a document path, or of the nearest thing around it."""
        return Findings(str(self.path), self.lines).line_of(where)


def load_campaign(reference: str, *, overrides: Sequence[str] = (), host: str | None = None,
                  scale: str | None = None, cwd: Path) -> CampaignSource:
    """Read and check the campaign file that ``reference`` names.

    A bare name is looked for in ``cwd`` and then among the campaigns that ship with kdorch, with or without
    ``.yaml``. Raises :class:`UsageError` when there is none and :class:`CampaignFileError` for what is wrong in it.
    """
    path = find_campaign(reference, cwd)
    data = _read(path)
    shown = _shown(path, cwd)
    findings = Findings(shown)
    located = read_yaml(data, findings)
    if not isinstance(located.value, dict):
        what = "is empty" if located.value is None else "holds no mapping"
        raise CampaignFileError(shown, f"the file {what}; expected 'campaign:' and 'stages:'", line=1)
    written, lines = located.value, located.lines
    if scale is not None:
        written, lines = apply_scale(written, lines, scale, Findings(shown, lines, written))
    changed, applied = apply_overrides(written, overrides)
    findings = Findings(shown, lines, changed, {o.where: o.text for o in applied})
    campaign = _validated(changed, findings)
    _check(campaign, findings)
    layout = lay_out(campaign, findings)
    return CampaignSource(path=Path(shown), text=data.decode("utf-8-sig"), campaign=campaign,
                          campaign_id=campaign_id_of(campaign, layout), layout=layout, lines=lines,
                          settings=tuple(overrides), host=host, scale=scale)


def find_campaign(reference: str, cwd: Path) -> Path:
    """The file that a campaign reference names."""
    if not reference or "\0" in reference:
        raise UsageError("expected a campaign file", hint=f"shipped: {', '.join(shipped_campaigns())}")
    try:
        given = Path(reference).expanduser()
        places = [cwd / given]
        if given.name == reference and given.name != "..":
            places.append(shipped("campaigns") / given)
        for place in places:
            named = given.name not in ("", "..")
            for candidate in (place, place.with_name(place.name + SUFFIX)) if named else (place,):
                if candidate.is_file():
                    return candidate
        if (cwd / given).exists():
            raise UsageError(f"{reference} is not a regular file")
    except (OSError, RuntimeError) as error:  # no permission, a name too long, a home that is unknown
        raise UsageError(f"cannot look for {reference[:80]}: {getattr(error, 'strerror', None) or error}") from None
    raise UsageError(f"there is no campaign file {reference}",
                     hint="kdorch looks in the working directory, then among its own: "
                          f"{', '.join(shipped_campaigns())}")


def shipped_campaigns() -> tuple[str, ...]:
    """The names of the campaign files that come with kdorch."""
    return tuple(sorted(p.name for p in shipped("campaigns").glob(f"*{SUFFIX}")))


def campaign_id_of(campaign: Campaign, layout: Layout) -> str:
    """Identity of a campaign: what it asks and how that is judged, however the file words it.

    Not in it: host, lane and deadlines, which say where and how long, and descriptions. So the same campaign may be
    carried on elsewhere, or with more time.
    """
    body = {
        "campaign": campaign.campaign,
        "environment": dict(campaign.environment),
        "stages": [[s.name, s.role.value, s.choice.key if s.choice else None,
                    {key: policy.body() for key, policy in s.policies.items()},
                    *([[t.key for t in s.top]] if s.top else [])] for s in layout.stages],
        "runs": [[r.name, r.role.value, r.mark, r.reference, r.twin] for r in layout.runs],
    }
    return canonical_digest(body)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            return handle.read(FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None


def _shown(path: Path, cwd: Path) -> str:
    try:
        return str(path.relative_to(cwd))
    except ValueError:
        return str(path)


def _validated(data: dict[str, Any], findings: Findings) -> Campaign:
    try:
        return Campaign.model_validate(data)
    except ValidationError as error:
        for where, message in complaints(error, Campaign):
            findings.add(where, message)
        findings.check()
        raise


def _check(campaign: Campaign, findings: Findings) -> None:
    """What concerns the file as a whole."""
    for i, name in enumerate(campaign.allow):
        if name not in LINTS:
            findings.add(("allow", i), f"there is no lint {name!r}; lints: {', '.join(LINTS)}")
    for failure, rule in campaign.retries.items():
        if (problem := check_rule(failure, rule)) is not None:
            findings.add(("retries", failure, "action"), problem)
    for name, problem in check_environment(campaign.environment):
        findings.add(("environment", name), problem)
