"""``config.yaml`` in KDORCH_HOME: what a person set for this machine. A missing file means: nothing set.

Secrets never stand in it: where one is needed, the file names the environment variable that holds it, ``env:NAME``.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestrator.dispatch.home import Home
from orchestrator.domain.errors import CampaignFileError
from orchestrator.planning.complaints import complaints
from orchestrator.planning.findings import Findings
from orchestrator.planning.yaml_lines import read_yaml

_VARIABLE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")


def _by_variable(value: str) -> str:
    """Never repeats the value: it may be a secret that a person meant well with."""
    if not _VARIABLE.fullmatch(value):
        raise ValueError("expected env:NAME, the environment variable that holds it; a secret does not belong here")
    return value


def _web_address(value: str) -> str:
    if not _VARIABLE.fullmatch(value):
        check_webhook(value)
    return value


def check_webhook(url: str) -> None:
    """Raises ``ValueError``, without the URL in it, for one that is not https, or http to this machine itself."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("expected an https URL, or env:NAME")
    if parts.username is not None:
        raise ValueError("a name or password in a URL is a secret in a file; use env:NAME")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("expected https; http is for this machine itself alone")


def is_loopback(host: str) -> bool:
    """Whether a host name can only mean this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Variable = Annotated[str, AfterValidator(_by_variable)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Mailbox = Annotated[str, Field(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$")]
Seconds = Annotated[float, Field(gt=0, le=120)]
Occasion = Literal["campaign_end", "needs_attention"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Email(_Strict):
    """A mail server. ``security``: starttls, tls from the first byte, or none, which takes no password."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-]+$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[Mailbox, Field(alias="from")]
    to: Annotated[list[Mailbox], Field(min_length=1)]
    user: Variable | None = None
    password: Variable | None = None
    timeout_s: Seconds = 20.0

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("'user' and 'password' go together")
        if self.password is not None and self.security == "none" and not is_loopback(self.host):
            raise ValueError("a password is not sent in the clear; use security: starttls or tls")
        return self


class Webhook(_Strict):
    """An address that gets each notice as JSON."""

    url: WebAddress
    timeout_s: Seconds = 10.0


class Notify(_Strict):
    """Where notices go, and when. ``silent_after_minutes``: how long a host may be silent before it is worth one."""

    occasions: Annotated[list[Occasion], Field(alias="on")] = ["campaign_end", "needs_attention"]
    silent_after_minutes: Annotated[float, Field(ge=0, le=10_080)] = 30.0
    desktop: bool = False
    email: Email | None = None
    webhook: Webhook | None = None


class Config(_Strict):
    """The whole file. ``signing_key``: an SSH key file that signs whatever evidence is collected (a ``.pub`` asks the
    agent); ``allowed_signers``: OpenSSH's list of whose signatures count. Both are paths, never keys themselves."""

    notify: Notify = Notify()
    signing_key: Annotated[str, Field(min_length=1, pattern=r"^[^\n]*$")] | None = None
    allowed_signers: Annotated[str, Field(min_length=1, pattern=r"^[^\n]*$")] | None = None


def load_config(home: Home) -> Config:
    """Read ``config.yaml``. Raises :class:`CampaignFileError` naming every wrong key with its line."""
    path = home.config_file
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise CampaignFileError(path, f"cannot be read: {error.strerror}") from None
    findings = Findings(str(path))
    located = read_yaml(data, findings)
    findings.lines, findings.data = located.lines, located.value
    try:
        return Config.model_validate({} if located.value is None else located.value)
    except ValidationError as error:
        for where, message in complaints(error, Config):
            findings.add(where, message)
        findings.check()
        raise
