"""known_hosts as OpenSSH writes it: which lines speak of a host, and which make a key trusted."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from orchestrator.transport.known_hosts import HostKey, KnownHosts, name_of

KEY = HostKey("ssh-ed25519", b"key one")
OTHER = HostKey("ssh-ed25519", b"key two")
RSA = HostKey("ssh-rsa", b"key three")
HASHED = "|1|ChkeZNhMi+oyw7XpDs3hBwTTn/A=|JFvFvxf8xS9XxSnuiRQGYqR/eKQ="
"""What ``ssh-keygen -H`` once made of the name [gpu.example]:2222."""


def line(names: str, key: HostKey = KEY) -> str:
    return f"{names} {key.key_type} {base64.b64encode(key.blob).decode()} a comment\n"


def known(tmp_path: Path, own: str, users: str = "") -> KnownHosts:
    (tmp_path / "own").write_text(own)
    (tmp_path / "users").write_text(users)
    return KnownHosts([tmp_path / "own", tmp_path / "users"])


@pytest.mark.parametrize(("address", "port", "name"), [
    ("gpu.example", 22, "gpu.example"), ("GPU.Example", 22, "gpu.example"), ("gpu.example", 2222, "[gpu.example]:2222"),
    ("fe80::1", 22, "fe80::1"), ("fe80::1", 2222, "[fe80::1]:2222")])
def test_hosts_are_filed_as_openssh_files_them(address: str, port: int, name: str) -> None:
    assert name_of(address, port) == name


@pytest.mark.parametrize("names", ["gpu.example", "a,gpu.example,b", "*.example", "gpu.exampl?", "GPU.example",
                                   "!old.example,*.example"])
def test_a_line_speaks_of_the_hosts_it_names(tmp_path: Path, names: str) -> None:
    assert known(tmp_path, line(names)).look_up("gpu.example").trusted == (KEY,)


@pytest.mark.parametrize("names", ["gpu", "gpu.example.org", "*.org", "!gpu.example,*.example", "[gpu.example]:2222",
                                   "[gpu.example]:22", "|1|junk|junk", "|1|", "[a-z]*"])
def test_a_line_does_not_speak_of_others(tmp_path: Path, names: str) -> None:
    assert known(tmp_path, line(names)).look_up("gpu.example").source is None


def test_ports_keep_hosts_apart(tmp_path: Path) -> None:
    hosts = known(tmp_path, line("[gpu.example]:2222") + line("[gpu.example]:2223", OTHER))
    assert hosts.look_up("[gpu.example]:2222").trusted == (KEY,)
    assert hosts.look_up("[gpu.example]:2223").trusted == (OTHER,)
    assert hosts.look_up("gpu.example").trusted == ()


def test_a_hashed_name_is_recognised(tmp_path: Path) -> None:
    hosts = known(tmp_path, line(HASHED))
    assert hosts.look_up("[gpu.example]:2222").trusted == (KEY,)
    assert hosts.look_up("[gpu.example]:2223").source is None


def test_all_keys_of_a_host_count(tmp_path: Path) -> None:
    assert known(tmp_path, line("h") + line("other") + line("h", RSA)).look_up("h").trusted == (KEY, RSA)


def test_the_first_file_that_knows_the_host_decides(tmp_path: Path) -> None:
    seen = known(tmp_path, line("h"), line("h", OTHER)).look_up("h")
    assert (seen.trusted, seen.source) == ((KEY,), tmp_path / "own")
    seen = known(tmp_path, line("g"), line("h", OTHER)).look_up("h")
    assert (seen.trusted, seen.source) == ((OTHER,), tmp_path / "users")


def test_a_revoked_key_is_trusted_by_no_file(tmp_path: Path) -> None:
    seen = known(tmp_path, line("h") + line("h", RSA), "@revoked " + line("*")).look_up("h")
    assert (seen.trusted, seen.revoked) == ((RSA,), frozenset({KEY}))


def test_an_authority_makes_no_key_trusted(tmp_path: Path) -> None:
    assert known(tmp_path, "@cert-authority " + line("h")).look_up("h").source is None


@pytest.mark.parametrize("text", ["", "\n\n", "# h ssh-ed25519 AAAA\n", "h\n", "h ssh-ed25519\n", "h ssh-ed25519 !!!\n",
                                  "\x00\xff\n", "@revoked\n"])
def test_lines_that_say_nothing_trust_nothing(tmp_path: Path, text: str) -> None:
    assert known(tmp_path, text).look_up("h").source is None


def test_a_file_that_is_not_there_knows_nobody(tmp_path: Path) -> None:
    assert KnownHosts([tmp_path / "a", tmp_path / "b"]).look_up("h").source is None


def test_replacing_takes_out_the_hosts_old_keys_and_nothing_else(tmp_path: Path) -> None:
    revoked = "@revoked " + line("h", OTHER)
    hosts = known(tmp_path, "# kept\n" + line("h") + line("h", RSA) + line("other") + revoked)
    hosts.trust("h", [HostKey("ssh-ed25519", b"new")], replace=True)
    text = (tmp_path / "own").read_text()
    assert text.startswith("# kept\n" + line("other") + revoked)
    assert hosts.look_up("h").trusted == (HostKey("ssh-ed25519", b"new"),)


def test_trusting_twice_writes_once(tmp_path: Path) -> None:
    hosts = known(tmp_path, "")
    hosts.trust("h", [KEY], replace=False)
    hosts.trust("h", [KEY, RSA], replace=False)
    assert (tmp_path / "own").read_text().count("\n") == 2
    assert hosts.look_up("h").trusted == (KEY, RSA)


def test_a_fingerprint_is_written_as_openssh_writes_it() -> None:
    assert KEY.fingerprint.startswith("SHA256:")
    assert not KEY.fingerprint.endswith("=")
    assert str(RSA) == f"ssh-rsa {RSA.fingerprint}"
