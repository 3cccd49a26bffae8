"""Signatures of manifests by a person's SSH key, made and checked by ``ssh-keygen -Y`` in the namespace ``kdorch``.

A manifest names every file of its evidence by digest, and its own digest is the evidence's id in the ledger, so a
signature of it stands for all of that. kdorch never reads a private key: it gives the program the key's path, or that
of its public half, for which the program asks the SSH agent. Nothing here asks a question on a terminal unless a person
called for signatures by a command of their own.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.dispatch.config import load_config
from orchestrator.dispatch.home import Home
from orchestrator.domain.errors import UsageError
from orchestrator.ledger.verification.findings import Findings

NAMESPACE = "kdorch"
SIGNED = "manifest.json"
SIGNATURE = "manifest.json.sig"
PATIENCE_S = 60.0
"""How long the program may take: an agent may want a touch on a key."""


@dataclass
class Signer:
    """Signs what is collected, where a person set ``signing_key``. Safe in any thread; a failure stops nothing."""

    key: Path | None
    _complaints: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, home: Home) -> Signer:
        """The one that ``config.yaml`` asks for. Raises :class:`CampaignFileError` for a broken file."""
        return cls(_place(home, load_config(home).signing_key))

    def sign(self, directory: Path) -> None:
        """Sign the evidence in ``directory`` unless it is signed or nobody asked for it."""
        if self.key is None or (directory / SIGNATURE).exists():
            return
        try:
            sign(self.key, directory, ask=False)
        except UsageError as error:
            self._complaints.setdefault(error.message, False)

    def complaints(self) -> list[str]:
        """Why something stays unsigned, each reason told once."""
        new = [words for words, told in self._complaints.copy().items() if not told]
        self._complaints.update(dict.fromkeys(new, True))
        return new


@dataclass(frozen=True)
class Rules:
    """How signatures are checked. Without ``allowed`` (an ``allowed_signers`` file of OpenSSH) any key will do;
    with ``all`` evidence without a signature disagrees."""

    allowed: Path | None = None
    all: bool = False

    @classmethod
    def of(cls, home: Home, *, allowed: Path | None = None, everything: bool = False) -> Rules:
        """``allowed`` as given, else as ``config.yaml`` says."""
        return cls(allowed or _place(home, load_config(home).allowed_signers), everything)


ANY_KEY = Rules()


def sign(key: Path, directory: Path, *, ask: bool) -> None:
    """Sign the manifest in ``directory``; ``ask`` lets the program ask for a passphrase.

    Raises :class:`UsageError` saying what the program said.
    """
    if not key.is_file():
        raise UsageError(f"{key}: there is no such key",
                         hint="name a private key, or the .pub of one that the agent holds")
    # To standard output and then into its place whole: the program itself would ask before it overwrites.
    done = _keygen("sign", "-f", str(key), "-n", NAMESPACE, data=(directory / SIGNED).read_bytes(), ask=ask)
    if done.returncode != 0 or not done.stdout.startswith(b"-----BEGIN SSH SIGNATURE-----"):
        raise UsageError(f"ssh-keygen does not sign with {key}: {_said(done)}",
                         hint="load a key with a passphrase into the agent ('ssh-add') and name its .pub file")
    partial = directory / f".{SIGNATURE}.part"
    partial.write_bytes(done.stdout)
    partial.rename(directory / SIGNATURE)


def sign_all(home: Home, directories: Iterable[str], key: Path | None) -> tuple[int, int]:
    """Sign all evidence that has a manifest and no signature; returns how many were signed and how many had been.

    ``directories`` are relative to the home. Raises :class:`UsageError` where no key is set, or it does not sign.
    """
    key = key or _place(home, load_config(home).signing_key)
    if key is None:
        raise UsageError("no key to sign with",
                         hint=f"--key ~/.ssh/id_ed25519, or 'signing_key:' in {home.config_file}")
    made = had = 0
    for directory in (home.root / name for name in directories):
        if not (directory / SIGNED).is_file():
            continue
        if (directory / SIGNATURE).exists():
            had += 1
            continue
        sign(key, directory, ask=True)
        made += 1
    return made, had


def check(directory: Path, rules: Rules, found: Findings) -> None:
    """Check the signature of the evidence in ``directory``; notes what disagrees under ``signature``."""
    signature = directory / SIGNATURE
    if not signature.exists():
        if rules.all:
            found.add("signature", str(directory / SIGNED), "is not signed")
        return
    found.checked["signatures"] += 1
    try:
        data = (directory / SIGNED).read_bytes()
        trouble = _by_anyone(signature, data) if rules.allowed is None else _by_one_of(rules.allowed, signature, data)
    except (OSError, UsageError) as error:
        trouble = f"cannot be checked: {error}"
    if trouble is not None:
        found.add("signature", str(signature), trouble)


def _by_anyone(signature: Path, data: bytes) -> str | None:
    done = _keygen("check-novalidate", "-n", NAMESPACE, "-s", str(signature), data=data)
    return None if done.returncode == 0 else f"is no signature of this manifest: {_said(done)}"


def _by_one_of(allowed: Path, signature: Path, data: bytes) -> str | None:
    names = _keygen("find-principals", "-f", str(allowed), "-s", str(signature), data=b"")
    if names.returncode != 0:
        return f"was made by a key that {allowed} does not list"
    for name in names.stdout.decode("utf-8", "replace").splitlines():
        done = _keygen("verify", "-f", str(allowed), "-I", name, "-n", NAMESPACE, "-s", str(signature), data=data)
        if done.returncode == 0:
            return None
    return f"is no signature of this manifest: {_said(done)}"


def _keygen(what: str, *arguments: str, data: bytes, ask: bool = False) -> subprocess.CompletedProcess[bytes]:
    quiet = {} if ask else {"SSH_ASKPASS_REQUIRE": "never", "SSH_ASKPASS": "", "DISPLAY": ""}
    try:
        return subprocess.run(["ssh-keygen", "-Y", what, *arguments], input=data, capture_output=True, check=False,
                              timeout=PATIENCE_S, env={**os.environ, **quiet}, start_new_session=not ask)
    except FileNotFoundError:
        raise UsageError("signatures need ssh-keygen, which is not installed",
                         hint="install OpenSSH's client (openssh-client)") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"ssh-keygen gave no answer within {PATIENCE_S:.0f} s") from None


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else f"exit {done.returncode}"


def _place(home: Home, given: str | None) -> Path | None:
    """A path of ``config.yaml``: ``~`` is the person's, and what is relative lies in the home."""
    return None if given is None else home.root / Path(given).expanduser()
