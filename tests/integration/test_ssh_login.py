"""Logging in: which keys are offered, what a refusal says, and where ssh_config and jump hosts come in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.domain.errors import AuthenticationRefused, HostKeyUnknown, HostUnreachable, UsageError
from orchestrator.transport.connect import connect
from orchestrator.transport.inventory import HostEntry, load_inventory
from orchestrator.transport.resolve import resolve
from orchestrator.transport.trust import offered_keys, trust_keys
from tests.integration.sshd_server import SshServer

pytestmark = pytest.mark.sshd


def says_hello(entry: HostEntry, home: Path) -> bool:
    host = connect(entry, home)
    try:
        return host.run(["echo", "hello"], timeout_s=60).stdout == b"hello\n"
    finally:
        host.close()


@pytest.fixture
def server(shared_sshd: SshServer, home: Path) -> SshServer:
    shared_sshd.trust(home)
    return shared_sshd


def config(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """The socket of an SSH agent without keys, which no variable names."""
    sock = tmp_path / "agent.sock"
    said = subprocess.run(["ssh-agent", "-s", "-a", str(sock)], check=True, capture_output=True, text=True).stdout
    pid = int(said.split("SSH_AGENT_PID=")[1].split(";")[0])
    yield sock
    os.kill(pid, signal.SIGTERM)


def give(agent: Path, key: Path) -> None:
    subprocess.run(["ssh-add", "-q", str(key)], check=True, env={**os.environ, "SSH_AUTH_SOCK": str(agent)})


def certified(authority: Path, key: Path, user: str, name: str) -> Path:
    """A certificate for the key, where nobody looks for it by itself."""
    subprocess.run(["ssh-keygen", "-q", "-s", str(authority), "-I", "test", "-n", user, f"{key}.pub"], check=True)
    return key.with_name(f"{key.name}-cert.pub").rename(key.with_name(name))


def test_a_key_that_the_host_does_not_know_is_refused_clearly(server: SshServer, home: Path, tmp_path: Path) -> None:
    stranger = SshServer.make_key(tmp_path / "stranger")
    with pytest.raises(AuthenticationRefused) as refused:
        connect(server.entry(identity=stranger), home)
    assert str(stranger) in refused.value.message
    assert f"{server.user}@127.0.0.1:{server.port}" in refused.value.message
    assert "authorized_keys" in str(refused.value.hint)
    assert not refused.value.transient


def test_a_user_that_the_host_does_not_know_is_refused_clearly(server: SshServer, home: Path) -> None:
    with pytest.raises(AuthenticationRefused, match="nobody-of-that-name@"):
        connect(server.entry(user="nobody-of-that-name"), home)


def test_an_identity_that_is_not_there_is_named(server: SshServer, home: Path, tmp_path: Path) -> None:
    with pytest.raises(AuthenticationRefused, match="no-key: No such file"):
        connect(server.entry(identity=tmp_path / "no-key"), home)


def test_an_identity_that_is_no_key_is_named(server: SshServer, home: Path) -> None:
    with pytest.raises(AuthenticationRefused, match=r"id\.pub is no private key"):
        connect(server.entry(identity=server.identity.with_suffix(".pub")), home)


def test_a_locked_key_asks_for_the_agent(server: SshServer, home: Path, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(locked)], check=True)
    with pytest.raises(AuthenticationRefused, match="needs a passphrase") as refused:
        connect(server.entry(identity=locked), home)
    assert "ssh-add" in str(refused.value.hint)


def test_a_passphrase_is_taken_from_the_variable_that_the_hosts_file_names(
        server: SshServer, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "locked"
    locked.write_bytes(server.identity.read_bytes())
    locked.chmod(0o600)
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", str(locked)], check=True)
    hosts = tmp_path / "hosts.yaml"
    hosts.write_text(server.hosts_yaml("loop", identity=locked, passphrase="env:KDORCH_TEST_PASSPHRASE"))
    entry = load_inventory(hosts, home).host("loop")
    with pytest.raises(AuthenticationRefused, match="KDORCH_TEST_PASSPHRASE is not set"):
        connect(entry, home)
    monkeypatch.setenv("KDORCH_TEST_PASSPHRASE", "wrong")
    with pytest.raises(AuthenticationRefused, match="does not open with the passphrase in KDORCH_TEST_PASSPHRASE"):
        connect(entry, home)
    monkeypatch.setenv("KDORCH_TEST_PASSPHRASE", "open sesame")
    assert says_hello(entry, home)
    kept = b"".join(p.read_bytes() for p in home.rglob("*") if p.is_file())
    assert b"open sesame" not in kept + repr(entry).encode()


def test_the_agents_key_is_offered_when_no_identity_is_given(server: SshServer, home: Path, tmp_path: Path,
                                                             agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = server.entry(identity=None)
    with pytest.raises(AuthenticationRefused, match="no key to log in with"):
        connect(entry, home)
    give(agent, server.identity)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    assert says_hello(entry, home)
    stranger = SshServer.make_key(tmp_path / "stranger")
    with pytest.raises(AuthenticationRefused):
        connect(server.entry(identity=stranger), home)  # a named identity is the only one offered


def test_the_agent_that_ssh_config_names_is_asked_instead(server: SshServer, home: Path, tmp_path: Path, agent: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    give(agent, server.identity)

    def entry(identity_agent: object) -> HostEntry:
        return server.entry(identity=None,
                            ssh_config=config(tmp_path / "config", f'Host *\n  IdentityAgent "{identity_agent}"\n'))

    assert says_hello(entry(agent), home)
    gone = tmp_path / "nobody.sock"
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    with pytest.raises(AuthenticationRefused, match=f"no SSH agent answers at {gone}"):
        connect(entry(gone), home)
    with pytest.raises(AuthenticationRefused, match="no key to log in with"):
        connect(entry("none"), home)
    assert says_hello(entry("SSH_AUTH_SOCK"), home)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(gone))
    monkeypatch.setenv("VAULT_SOCK", str(agent))
    assert says_hello(entry("$VAULT_SOCK"), home)


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_every_type_of_user_key_works(server: SshServer, home: Path, tmp_path: Path, kind: str) -> None:
    key = SshServer.make_key(tmp_path / kind, kind)
    authorized = server.identity.with_suffix(".pub")
    before = authorized.read_text()
    try:
        authorized.write_text(before + key.with_suffix(".pub").read_text())
        assert says_hello(server.entry(identity=key), home)
    finally:
        authorized.write_text(before)


def test_a_certificate_logs_in(sshd_program: str, home: Path, tmp_path: Path) -> None:
    authority, key = SshServer.make_key(tmp_path / "authority"), SshServer.make_key(tmp_path / "user")
    with SshServer(options=(f"TrustedUserCAKeys={authority}.pub",)) as server:
        server.trust(home)
        certificate = certified(authority, key, server.user, "elsewhere.pub")
        with pytest.raises(AuthenticationRefused):
            connect(server.entry(identity=key), home)
        assert says_hello(server.entry(identity=key, certificate=certificate), home)


def test_the_certificates_of_ssh_config_go_with_the_keys_they_are_for(sshd_program: str, home: Path, tmp_path: Path,
                                                                      agent: Path) -> None:
    authority, key, other = (SshServer.make_key(tmp_path / name) for name in ("authority", "user", "other"))
    with SshServer(options=(f"TrustedUserCAKeys={authority}.pub",)) as server:
        server.trust(home)
        certified(authority, other, server.user, "others.pub")
        mine = certified(authority, key, server.user, "mine for 127.0.0.1.pub")
        text = (f'Host gate gpu\n  HostName 127.0.0.1\n  Port {server.port}\n  CertificateFile {tmp_path}/others.pub\n'
                f'  CertificateFile {tmp_path}/nowhere.pub\n  CertificateFile "{tmp_path}/mine for %h.pub"\n'
                "Host gpu\n  ProxyJump gate\n")
        by_file = config(tmp_path / "by-file", f"{text}Host *\n  IdentityFile {key}\n")
        assert resolve(HostEntry("gpu", address="gpu", ssh_config=by_file)).certificates[-1] == mine
        assert says_hello(HostEntry("gpu", address="gpu", ssh_config=by_file), home)
        assert server.log.read_text().count("Accepted publickey") == 2, "at the gate and behind it"
        assert says_hello(HostEntry("gpu", address="gpu", identity=key, ssh_config=config(tmp_path / "c", text.replace(
            "  ProxyJump gate", ""))), home)

        give(agent, key)
        by_agent = config(tmp_path / "by-agent", f"{text}Host *\n  IdentityFile none\n  IdentityAgent {agent}\n")
        assert says_hello(HostEntry("gpu", address="gpu", ssh_config=by_agent), home)


def test_ssh_config_fills_in_what_the_hosts_file_leaves_open(server: SshServer, home: Path, tmp_path: Path) -> None:
    included = tmp_path / "included"
    config(included, f"Host gpu\n  Port {server.port}\n  IdentityFile {server.identity}\n")
    path = config(tmp_path / "config", f"Include {included}\nHost gpu\n  HostName 127.0.0.1\n  User {server.user}\n"
                                       "  Port 1\nHost *\n  IdentitiesOnly yes\n")
    assert says_hello(HostEntry("gpu", address="gpu", ssh_config=path), home)


def test_the_hosts_file_wins_over_ssh_config(server: SshServer, home: Path, tmp_path: Path) -> None:
    path = config(tmp_path / "config", "Host *\n  Port 1\n  User nobody-of-that-name\n  IdentityFile /nowhere\n")
    assert says_hello(server.entry(ssh_config=path), home)


def test_a_host_key_alias_is_the_name_the_key_is_filed_under(server: SshServer, home: Path, tmp_path: Path) -> None:
    path = config(tmp_path / "config", "Host *\n  HostKeyAlias the-gpu-box\n")
    entry = server.entry(ssh_config=path)
    with pytest.raises(HostKeyUnknown, match="the-gpu-box"):
        connect(entry, home)
    trust_keys(entry, home, offered_keys(entry, home))
    assert says_hello(entry, home)


def test_a_broken_ssh_config_is_quoted(server: SshServer, home: Path, tmp_path: Path) -> None:
    path = config(tmp_path / "config", "Nonsense yes\n")
    with pytest.raises(UsageError, match="config: line 1: Bad configuration option: nonsense"):
        connect(server.entry(ssh_config=path), home)


PROXY = """#!/usr/bin/env python3
import os, socket, sys, threading
open(sys.argv[3], "w").close()
far = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def out():
    while data := os.read(0, 65536):
        far.sendall(data)
threading.Thread(target=out, daemon=True).start()
while data := far.recv(65536):
    os.write(1, data)
"""


def test_a_proxy_command_is_run(server: SshServer, home: Path, tmp_path: Path) -> None:
    (tmp_path / "proxy.py").write_text(PROXY)
    path = config(tmp_path / "config", f"Host gpu\n  HostName 127.0.0.1\n  Port {server.port}\n"
                                       f"  ProxyCommand {sys.executable} {tmp_path}/proxy.py %h %p "
                                       f"{tmp_path}/used-by-%n\n")
    entry = HostEntry("gpu", address="gpu", user=server.user, identity=server.identity, ssh_config=path)
    assert says_hello(entry, home)
    assert (tmp_path / "used-by-gpu").exists()


class TestJumpHosts:
    """Servers that stand before one another, each on a port of its own."""

    def test_a_host_behind_a_jump_host_is_reached_through_it(self, server: SshServer, sshd: SshServer,
                                                             home: Path) -> None:
        sshd.trust(home)
        assert says_hello(server.entry("behind", jump=sshd.entry("gate")), home)
        assert "Accepted publickey" in sshd.log.read_text(), "the gate was passed"

    def test_two_jumps_work(self, server: SshServer, home: Path) -> None:
        assert says_hello(server.entry("c", jump=server.entry("b", jump=server.entry("a"))), home)

    def test_an_unknown_jump_host_is_a_hard_stop_that_names_it(self, server: SshServer, sshd: SshServer,
                                                               home: Path) -> None:
        with pytest.raises(HostKeyUnknown, match=r"^gate: ") as refused:
            connect(server.entry("behind", jump=sshd.entry("gate")), home)
        assert "kdorch host trust gate" in str(refused.value.hint)

    def test_an_unknown_host_behind_a_trusted_jump_host_is_a_hard_stop_too(self, server: SshServer, sshd: SshServer,
                                                                           home: Path) -> None:
        behind = sshd.entry("behind", jump=server.entry("gate"))
        with pytest.raises(HostKeyUnknown, match=r"^behind: "):
            connect(behind, home)
        trust_keys(behind, home, offered_keys(behind, home))
        assert says_hello(behind, home)

    def test_a_refused_login_at_the_jump_host_names_it(self, server: SshServer, home: Path, tmp_path: Path) -> None:
        stranger = SshServer.make_key(tmp_path / "stranger")
        with pytest.raises(AuthenticationRefused, match=r"^gate: "):
            connect(server.entry("behind", jump=server.entry("gate", identity=stranger)), home)

    def test_a_host_that_the_jump_host_cannot_reach_is_unreachable(self, server: SshServer, sshd: SshServer,
                                                                   home: Path) -> None:
        sshd.trust(home)
        sshd.stop()
        with pytest.raises(HostUnreachable, match=r"^behind: .* gate says"):
            connect(sshd.entry("behind", jump=server.entry("gate")), home)

    def test_the_hosts_file_names_a_jump_host(self, server: SshServer, home: Path, tmp_path: Path) -> None:
        hosts = tmp_path / "hosts.yaml"
        hosts.write_text(server.hosts_yaml("gate")
                         + server.hosts_yaml("behind", jump="gate").removeprefix("hosts:\n"))
        assert says_hello(load_inventory(hosts, home).host("behind"), home)

    def test_proxy_jump_in_ssh_config_is_followed(self, server: SshServer, sshd: SshServer, home: Path,
                                                  tmp_path: Path) -> None:
        with SshServer() as middle:
            for one in (middle, sshd):
                one.trust(home)
            hosts = "".join(f"Host {name}\n  HostName 127.0.0.1\n  Port {at.port}\n  IdentityFile {at.identity}\n"
                            for name, at in (("gate", server), ("middle", middle), ("gpu", sshd)))
            path = config(tmp_path / "config", f"{hosts}Host gpu\n  ProxyJump gate,{middle.user}@middle\n")
            assert says_hello(HostEntry("gpu", address="gpu", ssh_config=path), home)
            assert "Accepted publickey" in middle.log.read_text()

    def test_a_jump_to_the_host_itself_is_refused_as_ssh_refuses_it(self, server: SshServer, tmp_path: Path) -> None:
        path = config(tmp_path / "config", f"Host *\n  ProxyJump 127.0.0.1:{server.port}\n")
        with pytest.raises(UsageError, match="jumphost loop"):
            resolve(server.entry(ssh_config=path))

    def test_jumps_in_a_circle_are_refused(self, tmp_path: Path) -> None:
        path = config(tmp_path / "config", "Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")
        with pytest.raises(UsageError, match="more than 8 jump hosts"):
            resolve(HostEntry("a", address="a", ssh_config=path))
