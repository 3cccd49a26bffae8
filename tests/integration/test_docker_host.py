"""The image's SSH server without Docker: its own configuration and entry point, run by a real OpenSSH."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCKER = Path(__file__).parents[2] / "docker"
PATIENCE_S = 60.0

pytestmark = pytest.mark.sshd

# A private view of the machine: the account kd, an empty /etc/ssh, /home and /run. Nothing of the real ones is touched.
INSIDE = r"""
set -eu
scratch=$1
shift
for name in passwd group shadow; do
    cp "/etc/$name" "$scratch/$name"
done
grep -q '^sshd:' "$scratch/passwd" || echo 'sshd:x:4998:65534::/run/sshd:/usr/sbin/nologin' >>"$scratch/passwd"
echo 'kd:x:4999:4999::/home/kd:/bin/bash' >>"$scratch/passwd"
echo 'kd:*:19000:0:99999:7:::' >>"$scratch/shadow"
echo 'kd:x:4999:' >>"$scratch/group"
for name in passwd group shadow; do
    mount --bind "$scratch/$name" "/etc/$name"
done
mkdir -p "$scratch/host_keys"
mount -t tmpfs -o mode=0755 none /etc/ssh
mount -t tmpfs -o mode=0755 none /home
mount -t tmpfs -o mode=0755 none /run
mkdir -p /etc/ssh/host_keys
mount --bind "$scratch/host_keys" /etc/ssh/host_keys
install -d -o kd -g kd /home/kd
exec env KD_AUTHORIZED_KEYS="$scratch/authorized_keys" bash "$scratch/docker/entrypoint.sh" \
    "$@" -f "$scratch/docker/sshd_config" -o ListenAddress=127.0.0.1
"""


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    shutil.copytree(DOCKER, tmp_path / "docker")
    for name in ("id", "stranger"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / name], check=True)
    shutil.copy(tmp_path / "id.pub", tmp_path / "authorized_keys")
    return tmp_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Container:
    """The entry point and its server in namespaces of their own."""

    def __init__(self, scratch: Path, sshd_program: str, *, test_configuration: bool = False) -> None:
        self.scratch = scratch
        self.port = free_port()
        how = ["-T"] if test_configuration else ["-D", "-e", "-p", str(self.port)]
        self.log = scratch / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private",
                 "sh", "-c", INSIDE, "sh", scratch, sshd_program, *how],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def await_listening(self) -> None:
        end = time.monotonic() + PATIENCE_S
        while "Server listening" not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.01)  # the pause of a poll

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def ssh(self, *arguments: str, user: str = "kd", key: str = "id") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ssh", "-F", "none", "-p", str(self.port), "-i", self.scratch / key, "-o", "IdentitiesOnly=yes",
             "-o", "IdentityAgent=none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=accept-new",
             "-o", f"UserKnownHostsFile={self.scratch / 'known_hosts'}", f"{user}@127.0.0.1", *arguments],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S, check=False)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)


@pytest.fixture
def containers(scratch: Path, sshd_program: str) -> Iterator[list[Container]]:
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        reason = "needs the right to make a mount namespace: run as root"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    started: list[Container] = []
    yield started
    for container in started:
        container.stop()


def test_the_configuration_takes_keys_only_and_never_root(
        containers: list[Container], scratch: Path, sshd_program: str) -> None:
    host = Container(scratch, sshd_program, test_configuration=True)
    containers.append(host)
    assert host.process.wait(PATIENCE_S) == 0, host.said()
    assert set(host.said().splitlines()) >= {
        "permitrootlogin no", "passwordauthentication no", "kbdinteractiveauthentication no", "permitemptypasswords no",
        "pubkeyauthentication yes", "authenticationmethods publickey", "usepam no", "allowusers kd", "strictmodes yes",
        "allowtcpforwarding no", "allowagentforwarding no", "x11forwarding no", "permituserenvironment no", "port 2222"}


def test_only_kd_with_the_given_key_gets_in(containers: list[Container], scratch: Path, sshd_program: str) -> None:
    host = Container(scratch, sshd_program)
    containers.append(host)
    host.await_listening()

    allowed = host.ssh('id -un; echo "$PATH"; echo "$HOME"; stat -c %U .kdorch-host')
    assert allowed.returncode == 0, allowed.stderr + host.said()
    user, path, home, owner = allowed.stdout.splitlines()
    assert (user, home, owner) == ("kd", "/home/kd", "kd")
    assert path.startswith("/opt/kdorch/bin:")

    assert "Permission denied" in host.ssh("true", key="stranger").stderr
    assert "Permission denied" in host.ssh("true", user="root").stderr
    tried = re.search(r"Permission denied \((.*)\)", host.ssh("true", key="stranger").stderr)
    assert tried is not None
    assert tried.group(1) == "publickey"


def test_a_restarted_host_keeps_the_key_whose_fingerprint_it_printed(
        containers: list[Container], scratch: Path, sshd_program: str) -> None:
    fingerprints = []
    for _ in range(2):
        host = Container(scratch, sshd_program)
        containers.append(host)
        host.await_listening()
        printed = re.findall(r"SHA256:\S+", host.said())
        scanned = subprocess.run(["ssh-keyscan", "-t", "ed25519", "-p", str(host.port), "127.0.0.1"],
                                 capture_output=True, timeout=PATIENCE_S, check=True).stdout
        offered = subprocess.run(["ssh-keygen", "-l", "-f", "-"], input=scanned, capture_output=True, check=True).stdout
        assert printed[0] in offered.decode()
        fingerprints.append(printed[0])
        host.stop()
    assert fingerprints[0] == fingerprints[1]
    assert "New host key" not in containers[1].said()


@pytest.mark.parametrize(("content", "complaint"), [
    (None, "No public key was given"),
    (b"", "holds no public key"),
    (b"not a key\n", "holds no public key"),
    ("folder", "is a directory"),
    ("private", "holds a private key"),
])
def test_a_host_without_a_usable_key_says_so_and_does_not_start(
        containers: list[Container], scratch: Path, sshd_program: str, content: bytes | str | None,
        complaint: str) -> None:
    keys = scratch / "authorized_keys"
    keys.unlink()
    if content == "folder":
        keys.mkdir()
    elif content == "private":
        shutil.copy(scratch / "id", keys)
    elif isinstance(content, bytes):
        keys.write_bytes(content)
    host = Container(scratch, sshd_program)
    containers.append(host)
    assert host.process.wait(PATIENCE_S) == 2, host.said()
    assert complaint in host.said()
