"""Notices for a person who does not sit before the screen: a campaign ended, or something needs attention.

A notice never breaks what it tells of: whatever goes wrong on the way is one line to ``say``, and nothing is raised.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from orchestrator.dispatch.config import Notify, Occasion, load_config
from orchestrator.dispatch.events import Emit, FollowEvent, HostBack, HostSilent, HostUnusable
from orchestrator.dispatch.home import Home
from orchestrator.dispatch.notify_channels import NotSent, post, send_mail, show_on_desktop
from orchestrator.domain.errors import ContractError, KdorchError, LedgerError, TransportError
from orchestrator.ledger.rows import LedgerRow

Say = Callable[[str], None]

_TITLE_LENGTH = 120


@dataclass(frozen=True)
class Notice:
    """What a person should know. ``facts`` are for programs; ``title`` is one line."""

    occasion: Occasion
    title: str
    lines: tuple[str, ...] = ()
    campaign: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As a webhook gets it. ``text`` holds all of it, for receivers that show one string."""
        return {"source": "kdorch", "occasion": self.occasion, "campaign": self.campaign, "title": self.title,
                "text": "\n".join([self.title, *self.lines]), "lines": list(self.lines), "facts": dict(self.facts)}


def campaign_ended(campaign: str, rows: Sequence[LedgerRow], answer: str, blocked: Mapping[str, str]) -> Notice:
    """The notice of a campaign's end; one whose stages could not all run needs attention."""
    counts = Counter(row.status for row in rows)
    summary = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
    lines = [summary or "no runs", *(line for line in answer.splitlines() if line),
             *(f"not done: {reason}" for reason in blocked.values())]
    occasion: Occasion = "needs_attention" if blocked else "campaign_end"
    title = f"campaign {campaign} {'stopped before its end' if blocked else 'ended'}"
    return Notice(occasion, title, tuple(lines), campaign, {"status": dict(counts), "blocked": dict(blocked)})


def placed_ended(campaign: str, rows: Sequence[LedgerRow]) -> Notice:
    """The notice of the end of all runs that were placed, for whoever follows a campaign without driving it."""
    counts = Counter(row.status for row in rows)
    return Notice("campaign_end", f"campaign {campaign}: what was placed has ended",
                  (", ".join(f"{n} {status}" for status, n in sorted(counts.items())) or "no runs",
                   "'kdorch campaign launch' goes on with what comes next, if anything does"),
                  campaign, {"status": dict(counts)})


def notify(home: Home, notice: Notice, say: Say, *, once: bool = False) -> None:
    """Send a notice wherever ``config.yaml`` says, if it asks for this occasion. Never raises an error.

    ``once``: not where these very words were sent before, by this process or by another that follows the same.
    """
    settings = _settings(home, say)
    if settings is not None and notice.occasion in settings.occasions and not (once and _is_told(home, notice)):
        for channel, trouble in deliver(settings, notice):
            if trouble is not None:
                say(f"notice not sent by {channel}: {trouble}")


def deliver(settings: Notify, notice: Notice) -> Iterable[tuple[str, str | None]]:
    """Send by every channel that is set up; yields its name, and the trouble or None."""
    title = "".join(c if c.isprintable() else " " for c in notice.title)[:_TITLE_LENGTH]
    body = "\n".join(notice.lines) or title
    channels: list[tuple[str, Callable[[], None]]] = []
    if settings.desktop:
        channels.append(("desktop", lambda: show_on_desktop(title, body)))
    if (mail := settings.email) is not None:
        channels.append(("email", lambda: send_mail(mail, title, body)))
    if (hook := settings.webhook) is not None:
        channels.append(("webhook", lambda: post(hook, notice.document())))
    for name, send in channels:
        try:
            send()
            yield name, None
        except NotSent as error:
            yield name, str(error)
        except Exception as error:  # noqa: BLE001 - a campaign is worth more than a notice about it
            yield name, type(error).__name__


def _is_told(home: Home, notice: Notice) -> bool:
    """Whether somebody has sent it; if not, it counts as sent from now on. Where that cannot be noted, it is sent."""
    content = json.dumps(notice.document(), sort_keys=True).encode()
    mark = home.notice(hashlib.sha256(content).hexdigest())
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch(exist_ok=False)
    except FileExistsError:
        return True
    except OSError:
        return False
    return False


class AttentionWatch:
    """Stands between a campaign and its view: passes every event on, and sends a notice for a host that stays silent,
    for one that a person must see to, and for whatever ends the command before its time.

    Notices about hosts are sent from threads of their own, so that a slow mail server delays nobody. Use it with
    ``with``.
    """

    def __init__(self, home: Home, campaign: str, emit: Emit, say: Say) -> None:
        self._home, self._campaign, self._emit, self._say = home, campaign, emit, say
        self._timers: dict[str, threading.Timer] = {}
        self._told: dict[str, threading.Thread] = {}
        settings = _settings(home, say)
        asked = settings is not None and "needs_attention" in settings.occasions
        self._patience_s = settings.silent_after_minutes * 60.0 if asked and settings is not None else None

    def __call__(self, event: FollowEvent) -> None:
        if isinstance(event, HostSilent) and event.host not in self._timers and self._patience_s is not None:
            timer = threading.Timer(self._patience_s, self._tell, (event,))
            timer.daemon = True
            self._timers[event.host] = timer
            timer.start()
        elif isinstance(event, HostUnusable) and self._patience_s is not None:
            notice = self._trouble(event.message, event.hint, event.host)
            self._told[event.message] = threading.Thread(target=notify, args=(self._home, notice, self._say))
            self._told[event.message].start()
        elif isinstance(event, HostBack):
            self._forget(event.host)
        self._emit(event)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 traceback: TracebackType | None) -> None:
        for host in list(self._timers):
            self._forget(host)
        for thread in self._told.values():
            thread.join()
        if isinstance(error, TransportError | ContractError | LedgerError) and error.message not in self._told:
            notify(self._home, self._trouble(error.message, error.hint), self._say)

    def _trouble(self, message: str, hint: str | None, host: str | None = None) -> Notice:
        return Notice("needs_attention", f"campaign {self._campaign}: {message}", () if hint is None else (hint,),
                      self._campaign, {} if host is None else {"host": host})

    def _forget(self, host: str) -> None:
        timer = self._timers.pop(host, None)
        if timer is not None:
            timer.cancel()

    def _tell(self, event: HostSilent) -> None:
        minutes = (self._patience_s or 0.0) / 60.0
        notify(self._home, Notice(
            "needs_attention", f"host {event.host} has been silent for {minutes:.0f} minutes",
            (event.message, event.forecast), self._campaign, {"host": event.host}), self._say)


def _settings(home: Home, say: Say) -> Notify | None:
    try:
        return load_config(home).notify
    except KdorchError as error:
        say(f"no notices: {error.message}")
        return None
