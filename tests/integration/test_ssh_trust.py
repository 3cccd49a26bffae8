"""Host keys: unknown or changed is a hard stop, on every hop; trusting is looking first and writing down."""

from __future__ import annotations

import contextlib
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from orchestrator.domain.errors import HostKeyChanged, HostKeyUnknown, HostUnreachable, UsageError
from orchestrator.transport.connect import connect
from orchestrator.transport.inventory import HostEntry
from orchestrator.transport.known_hosts import HostKey
from orchestrator.transport.trust import offered_keys, trust_keys, trusted_keys
from tests.integration.sshd_server import SshServer

pytestmark = pytest.mark.sshd


def fingerprint_of(server: SshServer) -> str:
    """The fingerprint as ssh-keygen prints it, so that it is not our own arithmetic that is compared."""
    said = subprocess.run(["ssh-keygen", "-l", "-f", str(server.directory / "host-ed25519.pub")], check=True,
                          capture_output=True, text=True).stdout
    return said.split()[1]


def sessions_begun(server: SshServer) -> int:
    return server.log.read_text().count("Accepted publickey")


def test_an_unknown_key_is_refused_with_its_fingerprint_and_what_to_do(shared_sshd: SshServer, home: Path) -> None:
    before = sessions_begun(shared_sshd)
    with pytest.raises(HostKeyUnknown) as refused:
        connect(shared_sshd.entry(), home)
    assert fingerprint_of(shared_sshd) in refused.value.message
    assert refused.value.hint is not None
    assert "kdorch host trust loop" in refused.value.hint
    assert not refused.value.transient
    assert sessions_begun(shared_sshd) == before, "no login was tried"
    assert list(home.iterdir()) == [], "refusing writes nothing"


def test_looking_shows_the_key_and_trusts_nothing(shared_sshd: SshServer, home: Path) -> None:
    [key] = offered_keys(shared_sshd.entry(), home)
    assert (key.key_type, key.fingerprint) == ("ssh-ed25519", fingerprint_of(shared_sshd))
    assert list(home.iterdir()) == []
    with pytest.raises(HostKeyUnknown):
        connect(shared_sshd.entry(), home)


def test_a_trusted_key_connects(shared_sshd: SshServer, home: Path) -> None:
    entry = shared_sshd.entry()
    trust_keys(entry, home, offered_keys(entry, home))
    connect(entry, home).close()
    assert stat.S_IMODE((home / "known_hosts").stat().st_mode) == 0o600
    assert trusted_keys(entry, home) == tuple(shared_sshd.host_keys())


def test_openssh_reads_the_same_file(shared_sshd: SshServer, home: Path) -> None:
    shared_sshd.trust(home)
    done = subprocess.run(
        ["ssh", "-F", "none", "-o", f"UserKnownHostsFile={home / 'known_hosts'}", "-o", "StrictHostKeyChecking=yes",
         "-o", "BatchMode=yes", "-i", str(shared_sshd.identity), "-p", str(shared_sshd.port),
         f"{shared_sshd.user}@127.0.0.1", "echo", "trusted"], capture_output=True, text=True, check=False)
    assert done.stdout == "trusted\n", done.stderr


def test_a_changed_key_is_refused_with_both_fingerprints(sshd: SshServer, home: Path) -> None:
    sshd.trust(home)
    connect(sshd.entry(), home).close()
    before, logins = fingerprint_of(sshd), sessions_begun(sshd)
    kept = (home / "known_hosts").read_bytes()
    sshd.swap_host_key()
    with pytest.raises(HostKeyChanged) as refused:
        connect(sshd.entry(), home)
    assert before in refused.value.message
    assert fingerprint_of(sshd) in refused.value.message
    assert before != fingerprint_of(sshd)
    assert "--replace" in str(refused.value.hint)
    assert not refused.value.transient
    assert sessions_begun(sshd) == logins, "nothing was offered to the unknown machine"
    assert (home / "known_hosts").read_bytes() == kept


def test_a_connection_that_breaks_over_a_changed_key_is_not_quietly_made_again(sshd: SshServer, home: Path) -> None:
    sshd.trust(home)
    host = connect(sshd.entry(), home)
    assert host.run(["echo", "1"]).stdout == b"1\n"
    sshd.swap_host_key()
    with contextlib.suppress(HostUnreachable, HostKeyChanged):  # this one may still meet the old connection's end
        host.run(["echo", "2"], timeout_s=30)
    with pytest.raises(HostKeyChanged):
        host.run(["echo", "3"], timeout_s=30)
    host.close()


def test_a_changed_key_is_trusted_only_when_asked_to_replace(sshd: SshServer, home: Path) -> None:
    sshd.trust(home)
    sshd.swap_host_key()
    entry = sshd.entry()
    shown = offered_keys(entry, home)
    with pytest.raises(HostKeyChanged, match="is trusted with"):
        trust_keys(entry, home, shown)
    trust_keys(entry, home, shown, replace=True)
    connect(entry, home).close()
    assert trusted_keys(entry, home) == tuple(shown), "the old key is gone"


def test_the_users_own_known_hosts_is_believed_where_kdorch_knows_nothing(shared_sshd: SshServer, home: Path,
                                                                          empty_home: Path) -> None:
    users = empty_home / ".ssh" / "known_hosts"
    users.parent.mkdir(exist_ok=True)
    try:
        users.write_text(f"[127.0.0.1]:{shared_sshd.port} {(shared_sshd.directory / 'host-ed25519.pub').read_text()}")
        connect(shared_sshd.entry(), home).close()
    finally:
        users.unlink()


def test_kdorchs_own_file_comes_before_the_users(sshd: SshServer, home: Path, empty_home: Path) -> None:
    users = empty_home / ".ssh" / "known_hosts"
    users.parent.mkdir(exist_ok=True)
    sshd.trust(home)
    sshd.swap_host_key()
    try:
        users.write_text(f"[127.0.0.1]:{sshd.port} {(sshd.directory / 'host-ed25519.pub').read_text()}")
        with pytest.raises(HostKeyChanged):
            connect(sshd.entry(), home)
    finally:
        users.unlink()


class TestTheFilesOfSshConfig:
    """UserKnownHostsFile and GlobalKnownHostsFile, as ``ssh -G`` prints them."""

    def line(self, server: SshServer, marker: str = "") -> str:
        return f"{marker}[127.0.0.1]:{server.port} {(server.directory / 'host-ed25519.pub').read_text()}"

    def entry(self, server: SshServer, tmp_path: Path, text: str) -> HostEntry:
        path = tmp_path / "config"
        path.write_text(f"Host *\n{text}\n")
        return server.entry(ssh_config=str(path))

    @pytest.mark.parametrize("option", [
        "UserKnownHostsFile {place}/absent {place}/known", 'UserKnownHostsFile "{place}/ours and theirs" /dev/null',
        "UserKnownHostsFile none\n  GlobalKnownHostsFile {place}/absent {place}/known"])
    def test_they_are_believed(self, shared_sshd: SshServer, home: Path, tmp_path: Path, option: str) -> None:
        for name in ("known", "ours and theirs"):
            (tmp_path / name).write_text(self.line(shared_sshd))
        entry = self.entry(shared_sshd, tmp_path, option.format(place=tmp_path))
        connect(entry, home).close()
        assert trusted_keys(entry, home) == tuple(shared_sshd.host_keys())
        assert list(home.iterdir()) == []

    def test_they_take_the_place_of_the_users(self, shared_sshd: SshServer, home: Path, tmp_path: Path,
                                              empty_home: Path) -> None:
        users = empty_home / ".ssh" / "known_hosts"
        users.parent.mkdir(exist_ok=True)
        try:
            users.write_text(self.line(shared_sshd))
            connect(self.entry(shared_sshd, tmp_path, "  Compression no"), home).close()
            with pytest.raises(HostKeyUnknown):
                connect(self.entry(shared_sshd, tmp_path, "UserKnownHostsFile /dev/null"), home)
            with pytest.raises(HostKeyUnknown):
                connect(self.entry(shared_sshd, tmp_path, "UserKnownHostsFile none"), home)
        finally:
            users.unlink()

    def test_kdorchs_own_file_comes_before_them(self, sshd: SshServer, home: Path, tmp_path: Path) -> None:
        sshd.trust(home)
        sshd.swap_host_key()
        (tmp_path / "known").write_text(self.line(sshd))
        with pytest.raises(HostKeyChanged):
            connect(self.entry(sshd, tmp_path, f"UserKnownHostsFile {tmp_path}/known"), home)

    def test_what_any_of_them_revokes_is_refused(self, shared_sshd: SshServer, home: Path, tmp_path: Path) -> None:
        shared_sshd.trust(home)
        (tmp_path / "known").write_text(self.line(shared_sshd, "@revoked "))
        with pytest.raises(HostKeyChanged, match="revoked"):
            connect(self.entry(shared_sshd, tmp_path, f"GlobalKnownHostsFile {tmp_path}/known"), home)

    def test_each_hop_has_its_own(self, shared_sshd: SshServer, sshd: SshServer, home: Path, tmp_path: Path) -> None:
        hosts = ""
        for name, server in (("gate", shared_sshd), ("gpu", sshd)):
            (tmp_path / name).write_text(self.line(server))
            hosts += (f"Host {name}\n  HostName 127.0.0.1\n  Port {server.port}\n  IdentityFile {server.identity}\n"
                      f"  UserKnownHostsFile {tmp_path}/{name}\n")
        (tmp_path / "config").write_text(f"{hosts}  ProxyJump gate\n")
        entry = HostEntry("gpu", address="gpu", ssh_config=str(tmp_path / "config"))
        connect(entry, home).close()
        (tmp_path / "gate").write_text("")
        with pytest.raises(HostKeyUnknown, match=r"^gate: "):
            connect(entry, home)


def test_a_revoked_key_is_refused_though_it_is_also_trusted(shared_sshd: SshServer, home: Path) -> None:
    shared_sshd.trust(home)
    with (home / "known_hosts").open("a") as own:
        own.write(f"@revoked * {(shared_sshd.directory / 'host-ed25519.pub').read_text()}")
    with pytest.raises(HostKeyChanged, match="revoked"):
        connect(shared_sshd.entry(), home)


def test_every_type_of_key_is_shown_and_one_trusted_type_is_enough(sshd_program: str, home: Path) -> None:
    with SshServer(host_keys=("rsa", "ecdsa", "ed25519")) as server:
        entry = server.entry()
        shown = offered_keys(entry, home)
        assert set(shown) == set(server.host_keys())
        for key in shown:
            trust_keys(entry, home, [key], replace=True)
            connect(entry, home).close()  # asks for the trusted type; another would look like a changed key
        stranger = HostKey("ssh-ed25519", shown[0].blob[:-1] + bytes([shown[0].blob[-1] ^ 1]))
        trust_keys(entry, home, [stranger], replace=True)
        with pytest.raises(HostKeyChanged):
            connect(entry, home)


def test_many_trusting_at_once_lose_no_key(home: Path) -> None:
    entries = [HostEntry(f"h{i}", address=f"h{i}.example", ssh_config="none") for i in range(12)]
    keys = [HostKey("ssh-ed25519", bytes([i]) * 32) for i in range(12)]
    threads = [threading.Thread(target=trust_keys, args=(e, home, [k])) for e, k in zip(entries, keys, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [trusted_keys(e, home) for e in entries] == [(k,) for k in keys]
    assert sorted(p.name for p in home.iterdir()) == [".known_hosts.lock", "known_hosts"]


def test_this_machine_has_no_key_to_trust(home: Path) -> None:
    with pytest.raises(UsageError, match="this machine"):
        offered_keys(HostEntry("here", "local"), home)
