"""Whether what is started here outlives the SSH session that started it: systemd-logind's settings for this user."""

from __future__ import annotations

import glob
import os
import pwd
from typing import Any

from worker.asked import ask

CONFIG_DIRECTORIES = ("/usr/lib/systemd", "/usr/local/lib/systemd", "/run/systemd", "/etc/systemd")
LINGER_DIRECTORY = "/var/lib/systemd/linger"
_PROPERTIES = ("KillUserProcesses", "KillExcludeUsers", "KillOnlyUsers")
_BUS = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")


def logout_facts() -> dict[str, Any]:
    """``user``, ``linger``, ``kill_user_processes`` (null: not known), the users that ``exempt`` names, and whether
    logind's rule ``applies`` to this user. ``logind`` is false on a host without it."""
    user = pwd.getpwuid(os.getuid()).pw_name
    running = os.path.isdir("/run/systemd/seats") or os.path.isdir("/run/systemd/users")
    told = _from_logind()
    settings = told or logind_settings(CONFIG_DIRECTORIES)
    # Where neither says it: built in as no by Debian, Ubuntu and Fedora, and yes by few.
    kill = _boolean(settings.get("KillUserProcesses", "no")) if told or running else None
    exempt = settings.get("KillExcludeUsers", "root").split()
    only = settings.get("KillOnlyUsers", "").split()
    return {"user": user, "logind": running or bool(told), "linger": _linger(user), "kill_user_processes": kill,
            "exempt": exempt, "applies": bool(kill) and user not in exempt and (not only or user in only)}


def logind_settings(directories: tuple[str, ...]) -> dict[str, str]:
    """The ``[Login]`` section: the first logind.conf in the order of precedence, then all drop-ins by their names."""
    main = next((path for directory in reversed(directories)
                 if os.path.isfile(path := os.path.join(directory, "logind.conf"))), None)
    drop_ins: dict[str, str] = {}
    for directory in directories:  # of two of one name the later directory's counts
        for path in glob.glob(os.path.join(directory, "logind.conf.d", "*.conf")):
            drop_ins[os.path.basename(path)] = path
    found: dict[str, str] = {}
    for path in ([main] if main else []) + [drop_ins[name] for name in sorted(drop_ins)]:
        found.update(_section(path))
    return found


def _section(path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    section = ""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            for line in handle:
                text = line.strip()
                if text.startswith("[") and text.endswith("]"):
                    section = text[1:-1]
                elif section == "Login" and "=" in text and text[0] not in "#;":
                    key, _, value = text.partition("=")
                    found[key.strip()] = value.strip()
    except OSError:
        return {}
    return found


def _linger(user: str) -> bool | None:
    answer = ask("loginctl", "show-user", user, "-p", "Linger", "--value")
    if answer.ok and answer.first_line in ("yes", "no"):
        return answer.first_line == "yes"
    # A user without a session is not known to loginctl; the file is what lingering is made of.
    if not os.path.isdir(LINGER_DIRECTORY):
        return None
    return os.path.exists(os.path.join(LINGER_DIRECTORY, user))


def _from_logind() -> dict[str, str]:
    """What the running logind goes by, in the words of its configuration; empty where it cannot be asked.

    ``busctl`` prints a line for each property: ``b true``, or ``as 2 "root" "kd"``.
    """
    answer = ask("busctl", "get-property", *_BUS, *_PROPERTIES)
    lines = answer.text.splitlines() if answer.ok else []
    if len(lines) != len(_PROPERTIES):
        return {}
    found = {}
    for name, line in zip(_PROPERTIES, lines):  # noqa: B905 - the lengths were compared
        kind, _, value = line.strip().partition(" ")
        found[name] = value if kind == "b" else " ".join(word.strip('"') for word in value.split()[1:])
    return found


def _boolean(text: str) -> bool | None:
    if text.lower() in ("yes", "true", "on", "1"):
        return True
    return False if text.lower() in ("no", "false", "off", "0") else None
