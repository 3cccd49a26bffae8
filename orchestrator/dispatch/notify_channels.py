"""Ways for a notice to reach a person: the desktop, mail, a webhook. Each raises :class:`NotSent` when it did not.

No message of an error ever holds an address with a secret in it, a user's name or a password.
"""

from __future__ import annotations

import json
import os
import shutil
import smtplib
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any

from orchestrator.dispatch.config import Email, Webhook, check_webhook, is_loopback

DESKTOP_PATIENCE_S = 10.0


class NotSent(Exception):
    """Why a notice did not reach its channel, in words that hold no secret."""


def show_on_desktop(title: str, body: str) -> None:
    """Show a notice on this machine's desktop, by whichever program it has for that."""
    if shutil.which("notify-send"):
        command = ["notify-send", "--app-name=kdorch", "--", title, body]
    elif shutil.which("osascript"):
        # The words travel as arguments, so that no quote in them can become part of the script.
        command = ["osascript", "-e", "on run argv", "-e",
                   "display notification (item 2 of argv) with title (item 1 of argv)", "-e", "end run", title, body]
    else:
        raise NotSent("this machine has neither notify-send nor osascript")
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=DESKTOP_PATIENCE_S,
                              check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotSent(f"{command[0]}: {type(error).__name__}") from None
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotSent(f"{command[0]} ended with status {done.returncode}{f': {words[-1][:200]}' if words else ''}")


def send_mail(to: Email, title: str, body: str) -> None:
    """Hand a notice to the mail server."""
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = f"kdorch: {title}", to.sender, ", ".join(to.to)
    message["Date"], message["Message-ID"] = formatdate(localtime=False), make_msgid("kdorch")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body)
    user, password = _secret(to.user), _secret(to.password)
    context = ssl.create_default_context()
    try:
        if to.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(to.host, to.port, timeout=to.timeout_s, context=context)
        else:
            server = smtplib.SMTP(to.host, to.port, timeout=to.timeout_s)
        with server:
            if to.security == "starttls":
                server.starttls(context=context)
            if user is not None and password is not None:
                server.login(user, password)
            server.send_message(message)
    except smtplib.SMTPAuthenticationError as error:
        raise NotSent(f"the mail server {to.host} refused user or password (code {error.smtp_code})") from None
    except (OSError, smtplib.SMTPException) as error:
        raise NotSent(f"the mail server {to.host}:{to.port}: {_cause(error)}") from None


def post(to: Webhook, document: Mapping[str, Any]) -> None:
    """Post a notice as JSON. Redirections are refused: they could lead where no one meant to send it."""
    url = _secret(to.url) if to.url.startswith("env:") else to.url
    assert url is not None
    try:
        check_webhook(url)
    except ValueError as error:
        raise NotSent(str(error)) from None
    request = urllib.request.Request(  # noqa: S310 - the scheme has just been checked
        url, data=json.dumps(document).encode(), method="POST",
        headers={"Content-Type": "application/json", "User-Agent": "kdorch"})
    handlers: list[Any] = [_NoRedirect()]
    if is_loopback(request.host.rpartition(":")[0] or request.host):
        handlers.append(urllib.request.ProxyHandler({}))  # a proxy elsewhere has another loopback
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=to.timeout_s) as answer:
            answer.read(1 << 16)
    except urllib.error.HTTPError as error:
        with error:
            raise NotSent(f"it answered with status {error.code}") from None
    except (OSError, ValueError) as error:
        raise NotSent(_cause(error)) from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _secret(reference: str | None) -> str | None:
    """The value of ``env:NAME``."""
    if reference is None:
        return None
    name = reference.removeprefix("env:")
    value = os.environ.get(name)
    if not value:
        raise NotSent(f"the environment variable {name} is not set")
    return value


def _cause(error: BaseException) -> str:
    """What kind of error it was and what the system calls it; never what was sent."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLError):
        return f"TLS failed: {reason.reason or type(reason).__name__}"
    if isinstance(reason, TimeoutError):
        return "no answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return type(reason).__name__
