"""``kdorch notify``: whether notices reach you."""

from __future__ import annotations

import click

from orchestrator.cli.options import say


@click.group(epilog="""\b
Example:
  kdorch notify test
In KDORCH_HOME/config.yaml (each of desktop, email and webhook may be left out):
  notify:
    on: [campaign_end, needs_attention]
    silent_after_minutes: 30
    desktop: true
    email: {host: smtp.example, port: 587, security: starttls, from: kdorch@lab.example, to: [me@lab.example],
            user: env:SMTP_USER, password: env:SMTP_PASSWORD}
    webhook: {url: env:KDORCH_WEBHOOK}
Secrets are named by their environment variable, never written down.""")
def notify() -> None:
    """Tell you when a campaign ends or something needs attention."""


@notify.command(epilog="""\b
Example:
  kdorch notify test""")
def test() -> int:
    """Send a notice by every channel that is set up, and say how each went."""
    from orchestrator.dispatch.config import load_config
    from orchestrator.dispatch.home import Home
    from orchestrator.dispatch.notify import Notice, deliver
    from orchestrator.domain.errors import UsageError

    home = Home.from_environment()
    settings = load_config(home).notify
    notice = Notice("campaign_end", "a notice to try the way", ("It was sent by 'kdorch notify test'.",))
    results = list(deliver(settings, notice))
    if not results:
        raise UsageError(f"{home.config_file} sets up no notices", hint="'kdorch notify --help' shows what to write")
    for channel, trouble in results:
        say(f"{channel}: {'sent' if trouble is None else f'not sent: {trouble}'}")
    return 3 if any(trouble is not None for _, trouble in results) else 0
