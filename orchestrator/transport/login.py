"""Logging in with keys: the one that the hosts file names, or those of ssh_config and the SSH agent. No passwords."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import paramiko

from orchestrator.domain.errors import AuthenticationRefused, HostUnreachable
from orchestrator.transport.resolve import Endpoint


class KeyLogin:
    """Authenticates one connection. paramiko calls :meth:`authenticate` once the host's key has been accepted."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._tried: list[str] = []
        self._locked: list[str] = []
        self._silent_agent = ""

    def authenticate(self, transport: paramiko.Transport) -> None:
        """Offer key after key until one is taken.

        Raises :class:`AuthenticationRefused` when none is, :class:`HostUnreachable` when the host falls silent.
        """
        for label, key in self._keys():
            self._tried.append(label)
            try:
                transport.auth_publickey(self._endpoint.user, key)
            except paramiko.AuthenticationException as error:
                if _is_silence(error):
                    raise HostUnreachable(f"{self._endpoint.name}: no answer while logging in") from None
            except (paramiko.SSHException, EOFError, OSError) as error:
                # Servers hang up after some refused keys; before any was refused it is the connection that broke.
                if len(self._tried) < 2:
                    raise HostUnreachable(f"{self._endpoint.name}: the connection broke while logging in: {error}",
                                          hint="try again when the host answers") from None
            if transport.is_authenticated():
                return
            if not transport.is_active():
                break
        raise self._refusal()

    def _refusal(self) -> AuthenticationRefused:
        end = self._endpoint
        locked = f"; needs a passphrase: {', '.join(self._locked)}" if self._locked else ""
        locked += self._silent_agent
        if not self._tried:
            return AuthenticationRefused(
                f"{end.name}: no key to log in with as {end.where}{locked}",
                hint="add the key to the SSH agent with ssh-add" if self._locked else
                "make one with ssh-keygen and name it as 'identity:' in hosts.yaml")
        return AuthenticationRefused(
            f"{end.name}: {end.where} accepted none of the keys offered ({', '.join(self._tried)}){locked}",
            hint="put the public key into ~/.ssh/authorized_keys there, or correct 'user:' or 'identity:' here")

    def _keys(self) -> Iterator[tuple[str, paramiko.PKey]]:
        for path in self._endpoint.identities:
            key = self._load(path)
            if key is not None:
                yield from self._certified(str(path), key)
        if self._endpoint.agent is not None and (self._endpoint.use_agent or self._locked):
            with closing(_Agent()) as agent:
                try:
                    agent.ask(self._endpoint.agent)
                except (OSError, paramiko.SSHException):
                    self._silent_agent = f"; no SSH agent answers at {self._endpoint.agent}"
                for agent_key in agent.get_keys():
                    yield from self._certified(f"agent key {agent_key.get_name()}", agent_key)

    def _certified(self, label: str, key: paramiko.PKey) -> Iterator[tuple[str, paramiko.PKey]]:
        """The key with each of ssh_config's certificates that was made for it, and then as it is."""
        plain = key.public_blob
        for path in self._endpoint.certificates:
            if _is_for(path, key):
                key.load_certificate(str(path))
                yield f"{label} with {path}", key
        key.public_blob = plain
        yield label, key

    def _load(self, path: Path) -> paramiko.PKey | None:
        """The private key, or None where it cannot be used and another may do."""
        given = self._endpoint.identity_given
        try:
            secret = self._passphrase() if given else None
            # Bytes, whatever the stubs say: paramiko hands it on to cryptography, which takes nothing else.
            key = paramiko.PKey.from_path(path, None if secret is None else secret.encode())  # type: ignore[arg-type]
            if self._endpoint.certificate is not None:
                key.load_certificate(str(self._endpoint.certificate))
        except (TypeError, paramiko.PasswordRequiredException):
            # cryptography says TypeError when a password is missing, and at times of a wrong one
            if given and self._endpoint.passphrase_variable is not None:
                raise self._wrong_passphrase(path) from None
            self._locked.append(str(path))
        except OSError as error:
            if given:
                name = error.filename or path
                raise AuthenticationRefused(f"{self._endpoint.name}: {name}: {error.strerror}",
                                            hint="correct 'identity:' in hosts.yaml") from None
        except (ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as error:
            if given and self._endpoint.passphrase_variable is not None:
                raise self._wrong_passphrase(path) from None
            if given:
                raise AuthenticationRefused(f"{self._endpoint.name}: {path} is no private key for kdorch: {error}",
                                            hint="ed25519, ECDSA and RSA keys work") from None
        else:
            return key
        return None

    def _wrong_passphrase(self, path: Path) -> AuthenticationRefused:
        return AuthenticationRefused(
            f"{self._endpoint.name}: {path} does not open with the passphrase in {self._endpoint.passphrase_variable}",
            hint="correct the variable, or use ssh-add")

    def _passphrase(self) -> str | None:
        """The passphrase of the given key, from the environment: the hosts file has only the variable's name."""
        variable = self._endpoint.passphrase_variable
        if variable is None:
            return None
        value = os.environ.get(variable)
        if not value:
            raise AuthenticationRefused(f"{self._endpoint.name}: the variable {variable} is not set",
                                        hint=f"export {variable} with the passphrase of {self._endpoint.identities[0]}")
        return value


class _Agent(paramiko.agent.AgentSSH):
    """An agent at any socket: paramiko's own knows no other place than SSH_AUTH_SOCK."""

    def ask(self, path: Path) -> None:
        """Connect and fetch the list of keys. Raises ``OSError`` or ``SSHException``."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
            self._connect(connection)  # type: ignore[attr-defined]  # the stubs leave out what is not for everybody
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        self._close()  # type: ignore[attr-defined]  # as above


def _is_for(certificate: Path, key: paramiko.PKey) -> bool:
    """Whether a file is a certificate of this key: its type and a nonce, then the key's own fields (PROTOCOL.certkeys).
    """
    with suppress(OSError, ValueError):
        blob = paramiko.pkey.PublicBlob.from_file(str(certificate))
        theirs, ours = paramiko.Message(blob.key_blob), paramiko.Message(key.asbytes())
        theirs.get_string()
        theirs.get_string()
        kind = ours.get_text()
        return blob.key_type.startswith(f"{kind}-cert-") and theirs.get_remainder().startswith(ours.get_remainder())
    return False


def _is_silence(error: paramiko.AuthenticationException) -> bool:
    """paramiko says with the same exception that a key was refused and that nobody answered."""
    text = str(error).lower()
    return "timeout" in text or "eof" in text
